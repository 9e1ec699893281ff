"""What lobes are made of; no YAML names it."""
