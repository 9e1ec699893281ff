"""Corpora, manifests, and what is kept of an utterance."""
