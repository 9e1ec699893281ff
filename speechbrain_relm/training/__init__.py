"""Training of RE-LLM and of the emotion encoder."""
