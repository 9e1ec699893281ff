"""Released checkpoints converted to folders that stock classes load."""
