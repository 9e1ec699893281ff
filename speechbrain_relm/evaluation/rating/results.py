"""What ratings say: who is preferred, how sure it is, who agrees.

Authors
 * The speechbrain_relm contributors 2026
"""

from collections import Counter, defaultdict
from itertools import product

import numpy as np
from scipy.stats import spearmanr

from speechbrain_relm.evaluation.chance.resampling import known
from speechbrain_relm.evaluation.chance.two_way import two_way_interval
from speechbrain_relm.evaluation.rating.agreement import krippendorff_alpha
from speechbrain_relm.evaluation.rating.items import SIDES
from speechbrain_relm.evaluation.runs import SCORES
from speechbrain_relm.evaluation.statistics import (
    cluster_interval,
    cluster_sign_flip,
)

# Fewest and most points that a rater can give, by kind of rating.
LIMITS = {"preference": (0, 1), "scale": (1, 5)}
# Fewer than these have no correlation worth the name.
FEWEST = 3


def rating_figures(key, answers):
    """Sums ratings up.

    Arguments
    ---------
    key : dict
        From `read_key`.
    answers : Answers
        From `read_answers`.

    Returns
    -------
    dict
        `systems`, system to figure: mean points, or the share that prefers
        it; `difference`, that of the second system less the first, with p by
        item and by rater; `choices`, how often each was better, or neither;
        `shown_first`, the share won by the answer that was shown first;
        `alpha` by metric; `correlation` by score; and counts.
    """
    ratings, systems = answers.ratings, key["systems"]
    points = {
        system: [_of_system(key, rating, system) for rating in ratings]
        for system in systems
    }
    first, second = (np.array(points[system]) for system in systems)
    limits = LIMITS[key["kind"]]
    most = limits[1] - limits[0]
    items = [key["items"][r.item]["cluster"] for r in ratings]
    raters = [rating.rater for rating in ratings]
    difference = second - first
    of_first = [r.points[r.first] - r.points[_other(r.first)] for r in ratings]
    return {
        "raters": len(set(raters)),
        "items": len({rating.item for rating in ratings}),
        "ratings": len(ratings),
        "systems": {
            system: figure(values, items, raters, limits)
            for system, values in points.items()
        },
        "difference": {
            **figure(difference, items, raters, (-most, most)),
            "p_by_item": cluster_sign_flip(difference, items),
            "p_by_rater": cluster_sign_flip(difference, raters),
        },
        "choices": {
            systems[0]: int((difference < 0).sum()),
            "neither": int((difference == 0).sum()),
            systems[1]: int((difference > 0).sum()),
        },
        "shown_first": figure(
            (np.sign(of_first) + 1) / 2, items, raters, (0, 1)
        ),
        "alpha": alphas(key, ratings),
        "correlation": correlations(key, ratings),
    }


def _other(side):
    return SIDES[1 - SIDES.index(side)]


def _of_system(key, rating, system):
    """Finds what a rater gave a system."""
    sides = key["items"][rating.item]["systems"]
    return next(rating.points[s] for s in SIDES if sides[s] == system)


def figure(values, items, raters, limits):
    """Averages ratings, and says how far another study might be off.

    Arguments
    ---------
    values : sequence of float
        One a rating [N].
    items : list of str
        What each was of [N].
    raters : list of str
        Who said it [N].
    limits : tuple of float
        Lowest and highest value that can be.

    Returns
    -------
    dict
        `value`, and 95 % intervals `by_item`, with other items and the same
        raters, `by_rater`, the other way round, and `by_both`, the one to
        quote; `None` where there is a single item or rater.

    Example
    -------
    >>> figure([1, 0], ["a", "b"], ["x", "x"], (0, 1))["by_item"]
    (0.0, 1.0)
    """
    return {
        "value": float(np.mean(values)),
        "by_item": known(cluster_interval(values, items, limits=limits)),
        "by_rater": known(cluster_interval(values, raters, limits=limits)),
        "by_both": two_way_interval(values, items, raters, limits),
    }


def alphas(key, ratings):
    """Measures by Krippendorff's alpha how far the raters agree.

    Arguments
    ---------
    key : dict
        From `read_key`.
    ratings : list of Rating
        Those that count.

    Returns
    -------
    dict
        "ordinal" and "nominal" to alpha, or `None`. The units are items, and
        the values the system that was preferred, or neither; on a scale they
        are single answers, and the values their points.
    """
    units = defaultdict(list)
    for rating, side in product(ratings, SIDES):
        system = key["items"][rating.item]["systems"][side]
        if key["kind"] == "scale" or system == key["systems"][1]:
            units[rating.item, system].append(rating.points[side])
    return {
        metric: krippendorff_alpha(list(units.values()), metric)
        for metric in ("ordinal", "nominal")
    }


def correlations(key, ratings):
    """Holds ratings against the scores of EPITOME (Spearman, over items).

    Arguments
    ---------
    key : dict
        From `read_key`.
    ratings : list of Rating
        Those that count.

    Returns
    -------
    dict
        Score to `rho`, `p` and `n`, items: of the mean difference between the
        two systems in points, and in the score. rho and p are `None` where
        one of them is everywhere the same, or items are too few.
    """
    first, second = key["systems"]
    by_item = defaultdict(list)
    for rating in ratings:
        points = [_of_system(key, rating, name) for name in (second, first)]
        by_item[rating.item].append(points[0] - points[1])
    found = {}
    for score in SCORES:
        scored = {i: key["items"][i]["scores"] for i in by_item}
        if not all(score in s[n] for s in scored.values() for n in s):
            continue
        levels = [s[second][score] - s[first][score] for s in scored.values()]
        means = [float(np.mean(by_item[i])) for i in scored]
        varied = min(len(set(levels)), len(set(means))) > 1
        rho = p = None
        if varied and len(means) >= FEWEST:
            rho, p = (float(x) for x in spearmanr(levels, means))
        found[score] = {"rho": rho, "p": p, "n": len(means)}
    return found


def tally(answers):
    """Counts who passed how many tests of attention.

    Arguments
    ---------
    answers : Answers
        From `read_answers`.

    Returns
    -------
    dict
        Number of missed tests to raters.

    Example
    -------
    >>> from speechbrain_relm.evaluation.rating.answers import Answers
    >>> tally(Answers([], {"x": 0, "y": 2, "z": 0}, ["y"]))
    {0: 2, 2: 1}
    """
    return dict(sorted(Counter(answers.misses.values()).items()))
