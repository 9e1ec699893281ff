"""Pages of one file: a report to look at, answers to rate."""
