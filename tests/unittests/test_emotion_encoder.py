"""The emotion encoder: batches, preprocessing, and that it stays frozen."""

import pytest
import torch
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor

from speechbrain_relm.lobes.emotion_encoder import (
    DimensionalEmotionEncoder,
    EmotionRegressor,
)


def test_one_utterance_as_released(emotion_folder, utterances):
    """Stock preprocessing, plain mean over frames, the two-layer head."""
    wavs, _, _ = utterances
    model = EmotionRegressor.from_pretrained(emotion_folder).eval()
    extractor = Wav2Vec2FeatureExtractor(do_normalize=True)
    values = extractor(
        wavs[0].numpy(), sampling_rate=16000, return_tensors="pt"
    ).input_values
    with torch.no_grad():
        hidden = model.wav2vec2(values).last_hidden_state.mean(1)
        dense, out = model.classifier.dense, model.classifier.out_proj
        expected = out(torch.tanh(dense(hidden)))
    encoder = DimensionalEmotionEncoder(emotion_folder)
    embedding, attributes = encoder(wavs[0][None])
    assert torch.allclose(embedding, hidden, atol=1e-5)
    assert torch.allclose(attributes, expected, atol=1e-5)


def test_batch_equals_alone(emotion_folder, utterances):
    """Masks keep the padding out of statistics, convolutions and mean."""
    wavs, batch, lens = utterances
    encoder = DimensionalEmotionEncoder(emotion_folder)
    counts = torch.tensor([len(wav) for wav in wavs])
    for found in (encoder(batch, lens), encoder.at_once(batch, counts)):
        for i, wav in enumerate(wavs):
            alone = encoder(wav[None])
            for rows, row in zip(found, alone):
                assert torch.allclose(rows[i], row[0], atol=1e-5)


def test_never_in_training_mode(emotion_folder, utterances):
    """Inside a model that trains, the embedding stays the same."""
    _, batch, lens = utterances
    encoder = DimensionalEmotionEncoder(emotion_folder)
    before, _ = encoder(batch, lens)
    torch.nn.ModuleDict({"emotion": encoder}).train()
    after, _ = encoder(batch, lens)
    assert torch.equal(before, after)
    assert not after.requires_grad
    assert not any(p.requires_grad for p in encoder.parameters())


def test_normalization_is_what_the_yaml_says(emotion_folder, utterances):
    """With it, loudness changes nothing; without it, it does."""
    wavs, _, _ = utterances
    for normalize in (True, False):
        encoder = DimensionalEmotionEncoder(emotion_folder, normalize)
        quiet, _ = encoder(wavs[0][None])
        loud, _ = encoder(10 * wavs[0][None])
        # Behind 1e-7 under the square root, a trace of loudness is left.
        assert torch.allclose(quiet, loud, atol=1e-4) == normalize


def test_group_norm_is_refused():
    """wav2vec2-base's first layer would mix an utterance with its padding."""
    with pytest.raises(ValueError, match="feat_extract_norm"):
        EmotionRegressor(Wav2Vec2Config(feat_extract_norm="group"))
