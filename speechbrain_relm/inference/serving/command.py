"""`speechbrain-relm serve RELEASE`: a release behind OpenAI's protocol.

Authors
 * The speechbrain_relm contributors 2026
"""

import logging
import os

from speechbrain_relm.inference.commands import (
    RELEASE,
    add_device,
    add_trust,
    load,
)
from speechbrain_relm.utils.errors import (
    Parser,
    RecipeError,
    count,
    entry_point,
    program,
)
from speechbrain_relm.utils.limits import SERVED_TOKENS

KEY = "SPEECHBRAIN_RELM_API_KEY"
HERE = ("127.0.0.1", "localhost", "::1")
SECONDS_TO_END = 30


def make_parser():
    """Makes the parser of the command.

    Returns
    -------
    speechbrain_relm.utils.errors.Parser
        The parser.
    """
    parser = Parser(
        prog=program("serve"),
        description="Answers OpenAI's chat completions with a release: text, "
        "speech, several turns, streams. docs/serving.md shows clients.",
        epilog=f"Example: {program('serve')} "
        "results/ESD/re_llm/1986 --port 8000",
    )
    parser.add_argument("release", help=RELEASE)
    parser.add_argument("--port", type=count, default=8000)
    parser.add_argument(
        "--host",
        default=HERE[0],
        help=f"another one than {HERE[0]} lets others ask, with the key that "
        f"the environment variable {KEY} holds",
    )
    parser.add_argument(
        "--name", default="re-llm", help="what clients call the model"
    )
    add_device(parser)
    add_limits(parser)
    add_trust(parser)
    return parser


def add_limits(parser):
    """Adds how much is answered at a time.

    Arguments
    ---------
    parser : speechbrain_relm.utils.errors.Parser
        The parser.
    """
    parser.add_argument(
        "--batch_size", type=count, default=16, help="answers at a time"
    )
    parser.add_argument(
        "--queue",
        type=count,
        default=64,
        help="requests that may wait; more are refused with status 429",
    )
    parser.add_argument(
        "--max_tokens",
        type=count,
        default=SERVED_TOKENS,
        help="of an answer, at most",
    )


def key_for(host, environment):
    """Finds the key that clients must show.

    Arguments
    ---------
    host : str
        Where the server listens.
    environment : dict
        Environment variables.

    Returns
    -------
    str or None
        The key; `None` where only this machine can ask.

    Raises
    ------
    ValueError
        If others can ask and there is no key.

    Example
    -------
    >>> key_for("127.0.0.1", {})
    >>> key_for("0.0.0.0", {})
    Traceback (most recent call last):
    ...
    ValueError: --host 0.0.0.0 lets others ask: set SPEECHBRAIN_RELM_API_KEY...
    """
    key = environment.get(KEY) or None
    if key is None and host not in HERE:
        raise ValueError(
            f"--host {host} lets others ask: set {KEY} to the key that they "
            f"must show, or leave --host at {HERE[0]}."
        )
    return key


@entry_point("speechbrain-relm")
def main(arguments):
    """Serves a release until it is interrupted.

    Arguments
    ---------
    arguments : list of str, optional
        Command line, by default the one of the process.

    Raises
    ------
    RecipeError
        If the server's packages are not installed.
    """
    given = make_parser().parse_args(arguments)
    key = key_for(given.host, os.environ)
    logging.basicConfig(format="%(message)s")
    try:
        import uvicorn

        from speechbrain_relm.inference.serving.app import Service
        from speechbrain_relm.inference.serving.messages import LIMITS
    except ImportError:
        raise RecipeError(
            "serve needs a web server: pip install starlette uvicorn"
        )
    service = Service(
        load(given.release, given.device, given.trust_code),
        given.name,
        key,
        given.batch_size,
        given.queue,
        LIMITS._replace(tokens=given.max_tokens),
    )
    local = given.host in HERE
    uvicorn.run(
        service.app([*HERE, "[::1]"] if local else ["*"]),
        host=given.host,
        port=given.port,
        # What is being answered is answered; then the process ends.
        timeout_graceful_shutdown=SECONDS_TO_END,
    )
