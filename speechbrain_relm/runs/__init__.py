"""The recipe, its steps, and runs of several systems."""
