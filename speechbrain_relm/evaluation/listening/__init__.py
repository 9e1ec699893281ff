"""Do the answers follow the voice?"""
