"""What the steps of a run depend on, and when a fit is refused."""
