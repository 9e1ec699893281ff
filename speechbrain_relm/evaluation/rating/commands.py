"""The commands `kit` and `ratings`.

Authors
 * The speechbrain_relm contributors 2026
"""

import sys
from pathlib import Path

from speechbrain_relm.utils.errors import count, program

KINDS = ("preference", "scale")


def kit(options):
    """Makes a page on which people rate two runs.

    Arguments
    ---------
    options : argparse.Namespace
        Arguments of `make_kit`.
    """
    # Only here: help and mistakes should not wait for it.
    from speechbrain_relm.evaluation.rating.kit import KEY, make_kit

    page = make_kit(
        options.runs,
        options.output,
        options.kind,
        options.items,
        options.checks,
        options.seed,
        options.question,
        options.data_folder,
    )
    key = page.with_name(KEY)
    sys.stdout.write(
        f"{page}\nSend it to the raters, and keep {key}, which says whose "
        f"answers are whose. Then:\n  {program()} ratings {key} ratings_*.csv\n"
    )


def ratings(options):
    """Reads what the raters sent back.

    Arguments
    ---------
    options : argparse.Namespace
        Arguments of `read_ratings`.
    """
    from speechbrain_relm.evaluation.rating.summary import read_ratings

    output = options.output or options.key.parent
    text = read_ratings(
        options.key, options.ratings, output, options.allowed_misses
    )
    sys.stdout.write(f"{text}\n{output / 'ratings.md'}\n")


def add_commands(commands):
    """Adds both to a parser.

    Arguments
    ---------
    commands : argparse._SubParsersAction
        From `add_subparsers`.
    """
    command = commands.add_parser(
        "kit",
        help="a page on which people rate the answers of two runs, blind",
        epilog=f"Example: {program()} kit Ours=results/a Theirs=results/b "
        "--output results/kit",
    )
    command.add_argument("runs", nargs=2, help="output folders, NAME=FOLDER")
    command.add_argument("--output", type=Path, default=Path("results/kit"))
    command.add_argument(
        "--kind",
        choices=KINDS,
        default="preference",
        help="which of two answers is better, or 1 to 5 points for each",
    )
    command.add_argument("--items", type=count, default=24)
    command.add_argument(
        "--checks", type=int, default=3, help="tests of attention among them"
    )
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--question", help="what the raters are asked")
    command.add_argument(
        "--data_folder", help="the corpus, if it was moved since the runs"
    )
    command.set_defaults(do=kit)
    command = commands.add_parser(
        "ratings",
        help="what the raters of a kit said",
        epilog=f"Example: {program()} ratings results/kit/key.json ratings_*.csv",
    )
    command.add_argument("key", type=Path, help="the kit's key.json")
    command.add_argument("ratings", nargs="+", help="the raters' CSVs")
    command.add_argument(
        "--output", type=Path, help="a folder; by default that of the key"
    )
    command.add_argument(
        "--allowed_misses",
        type=int,
        default=0,
        help="tests of attention that a rater may miss and still count",
    )
    command.set_defaults(do=ratings)
