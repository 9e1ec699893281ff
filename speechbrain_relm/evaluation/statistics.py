"""Means, paired tests and intervals over the responses of a test set.

Empathy levels are ordinal (0, 1, 2), so most paired differences are zero:
zero differences are left out of Wilcoxon's test, its own way, and equal
absolute differences share their mean rank. Answers to one sentence in ten
voices and four emotions are alike, so that test, the paper's own, takes a few
sentences for very many responses. Beside it stand an interval and a test that
draw clusters, e.g. sentences, and not responses.

Authors
 * The speechbrain_relm contributors 2026
"""

from typing import NamedTuple, Optional

import numpy as np
from scipy.stats import rankdata, wilcoxon

from speechbrain_relm.evaluation.chance.resampling import (
    ClusteredRatio,
    checked,
    known,
    numbered,
    rounded,
)
from speechbrain_relm.evaluation.chance.sign_flips import exact_p, flip_p


class PairedTest(NamedTuple):
    """Two systems on the same utterances.

    Over responses, as the paper tests: `p` of Wilcoxon's two-sided
    signed-rank test; `pairs`; `ties`, the share of pairs without a
    difference; `effect`, the matched-pairs rank-biserial correlation, -1 (the
    baseline is always better) to 1; `nonzero`, pairs with a difference.

    Over clusters: the mean `difference` and its 95 % `interval` (`None` for a
    single cluster), `clustered_p` of the sign flips, and `clusters`.
    """

    p: float
    pairs: int
    ties: float
    effect: float
    nonzero: Optional[int] = None
    difference: Optional[float] = None
    interval: Optional[tuple] = None
    clustered_p: Optional[float] = None
    clusters: Optional[int] = None


def mean_and_deviation(scores):
    """Averages scores over responses, as in Table I.

    Arguments
    ---------
    scores : list of float
        One a response.

    Returns
    -------
    mean : float
        Their mean.
    deviation : float
        Their sample standard deviation; 0 for a single score.

    Example
    -------
    >>> mean_and_deviation([0, 2])
    (1.0, 1.4142135623730951)
    """
    deviation = np.std(scores, ddof=1) if len(scores) > 1 else 0.0
    return float(np.mean(scores)), float(deviation)


def paired_differences(scores, baseline):
    """Subtracts a baseline's scores, utterance by utterance.

    Arguments
    ---------
    scores : dict
        Utterance id to score of the system.
    baseline : dict
        The same of the baseline.

    Returns
    -------
    numpy.ndarray
        Differences.

    Raises
    ------
    ValueError
        If the two did not score the same utterances.

    Example
    -------
    >>> paired_differences({"a": 2, "b": 1}, {"b": 1, "a": 0})
    array([2, 0])
    """
    if set(scores) != set(baseline):
        odd = sorted(set(scores) ^ set(baseline))
        raise ValueError(
            f"The two runs differ in {len(odd)} utterances (first: {odd[0]}): "
            "a paired test needs the same ones. Run both on one test set."
        )
    return rounded(np.array([scores[i] - baseline[i] for i in scores]))


def signed_rank(differences):
    """Tests paired differences by Wilcoxon's signed-rank test (two-sided).

    Zero differences are dropped; equal absolute differences share their mean
    rank. p is exact, from all assignments of signs to the ranks, below 50
    differences, and above wherever the rank sum takes few enough values, as
    with levels; else it is that of the normal distribution, corrected for
    ties.

    Arguments
    ---------
    differences : sequence of float
        Differences [N], independent of each other.

    Returns
    -------
    float
        p; 1 if there are no differences but zero.

    Example
    -------
    >>> signed_rank([1, 1, 1, 0, 0]), signed_rank([0, 0])
    (0.25, 1.0)
    """
    other = _without_zeros(differences)
    if not len(other):
        return 1.0
    # Mean ranks are whole or half: twice them is whole.
    ranks = 2 * rankdata(np.abs(other))
    p = exact_p(ranks, abs((ranks * np.sign(other)).sum()))
    if p is None:
        p = wilcoxon(other, method="asymptotic").pvalue
    return float(p)


def _without_zeros(differences):
    differences = rounded(checked(differences))
    return differences[differences != 0]


def cluster_sign_flip(differences, clusters, seed=1):
    """Tests paired differences that come in clusters (two-sided).

    If the systems are equal, all differences of a cluster together could as
    well be the other way round; so the signs of the clusters' sums are
    flipped, in every way there is (see `sign_flips.flip_p`). p says how often
    the sum of all is as far from zero. Below six clusters it cannot be under
    0.05.

    Arguments
    ---------
    differences : sequence of float
        Differences [N].
    clusters : sequence
        The cluster [N] of each.
    seed : int
        Of drawn flips, where there are too many.

    Returns
    -------
    float
        p, never 0; 1 if all sums are zero, or if there are no differences.

    Raises
    ------
    ValueError
        If there is no cluster for each difference.

    Example
    -------
    >>> cluster_sign_flip([1, 1, 1, 1, 1, 1], list("aabbcc"))
    0.25
    >>> cluster_sign_flip([], [])
    1.0
    """
    differences = checked(differences, clusters)
    if not len(differences):
        return 1.0
    sums = np.bincount(numbered(clusters), weights=differences)
    return flip_p(rounded(sums), seed)


def compare(scores, baseline, clusters=None):
    """Tests paired ordinal scores, over responses and over clusters.

    Arguments
    ---------
    scores : dict
        Utterance id to score of the system.
    baseline : dict
        The same of the baseline.
    clusters : dict or None
        Utterance id to its cluster; `None` takes each for one.

    Returns
    -------
    PairedTest
        Both tests; if no pair differs, p is 1 and the effect 0.

    Raises
    ------
    ValueError
        If the two did not score the same utterances.

    Example
    -------
    >>> compare({"a": 2, "b": 1}, {"a": 2, "b": 1})[:5]
    (1.0, 2, 1.0, 0.0, 0)
    >>> compare({"a": 2, "b": 2, "c": 0}, {"a": 0, "b": 1, "c": 0}).effect
    1.0
    """
    differences = paired_differences(scores, baseline)
    of_cluster = [clusters[i] if clusters else i for i in scores]
    other = _without_zeros(differences)
    ranks = rankdata(np.abs(other))
    effect = 0.0
    if len(other):
        effect = float((ranks * np.sign(other)).sum() / ranks.sum())
    return PairedTest(
        signed_rank(differences),
        len(differences),
        (len(differences) - len(other)) / len(differences),
        effect,
        len(other),
        float(differences.mean()),
        known(cluster_interval(differences, of_cluster)),
        cluster_sign_flip(differences, of_cluster),
        len(set(of_cluster)),
    )


def cluster_interval(
    values, clusters, classes=None, limits=None, confidence=0.95, seed=1
):
    """Estimates how far a mean would move with other sentences.

    Responses to one sentence are alike, so sentences are drawn, not
    responses: the symmetric studentized bootstrap over clusters, 2000
    resamples, never narrower than Student's t interval of as many clusters of
    equal size as would tell as much. Below ten clusters, which have too few
    resamples, it is that one.

    Arguments
    ---------
    values : sequence of float
        Values [N].
    clusters : sequence
        The cluster [N] of each, e.g. its normalised sentence.
    classes : sequence or None
        Classes [N]: the mean is then that of the classes' means (UA).
    limits : tuple of float or None
        Lowest and highest value that can be: the interval stays within.
    confidence : float
        0..1.
    seed : int
        Of the resampling.

    Returns
    -------
    tuple of float
        Ends of the interval; both nan if there is a single cluster, which
        does not say how far apart clusters are.

    Raises
    ------
    ValueError
        If there are no values, there is no cluster or class for each, one
        is beyond the limits, or the confidence is none.

    Example
    -------
    >>> cluster_interval([1, 0, 1, 0], ["a", "a", "b", "b"])
    (0.5, 0.5)
    >>> cluster_interval([1, 1, 0, 0], ["a", "a", "b", "b"], limits=(0, 1))
    (0.0, 1.0)
    >>> cluster_interval([1, 1, 0, 0], ["a", "a", "a", "a"])
    (nan, nan)
    """
    values = checked(values, clusters)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence}: give 0.95 for 95 %.")
    if not len(values):
        raise ValueError("An interval needs values: there are none.")
    least, most = values.min(), values.max()
    if limits is not None and not limits[0] <= least <= most <= limits[1]:
        raise ValueError(f"limits={limits}: values go from {least} to {most}.")
    classes = [0] * len(values) if classes is None else classes
    if len(classes) != len(values):
        raise ValueError(
            f"Each value needs a class: got {len(values)} values and "
            f"{len(classes)} classes."
        )
    places = numbered(clusters), numbered(classes, "Class")
    shape = places[0].max() + 1, places[1].max() + 1
    sums, counts = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, places, values)
    np.add.at(counts, places, 1)
    return ClusteredRatio(sums, counts).interval(confidence, seed, limits)


def figure_of(values, clusters, classes=None):
    """Sums shares up for a report.

    Arguments
    ---------
    values : sequence
        Values [N], 0..1; `None` where undefined.
    clusters : sequence
        See `cluster_interval`.
    classes : sequence or None
        The same.

    Returns
    -------
    dict
        `value`, `low` and `high` (95 %), and `n`, the values there are; the
        first three are `None` if there are none, `low` and `high` if there is
        a single cluster.

    Example
    -------
    >>> figure_of([1, None, 0], ["a", "b", "b"])
    {'value': 0.5, 'low': 0.0, 'high': 1.0, 'n': 2}
    >>> figure_of([], [])
    {'value': None, 'low': None, 'high': None, 'n': 0}
    """
    there = [i for i, value in enumerate(values) if value is not None]
    if not there:
        return {"value": None, "low": None, "high": None, "n": 0}
    values = np.array([values[i] for i in there], dtype=float)
    clusters = [clusters[i] for i in there]
    value = values.mean()
    if classes is not None:
        classes = np.array([classes[i] for i in there])
        value = np.mean([values[classes == k].mean() for k in set(classes)])
    interval = cluster_interval(values, clusters, classes, limits=(0, 1))
    low, high = known(interval) or (None, None)
    return {"value": float(value), "low": low, "high": high, "n": len(there)}


def holm(ps):
    """Corrects p-values for being several (Holm 1979).

    Arguments
    ---------
    ps : list of float
        p-values of one table.

    Returns
    -------
    list of float
        Adjusted p-values, in the same order.

    Raises
    ------
    ValueError
        If one is no p-value.

    Example
    -------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    for p in ps:
        if not 0 <= p <= 1:
            raise ValueError(f"p={p} is no p-value: give 0 to 1.")
    adjusted, largest = [0.0] * len(ps), 0.0
    for rank, i in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        largest = max(largest, min((len(ps) - rank) * ps[i], 1.0))
        adjusted[i] = largest
    return adjusted


def stars(p):
    """Marks significance as the paper does.

    Arguments
    ---------
    p : float
        p-value.

    Returns
    -------
    str
        Three stars below 0.001, two below 0.01, one below 0.05.

    Example
    -------
    >>> stars(0.025), stars(0.005), stars(0.0001), stars(0.05)
    ('*', '**', '***', '')
    """
    return "*" * sum(p < bound for bound in (0.05, 0.01, 0.001))
