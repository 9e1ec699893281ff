"""Plain helpers, which know nothing of the rest."""
