"""RE-LLM: an empathetic speech LLM as a SpeechBrain plugin."""

__version__ = "0.1.0"
