"""The emotion in speech, as a released system hears it.

Authors
 * The speechbrain_relm contributors 2026
"""

from typing import Dict, NamedTuple, Optional

import torch

from speechbrain_relm.model.re_llm import emptied
from speechbrain_relm.runs.emotion.likelihoods import SENTENCE, sentences_of
from speechbrain_relm.utils.dimensions import DIMENSIONS


class Emotion(NamedTuple):
    """What was heard in an utterance.

    `head` and `likelihood`, the classes' probabilities by the category head
    (Eq. 7) and by how likely the LLM is to answer the recognition prompt with
    them, calibrated by the same without speech; `attributes`, arousal,
    dominance and valence, 0..1 (Eq. 8). A system without heads has neither
    `head` nor `attributes`.
    """

    head: Optional[Dict[str, float]]
    likelihood: Optional[Dict[str, float]]
    attributes: Optional[Dict[str, float]]

    @property
    def classes(self):
        """The classes' probabilities, by the head if there is one."""
        return self.head or self.likelihood

    @property
    def label(self):
        """The likeliest class."""
        return max(self.classes, key=self.classes.get)


class RecognizesEmotion:
    """The part of `EmpatheticListener` that tells emotions."""

    _prior = None  # of the classes, once known

    @torch.no_grad()
    def classify(self, speech):
        """Tells the emotion of what was heard.

        Arguments
        ---------
        speech : speechbrain_relm.model.re_llm.Speech
            From `encode_batch`, or of a turn of a conversation.

        Returns
        -------
        list of Emotion
            One an utterance.
        """
        emotions = self.hparams.emotions
        with self.inference_ctx:
            rated = self._emotion_log_likelihoods(speech)
            if self._prior is None:
                self._prior = self._emotion_log_likelihoods(emptied(speech))
        likelihoods = (rated - self._prior).float().softmax(1).tolist()
        return [
            heard._replace(likelihood=dict(zip(emotions, likelihood)))
            for heard, likelihood in zip(self.heads(speech), likelihoods)
        ]

    def heads(self, speech):
        """Tells the emotion by the heads alone, without asking the LLM.

        Arguments
        ---------
        speech : speechbrain_relm.model.re_llm.Speech
            See `classify`.

        Returns
        -------
        list of Emotion
            One an utterance, its `likelihood` `None`.
        """
        if speech.category_logits is None:
            return [Emotion(None, None, None)] * len(speech.counts)
        chances = speech.category_logits.float().softmax(1).tolist()
        return [
            Emotion(
                dict(zip(self.hparams.emotions, head)),
                None,
                dict(zip(DIMENSIONS, attributes)),
            )
            for head, attributes in zip(chances, speech.attributes.tolist())
        ]

    def _emotion_log_likelihoods(self, speech):
        """Says how likely an answer names each class, not calibrated [B, K]."""
        model, asked = self.mods.model, self.hparams
        prompt = model.llm.split_prompt(
            asked.recognition_system, asked.recognition_instruction
        )
        # A release of an earlier version has no sentence of its own.
        sentence = getattr(asked, "recognition_sentence", SENTENCE)
        return model.log_likelihoods(
            speech, prompt, sentences_of(asked.emotions, sentence)
        )

    def classify_batch(self, wavs, wav_lens):
        """Tells the emotion of utterances.

        Arguments
        ---------
        wavs : torch.Tensor
            16 kHz signals [B, T].
        wav_lens : torch.Tensor
            Relative lengths [B].

        Returns
        -------
        list of Emotion
            One an utterance.
        """
        return self.classify(self.encode_batch(wavs, wav_lens))

    def classify_file(self, path):
        """Tells the emotion of the speech in a file.

        Arguments
        ---------
        path : str or pathlib.Path
            An audio file.

        Returns
        -------
        Emotion
            What was heard.
        """
        wav = self.load_audio(path)
        return self.classify_batch(wav[None], torch.ones(1))[0]
