"""What the shell commands over finished runs do.

Authors
 * The speechbrain_relm contributors 2026
"""

import sys
from pathlib import Path

from speechbrain_relm.evaluation.external import read_any, take_over
from speechbrain_relm.evaluation.pages.recordings import recordings_of_all
from speechbrain_relm.evaluation.pages.table import write_table
from speechbrain_relm.evaluation.questions import render_questions
from speechbrain_relm.evaluation.runs import describe_scorers, read_run
from speechbrain_relm.evaluation.score import score_responses, scorer_source
from speechbrain_relm.evaluation.tables.alike import describe_origin
from speechbrain_relm.evaluation.tables.paper import printed_cells
from speechbrain_relm.evaluation.tables.table import (
    relative_gains,
    table_cells,
    to_latex,
    to_markdown,
)
from speechbrain_relm.evaluation.tables.table_csv import read_csv, to_csv
from speechbrain_relm.lobes.epitome import EmpathyScorer
from speechbrain_relm.utils.files import write_atomically
from speechbrain_relm.utils.sources.base_models import source_content
from speechbrain_relm.utils.text.cells import markdown_cell


def score(options):
    """Scores a CSV, or a run's responses, into a folder of a run.

    Arguments
    ---------
    options : argparse.Namespace
        `responses`, `output` and `scorer`.
    """
    responses = read_any(options.responses)
    take_over(responses, options.responses, options.output)
    scorer_folder = scorer_source(options.scorer)
    score_responses(
        EmpathyScorer(scorer_folder),
        responses,
        options.output / "scores.jsonl",
        {"scorer_source": source_content(scorer_folder)},
    )
    run = read_run(options.output)
    lines = [to_markdown(table_cells([run])), "", *describe_scorers([run])]
    lines += describe_origin([run])
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.write(f"\n{options.output}\n")


def table(options):
    """Makes Table I of finished runs.

    Arguments
    ---------
    options : argparse.Namespace
        `runs`, `baseline`, `gains`, `paper`, `output` and `data_folder`.
    """
    check_names(options.runs)
    _check_is_no_run(options.output)
    runs = [read_run(folder) for folder in options.runs]
    remarks = describe_scorers(runs)
    if options.gains:
        cells = table_cells(runs, options.baseline)
        remarks += ["", "## Relative gains", ""]
        for pair in options.gains:
            system, _, other = pair.partition(":")
            if not other:
                raise ValueError(f"--gains {pair}: write SYSTEM:OTHER.")
            for metric, gain in relative_gains(cells, system, other).items():
                shown = "undefined" if gain is None else f"{gain:+.2f} %"
                named = f"{metric}, {system} over {other}"
                remarks.append(f"- {markdown_cell(named)}: {shown}")
    if options.paper:
        remarks += ["", f"## As printed in the paper: {options.paper}", ""]
        remarks.append(to_markdown(printed_cells(options.paper)))
    folders = [folder.rpartition("=")[2] for folder in options.runs]
    wavs = recordings_of_all(folders, options.data_folder)
    text = write_table(options.output, runs, options.baseline, remarks, wavs)
    paths = [options.output / f"table.{ending}" for ending in ("md", "html")]
    sys.stdout.write("\n".join([text, *map(str, paths), ""]))


def _check_is_no_run(folder):
    """Refuses a folder whose own table another one would replace."""
    if (folder / "responses.jsonl").is_file():
        raise ValueError(
            f"--output {folder} is a run, whose own table this one would "
            "replace: name another folder."
        )


def check_names(folders):
    """Refuses runs that would be pooled without being meant to.

    Arguments
    ---------
    folders : list of str
        Folders, with NAME= before them or not.

    Raises
    ------
    ValueError
        If a folder is there twice, or two that are not named have one name.

    Example
    -------
    >>> check_names(["A=results/a/1986", "A=results/a/1987"])
    >>> check_names(["results/a/1986", "results/b/1986"])
    Traceback (most recent call last):
    ...
    ValueError: Two runs have one name (1986): give names, as in RE-LLM=...
    """
    paths = [Path(folder.rpartition("=")[2]) for folder in folders]
    bare = [p.name for p, f in zip(paths, folders) if "=" not in f]
    twice = [name for name in bare if bare.count(name) > 1]
    if twice:
        raise ValueError(
            f"Two runs have one name ({twice[0]}): give names, as in "
            "RE-LLM=results/ESD/re_llm/1986. Runs that are given one name are "
            "pooled."
        )
    real = [path.resolve() for path in paths]
    twice = [p for p, path in zip(paths, real) if real.count(path) > 1]
    if twice:
        raise ValueError(f"{twice[0]} is there twice: name each run once.")


def join(options):
    """Joins the tables of several corpora.

    Arguments
    ---------
    options : argparse.Namespace
        `tables` and `output`.
    """
    _check_is_no_run(options.output)
    cells, seen = [], set()
    for table in options.tables:
        corpus, _, folder = table.rpartition("=")
        if corpus in seen:
            raise ValueError(
                f"{corpus} is there twice: pool its runs by the command "
                "'table', which takes several of one name, and join that."
            )
        seen.add(corpus)
        path = Path(folder) / "table.csv"
        if not corpus or not path.is_file():
            raise ValueError(
                f"{table}: write CORPUS=FOLDER with the folder of a table "
                "(it holds table.csv)."
            )
        cells += [
            cell._replace(metric=f"{corpus}: {cell.metric}")
            for cell in read_csv(path)
        ]
    text = "# Table I\n\n" + to_markdown(cells) + "\n"
    write_atomically(options.output / "table.md", text)
    write_atomically(options.output / "table.csv", to_csv(cells))
    write_atomically(options.output / "table.tex", to_latex(cells) + "\n")
    sys.stdout.write(f"{text}\n{options.output / 'table.md'}\n")


def questions(options):
    """Answers the paper's open questions for finished runs.

    Arguments
    ---------
    options : argparse.Namespace
        `runs`.
    """
    for folder in options.runs:
        sys.stdout.write(render_questions(read_run(folder)) + "\n\n")
