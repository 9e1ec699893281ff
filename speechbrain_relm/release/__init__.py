"""What a finished run leaves for others."""
