"""The recipe steps around training, each resumable by utterance."""
