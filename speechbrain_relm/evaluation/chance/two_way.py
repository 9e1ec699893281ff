"""An interval where values are alike in two ways at once.

Ratings of one item are alike, and so are ratings by one person, and neither
lies within the other. The variance of a mean is then that over items, plus
that over people, less that of single ratings, which both count (Cameron,
Gelbach and Miller 2011).

Authors
 * The speechbrain_relm contributors 2026
"""

import numpy as np
from scipy.stats import t

from speechbrain_relm.evaluation.chance.resampling import (
    ClusteredRatio,
    checked,
    known,
    numbered,
)


def two_way_interval(
    values, first, second, limits=None, confidence=0.95, seed=1
):
    """Estimates how far a mean would move with other items and people.

    Arguments
    ---------
    values : sequence of float
        Values [N].
    first : sequence
        The cluster [N] of each in one way, e.g. the item.
    second : sequence
        The same in the other, e.g. who rated.
    limits : tuple of float or None
        Lowest and highest value that can be: the interval stays within.
    confidence : float
        0..1.
    seed : int
        Of the resampling, of one way at a time.

    Returns
    -------
    tuple of float or None
        Ends of the interval, never narrower than `cluster_interval` of one
        way alone; `None` if there is a single cluster in either.

    Raises
    ------
    ValueError
        If there are no values, or there is no cluster for each.

    Example
    -------
    >>> values, people = [1, 0, 1, 1, 0, 1], list("xyzxyz")
    >>> two_way_interval(values, list("aaabbb"), people, limits=(0, 1))
    (0.0, 1.0)
    >>> two_way_interval(values, list("aaabbb"), ["x"] * 6) is None
    True
    """
    values = checked(values, first)
    checked(values, second)
    if not len(values):
        raise ValueError("An interval needs values: there are none.")
    ways = [numbered(first), numbered(second)]
    both = numbered(list(zip(*(way.tolist() for way in ways))))
    fewest = min(way.max() + 1 for way in ways)
    if fewest < 2:
        return None
    alone = [_mean(values, way) for way in ways]
    variance = sum(found.error**2 for found in alone)
    variance = max(variance - _mean(values, both).error ** 2, 0)
    reach = t.ppf(0.5 + confidence / 2, fewest - 1) * np.sqrt(variance)
    for found in alone:
        low, high = found.interval(confidence, seed)
        reach = max(reach, (high - low) / 2)
    ends = np.array([values.mean() - reach, values.mean() + reach])
    if limits is not None:
        ends = ends.clip(*limits)
    return known(tuple(ends.tolist()))


def _mean(values, clusters):
    """Makes a mean of values in clusters."""
    sums = np.bincount(clusters, weights=values)
    counts = np.bincount(clusters).astype(float)
    return ClusteredRatio(sums[:, None], counts[:, None])
