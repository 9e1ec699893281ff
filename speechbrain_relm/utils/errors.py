"""What a user can mend.

Authors
 * The speechbrain_relm contributors 2026
"""


class RecipeError(Exception):
    """A mistake that the user can mend, told in one line."""


def first_line(error):
    """Tells what an error says, in one line.

    Arguments
    ---------
    error : Exception
        Any.

    Returns
    -------
    str
        Its first line, or its kind if it says nothing.

    Example
    -------
    >>> first_line(OSError("No model.\\nLong advice.")), first_line(OSError())
    ('No model.', 'OSError')
    """
    said = str(error).strip() or type(error).__name__
    return said.splitlines()[0]
