"""Names that were probably meant.

Authors
 * The speechbrain_relm contributors 2026
"""

import difflib


def nearest(name, known, cutoff=0.6):
    """Finds the name that is spelled most like another.

    Arguments
    ---------
    name : object
        As given.
    known : iterable of object
        The names that there are.
    cutoff : float
        How like it must be; see `difflib.get_close_matches`.

    Returns
    -------
    str or None
        The name, if one is near.

    Example
    -------
    >>> nearest("sede", ["seed", "lr"]), nearest("x", ["lr"])
    ('seed', None)
    """
    found = difflib.get_close_matches(
        str(name), map(str, known), n=1, cutoff=cutoff
    )
    return found[0] if found else None


def did_you_mean(name, known, cutoff=0.6):
    """Ends a sentence about an unknown name.

    Arguments
    ---------
    name : object
        The name.
    known : collection of object
        What there is.
    cutoff : float
        See `nearest`.

    Returns
    -------
    str
        The end of a line.

    Example
    -------
    >>> did_you_mean("sede", ["seed", "lr"]), did_you_mean("x", ["lr"])
    (': did you mean seed?', ': it has lr.')
    """
    close = nearest(name, known, cutoff)
    if close is not None:
        return f": did you mean {close}?"
    return f": it has {', '.join(map(str, known))}." if known else "."
