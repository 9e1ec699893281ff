"""Speech LLMs of others."""
