"""The figure of a table: empathy scores of systems with their intervals.

Authors
 * The speechbrain_relm contributors 2026
"""

from functools import partial

from speechbrain_relm.evaluation.listening_rows import CONTENT, TONE
from speechbrain_relm.evaluation.plots.theme import draw
from speechbrain_relm.evaluation.runs import SCORES
from speechbrain_relm.evaluation.tables.table import layout
from speechbrain_relm.utils.limits import FIGURE_NAME


def draw_scores(path, cells):
    """Draws means and 95 % intervals over clusters of ER, Ex and the fits.

    Arguments
    ---------
    path : pathlib.Path
        Without ending; `.pdf` and `.png` are written.
    cells : list of Cell
        From `table_cells`.

    Example
    -------
    >>> from speechbrain_relm.evaluation.tables.measured import Cell
    >>> path = getfixture("tmp_path") / "figure"
    >>> cell = Cell(SCORES["ER"], "A", 1.0, 0.5, (0.8, 1.2))
    >>> draw_scores(path, [cell])
    >>> sorted(file.name for file in path.parent.iterdir())
    ['figure.pdf', 'figure.png']
    """
    draw(path, partial(scores_figure, cells), ("pdf", "png"), ("light",))


def scores_figure(cells):
    """Makes the figure; see `draw_scores`.

    Arguments
    ---------
    cells : list of Cell
        From `table_cells`.

    Returns
    -------
    matplotlib.figure.Figure
        A panel a score, a row a system.

    Example
    -------
    >>> from speechbrain_relm.evaluation.tables.measured import Cell
    >>> len(scores_figure([Cell(SCORES["ER"], "A", 1.0, 0.5, (0.8, 1.2))]).axes)
    1
    """
    # Only here: a training process needs no plotting library.
    from matplotlib.figure import Figure

    systems, rows = layout(cells)
    shown = [SCORES[s] for s in ("ER", "Ex") if SCORES[s] in rows]
    fits = [metric for metric in rows if metric.startswith((TONE, CONTENT))]
    shown += fits
    figure = Figure(
        figsize=(3.4 * len(shown), 1.2 + 0.3 * len(systems)),
        layout="constrained",
    )
    axes = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axis, metric in zip(axes, shown):
        for place, system in enumerate(systems):
            cell = rows[metric].get(system)
            if cell is None:
                continue
            low, high = cell.interval or (cell.value, cell.value)
            axis.errorbar(
                cell.value,
                place,
                xerr=[[cell.value - low], [high - cell.value]],
                fmt="o",
                capsize=3,
                color="C0",
            )
        top = 1 if metric in fits else 2
        axis.set(title=metric, xlim=(-0.025 * top, 1.025 * top))
        axis.grid(axis="x")
    # A name is no formula, whatever its dollars.
    names = [system[:FIGURE_NAME] for system in systems]
    axes[0].set_yticks(range(len(systems)), names, parse_math=False)
    axes[0].invert_yaxis()
    return figure
