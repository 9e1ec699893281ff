"""One command for a shell: `speechbrain-relm`, `python -m speechbrain_relm`.

Authors
 * The speechbrain_relm contributors 2026
"""

import importlib
import logging
from pathlib import Path

from speechbrain_relm import __version__
from speechbrain_relm.inference import commands
from speechbrain_relm.utils.disk.run_folders import find_release
from speechbrain_relm.utils.errors import (
    DEBUG,
    Parser,
    count,
    entry_point,
    program,
)

HERE = Path(__file__).resolve().parent
# Commands that other modules have: name to the module, imported only where it
# is asked for, what its command line starts with, and what the command does.
ELSEWHERE = {
    "web": (
        "demo.__main__",
        [],
        "a page in the browser to talk with a release",
    ),
    "serve": (
        "inference.serving.command",
        [],
        "a server with OpenAI's chat completions over a release",
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
    "listen": (
        "runs.judging.listening",
        [],
        "whether any system's responses follow the voice, from a CSV",
    ),
    "table": ("evaluation.__main__", ["table"], "Table I of finished runs"),
    "join": (
        "evaluation.__main__",
        ["join"],
        "the tables of several corpora in one",
    ),
    "questions": (
        "evaluation.__main__",
        ["questions"],
        "the paper's open questions, asked of finished runs",
    ),
    "kit": (
        "evaluation.__main__",
        ["kit"],
        "a page on which people rate the answers of two runs, blind",
    ),
    "ratings": (
        "evaluation.__main__",
        ["ratings"],
        "what the raters of a kit said",
    ),
    "recipe": (
        "runs.planning.recipes",
        [],
        "list, copy or run a recipe of this package",
    ),
    "plan": (
        "runs.planning.command",
        [],
        "memory, parameters and checkpoint size of a YAML",
    ),
    "convert": (
        "convert.__main__",
        [],
        "released checkpoints to folders of our lobes",
    ),
}


def elsewhere():
    """Picks the commands whose modules are here.

    SpeechBrain gets them one after another, and has no need of `recipe`.

    Returns
    -------
    dict
        Those of `ELSEWHERE`.

    Example
    -------
    >>> elsewhere()["plan"][0]
    'runs.planning.command'
    """
    return {
        name: command
        for name, command in ELSEWHERE.items()
        if (HERE / f"{command[0].replace('.', '/')}.py").is_file()
    }


def make_parser():
    """Makes the parser of the commands.

    Returns
    -------
    speechbrain_relm.utils.errors.Parser
        The parser.
    """
    parser = Parser(
        prog=program(),
        description="RE-LLM, a speech LLM that hears how something is said.",
        epilog=f"`{program()} COMMAND --help` shows an example of each. "
        f"{DEBUG} shows where an error comes from.",
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"speechbrain_relm {__version__}",
    )
    found = parser.add_subparsers(dest="command", required=True)
    _add_respond(found)
    _add_chat(found)
    _add_same_words(found)
    _add_export(found)
    for name, (_, _, what) in elsewhere().items():
        found.add_parser(name, help=what, add_help=False)
    return parser


def _add_respond(found):
    """Adds the command `respond`."""
    respond = found.add_parser(
        "respond",
        help="answer recordings",
        epilog=f"Example: {program('respond')} "
        "results/ESD/re_llm/1986 speech.wav --emotion",
    )
    respond.add_argument("release", help=commands.RELEASE)
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
    _add_answering(respond)
    respond.set_defaults(do=_respond_to)


def _add_chat(found):
    """Adds the command `chat`."""
    chat = found.add_parser(
        "chat",
        help=f"talk, a line a turn; '{commands.WAV}PATH' is a spoken turn, "
        f"'{commands.HELP}' lists what else",
        epilog=f"Example: {program('chat')} "
        "results/ESD/re_llm/1986 --speech speech.wav",
    )
    chat.add_argument("release", help=commands.RELEASE)
    chat.add_argument("--speech", help="an audio file as the first turn")
    commands.add_history(chat)
    _add_answering(chat)
    chat.set_defaults(do=commands.chat)


def _add_answering(parser):
    """Adds what all commands that answer ask."""
    parser.add_argument("--sentences", type=count, help="of an answer, at most")
    commands.add_device(parser)
    commands.add_trust(parser)


def _add_same_words(found):
    """Adds the command `same_words`."""
    parser = found.add_parser(
        "same_words",
        help="whether a release answers the same words in another voice "
        "otherwise",
        description="Do answers to the same words in another voice differ, "
        "and do they follow the voice?",
        epilog=f"Example: {program('same_words')} "
        "results/ESD/re_llm/1986 /path/to/ESD results/same_words",
    )
    parser.add_argument("release", help=commands.RELEASE)
    parser.add_argument("data_folder", help="a parallel corpus, as ESD")
    parser.add_argument("output_folder", help="for records and figures")
    parser.add_argument("--batch_size", type=count, default=16)
    commands.add_device(parser)
    parser.add_argument(
        "--judge", help="hub id or folder of an LLM; by default the release's"
    )
    commands.add_trust(parser)
    parser.set_defaults(do=_compare_voices)


def _add_export(found):
    """Adds the command `export`."""
    parser = found.add_parser(
        "export",
        help="prompts as embeddings, and an LLM, for engines such as vLLM",
        description="Writes the prompts of recordings as embeddings, which "
        "vLLM takes (--enable-prompt-embeds), and an LLM with its LoRA merged. "
        "docs/serving.md says of which releases.",
        epilog=f"Example: {program('export')} "
        "results/ESD/no_lora/1986 wavs --output exported",
    )
    parser.add_argument("release", help=commands.RELEASE)
    parser.add_argument(
        "recordings", nargs="+", help="audio files, folders, lists (.txt)"
    )
    parser.add_argument("--output", type=Path, required=True, help="a folder")
    commands.add_device(parser)
    commands.add_trust(parser)
    parser.set_defaults(do=export)


def _respond_to(options):
    """Answers recordings, as the words come, or in batches into a file."""
    if options.output:
        name = "speechbrain_relm.inference.recordings"
        importlib.import_module(name).answer_all(options)
    else:
        commands.respond(options)


def export(options):
    """Exports a release.

    Arguments
    ---------
    options : argparse.Namespace
        Of the command `export`.
    """
    name = "speechbrain_relm.inference.exporting"
    importlib.import_module(name).export(options)


def _compare_voices(options):
    """Measures whether a release follows the voice."""
    name = "speechbrain_relm.inference.same_words"
    importlib.import_module(name).show(options)


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
    known = elsewhere()
    if arguments and arguments[0] in known:
        module, first, _ = known[arguments[0]]
        module = importlib.import_module(f"speechbrain_relm.{module}")
        module.main([*first, *arguments[1:]])
    else:
        options = make_parser().parse_args(arguments)
        options.release = find_release(options.release)
        logging.basicConfig(format="%(message)s")
        options.do(options)


if __name__ == "__main__":
    main()
