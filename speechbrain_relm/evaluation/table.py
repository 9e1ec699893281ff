"""Table I of the paper for any finished runs on one test set.

Authors
 * The speechbrain_relm contributors 2026
"""

import csv
import io
from typing import NamedTuple, Optional

from speechbrain_relm.dimensions import DIMENSIONS
from speechbrain_relm.emotion.concordance import concordance
from speechbrain_relm.evaluation.cells import latex_cell, markdown_cell
from speechbrain_relm.evaluation.listening_rows import (
    CONTENT,
    TONE,
    listening_rows,
    short,
)
from speechbrain_relm.evaluation.quality import flaws
from speechbrain_relm.evaluation.recognition import MEASURES
from speechbrain_relm.evaluation.runs import SCORES
from speechbrain_relm.evaluation.statistics import (
    PairedTest,
    bootstrap_interval,
    compare,
    holm,
    mean_and_deviation,
    stars,
)
from speechbrain_relm.metrics import word_error_rate

# How the metrics begin whose highest value is marked.
_RECOGNITION = tuple(f"{measure} by" for measure in MEASURES)
HIGHER_IS_BETTER = (*SCORES.values(), *_RECOGNITION, "CCC", TONE, CONTENT)


class Cell(NamedTuple):
    """One system's value of one metric.

    `deviation` and `interval` (95 % bootstrap) of scores; `test` against the
    baseline, and its p after Holm's correction over the table; `scorer`, what
    the empathy scorer learned from.
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


def table_cells(runs, baseline=None):
    """Computes Table I.

    Arguments
    ---------
    runs : list of Run
        Systems on one test set.
    baseline : str or None
        Name of the run that the others are tested against.

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
    names = [run.name for run in runs]
    if len(set(names)) < len(names):
        raise ValueError(
            f"Two runs have one name ({', '.join(names)}): give names, as in "
            "RE-LLM=results/ESD/re_llm/1986."
        )
    if baseline is not None and baseline not in names:
        raise ValueError(
            f"There is no run '{baseline}' to test against, only "
            f"{', '.join(names)}."
        )
    reference = dict(zip(names, runs)).get(baseline)
    cells = []
    for score, title in SCORES.items():
        for run in runs:
            if not run.has(score):
                continue
            levels = run.levels(score)
            test = None
            if (
                reference is not None
                and run is not reference
                and reference.has(score)
            ):
                test = compare(levels, reference.levels(score))
            cells.append(
                Cell(
                    title,
                    run.name,
                    *mean_and_deviation(list(levels.values())),
                    bootstrap_interval(list(levels.values())),
                    test,
                    scorer=run.scorer_data(),
                )
            )
    for run in runs:
        for way, figures in run.recognition().items():
            cells += [
                Cell(
                    f"{measure} by {way}",
                    run.name,
                    figures[measure]["value"],
                    interval=(
                        figures[measure]["low"],
                        figures[measure]["high"],
                    ),
                )
                for measure in MEASURES
            ]
            if way == "prompt":  # the other ways always name one
                cells.append(
                    Cell(f"no answer by {way}", run.name, figures["unparsed"])
                )
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
        words = [len(record["response"].split()) for record in records]
        cells.append(
            Cell(
                "Response length (words)", run.name, *mean_and_deviation(words)
            )
        )
        cells += [
            Cell(f"{flaw} responses", run.name, share)
            for flaw, share in flaws(records).items()
        ]
        cells += [
            Cell(
                metric,
                run.name,
                figure["value"],
                interval=(figure["low"], figure["high"]),
            )
            for metric, figure in listening_rows(run).items()
        ]
    return _with_best(_corrected(cells))


def _corrected(cells):
    """Corrects the p-values of the whole table."""
    tested = [i for i, cell in enumerate(cells) if cell.test]
    adjusted = holm([cells[i].test.p for i in tested])
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

    A share has its interval in brackets instead.

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
    >>> test = PairedTest(0.0251, 10, 0.8, 0.3)
    >>> cell_text(Cell("ER", "A", 1.8051, 0.4188, test=test))
    '1.805 (.419) p=.025 *'
    """
    if cell is None:
        return "—"
    text = f"{cell.value:.3f}"
    if cell.deviation is not None:
        text += f" ({short(cell.deviation)})"
    elif cell.interval is not None:
        text += f" [{', '.join(map(short, cell.interval))}]"
    if cell.test is not None:
        text += f" p={short(cell.test.p)} {stars(cell.test.p)}".rstrip()
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
    tested = [cell for cell in cells if cell.test]
    if tested:
        lines += [
            "",
            "| metric | system | p | p (Holm) | effect | ties | pairs | "
            "95 % interval of the mean |",
            "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |",
        ]
        lines += [
            f"| {markdown_cell(c.metric)} | {markdown_cell(c.system)} | "
            f"{c.test.p:.3g} | {c.holm_p:.3g} | "
            f"{c.test.effect:+.2f} | {c.test.ties:.0%} | {c.test.pairs} | "
            f"{c.interval[0]:.3f} to {c.interval[1]:.3f} |"
            for c in tested
        ]
    return "\n".join(lines)


def to_csv(cells):
    """Prints every number, a line each cell.

    Arguments
    ---------
    cells : list of Cell
        From `table_cells`.

    Returns
    -------
    str
        CSV.

    Example
    -------
    >>> print(to_csv([Cell("ER", "A", 1.0)]).splitlines()[1])
    ER,A,1.0,,,,,,,,,False,
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(
        "metric,system,value,deviation,low,high,p,p_holm,effect,ties,pairs,"
        "best,scorer".split(",")
    )
    for cell in cells:
        test = cell.test
        writer.writerow(
            [
                cell.metric,
                cell.system,
                cell.value,
                cell.deviation,
                *(cell.interval or ("", "")),
                test.p if test else "",
                cell.holm_p,
                *((test.effect, test.ties, test.pairs) if test else [""] * 3),
                cell.best,
                cell.scorer,
            ]
        )
    return buffer.getvalue()


def read_csv(text):
    """Reads what `to_csv` printed.

    Arguments
    ---------
    text : str
        CSV.

    Returns
    -------
    list of Cell
        The cells.

    Example
    -------
    >>> cells = [Cell("ER", "A", 1.0, 0.5, (0.9, 1.1), None, None, True)]
    >>> read_csv(to_csv(cells)) == cells
    True
    """

    def number(value):
        """Reads a number that may be absent."""
        return float(value) if value else None

    cells = []
    for row in csv.DictReader(io.StringIO(text)):
        test = None
        if row["p"]:
            values = [float(row[k]) for k in ("p", "ties", "effect")]
            test = PairedTest(
                p=values[0],
                pairs=int(row["pairs"]),
                ties=values[1],
                effect=values[2],
            )
        interval = None
        if row["low"]:
            interval = (float(row["low"]), float(row["high"]))
        cells.append(
            Cell(
                row["metric"],
                row["system"],
                float(row["value"]),
                number(row["deviation"]),
                interval,
                test,
                number(row["p_holm"]),
                row["best"] == "True",
                row.get("scorer") or None,
            )
        )
    return cells


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
