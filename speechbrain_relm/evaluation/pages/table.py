"""The files of a table over several runs, a page among them.

Authors
 * The speechbrain_relm contributors 2026
"""

from speechbrain_relm.evaluation.chance.clusters import describe_clusters
from speechbrain_relm.evaluation.pages.drawn import draw_table_plots
from speechbrain_relm.evaluation.pages.report import report_page
from speechbrain_relm.evaluation.pooling import (
    describe_pools,
    pool_runs,
)
from speechbrain_relm.evaluation.tables.alike import (
    check_alike,
    describe_origin,
)
from speechbrain_relm.evaluation.tables.examples import (
    EXAMPLES_PER_EMOTION,
    example_rows,
)
from speechbrain_relm.evaluation.tables.figure import draw_scores
from speechbrain_relm.evaluation.tables.sections import hearing_sections
from speechbrain_relm.evaluation.tables.table import (
    table_cells,
    to_latex,
    to_markdown,
)
from speechbrain_relm.evaluation.tables.table_csv import to_csv
from speechbrain_relm.utils.files import write_atomically

TITLE = "Table I"


def write_table(folder, runs, baseline, remarks, wavs=None):
    """Writes `table.{md,csv,tex,html}`, `figure.{pdf,png}` and `plots/`.

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
    wavs : dict or None
        Utterance id to path, for the page's examples.

    Returns
    -------
    str
        The Markdown.
    """
    check_alike(runs)
    runs = pool_runs(runs)
    cells = table_cells(runs, baseline)
    lines = [f"# {TITLE}", "", to_markdown(cells), ""]
    lines += [*describe_clusters(runs), *describe_pools(runs)]
    lines += [*describe_origin(runs), *remarks, "", *hearing_sections(runs)]
    page = report_page(
        TITLE,
        "\n".join(lines),
        folder,
        draw_table_plots(folder, runs, cells),
        runs,
        wavs or {},
        EXAMPLES_PER_EMOTION,
    )
    lines += ["", "## Examples", "", *example_rows(runs)]
    text = "\n".join(lines) + "\n"
    write_atomically(folder / "table.md", text)
    write_atomically(folder / "table.csv", to_csv(cells))
    write_atomically(folder / "table.tex", to_latex(cells) + "\n")
    draw_scores(folder / "figure", cells)
    write_atomically(folder / "table.html", page)
    return text
