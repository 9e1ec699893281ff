"""Everything that Table I says of one run.

Authors
 * The speechbrain_relm contributors 2026
"""

import statistics
from typing import NamedTuple, Optional

from speechbrain_relm.evaluation.chance.clusters import clusters_of
from speechbrain_relm.evaluation.chance.resampling import known
from speechbrain_relm.evaluation.listening.quality import flaws
from speechbrain_relm.evaluation.listening_rows import listening_rows
from speechbrain_relm.evaluation.pooling import repetitions
from speechbrain_relm.evaluation.recognition import MEASURES
from speechbrain_relm.evaluation.runs import SCORES
from speechbrain_relm.evaluation.statistics import (
    PairedTest,
    cluster_interval,
    compare,
    mean_and_deviation,
)
from speechbrain_relm.model.concordance import concordance
from speechbrain_relm.model.metrics import word_error_rate
from speechbrain_relm.utils.dimensions import DIMENSIONS

LEVELS = (0, 2)


class Cell(NamedTuple):
    """One system's value of one metric.

    `deviation` over responses and `interval` (95 %) over `clusters`;
    `test` against the baseline, and its clustered p after Holm's correction
    over the table; `scorer`, what the empathy scorer learned from;
    `seed_deviation`, that of the values of whole tests, where several runs
    are pooled.
    """

    metric: str
    system: str
    value: float
    deviation: Optional[float] = None
    interval: Optional[tuple] = None
    test: Optional[PairedTest] = None
    holm_p: Optional[float] = None
    best: bool = False
    scorer: Optional[str] = None
    seed_deviation: Optional[float] = None
    clusters: Optional[int] = None


def score_cells(run, reference=None):
    """Sums the empathy scores of a run up.

    Arguments
    ---------
    run : Run
        The run; a score that not all of its records have is left out.
    reference : Run or None
        What it is tested against.

    Returns
    -------
    list of Cell
        One a score.

    Raises
    ------
    ValueError
        If the two have other utterances.

    Example
    -------
    >>> from speechbrain_relm.evaluation.runs import Run
    >>> run = Run("A", {"a": {"response": "Oh!"}}, {"a": {"ER": 2}})
    >>> score_cells(run)[0].value
    2.0
    """
    cells = []
    for score, title in SCORES.items():
        if not run.has(score):
            continue
        means, clusters = run.utterance_means(score), run.clusters()
        test = None
        if reference is not None and reference.has(score):
            other = reference.utterance_means(score)
            test = compare(means, other, clusters)
        of_each = [clusters[i] for i in means]
        values = list(means.values())
        cells.append(
            Cell(
                title,
                run.name,
                sum(values) / len(values),
                mean_and_deviation(list(run.levels(score).values()))[1],
                known(cluster_interval(values, of_each, limits=LEVELS)),
                test,
                scorer=run.scorer_data(),
                clusters=len(set(of_each)),
            )
        )
    return _with_seeds(cells, run, score_cells)


def other_cells(run):
    """Sums up what else is known of a run's responses.

    Arguments
    ---------
    run : Run
        The run.

    Returns
    -------
    list of Cell
        Recognition, dimensions, word error rate, length, flaws, and whether
        the answers follow the voice.

    Example
    -------
    >>> from speechbrain_relm.evaluation.runs import Run
    >>> cells = other_cells(Run("A", {"a": {"response": "Oh no!"}}, {}))
    >>> cells[0].metric, cells[0].value
    ('Response length (words)', 2.0)
    """
    cells = _recognition_cells(run)
    attributes = run.attributes()
    if attributes is not None:
        values = concordance(*attributes).tolist()
        for dimension, value in zip(DIMENSIONS, values):
            cells.append(Cell(f"CCC of {dimension}", run.name, value))
    records = list(run.responses.values())
    if all("heard" in record for record in records):
        rate = word_error_rate(
            [record["heard"] for record in records],
            [record["transcript"] for record in records],
        )
        cells.append(Cell("Word error rate", run.name, rate))
    cells.append(_length_cell(run))
    cells += [
        Cell(f"{flaw} responses", run.name, share)
        for flaw, share in flaws(records).items()
    ]
    cells += [
        _figure_cell(metric, run, figure)
        for metric, figure in listening_rows(run).items()
    ]
    return _with_seeds(cells, run, other_cells)


def _recognition_cells(run):
    """Sums emotion recognition up, in every way that the run has."""
    cells = []
    for way, figures in run.recognition().items():
        cells += [
            _figure_cell(f"{measure} by {way}", run, figures[measure])
            for measure in MEASURES
        ]
        if way == "prompt":  # the others always name one
            share = figures["unparsed"]
            cells.append(Cell(f"no answer by {way}", run.name, share))
    return cells


def _length_cell(run):
    """Averages the words of responses."""
    words = [len(r["response"].split()) for r in run.responses.values()]
    clusters = list(clusters_of(run.responses).values())
    return Cell(
        "Response length (words)",
        run.name,
        *mean_and_deviation(words),
        known(cluster_interval(words, clusters)),
    )


def _figure_cell(metric, run, figure):
    """Makes a cell of a figure that may have an interval."""
    interval = figure["low"], figure["high"]
    if figure["low"] is None:
        interval = None
    return Cell(metric, run.name, figure["value"], interval=interval)


def _with_seeds(cells, run, measure):
    """Adds the deviation over repetitions, where a run is pooled."""
    times = repetitions(run) if run.parts else []
    if len(times) < 2:
        return cells
    found = {}
    for one in times:
        for cell in measure(one):
            found.setdefault(cell.metric, []).append(cell.value)
    return [
        cell._replace(seed_deviation=statistics.stdev(found[cell.metric]))
        if len(found.get(cell.metric, ())) == len(times)
        else cell
        for cell in cells
    ]
