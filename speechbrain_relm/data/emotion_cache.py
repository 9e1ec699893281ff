"""What the frozen encoders heard, kept on disk (Eqs. 1 and 2).

An utterance is heard once: pseudo labels, every epoch, the responses, later
runs and other systems of a table read what is kept.

Authors
 * The speechbrain_relm contributors 2026
"""

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from speechbrain_relm.data.kept_rows import EncoderCache
from speechbrain_relm.utils.dimensions import DIMENSIONS
from speechbrain_relm.utils.precision import at_precision


class EmotionCache(EncoderCache):
    """Hears the emotion of each signal once, in this process or any other.

    Arguments
    ---------
    encoder : torch.nn.Module
        Signals [B, T] and relative lengths [B] to embeddings [B, E] and
        attributes [B, 3].
    folder : str or pathlib.Path or None
        Where to keep; `None` keeps in memory only.
    precision : str
        What the encoder computes at, in training too.

    Example
    -------
    >>> class Encoder(torch.nn.Module):
    ...     output_size = 1
    ...
    ...     def forward(self, wavs, wav_lens):
    ...         print("heard", len(wavs))
    ...         return wavs.sum(1, keepdim=True), wavs[:, :3]
    >>> wavs, lens = torch.tensor([[1.0, 2, 3], [4, 5, 6]]), torch.ones(2)
    >>> folder = getfixture("tmp_path")
    >>> cache = EmotionCache(Encoder(), folder)
    >>> cache(["a", "b"], wavs, lens)[0].tolist()
    heard 2
    [[6.0], [15.0]]
    >>> cache = EmotionCache(Encoder(), folder)
    >>> cache(["b"], wavs[1:], lens[1:])[1].tolist()
    [[4.0, 5.0, 6.0]]
    """

    def __init__(self, encoder, folder=None, precision="fp32"):
        self.sizes = [encoder.output_size, len(DIMENSIONS)]
        super().__init__(
            encoder, sum(self.sizes), folder, "Emotion embeddings", precision
        )

    @torch.no_grad()
    def __call__(self, keys, wavs, wav_lens):
        """Gives what the encoder hears in utterances.

        Arguments
        ---------
        keys : list of str
            `audio_key` of each utterance.
        wavs : torch.Tensor
            16 kHz signals [B, T].
        wav_lens : torch.Tensor
            Relative lengths [B], on the host or with the signals.

        Returns
        -------
        embeddings : torch.Tensor
            [B, E].
        attributes : torch.Tensor
            Arousal, dominance, valence [B, 3].
        """

        def encode(rows):
            with at_precision(self.precision, wavs.device):
                lens = wav_lens[rows].to(wavs.device, non_blocking=True)
                heard = self.encoder(wavs[rows], lens)
            heard = torch.cat(heard, dim=1)
            return heard.float().cpu().numpy()[:, None]

        rows = np.concatenate(self.get(keys, encode))
        kept = torch.from_numpy(rows).to(wavs.device, non_blocking=True)
        return kept.split(self.sizes, 1)


class FrameCache(EncoderCache):
    """Runs a frozen speech encoder once on each signal.

    Arguments
    ---------
    encoder : speechbrain_relm.lobes.whisper_encoder.WhisperSpeechEncoder
        Or another that hears an utterance alike in any batch, and has
        `output_size` and `frame_counts`.
    folder : str or pathlib.Path
        Where to keep: 50 frames a second are too much for the memory.
    precision : str
        What the encoder computes at, in training too.

    Example
    -------
    >>> class Encoder(torch.nn.Module):
    ...     output_size = 2
    ...
    ...     def frame_counts(self, wav_lens, samples):
    ...         return (wav_lens * samples / 2).long()
    ...
    ...     def forward(self, wavs, wav_lens):
    ...         print("heard", len(wavs))
    ...         return wavs.unfold(1, 2, 2)
    >>> wavs, lens = torch.arange(8.0).view(2, 4), torch.tensor([0.5, 1.0])
    >>> cache = FrameCache(Encoder(), getfixture("tmp_path"))
    >>> cache(["a", "b"], wavs, lens).tolist()
    heard 2
    [[[0.0, 1.0], [0.0, 0.0]], [[4.0, 5.0], [6.0, 7.0]]]
    >>> cache(["a"], wavs[:1], lens[:1]).tolist()
    [[[0.0, 1.0]]]
    """

    def __init__(self, encoder, folder, precision="fp32"):
        super().__init__(
            encoder, encoder.output_size, folder, "Speech frames", precision
        )

    @torch.no_grad()
    def __call__(self, keys, wavs, wav_lens):
        """Gives the frames of utterances.

        Arguments
        ---------
        keys : list of str
            `audio_key` of each utterance.
        wavs : torch.Tensor
            16 kHz signals [B, T].
        wav_lens : torch.Tensor
            Relative lengths [B], on the host or with the signals.

        Returns
        -------
        torch.Tensor
            Speech frames [B, T', C], zero where padded.
        """

        def encode(rows):
            with at_precision(self.precision, wavs.device):
                feats = self.encoder(wavs[rows], wav_lens[rows])
            counts = self.encoder.frame_counts(wav_lens[rows], wavs.shape[1])
            feats = feats.float().cpu().numpy()
            return [f[:n] for f, n in zip(feats, counts.tolist())]

        frames = [torch.from_numpy(f) for f in self.get(keys, encode)]
        padded = pad_sequence(frames, batch_first=True)
        return padded.to(wavs.device, non_blocking=True)
