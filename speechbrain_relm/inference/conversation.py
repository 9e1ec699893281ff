"""A conversation of speech and text turns that reads every token once.

Authors
 * The speechbrain_relm contributors 2026
"""

import itertools
from typing import List, NamedTuple, Optional

import torch
from transformers import DynamicCache

from speechbrain_relm.inference.arguments import (
    check_bounds,
    check_settings,
    check_signal,
    check_text,
)
from speechbrain_relm.inference.streaming import Cancelled, TextPieces
from speechbrain_relm.lobes.parts.chat_template import Prompt
from speechbrain_relm.model import prompting
from speechbrain_relm.model.re_llm import Speech, speech_part
from speechbrain_relm.model.sequences import pack, prompt_part
from speechbrain_relm.utils import limits
from speechbrain_relm.utils.text.sentences import shortened


class Turn(NamedTuple):
    """What the user said, and the answer.

    `speech`, or `None` for a written turn; `text`, or `None` for a spoken
    one; `ids`, the answer's tokens, without those that end a turn; `answer`.
    """

    speech: Optional[Speech]
    text: Optional[str]
    ids: List[int]
    answer: str


class Conversation:
    """Turns of a user and a listener, with their keys and values.

    A new turn reads only what is new: the end of the last answer and the
    user's words. Where templates rewrite history, what they changed is read
    again; with an LLM whose keys and values cannot be kept, everything is.

    Arguments
    ---------
    listener : speechbrain_relm.inference.re_llm.EmpatheticListener
        Answers.
    ask : speechbrain_relm.runs.steps.respond.Ask
        System message, what stands before the user's words, and generation
        settings.
    history_turns : int or None
        Turns before the last one that the LLM reads again with it; `None` is
        all of them. Systems learn single turns (Section II), and a small LLM
        repeats its last answer rather than follow the new voice: 0 lets it
        answer each turn by itself.

    Raises
    ------
    ValueError
        If `history_turns` is negative or no whole number.

    Example
    -------
    >>> from speechbrain_relm.inference.re_llm import EmpatheticListener
    >>> listener = EmpatheticListener.from_hparams(getfixture("release_folder"))
    >>> conversation = listener.converse(max_new_tokens=4)
    >>> first = conversation.respond(wav=torch.randn(16000))
    >>> pieces = list(conversation.stream(text="And what now?"))
    >>> "".join(pieces) == conversation.turns[1].answer
    True
    """

    def __init__(self, listener, ask, history_turns=None):
        self.listener, self.ask = listener, ask
        if history_turns is not None:
            most = limits.ANSWER_TOKENS
            check_bounds("history_turns", history_turns, int, 0, most)
        self.history_turns = history_turns
        self.turns = []
        self.forget()

    @property
    def llm(self):
        """The LLM."""
        return self.listener.mods.model.llm

    @property
    def examples(self):
        """Example turns that stand before the first turn."""
        return self.ask.apart()[0]

    @property
    def settings(self):
        """Generation settings."""
        return self.ask.apart()[1]

    def forget(self):
        """Drops keys and values: the next turn reads everything again."""
        # `read` names what stands in `past`, position by position.
        self.past, self.read = None, []

    def respond(self, wav=None, file=None, text=None):
        """Answers the user's next turn; give one of the arguments.

        Arguments
        ---------
        wav : torch.Tensor or None
            A 16 kHz signal [T].
        file : str or pathlib.Path or None
            An audio file.
        text : str or None
            What the user wrote.

        Returns
        -------
        str
            The answer.
        """
        self.add_user_turn(wav, file, text)
        self.answer(self.pieces())
        return self.turns[-1].answer

    def stream(self, wav=None, file=None, text=None):
        """Answers the user's next turn piece by piece.

        Arguments
        ---------
        wav : torch.Tensor or None
            A 16 kHz signal [T].
        file : str or pathlib.Path or None
            An audio file.
        text : str or None
            What the user wrote.

        Yields
        ------
        str
            A piece of the answer, from the first token on. Closing the
            iterator ends the answer there.
        """
        self.add_user_turn(wav, file, text)
        pieces = self.pieces()
        yield from pieces.fed_by(lambda: self.answer(pieces))

    def again(self, **settings):
        """Answers the last turn once more, in place of its answer.

        Arguments
        ---------
        **settings
            Generation settings of this answer alone, as `do_sample=True`: the
            most likely one would be the same again.

        Yields
        ------
        str
            A piece of the answer.

        Raises
        ------
        ValueError
            If nothing was said yet, or there is no such setting.
        """
        if not self.turns:
            raise ValueError("Nothing was said yet that could be answered.")
        check_settings(settings)
        usual, before = self.ask, list(self.turns)
        self.ask = usual._replace(settings={**usual.settings, **settings})
        self.turns[-1] = before[-1]._replace(ids=[], answer="")
        pieces = self.pieces()
        try:
            yield from pieces.fed_by(lambda: self.answer(pieces))
        finally:
            self.ask = usual
            if len(self.turns) < len(before):  # it could not be answered
                self.turns = before

    def add_user_turn(self, wav=None, file=None, text=None):
        """Takes the user's next turn.

        Arguments
        ---------
        wav : torch.Tensor or None
            A 16 kHz signal [T].
        file : str or pathlib.Path or None
            An audio file.
        text : str or None
            What the user wrote.

        Raises
        ------
        ValueError
            If it is not exactly one of the three, or that is nothing that
            could be answered. The conversation goes on without it.
        """
        if sum(given is not None for given in (wav, file, text)) != 1:
            raise ValueError("A turn is one of wav, file and text.")
        speech = None
        if file is not None:
            wav = self.listener.load_audio(file)
        if wav is not None:
            wav = check_signal(wav)
            speech = self.listener.encode_batch(wav[None], torch.ones(1))
        if text is not None:
            text = check_text(text)
        self.turns.append(Turn(speech, text, [], ""))

    def pieces(self):
        """Makes the streamer of an answer.

        Returns
        -------
        TextPieces
            The streamer.
        """
        return TextPieces(lambda ids: self._shown(ids).text)

    def _shown(self, ids):
        """Decodes what the user sees of generated tokens."""
        found = self.llm.decode(torch.tensor([ids], dtype=torch.long))[0]
        return shortened(found, self.settings.get("sentences"))

    @torch.no_grad()
    def answer(self, pieces):
        """Answers the last turn.

        Arguments
        ---------
        pieces : TextPieces
            Receives the answer as it comes.
        """
        try:
            history = self.history()
            past, count = self.recall(history)
            with self.listener.inference_ctx:
                sequence = pack(self.parts(history[count:]), self.llm.embed)
                prompting.generate(
                    self.llm,
                    sequence,
                    past,
                    streamer=pieces,
                    **self.settings,
                )
        except Cancelled:
            pass
        except BaseException:
            self.forget()
            self.turns.pop()
            raise
        text = self._shown(pieces.ids).text
        turn = self.turns[-1]._replace(
            ids=self._kept(pieces.ids, text), answer=text
        )
        self.turns[-1] = turn
        if past is not None:
            self.past = past
            self.read = (history + pieces.ids)[: past.get_seq_length()]

    def _kept(self, ids, text):
        """Finds the tokens that a text stands on."""
        ends = (i for i, token in enumerate(ids) if token in self.llm.stop_ids)
        ids = ids[: next(ends, len(ids))]
        if self.settings.get("sentences") is None:
            return ids
        for count in range(len(ids)):
            if len(self._shown(ids[:count]).text) >= len(text):
                return ids[:count]
        return ids

    def history(self):
        """Lists all that the LLM has to read, position by position.

        Returns
        -------
        list
            A token id, or (turn, frame) for a speech embedding.
        """
        said = [text for turn in self.examples for text in turn]
        last = list(enumerate(self.turns))
        if self.history_turns is not None:
            last = last[-1 - self.history_turns :]
        around = self.llm.split_chat(
            self.ask.system, len(self.examples) + len(last) - 1
        )
        positions = []
        for text in said:
            positions += around.pop(0) + self.llm.encode(text)
        for i, turn in last:
            positions += around.pop(0) + self.llm.encode(self.ask.instruction)
            if turn.speech is None:
                positions += self.llm.encode(turn.text)
            else:
                positions += [(i, j) for j in range(int(turn.speech.counts))]
            positions += around.pop(0) + turn.ids
        return positions

    def beginning(self):
        """Lists the tokens before the first turn: system message, examples.

        Returns
        -------
        list of int
            Token ids.
        """
        system = self.ask.system
        return self.llm.split_prompt(system, "", self.examples).before

    def recall(self, history):
        """Finds what need not be read again.

        Arguments
        ---------
        history : list
            From `history`.

        Returns
        -------
        past : transformers.Cache or None
            Keys and values of its beginning; `None` if they are not kept.
        count : int
            How many positions that is.
        """
        if not self.llm.keeps_all:
            return None, 0
        if self.past is None:
            start = self.beginning()
            past, _ = prompting.read_before(self.llm, Prompt(start, []), 1)
            if past is None or history[: len(start)] != start:
                return DynamicCache(), 0
            return past, len(start)
        same = itertools.takewhile(
            lambda pair: pair[0] == pair[1], zip(self.read, history[:-1])
        )
        count = len(list(same))
        if count < len(self.read):
            self.past.crop(count - len(self.read))
            self.read = self.read[:count]
        return self.past, count

    def parts(self, positions):
        """Makes positions parts of the LLM's sequence.

        Arguments
        ---------
        positions : list
            A stretch of `history`.

        Returns
        -------
        list of speechbrain_relm.model.sequences.Part
            Stretches of tokens and of speech.
        """
        device = self.listener.device
        found = []
        for turn, group in itertools.groupby(
            positions, lambda p: p[0] if isinstance(p, tuple) else None
        ):
            if turn is None:
                found.append(prompt_part(list(group), 1, device))
                continue
            frames = [frame for _, frame in group]
            part = speech_part(self.turns[turn].speech)
            found.append(
                part._replace(
                    values=part.values[:, frames[0] : frames[-1] + 1],
                    counts=torch.full_like(part.counts, len(frames)),
                )
            )
        return found
