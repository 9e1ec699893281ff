"""Settings: values, keys and command lines of the recipes' YAMLs."""

AREAS = []
