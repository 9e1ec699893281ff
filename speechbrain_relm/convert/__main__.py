"""Converts released checkpoints from the command line.

Authors
 * The speechbrain_relm contributors 2026
"""

import importlib
import logging
from pathlib import Path

from speechbrain_relm.utils.errors import Parser, entry_point, program

COMMANDS = {
    "qwen": "first-generation Qwen (Qwen-7B-Chat) to a folder that stock "
    "transformers loads as Qwen2",
    "blsp-emo": "BLSP-Emo, from which the paper starts, to folders of our "
    "lobes and a start for init_from",
    "epitome": "EPITOME checkpoints of the original code to an empathy scorer",
    "re-llm": "a RE-LLM checkpoint of the authors' code to folders of our "
    "lobes and a start for init_from",
}


def make_parser():
    """Makes the parser of the command.

    Returns
    -------
    speechbrain_relm.utils.errors.Parser
        The parser.
    """
    parser = Parser(
        prog=program("convert"),
        description="Converts released checkpoints; no code of theirs is run.",
        epilog=f"Example: {program('convert')} qwen "
        "Qwen/Qwen-7B-Chat converted/qwen",
    )
    commands = parser.add_subparsers(dest="kind", required=True)
    for kind, what in COMMANDS.items():
        command = commands.add_parser(kind, help=what, description=what)
        command.add_argument("source", help="released folder, or hub id")
        command.add_argument(
            "target", type=Path, help="new folder; must not exist yet"
        )
        if kind == "epitome":
            command.add_argument(
                "--backbone",
                default="roberta-base",
                help="hub id or folder of the encoder it was trained with",
            )
    return parser


@entry_point("convert")
def main(arguments):
    """Converts, or says in one line what is wrong.

    Arguments
    ---------
    arguments : list of str, optional
        Command line, by default the one of the process.

    Example
    -------
    >>> main(["qwen", "/no/folder", "target"])
    Traceback (most recent call last):
    ...
    SystemExit: convert: source: /no/folder is no folder: check the path.
    """
    given = make_parser().parse_args(arguments)
    logging.basicConfig(format="%(message)s")
    logging.getLogger("speechbrain_relm").setLevel(logging.INFO)
    # `--help` need not wait for what does the work.
    commands = importlib.import_module("speechbrain_relm.convert.commands")
    commands.convert_asked(given)


if __name__ == "__main__":
    main()
