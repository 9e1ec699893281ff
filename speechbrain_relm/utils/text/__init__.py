"""Words, sentences, and texts as cells of tables."""
