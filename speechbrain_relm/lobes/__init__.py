"""Lobes: one model part a file, all swappable in YAML."""
