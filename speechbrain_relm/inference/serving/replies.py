"""What is sent back, in the shapes of OpenAI's chat completions.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
import time
import uuid

# OpenAI's names of what is wrong, by the status of HTTP.
KINDS = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
    500: "server_error",
    503: "server_error",
}


class Reply:
    """One answer, whole or in pieces.

    Arguments
    ---------
    model : str
        Name of the model.

    Example
    -------
    >>> reply = Reply("re-llm")
    >>> reply.chunk({"content": "I see."})["choices"][0]["delta"]
    {'content': 'I see.'}
    """

    def __init__(self, model):
        self.model = model
        self.name = f"chatcmpl-{uuid.uuid4().hex}"
        self.created = int(time.time())

    def whole(self, heard, ended):
        """Writes a whole answer.

        Arguments
        ---------
        heard : speechbrain_relm.inference.serving.batcher.Heard
            What was heard.
        ended : speechbrain_relm.inference.serving.batcher.Ended
            What was said.

        Returns
        -------
        dict
            A "chat.completion".
        """
        message = {
            "role": "assistant",
            "content": ended.text,
            "refusal": None,
        }
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": ended.reason,
        }
        return {
            **self._head("chat.completion"),
            "choices": [choice],
            "usage": usage(heard, ended),
            "emotion": heard.emotion,
        }

    def chunk(self, delta, reason=None, **more):
        """Writes a piece of an answer.

        Arguments
        ---------
        delta : dict
            What is new in the message.
        reason : str or None
            Why the answer ended here.
        **more
            Fields beside it.

        Returns
        -------
        dict
            A "chat.completion.chunk".
        """
        choice = {
            "index": 0,
            "delta": delta,
            "logprobs": None,
            "finish_reason": reason,
        }
        return {
            **self._head("chat.completion.chunk"),
            "choices": [choice],
            **more,
        }

    def used(self, heard, ended):
        """Writes what a stream used, its last chunk if asked for.

        Arguments
        ---------
        heard : speechbrain_relm.inference.serving.batcher.Heard
            What was heard.
        ended : speechbrain_relm.inference.serving.batcher.Ended
            What was said.

        Returns
        -------
        dict
            A "chat.completion.chunk" without choices.
        """
        head = self._head("chat.completion.chunk")
        return {**head, "choices": [], "usage": usage(heard, ended)}

    def _head(self, kind):
        """Writes the fields that all have."""
        return {
            "id": self.name,
            "object": kind,
            "created": self.created,
            "model": self.model,
        }


def usage(heard, ended):
    """Counts what an answer took.

    Arguments
    ---------
    heard : speechbrain_relm.inference.serving.batcher.Heard
        What was heard; a frame of speech counts as a token.
    ended : speechbrain_relm.inference.serving.batcher.Ended
        What was said.

    Returns
    -------
    dict
        OpenAI's "usage".

    Example
    -------
    >>> from speechbrain_relm.inference.serving.batcher import Ended, Heard
    >>> usage(Heard(None, 40, 12), Ended("I see.", "stop", 4))["total_tokens"]
    44
    """
    return {
        "prompt_tokens": heard.positions,
        "completion_tokens": ended.tokens,
        "total_tokens": heard.positions + ended.tokens,
        "prompt_tokens_details": {"audio_tokens": heard.spoken},
    }


def error(message, status, param=None, code=None):
    """Writes what is wrong.

    Arguments
    ---------
    message : str
        In one line.
    status : int
        Of HTTP.
    param : str or None
        The field that is wrong.
    code : str or None
        In OpenAI's words.

    Returns
    -------
    dict
        OpenAI's "error".

    Example
    -------
    >>> error("No such model.", 404)["error"]["type"]
    'invalid_request_error'
    """
    kind = KINDS.get(status, "invalid_request_error")
    said = {"message": message, "type": kind, "param": param, "code": code}
    return {"error": said}


def event(data):
    """Writes an event of a stream.

    Arguments
    ---------
    data : dict or str
        What it says.

    Returns
    -------
    str
        A server-sent event.

    Example
    -------
    >>> event("[DONE]")
    'data: [DONE]\\n\\n'
    """
    if not isinstance(data, str):
        data = json.dumps(data, ensure_ascii=False)
    return f"data: {data}\n\n"
