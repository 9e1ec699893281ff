"""An LLM that grades responses, a second opinion beside EPITOME."""
