"""Models by hub id or folder: found, checked, read, made stock."""
