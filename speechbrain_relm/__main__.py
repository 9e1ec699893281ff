"""One command for a shell: `speechbrain-relm`, `python -m speechbrain_relm`.

Authors
 * The speechbrain_relm contributors 2026
"""

import argparse
import logging
import sys

from transformers.utils import logging as transformers_logging

from speechbrain_relm import commands, plan
from speechbrain_relm.convert import __main__ as convert
from speechbrain_relm.errors import RecipeError
from speechbrain_relm.evaluation import __main__ as evaluation

# Commands that other modules have: name to what runs it and what it does.
ELSEWHERE = {
    "score": (
        lambda rest: evaluation.main(["score", *rest]),
        "empathy of any system's responses, from a CSV or a responses.jsonl",
    ),
    "table": (
        lambda rest: evaluation.main(["table", *rest]),
        "Table I of finished runs",
    ),
    "plan": (plan.main, "memory, parameters and checkpoint size of a YAML"),
    "convert": (convert.main, "released checkpoints to folders of our lobes"),
}


def make_parser():
    """Makes the parser of the commands.

    Returns
    -------
    argparse.ArgumentParser
        The parser.
    """
    parser = argparse.ArgumentParser(
        prog="speechbrain-relm",
        description="RE-LLM, a speech LLM that hears how something is said.",
        epilog="`speechbrain-relm COMMAND --help` shows an example of each.",
    )
    found = parser.add_subparsers(dest="command", required=True)
    respond = found.add_parser(
        "respond",
        help="answer recordings",
        epilog="Example: speechbrain-relm respond "
        "results/ESD/re_llm/1986/release speech.wav --emotion",
    )
    respond.add_argument("release", help="folder or hub id of a release")
    respond.add_argument("recordings", nargs="+", help="audio files")
    respond.add_argument(
        "--emotion", action="store_true", help="say what emotion was heard"
    )
    respond.set_defaults(do=commands.respond)
    chat = found.add_parser(
        "chat",
        help="talk, a line a turn; '/wav PATH' is a spoken turn",
        epilog="Example: speechbrain-relm chat "
        "results/ESD/re_llm/1986/release --speech speech.wav",
    )
    chat.add_argument("release", help="folder or hub id of a release")
    chat.add_argument("--speech", help="an audio file as the first turn")
    chat.set_defaults(do=commands.chat)
    for parsed in (respond, chat):
        parsed.add_argument(
            "--sentences", type=int, help="of an answer, at most"
        )
    for name, (_, what) in ELSEWHERE.items():
        found.add_parser(name, help=what, add_help=False)
    return parser


def main(arguments=None):
    """Runs a command, or says in one line what is wrong.

    Arguments
    ---------
    arguments : list of str, optional
        Command line, by default the one of the process.

    Example
    -------
    >>> main(["respond", "no/such/release", "speech.wav"])
    Traceback (most recent call last):
    ...
    SystemExit: speechbrain-relm: no/such/release is no release: name the...
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments and arguments[0] in ELSEWHERE:
        return ELSEWHERE[arguments[0]][0](arguments[1:])
    options = make_parser().parse_args(arguments)
    logging.basicConfig(format="%(message)s")
    transformers_logging.disable_progress_bar()
    try:
        options.do(options)
    except (OSError, ValueError, RecipeError) as error:
        sys.exit(f"speechbrain-relm: {error}")


if __name__ == "__main__":
    main()
