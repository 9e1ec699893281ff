"""Whisper as a transcriber, encoder and decoder.

Authors
 * The speechbrain_relm contributors 2026
"""

import functools

import torch
from torch import nn
from transformers import (
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

from speechbrain_relm.utils.lengths import counts_from_relative
from speechbrain_relm.utils.sources.pretrained import (
    load_pretrained,
    load_tokenizer,
)

SAMPLE_RATE = 16000


class WhisperTranscriber(nn.Module):
    """Stock Whisper, decoding greedily, whose texts do not depend on the batch.

    Each utterance is padded to the 30 s that Whisper was pretrained on.

    Arguments
    ---------
    source : str
        Hub id or folder of a Whisper model.
    max_new_tokens : int
        Tokens at most of a transcript; Whisper itself stops at 448.
    language : str
        Language code of the speech; only a multilingual model is told.

    Example
    -------
    >>> folder = getfixture("whisper_folder")  # a tiny Whisper
    >>> transcriber = WhisperTranscriber(folder, max_new_tokens=4)
    >>> len(transcriber.transcribe(torch.zeros(2, 16000)))
    2
    """

    def __init__(self, source, max_new_tokens=200, language="en"):
        super().__init__()
        self.model = load_pretrained(
            WhisperForConditionalGeneration, source, dtype=torch.float32
        )
        self.model.eval().requires_grad_(False)
        self.source = source
        self.extractor = WhisperFeatureExtractor(
            feature_size=self.model.config.num_mel_bins
        )
        config = self.model.generation_config
        config.max_length = max_new_tokens  # after the prompt, for Whisper
        self.settings = {}
        # A model for English only refuses to be told the language.
        if getattr(config, "is_multilingual", False):
            self.settings = {"language": language, "task": "transcribe"}

    @functools.cached_property
    def tokenizer(self):
        """Whisper's tokenizer."""
        return load_tokenizer(self.source)

    @torch.no_grad()
    def transcribe(self, wavs, wav_lens=None):
        """Writes down what is said.

        Arguments
        ---------
        wavs : torch.Tensor
            16 kHz signals [B, T], at most 30 s.
        wav_lens : torch.Tensor or None
            Relative lengths [B].

        Returns
        -------
        list of str
            One transcript an utterance; empty where nothing is heard.

        Raises
        ------
        ValueError
            If an utterance is longer than Whisper's 30 s.

        Example
        -------
        >>> folder = getfixture("whisper_folder")
        >>> transcriber = WhisperTranscriber(folder, max_new_tokens=4)
        >>> wavs = torch.randn(2, 16000)
        >>> lens = torch.tensor([1.0, 0.5])
        >>> both = transcriber.transcribe(wavs, lens)
        >>> both[1:] == transcriber.transcribe(wavs[1:, :8000])
        True
        """
        if wav_lens is None:
            wav_lens = wavs.new_ones(len(wavs))
        counts = counts_from_relative(wav_lens, wavs.shape[1]).tolist()
        if max(counts) > self.extractor.n_samples:
            raise ValueError(
                f"An utterance lasts {max(counts) / SAMPLE_RATE:.1f} s, but "
                f"Whisper takes {self.extractor.chunk_length} s at most: leave "
                "it out or cut it."
            )
        signals = [
            wav[:count].float().cpu().numpy()
            for wav, count in zip(wavs, counts)
        ]
        mel = self.extractor(
            signals, sampling_rate=SAMPLE_RATE, return_tensors="pt"
        ).input_features.to(self.model.device)
        # Whisper hears the silence too: nothing is masked.
        ids = self.model.generate(
            mel,
            attention_mask=mel.new_ones(mel.shape[0], mel.shape[2]),
            do_sample=False,
            **self.settings,
        )
        texts = self.tokenizer.batch_decode(ids, skip_special_tokens=True)
        return [text.strip() for text in texts]
