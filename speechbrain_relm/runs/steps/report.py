"""The report of a run: Table I's row, a figure, examples as in Table II.

Authors
 * The speechbrain_relm contributors 2026
"""

from collections import Counter
from pathlib import Path

from speechbrain_relm.evaluation.chance.clusters import describe_clusters
from speechbrain_relm.evaluation.pages.drawn import draw_plots
from speechbrain_relm.evaluation.pages.report import report_page
from speechbrain_relm.evaluation.runs import describe_scorers, read_run
from speechbrain_relm.evaluation.tables.alike import (
    check_alike,
    describe_origin,
    results_of,
)
from speechbrain_relm.evaluation.tables.examples import (
    EXAMPLES_PER_EMOTION,
    example_rows,
)
from speechbrain_relm.evaluation.tables.figure import draw_scores
from speechbrain_relm.evaluation.tables.sections import hearing_sections
from speechbrain_relm.evaluation.tables.table import table_cells, to_markdown
from speechbrain_relm.evaluation.tables.table_csv import to_csv
from speechbrain_relm.utils.dimensions import DIMENSIONS, SCALES, from_unit
from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.files import write_atomically
from speechbrain_relm.utils.provenance.digests import checksum
from speechbrain_relm.utils.provenance.stamps import read_stamp, write_stamp
from speechbrain_relm.utils.text.cells import markdown_cell
from speechbrain_relm.utils.text.wording import normalised


def write_report(
    folder,
    title,
    remarks,
    baseline=None,
    corpus=None,
    points=(),
    wavs=None,
):
    """Writes `table.{md,csv}`, `figure.{pdf,png}`, `plots/`, `report.html`.

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
    corpus : str or None
        Key of `SCALES`, if the corpus rates arousal, dominance and valence.
    points : sequence of tuple
        The corpus's utterances in a plane; see `corpus_points`.
    wavs : dict or None
        Utterance id to path, for the page's examples.

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
    check_alike(runs)
    cells = table_cells(runs, name)
    counts = Counter(r["emotion"] for r in run.responses.values())
    lines = [
        f"# {markdown_cell(title)}",
        "",
        f"{len(run.responses)} test utterances: "
        + ", ".join(
            f"{n} {markdown_cell(e)}" for e, n in sorted(counts.items())
        ),
        "",
        to_markdown(cells),
        "",
        "## What the numbers are worth",
        "",
        "- ER, Ex and IP are means (standard deviations) over responses; UA "
        "is the mean recall over the emotions, WA the share of right answers.",
    ]
    lines += describe_clusters(runs)
    lines += [f"- {remark}" for remark in remarks]
    if corpus in SCALES and run.attributes() is not None:
        lines.append(f"- {describe_errors(run.attributes(), corpus)}")
    lines += [*describe_scorers(runs), *describe_origin(runs)]
    lines += hearing_sections(runs)
    write_atomically(folder / "table.csv", to_csv(cells))
    write_stamp(folder / "table.csv", {"results": results_of(run)})
    draw_scores(folder / "figure", cells)
    page = report_page(
        title,
        "\n".join(lines),
        folder,
        draw_plots(folder, run, cells, points),
        runs,
        wavs or {},
        EXAMPLES_PER_EMOTION,
    )
    write_atomically(folder / "report.html", page)
    lines += [
        "",
        "## Examples",
        "",
        "Reactions are bold, questions in italics, as the scorer's rationale "
        "model sees them.",
        "",
        *example_rows(runs, EXAMPLES_PER_EMOTION),
    ]
    write_atomically(folder / "table.md", "\n".join(lines) + "\n")
    return folder / "table.md"


def check_report(folder, weights):
    """Refuses a report of another training, or of other answers.

    Arguments
    ---------
    folder : pathlib.Path
        Output folder of the run.
    weights : pathlib.Path
        Its trained tensors, of which the report has to be.

    Raises
    ------
    RecipeError
        If it is of others.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> of = {"checkpoint": {"content": "0", "of": "CKPT"}}
    >>> write_stamp(folder / "responses.jsonl", of)
    >>> (folder / "model.ckpt").touch()
    >>> check_report(folder, folder / "model.ckpt")
    Traceback (most recent call last):
    ...
    speechbrain_relm.utils.errors.RecipeError: ... are answers of CKPT, but ...
    """
    responses, table = folder / "responses.jsonl", folder / "table.csv"
    answers = (read_stamp(responses) or {}).get("checkpoint")
    if answers and not checksum(weights).startswith(answers["content"]):
        raise RecipeError(
            f"{responses} are answers of {answers['of']}, but {weights} is "
            "the best checkpoint now: run the steps 'respond', 'score' and "
            "'report' again."
        )
    reported = read_stamp(table)
    if reported and reported["results"] != results_of(read_run(folder)):
        raise RecipeError(
            f"{table} is of other responses or scores than there are now: run "
            "the step 'report' again."
        )


def describe_repeats(learned, test):
    """Says how much of the test's words was said in training.

    Arguments
    ---------
    learned : dict
        Manifest entries of training and validation.
    test : dict
        Manifest entries of the test.

    Returns
    -------
    str
        A sentence.

    Example
    -------
    >>> describe_repeats({"a": {"transcript": "Oh!"}}, {})[:39]
    'None of the 0 test utterances says what'
    >>> test = {"b": {"transcript": "oh"}, "c": {"transcript": "No."}}
    >>> describe_repeats({"a": {"transcript": "Oh!"}}, test)[:31]
    '1 of the 2 test utterances (50%'
    """
    said = {normalised(entry["transcript"]) for entry in learned.values()}
    texts = [normalised(entry["transcript"]) for entry in test.values()]
    repeated = sum(text in said for text in texts)
    if not repeated:
        return (
            f"None of the {len(texts)} test utterances says what is said in "
            "training or validation."
        )
    return (
        f"{repeated} of the {len(texts)} test utterances "
        f"({repeated / len(texts):.0%}) say, word for word, what is said in "
        "training or validation."
    )


def describe_errors(attributes, corpus):
    """Says how far the dimension head is off, on the corpus's own scale.

    Arguments
    ---------
    attributes : torch.Tensor
        Predictions and labels [2, N, 3], 0..1.
    corpus : str
        Key of `SCALES`.

    Returns
    -------
    str
        A sentence.

    Example
    -------
    >>> import torch
    >>> attributes = torch.tensor([[[0.5, 0.5, 0.5]], [[0.75, 0.5, 0.0]]])
    >>> describe_errors(attributes, "IEMOCAP")[-43:]
    'arousal 1.00, dominance 0.00, valence 2.00.'
    """
    on_scale = from_unit(attributes.double(), corpus)
    errors = (on_scale[0] - on_scale[1]).abs().mean(0).tolist()
    low, high = SCALES[corpus]
    named = (f"{d} {e:.2f}" for d, e in zip(DIMENSIONS, errors))
    return (
        "Mean absolute error of the dimension head on the corpus's scale of "
        f"{low:g} to {high:g}: {', '.join(named)}."
    )
