"""Serves the page: `speechbrain-relm web RELEASE`.

Authors
 * The speechbrain_relm contributors 2026
"""

import logging

from speechbrain_relm.inference.commands import (
    RELEASE,
    add_history,
    add_trust,
    load,
)
from speechbrain_relm.utils.disk.run_folders import find_release
from speechbrain_relm.utils.errors import (
    Parser,
    RecipeError,
    entry_point,
    program,
)


def make_parser():
    """Makes the parser of the command.

    Returns
    -------
    speechbrain_relm.utils.errors.Parser
        The parser.
    """
    parser = Parser(
        prog=program("web"),
        description="A page to talk with RE-LLM, and with the same LLM that "
        "reads what Whisper heard.",
        epilog=f"Example: {program('web')} results/demo/re_llm_mini/release",
    )
    parser.add_argument("release", help=RELEASE)
    parser.add_argument(
        "--scorer",
        help="folder of an empathy scorer; by default the small one",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7860)
    add_history(parser)
    add_trust(parser)
    return parser


@entry_point("demo")
def main(arguments):
    """Loads the systems and serves the page.

    Arguments
    ---------
    arguments : list of str, optional
        Command line, by default the one of the process.

    Example
    -------
    >>> main(["no/such/release"])
    Traceback (most recent call last):
    ...
    SystemExit: demo: no/such/release is no release: name the folder...
    """
    given = make_parser().parse_args(arguments)
    logging.basicConfig(format="%(message)s")
    release = find_release(given.release)
    # `--help` and a wrong folder need not wait for these.
    try:
        from speechbrain_relm.demo.page import build, launch
        from speechbrain_relm.demo.sounds import Sounds, examples
    except ImportError:
        raise RecipeError("the page needs Gradio: pip install 'gradio>=6'")
    from speechbrain_relm.demo.listening import Listening

    listener = load(release, trust_code=given.trust_code)
    sounds = Sounds(examples())
    listening = Listening.of(listener, given.scorer, given.history_turns)
    page = build(listening, sounds)
    launch(page, sounds, server_name=given.host, server_port=given.port)


if __name__ == "__main__":
    main()
