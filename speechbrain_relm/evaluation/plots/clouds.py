"""Utterances as points: valence and arousal, and what the category head sees.

Authors
 * The speechbrain_relm contributors 2026
"""

import numpy as np

from speechbrain_relm.evaluation.plots.theme import (
    colours_of,
    legend,
    panels,
)

# What is as good as no probability.
LEAST = 1e-12


def plane_figure(planes):
    """Draws the plane of valence and arousal.

    Arguments
    ---------
    planes : dict
        Title to points, (emotion, valence, arousal) each.

    Returns
    -------
    matplotlib.figure.Figure
        Points, and of each emotion the mean and an ellipse of one standard
        deviation.

    Example
    -------
    >>> drawn = plane_figure({"A": [("sad", 0.2, 0.3), ("sad", 0.3, 0.2)]})
    >>> drawn.axes[0].get_ylabel()
    'arousal'
    """
    figure, axes = panels(len(planes), len(planes), 3.9, 4.7)
    for axis, (title, points) in zip(axes, planes.items()):
        axis.axhline(0.5, color="0.5", linewidth=0.6, alpha=0.6)
        axis.axvline(0.5, color="0.5", linewidth=0.6, alpha=0.6)
        _cloud(axis, points)
        axis.set(xlim=(0, 1), ylim=(0, 1), xlabel="valence", aspect="equal")
        axis.set_title(title)
    axes[0].set_ylabel("arousal")
    legend(figure, [p[0] for points in planes.values() for p in points])
    return figure


def emotion_map(records):
    """Places utterances as the category head sees them.

    Its logits are linear in the mean of the adapter's output (Eqs. 6, 7), and
    a run keeps what becomes of them: the logarithms of the probabilities,
    less their mean.

    Arguments
    ---------
    records : list of dict
        Of responses, with `emotion` and `head_probabilities`.

    Returns
    -------
    points : list of tuple
        (emotion, first, second principal component).
    shares : list of float
        How much of the variance each holds.

    Example
    -------
    >>> record = {"emotion": "sad", "head_probabilities": {"a": 0.9, "b": 0.1}}
    >>> other = {"emotion": "sad", "head_probabilities": {"a": 0.1, "b": 0.9}}
    >>> points, shares = emotion_map([record, other])
    >>> [round(abs(x), 2) for _, x, _ in points], shares[0]
    ([1.55, 1.55], 1.0)
    """
    logits = np.log(
        [
            np.maximum(list(r["head_probabilities"].values()), LEAST)
            for r in records
        ]
    )
    logits = logits - logits.mean(1, keepdims=True)
    centred = logits - logits.mean(0)
    _, strengths, ways = np.linalg.svd(centred, full_matrices=False)
    if len(strengths) < 2:
        # A single utterance, or class.
        strengths = np.append(strengths, 0.0)
        ways = np.vstack([ways, np.zeros_like(ways[:1])])
    places = centred @ ways[:2].T
    total = (strengths**2).sum() or 1.0
    shares = [round(float(s**2 / total), 3) for s in strengths[:2]]
    named = zip((r["emotion"] for r in records), places.tolist())
    return [(emotion, *place) for emotion, place in named], shares


def map_figure(points, shares):
    """Draws what `emotion_map` found.

    Arguments
    ---------
    points : list of tuple
        The utterances.
    shares : list of float
        Of the variance.

    Returns
    -------
    matplotlib.figure.Figure
        The map.

    Example
    -------
    >>> map_figure([("sad", 0.0, 1.0)], [0.9, 0.1]).axes[0].get_xlabel()
    'first component (90 % of the variance)'
    """
    figure, (axis,) = panels(1, 1, 4.6, 4.7)
    _cloud(axis, points)
    axis.set(
        xlabel=f"first component ({shares[0]:.0%} of the variance)".replace(
            "%", " %", 1
        ),
        ylabel=f"second component ({shares[1]:.0%})".replace("%", " %"),
    )
    axis.grid()
    axis.set_axisbelow(True)
    legend(figure, [point[0] for point in points])
    return figure


def _cloud(axis, points):
    """Draws points, their means and how far they spread."""
    from matplotlib.patches import Ellipse

    alpha = float(np.clip(40 / max(len(points), 1), 0.12, 0.6))
    for emotion, (colour, marker) in colours_of(p[0] for p in points).items():
        places = np.array([p[1:] for p in points if p[0] == emotion])
        axis.scatter(
            *places.T, s=14, color=colour, marker=marker, alpha=alpha, lw=0
        )
        axis.scatter(
            *places.mean(0),
            s=90,
            color=colour,
            marker=marker,
            edgecolor="w",
            zorder=4,
        )
        if len(places) < 3:
            continue
        sizes, ways = np.linalg.eigh(np.cov(places.T))
        angle = np.degrees(np.arctan2(ways[1, 1], ways[0, 1]))
        width, height = 2 * np.sqrt(np.maximum(sizes[::-1], 0))
        axis.add_patch(
            Ellipse(
                places.mean(0),
                width,
                height,
                angle=angle,
                fill=False,
                edgecolor=colour,
                linewidth=1.5,
                zorder=3,
            )
        )
