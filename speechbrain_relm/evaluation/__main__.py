"""Scores responses and makes tables from the command line.

Authors
 * The speechbrain_relm contributors 2026
"""

import importlib
import logging
from pathlib import Path

from speechbrain_relm.evaluation.rating.commands import add_commands
from speechbrain_relm.utils.errors import Parser, entry_point, program


def make_parser():
    """Makes the parser of the commands.

    Returns
    -------
    speechbrain_relm.utils.errors.Parser
        The parser.
    """
    parser = Parser(
        prog=program(),
        description="Scores responses and compares finished runs.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser(
        "score",
        help="ER, Ex and interpretation of any system's responses",
        epilog=f"Example: {program()} score other.csv results/other",
    )
    command.add_argument(
        "responses",
        help="a CSV with transcript and response, or a responses.jsonl",
    )
    command.add_argument("output", type=Path, help="folder for the scores")
    command.add_argument(
        "--scorer", help="folder of an empathy scorer; by default the small one"
    )
    command = commands.add_parser(
        "table",
        help="Table I of finished runs",
        epilog=f"Example: {program()} table "
        "Ours=results/a Theirs=results/b --baseline Theirs --gains "
        "Ours:Theirs --output results/table",
    )
    command.add_argument(
        "runs",
        nargs="+",
        help="folders, NAME=FOLDER; those of one name (seeds, sessions) are "
        "pooled",
    )
    command.add_argument("--baseline", help="name of the run to test against")
    command.add_argument(
        "--gains", nargs="*", help="pairs SYSTEM:OTHER of names"
    )
    command.add_argument(
        "--paper",
        help="show the paper's numbers of IEMOCAP, ESD or MSP-Podcast as well",
    )
    command.add_argument(
        "--data_folder",
        help="the corpus, if it was moved: for the recordings in table.html",
    )
    command.add_argument("--output", type=Path, default=Path("results/table"))
    command = commands.add_parser(
        "join",
        help="the tables of several corpora in one",
        epilog=f"Example: {program()} join "
        "IEMOCAP=results/IEMOCAP/table_re_llm_session5/1986 "
        "ESD=results/ESD/table_re_llm/1986",
    )
    command.add_argument("tables", nargs="+", help="CORPUS=FOLDER")
    command.add_argument("--output", type=Path, default=Path("results/table"))
    command = commands.add_parser(
        "questions",
        help="empathy by recognition, exploration by length",
        epilog=f"Example: {program()} questions results/ESD/re_llm_mini/1986",
    )
    command.add_argument("runs", nargs="+", help="folders, NAME=FOLDER")
    add_commands(commands)
    return parser


@entry_point("evaluation")
def main(arguments):
    """Runs a command, or says in one line what is wrong.

    Arguments
    ---------
    arguments : list of str, optional
        Command line, by default the one of the process.

    Example
    -------
    >>> main(["questions", "no-such-run"])
    Traceback (most recent call last):
    ...
    SystemExit: evaluation: no-such-run/responses.jsonl is missing: name the...
    """
    options = make_parser().parse_args(arguments)
    logging.basicConfig(format="%(message)s")
    # `--help` need not wait for what does the work.
    commands = importlib.import_module("speechbrain_relm.evaluation.commands")
    do = getattr(options, "do", None) or getattr(commands, options.command)
    do(options)


if __name__ == "__main__":
    main()
