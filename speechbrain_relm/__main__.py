"""One command for a shell: `speechbrain-relm`, `python -m speechbrain_relm`.

Authors
 * The speechbrain_relm contributors 2026
"""

import importlib
import logging

from speechbrain_relm.inference import commands
from speechbrain_relm.utils.errors import DEBUG, Parser, count, entry_point

# Commands that other modules have: name to the module, imported only where it
# is asked for, what its command line starts with, and what the command does.
ELSEWHERE = {
    "serve": (
        "inference.serving.command",
        [],
        "a server with OpenAI's chat completions over a release",
    ),
    "export": (
        "inference.exporting",
        [],
        "prompts as embeddings, and an LLM, for engines such as vLLM",
    ),
    "score": (
        "evaluation.__main__",
        ["score"],
        "empathy of any system's responses, from a CSV or a responses.jsonl",
    ),
    "grade": (
        "runs.judging.command",
        [],
        "an LLM's grades of a run's responses, beside EPITOME's scores",
    ),
    "table": ("evaluation.__main__", ["table"], "Table I of finished runs"),
    "same_words": (
        "inference.same_words",
        [],
        "whether a release answers the same words in another voice otherwise",
    ),
    "plan": (
        "runs.planning.plan",
        [],
        "memory, parameters and checkpoint size of a YAML",
    ),
    "convert": (
        "convert.__main__",
        [],
        "released checkpoints to folders of our lobes",
    ),
}


def make_parser():
    """Makes the parser of the commands.

    Returns
    -------
    speechbrain_relm.utils.errors.Parser
        The parser.
    """
    parser = Parser(
        prog="speechbrain-relm",
        description="RE-LLM, a speech LLM that hears how something is said.",
        epilog="`speechbrain-relm COMMAND --help` shows an example of each. "
        f"{DEBUG} shows where an error comes from.",
    )
    found = parser.add_subparsers(dest="command", required=True)
    respond = found.add_parser(
        "respond",
        help="answer recordings",
        epilog="Example: speechbrain-relm respond "
        "results/ESD/re_llm/1986/release speech.wav --emotion",
    )
    respond.add_argument("release", help="folder or hub id of a release")
    respond.add_argument(
        "recordings",
        nargs="+",
        help="audio files; with "
        "--output also folders of them, and lists (.txt)",
    )
    respond.add_argument(
        "--emotion", action="store_true", help="say what emotion was heard"
    )
    respond.add_argument(
        "--output", help="a JSON-lines file: answers in batches, resumable"
    )
    respond.add_argument(
        "--batch_size", type=count, default=16, help="with --output"
    )
    respond.set_defaults(do=respond_to)
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
            "--sentences", type=count, help="of an answer, at most"
        )
        commands.add_device(parsed)
        commands.add_trust(parsed)
    for name, (_, _, what) in ELSEWHERE.items():
        found.add_parser(name, help=what, add_help=False)
    return parser


def respond_to(options):
    """Answers recordings, as the words come, or in batches into a file.

    Arguments
    ---------
    options : argparse.Namespace
        Of the command `respond`.
    """
    if options.output:
        name = "speechbrain_relm.inference.recordings"
        importlib.import_module(name).answer_all(options)
    else:
        commands.respond(options)


@entry_point("speechbrain-relm")
def main(arguments):
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
    if arguments and arguments[0] in ELSEWHERE:
        module, first, _ = ELSEWHERE[arguments[0]]
        module = importlib.import_module(f"speechbrain_relm.{module}")
        module.main([*first, *arguments[1:]])
    else:
        options = make_parser().parse_args(arguments)
        logging.basicConfig(format="%(message)s")
        options.do(options)


if __name__ == "__main__":
    main()
