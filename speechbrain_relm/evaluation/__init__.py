"""From records to the numbers and tables of the paper."""
