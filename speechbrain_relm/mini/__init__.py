"""The embedded default: small real models and made corpora, cached once."""
