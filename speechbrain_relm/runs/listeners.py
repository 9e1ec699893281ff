"""Listeners: what answers the test speech in each system of Table I.

A listener hears a batch of utterances once, and is then asked for responses
(Section III) and for the emotion that it heard (Section II-C). To put another
speech LLM into the table, write `encode`, `answer`, `log_likelihoods` and
`heads`, as `speechbrain_relm.lobes.speech_llms.qwen2_audio` does. One that hears an
utterance in two ways, as RE-LLM does, can say by `swaps` what may come from
another utterance (`speechbrain_relm.evaluation.listening.same_words`). One
that can hear nothing, by `emptied`, has its likelihoods calibrated
(`speechbrain_relm.runs.emotion.likelihoods`); one without `log_likelihoods`
(`speechbrain_relm.runs.engines.listener`) recognizes by prompt alone.

Authors
 * The speechbrain_relm contributors 2026
"""

import contextlib

import torch

from speechbrain_relm.data.datasets import load_batch, speech_dataset
from speechbrain_relm.lobes.parts.adapters import adapters_off
from speechbrain_relm.model import prompting
from speechbrain_relm.model.prompting import evaluating
from speechbrain_relm.model.re_llm import emptied, speech_part
from speechbrain_relm.model.sequences import ragged_part


class Listener:
    """What listeners with an LLM of ours share: how it is asked.

    Each says by `ask` what the LLM reads, and by `asking` how it is set up.
    """

    def answer(self, heard, system, instruction, examples=(), **settings):
        """Answers what was heard.

        Arguments
        ---------
        heard : object
            From `encode`.
        system : str
            System message.
        instruction : str
            What stands before the speech.
        examples : sequence of (str, str)
            Example turns that stand before it all.
        **settings
            Generation settings, e.g. `max_new_tokens`.

        Returns
        -------
        list of speechbrain_relm.lobes.parts.chat_template.Answer
            One an utterance.
        """
        asked = self.ask(heard, system, instruction, examples)
        with self.asking():
            return prompting.answer(self.llm, *asked, **settings)

    def log_likelihoods(self, heard, system, instruction, answers):
        """Says how likely some answers are.

        Arguments
        ---------
        heard : object
            From `encode`.
        system : str
            System message.
        instruction : str
            What stands before the speech.
        answers : list of str
            E.g. the labels.

        Returns
        -------
        torch.Tensor
            Log-probabilities [B, answers].
        """
        asked = self.ask(heard, system, instruction)
        with self.asking():
            return prompting.log_likelihoods(self.llm, *asked, answers)

    def heads(self, heard):
        """Reads the emotion heads, if there are any.

        Arguments
        ---------
        heard : object
            From `encode`.

        Returns
        -------
        probabilities : torch.Tensor or None
            Of the classes [B, categories] (Eq. 7); `None` without heads.
        attributes : torch.Tensor or None
            Arousal, dominance, valence [B, 3] (Eq. 8).
        """
        logits = getattr(heard, "category_logits", None)
        if logits is None:
            return None, None
        return logits.softmax(-1), heard.attributes


class SpeechListener(Listener):
    """RE-LLM and the speech LLMs that are trained like it.

    Arguments
    ---------
    brain : speechbrain_relm.training.brain.RELLMBrain
        With the trained model recovered.
    """

    def __init__(self, brain):
        self.brain, self.model = brain, brain.model
        self.precision = brain.evaluation_ctx  # SpeechBrain's eval_precision

    @property
    def device(self):
        """Where the model is."""
        return self.brain.device

    @property
    def encoder(self):
        """What hears the emotion, or `None`."""
        return self.brain.emotion_cache

    @property
    def swaps(self):
        """What may come from another utterance."""
        has_two = self.encoder is not None
        return ("emotion_embedding",) * has_two + ("speech_frames",)

    def encode(self, entries, emotion_of=None):
        """Encodes utterances.

        Arguments
        ---------
        entries : dict
            Utterance id to manifest entry.
        emotion_of : dict or None
            As many other utterances, whose emotion embeddings go with the
            speech frames of these; `None` for their own.

        Returns
        -------
        speechbrain_relm.model.re_llm.Speech
            What the LLM gets.
        """
        batch = self.load(entries)
        other = batch if emotion_of is None else self.load(emotion_of)
        embedding = self.embed_emotion(other)
        with torch.no_grad(), evaluating(self.model), self.precision:
            feats = self.cached_frames(batch)
            return self.model.encode_speech(*batch.sig, embedding, feats)

    def load(self, entries):
        """Loads the signals of utterances.

        Arguments
        ---------
        entries : dict
            Utterance id to manifest entry.

        Returns
        -------
        speechbrain.dataio.batch.PaddedBatch
            With `sig` and `audio_key`.
        """
        batch = load_batch(speech_dataset(entries), list(entries))
        return batch.to(self.device)

    def embed_emotion(self, batch):
        """Embeds the emotion of utterances (Eq. 1).

        Arguments
        ---------
        batch : speechbrain.dataio.batch.PaddedBatch
            From `load`.

        Returns
        -------
        torch.Tensor or None
            Embeddings [B, E]; `None` without an emotion encoder.
        """
        return self.brain.embed_emotion(batch.audio_key, *batch.sig)

    def cached_frames(self, batch):
        """Gives the speech frames that are kept (Eq. 2).

        Arguments
        ---------
        batch : speechbrain.dataio.batch.PaddedBatch
            From `load`.

        Returns
        -------
        torch.Tensor or None
            Frames [B, T', C]; `None` where the model must hear by itself.
        """
        return self.brain.cached_frames(batch.audio_key, *batch.sig)

    @property
    def llm(self):
        """The LLM."""
        return self.model.llm

    @contextlib.contextmanager
    def asking(self):
        """Answers in evaluation mode, at the precision of evaluation."""
        with evaluating(self.model), self.precision:
            yield

    def ask(self, heard, system, instruction, examples=()):
        """Puts speech between the tokens of a prompt.

        Arguments
        ---------
        heard : speechbrain_relm.model.re_llm.Speech
            From `encode`.
        system : str
            System message.
        instruction : str
            What stands before the speech.
        examples : sequence of (str, str)
            Example turns that stand before it all.

        Returns
        -------
        prompt : speechbrain_relm.lobes.parts.chat_template.Prompt
            What stands around the speech.
        content : speechbrain_relm.model.sequences.Part
            The speech.
        """
        prompt = self.llm.split_prompt(system, instruction, examples)
        return prompt, speech_part(heard)

    def emptied(self, heard):
        """Leaves nothing of what was heard; see `model.emptied`.

        Arguments
        ---------
        heard : speechbrain_relm.model.re_llm.Speech
            From `encode`.

        Returns
        -------
        speechbrain_relm.model.re_llm.Speech
            One utterance without a frame.
        """
        return emptied(heard)


class ReleasedListener(SpeechListener):
    """A release, asked as the systems of a table are.

    Arguments
    ---------
    released : speechbrain_relm.inference.re_llm.EmpatheticListener
        The loaded release.
    """

    def __init__(self, released):
        self.released, self.model = released, released.mods.model
        self.precision = released.inference_ctx

    @property
    def device(self):
        """Where the model is."""
        return self.released.device

    @property
    def encoder(self):
        """What hears the emotion, or `None`."""
        return self.released.mods.emotion_encoder

    @torch.no_grad()
    def embed_emotion(self, batch):
        """Embeds the emotion of utterances (Eq. 1).

        Arguments
        ---------
        batch : speechbrain.dataio.batch.PaddedBatch
            From `load`.

        Returns
        -------
        torch.Tensor or None
            Embeddings [B, E]; `None` without an emotion encoder.
        """
        if self.encoder is None:
            return None
        with evaluating(self.encoder):
            return self.encoder(*batch.sig)[0]

    def cached_frames(self, batch):
        """Keeps no frames.

        Arguments
        ---------
        batch : speechbrain.dataio.batch.PaddedBatch
            From `load`.

        Returns
        -------
        None
            The model hears by itself.
        """
        return None


class TextListener(Listener, torch.nn.Module):
    """Systems 1 to 3 of Table I: the LLM reads what others hear.

    Arguments
    ---------
    llm : torch.nn.Module
        A `ChatLLM`.
    text : str
        What the LLM reads, with fields of a manifest entry in braces:
        "{transcript}", "{heard}" (Whisper's), or "<{emotion}> {transcript}".
    """

    def __init__(self, llm, text="{transcript}"):
        super().__init__()
        self.llm, self.text = llm, text

    def encode(self, entries):
        """Reads utterances.

        Arguments
        ---------
        entries : dict
            Utterance id to manifest entry.

        Returns
        -------
        list of str
            What the LLM reads, one an utterance.

        Example
        -------
        >>> listener = TextListener(None, "<{emotion}> {transcript}")
        >>> listener.encode({"a": {"emotion": "sad", "transcript": "Oh."}})
        ['<sad> Oh.']
        """
        return [self.text.format(**entry) for entry in entries.values()]

    def answer(self, heard, system, instruction, examples=(), **settings):
        """Answers texts, each once, however often it is said in the batch.

        Arguments
        ---------
        heard : list of str
            From `encode`.
        system : str
            System message.
        instruction : str
            What stands before the text.
        examples : sequence of (str, str)
            Example turns that stand before it all.
        **settings
            Generation settings; where they draw, each is answered by itself.

        Returns
        -------
        list of speechbrain_relm.lobes.parts.chat_template.Answer
            One an utterance.
        """
        asked = system, instruction, examples
        if settings.get("do_sample"):
            return super().answer(heard, *asked, **settings)
        texts, rows = once_each(heard)
        found = super().answer(texts, *asked, **settings)
        return [found[row] for row in rows]

    def log_likelihoods(self, heard, system, instruction, answers):
        """Says how likely some answers are, of each text once.

        Arguments
        ---------
        heard : list of str
            From `encode`.
        system : str
            System message.
        instruction : str
            What stands before the text.
        answers : list of str
            E.g. the labels.

        Returns
        -------
        torch.Tensor
            Log-probabilities [B, answers].
        """
        texts, rows = once_each(heard)
        return super().log_likelihoods(texts, system, instruction, answers)[
            rows
        ]

    @contextlib.contextmanager
    def asking(self):
        """Answers as the text LLM does."""
        with evaluating(self.llm), adapters_off(self.llm):
            yield

    def ask(self, heard, system, instruction, examples=()):
        """Makes user messages of texts; see `SpeechListener.ask`.

        Arguments
        ---------
        heard : list of str
            From `encode`.
        system : str
            System message.
        instruction : str
            What stands before the text.
        examples : sequence of (str, str)
            Example turns that stand before it all.

        Returns
        -------
        prompt : speechbrain_relm.lobes.parts.chat_template.Prompt
            What stands around the message.
        content : speechbrain_relm.model.sequences.Part
            The messages.
        """
        ids = [self.llm.encode(instruction + text) for text in heard]
        prompt = self.llm.split_prompt(system, "", examples)
        return prompt, ragged_part(ids, self.device)

    def emptied(self, heard):
        """Leaves nothing of what was read.

        Arguments
        ---------
        heard : list of str
            From `encode`.

        Returns
        -------
        list of str
            One empty text.
        """
        return [""]

    @property
    def device(self):
        """Where the LLM is."""
        return next(self.llm.parameters()).device


def once_each(texts):
    """Finds the different ones among texts.

    Arguments
    ---------
    texts : list of str
        Some of them may recur.

    Returns
    -------
    different : list of str
        Each once, in the order of the first.
    rows : list of int
        Of each text, which of them it is.

    Example
    -------
    >>> once_each(["Oh.", "No.", "Oh."])
    (['Oh.', 'No.'], [0, 1, 0])
    """
    places = {}
    rows = [places.setdefault(text, len(places)) for text in texts]
    return list(places), rows
