#!/usr/bin/env python3
"""Keeps the figures of demo runs that the documents show.

    python tools/demo_figures.py results/demo --command "make demo"

writes `tests/data/demo_figures.json` from the finished demo in the folder, or
from several of other seeds, and prints what the README shows of it.

    python tools/demo_figures.py --parts "seed 1=RUN" "words alone=RUN" \\
        --command "how they were made"

writes `tests/data/demo_parts.json`, the measures in docs/listening.md of any
runs with the step `same_words`. `tests/unittests/test_demo_figures.py` holds
the documents to the two files.

Authors
 * The speechbrain_relm contributors 2026
"""

import re
import sys
from pathlib import Path
from statistics import mean

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from speechbrain_relm.data.corpus import as_json  # noqa: E402
from speechbrain_relm.evaluation import listening_rows  # noqa: E402
from speechbrain_relm.evaluation.listening.four_voices import (  # noqa: E402
    first_in_all_emotions,
)
from speechbrain_relm.evaluation.runs import SCORES, read_figures  # noqa: E402
from speechbrain_relm.evaluation.tables.table_csv import read_csv  # noqa: E402
from speechbrain_relm.utils.errors import Parser, entry_point  # noqa: E402
from speechbrain_relm.utils.files import write_atomically  # noqa: E402
from speechbrain_relm.utils.records import read_records  # noqa: E402

FIXTURE = ROOT / "tests" / "data" / "demo_figures.json"
PARTS = FIXTURE.with_name("demo_parts.json")
MEASURES = "tone_fit content_fit identical_share flawed_share".split()
MEASURES.append("unweighted_accuracy")
# What the README calls the figures, and what they are by chance.
README = {
    "answers that fit the emotion of the voice (tone fit)": "tone_fit",
    "answers that fit the sentence (content fit)": "content_fit",
    "UA of the category head": "unweighted_accuracy",
    "the same answer to the same words in another emotion": "identical_share",
    "letters, refusals, loops, echoes, cut sentences": "flawed_share",
}
CHANCE = {"tone_fit": ".25", "content_fit": ".25", "unweighted_accuracy": ".25"}
SHOWN_SCORES = ("ER", "Ex")
FIGURE = ("value", "low", "high")
ANSWER = ("emotion", "head_emotion", "response")


def figures_of_run(folder):
    """Collects the figures of one finished recipe.

    Arguments
    ---------
    folder : pathlib.Path
        Its output folder.

    Returns
    -------
    dict
        `seed`; `utterances`, of the test; `same_words`, as that step left it;
        `scores`; and `answers` to the same words.
    """
    same_words = read_same_words(folder)
    yaml = (folder / "hyperparams.yaml").read_text(encoding="utf-8")
    responses = read_records(folder / "responses.jsonl")
    table = read_csv(folder / "table.csv")
    values = {cell.metric: cell.value for cell in table}
    records = first_in_all_emotions(responses)
    return {
        "seed": int(re.search(r"^seed: (\d+)", yaml, re.M).group(1)),
        "utterances": len(responses),
        "same_words": same_words,
        "scores": {name: values[SCORES[name]] for name in SHOWN_SCORES},
        "answers": {
            "transcript": records[0]["transcript"],
            "takes": [{k: r[k] for k in ANSWER} for r in records],
        },
    }


def read_same_words(folder):
    """Reads what the step `same_words` left.

    Arguments
    ---------
    folder : pathlib.Path
        Output folder of a recipe.

    Returns
    -------
    dict
        The figures.

    Raises
    ------
    FileNotFoundError
        If the step did not run.
    """
    figures = read_figures(folder / "same_words.json")
    if figures is None:
        raise FileNotFoundError(
            f"{folder / 'same_words.json'} is missing: run the recipe again "
            'with --steps "[same_words]".'
        )
    return figures


def parts_of_run(folder):
    """Collects what docs/listening.md shows of a run.

    Arguments
    ---------
    folder : pathlib.Path
        Output folder of a recipe.

    Returns
    -------
    dict
        Each measure's value and interval; of each swap, how many answers
        follow the take's own emotion and how many the other's, or `None`.
    """
    found = read_same_words(folder)
    parts = {
        name: [
            found[name][key] and round(found[name][key], 4) for key in FIGURE
        ]
        for name in MEASURES
    }
    parts["swaps"] = {
        swap: sides and [round(side["value"], 4) for side in sides.values()]
        for swap, sides in found["swaps"].items()
    }
    return parts


def summary(runs, *path):
    """Sums a figure up over runs.

    Arguments
    ---------
    runs : list of dict
        `runs` of the fixture.
    *path : str
        Names that lead to a figure with `value`, `low` and `high`.

    Returns
    -------
    tuple of float
        Value and interval of one run; of several the mean, the lowest and
        the highest value.
    """
    found = []
    for run in runs:
        for name in path:
            run = run[name]
        found.append(run)
    if len(found) == 1:
        return tuple(found[0][key] for key in FIGURE)
    values = [figure["value"] for figure in found]
    return mean(values), min(values), max(values)


def in_brackets(figure, digits):
    """Prints a figure.

    Arguments
    ---------
    figure : tuple of float
        From `summary`.
    digits : int
        Decimals.

    Returns
    -------
    str
        E.g. `.77 [.62, .92]`.
    """
    return listening_rows.in_brackets(dict(zip(FIGURE, figure)), digits)


def shown(runs):
    """Prints what the documents show.

    Arguments
    ---------
    runs : list of dict
        `runs` of the fixture.

    Returns
    -------
    str
        Rows of Markdown for the README, and figures for its text.
    """
    lines = []
    for label, name in README.items():
        figure = in_brackets(summary(runs, "same_words", name), 2)
        lines.append(f"| {label} | {figure} | {CHANCE.get(name, '')} |")
    lines += ["", f'"{runs[0]["answers"]["transcript"]}"', ""]
    for take in runs[0]["answers"]["takes"]:
        emotion, heard, answer = (take[key] for key in ANSWER)
        sound = f"[{emotion}](docs/sounds/{emotion}.flac)"
        lines.append(f'| {sound} | {heard} | "{answer}" |')
    rate = mean(run["words"]["WER"] for run in runs)
    lines += ["", f"Word error rate: {rate:.2f}"]
    for name in SHOWN_SCORES:
        score = mean(run["scores"][name] for run in runs)
        lines.append(f"{name}: {score:.2f}")
    return "\n".join(lines) + "\n"


def write_runs(options):
    """Writes the fixture of the README.

    Arguments
    ---------
    options : argparse.Namespace
        The command line.
    """
    runs = [
        {
            **figures_of_run(Path(folder, "re_llm_mini")),
            "words": read_figures(Path(folder, "words", "words.json")),
        }
        for folder in options.folders
    ]
    content = {"command": options.command, "runs": runs}
    write_atomically(FIXTURE, as_json(content))
    sys.stdout.write(shown(runs))


def write_parts(options):
    """Writes the fixture of docs/listening.md.

    Arguments
    ---------
    options : argparse.Namespace
        The command line.
    """
    named = [folder.rpartition("=")[::2] for folder in options.folders]
    runs = {name: parts_of_run(Path(folder)) for name, folder in named}
    content = {"command": options.command, "runs": runs}
    write_atomically(PARTS, as_json(content))


@entry_point("demo_figures.py")
def main(arguments):
    """Writes a fixture."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", help="e.g. results/demo")
    parser.add_argument("--command", required=True, help="that made them")
    parser.add_argument("--parts", action="store_true", help="see above")
    options = parser.parse_args(arguments)
    (write_parts if options.parts else write_runs)(options)


if __name__ == "__main__":
    main()
