"""Listeners: what answers the test speech in each system of Table I.

A listener hears a batch of utterances once, and is then asked for responses
(Section III) and for the emotion that it heard (Section II-C). To put another
speech LLM into the table, write these four methods. One that hears an
utterance in two ways, as RE-LLM does, can say by `swaps` what may come from
another utterance (see `speechbrain_relm.evaluation.listening.same_words`). One that can
hear nothing, by `emptied`, has its likelihoods calibrated (see
`speechbrain_relm.runs.emotion.likelihoods`).

Authors
 * The speechbrain_relm contributors 2026
"""

import torch

from speechbrain_relm.data.datasets import load_batch, speech_dataset
from speechbrain_relm.model.prompting import (
    answer_texts,
    evaluating,
    text_log_likelihoods,
)
from speechbrain_relm.model.re_llm import emptied


class SpeechListener:
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

    def answer(self, heard, system, instruction, examples=(), **settings):
        """Answers what was heard.

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
        **settings
            Generation settings, e.g. `max_new_tokens`.

        Returns
        -------
        list of speechbrain_relm.lobes.chat_llm.Answer
            One an utterance.
        """
        prompt = self.model.llm.split_prompt(system, instruction, examples)
        with evaluating(self.model), self.precision:
            return self.model.answer(heard, prompt, **settings)

    def log_likelihoods(self, heard, system, instruction, answers):
        """Says how likely some answers are.

        Arguments
        ---------
        heard : speechbrain_relm.model.re_llm.Speech
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
        prompt = self.model.llm.split_prompt(system, instruction)
        with evaluating(self.model), self.precision:
            return self.model.log_likelihoods(heard, prompt, answers)

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

    def heads(self, heard):
        """Reads the emotion heads.

        Arguments
        ---------
        heard : speechbrain_relm.model.re_llm.Speech
            From `encode`.

        Returns
        -------
        probabilities : torch.Tensor or None
            Of the classes [B, categories] (Eq. 7); `None` without heads.
        attributes : torch.Tensor or None
            Arousal, dominance, valence [B, 3] (Eq. 8).
        """
        if heard.category_logits is None:
            return None, None
        return heard.category_logits.softmax(-1), heard.attributes


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


class TextListener(torch.nn.Module):
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

    def answer(self, heard, system, instruction, **settings):
        """Answers what was read; see `SpeechListener.answer`.

        Arguments
        ---------
        heard : list of str
            From `encode`.
        system : str
            System message.
        instruction : str
            What stands before the text.
        **settings
            Generation settings, e.g. `max_new_tokens`.

        Returns
        -------
        list of speechbrain_relm.lobes.chat_llm.Answer
            One an utterance.
        """
        texts = [instruction + text for text in heard]
        return answer_texts(self.llm, system, texts, self.device, **settings)

    def log_likelihoods(self, heard, system, instruction, answers):
        """Says how likely some answers are; see `SpeechListener`.

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
        texts = [instruction + text for text in heard]
        return text_log_likelihoods(
            self.llm, system, texts, self.device, answers
        )

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

    def heads(self, heard):
        """Has no emotion heads.

        Arguments
        ---------
        heard : list of str
            From `encode`.

        Returns
        -------
        tuple
            Twice `None`.
        """
        return None, None

    @property
    def device(self):
        """Where the LLM is."""
        return next(self.llm.parameters()).device
