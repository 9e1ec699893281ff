"""What a user can mend.

Authors
 * The speechbrain_relm contributors 2026
"""


class RecipeError(Exception):
    """A mistake that the user can mend, told in one line."""
