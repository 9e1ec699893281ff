"""The report of a run: Table I's row, a figure, examples as in Table II.

Authors
 * The speechbrain_relm contributors 2026
"""

from collections import Counter
from pathlib import Path

from speechbrain_relm.evaluation.examples import example_rows
from speechbrain_relm.evaluation.figure import draw_scores
from speechbrain_relm.evaluation.runs import describe_scorers, read_run
from speechbrain_relm.evaluation.table import table_cells, to_csv, to_markdown
from speechbrain_relm.files import write_atomically

EXAMPLES_PER_EMOTION = 3


def write_report(folder, title, remarks, baseline=None):
    """Writes `table.md`, `table.csv` and `figure.{pdf,png}`.

    Arguments
    ---------
    folder : str or pathlib.Path
        Output folder of the run.
    title : str
        Heading: corpus and system.
    remarks : list of str
        What a reader must know of these numbers.
    baseline : str or None
        Output folder of the run to test against.

    Returns
    -------
    pathlib.Path
        Path of `table.md`.
    """
    folder = Path(folder)
    run = read_run(f"this run={folder}")
    runs, name = [run], None
    if baseline is not None:
        name = "baseline"
        runs.append(read_run(f"{name}={baseline}"))
    cells = table_cells(runs, name)
    counts = Counter(r["emotion"] for r in run.responses.values())
    lines = [
        f"# {title}",
        "",
        f"{len(run.responses)} test utterances: "
        + ", ".join(f"{n} {emotion}" for emotion, n in sorted(counts.items())),
        "",
        to_markdown(cells),
        "",
        "## What the numbers are worth",
        "",
        "- ER, Ex and IP are means (standard deviations) over responses; UA "
        "is the mean recall over the emotions, WA the share of right answers.",
    ]
    lines += [f"- {remark}" for remark in remarks]
    lines += describe_scorers(runs)
    lines += [
        "",
        "## Examples",
        "",
        "Reactions are bold, questions in italics, as the scorer's rationale "
        "model sees them.",
        "",
        *example_rows(runs, EXAMPLES_PER_EMOTION),
    ]
    write_atomically(folder / "table.csv", to_csv(cells))
    draw_scores(folder / "figure", cells)
    write_atomically(folder / "table.md", "\n".join(lines) + "\n")
    return folder / "table.md"
