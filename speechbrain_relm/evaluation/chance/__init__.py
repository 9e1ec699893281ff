"""What chance alone would give: the bootstrap, and flipped signs."""
