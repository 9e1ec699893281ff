"""All plots of the pages: of one run's report, of a table of several.

Authors
 * The speechbrain_relm contributors 2026
"""

from functools import partial
from typing import NamedTuple

from speechbrain_relm.evaluation.plots.clouds import (
    emotion_map,
    map_figure,
    plane_figure,
)
from speechbrain_relm.evaluation.plots.confusions import confusions_figure
from speechbrain_relm.evaluation.plots.curves import curves_figure, read_curves
from speechbrain_relm.evaluation.plots.phrases import phrases_figure
from speechbrain_relm.evaluation.plots.theme import draw
from speechbrain_relm.evaluation.tables.figure import scores_figure
from speechbrain_relm.utils.files import whole_folder
from speechbrain_relm.utils.text.reading import read_text

# Of a manifest's entry.
PLANE = ("valence", "arousal")


class Plot(NamedTuple):
    """A plot of the folder `plots`: file name, title and what it shows."""

    name: str
    title: str
    about: str


# Of one run and of several.
SCORES = Plot(
    "scores", "Empathy and fit", "Means and 95 % intervals, drawn by cluster."
)
CONFUSION = Plot(
    "confusion",
    "What was taken for what",
    "Rows are labels, columns what was recognized; the fuller a field, the "
    "larger its share of the row.",
)


def draw_plots(folder, run, cells, points=()):
    """Draws what a run's files have something to draw of.

    Arguments
    ---------
    folder : pathlib.Path
        Output folder of the run; `plots/` in it receives the files.
    run : Run
        Its records.
    cells : list of Cell
        Of its table.
    points : sequence of tuple
        (emotion, valence, arousal) of the corpus; see `corpus_points`.

    Returns
    -------
    list of Plot
        What was drawn, each light and dark.
    """
    return _draw_all(folder, _plots(folder, run, cells, points))


def draw_table_plots(folder, runs, cells):
    """Draws what the files of several runs have something to draw of.

    Arguments
    ---------
    folder : pathlib.Path
        Of their table; `plots/` in it receives the files.
    runs : list of Run
        The systems.
    cells : list of Cell
        Of their table.

    Returns
    -------
    list of Plot
        What was drawn, each light and dark.
    """
    plots = [(SCORES, partial(scores_figure, cells))]
    for place, run in enumerate(runs, 1):
        recognized = run.recognized()
        if recognized:
            plot = CONFUSION._replace(
                name=f"{CONFUSION.name}{place}",
                title=f"{CONFUSION.title}: {run.name}",
            )
            plots.append((plot, partial(confusions_figure, recognized)))
    return _draw_all(folder, plots)


def _draw_all(folder, plots):
    """Draws them into `plots/`, and lists them."""
    drawn = []
    # Anew, so that none stays of what the run no longer has.
    with whole_folder(folder / "plots") as fresh:
        for plot, make in plots:
            draw(fresh / plot.name, make)
            drawn.append(plot)
    return drawn


def _plots(folder, run, cells, points):
    """Lists plots, and what makes each."""
    yield SCORES, partial(scores_figure, cells)
    log = folder / "train_log.txt"
    curves = read_curves(read_text(log)) if log.is_file() else {}
    if curves:
        yield (
            Plot(
                "training",
                "Training curves",
                "Losses and validation figures of each epoch, as "
                "train_log.txt has them.",
            ),
            partial(curves_figure, curves),
        )
    recognized = run.recognized()
    if recognized:
        yield CONFUSION, partial(confusions_figure, recognized)
    if any("rationales" in score for score in run.scores.values()):
        yield (
            Plot(
                "phrases",
                "Where ER and Ex come from",
                "Levels of the responses to each emotion, and the first "
                "words of the phrases that the scorer's rationale model "
                "marks.",
            ),
            partial(phrases_figure, run),
        )
    panels = planes(run, points)
    if panels:
        yield (
            Plot(
                "plane",
                "Valence and arousal",
                "Each point is an utterance; large marks are the emotions' "
                "means, ellipses one standard deviation. A corpus without "
                "such labels has the emotion encoder's, of what is learned.",
            ),
            partial(plane_figure, panels),
        )
    headed = [
        record
        for record in run.responses.values()
        if "head_probabilities" in record and "emotion" in record
    ]
    if len(headed) > 2:
        yield (
            Plot(
                "map",
                "Map of the emotions",
                "Each point is a test utterance: the mean of the adapter's "
                "output as the category head sees it, its logits by their "
                "principal components. Large marks are means, ellipses one "
                "standard deviation.",
            ),
            partial(map_figure, *emotion_map(headed)),
        )


def corpus_points(entries, attributes):
    """Places a corpus's utterances in the plane.

    Arguments
    ---------
    entries : dict
        Manifest entries.
    attributes : dict
        Utterance id to pseudo labels, where the corpus has none.

    Returns
    -------
    list of tuple
        (emotion, valence, arousal) of those that are labelled.

    Example
    -------
    >>> entry = {"emotion": "sad", "valence": 0.2, "arousal": None}
    >>> corpus_points({"a": entry}, {"a": {"valence": 0.3, "arousal": 0.4}})
    [('sad', 0.3, 0.4)]
    """
    points = []
    for utterance, entry in entries.items():
        found = entry
        if entry["arousal"] is None:
            found = attributes.get(utterance)
        if found is not None:
            points.append((entry["emotion"], *(found[d] for d in PLANE)))
    return points


def planes(run, points):
    """Lists the planes of a report.

    Arguments
    ---------
    run : Run
        The run.
    points : sequence of tuple
        See `draw_plots`.

    Returns
    -------
    dict
        Title to points: of the corpus, and what the dimension head said.

    Example
    -------
    >>> from speechbrain_relm.evaluation.runs import Run
    >>> planes(Run("A", {}, {}), [("sad", 0.3, 0.4)])
    {'The corpus': [('sad', 0.3, 0.4)]}
    """
    heard = [
        (record["emotion"], *(record[d] for d in PLANE))
        for record in run.responses.values()
        if "emotion" in record and "arousal" in record
    ]
    panels = {
        "The corpus": list(points),
        "The dimension head (test)": heard,
    }
    return {title: found for title, found in panels.items() if found}
