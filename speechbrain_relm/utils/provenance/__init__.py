"""What a result was made from, and whether it is what is wanted now."""
