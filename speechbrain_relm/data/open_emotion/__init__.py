"""Free corpora of emotional speech, as they are distributed."""
