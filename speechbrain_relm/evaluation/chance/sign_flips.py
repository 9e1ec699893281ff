"""How rarely chance alone gives a sum of signed numbers so far from zero.

Where two systems are equal, each difference is as likely to be the other way
round. Wilcoxon's test flips the signs of ranks, the clustered test those of
the clusters' sums; both ask here.

Authors
 * The speechbrain_relm contributors 2026
"""

import numpy as np
from scipy.fft import irfft, next_fast_len

# The work that an exact answer may cost: places of the sum times sizes.
WORK = 2**22
# Flips that are drawn where an exact answer would cost more.
DRAWS = 99_999
# Below it the rounding of a Fourier transform begins.
SMALLEST = 1e-12
# Sums are gone through one by one up to so many numbers.
ENUMERATED = 18
# Means over so many seeds, or fewer, become whole numbers again.
MULTIPLES = 30


def flip_p(numbers, seed=1):
    """Tests whether signed numbers are centred on zero, by flipping signs.

    Arguments
    ---------
    numbers : array
        Signed numbers [N], each as likely to be positive as negative if the
        hypothesis holds.
    seed : int
        Of the draws, where there are any.

    Returns
    -------
    float or None
        Two-sided p, above 0 and at most 1; 1 if all numbers are zero. Exact
        for whole numbers and their simple fractions, as levels give, and for
        up to 18 numbers of any kind; else from 99,999 drawn flips (fewer
        where 2^29 signs do not suffice), the observed one among them.

    Example
    -------
    >>> flip_p([3, 1, 2]), flip_p([0.5, -0.25]), flip_p([])
    (0.25, 1.0, 1.0)
    """
    numbers = np.asarray(numbers, dtype=float)
    sizes, observed = np.abs(numbers[numbers != 0]), abs(numbers.sum())
    if not len(sizes):
        return 1.0
    p = exact_p(sizes, observed)
    if p is None and len(sizes) <= ENUMERATED:
        sums = np.zeros(1)
        for size in sizes:
            sums = np.concatenate([sums - size, sums + size])
        p = float(np.mean(_reaches(sums, observed, sizes)))
    return drawn_p(sizes, observed, seed) if p is None else p


def exact_p(sizes, observed):
    """Works out the whole distribution of the sum, if it has few places.

    The generating function of a sum of signs is a product, a factor each
    size: its discrete Fourier transform is taken back to probabilities.

    Arguments
    ---------
    sizes : array
        Positive numbers [N].
    observed : float
        The sum's distance from zero.

    Returns
    -------
    float or None
        p; `None` if the sizes are no whole numbers, or too many.

    Example
    -------
    >>> exact_p(np.array([1.0, 2.0, 3.0]), 6.0)
    0.25
    >>> exact_p(np.array([1.0, 2**0.5]), 1.0)
    """
    whole, unit = as_whole_numbers(sizes)
    if whole is None:
        return None
    kinds, counts = np.unique(whole, return_counts=True)
    places = int(whole.sum()) + 1
    if places * len(kinds) > WORK:
        return None
    length = next_fast_len(places, real=True)
    spectrum = np.ones(length // 2 + 1, dtype=complex)
    frequencies = np.arange(len(spectrum))
    for kind, count in zip(kinds, counts):
        # Reduced before the exponential, which loses digits of large angles.
        turns = kind * frequencies % length / length
        spectrum *= (0.5 + 0.5 * np.exp(-2j * np.pi * turns)) ** count
    shares = irfft(spectrum, length)[:places]
    sums = 2 * np.arange(places) - (places - 1)
    far = np.abs(sums) >= round(observed / unit)
    # Two sums at least are as far: all signs one way, and all the other.
    least = max(2.0 ** (1 - len(sizes)), SMALLEST)
    p = round(float(shares[far].sum()), 13)  # without the transform's noise
    return min(max(p, least), 1.0)


def as_whole_numbers(sizes):
    """Finds the unit of which all numbers are multiples.

    Arguments
    ---------
    sizes : array
        Positive numbers [N].

    Returns
    -------
    whole : numpy.ndarray or None
        The multiples, without a common divisor; `None` if there is no unit
        among 1, 1/2, ... 1/30.
    unit : float
        The unit.

    Example
    -------
    >>> as_whole_numbers(np.array([2 / 3, 4 / 3]))
    (array([1, 2]), 0.6666666666666666)
    """
    if sizes.max() * MULTIPLES > np.iinfo(np.int64).max:
        return None, 1.0
    for parts in range(1, MULTIPLES + 1):
        multiples = sizes * parts
        whole = np.rint(multiples).astype(np.int64)
        if np.abs(multiples - whole).max() < 1e-6 and whole.min() > 0:
            divisor = int(np.gcd.reduce(whole))
            return whole // divisor, divisor / parts
    return None, 1.0


def drawn_p(sizes, observed, seed):
    """Estimates p from drawn flips.

    Arguments
    ---------
    sizes : array
        Positive numbers [N].
    observed : float
        The sum's distance from zero.
    seed : int
        Of the draws.

    Returns
    -------
    float
        p, the observed flip counted as drawn, so that it is never 0.

    Example
    -------
    >>> drawn_p(np.ones(40), 40.0, seed=1)
    1e-05
    """
    rng = np.random.default_rng(seed)
    draws = min(DRAWS, max(9_999, 2**29 // len(sizes)))
    at_once = max(1, 2**22 // len(sizes))
    reached = 0
    for start in range(0, draws, at_once):
        shape = min(at_once, draws - start), len(sizes)
        up = rng.integers(0, 2, size=shape, dtype=np.int8)
        sums = 2 * (up @ sizes) - sizes.sum()
        reached += int(_reaches(sums, observed, sizes).sum())
    return (1 + reached) / (1 + draws)


def _reaches(sums, observed, sizes):
    """Tells which sums are as far from zero; equal but for rounding counts."""
    return np.abs(sums) >= observed - 1e-9 * sizes.sum()
