"""A visitor's turns, from what was said to what the page shows.

Authors
 * The speechbrain_relm contributors 2026
"""

import time
from contextlib import closing

import gradio as gr

from speechbrain_relm.demo import writing
from speechbrain_relm.demo.listening import Shown

# Seconds between two states of an answer.
PAUSE = 0.3


def paced(turn):
    """Leaves out what nobody could read so fast: drawing it takes time, too.

    Arguments
    ---------
    turn : iterable of speechbrain_relm.demo.listening.Shown
        The turn as it comes.

    Yields
    ------
    speechbrain_relm.demo.listening.Shown
        The turn so far; its first and last state are always among them, and
        each that has another emotion.

    Example
    -------
    >>> from speechbrain_relm.demo.listening import Scored, Shown
    >>> start = Shown("Oh.")
    >>> end = Scored({"ER": 0, "Ex": 0}, [])
    >>> turn = [start._replace(speech=s) for s in ("", "I", "I see")]
    >>> turn.append(turn[-1]._replace(speech_score=end, text_score=end))
    >>> [shown.speech for shown in paced(turn)]
    ['', 'I see']
    """
    last, at = None, 0.0
    for shown in turn:
        new = last is None or shown.emotion is not last.emotion
        done = shown.text_score is not None
        if new or done or time.monotonic() - at >= PAUSE:
            yield shown
            last, at = shown, time.monotonic()


class Visits:
    """Takes the visitors' turns.

    What a visitor has is a conversation with the systems, and its turns; it
    changes when a turn is whole, so that one that is ended leaves nothing.

    Arguments
    ---------
    listening : speechbrain_relm.demo.listening.Listening
        What answers.
    sounds : speechbrain_relm.demo.sounds.Sounds
        What can be played.
    """

    def __init__(self, listening, sounds):
        self.listening, self.sounds = listening, sounds

    def take(self, visit, recording, text, event: gr.EventData):
        """Takes a turn, and shows it as it comes.

        Closing it ends the answer at the next token.

        Arguments
        ---------
        visit : tuple or None
            The conversation and its turns.
        recording : str or None
            Path of what was recorded or uploaded.
        text : str or None
            What was written.
        event : gradio.EventData
            Names the example, if one was clicked.

        Yields
        ------
        tuple
            The visit, the recorder, the line, what was said and what is being
            said, the voice's course.
        """
        token = (event._data or {}).get("token")
        recording = self.sounds.path(token) if token else recording
        talk, turns = visit or (self.listening.start(), [])
        if recording is None and not (text or "").strip():
            yield self.refused("Record or upload speech, or write something.")
            return
        sound = recording and (token or self.sounds.add(recording))
        said = writing.Said(
            Shown("" if sound else text),
            sound and f"said/{sound}",
        )
        # At once: writing down what was said takes a second or two.
        now = self.now(said, turns)
        spoken = gr.skip() if token else None
        yield gr.skip(), spoken, "", gr.skip(), now, gr.skip()
        try:
            with closing(self.listening.turn(talk, recording, text)) as coming:
                for shown in paced(coming):
                    said = said._replace(shown=shown)
                    now = self.now(said, turns)
                    yield *[gr.skip()] * 4, now, gr.skip()
        except ValueError as problem:
            yield self.refused(str(problem))
            return
        turns = [*turns, said]
        yield (
            *((talk, turns), gr.skip(), gr.skip()),
            *(writing.turns(turns), "", writing.voice(turns)),
        )

    @staticmethod
    def now(said, turns):
        """Writes the turn that is being answered.

        Arguments
        ---------
        said : speechbrain_relm.demo.writing.Said
            The turn so far.
        turns : list of speechbrain_relm.demo.writing.Said
            Those before.

        Returns
        -------
        str
            HTML.
        """
        view = writing.turn(said, len(turns) + 1, coming=True)
        return writing.macro("turn", view)

    @staticmethod
    def refused(sentence):
        """Explains what is of no use; the conversation goes on.

        Arguments
        ---------
        sentence : str
            For the visitor.

        Returns
        -------
        tuple
            See `take`.
        """
        shown = writing.macro("problem", sentence)
        return gr.skip(), None, gr.skip(), gr.skip(), shown, gr.skip()

    @staticmethod
    def fresh():
        """Starts anew.

        Returns
        -------
        tuple
            See `take`.
        """
        return None, None, "", "", "", ""
