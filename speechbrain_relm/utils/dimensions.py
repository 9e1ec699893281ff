"""Arousal, dominance and valence: their order and their scales.

Inside the package they are always in this order and from 0 to 1 (Section
III-A: the emotion encoder's output). Each corpus rates on a scale of its own;
here, and nowhere else, the two are converted.

Authors
 * The speechbrain_relm contributors 2026
"""

# The order of the released emotion encoder's head.
DIMENSIONS = ("arousal", "dominance", "valence")

# Corpus to the lowest and highest rating; ESD has no such labels.
SCALES = {"IEMOCAP": (1.0, 5.0), "MSP-Podcast": (1.0, 7.0)}


def to_unit(rating, corpus):
    """Converts a corpus's rating to 0..1.

    Arguments
    ---------
    rating : float
        On the corpus's scale.
    corpus : str
        Key of `SCALES`.

    Returns
    -------
    float
        0 to 1.

    Raises
    ------
    ValueError
        If the rating is no number of the scale.

    Example
    -------
    >>> to_unit(4.0, "MSP-Podcast")
    0.5
    >>> to_unit(0.0, "IEMOCAP")
    Traceback (most recent call last):
    ...
    ValueError: a rating of 0.0 is outside IEMOCAP's scale of 1 to 5
    """
    low, high = SCALES[corpus]
    # Not `rating < low or rating > high`, which a NaN would pass.
    if not low <= rating <= high:
        raise ValueError(
            f"a rating of {rating} is outside {corpus}'s scale of {low:g} to "
            f"{high:g}"
        )
    return (rating - low) / (high - low)


def from_unit(value, corpus):
    """Converts a value from 0..1 to a corpus's scale, for reports.

    Arguments
    ---------
    value : float
        0 to 1.
    corpus : str
        Key of `SCALES`.

    Returns
    -------
    float
        On the corpus's scale.

    Example
    -------
    >>> from_unit(to_unit(2.5, "IEMOCAP"), "IEMOCAP")
    2.5
    """
    low, high = SCALES[corpus]
    return low + value * (high - low)
