"""Krippendorff's alpha: how far raters agree beyond chance.

Authors
 * The speechbrain_relm contributors 2026
"""

from collections import Counter

import numpy as np


def krippendorff_alpha(units, metric="nominal"):
    """Measures the agreement of any number of raters, some of them silent.

    Arguments
    ---------
    units : list of list
        What the raters said of each unit; a unit that fewer than two rated
        says nothing of agreement.
    metric : str
        "nominal", "ordinal" or "interval".

    Returns
    -------
    float or None
        1 for perfect agreement, 0 for that of chance; `None` if no two raters
        share a unit, or if all say the same, so that nothing varies.

    Raises
    ------
    ValueError
        If the metric is not known.

    Example
    -------
    >>> krippendorff_alpha([[1, 1], [2, 2]])
    1.0
    >>> krippendorff_alpha([[1, 2], [1, 2], [1, 2]], "ordinal")
    -0.6666666666666667
    """
    units = [unit for unit in units if len(unit) > 1]
    values = sorted({value for unit in units for value in unit})
    table = np.zeros((len(values), len(values)))
    for unit in units:
        counts = Counter(unit)
        said = np.array([counts[value] for value in values], dtype=float)
        pairs = np.outer(said, said) - np.diag(said)
        table += pairs / (len(unit) - 1)
    totals = table.sum(0)
    far = _distances(values, totals, metric)
    expected = (np.outer(totals, totals) * far).sum()
    if not expected:
        return None
    observed = (table * far).sum()
    return float(1 - (totals.sum() - 1) * observed / expected)


def _distances(values, totals, metric):
    """Squares how far each value is from each other (Krippendorff 2011)."""
    size = len(values)
    if metric == "nominal":
        return 1.0 - np.eye(size)
    if metric == "interval":
        places = np.array(values, dtype=float)
    elif metric == "ordinal":
        # Ranks of which each value takes the middle of its own.
        places = np.cumsum(totals) - totals / 2
    else:
        raise ValueError(f"metric '{metric}': nominal, ordinal or interval.")
    return (places[:, None] - places) ** 2
