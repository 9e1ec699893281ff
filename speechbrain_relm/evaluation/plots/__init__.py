"""What a report draws, light and dark."""
