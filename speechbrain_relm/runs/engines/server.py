"""A server that speaks OpenAI's chat completions, asked many things at once.

Authors
 * The speechbrain_relm contributors 2026
"""

import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import requests
from speechbrain.utils.logger import get_logger

from speechbrain_relm.lobes.parts.chat_template import Answer
from speechbrain_relm.runs.engines.requests import read_reply
from speechbrain_relm.utils.errors import RecipeError

logger = get_logger(__name__)
KEY = "OPENAI_API_KEY"
# The request itself is wrong, and would be again.
HOPELESS = {401, 403, 404, 405}
# This prompt or recording is; others need not be.
REFUSED = {400, 413, 422}
LONGEST_WAIT = 60.0  # seconds
# Nothing comes, or no JSON, or one that is nested too deep.
GARBLED = (requests.RequestException, ValueError, RecursionError)


class ChatServer:
    """Asks a server, e.g. of `vllm serve` or `transformers serve`.

    The key, if the server wants one, is the environment variable
    OPENAI_API_KEY; it goes into no record and no log.

    Arguments
    ---------
    url : str
        Of the server, with its "/v1".
    model : str
        What the server calls the LLM.
    concurrency : int
        Requests at a time.
    attempts : int
        Of each request, before the run stops.
    wait : float
        Seconds before the second attempt; doubled for each further one.
    timeout : float
        Seconds that an answer may take.
    no_thinking : bool
        See `speechbrain_relm.runs.engines.requests.make_body`.

    Example
    -------
    >>> ChatServer("http://127.0.0.1:8000/v1/", "llm").url
    'http://127.0.0.1:8000/v1/chat/completions'
    """

    def __init__(
        self,
        url,
        model,
        concurrency=32,
        attempts=8,
        wait=1.0,
        timeout=600.0,
        no_thinking=False,
    ):
        self.url = f"{url.rstrip('/')}/chat/completions"
        self.model = model
        self.concurrency, self.attempts = concurrency, attempts
        self.wait, self.timeout = wait, timeout
        self.no_thinking = no_thinking

    def prepare(self, bodies):
        """Has nothing to prepare.

        Arguments
        ---------
        bodies : iterable of dict
            All that will be asked.
        """

    def answer(self, bodies, sentences=None):
        """Asks for answers.

        Arguments
        ---------
        bodies : list of dict
            The requests.
        sentences : int or None
            Sentences of an answer to keep.

        Returns
        -------
        list of Answer
            One a request; empty where the server refuses its content.

        Raises
        ------
        RecipeError
            If the server does not answer.
        """
        session = make_session(self.concurrency)
        with session, ThreadPoolExecutor(self.concurrency) as pool:
            asked = [
                pool.submit(self.ask, session, body, sentences)
                for body in bodies
            ]
            try:
                return [job.result() for job in asked]
            except BaseException:
                for job in asked:
                    job.cancel()
                raise

    def ask(self, session, body, sentences):
        """Asks once, and again where that may help.

        Arguments
        ---------
        session : requests.Session
            Sends.
        body : dict
            The request.
        sentences : int or None
            Sentences of an answer to keep.

        Returns
        -------
        Answer
            The answer.
        """
        problem, wait, after = None, self.wait, 0.0
        for attempt in range(self.attempts):
            if attempt:
                # Not all at once again, and not before the server wants it.
                time.sleep(max(after, wait * random.uniform(0.5, 1.0)))
            try:
                reply = session.post(
                    self.url,
                    json=body,
                    timeout=self.timeout,
                    # A POST that is sent elsewhere would become a GET.
                    allow_redirects=False,
                )
                if reply.status_code in HOPELESS:
                    raise RecipeError(self.told(f"status {reply.status_code}"))
                if reply.status_code in REFUSED:
                    logger.warning("%s refuses a prompt.", self.url)
                    return Answer("", False)
                answer = None
                if reply.status_code == 200:
                    answer = read_reply(reply.json(), sentences)
                if answer is not None:
                    return answer
                problem = f"status {reply.status_code}"
                after = min(seconds_after(reply), LONGEST_WAIT)
            except GARBLED as error:
                problem, after = type(error).__name__, 0.0
            wait = min(2 * wait, LONGEST_WAIT)
        raise RecipeError(self.told(f"{problem}, {self.attempts} times"))

    def told(self, problem):
        """Says in a line what is wrong.

        Arguments
        ---------
        problem : str
            What came back.

        Returns
        -------
        str
            With what can be done.
        """
        return (
            f"{self.url} does not answer for '{self.model}' ({problem}): see "
            f"this url and model in the YAML, and {KEY} if it wants a key; "
            "what was answered is kept."
        )


def make_session(concurrency):
    """Opens connections that carry the key.

    Arguments
    ---------
    concurrency : int
        Connections at a time.

    Returns
    -------
    requests.Session
        Sends the key of the environment, if there is one.

    Raises
    ------
    RecipeError
        If no header can carry the key.

    Example
    -------
    >>> with make_session(2) as session:
    ...     sorted(session.adapters)
    ['http://', 'https://']
    """
    # A file of settings with a Windows line's end leaves that in it.
    key = os.environ.get(KEY, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise RecipeError(
            f"{KEY} has a character that no key has: copy the key again."
        )
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(
            scheme, requests.adapters.HTTPAdapter(pool_maxsize=concurrency)
        )
    if key:
        # As `auth`: requests would put a ~/.netrc's in place of a header.
        session.auth = partial(sign, key=key)
    return session


def sign(request, key):
    """Puts the key into a request.

    Arguments
    ---------
    request : requests.PreparedRequest
        Will be sent.
    key : str
        The server's.

    Returns
    -------
    requests.PreparedRequest
        The same.

    Example
    -------
    >>> request = requests.Request("POST", "http://127.0.0.1").prepare()
    >>> sign(request, "abc").headers["Authorization"]
    'Bearer abc'
    """
    request.headers["Authorization"] = f"Bearer {key}"
    return request


def seconds_after(reply):
    """Reads when a server wants to be asked again.

    Arguments
    ---------
    reply : requests.Response
        Its refusal.

    Returns
    -------
    float
        Seconds; 0 if it does not say.

    Example
    -------
    >>> reply = requests.Response()
    >>> reply.headers["Retry-After"] = "3"
    >>> seconds_after(reply)
    3.0
    """
    try:
        return max(0.0, float(reply.headers.get("retry-after", 0)))
    except ValueError:  # a date
        return 0.0
