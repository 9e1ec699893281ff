"""How well emotion is recognized: UA, WA, macro-F1, and what is confused.

All are ratios, or means of ratios, of counts in the table of true and
recognized classes; their intervals draw clusters (sentences).

Authors
 * The speechbrain_relm contributors 2026
"""

import numpy as np

from speechbrain_relm.evaluation.chance.resampling import (
    ClusteredRatio,
    known,
    numbered,
)
from speechbrain_relm.evaluation.listening_rows import in_brackets
from speechbrain_relm.utils.text.cells import markdown_cell

MEASURES = ("UA", "WA", "macro-F1")
UNPARSED = "none"


def confusion(heard, labels):
    """Counts what was recognized for what.

    Arguments
    ---------
    heard : list of str or None
        Recognized classes; `None` where nothing was.
    labels : list of str
        True classes.

    Returns
    -------
    dict
        True class to {recognized class: count}, in alphabetical order; after
        the true classes come others that were recognized, and "none".

    Example
    -------
    >>> confusion(["sad", None], ["sad", "happy"])["happy"]
    {'happy': 0, 'sad': 0, 'none': 1}
    """
    heard = [UNPARSED if name is None else name for name in heard]
    rows = sorted(set(labels))
    others = sorted(set(heard) - set(rows) - {UNPARSED})
    columns = [*rows, *others, *{UNPARSED} & set(heard)]
    table = {row: dict.fromkeys(columns, 0) for row in rows}
    for label, name in zip(labels, heard):
        table[label][name] += 1
    return table


def ratios_of(tables):
    """Splits UA, WA and macro-F1 into numerators and denominators.

    Arguments
    ---------
    tables : numpy.ndarray
        Counts [C, K, M] of C clusters, of K true classes by M >= K
        recognized ones, of which the first K are the same.

    Returns
    -------
    dict
        Measure to numerators and denominators, [C, K] or [C, 1]: it is the
        mean of the ratios of their sums.

    Example
    -------
    >>> found = ratios_of(np.array([[[2.0, 0.0], [1.0, 1.0]]]))
    >>> [round(float((a / b).mean()), 3) for a, b in found.values()]
    [0.75, 0.75, 0.733]
    """
    true = tables.sum(-1)
    right = np.diagonal(tables, axis1=-2, axis2=-1)
    named = tables[..., : true.shape[-1]].sum(-2)
    return {
        "UA": (right, true),
        "WA": (right.sum(1, keepdims=True), true.sum(1, keepdims=True)),
        "macro-F1": (2 * right, true + named),
    }


def recognition_figures(heard, labels, clusters, seed=1):
    """Measures recognition, and how far it would move with other sentences.

    Arguments
    ---------
    heard : list of str or None
        Recognized classes.
    labels : list of str
        True classes.
    clusters : list of str
        What is drawn as one; see `statistics.cluster_interval`.
    seed : int
        Of the resampling.

    Returns
    -------
    dict
        Measure to `value`, `low`, `high` (95 %) and `n`.

    Example
    -------
    >>> found = recognition_figures(["sad"] * 2, ["sad"] * 2, ["a", "b"])
    >>> found["macro-F1"]
    {'value': 1.0, 'low': 1.0, 'high': 1.0, 'n': 2}
    """
    total = confusion(heard, labels)
    rows, columns = list(total), list(next(iter(total.values())))
    of = numbered(clusters)
    tables = np.zeros((of.max() + 1, len(rows), len(columns)))
    for cluster, label, name in zip(of, labels, heard):
        column = columns.index(UNPARSED if name is None else name)
        tables[cluster, rows.index(label), column] += 1
    found = {}
    for measure, parts in ratios_of(tables).items():
        ratio = ClusteredRatio(*parts)
        interval = ratio.interval(0.95, seed, limits=(0, 1))
        low, high = known(interval) or (None, None)
        found[measure] = {
            "value": ratio.value,
            "low": low,
            "high": high,
            "n": len(labels),
        }
    return found


def confusion_tables(runs):
    """Shows what each run took for what, in every way that it has.

    Arguments
    ---------
    runs : list of Run
        The runs of one table.

    Returns
    -------
    list of str
        Lines of Markdown; none if no run recognizes emotion.

    Example
    -------
    >>> from speechbrain_relm.evaluation.runs import Run
    >>> confusion_tables([Run("A", {}, {})])
    []
    """
    lines = []
    for run in runs:
        measured = run.recognition()
        for way, (heard, labels) in run.recognized().items():
            figures = measured[way]
            said = ", ".join(
                f"{name} {in_brackets(figures[name])}" for name in MEASURES
            )
            lines += ["", f"{markdown_cell(run.name)} by {way}: {said}.", ""]
            lines += _rows(confusion(heard, labels))
    if not lines:
        return []
    note = (
        "Rows are the labels, columns what was recognized; in brackets 95 % "
        "intervals, drawn by cluster."
    )
    return ["## What was taken for what", "", note, *lines]


def _rows(table):
    """Writes one table of counts in Markdown."""
    columns = list(next(iter(table.values())))
    names = map(markdown_cell, columns)
    return [
        f"| label | {' | '.join(names)} |",
        "| --- |" + " ---: |" * len(columns),
        *(
            f"| {markdown_cell(label)} | {' | '.join(map(str, row.values()))} |"
            for label, row in table.items()
        ),
    ]


def describe_probe(runs):
    """Says what the linear probe is, where there is one.

    Arguments
    ---------
    runs : list of Run
        The runs of one table.

    Returns
    -------
    list of str
        Items of a Markdown list; none without a probe.

    Example
    -------
    >>> from speechbrain_relm.evaluation.runs import Run
    >>> describe_probe([Run("A", {}, {})])
    []
    """
    strengths = {
        record["strength"]
        for run in runs
        if run.is_probed()
        for record in run.probe.values()
    }
    if not strengths:
        return []
    chosen = ", ".join(f"{strength:g}" for strength in sorted(strengths))
    return [
        "- The linear probe is no part of the system: a logistic regression "
        "on the mean of the frozen speech encoder's frames, fit on the same "
        f"training utterances, its penalty ({chosen}) chosen by validation. "
        "A category head that hears the same frames should reach it. EmoBox's "
        "small head, where it is shown, is none either: two linear layers with "
        "the mean over the frames between them, trained on the same utterances."
    ]
