"""Engines that answer prompts in the text LLM's place."""
