"""Means, deviations and paired tests as the paper prints them.

Authors
 * The speechbrain_relm contributors 2026
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import wilcoxon


class PairedTest(NamedTuple):
    """Two systems on the same utterances: p, pairs, and share of ties."""

    p: float
    pairs: int
    ties: float


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


def compare(scores, baseline):
    """Tests paired ordinal scores by Wilcoxon's signed-rank test.

    Zero differences are left out (Wilcoxon's own way), ties share ranks, the
    test is two-sided. If no pair differs, p is 1.

    Arguments
    ---------
    scores : dict
        Utterance id to score of the system.
    baseline : dict
        The same of the baseline.

    Returns
    -------
    PairedTest
        p, number of pairs, and the share of pairs without a difference.

    Raises
    ------
    ValueError
        If the two did not score the same utterances.

    Example
    -------
    >>> compare({"a": 2, "b": 1}, {"a": 2, "b": 1})
    PairedTest(p=1.0, pairs=2, ties=1.0)
    """
    if set(scores) != set(baseline):
        odd = sorted(set(scores) ^ set(baseline))
        raise ValueError(
            f"The two runs differ in {len(odd)} utterances (first: {odd[0]}): "
            "a paired test needs the same ones. Run both on one test set."
        )
    differences = np.array([scores[i] - baseline[i] for i in scores])
    ties = float(np.mean(differences == 0))
    if ties == 1.0:
        return PairedTest(1.0, len(differences), ties)
    p = wilcoxon(differences, zero_method="wilcox").pvalue
    return PairedTest(float(p), len(differences), ties)
