"""Table I of the paper for any finished runs on one test set.

Authors
 * The speechbrain_relm contributors 2026
"""

from speechbrain_relm.evaluation.listening_rows import (
    CONTENT,
    TONE,
    short,
    short_p,
)
from speechbrain_relm.evaluation.pooling import pool_runs
from speechbrain_relm.evaluation.recognition import MEASURES
from speechbrain_relm.evaluation.runs import SCORES
from speechbrain_relm.evaluation.statistics import holm, stars
from speechbrain_relm.evaluation.tables.measured import other_cells, score_cells
from speechbrain_relm.utils.text.cells import latex_cell, markdown_cell

# How the metrics begin whose highest value is marked.
_RECOGNITION = tuple(f"{measure} by" for measure in MEASURES)
HIGHER_IS_BETTER = (*SCORES.values(), *_RECOGNITION, "CCC", TONE, CONTENT)


def table_cells(runs, baseline=None):
    """Computes Table I.

    Arguments
    ---------
    runs : list of Run
        Systems on one test set; runs of one name make one system.
    baseline : str or None
        Name of the system that the others are tested against.

    Returns
    -------
    list of Cell
        Metric by metric, the systems in their order.

    Raises
    ------
    ValueError
        If there is no such baseline, or runs have other utterances than it.

    Example
    -------
    >>> from speechbrain_relm.evaluation.runs import Run
    >>> run = Run("A", {"a": {"response": "Oh!"}}, {"a": {"ER": 2}})
    >>> table_cells([run])[0].value
    2.0
    """
    systems = {run.name: run for run in pool_runs(runs)}
    if baseline is not None and baseline not in systems:
        raise ValueError(
            f"There is no run '{baseline}' to test against, only "
            f"{', '.join(systems)}."
        )
    cells = []
    for name, run in systems.items():
        reference = None if name == baseline else systems.get(baseline)
        cells += score_cells(run, reference)
    order = list(SCORES.values())
    cells.sort(key=lambda cell: order.index(cell.metric))
    for run in systems.values():
        cells += other_cells(run)
    return _with_best(_corrected(cells))


def _corrected(cells):
    """Corrects the clustered p-values of the whole table."""
    tested = [i for i, cell in enumerate(cells) if cell.test]
    adjusted = holm([cells[i].test.clustered_p for i in tested])
    for i, p in zip(tested, adjusted):
        cells[i] = cells[i]._replace(holm_p=p)
    return cells


def _with_best(cells):
    """Marks the best of each score and accuracy."""
    marked = []
    for cell in cells:
        rivals = [c.value for c in cells if c.metric == cell.metric]
        judged = cell.metric.startswith(HIGHER_IS_BETTER)
        # Where all are equal there is no best, however many they are.
        best = judged and cell.value == max(rivals) > min(rivals)
        marked.append(cell._replace(best=best))
    return marked


def layout(cells):
    """Lays cells out as rows of metrics and columns of systems.

    Arguments
    ---------
    cells : list of Cell
        From `table_cells`.

    Returns
    -------
    systems : list of str
        Columns.
    rows : dict
        Metric to {system: Cell}.

    Example
    -------
    >>> from speechbrain_relm.evaluation.tables.measured import Cell
    >>> layout([Cell("ER", "A", 1.0), Cell("ER", "B", 2.0)])[0]
    ['A', 'B']
    """
    systems = list(dict.fromkeys(cell.system for cell in cells))
    rows = {}
    for cell in cells:
        rows.setdefault(cell.metric, {})[cell.system] = cell
    return systems, rows


def cell_text(cell):
    """Prints a cell as the paper does: mean (deviation), p, stars.

    p is the clustered test's, corrected by Holm, and so are the stars. A
    share has its interval in brackets instead of a deviation; the deviation
    over seeds follows a plus-minus sign.

    Arguments
    ---------
    cell : Cell or None
        The cell; `None` where a system lacks the metric.

    Returns
    -------
    str
        E.g. `1.805 (.419) p=.025 *`.

    Example
    -------
    >>> from speechbrain_relm.evaluation.statistics import PairedTest
    >>> test = PairedTest(0.0001, 10, 0.8, 0.3, clustered_p=0.0084)
    >>> from speechbrain_relm.evaluation.tables.measured import Cell
    >>> cell_text(Cell("ER", "A", 1.8051, 0.4188, None, test, holm_p=0.0251))
    '1.805 (.419) p=.025 *'
    """
    if cell is None:
        return "—"
    text = f"{cell.value:.3f}"
    if cell.deviation is not None:
        text += f" ({short(cell.deviation)})"
    elif cell.interval is not None:
        text += f" [{', '.join(map(short, cell.interval))}]"
    if cell.seed_deviation is not None:
        text += f" ± {short(cell.seed_deviation)}"
    if cell.holm_p is not None:
        p = short_p(cell.holm_p)
        text += f" p={p} {stars(cell.holm_p)}".rstrip().replace("=<", "<")
    return text


def to_markdown(cells):
    """Prints the table, and below it what stands behind the p-values.

    Arguments
    ---------
    cells : list of Cell
        From `table_cells`.

    Returns
    -------
    str
        Markdown.

    Example
    -------
    >>> from speechbrain_relm.evaluation.tables.measured import Cell
    >>> print(to_markdown([Cell("ER", "A", 1.0), Cell("ER", "B", 2.0)]))
    | metric | A | B |
    | --- | --- | --- |
    | ER | 1.000 | 2.000 |
    """
    systems, rows = layout(cells)
    lines = [
        f"| metric | {' | '.join(map(markdown_cell, systems))} |",
        "| --- |" + " --- |" * len(systems),
    ]
    for metric, row in rows.items():
        texts = []
        for system in systems:
            # Else the stars of significance would end the bold print.
            text = cell_text(row.get(system)).replace("*", "\\*")
            bold = system in row and row[system].best
            texts.append(f"**{text}**" if bold else text)
        lines.append(f"| {markdown_cell(metric)} | {' | '.join(texts)} |")
    return "\n".join([*lines, *_behind(cells)])


# What stands below the table of each empathy score, and how wide.
BEHIND = (
    "metric | system | 95 % interval of the mean | clusters | difference to "
    "the baseline, 95 % | p, clusters' signs flipped | the same, by Holm | "
    "p, Wilcoxon over responses (the paper's) | non-zero pairs | pairs | "
    "effect"
)


def _behind(cells):
    """Prints what stands behind means and p-values."""
    scores = [cell for cell in cells if cell.clusters is not None]
    if not scores:
        return []
    columns = BEHIND.count("|") + 1
    lines = ["", f"| {BEHIND} |", "| --- | --- |" + " ---: |" * (columns - 2)]
    for cell in scores:
        of_test = ["—"] * 7
        if cell.test:
            test = cell.test
            of_test = [
                f"{test.difference:+.3f} {_ends(test.interval, '+.3f')}",
                f"{test.clustered_p:.3g}",
                f"{cell.holm_p:.3g}",
                f"{test.p:.3g}",
                str(test.nonzero),
                str(test.pairs),
                f"{test.effect:+.2f}",
            ]
        row = [
            markdown_cell(cell.metric),
            markdown_cell(cell.system),
            _ends(cell.interval, ".3f"),
            str(cell.clusters),
            *of_test,
        ]
        lines.append(f"| {' | '.join(row)} |")
    return lines


def _ends(interval, form):
    if interval is None:
        return "(one cluster: no interval)"
    return f"({interval[0]:{form}} to {interval[1]:{form}})"


def to_latex(cells):
    """Prints the table for a paper (package booktabs).

    Arguments
    ---------
    cells : list of Cell
        From `table_cells`.

    Returns
    -------
    str
        LaTeX.

    Example
    -------
    >>> from speechbrain_relm.evaluation.tables.measured import Cell
    >>> print(to_latex([Cell("ER", "A_1", 1.0, best=True)]))
    \\begin{tabular}{lr}
    \\toprule
    Metric & A\\_1 \\\\
    \\midrule
    ER & \\textbf{1.000} \\\\
    \\bottomrule
    \\end{tabular}
    """
    systems, rows = layout(cells)
    lines = [
        "\\begin{tabular}{l" + "r" * len(systems) + "}",
        "\\toprule",
        f"Metric & {' & '.join(map(latex_cell, systems))} \\\\",
        "\\midrule",
    ]
    for metric, row in rows.items():
        texts = []
        for system in systems:
            cell = row.get(system)
            text = latex_cell(cell_text(cell))
            bold = cell is not None and cell.best
            texts.append(f"\\textbf{{{text}}}" if bold else text)
        lines.append(f"{latex_cell(metric)} & {' & '.join(texts)} \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"])


def relative_gains(cells, system, other):
    """Computes by how much one system is better than another.

    Arguments
    ---------
    cells : list of Cell
        From `table_cells`.
    system : str
        Name of the system.
    other : str
        Name of the one it is compared with.

    Returns
    -------
    dict
        Metric of `SCORES` to the relative gain in percent; `None` where the
        other's mean is 0.

    Raises
    ------
    ValueError
        If there is no such system.

    Example
    -------
    >>> from speechbrain_relm.evaluation.tables.measured import Cell
    >>> er = SCORES["ER"]
    >>> cells = [Cell(er, "A", 1.847), Cell(er, "B", 1.73)]
    >>> round(relative_gains(cells, "A", "B")[er], 2)
    6.76
    """
    systems, rows = layout(cells)
    for name in (system, other):
        if name not in systems:
            raise ValueError(
                f"There is no system '{name}', only {', '.join(systems)}."
            )
    gains = {}
    for metric in SCORES.values():
        row = rows.get(metric, {})
        if system in row and other in row:
            below = row[other].value
            gains[metric] = (
                100 * (row[system].value / below - 1) if below else None
            )
    return gains
