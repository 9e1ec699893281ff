"""What the page does: two systems hear a recording, answer and are scored.

Nothing here knows of the page.

Authors
 * The speechbrain_relm contributors 2026
"""

from typing import Dict, List, NamedTuple, Optional, Tuple

import torch

from speechbrain_relm.evaluation.score import scorer_source
from speechbrain_relm.evaluation.tables.examples import segments
from speechbrain_relm.inference.arguments import check_text
from speechbrain_relm.inference.conversation import Conversation
from speechbrain_relm.inference.emotion import Emotion
from speechbrain_relm.inference.epitome import EmpathyScoring
from speechbrain_relm.lobes.whisper_transcriber import WhisperTranscriber
from speechbrain_relm.utils.sound.audio import inspect_wav

SHORTEST, LONGEST = 0.3, 30.0  # seconds
# Score of a mechanism, as the paper's Table II marks it.
SCORES = {"ER": "emotional_reactions", "Ex": "explorations"}


class Talk(NamedTuple):
    """One user's conversation with both systems."""

    speech: Conversation
    text: Conversation


class Scored(NamedTuple):
    """An answer's levels, 0 to 2, and its pieces with what each earned."""

    levels: Dict[str, int]
    pieces: List[Tuple[str, Optional[str]]]


class Shown(NamedTuple):
    """A turn as far as it has come."""

    heard: str = ""
    emotion: Optional[Emotion] = None
    speech: str = ""
    text: str = ""
    speech_score: Optional[Scored] = None
    text_score: Optional[Scored] = None


class UnusableRecording(ValueError):
    """A recording that nobody can answer; says why, to the user."""


class Listening:
    """RE-LLM, and beside it the same LLM that reads what Whisper heard.

    Any number of users share the models; each has a `Talk`.

    Arguments
    ---------
    listener : speechbrain_relm.inference.re_llm.EmpatheticListener
        A release.
    transcriber : speechbrain_relm.lobes.whisper_transcriber.WhisperTranscriber
        Writes down what is said, for the system that reads.
    scorer : speechbrain_relm.inference.epitome.EmpathyScoring
        Scores the answers.
    history_turns : int or None
        Earlier turns that the systems read with each turn; `None` is all.
    """

    def __init__(self, listener, transcriber, scorer, history_turns=None):
        self.listener, self.scorer = listener, scorer
        self.transcriber = transcriber
        self.history_turns = history_turns

    @classmethod
    def of(cls, listener, scorer=None, history_turns=None):
        """Puts beside a release its own Whisper, and a scorer.

        Arguments
        ---------
        listener : speechbrain_relm.inference.re_llm.EmpatheticListener
            The release.
        scorer : str or None
            Folder of an empathy scorer; `None` is the small one.
        history_turns : int or None
            See the class.

        Returns
        -------
        Listening
            The systems.

        Example
        -------
        >>> from speechbrain_relm.inference.re_llm import EmpatheticListener
        >>> folder = getfixture("release_folder")
        >>> listener = EmpatheticListener.from_hparams(folder)
        >>> listening = Listening.of(listener, getfixture("scorer_folder"))
        >>> listening.start().speech.turns
        []
        """
        return cls(
            listener,
            WhisperTranscriber(listener.hparams.whisper_source),
            EmpathyScoring.from_hparams(scorer_source(scorer)),
            history_turns,
        )

    def start(self):
        """Starts a conversation.

        Returns
        -------
        Talk
            Without a turn.
        """
        both = (self.listener.converse(self.history_turns) for _ in range(2))
        return Talk(*both)

    def turn(self, talk, recording=None, text=None):
        """Takes a spoken or written turn, and shows it as it comes.

        Arguments
        ---------
        talk : Talk
            The user's conversation.
        recording : str or None
            Path of an audio file.
        text : str or None
            What the user wrote, if there is no recording.

        Yields
        ------
        Shown
            The turn so far.

        Raises
        ------
        UnusableRecording
            If the recording cannot be used.
        """
        if recording is None:
            text = check_text(text).strip()
            given = {"text": text}
        else:
            check(recording)
            wav = self.listener.load_audio(recording)
            text, given = self.transcribe(wav), {"wav": wav}
        shown = Shown(text)
        yield shown
        for piece in talk.speech.stream(**given):
            shown = shown._replace(speech=shown.speech + piece)
            yield shown
        speech = talk.speech.turns[-1].speech
        if speech is not None:
            found = self.listener.classify(speech)[0]
            shown = shown._replace(emotion=found)
            yield shown
        for piece in talk.text.stream(text=text or "..."):
            shown = shown._replace(text=shown.text + piece)
            yield shown
        scores = self.score(text, [shown.speech, shown.text])
        yield shown._replace(speech_score=scores[0], text_score=scores[1])

    def transcribe(self, wav):
        """Writes down what is said.

        Arguments
        ---------
        wav : torch.Tensor
            A 16 kHz signal [T].

        Returns
        -------
        str
            The transcript.
        """
        return self.transcriber.transcribe(wav[None].cpu())[0]

    @torch.no_grad()
    def score(self, said, answers):
        """Scores answers to what the user said.

        Arguments
        ---------
        said : str
            The user's words.
        answers : list of str
            Answers to them.

        Returns
        -------
        list of Scored
            One an answer.
        """
        found = self.scorer.judge([said] * len(answers), answers)
        return [
            Scored(
                {s: int(found[name].levels[i]) for s, name in SCORES.items()},
                segments(
                    answer,
                    {
                        s: found[name].rationales[i]
                        for s, name in SCORES.items()
                    },
                ),
            )
            for i, answer in enumerate(answers)
        ]


def check(path):
    """Makes sure that a recording can be answered.

    Arguments
    ---------
    path : str
        Of an audio file.

    Raises
    ------
    UnusableRecording
        If it cannot, with a sentence for the user.

    Example
    -------
    >>> check("no_such_file.wav")
    Traceback (most recent call last):
    ...
    speechbrain_relm.demo.listening.UnusableRecording: This file cannot be ...
    """
    _, reason = inspect_wav(path, SHORTEST, LONGEST, "steady")
    if reason is None:
        return
    for kind, sentence in (
        ("silent", "The recording is silent. Is the microphone on?"),
        ("too quiet", "The recording is too quiet: speak up."),
        ("no speech", "Nobody speaks in the recording: say a sentence."),
        ("too short", "The recording is too short: say a sentence."),
        (
            "too long",
            "The recording is longer than 30 s, which is all that "
            "Whisper hears: cut it.",
        ),
    ):
        if reason.startswith(kind):
            raise UnusableRecording(sentence)
    # What the library says names the file's place on the server.
    said = "" if reason.startswith("unreadable") else f" ({reason})"
    raise UnusableRecording(
        f"This file cannot be read as audio{said}. WAV, FLAC, OGG and MP3 "
        "will do."
    )
