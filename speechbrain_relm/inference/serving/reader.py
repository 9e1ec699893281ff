"""Questions as the LLM reads them: speech heard, turns laid out.

Authors
 * The speechbrain_relm contributors 2026
"""

import collections

from speechbrain_relm.inference.serving.batcher import Heard
from speechbrain_relm.inference.serving.messages import Refused, Sound
from speechbrain_relm.inference.serving.rows import Asked
from speechbrain_relm.model.re_llm import Speech, speech_part
from speechbrain_relm.model.sequences import prompt_part

# A client sends the whole conversation each time. Of a 7B LLM, the embeddings
# of 30 s take 3 MB.
KEPT_SPEECH = 64


class Reader:
    """Hears what was asked, and lays it out for the LLM.

    Arguments
    ---------
    listener : speechbrain_relm.inference.re_llm.EmpatheticListener
        The release.
    positions : int
        Of a conversation and its answer, at most.
    """

    def __init__(self, listener, positions):
        self.listener = listener
        known = getattr(self.llm.model.config, "max_position_embeddings", None)
        self.positions = min(positions, known or positions)
        self.kept = collections.OrderedDict()

    @property
    def llm(self):
        """The LLM."""
        return self.listener.mods.model.llm

    def precision(self):
        """Gives the context that the release computes in.

        Returns
        -------
        contextlib.AbstractContextManager
            Of SpeechBrain's `Pretrained`.
        """
        return self.listener.inference_ctx

    def read(self, questions):
        """Reads questions.

        Arguments
        ---------
        questions : list of Question
            The questions.

        Returns
        -------
        list of tuple
            For each, an `Asked` and a `Heard`.
        """
        wavs = {
            piece.key: piece.wav
            for question in questions
            for turn in question.turns
            for piece in turn.pieces
            if isinstance(piece, Sound)
        }
        speech = self.hear(wavs)
        return [self.lay_out(question, speech) for question in questions]

    def hear(self, wavs):
        """Encodes utterances that were not heard lately, in one batch.

        Arguments
        ---------
        wavs : dict
            Fingerprint to a signal [T].

        Returns
        -------
        dict
            Fingerprint to `Speech` of one utterance.
        """
        new = [key for key in wavs if key not in self.kept]
        if new:
            heard = self.listener.encode_signals([wavs[key] for key in new])
            for row, key in enumerate(new):
                self.kept[key] = row_of(heard, row)
        found = {}
        for key in wavs:
            self.kept.move_to_end(key)
            found[key] = self.kept[key]
        while len(self.kept) > KEPT_SPEECH:
            self.kept.popitem(last=False)
        return found

    def lay_out(self, question, speech):
        """Lays one question out.

        Arguments
        ---------
        question : speechbrain_relm.inference.serving.question.Question
            The question.
        speech : dict
            From `hear`.

        Returns
        -------
        asked : Asked
            What the LLM reads.
        heard : Heard
            What the client is told.
        """
        llm, ask = self.llm, question.ask
        examples, _ = ask.apart()
        before = llm.split_prompt(ask.system, "", examples).before
        answers = len(examples) + len(question.turns) - 1
        around = llm.split_chat(ask.system, answers)[2 * len(examples) :]
        instruction, parts, spoken = llm.encode(ask.instruction), [], 0
        for i, turn in enumerate(question.turns):
            # What stands before the first turn is `before`.
            ids = (around[2 * i] if i else []) + instruction
            for piece in turn.pieces:
                if isinstance(piece, Sound):
                    part = speech_part(speech[piece.key])
                    spoken += int(part.counts)
                    parts += [prompt_part(ids, 1, "cpu"), part]
                    ids = []
                else:
                    ids = ids + llm.encode(piece)
            answer = [] if turn.answer is None else llm.encode(turn.answer)
            ids = ids + around[2 * i + 1] + answer
            parts.append(prompt_part(ids, 1, "cpu"))
        positions = len(before) + sum(int(part.counts) for part in parts)
        self.check(positions, question.wishes.most)
        emotion = self.emotion(question, speech)
        return Asked(before, parts), Heard(emotion, positions, spoken)

    def check(self, positions, most):
        """Makes sure that a conversation is not too long.

        Arguments
        ---------
        positions : int
            Of the conversation.
        most : int
            Tokens of the answer, at most.

        Raises
        ------
        Refused
            If it is.
        """
        if positions + most > self.positions:
            raise Refused(
                f"The messages take {positions} tokens, with those of the "
                f"answer more than {self.positions}.",
                "messages",
                code="context_length_exceeded",
            )

    def emotion(self, question, speech):
        """Tells the emotion of the last turn.

        Arguments
        ---------
        question : speechbrain_relm.inference.serving.question.Question
            The question.
        speech : dict
            From `hear`.

        Returns
        -------
        dict or None
            See `emotions_of`; `None` of a written turn, or where the client
            wants none.
        """
        spoken = [p for p in question.turns[-1].pieces if isinstance(p, Sound)]
        if not spoken or not question.emotion:
            return None
        return emotions_of(self.listener, speech[spoken[-1].key])[0]


def emotions_of(listener, speech):
    """Tells the emotion of utterances, as briefly as it is known.

    Arguments
    ---------
    listener : speechbrain_relm.inference.re_llm.EmpatheticListener
        The release.
    speech : speechbrain_relm.model.re_llm.Speech
        The utterances.

    Returns
    -------
    list of dict
        Of each, `label`; `classes`, their probabilities by the category head,
        or by likelihood in a release without heads; with heads arousal,
        dominance and valence, 0 to 1.
    """
    headless = speech.category_logits is None
    heard = (listener.classify if headless else listener.heads)(speech)
    return [
        {
            "label": emotion.label,
            "classes": emotion.classes,
            **(emotion.attributes or {}),
        }
        for emotion in heard
    ]


def row_of(speech, row):
    """Takes one utterance out of a batch.

    Arguments
    ---------
    speech : speechbrain_relm.model.re_llm.Speech
        Encoded utterances.
    row : int
        Which.

    Returns
    -------
    speechbrain_relm.model.re_llm.Speech
        Only that.
    """
    one = slice(row, row + 1)
    count = int(speech.counts[row])
    logits, attributes = (
        None if values is None else values[one]
        for values in (speech.category_logits, speech.attributes)
    )
    return Speech(
        # A copy: the batch's padding must not stay with it.
        speech.embeddings[one, :count].clone(),
        speech.counts[one],
        speech.pooled[one],
        logits,
        attributes,
    )
