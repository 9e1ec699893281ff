#!/usr/bin/env python3
"""Are the tables' intervals and tests right? Two equal systems, many times.

    python benchmarks/statistics_study.py

draws the levels of two systems that are equal, so that every significant
difference is a false one, and the true mean is known. A good test is
significant at .05 in one of twenty studies, and a good 95 % interval holds
the true mean in nineteen of twenty. Beside ours stand the paper's test
(Wilcoxon's, over responses) and the percentile bootstrap over responses.

Authors
 * The speechbrain_relm contributors 2026
"""

import argparse
import sys
from typing import NamedTuple

import numpy as np
from scipy.stats import norm, wilcoxon

from speechbrain_relm.evaluation.listening_rows import short
from speechbrain_relm.evaluation.statistics import (
    cluster_interval,
    cluster_sign_flip,
)

RESAMPLES = 500  # of the bootstrap that is only compared


class Study(NamedTuple):
    """What a test set is like.

    `sizes` draws the responses of each cluster; `shares`, how much of what
    decides over a level is the sentence, the emotion in which it is said,
    and, of both together, the system; the rest is each response's own.
    `cuts` are where levels 1 and 2 begin.
    """

    sizes: callable
    sentence: float
    emotion: float = 0.0
    system: float = 0.3
    cuts: tuple = (-0.5, 0.8)


def even(clusters, size):
    """Clusters of one size."""
    return lambda rng: np.full(clusters, size)


def uneven(clusters, mean, spread):
    """Clusters of log-normal size."""

    def draw(rng):
        """Draws the sizes."""
        sizes = np.exp(rng.normal(np.log(mean), spread, clusters))
        return np.maximum(1, np.round(sizes)).astype(int)

    return draw


ESD = even(105, 40)  # in four emotions and ten voices
STUDIES = {
    "ESD, a system that reads (one answer a sentence)": Study(ESD, 1.0),
    "ESD, one that is told the emotion": Study(ESD, 0.5, 0.5),
    "ESD, one that hears": Study(ESD, 0.3, 0.2),
    "ESD, answers that have nothing in common": Study(ESD, 0.0),
    "ESD, Exploration (mostly 0)": Study(ESD, 0.3, 0.2, cuts=(1.2, 1.6)),
    "IEMOCAP, 31 dialogs of 8 to 160 turns": Study(uneven(31, 36, 0.6), 0.3),
    "MSP-Podcast, 60 speakers of 1 to 150": Study(uneven(60, 12, 1.1), 0.3),
    "12 sentences": Study(even(12, 16), 0.3),
    "8 sentences": Study(even(8, 16), 0.3),
    "8 sentences, Exploration (mostly 0)": Study(
        even(8, 16), 0.3, cuts=(1.2, 1.6)
    ),
    "6 sentences": Study(even(6, 16), 0.3),
    "6 dialogs of unlike length": Study(uneven(6, 36, 0.6), 0.3),
    "4 sentences": Study(even(4, 16), 0.3),
}


def draw_systems(study, rng):
    """Draws the levels of two equal systems.

    Arguments
    ---------
    study : Study
        The test set.
    rng : numpy.random.Generator
        Of the draws.

    Returns
    -------
    levels : list of numpy.ndarray
        Of each system, [N].
    clusters : numpy.ndarray
        The cluster of each response [N].
    """
    sizes = study.sizes(rng)
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    emotions = 4 * clusters + np.concatenate([np.arange(n) % 4 for n in sizes])
    places = (clusters, len(sizes)), (emotions, 4 * len(sizes))
    shares = study.sentence, study.emotion

    def draw(part):
        """Draws a part of what sentences and emotions decide."""
        return sum(
            np.sqrt(share * part) * rng.normal(size=number)[place]
            for share, (place, number) in zip(shares, places)
        )

    common, levels = draw(1 - study.system), []
    for _ in range(2):
        own = draw(study.system)
        rest = np.sqrt(1 - sum(shares)) * rng.normal(size=len(clusters))
        worth = common + own + rest
        levels.append(sum((worth > cut).astype(int) for cut in study.cuts))
    return levels, clusters


def percentile_interval(values, rng):
    """Gives the percentile bootstrap over responses."""
    counts = np.bincount(values, minlength=3)
    drawn = rng.multinomial(len(values), counts / len(values), RESAMPLES)
    means = drawn @ np.arange(3) / len(values)
    return np.percentile(means, [2.5, 97.5])


def one_study(study, rng):
    """Tells of one pair of systems what is significant and what is covered.

    Arguments
    ---------
    study : Study
        The test set.
    rng : numpy.random.Generator
        Of the draws.

    Returns
    -------
    list of bool
        Significant by Wilcoxon's test over responses, and by clusters;
        covered over responses, and over clusters: the mean, and the
        difference.
    """
    (ours, theirs), clusters = draw_systems(study, rng)
    truth = norm.sf(study.cuts).sum()
    differences = ours - theirs
    seed = int(rng.integers(2**31))
    intervals = [
        percentile_interval(ours, rng),
        cluster_interval(ours, clusters, seed=seed),
        cluster_interval(differences, clusters, seed=seed),
    ]
    ps = [
        wilcoxon(differences, method="asymptotic").pvalue,
        cluster_sign_flip(differences, clusters, seed),
    ]
    wanted = (truth, truth, 0)
    return [p < 0.05 for p in ps] + [
        low <= value <= high for (low, high), value in zip(intervals, wanted)
    ]


def main(argv=None):
    """Prints the table.

    Arguments
    ---------
    argv : list of str or None
        The command line.
    """
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--only", default="", help="part of the rows' names")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(argv)
    sys.stdout.write(
        "| two equal systems | significant: Wilcoxon over responses | sign "
        "flips of clusters | covered: mean, over responses | mean, over "
        "clusters | difference, over clusters |\n"
        f"| --- |{' ---: |' * 5}\n"
    )
    for name, study in STUDIES.items():
        if given.only not in name:
            continue
        rng = np.random.default_rng(given.seed)
        found = [one_study(study, rng) for _ in range(given.studies)]
        shares = [short(share) for share in np.mean(found, axis=0)]
        sys.stdout.write(f"| {name} | {' | '.join(shares)} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
