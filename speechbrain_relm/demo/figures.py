"""Coordinates of the page's small plots, which its template draws.

Authors
 * The speechbrain_relm contributors 2026
"""

from speechbrain_relm.utils.dimensions import DIMENSIONS


def within(value):
    """Keeps a value between 0 and 1: a head's may lie beyond.

    Arguments
    ---------
    value : float
        Any.

    Returns
    -------
    float
        0 to 1.

    Example
    -------
    >>> within(1.2)
    1.0
    """
    return min(max(float(value), 0.0), 1.0)


def place(attributes):
    """Places an utterance between sad and glad, calm and excited.

    Arguments
    ---------
    attributes : dict or None
        Arousal, dominance and valence, 0 to 1.

    Returns
    -------
    dict or None
        The values as words, and a dot on a plane of 100 by 100 whose size
        grows with dominance.

    Example
    -------
    >>> found = place({"arousal": 0.8, "dominance": 0.5, "valence": 0.2})
    >>> found["x"], found["y"], found["r"], found["arousal"]
    (26.0, 26.0, 8.0, '0.80')
    """
    if attributes is None:
        return None
    values = {name: within(attributes[name]) for name in DIMENSIONS}
    words = {name: f"{value:.2f}" for name, value in values.items()}
    # A dot at the edge stays whole.
    return {
        **words,
        "x": round(10 + 80 * values["valence"], 1),
        "y": round(90 - 80 * values["arousal"], 1),
        "r": round(5 + 6 * values["dominance"], 1),
    }


def course(attributes):
    """Draws how the voice changed from turn to turn.

    Arguments
    ---------
    attributes : list of dict
        Of the spoken turns.

    Returns
    -------
    list of dict
        A line an attribute: `name`, `points` in 100 by 40, its `last` value,
        and all of it `said`. None for fewer than two turns.

    Example
    -------
    >>> first = {"arousal": 0.0, "dominance": 0.5, "valence": 0.1}
    >>> lines = course([first, {**first, "arousal": 1.0}])
    >>> lines[0]["points"], lines[0]["said"]
    ('0,38 100,2', 'arousal 0.00, 1.00')
    >>> course([first])
    []
    """
    if len(attributes) < 2:
        return []
    step, lines = 100 / (len(attributes) - 1), []
    for name in DIMENSIONS:
        values = [within(turn[name]) for turn in attributes]
        points = (f"{step * i:g},{38 - 36 * v:g}" for i, v in enumerate(values))
        lines.append(
            {
                "name": name,
                "points": " ".join(points),
                "last": f"{values[-1]:.2f}",
                "said": f"{name} " + ", ".join(f"{v:.2f}" for v in values),
            }
        )
    return lines
