"""A listener behind a server: any speech LLM, or a text LLM, in the table.

Authors
 * The speechbrain_relm contributors 2026
"""

import base64

from speechbrain_relm.runs.engines.requests import make_body
from speechbrain_relm.runs.engines.server import ChatServer
from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.sound.wav_bytes import wav_bytes


class ServerListener:
    """Sends speech, or what stands for it, to OpenAI's chat completions.

    A listener as `speechbrain_relm.runs.listeners` describes them, but that
    the protocol cannot say how likely a given answer is: recognition is by
    prompt alone.

    Arguments
    ---------
    url : str
        Of the server, with its "/v1".
    model : str
        What the server calls the LLM.
    text : str or None
        What the LLM reads, with fields of a manifest entry in braces, as of
        `speechbrain_relm.runs.listeners.TextListener`; `None`: it hears.
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
    >>> url = "http://127.0.0.1:8000/v1"
    >>> listener = ServerListener(url, "llm", "<{emotion}> {transcript}")
    >>> listener.encode({"a": {"emotion": "sad", "transcript": "Oh."}})
    ['<sad> Oh.']
    """

    def __init__(
        self,
        url,
        model,
        text=None,
        concurrency=16,
        attempts=8,
        wait=1.0,
        timeout=600.0,
        no_thinking=False,
    ):
        self.text = text
        self.server = ChatServer(
            url, model, concurrency, attempts, wait, timeout, no_thinking
        )

    def to(self, device):
        """Has nothing to move.

        Arguments
        ---------
        device : torch.device
            Of the run.

        Returns
        -------
        ServerListener
            The same.
        """
        return self

    def encode(self, entries):
        """Reads utterances.

        Arguments
        ---------
        entries : dict
            Utterance id to manifest entry.

        Returns
        -------
        list of str or dict
            Texts, or parts of a message, one an utterance.
        """
        if self.text is not None:
            return [self.text.format(**entry) for entry in entries.values()]
        return [audio_part(entry["wav"]) for entry in entries.values()]

    def answer(
        self,
        heard,
        system,
        instruction,
        examples=(),
        sentences=None,
        **settings,
    ):
        """Answers what was heard.

        Arguments
        ---------
        heard : list of str or dict
            From `encode`.
        system : str
            System message.
        instruction : str
            What stands before the speech.
        examples : sequence of (str, str)
            Example turns that stand before it all.
        sentences : int or None
            Sentences at most.
        **settings
            Generation settings, e.g. `max_new_tokens`.

        Returns
        -------
        list of speechbrain_relm.lobes.parts.chat_template.Answer
            One an utterance.

        Raises
        ------
        RecipeError
            If the server answers none of several.
        """
        model = self.server.model
        bodies = [
            make_body(
                model,
                system,
                examples,
                message(instruction, one),
                settings,
                self.server.no_thinking,
            )
            for one in heard
        ]
        answers = self.server.answer(bodies, sentences)
        # One may be too long for it; what refuses all does not hear.
        if len(answers) > 1 and not any(a.text or a.finished for a in answers):
            raise RecipeError(
                f"{self.server.url} refuses all of {len(answers)} requests to "
                f"'{model}': see whether it takes input_audio (wav), and so "
                "many tokens."
            )
        return answers

    def heads(self, heard):
        """Has no emotion heads.

        Arguments
        ---------
        heard : list of str or dict
            From `encode`.

        Returns
        -------
        probabilities : None
            Of no classes.
        attributes : None
            Neither.
        """
        return None, None


def message(instruction, heard):
    """Puts an instruction before what was heard.

    Arguments
    ---------
    instruction : str
        May be empty.
    heard : str or dict
        A text, or a part of a message.

    Returns
    -------
    str or list of dict
        The content of a user's message.

    Example
    -------
    >>> message("Which emotion? ", "Oh.")
    'Which emotion? Oh.'
    >>> message("Which emotion? ", {"type": "input_audio"})[0]
    {'type': 'text', 'text': 'Which emotion? '}
    """
    if isinstance(heard, str):
        return instruction + heard
    return [{"type": "text", "text": instruction}] * bool(instruction) + [heard]


def audio_part(path):
    """Writes a recording as a part of a message.

    Arguments
    ---------
    path : str
        An audio file.

    Returns
    -------
    dict
        An "input_audio": a wav in base64.

    Example
    -------
    >>> import soundfile
    >>> path = str(getfixture("tmp_path") / "a.wav")
    >>> soundfile.write(path, [0.0, 0.1] * 800, 16000)
    >>> audio_part(path)["input_audio"]["format"]
    'wav'
    """
    data = base64.b64encode(wav_bytes(path)).decode()
    return {
        "type": "input_audio",
        "input_audio": {"data": data, "format": "wav"},
    }
