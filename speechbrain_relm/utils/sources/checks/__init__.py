"""Is a model's folder whole, and are its tensors what they should be?"""
