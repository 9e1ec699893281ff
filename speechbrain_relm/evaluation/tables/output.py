"""The files of a table.

Authors
 * The speechbrain_relm contributors 2026
"""

from speechbrain_relm.evaluation.chance.clusters import describe_clusters
from speechbrain_relm.evaluation.listening_rows import (
    describe_listening,
    swaps_table,
)
from speechbrain_relm.evaluation.pooling import (
    describe_pools,
    pool_runs,
)
from speechbrain_relm.evaluation.recognition import (
    confusion_tables,
    describe_probe,
)
from speechbrain_relm.evaluation.tables.alike import (
    check_alike,
    describe_origin,
)
from speechbrain_relm.evaluation.tables.examples import example_rows
from speechbrain_relm.evaluation.tables.figure import draw_scores
from speechbrain_relm.evaluation.tables.table import (
    table_cells,
    to_latex,
    to_markdown,
)
from speechbrain_relm.evaluation.tables.table_csv import to_csv
from speechbrain_relm.utils.files import write_atomically


def hearing_sections(runs, heading="#"):
    """Says what some runs recognize, and whether they follow the voice.

    Arguments
    ---------
    runs : list of Run
        The runs of one table.
    heading : str
        Marks of the headings.

    Returns
    -------
    list of str
        Items of a Markdown list, then sections; some are empty.

    Example
    -------
    >>> from speechbrain_relm.evaluation.runs import Run
    >>> hearing_sections([Run("A", {}, {})])
    ['', '']
    """
    return [
        *describe_probe(runs),
        *describe_listening(runs),
        "",
        *swaps_table(runs, heading),
        "",
        *confusion_tables(runs, heading),
    ]


def write_table(folder, runs, baseline, remarks):
    """Writes `table.{md,csv,tex}` and `figure.{pdf,png}` of some runs.

    Arguments
    ---------
    folder : pathlib.Path
        Where they go.
    runs : list of Run
        Systems on one test set; runs of one name make one system.
    baseline : str or None
        Name of the run that the others are tested against.
    remarks : list of str
        Lines of Markdown between table and examples.

    Returns
    -------
    str
        The Markdown.
    """
    check_alike(runs)
    runs = pool_runs(runs)
    cells = table_cells(runs, baseline)
    lines = ["# Table I", "", to_markdown(cells), "", *describe_clusters(runs)]
    lines += [*describe_pools(runs), *describe_origin(runs), *remarks]
    lines += ["", *hearing_sections(runs)]
    lines += ["", "# Examples", "", *example_rows(runs)]
    text = "\n".join(lines) + "\n"
    write_atomically(folder / "table.md", text)
    write_atomically(folder / "table.csv", to_csv(cells))
    write_atomically(folder / "table.tex", to_latex(cells) + "\n")
    draw_scores(folder / "figure", cells)
    return text
