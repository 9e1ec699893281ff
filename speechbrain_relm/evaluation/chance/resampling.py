"""The bootstrap over clusters, studentized.

The plain percentile bootstrap is too narrow where clusters are few (0.81 of
five clusters' 95 % intervals hold the mean) or of unlike size. So each
resample gives its distance from the mean in units of its own standard error,
and the 95 % quantile of these distances takes the place of 1.96
(Efron and Tibshirani 1993, chapter 12; Cameron, Gelbach and Miller 2008).

Authors
 * The speechbrain_relm contributors 2026
"""

from collections.abc import Mapping, Set, Sized

import numpy as np
from scipy.stats import t

RESAMPLES = 2000
# Fewer clusters have too few different resamples.
FEWEST = 10
# Differences of means over seeds that are equal but for rounding are ties.
DECIMALS = 9
# Digits of a large number that rounding does not touch.
SURE = 12
# What rounding may leave of differences that are zero, all of them.
NOISE = 1e-12
# No score is so large, and its square is still a number.
LARGEST = 1e100


def checked(values, clusters=None):
    """Makes an array of numbers that each have a cluster.

    Arguments
    ---------
    values : sequence of float
        The numbers [N].
    clusters : sequence or None
        The cluster [N] of each, where there are any.

    Returns
    -------
    numpy.ndarray
        The numbers, float64.

    Raises
    ------
    ValueError
        If they are no list, one is not finite, or there are not as many
        clusters.

    Example
    -------
    >>> checked([1, float("nan")])
    Traceback (most recent call last):
    ...
    ValueError: Value 1 of 0 to 1 is nan: leave out what has no score.
    """
    try:
        values = np.array(as_list(values), dtype=float)
        number = len(values) if clusters is None else len(as_list(clusters))
    except (TypeError, ValueError) as error:
        raise ValueError(f"One list of numbers is needed: {error}.")
    if values.ndim != 1:
        raise ValueError(
            f"One list of numbers is needed: got the shape {values.shape}."
        )
    wrong = np.flatnonzero(~(np.abs(values) < LARGEST))
    if len(wrong):
        raise ValueError(
            f"Value {wrong[0]} of 0 to {len(values) - 1} is "
            f"{values[wrong[0]]}: leave out what has no score."
        )
    if number != len(values):
        raise ValueError(
            f"Each value needs a cluster: got {len(values)} values and "
            f"{number} clusters."
        )
    return values


def as_list(given):
    """Lists what may be a list, an array or a tensor.

    Arguments
    ---------
    given : sequence
        Values or labels.

    Returns
    -------
    list
        Plain numbers and labels; masked values of an array are `None`.

    Raises
    ------
    TypeError
        If it has keys, no order or no length.

    Example
    -------
    >>> as_list(np.ones(2)), as_list("ab")
    ([1.0, 1.0], ['a', 'b'])
    """
    if isinstance(given, (Mapping, Set)) or not isinstance(given, Sized):
        raise TypeError(f"got a {type(given).__name__}")
    # A tensor's items are all unlike, even where their values are the same.
    return given.tolist() if hasattr(given, "tolist") else list(given)


def rounded(numbers):
    """Makes numbers equal that are but for rounding.

    Arguments
    ---------
    numbers : numpy.ndarray
        Numbers of one kind.

    Returns
    -------
    numpy.ndarray
        The same to nine decimals; of numbers that are all small, or of large
        ones, to the digits that are sure.

    Example
    -------
    >>> rounded(np.array([0.1 + 0.2 - 0.3, 1.0])), rounded(np.array([3e-10]))
    (array([0., 1.]), array([3.e-10]))
    """
    largest = np.abs(numbers).max(initial=0)
    decimals = DECIMALS
    if largest > NOISE:
        digits = int(np.floor(np.log10(largest)))
        decimals = max(DECIMALS - digits, min(DECIMALS, SURE - digits))
    return numbers.round(decimals)


def numbered(labels, what="Cluster"):
    """Numbers labels by their first appearance.

    Arguments
    ---------
    labels : iterable
        Labels [N] of any hashable kinds, an array or a tensor too.
    what : str
        What a label names.

    Returns
    -------
    numpy.ndarray
        Numbers [N] from 0.

    Raises
    ------
    ValueError
        If a label is a list, or no number (nan), which is like no other.

    Example
    -------
    >>> numbered(["a", None, "a", ("b", 1)])
    array([0, 1, 0, 2])
    """
    labels = as_list(labels)
    for place, label in enumerate(labels):
        if isinstance(label, list) or label != label:
            raise ValueError(
                f"{what} {place} of 0 to {len(labels) - 1} is {label}: name "
                "each by a word or a number."
            )
    numbers = {}
    found = [numbers.setdefault(label, len(numbers)) for label in labels]
    return np.array(found, dtype=int)


def known(interval):
    """Tells an interval that there is from one that there is not.

    Arguments
    ---------
    interval : tuple of float
        From `ClusteredRatio.interval`.

    Returns
    -------
    tuple of float or None
        The same; `None` for that of a single cluster.

    Example
    -------
    >>> known((0.0, 1.0)), known((float("nan"), float("nan")))
    ((0.0, 1.0), None)
    """
    return None if np.isnan(interval[0]) else interval


class ClusteredRatio:
    """A ratio of sums over clusters, or the mean of several such ratios.

    A mean is the ratio of sum and count, UA the mean of the classes' recalls.

    Arguments
    ---------
    above : numpy.ndarray
        Each cluster's part of the numerators, [clusters, ratios].
    below : numpy.ndarray
        The same of the denominators, none negative.

    Example
    -------
    >>> found = ClusteredRatio(np.array([[2.0], [2.0]]), np.full((2, 1), 2.0))
    >>> found.value, found.error
    (1.0, 0.0)
    """

    def __init__(self, above, below):
        self.number = len(above)
        self.sizes = below.sum(1)
        # Centred, so that the squares below lose no digits.
        self.centres = above.sum(0) / below.sum(0)
        table = np.hstack([above - self.centres * below, below])
        # Numerators and denominators, then their products.
        products = table[:, :, None] * table[:, None, :]
        self.terms = np.hstack([table, products.reshape(self.number, -1)])
        value, error = self._estimates(self.terms.sum(0, keepdims=True))
        self.value, self.error = float(value[0]), float(error[0])

    def _estimates(self, sums):
        """Gives value and standard error [B] from sums of terms [B, ...]."""
        ratios = len(self.centres)
        above, below = sums[:, :ratios], sums[:, ratios : 2 * ratios]
        squares = sums[:, 2 * ratios :].reshape(-1, 2 * ratios, 2 * ratios)
        there = below > 0
        # A class that a resample lacks takes no part in its mean.
        shares = there / there.sum(1, keepdims=True)
        safe = np.where(there, below, 1)
        offsets = above / safe
        value = (shares * (offsets + self.centres)).sum(1)
        # What a cluster adds to the value is linear in its two parts.
        pull = np.hstack([shares / safe, -shares / safe * offsets])
        variance = np.einsum("bi,bij,bj->b", pull, squares, pull)
        correction = self.number / max(self.number - 1, 1)
        return value, np.sqrt(np.maximum(variance, 0) * correction)

    def distances(self, seed):
        """Draws resamples and measures how far off their values are.

        Arguments
        ---------
        seed : int
            Of the draws.

        Returns
        -------
        numpy.ndarray
            Distances in standard errors of the resample; those without a
            spread of their own are left out.
        """
        rng, found = np.random.default_rng(seed), []
        # So many at a time that the draws stay below 32 MB.
        at_once = max(1, min(RESAMPLES, 2**21 // self.number))
        for start in range(0, RESAMPLES, at_once):
            rows = min(at_once, RESAMPLES - start)
            drawn = rng.integers(0, self.number, (rows, self.number))
            drawn += self.number * np.arange(rows)[:, None]
            times = np.bincount(drawn.ravel(), minlength=drawn.size)
            times = times.reshape(rows, -1).astype(float)
            value, error = self._estimates(times @ self.terms)
            kept = error > 1e-6 * self.error
            found.append(np.abs(value - self.value)[kept] / error[kept])
        return np.concatenate(found)

    def interval(self, confidence, seed, limits=None):
        """Estimates how far the value would move with other clusters.

        Arguments
        ---------
        confidence : float
            0..1.
        seed : int
            Of the resampling.
        limits : tuple of float or None
            Lowest and highest value that can be: the interval stays within.

        Returns
        -------
        tuple of float
            Ends of the interval; both nan for a single cluster.
        """
        if self.number == 1:
            return float("nan"), float("nan")
        # As many of equal size as would tell as much (Kish 1965): one cluster
        # with most of the values leaves hardly any spread to judge by.
        alike = self.sizes.sum() ** 2 / (self.sizes**2).sum()
        width = t.ppf(0.5 + confidence / 2, max(alike - 1, 1))
        if self.error and self.number >= FEWEST:
            width = max(width, np.quantile(self.distances(seed), confidence))
        reach = float(width) * self.error
        ends = self.value - reach, self.value + reach
        if limits is None:
            return ends
        return tuple(float(np.clip(end, *limits)) for end in ends)
