"""Means, paired tests and intervals over the responses of a test set.

Empathy levels are ordinal (0, 1, 2), so most paired differences are zero.
Zero differences are left out of Wilcoxon's test, its own way ("wilcox" in
scipy); equal absolute differences share their mean rank. p alone then says
little: the effect size and the share of zero differences stand beside it.

Authors
 * The speechbrain_relm contributors 2026
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import bootstrap, rankdata, wilcoxon

RESAMPLES = 2000


class PairedTest(NamedTuple):
    """Two systems on the same utterances.

    `p` of Wilcoxon's two-sided signed-rank test; `pairs`; `ties`, the share
    of pairs without a difference; `effect`, the matched-pairs rank-biserial
    correlation, -1 (the baseline is always better) to 1.
    """

    p: float
    pairs: int
    ties: float
    effect: float


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
    return np.array([scores[i] - baseline[i] for i in scores])


def compare(scores, baseline):
    """Tests paired ordinal scores by Wilcoxon's signed-rank test.

    If no pair differs, p is 1 and the effect 0.

    Arguments
    ---------
    scores : dict
        Utterance id to score of the system.
    baseline : dict
        The same of the baseline.

    Returns
    -------
    PairedTest
        p, number of pairs, share of ties, effect size.

    Raises
    ------
    ValueError
        If the two did not score the same utterances.

    Example
    -------
    >>> compare({"a": 2, "b": 1}, {"a": 2, "b": 1})
    PairedTest(p=1.0, pairs=2, ties=1.0, effect=0.0)
    >>> compare({"a": 2, "b": 2, "c": 0}, {"a": 0, "b": 1, "c": 0}).effect
    1.0
    """
    differences = paired_differences(scores, baseline)
    ties = float(np.mean(differences == 0))
    if ties == 1.0:
        return PairedTest(1.0, len(differences), ties, 0.0)
    p = wilcoxon(differences, zero_method="wilcox").pvalue
    other = differences[differences != 0]
    ranks = rankdata(np.abs(other))
    effect = float((ranks * np.sign(other)).sum() / ranks.sum())
    return PairedTest(float(p), len(differences), ties, effect)


def bootstrap_interval(scores, confidence=0.95, seed=1):
    """Estimates how far a mean would move on another test set of this size.

    Arguments
    ---------
    scores : list of float
        Scores, or paired differences, one an utterance.
    confidence : float
        0..1.
    seed : int
        Of the resampling.

    Returns
    -------
    tuple of float
        Ends of the percentile bootstrap interval of the mean, from 2000
        resamples; twice the mean itself if all scores are the same.

    Example
    -------
    >>> bootstrap_interval([1, 1, 1])
    (1.0, 1.0)
    """
    scores = np.asarray(scores, dtype=float)
    if len(set(scores.tolist())) == 1:
        return float(scores[0]), float(scores[0])
    interval = bootstrap(
        (scores,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(interval.low), float(interval.high)


def cluster_interval(values, clusters, classes=None, seed=1):
    """Estimates how far a mean would move with other sentences.

    Responses to one sentence are alike, so sentences are drawn, not
    responses: the 95 % percentile bootstrap over clusters, 2000 resamples.

    Arguments
    ---------
    values : array
        Values [N].
    clusters : sequence
        The cluster [N] of each, e.g. its normalised sentence.
    classes : sequence or None
        Classes [N]: the mean is then that of the classes' means (UA).
    seed : int
        Of the resampling.

    Returns
    -------
    tuple of float
        Ends of the interval.

    Raises
    ------
    ValueError
        If there are no values.

    Example
    -------
    >>> cluster_interval([1, 0, 1, 0], ["a", "a", "b", "b"])
    (0.5, 0.5)
    >>> cluster_interval([1, 1, 0, 0], ["a", "a", "b", "b"])
    (0.0, 1.0)
    """
    values = np.asarray(values, dtype=float)
    if not len(values) or len(values) != len(clusters):
        raise ValueError(
            f"An interval needs a cluster for each value: got {len(values)} "
            f"values and {len(clusters)} clusters."
        )
    names, cluster = np.unique(np.asarray(clusters), return_inverse=True)
    kinds = np.zeros(len(values), dtype=int)
    if classes is not None:
        kinds = np.unique(np.asarray(classes), return_inverse=True)[1]
    sums = np.zeros((len(names), kinds.max() + 1))
    counts = np.zeros_like(sums)
    np.add.at(sums, (cluster, kinds), values)
    np.add.at(counts, (cluster, kinds), 1)
    rng, means = np.random.default_rng(seed), []
    # So many at a time that the draws stay below 32 MB.
    at_once = max(1, min(RESAMPLES, 2**22 // len(names)))
    for start in range(0, RESAMPLES, at_once):
        drawn = rng.multinomial(
            len(names),
            np.full(len(names), 1 / len(names)),
            size=min(at_once, RESAMPLES - start),
        )
        # A class that a resample lacks takes no part in its mean.
        with np.errstate(invalid="ignore"):
            of_classes = (drawn @ sums) / (drawn @ counts)
        means.append(np.nanmean(of_classes, axis=1))
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return float(low), float(high)


def figure_of(values, clusters, classes=None):
    """Sums values up for a report.

    Arguments
    ---------
    values : sequence
        Values [N]; `None` where undefined.
    clusters : sequence
        See `cluster_interval`.
    classes : sequence or None
        The same.

    Returns
    -------
    dict
        `value`, `low` and `high` (95 %), and `n`, the values there are; the
        first three are `None` if there are none.

    Example
    -------
    >>> figure_of([1, None, 0], ["a", "a", "a"])
    {'value': 0.5, 'low': 0.5, 'high': 0.5, 'n': 2}
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
    low, high = cluster_interval(values, clusters, classes)
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

    Example
    -------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
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
