"""People rate the answers of two runs, blind, and what they say is read."""
