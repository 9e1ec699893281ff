"""A request for a chat completion, read and found answerable.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
from typing import List, NamedTuple, Optional

from speechbrain_relm.inference.serving.messages import (
    Refused,
    Turn,
    field,
    read_messages,
)
from speechbrain_relm.inference.serving.saying import Wishes
from speechbrain_relm.runs.steps.respond import Ask

# What would change the answer, and cannot be given: refused unless it asks
# for nothing.
UNSUPPORTED = {
    "audio": (None,),
    "frequency_penalty": (None, 0),
    "functions": (None, []),
    "logit_bias": (None, {}),
    "logprobs": (None, False),
    "modalities": (None, ["text"]),
    "n": (None, 1),
    "presence_penalty": (None, 0),
    "response_format": (None, {"type": "text"}),
    "tools": (None, []),
    "top_logprobs": (None, 0),
}
# Settings of a release that answers in one batch may have of their own.
BATCHED = {
    "do_sample",
    "examples",
    "max_new_tokens",
    "sentences",
    "temperature",
    "top_k",
    "top_p",
}
# The temperature from which on other tokens than the likeliest are drawn.
COLDEST = 1e-3


class Question(NamedTuple):
    """What is asked, and how the answer should come."""

    ask: Ask
    turns: List[Turn]
    wishes: Wishes
    model: Optional[str]
    stream: bool
    usage: bool  # at the end of a stream
    emotion: bool


def read_question(body, listener, limits):
    """Reads a request.

    Arguments
    ---------
    body : bytes
        Its JSON.
    listener : speechbrain_relm.inference.re_llm.EmpatheticListener
        Whose prompts and settings stand where the request names none.
    limits : Limits
        How much may be asked for.

    Returns
    -------
    Question
        The question.

    Raises
    ------
    Refused
        If it cannot be answered.
    """
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused("The body is not JSON.")
    if not isinstance(asked, dict):
        raise Refused("The body is not a JSON object.")
    for name, fine in UNSUPPORTED.items():
        if asked.get(name) not in fine:
            raise Refused(f"'{name}' is not supported.", name)
    system, turns = read_messages(asked.get("messages"), limits)
    try:
        ask = listener.asking(system=system)
    except ValueError as error:
        raise Refused(str(error), "messages")
    options = field(asked, "stream_options", dict, {})
    return Question(
        ask,
        not_shown(turns, ask.apart()[0]),
        read_wishes(asked, ask.settings, limits),
        field(asked, "model", str),
        field(asked, "stream", bool, False),
        field(options, "include_usage", bool, False),
        field(asked, "emotion", bool, True),
    )


def not_shown(turns, examples):
    """Leaves out the release's own example turns, which the server puts in.

    A recipe that asks with the same examples (`openai_listener`) sends them.

    Arguments
    ---------
    turns : list of speechbrain_relm.inference.serving.messages.Turn
        What the client sent.
    examples : list of (str, str)
        Of the release.

    Returns
    -------
    list of speechbrain_relm.inference.serving.messages.Turn
        The conversation after them.

    Example
    -------
    >>> turns = [Turn(["I fell."], "Oh no."), Turn(["It hurts."], None)]
    >>> not_shown(turns, [["I fell.", "Oh no."]])
    [Turn(pieces=['It hurts.'], answer=None)]
    """
    shown = [Turn([user], reply) for user, reply in examples]
    count = len(shown)
    return turns[count:] if turns[:count] == shown else turns


def read_wishes(asked, settings, limits):
    """Reads how the answer is to be said.

    Arguments
    ---------
    asked : dict
        The request.
    settings : dict
        Of the release.
    limits : Limits
        How much may be asked for.

    Returns
    -------
    Wishes
        The wishes.
    """
    number = (int, float)
    most = limits.tokens
    default = min(settings.get("max_new_tokens", most), most)
    tokens = field(asked, "max_tokens", int, default, 1, most)
    tokens = field(asked, "max_completion_tokens", int, tokens, 1, most)
    stops = asked.get("stop")
    stops = [stops] if isinstance(stops, str) else (stops or [])
    fine = isinstance(stops, list) and len(stops) <= 4
    if not fine or not all(
        isinstance(s, str) and 0 < len(s) < 99 for s in stops
    ):
        raise Refused("'stop' is not one to four texts.", "stop")
    temperature = None
    if settings.get("do_sample"):
        temperature = settings.get("temperature", 1.0)
    temperature = field(asked, "temperature", number, temperature, 0, 2)
    return Wishes(
        tokens,
        field(asked, "sentences", int, settings.get("sentences"), 1, 1000),
        tuple(stops),
        drawn_at(temperature),
        settings.get("top_k"),
        field(asked, "top_p", number, settings.get("top_p"), 0, 1),
        field(asked, "seed", int, None, -(2**63), 2**63 - 1),
    )


def drawn_at(temperature):
    """Reads the temperature at which tokens are drawn.

    Arguments
    ---------
    temperature : float or None
        As asked for.

    Returns
    -------
    float or None
        `None` to take the likeliest: so close to 0 no other is drawn, and
        logits divided by it may be infinite.

    Example
    -------
    >>> drawn_at(1), drawn_at(0), drawn_at(1e-40), drawn_at(None)
    (1.0, None, None, None)
    """
    # JSON's 1 is whole, which transformers does not take.
    return float(temperature) if (temperature or 0) > COLDEST else None


def check_batched(settings):
    """Makes sure that a release's answers can be decoded row by row.

    Arguments
    ---------
    settings : dict
        `response_settings` of the release.

    Raises
    ------
    ValueError
        If it asks for beams and the like.

    Example
    -------
    >>> check_batched({"max_new_tokens": 8})
    """
    others = sorted(set(settings) - BATCHED)
    if others:
        raise ValueError(
            f"response_settings: {others[0]} of this release is not served; "
            f"served are {', '.join(sorted(BATCHED))}."
        )
