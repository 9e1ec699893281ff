"""Settings: read from the command line, and checked before any work."""
