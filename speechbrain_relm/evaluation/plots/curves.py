"""Training curves, from the log that SpeechBrain's train logger writes.

Authors
 * The speechbrain_relm contributors 2026
"""

import math
import re

from speechbrain_relm.evaluation.plots.theme import panels

# Panels in a row, at most.
COLUMNS = 3
# "train loss: 1.82" of a line "epoch: 1, lr: 1e-04 - train loss: 1.82, ...".
_PAIR = re.compile(r"(?:^|, | - )([^:,]+): ([^,\s]+)")


def read_curves(text):
    """Reads a training log.

    Arguments
    ---------
    text : str
        What `FileTrainLogger` wrote.

    Returns
    -------
    dict
        Figure to "train" and "valid" to epochs and values, e.g. of "loss".

    Example
    -------
    >>> read_curves("epoch: 1, lr: 1e-4 - train loss: 2.0 - valid UA: 0.5")
    {'loss': {'train': [(1, 2.0)]}, 'UA': {'valid': [(1, 0.5)]}}
    """
    curves = {}
    for line in text.splitlines():
        found = dict(_PAIR.findall(line))
        if not found.get("epoch", "").isdigit():
            continue
        for name, value in found.items():
            stage, _, figure = name.partition(" ")
            if stage not in ("train", "valid"):
                continue
            try:
                value = float(value)
            except ValueError:
                continue
            if math.isfinite(value):
                of = curves.setdefault(figure, {}).setdefault(stage, [])
                of.append((int(found["epoch"]), value))
    return curves


def curves_figure(curves):
    """Draws each figure over the epochs, in training and in validation.

    Arguments
    ---------
    curves : dict
        From `read_curves`.

    Returns
    -------
    matplotlib.figure.Figure
        A panel a figure.

    Example
    -------
    >>> drawn = curves_figure({"loss": {"train": [(1, 2.0), (2, 1.5)]}})
    >>> [axis.get_title() for axis in drawn.axes]
    ['loss']
    """
    from matplotlib.ticker import MaxNLocator

    figure, axes = panels(len(curves), COLUMNS, 3.2, 2.3, below=0.4)
    styles = {"train": ("C0", "o", "-"), "valid": ("C1", "s", "--")}
    for axis, (title, stages) in zip(axes, curves.items()):
        for stage, points in stages.items():
            colour, marker, style = styles[stage]
            axis.plot(
                *zip(*points),
                color=colour,
                marker=marker,
                markersize=4,
                linestyle=style,
                label=stage,
            )
        axis.set_title(title.replace("_", " "))
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axis.margins(0.08)
        axis.grid(axis="y")
        # A single epoch is a point, and no curve.
        if max(map(len, stages.values())) == 1:
            axis.set_xticks([points[0][0]])
            for ((x, y),) in stages.values():
                axis.annotate(
                    f"{y:.3g}", (x, y), (8, 0), textcoords="offset points",
                    va="center",
                )  # fmt: skip
    for axis in axes[-COLUMNS:]:
        axis.set_xlabel("epoch")
    handles, labels = [], []
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels()):
            if label not in labels:
                handles.append(handle)
                labels.append(label)
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure
