"""Recordings that the page can play, by a token that tells nothing.

Gradio would name a recording by its place on the server.

Authors
 * The speechbrain_relm contributors 2026
"""

import secrets
from pathlib import Path
from typing import NamedTuple

from hyperpyyaml import load_hyperpyyaml
from starlette.responses import FileResponse, Response
from starlette.routing import Route

EXAMPLES = Path(__file__).with_name("examples.yaml")
# Recordings that are remembered, of all visitors; the oldest is forgotten.
REMEMBERED = 10000


class Example(NamedTuple):
    """A recording to try: its `words`, its `emotion`, its `token`."""

    words: str
    emotion: str
    token: str


class Sounds:
    """Recordings of visitors, and examples.

    Arguments
    ---------
    examples : iterable of tuple
        Words, emotion and path of each example.

    Example
    -------
    >>> sounds = Sounds([("Oh.", "sad", "a.wav")])
    >>> [example.words for example in sounds.examples]
    ['Oh.']
    >>> sounds.path(sounds.examples[0].token)
    'a.wav'
    >>> sounds.path("../a.wav") is None
    True
    """

    def __init__(self, examples=()):
        self.paths = {}
        self.examples = [
            Example(words, emotion, self.add(path))
            for words, emotion, path in examples
        ]

    def add(self, path):
        """Makes a recording playable.

        Arguments
        ---------
        path : str
            Of an audio file.

        Returns
        -------
        str
            Its token, which nobody can guess.
        """
        if len(self.paths) >= REMEMBERED:
            kept = {example.token for example in self.examples}
            del self.paths[next(t for t in self.paths if t not in kept)]
        token = secrets.token_urlsafe(16)
        self.paths[token] = str(path)
        return token

    def path(self, token):
        """Finds a recording.

        Arguments
        ---------
        token : str or None
            From `add`.

        Returns
        -------
        str or None
            Its path.
        """
        return self.paths.get(token)

    def play(self, request):
        """Sends a recording to the browser.

        Arguments
        ---------
        request : starlette.requests.Request
            Names the token.

        Returns
        -------
        starlette.responses.Response
            The recording, or 404 if it is gone.
        """
        path = self.path(request.path_params["token"])
        if path is None or not Path(path).is_file():
            return Response(status_code=404)
        return FileResponse(path, headers={"Cache-Control": "private"})

    def route(self):
        """Names the address under which recordings are played.

        Returns
        -------
        starlette.routing.Route
            For the application.
        """
        return Route("/said/{token}", self.play)


def examples():
    """Makes the eight recordings that everybody can try, once.

    Returns
    -------
    list of tuple
        Words, emotion and path of each.

    Example
    -------
    >>> examples()[0][:2]  # doctest: +SKIP
    ('She called me back this morning.', 'neutral')
    """
    text = EXAMPLES.read_text(encoding="utf-8")
    return load_hyperpyyaml(text)["examples"]
