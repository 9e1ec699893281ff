"""Serves the page: `python -m speechbrain_relm.demo RELEASE`.

Authors
 * The speechbrain_relm contributors 2026
"""

import logging

from speechbrain_relm.demo.listening import Listening
from speechbrain_relm.evaluation.score import scorer_source
from speechbrain_relm.inference.commands import add_trust, load
from speechbrain_relm.inference.epitome import EmpathyScoring
from speechbrain_relm.lobes.whisper_transcriber import WhisperTranscriber
from speechbrain_relm.utils.errors import Parser, RecipeError, entry_point


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
    parser = Parser(
        prog="python -m speechbrain_relm.demo",
        description="A page to talk with RE-LLM, and with the same LLM that "
        "reads what Whisper heard.",
        epilog="Example: python -m speechbrain_relm.demo "
        "results/demo/re_llm_mini/release",
    )
    parser.add_argument("release", help="folder or hub id of a release")
    parser.add_argument(
        "--scorer",
        help="folder of an empathy scorer; by default the small one",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7860)
    add_trust(parser)
    given = parser.parse_args(arguments)
    logging.basicConfig(format="%(message)s")
    listener = load(given.release, trust_code=given.trust_code)
    listening = Listening(
        listener,
        WhisperTranscriber(listener.hparams.whisper_source),
        EmpathyScoring.from_hparams(scorer_source(given.scorer)),
    )
    serve(listening, given.host, given.port)


def serve(listening, host, port):
    """Serves the page with the examples.

    Arguments
    ---------
    listening : speechbrain_relm.demo.listening.Listening
        What answers.
    host : str
        Name or address of the machine, as others reach it.
    port : int
        The port.

    Raises
    ------
    RecipeError
        If Gradio is not installed.
    """
    try:
        from speechbrain_relm.demo.page import build, launch
        from speechbrain_relm.demo.sounds import Sounds, examples
    except ImportError:
        raise RecipeError(
            "the page needs Gradio: pip install -e '.[mini,demo]'"
        )
    sounds = Sounds(examples())
    page = build(listening, sounds)
    launch(page, sounds, server_name=host, server_port=port)


if __name__ == "__main__":
    main()
