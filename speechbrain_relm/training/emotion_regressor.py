"""Emotion regressors: made from pretrained encoders, exported when trained.

Authors
 * The speechbrain_relm contributors 2026
"""

import copy
import json
from pathlib import Path

import torch
from transformers import Wav2Vec2FeatureExtractor

from speechbrain_relm.lobes.emotion_encoder import regressor_class
from speechbrain_relm.utils.dimensions import DIMENSIONS
from speechbrain_relm.utils.sources.architectures import architecture
from speechbrain_relm.utils.sources.pretrained import load_pretrained


def pruned_regressor(source, layers=12):
    """Makes a regressor of a pretrained encoder's first layers.

    The convolutions are frozen, as in Wagner et al. (2023); the head is new.

    Arguments
    ---------
    source : str
        Hub id or folder of a wav2vec 2.0 or WavLM encoder whose convolutions
        normalize by layer (the large ones).
    layers : int
        Transformer layers to keep.

    Returns
    -------
    EmotionRegressor or WavLMEmotionRegressor
        In float32.

    Raises
    ------
    ValueError
        If the encoder is of another kind, has fewer layers, or lacks tensors.

    Example
    -------
    >>> folder = getfixture("emotion_folder")
    >>> model = pruned_regressor(folder, layers=1)
    >>> len(model.wav2vec2.encoder.layers)
    1
    """
    kind = regressor_class(source)
    config = copy.deepcopy(architecture(source))
    if not 1 <= layers <= config.num_hidden_layers:
        raise ValueError(
            f"layers: {source} has {config.num_hidden_layers} transformer "
            f"layers, so {layers} cannot be kept"
        )
    config.num_hidden_layers = layers
    # Several processes want a gradient of every layer in every step.
    config.layerdrop = 0.0
    model = kind(config)
    backbone = load_pretrained(
        kind.backbone_class, source, config=config, dtype=torch.float32
    )
    setattr(model, model.base_model_prefix, backbone)
    backbone.freeze_feature_encoder()
    freeze_mask_embedding(model)
    return model


def freeze_mask_embedding(model):
    """Freezes what SpecAugment puts in place of frames.

    Not every step needs it, and several processes want a gradient for all
    that learns in every step.

    Arguments
    ---------
    model : EmotionRegressor or WavLMEmotionRegressor
        The model.

    Example
    -------
    >>> from speechbrain_relm.lobes.emotion_encoder import EmotionRegressor
    >>> model = EmotionRegressor.from_pretrained(getfixture("emotion_folder"))
    >>> freeze_mask_embedding(model)
    >>> model.wav2vec2.masked_spec_embed.requires_grad
    False
    """
    embedding = getattr(model.base_model, "masked_spec_embed", None)
    if embedding is not None:
        embedding.requires_grad_(False)


def export_regressor(model, figures, target):
    """Saves a regressor in the format of the released emotion model.

    Arguments
    ---------
    model : EmotionRegressor or WavLMEmotionRegressor
        The model.
    figures : dict
        What `concordance.json` will hold.
    target : str or pathlib.Path
        An existing folder.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> model = pruned_regressor(getfixture("emotion_folder"), layers=1)
    >>> export_regressor(model, {"Test1": {"arousal": 0.5}}, folder)
    >>> sorted(path.name for path in folder.iterdir())
    ['concordance.json', 'config.json', 'model.safetensors', \
'preprocessor_config.json']
    """
    model.save_pretrained(target)
    config = copy.deepcopy(model.config)
    family = type(model.base_model).__name__.removesuffix("Model")
    config.architectures = [f"{family}ForSpeechClassification"]
    config.problem_type = "regression"
    config.pooling_mode = "mean"
    config.id2label = dict(enumerate(DIMENSIONS))
    config.label2id = {name: i for i, name in enumerate(DIMENSIONS)}
    config.save_pretrained(target)
    Wav2Vec2FeatureExtractor(
        do_normalize=True, return_attention_mask=True
    ).save_pretrained(target)
    path = Path(target) / "concordance.json"
    path.write_text(json.dumps(figures, indent=2), encoding="utf-8")
