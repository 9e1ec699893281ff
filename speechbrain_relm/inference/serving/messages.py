"""A conversation as clients send it: text and speech, turn by turn.

Authors
 * The speechbrain_relm contributors 2026
"""

import base64
import binascii
import hashlib
import tempfile
from typing import NamedTuple, Optional

import torch

from speechbrain_relm.data.datasets import LONGEST_SECONDS
from speechbrain_relm.inference.arguments import check_text
from speechbrain_relm.utils.limits import SERVED_TOKENS
from speechbrain_relm.utils.sound.audio import load_recording
from speechbrain_relm.utils.sound.voice import silence

SHORTEST = 0.1  # seconds; less holds no frame of the emotion encoder


class Refused(ValueError):
    """A request that cannot be answered.

    Arguments
    ---------
    message : str
        What is wrong, in one line.
    param : str or None
        The field that is wrong.
    status : int
        Of HTTP.
    code : str or None
        In OpenAI's words.

    Example
    -------
    >>> Refused("messages is missing", "messages").status
    400
    """

    def __init__(self, message, param=None, status=400, code=None):
        super().__init__(message)
        self.param, self.status, self.code = param, status, code


class Limits(NamedTuple):
    """How much one request may ask for."""

    body_bytes: int = 20_000_000
    messages: int = 128
    characters: int = 32_000
    tokens: int = SERVED_TOKENS
    positions: int = 4096  # of conversation and answer, as the LLM reads them


LIMITS = Limits()


class Sound(NamedTuple):
    """A signal [T] at 16 kHz, and what it is known by (`key_of`)."""

    wav: torch.Tensor
    key: bytes


class Turn(NamedTuple):
    """What the user said, in pieces of text (str) and `Sound`; and the
    answer, `None` in the last turn."""

    pieces: list
    answer: Optional[str]


def field(values, name, kind, default=None, low=None, high=None):
    """Reads a field of a request.

    Arguments
    ---------
    values : dict
        The fields.
    name : str
        Its name.
    kind : type or tuple of type
        What it must be.
    default : object
        Where it is missing or null.
    low : float or None
        Least value.
    high : float or None
        Greatest value.

    Returns
    -------
    object
        Its value; see `check_text` for what is no character in it.

    Raises
    ------
    Refused
        If it is something else.

    Example
    -------
    >>> field({"top_p": 0.5}, "top_p", (int, float), None, 0, 1)
    0.5
    >>> field({"top_p": "x"}, "top_p", (int, float), None, 0, 1)
    Traceback (most recent call last):
    ...
    speechbrain_relm.inference.serving.messages.Refused: 'top_p' has a value...
    """
    value = values.get(name)
    if value is None:
        return default
    kinds = kind if isinstance(kind, tuple) else (kind,)
    wrong = not isinstance(value, kind)
    wrong = wrong or (isinstance(value, bool) and bool not in kinds)
    if wrong:
        wanted = " or ".join(k.__name__ for k in kinds)
        raise Refused(f"'{name}' has a value that is no {wanted}.", name)
    if low is not None and not low <= value <= high:
        raise Refused(f"'{name}' is {value}: {low} to {high} is fine.", name)
    if isinstance(value, str):  # how long it may be is asked of all together
        return check_text(value, name, empty=True, most=len(value))
    return value


def read_messages(messages, limits):
    """Reads a conversation.

    Arguments
    ---------
    messages : list of dict
        System messages first, then the user's and the assistant's in turn.
    limits : Limits
        How much may be said.

    Returns
    -------
    system : str or None
        The system message, if there is one.
    turns : list of Turn
        The turns.

    Raises
    ------
    Refused
        If it is no such conversation.

    Example
    -------
    >>> messages = [
    ...     {"role": "system", "content": "Be kind."},
    ...     {"role": "user", "content": "Hello."},
    ... ]
    >>> read_messages(messages, LIMITS)
    ('Be kind.', [Turn(pieces=['Hello.'], answer=None)])
    """
    if not isinstance(messages, list) or not messages:
        raise Refused("'messages' is no list of messages.", "messages")
    if len(messages) > limits.messages:
        raise Refused(
            f"{len(messages)} messages are more than {limits.messages}.",
            "messages",
        )
    said, room = [], limits.characters
    for number, message in enumerate(messages):
        name = f"messages[{number}]"
        if not isinstance(message, dict):
            raise Refused(f"'{name}' is no object.", name)
        pieces = read_content(message.get("content"), f"{name}.content")
        room -= sum(len(p) for p in pieces if isinstance(p, str))
        said.append((message.get("role"), pieces))
    if room < 0:
        raise Refused(
            f"The messages have more than {limits.characters} characters.",
            "messages",
            code="context_length_exceeded",
        )
    system = []
    while said and said[0][0] in ("system", "developer"):
        system.append(words_only(said.pop(0)[1]))
    return "\n".join(system) if system else None, in_turns(said)


def in_turns(said):
    """Puts messages in turns.

    Arguments
    ---------
    said : list of (str, list)
        Role and pieces of each message.

    Returns
    -------
    list of Turn
        The turns.
    """
    roles = [role for role, _ in said]
    expected = ["user", "assistant"] * len(said)
    if not len(said) % 2 or roles != expected[: len(said)]:
        raise Refused(
            "After the system messages, 'messages' must be of user and "
            "assistant in turn, and end with user.",
            "messages",
        )
    answers = [words_only(pieces) for _, pieces in said[1::2]]
    return [
        Turn(pieces, answer)
        for (_, pieces), answer in zip(said[::2], [*answers, None])
    ]


def words_only(pieces):
    """Joins pieces that must be text.

    Arguments
    ---------
    pieces : list
        Of a message.

    Returns
    -------
    str
        The text.
    """
    if not all(isinstance(piece, str) for piece in pieces):
        raise Refused("Only the user's messages may be spoken.", "messages")
    return "".join(pieces)


def read_content(content, name):
    """Reads the content of a message.

    Arguments
    ---------
    content : str or list of dict
        Text, or parts of the types "text" and "input_audio".
    name : str
        Of the field.

    Returns
    -------
    list
        Texts and sounds, at least one.
    """
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    if not isinstance(content, list) or not content:
        raise Refused(f"'{name}' is no text and no list of parts.", name)
    if len(content) > 16:
        raise Refused(f"'{name}' has more than 16 parts.", name)
    return [
        read_part(part, f"{name}[{number}]")
        for number, part in enumerate(content)
    ]


def read_part(part, name):
    """Reads a part of a message.

    Arguments
    ---------
    part : dict
        The part.
    name : str
        Of the field.

    Returns
    -------
    str or Sound
        Text, or what was recorded.
    """
    if not isinstance(part, dict):
        raise Refused(f"'{name}' is no object.", name)
    if part.get("type") == "text":
        return field(part, "text", str, "")
    if part.get("type") == "input_audio":
        audio = field(part, "input_audio", dict, {})
        return read_audio(field(audio, "data", str, ""), f"{name}.input_audio")
    raise Refused(f"'{name}' is neither of type text nor of input_audio.", name)


def read_audio(data, name):
    """Decodes audio, of any format that libsndfile reads.

    Arguments
    ---------
    data : str
        The file in base64.
    name : str
        Of the field.

    Returns
    -------
    Sound
        What was recorded.
    """
    try:
        data = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(f"'{name}.data' is not base64.", name)
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        try:
            found = load_recording(file.name, seconds=LONGEST_SECONDS)
        except ValueError as error:
            raise Refused(f"'{name}' {what_is_wrong(error, file.name)}", name)
    if not SHORTEST <= found.seconds <= LONGEST_SECONDS:
        raise Refused(
            f"'{name}' lasts {found.seconds:.2f} s: {SHORTEST} to "
            f"{LONGEST_SECONDS} s are heard.",
            name,
        )
    quiet = silence(found.wav)
    if quiet or found.cut:
        raise Refused(f"'{name}' is {quiet or f'cut off: {found.cut}'}.", name)
    return Sound(found.wav, key_of(found.wav))


def key_of(wav):
    """Names a signal by its samples.

    Arguments
    ---------
    wav : torch.Tensor
        [T].

    Returns
    -------
    bytes
        A fingerprint.

    Example
    -------
    >>> key_of(torch.zeros(4)) == key_of(torch.zeros(5))
    False
    """
    return hashlib.sha256(wav.numpy().tobytes()).digest()


def what_is_wrong(error, path):
    """Says what is wrong with a file that the client does not know.

    Arguments
    ---------
    error : ValueError
        Of `load_recording`.
    path : str
        Where the file was.

    Returns
    -------
    str
        The end of a sentence.

    Example
    -------
    >>> what_is_wrong(ValueError("a.wav: zero length; do it again"), "a.wav")
    'has no usable sound (zero length).'
    """
    said = str(error).partition(";")[0].replace(f"{path}: ", "")
    if path in said:  # what libsndfile says
        return "is no audio: send a wav, flac or mp3."
    return f"has no usable sound ({said})."
