"""What several processes, or a killed one and the next, share on a disk."""
