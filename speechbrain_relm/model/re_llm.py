"""RE-LLM: how the lobes are joined (Section II-A, Fig. 1 of the paper).

Authors
 * The speechbrain_relm contributors 2026
"""

import operator
from typing import NamedTuple, Optional

import torch

from speechbrain_relm.lobes.parts.adapters import adapters_off
from speechbrain_relm.model import prompting
from speechbrain_relm.model.prompting import evaluating
from speechbrain_relm.model.sequences import PROMPT, RESPONSE, SPEECH, Part
from speechbrain_relm.model.trained import TrainedTensors, trainable_parameters
from speechbrain_relm.utils.lengths import (
    counts_from_relative,
    masked_mean,
    valid_mask,
)


class Speech(NamedTuple):
    """Utterances as the LLM gets them.

    `embeddings` [B, T'', H] and their `counts` [B], on the host (Eq. 3); `pooled` [B, H]
    (Eq. 6); `category_logits` [B, categories] (Eq. 7); `attributes` [B, 3],
    arousal, dominance, valence (Eq. 8); both `None` without heads.
    """

    embeddings: torch.Tensor
    counts: torch.Tensor
    pooled: torch.Tensor
    category_logits: Optional[torch.Tensor]
    attributes: Optional[torch.Tensor]


class Predictions(NamedTuple):
    """What one training step compares with its labels.

    `logits` [N, V] score the N response tokens `targets` [N] of the batch;
    both are `None` where no response is learned. `teacher_logits` [N, V] are
    the text LLM's, if asked for.
    """

    speech: Speech
    logits: Optional[torch.Tensor]
    targets: Optional[torch.Tensor]
    teacher_logits: Optional[torch.Tensor]


class RELLM(TrainedTensors):
    """A speech LLM with an emotion nuance module.

    One module with one forward, so that DDP wraps it whole. The frozen
    emotion encoder stays outside: its embedding comes in as an argument.
    Checkpoints hold the trained tensors only, and loading checks their names.

    Notation of tensor shapes: B utterances, T samples, T' speech frames, T''
    speech embeddings, C speech channels, E emotion embedding size, H LLM
    embedding size, L sequence length, N response tokens, V vocabulary.

    Arguments
    ---------
    speech_encoder : torch.nn.Module
        `(wavs [B, T], wav_lens [B])` to `[B, T', C]`, e.g.
        `WhisperSpeechEncoder` or any of SpeechBrain's self-supervised lobes.
    adapter : torch.nn.Module
        `(feats [B, T', C+E], lens)` to `([B, T'', H], lens)`.
    heads : torch.nn.Module or None
        `[B, H]` to category logits and arousal, dominance, valence; `None`
        for a system that only answers.
    llm : torch.nn.Module
        A `ChatLLM`, bare or inside SpeechBrain's `AdaptedModel`.

    Example
    -------
    >>> from speechbrain_relm.lobes.conv_adapter import ConvAdapter
    >>> from speechbrain_relm.lobes.emotion_heads import EmotionHeads
    >>> class Frames(torch.nn.Module):
    ...     def forward(self, wavs, wav_lens):
    ...         return wavs.unfold(1, 320, 320)[..., :4]
    >>> model = RELLM(Frames(), ConvAdapter(6, 8), EmotionHeads(8), llm=None)
    >>> speech = model.encode_speech(
    ...     torch.randn(2, 16000), torch.tensor([1.0, 0.5]), torch.ones(2, 2)
    ... )
    >>> speech.embeddings.shape, speech.counts
    (torch.Size([2, 7, 8]), tensor([7, 4]))
    """

    def __init__(self, speech_encoder, adapter, heads, llm):
        super().__init__()
        self.speech_encoder = speech_encoder
        self.adapter = adapter
        self.heads = heads
        self.llm = llm

    def train(self, mode=True):
        """Keeps a frozen speech encoder in evaluation mode.

        SpeechBrain's lobes, once frozen, would drop out what they hear.

        Arguments
        ---------
        mode : bool
            Whether to train.

        Returns
        -------
        RELLM
            Itself.
        """
        super().train(mode)
        if not trainable_parameters(self.speech_encoder):
            self.speech_encoder.eval()
        return self

    def encode_speech(self, wavs, wav_lens, emotion_embedding=None, feats=None):
        """Encodes speech and emotion into LLM embeddings (Eqs. 2, 3, 6-8).

        Arguments
        ---------
        wavs : torch.Tensor
            16 kHz signals [B, T].
        wav_lens : torch.Tensor
            Relative lengths [B]; on the host, nobody waits for a GPU.
        emotion_embedding : torch.Tensor or None
            The frozen encoder's embedding [B, E] (Eq. 1); `None` without one.
        feats : torch.Tensor or None
            Frames [B, T', C] that the speech encoder made of the signals
            before; `None` to let it hear them now.

        Returns
        -------
        Speech
            Embeddings and the heads' predictions.
        """
        lens, encoder = wav_lens.cpu(), self.speech_encoder
        ours = hasattr(encoder, "frame_counts")
        if feats is None:
            # Others want the lengths where the signals are.
            feats = encoder(wavs, lens if ours else with_device(lens, wavs))
        frames = feats.shape[1]
        if ours:
            lens = encoder.frame_counts(lens, wavs.shape[1]) / frames
        if emotion_embedding is not None:
            repeated = emotion_embedding.to(feats.dtype).unsqueeze(1)
            # Speech first: Eq. 3 and the order of channels in the checkpoints.
            feats = torch.cat([feats, repeated.expand(-1, frames, -1)], dim=-1)
        if not getattr(self.adapter, "lens_on_host", False):
            lens = with_device(lens, feats)
        embeddings, lens = self.adapter(feats, lens)
        counts = counts_from_relative(lens.cpu(), embeddings.shape[1])
        mask = valid_mask(counts, embeddings.shape[1], embeddings.device)
        pooled = masked_mean(embeddings.float(), mask)
        category_logits, attributes = None, None
        if self.heads is not None:
            category_logits, attributes = self.heads(pooled)
        return Speech(embeddings, counts, pooled, category_logits, attributes)

    def forward(
        self,
        wavs,
        wav_lens,
        emotion_embedding,
        prompt,
        responses,
        response_lens,
        teacher_prompt=None,
        texts=None,
        text_lens=None,
        feats=None,
    ):
        """Scores the expected responses given the speech (Eqs. 4, 5).

        Arguments
        ---------
        wavs : torch.Tensor
            16 kHz signals [B, T].
        wav_lens : torch.Tensor
            Relative lengths [B].
        emotion_embedding : torch.Tensor or None
            [B, E].
        prompt : speechbrain_relm.lobes.parts.chat_template.Prompt
            What stands around the speech.
        responses : torch.Tensor or None
            Token ids [B, R] of the expected responses, best on the host, as
            their lengths; `None` leaves the LLM out.
        response_lens : torch.Tensor or None
            Relative lengths [B].
        teacher_prompt : Prompt or None
            What stands around the user's text for the text LLM; `None` where
            its distribution is not wanted.
        texts : torch.Tensor or None
            Token ids [B, S] of those texts: instruction and transcript.
        text_lens : torch.Tensor or None
            Relative lengths [B].
        feats : torch.Tensor or None
            See `encode_speech`.

        Returns
        -------
        Predictions
            Logits where the loss is, and the heads' predictions.
        """
        speech = self.encode_speech(wavs, wav_lens, emotion_embedding, feats)
        if responses is None:
            return Predictions(speech, None, None, None)
        response = ragged(responses, response_lens, RESPONSE)
        logits, targets = prompting.score_response(
            self.llm, prompt, speech_part(speech), response
        )
        teacher_logits = None
        if teacher_prompt is not None:
            text = ragged(texts, text_lens, PROMPT)
            teacher_logits = self.teach(teacher_prompt, text, response)
        return Predictions(speech, logits, targets, teacher_logits)

    @torch.no_grad()
    def teach(self, prompt, text, response):
        """Scores the responses by the text LLM, given transcripts.

        Arguments
        ---------
        prompt : Prompt
            What stands around the transcript.
        text : Part
            Transcript token ids.
        response : Part
            Response token ids.

        Returns
        -------
        torch.Tensor
            Logits [N, V], without gradient and without adapters.
        """
        with evaluating(self.llm), adapters_off(self.llm):
            return prompting.score_response(self.llm, prompt, text, response)[0]

    def answer(self, speech, prompt, **settings):
        """Answers to speech (Eq. 4).

        Arguments
        ---------
        speech : Speech
            Encoded utterances.
        prompt : Prompt
            What stands around the speech.
        **settings
            Generation settings, e.g. `max_new_tokens`.

        Returns
        -------
        list of speechbrain_relm.lobes.parts.chat_template.Answer
            One per utterance.
        """
        return prompting.answer(
            self.llm, prompt, speech_part(speech), **settings
        )

    def log_likelihoods(self, speech, prompt, answers):
        """Says how likely answers are; see `prompting.log_likelihoods`.

        Arguments
        ---------
        speech : Speech
            Encoded utterances.
        prompt : Prompt
            What stands around the speech.
        answers : list of str
            Beginnings of an answer, e.g. the labels.

        Returns
        -------
        torch.Tensor
            Log-probabilities [B, answers].
        """
        return prompting.log_likelihoods(
            self.llm, prompt, speech_part(speech), answers
        )


def fused_size(speech_encoder, emotion_encoder):
    """Asks the encoders for the adapter's input size, C + E (Eq. 3).

    Arguments
    ---------
    speech_encoder : torch.nn.Module
        Ours, or one of SpeechBrain's lobes.
    emotion_encoder : torch.nn.Module or None
        `None` where a system has none.

    Returns
    -------
    int
        C + E.

    Raises
    ------
    AttributeError
        If the speech encoder does not tell its size.

    Example
    -------
    >>> class Encoder(torch.nn.Module):
    ...     output_size = 384
    >>> fused_size(Encoder(), None)
    384
    """
    size = None if emotion_encoder is None else emotion_encoder.output_size
    # Ours; SpeechBrain's; a Hugging Face model inside one of SpeechBrain's.
    for owner, name in (
        (speech_encoder, "output_size"),
        (speech_encoder, "output_dim"),
        (getattr(speech_encoder, "model", None), "config.hidden_size"),
    ):
        try:
            return operator.attrgetter(name)(owner) + (size or 0)
        except AttributeError:
            continue
    raise AttributeError(
        f"{type(speech_encoder).__name__} does not tell the size of its "
        "frames: give it an attribute 'output_size'."
    )


def with_device(lens, values):
    """Copies lengths to where the values are; nobody waits for it.

    Arguments
    ---------
    lens : torch.Tensor
        Relative lengths [B].
    values : torch.Tensor
        Signals or frames.

    Returns
    -------
    torch.Tensor
        The lengths.

    Example
    -------
    >>> with_device(torch.ones(1), torch.ones(1, 8)).device
    device(type='cpu')
    """
    return lens.to(values.device, non_blocking=True)


def speech_part(speech):
    """Makes the speech a part of the LLM's sequence.

    Arguments
    ---------
    speech : Speech
        Encoded utterances.

    Returns
    -------
    Part
        A part with the role SPEECH.
    """
    return Part(speech.embeddings, speech.counts, SPEECH)


def emptied(speech):
    """Leaves nothing of what was heard: the neutral input of a calibration.

    Arguments
    ---------
    speech : Speech
        Encoded utterances.

    Returns
    -------
    Speech
        One utterance without a frame.

    Example
    -------
    >>> speech = Speech(
    ...     torch.ones(2, 3, 4), torch.tensor([3, 1]), None, None, None
    ... )
    >>> emptied(speech).embeddings.shape
    torch.Size([1, 0, 4])
    """
    nothing = speech.embeddings[:1, :0]
    return Speech(nothing, speech.counts[:1] * 0, None, None, None)


def ragged(values, lens, role):
    """Makes a padded batch a part of the LLM's sequence.

    Arguments
    ---------
    values : torch.Tensor
        Token ids [B, S].
    lens : torch.Tensor
        Relative lengths [B].
    role : int
        Role of the part.

    Returns
    -------
    Part
        The part.

    Example
    -------
    >>> part = ragged(torch.ones(2, 4), torch.tensor([1.0, 0.5]), RESPONSE)
    >>> part.counts
    tensor([4, 2])
    """
    return Part(values, counts_from_relative(lens, values.shape[1]), role)
