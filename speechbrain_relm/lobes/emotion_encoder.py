"""The frozen dimensional-emotion encoder (Eq. 1 of the paper).

A wav2vec 2.0 or WavLM encoder with a regression head, in the format of
`audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim` (Wagner et al. 2023).
One forward gives both what the adapter takes (the pooled hidden state) and
what pseudo labels need (arousal, dominance, valence).

Authors
 * The speechbrain_relm contributors 2026
"""

import torch
from torch import nn
from transformers import (
    Wav2Vec2Model,
    Wav2Vec2PreTrainedModel,
    WavLMModel,
    WavLMPreTrainedModel,
)

from speechbrain_relm.utils.dimensions import DIMENSIONS
from speechbrain_relm.utils.lengths import (
    counts_from_relative,
    masked_mean,
    valid_mask,
)
from speechbrain_relm.utils.sources.architectures import architecture
from speechbrain_relm.utils.sources.pretrained import load_pretrained


class RegressionHead(nn.Module):
    """Maps the pooled hidden state to arousal, dominance and valence.

    Arguments
    ---------
    config : transformers.Wav2Vec2Config or transformers.WavLMConfig
        Read for `hidden_size` and `final_dropout`.

    Example
    -------
    >>> from transformers import Wav2Vec2Config
    >>> head = RegressionHead(Wav2Vec2Config(hidden_size=8))
    >>> head(torch.zeros(2, 8)).shape
    torch.Size([2, 3])
    """

    def __init__(self, config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(config.final_dropout)
        self.out_proj = nn.Linear(config.hidden_size, len(DIMENSIONS))

    def forward(self, pooled):
        """Regresses the three dimensions.

        Arguments
        ---------
        pooled : torch.Tensor
            Pooled hidden states [B, E].

        Returns
        -------
        torch.Tensor
            Arousal, dominance, valence [B, 3], about 0 to 1.
        """
        hidden = torch.tanh(self.dense(self.dropout(pooled)))
        return self.out_proj(self.dropout(hidden))


class Regressor:
    """What the regressors of all kinds of encoders share.

    To be mixed into a class of pretrained models of transformers, with the
    kind of encoder as `backbone_class`.

    Arguments
    ---------
    config : transformers.PretrainedConfig
        Its feature extractor must normalize by layer: with the group norm of
        the base models the padding of a batch leaks into every utterance.

    Raises
    ------
    ValueError
        If `config.feat_extract_norm` is not "layer".
    """

    def __init__(self, config):
        super().__init__(config)
        if config.feat_extract_norm != "layer":
            raise ValueError(
                "The emotion encoder needs feat_extract_norm='layer' in its "
                f"config.json, found {config.feat_extract_norm!r}: the other "
                "kind makes an utterance depend on its batch."
            )
        setattr(self, self.base_model_prefix, self.backbone_class(config))
        self.classifier = RegressionHead(config)
        self.post_init()

    def forward(self, input_values, attention_mask):
        """Embeds the utterances and regresses their emotion dimensions.

        Arguments
        ---------
        input_values : torch.Tensor
            Normalized 16 kHz signals [B, T], zero where padded.
        attention_mask : torch.Tensor
            Boolean mask [B, T], true on real samples.

        Returns
        -------
        pooled : torch.Tensor
            Mean of the last hidden states over real frames [B, E].
        attributes : torch.Tensor
            Arousal, dominance, valence [B, 3], about 0 to 1.
        """
        hidden = self.base_model(
            input_values, attention_mask=attention_mask.long()
        ).last_hidden_state
        # transformers has no public way to ask for it.
        frames = self.base_model._get_feat_extract_output_lengths(
            attention_mask.sum(1)
        )
        # Section III-A's "pre-final layer": what the regression head reads.
        pooled = masked_mean(hidden, valid_mask(frames, hidden.shape[1]))
        return pooled, self.classifier(pooled)


class EmotionRegressor(Regressor, Wav2Vec2PreTrainedModel):
    """A wav2vec 2.0 encoder and regression head, under the released names.

    Arguments
    ---------
    config : transformers.Wav2Vec2Config
        See `Regressor`.

    Example
    -------
    >>> from transformers import Wav2Vec2Config
    >>> config = Wav2Vec2Config(
    ...     hidden_size=16,
    ...     num_hidden_layers=1,
    ...     num_attention_heads=2,
    ...     intermediate_size=16,
    ...     conv_dim=[8] * 7,
    ...     num_conv_pos_embeddings=4,
    ...     num_conv_pos_embedding_groups=2,
    ...     feat_extract_norm="layer",
    ... )
    >>> model = EmotionRegressor(config).eval()
    >>> wavs, mask = torch.randn(2, 4000), torch.ones(2, 4000).bool()
    >>> [x.shape for x in model(wavs, mask)]
    [torch.Size([2, 16]), torch.Size([2, 3])]
    """

    backbone_class = Wav2Vec2Model


class WavLMEmotionRegressor(Regressor, WavLMPreTrainedModel):
    """The same on WavLM.

    Arguments
    ---------
    config : transformers.WavLMConfig
        See `Regressor`.

    Example
    -------
    >>> from transformers import WavLMConfig
    >>> config = WavLMConfig(
    ...     hidden_size=16,
    ...     num_hidden_layers=1,
    ...     num_attention_heads=2,
    ...     intermediate_size=16,
    ...     conv_dim=[8] * 7,
    ...     num_conv_pos_embeddings=4,
    ...     num_conv_pos_embedding_groups=2,
    ...     feat_extract_norm="layer",
    ... )
    >>> model = WavLMEmotionRegressor(config).eval()
    >>> wavs, mask = torch.randn(2, 4000), torch.ones(2, 4000).bool()
    >>> [x.shape for x in model(wavs, mask)]
    [torch.Size([2, 16]), torch.Size([2, 3])]
    """

    backbone_class = WavLMModel


REGRESSORS = {"wav2vec2": EmotionRegressor, "wavlm": WavLMEmotionRegressor}


def regressor_class(source):
    """Finds the class of regressors for an encoder, from its config.json.

    Arguments
    ---------
    source : str
        Hub id or folder, of an encoder alone or of a regressor.

    Returns
    -------
    type
        One of `REGRESSORS`.

    Raises
    ------
    ValueError
        If the encoder is of another kind.

    Example
    -------
    >>> regressor_class(getfixture("emotion_folder")).__name__
    'EmotionRegressor'
    """
    kind = architecture(source).model_type
    if kind not in REGRESSORS:
        raise ValueError(
            f"{source} is a model of the type {kind!r} (config.json): name an "
            f"emotion encoder of the type {' or '.join(REGRESSORS)}"
        )
    return REGRESSORS[kind]


def normalize_utterances(wavs, mask):
    """Scales each utterance to zero mean and unit variance.

    Arguments
    ---------
    wavs : torch.Tensor
        Signals [B, T].
    mask : torch.Tensor
        Boolean mask [B, T], true on real samples.

    Returns
    -------
    torch.Tensor
        Normalized signals [B, T], zero where padded. The variance is the
        population's, with 1e-7 added, as in the released preprocessing.

    Example
    -------
    >>> wavs = torch.tensor([[1.0, 3.0, 7.0]])
    >>> mask = torch.tensor([[True, True, False]])
    >>> normalize_utterances(wavs, mask)
    tensor([[-1.,  1.,  0.]])
    """
    mean = masked_mean(wavs.unsqueeze(-1), mask)
    centred = (wavs - mean) * mask
    variance = masked_mean(centred.square().unsqueeze(-1), mask)
    # The small number is that of transformers' feature extractor.
    return centred / (variance + 1e-7).sqrt()


class DimensionalEmotionEncoder(nn.Module):
    """The frozen emotion encoder as a lobe.

    It never trains: its parameters have no gradient (so DDP leaves it alone)
    and `train()` does not take it out of evaluation mode, since dropout or
    SpecAugment would make its embedding random.

    Arguments
    ---------
    source : str
        Hub id or folder of a model in the released format, `.safetensors` or
        `.bin`, with torch's older or newer names of weight norms; on wav2vec
        2.0 or WavLM, as its config.json says.
    normalize : bool
        Whether signals are scaled to zero mean and unit variance, as the
        released model expects.

    Raises
    ------
    ValueError
        If the folder lacks tensors of the model, such as the head, or holds
        a model of another kind.

    Example
    -------
    >>> from transformers import Wav2Vec2Config
    >>> config = Wav2Vec2Config(
    ...     hidden_size=16,
    ...     num_hidden_layers=1,
    ...     num_attention_heads=2,
    ...     intermediate_size=16,
    ...     conv_dim=[8] * 7,
    ...     num_conv_pos_embeddings=4,
    ...     num_conv_pos_embedding_groups=2,
    ...     feat_extract_norm="layer",
    ... )
    >>> folder = str(getfixture("tmp_path"))
    >>> EmotionRegressor(config).save_pretrained(folder)
    >>> encoder = DimensionalEmotionEncoder(folder)
    >>> embedding, attributes = encoder(
    ...     torch.randn(2, 8000), torch.tensor([1.0, 0.5])
    ... )
    >>> embedding.shape, attributes.shape
    (torch.Size([2, 16]), torch.Size([2, 3]))
    >>> encoder.train().training
    False
    """

    def __init__(self, source, normalize=True):
        super().__init__()
        self.model = load_pretrained(
            regressor_class(source), source, dtype=torch.float32
        )
        self.normalize = normalize
        self.requires_grad_(False)
        self.eval()

    @property
    def output_size(self):
        """Size E of the embedding."""
        return self.model.config.hidden_size

    def train(self, mode=True):
        """Stays in evaluation mode whatever is asked.

        Arguments
        ---------
        mode : bool
            Ignored.

        Returns
        -------
        DimensionalEmotionEncoder
            Itself.
        """
        # The released code does not: dropout may act on a frozen encoder.
        return super().train(False)

    @torch.no_grad()
    def forward(self, wavs, wav_lens=None):
        """Embeds a batch of utterances (Eq. 1).

        Arguments
        ---------
        wavs : torch.Tensor
            16 kHz signals [B, T].
        wav_lens : torch.Tensor or None
            Relative lengths [B].

        Returns
        -------
        embedding : torch.Tensor
            Pooled hidden states [B, E].
        attributes : torch.Tensor
            Arousal, dominance, valence [B, 3], about 0 to 1.
        """
        counts = counts_from_relative(wav_lens, wavs.shape[1])
        if counts is None:
            counts = wavs.new_full((len(wavs),), wavs.shape[1]).long()
        if wavs.device.type == "cpu" and len(wavs) > 1:
            # Twice as fast as a batch, whose convolutions outgrow the caches.
            alone = [
                self.at_once(wav[None, :count], count[None])
                for wav, count in zip(wavs, counts)
            ]
            embeddings, attributes = zip(*alone)
            return torch.cat(embeddings), torch.cat(attributes)
        return self.at_once(wavs, counts)

    @torch.no_grad()
    def at_once(self, wavs, counts):
        """Embeds a batch in one pass, as `forward` does on a GPU.

        Arguments
        ---------
        wavs : torch.Tensor
            16 kHz signals [B, T].
        counts : torch.Tensor
            Samples of each [B].

        Returns
        -------
        embedding : torch.Tensor
            Pooled hidden states [B, E].
        attributes : torch.Tensor
            Arousal, dominance, valence [B, 3], about 0 to 1.
        """
        mask = valid_mask(counts, wavs.shape[1])
        # Per-utterance statistics need float32 also under autocast.
        wavs = (
            normalize_utterances(wavs.float(), mask) if self.normalize else wavs
        )
        return self.model(wavs.to(self.model.dtype), mask)
