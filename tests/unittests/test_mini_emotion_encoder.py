"""Tests of the small emotion encoder's training.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
from pathlib import Path

import pytest
import torch

from speechbrain_relm.lobes.emotion_encoder import DimensionalEmotionEncoder
from speechbrain_relm.mini import emotion_encoder
from speechbrain_relm.mini.msp_podcast import make_msp_podcast
from speechbrain_relm.runs.experiment import read_settings
from speechbrain_relm.utils.disk.locks import locked


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """An MSP-Podcast-like corpus of 28 utterances, 20 for training."""
    return make_msp_podcast(tmp_path_factory.mktemp("msp") / "MSP", 28)


def test_filters_answer_to_their_own_frequency():
    filters = emotion_encoder.filterbank(64, 400).squeeze(1).double()
    power = torch.fft.rfft(filters, 16000).abs().square()
    peaks = power.argmax(1).double()
    # The mel scale's own formula, at the ends and in the middle.
    mels = 2595 * torch.log10(1 + peaks[:32] / 700)
    torch.testing.assert_close(peaks[:32], peaks[32:], rtol=0, atol=5)
    assert mels.diff()[2:].std() < 1 and abs(peaks[31] - 6000) < 5
    torch.testing.assert_close(filters.norm(dim=1), torch.ones(64).double())


def test_training_leaves_a_model_that_loads(corpus, tmp_path):
    figures = emotion_encoder.train(
        corpus, tmp_path / "a", tmp_path / "w", 3, 1, 10, 1.5e-3
    )
    stored = json.loads((tmp_path / "a/concordance.json").read_text("utf-8"))
    assert stored == figures
    encoder = DimensionalEmotionEncoder(str(tmp_path / "a"))
    embedding, attributes = encoder(torch.randn(2, 8000))
    assert embedding.shape == (2, 64) and attributes.shape == (2, 3)
    assert torch.isfinite(embedding).all() and torch.isfinite(attributes).all()
    processor = json.loads(
        (tmp_path / "a/preprocessor_config.json").read_text("utf-8")
    )
    assert processor["do_normalize"] and processor["sampling_rate"] == 16000


def test_training_repeats_with_its_seed(corpus, tmp_path):
    state = torch.random.get_rng_state()
    weights = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        target, working = tmp_path / name, tmp_path / f"{name}_working"
        with locked(working):  # as it is when the encoder is made once
            emotion_encoder.train(corpus, target, working, seed, 1, 10, 1e-3)
        weights.append((tmp_path / name / "model.safetensors").read_bytes())
    assert weights[0] == weights[1] != weights[2]
    assert torch.equal(state, torch.random.get_rng_state())


def test_the_recipe_of_this_size_has_the_same_settings():
    """Whoever runs the recipe gets the encoder of the embedded default."""
    path = Path("recipes/MSP-Podcast/hparams/emotion_encoder_mini.yaml")
    path = Path(__file__).resolve().parents[2] / path
    text = path.read_text("utf-8").replace("!PLACEHOLDER", "MSP")
    settings, training = read_settings(text, {}), emotion_encoder.TRAINING
    assert settings["seed"] == training["seed"]
    assert settings["number_of_epochs"] == training["epochs"]
    assert settings["lr"] == training["peak_rate"]
    sampler, size = settings["sampler"], training["batch_size"]
    assert sampler["max_batch_ex"] == size
    assert sampler["bucket_boundaries"] == emotion_encoder.BOUNDARIES
    assert sampler["max_batch_length"] == size * emotion_encoder.BOUNDARIES[-1]
    steps = 1000 * training["epochs"] // size // 6
    assert settings["lr_schedule"]["num_warmup_steps"] == steps
