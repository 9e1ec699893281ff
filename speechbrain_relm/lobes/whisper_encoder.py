"""The Whisper encoder as a speech encoder (Eq. 2 of the paper).

Authors
 * The speechbrain_relm contributors 2026
"""

import torch
from torch import nn
from torch.nn import functional as F
from transformers.audio_utils import mel_filter_bank
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from speechbrain_relm.utils.lengths import counts_from_relative, valid_mask
from speechbrain_relm.utils.sources.pretrained import load_pretrained

SAMPLE_RATE = 16000
N_FFT = 400  # samples a window: 25 ms
HOP = 160  # samples a mel frame: 10 ms
STRIDE = 2 * HOP  # samples an encoder frame: 50 frames a second


class _EncoderOnly(WhisperEncoder):
    """Whisper's encoder, loaded from a checkpoint of the whole model."""

    _keys_to_ignore_on_load_unexpected = [r"decoder\.", r"proj_out\."]


class WhisperSpeechEncoder(nn.Module):
    """Stock Whisper encoder whose features do not depend on batch-mates.

    With `pad_to_30s`, the encoder sees 30 s, silence included, exactly as it
    was pretrained. Without, it runs on the real length only, with attention
    and convolutions kept off the batch's padding: the same mel frames, about
    30/seconds times less work, and features that differ from the 30-s ones
    (which the fine-tuning or the adapter must learn).

    Arguments
    ---------
    source : str
        Hub id or folder of a Whisper model (the decoder is not kept).
    pad_to_30s : bool
        Exact 30-s mode, or real length only.
    freeze : bool
        Whether the encoder stays as pretrained. The paper fine-tunes it.
    gradient_checkpointing : bool
        Whether training works out the layers' activations twice instead of
        keeping them in memory.

    Example
    -------
    >>> from transformers import WhisperConfig, WhisperModel
    >>> config = WhisperConfig(
    ...     d_model=8,
    ...     encoder_layers=1,
    ...     encoder_attention_heads=2,
    ...     encoder_ffn_dim=8,
    ...     decoder_layers=1,
    ...     decoder_attention_heads=2,
    ...     decoder_ffn_dim=8,
    ... )
    >>> folder = str(getfixture("tmp_path"))
    >>> WhisperModel(config).save_pretrained(folder)
    >>> encoder = WhisperSpeechEncoder(folder, pad_to_30s=False)
    >>> wavs, wav_lens = torch.randn(2, 16000), torch.tensor([1.0, 0.5])
    >>> encoder(wavs, wav_lens).shape
    torch.Size([2, 50, 8])
    >>> encoder.frame_counts(wav_lens, 16000)
    tensor([50, 25])
    """

    def __init__(
        self,
        source,
        pad_to_30s=False,
        freeze=False,
        gradient_checkpointing=False,
    ):
        super().__init__()
        self.encoder = load_pretrained(
            _EncoderOnly,
            source,
            key_mapping={r"^(model\.)?encoder\.": ""},
            attn_implementation="sdpa",
            dtype=torch.float32,
        )
        # Sinusoids, fixed in pretraining; loading made them a parameter again.
        self.encoder.embed_positions.requires_grad_(False)
        if gradient_checkpointing:
            self.encoder.gradient_checkpointing_enable({"use_reentrant": False})
        # As in transformers' WhisperFeatureExtractor.
        filters = mel_filter_bank(
            num_frequency_bins=1 + N_FFT // 2,
            num_mel_filters=self.encoder.config.num_mel_bins,
            min_frequency=0.0,
            max_frequency=SAMPLE_RATE / 2,
            sampling_rate=SAMPLE_RATE,
            norm="slaney",
            mel_scale="slaney",
        )
        filters = torch.tensor(filters.T, dtype=torch.float32)
        self.register_buffer("mel_filters", filters, persistent=False)
        self.pad_to_30s = pad_to_30s
        self.freeze = freeze
        # Eq. 2 fine-tunes it; the released code freezes it unless asked.
        if freeze:
            self.requires_grad_(False)
            self.eval()

    @property
    def output_size(self):
        """Channels C of a frame."""
        return self.encoder.config.d_model

    def train(self, mode=True):
        """Keeps a frozen encoder in evaluation mode.

        Arguments
        ---------
        mode : bool
            Whether to train.

        Returns
        -------
        WhisperSpeechEncoder
            Itself.
        """
        return super().train(mode and not self.freeze)

    def frame_counts(self, wav_lens, samples):
        """Counts each utterance's frames, whatever its batch.

        Arguments
        ---------
        wav_lens : torch.Tensor
            Relative lengths [B].
        samples : int
            Samples in the padded batch.

        Returns
        -------
        torch.Tensor
            Frames [B]: one for every 320 samples begun.
        """
        counts = counts_from_relative(wav_lens, samples)
        return torch.div(counts + STRIDE - 1, STRIDE, rounding_mode="floor")

    def forward(self, wavs, wav_lens=None):
        """Encodes a batch of utterances.

        Arguments
        ---------
        wavs : torch.Tensor
            16 kHz signals [B, T], at most 30 s.
        wav_lens : torch.Tensor or None
            Relative lengths [B]; on the host, nobody waits for a GPU.

        Returns
        -------
        torch.Tensor
            Features [B, T', C], 50 frames a second, cut to the longest
            utterance's frames; zero where padded.

        Raises
        ------
        ValueError
            If an utterance is longer than Whisper's 30 s.
        """
        if wav_lens is None:
            wav_lens = wavs.new_ones(len(wavs))
        samples, wav_lens = wavs.shape[1], wav_lens.cpu()
        frames = self.frame_counts(wav_lens, samples)
        longest = self.encoder.config.max_source_positions
        if frames.max() > longest:
            raise ValueError(
                f"An utterance lasts {frames.max() / 50:.1f} s, but Whisper "
                f"takes {longest / 50:.0f} s at most: leave it out or cut it."
            )
        counts = counts_from_relative(wav_lens, samples)
        wavs = wavs.float() * valid_mask(counts, samples, wavs.device)
        with torch.set_grad_enabled(
            torch.is_grad_enabled() and not self.freeze
        ):
            mask = valid_mask(frames, int(frames.max()), wavs.device)
            if self.pad_to_30s:
                mel = self.log_mel(wavs, longest * 2)
                feats = self.encode(mel)[:, : mask.shape[1]]
            else:
                mel = self.log_mel(wavs, mask.shape[1] * 2)
                ragged = int(frames.min()) < mask.shape[1]
                feats = self.encode(mel, mask if ragged else None)
        return feats * mask.unsqueeze(-1)

    def log_mel(self, wavs, frames):
        """Computes Whisper's log-mel spectrogram, per utterance.

        Arguments
        ---------
        wavs : torch.Tensor
            Signals [B, T], zero where padded.
        frames : int
            Mel frames wanted; the signal counts as silent beyond its end.

        Returns
        -------
        torch.Tensor
            Log-mel [B, n_mels, frames]. Each utterance is floored 8 below
            its own maximum (a batch-wide maximum would mix utterances).
        """
        # A window of silence follows the last frame, so that the transform
        # mirrors nobody's last samples; at 30 s it does, as in pretraining.
        full = frames == 2 * self.encoder.config.max_source_positions
        samples = frames * HOP + (0 if full else N_FFT)
        wavs = F.pad(wavs, (0, max(samples - wavs.shape[1], 0)))[:, :samples]
        window = torch.hann_window(N_FFT, device=wavs.device)
        # FFT and logarithm stay in float32 under autocast.
        with torch.autocast(wavs.device.type, enabled=False):
            spectrum = torch.stft(
                wavs, N_FFT, HOP, window=window, return_complex=True
            )
            power = spectrum[..., :frames].abs().square()
            log_mel = (self.mel_filters @ power).clamp(min=1e-10).log10()
        # SpeechBrain's Whisper takes the loudest of the whole batch, so that an
        # utterance's features depend on the others'.
        loudest = log_mel.amax(dim=(1, 2), keepdim=True)
        return (torch.maximum(log_mel, loudest - 8.0) + 4.0) / 4.0

    def encode(self, mel, mask=None):
        """Runs the stock layers, off the padding if a mask is given.

        Arguments
        ---------
        mel : torch.Tensor
            Log-mel [B, n_mels, 2T'].
        mask : torch.Tensor or None
            Valid encoder frames [B, T'].

        Returns
        -------
        torch.Tensor
            Features [B, T', C].
        """
        # Layer by layer: `WhisperEncoder.forward` refuses all but 30 s.
        encoder = self.encoder
        hidden = mel.to(encoder.conv1.weight.dtype)
        attention_mask = None
        if mask is not None:
            # What a convolution sees beyond an utterance's end is what it
            # sees beyond the end of a batch of one: zeros.
            mel_mask = mask.repeat_interleave(2, dim=1).unsqueeze(1)
            hidden = F.gelu(encoder.conv1(hidden * mel_mask)) * mel_mask
            attention_mask = mask[:, None, None, :].expand(
                -1, 1, mask.shape[1], -1
            )
        else:
            hidden = F.gelu(encoder.conv1(hidden))
        hidden = F.gelu(encoder.conv2(hidden)).transpose(1, 2)
        hidden = hidden + encoder.embed_positions.weight[: hidden.shape[1]]
        hidden = F.dropout(hidden, encoder.dropout, self.training)
        for layer in encoder.layers:
            hidden = layer(hidden, attention_mask)
        return encoder.layer_norm(hidden)
