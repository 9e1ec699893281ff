"""Tables I and II, and what is written of them."""
