"""Which emotion an LLM's answer names, or finds likeliest."""
