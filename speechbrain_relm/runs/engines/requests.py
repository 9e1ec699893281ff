"""Prompts as requests of OpenAI's chat completions, and what comes back.

Authors
 * The speechbrain_relm contributors 2026
"""

import hashlib
import json

from speechbrain_relm.lobes.parts.chat_template import Answer
from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.text.sentences import shortened
from speechbrain_relm.utils.text.thoughts import without_thoughts

# What the protocol calls our generation settings.
NAMES = {"max_new_tokens": "max_tokens", "top_p": "top_p"}


def make_body(model, system, examples, text, settings, no_thinking=False):
    """Writes the request for one answer.

    Arguments
    ---------
    model : str
        What the engine calls the LLM.
    system : str
        System message; empty for none.
    examples : sequence of (str, str)
        Turns that stand before the message.
    text : str or list of dict
        The user's message, or its parts.
    settings : dict
        Generation settings, as of a `ChatLLM`.
    no_thinking : bool
        Whether to turn the thoughts of an LLM off by its template's switch,
        as a `ChatLLM` does; OpenAI's own service knows no such field.

    Returns
    -------
    dict
        The body of a request; greedy unless the settings say otherwise.

    Raises
    ------
    RecipeError
        If the protocol has no word for a setting.

    Example
    -------
    >>> make_body("llm", "", [], "Hi", {"max_new_tokens": 8})["max_tokens"]
    8
    """
    messages = [{"role": "system", "content": system}] if system else []
    for user, reply in examples:
        messages.append({"role": "user", "content": user})
        messages.append({"role": "assistant", "content": reply})
    messages.append({"role": "user", "content": text})
    settings = dict(settings)
    settings.pop("sentences", None)  # cut when it comes back
    draws = settings.pop("do_sample", False)
    temperature = settings.pop("temperature", 1.0)
    others = sorted(set(settings) - set(NAMES))
    if others:
        raise RecipeError(
            f"The generation setting {others[0]} cannot be asked of an "
            "engine: leave it out, or let no engine answer."
        )
    switched = {"chat_template_kwargs": {"enable_thinking": False}}
    return {
        "model": model,
        "messages": messages,
        "temperature": temperature if draws else 0,
        **(switched if no_thinking else {}),
        **{NAMES[name]: value for name, value in settings.items()},
    }


def name_of(body):
    """Names a request by what it asks, so that the same is asked once.

    Arguments
    ---------
    body : dict
        From `make_body`.

    Returns
    -------
    str
        A digest.

    Example
    -------
    >>> name_of({"a": 1, "b": 2}) == name_of({"b": 2, "a": 1})
    True
    """
    text = json.dumps(body, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def read_reply(reply, sentences=None):
    """Reads what an engine answered.

    Arguments
    ---------
    reply : dict
        A "chat.completion".
    sentences : int or None
        Sentences to keep.

    Returns
    -------
    Answer or None
        The answer; `None` if there is none in it.

    Example
    -------
    >>> message = {"role": "assistant", "content": " I see. And"}
    >>> choice = {"message": message, "finish_reason": "length"}
    >>> read_reply({"choices": [choice]}, 1)
    Answer(text='I see.', finished=True)
    >>> message["content"] = "Oh \\ud83d"
    >>> read_reply({"choices": [choice]}).text
    'Oh �'
    >>> message["content"] = "<think>He fell.</think>\\n\\nOh no!"
    >>> read_reply({"choices": [choice]}).text
    'Oh no!'
    >>> read_reply({"error": "busy"})
    """
    try:
        (choice,) = reply["choices"]
        text, reason = choice["message"]["content"], choice["finish_reason"]
    except (KeyError, TypeError, ValueError):
        return None
    # Where the engine puts thoughts apart, nothing else may be left.
    text = "" if text is None else text
    if not isinstance(text, str) or reason not in ("stop", "length"):
        return None
    # A cut answer may end in half a character, which no file could hold.
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = without_thoughts(text).strip()
    return shortened(Answer(text, reason == "stop"), sentences)
