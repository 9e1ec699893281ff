"""Sentences for the made corpora."""
