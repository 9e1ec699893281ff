"""Converts released checkpoints from the command line.

Authors
 * The speechbrain_relm contributors 2026
"""

import logging
import sys
from pathlib import Path

from huggingface_hub.utils import enable_progress_bars
from transformers.utils import logging as transformers_logging

from speechbrain_relm.convert.commands import convert
from speechbrain_relm.utils.errors import Parser, entry_point
from speechbrain_relm.utils.sources.hub import model_folder
from speechbrain_relm.utils.sources.preflight import (
    Need,
    disk_problems,
    downloads,
    look_at_all,
    refuse,
)

COMMANDS = {
    "qwen": "first-generation Qwen (Qwen-7B-Chat) to a folder that stock "
    "transformers loads as Qwen2",
    "blsp-emo": "BLSP-Emo, from which the paper starts, to folders of our "
    "lobes and a start for init_from",
    "epitome": "EPITOME checkpoints of the original code to an empathy scorer",
    "re-llm": "a RE-LLM checkpoint of the authors' code to folders of our "
    "lobes and a start for init_from",
}


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
    parser = Parser(
        prog="python -m speechbrain_relm.convert",
        description="Converts released checkpoints; no code of theirs is run.",
        epilog="Example: python -m speechbrain_relm.convert qwen "
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
    given = parser.parse_args(arguments)
    logging.basicConfig(format="%(message)s")
    logging.getLogger("speechbrain_relm").setLevel(logging.INFO)
    transformers_logging.disable_progress_bar()
    enable_progress_bars()  # of downloads
    options = {k: v for k, v in vars(given).items() if k == "backbone"}
    # Files of a kind of their own, small: that converter looks by itself.
    asked = {} if given.kind == "epitome" else {"source": given.source}
    found = look_at_all(asked)
    size = sum(one.size for one in found)
    written = Need("conversion", str(given.target), size)
    refuse(found, disk_problems([*downloads(found), written]))
    source = model_folder(given.source)
    convert(given.kind, source, given.target, **options)
    sys.stdout.write(f"{given.target}\n")


if __name__ == "__main__":
    main()
