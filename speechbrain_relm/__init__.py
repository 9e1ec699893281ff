"""RE-LLM: an empathetic speech LLM as a SpeechBrain plugin."""

import importlib

__version__ = "0.1.0"

# What releases name that were made before the modules had rooms.
_MOVED = {
    "base_models": "utils.sources.base_models",
    "initialization": "training.initialization",
}


def __getattr__(name):
    """Finds a module that a release names where it was."""
    if name not in _MOVED:
        raise AttributeError(f"{__name__} has no attribute {name!r}")
    return importlib.import_module(f"{__name__}.{_MOVED[name]}")
