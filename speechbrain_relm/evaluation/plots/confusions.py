"""What was taken for what, as a picture.

Authors
 * The speechbrain_relm contributors 2026
"""

import numpy as np

from speechbrain_relm.evaluation.plots.theme import panels
from speechbrain_relm.evaluation.recognition import confusion


def confusions_figure(recognized):
    """Draws tables of true and recognized classes.

    Arguments
    ---------
    recognized : dict
        Way to recognized classes and labels, from `Run.recognized`.

    Returns
    -------
    matplotlib.figure.Figure
        A panel a way: the fuller, the larger a share of the row; counts
        stand in it.

    Example
    -------
    >>> drawn = confusions_figure({"prompt": (["sad", None], ["sad", "sad"])})
    >>> [text.get_text() for text in drawn.axes[0].texts]
    ['1', '1']
    """
    figure, axes = panels(len(recognized), 2, 4.2, 3.4)
    for axis, (way, (heard, labels)) in zip(axes, recognized.items()):
        table = confusion(heard, labels)
        counts = np.array([list(row.values()) for row in table.values()])
        shares = counts / counts.sum(1, keepdims=True)
        _cells(axis, counts, shares)
        names = list(next(iter(table.values())))
        axis.set_xticks(range(len(names)), names, parse_math=False)
        axis.set_yticks(range(len(table)), list(table), parse_math=False)
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
        axis.set_title(way)
        axis.set(ylabel="label", xlabel="recognized")
    return figure


def _cells(axis, counts, shares):
    """Draws a row of shares as squares of one colour."""
    from matplotlib import rcParams
    from matplotlib.colors import LinearSegmentedColormap, to_rgb

    ground, full = to_rgb(rcParams["axes.facecolor"]), to_rgb("C0")
    colours = LinearSegmentedColormap.from_list("share", [ground, full])
    axis.imshow(shares, cmap=colours, vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        behind = colours(shares[row, column])[:3]
        texts = to_rgb(rcParams["text.color"]), ground
        text = max(texts, key=lambda colour: _contrast(colour, behind))
        axis.text(column, row, str(count), ha="center", va="center", color=text)


def _contrast(one, other):
    """Says how far two colours are apart for who reads (about WCAG's)."""
    lights = [
        np.dot(np.power(colour, 2.2), (0.2126, 0.7152, 0.0722)) + 0.05
        for colour in (one, other)
    ]
    return max(lights) / min(lights)
