"""Recordings: read, checked, resampled."""
