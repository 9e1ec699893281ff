"""Tests of the small emotion encoder's training.

Authors
 * The speechbrain_relm contributors 2026
"""

import json

import numpy as np
import pytest
import torch

from speechbrain_relm.lobes.emotion_encoder import DimensionalEmotionEncoder
from speechbrain_relm.mini import emotion_encoder
from speechbrain_relm.mini.corpora import make_msp_podcast


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """An MSP-Podcast-like corpus of 28 utterances, 20 for training."""
    return make_msp_podcast(tmp_path_factory.mktemp("msp") / "MSP", 28)


def test_concordance_is_lins_coefficient():
    rng = np.random.default_rng(0)
    target = rng.normal(size=(50, 3))
    predicted = 0.6 * target + 0.3 * rng.normal(size=(50, 3)) + [0.0, 0.5, 1.0]
    expected = [
        2 * np.corrcoef(x, y)[0, 1] * x.std() * y.std()
        / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
        for x, y in zip(predicted.T, target.T)
    ]  # fmt: skip
    found = emotion_encoder.concordance(
        torch.tensor(predicted), torch.tensor(target)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_concordance_loss_has_its_closed_form_for_an_affine_prediction():
    target = torch.tensor([[-1.0], [0.0], [1.0]], dtype=torch.float64)
    variance, scale, shift = 2 / 3, 0.5, 0.25
    expected = 2 * scale * variance / ((1 + scale**2) * variance + shift**2)
    predicted = (scale * target + shift).requires_grad_()
    loss = emotion_encoder.concordance_loss(predicted, target)
    assert loss.item() == pytest.approx(1 - expected, rel=1e-9)
    assert torch.autograd.gradcheck(
        lambda x: emotion_encoder.concordance_loss(x, target), predicted
    )


def test_labels_are_read_in_this_packages_order_and_range(corpus):
    lines = (corpus / "Labels/labels_consensus.csv").read_text("utf-8")
    rows = [line.split(",") for line in lines.splitlines()[1:]]
    rows = [row for row in rows if row[-1] == "Test1"]
    items = emotion_encoder.load(corpus, "Test1")
    # FileName, EmoClass, EmoAct, EmoVal, EmoDom
    expected = [[float(row[i]) / 6 - 1 / 6 for i in (2, 4, 3)] for row in rows]
    labels = torch.stack([labels for _, labels in items])
    torch.testing.assert_close(labels, torch.tensor(expected))
    with pytest.raises(ValueError, match="Test9"):
        emotion_encoder.load(corpus, "Test9")


def test_batches_hold_every_utterance_once():
    items = [
        (torch.randn(100 + n), torch.full((3,), float(n))) for n in range(21)
    ]
    generator = torch.Generator().manual_seed(0)
    for chosen in (None, generator):
        seen = []
        for wavs, mask, labels in emotion_encoder.batches(items, 4, chosen):
            counts = [100 + int(n) for n in labels[:, 0]]
            assert mask.sum(1).tolist() == counts
            assert wavs.shape[1] == max(counts)
            assert not wavs[~mask].any()
            seen += labels[:, 0].tolist()
        assert sorted(seen) == list(range(21))


def test_filters_answer_to_their_own_frequency():
    filters = emotion_encoder.filterbank(64, 400).squeeze(1).double()
    power = torch.fft.rfft(filters, 16000).abs().square()
    peaks = power.argmax(1).double()
    # The mel scale's own formula, at the ends and in the middle.
    mels = 2595 * torch.log10(1 + peaks[:32] / 700)
    torch.testing.assert_close(peaks[:32], peaks[32:], rtol=0, atol=5)
    assert mels.diff()[2:].std() < 1 and abs(peaks[31] - 6000) < 5
    torch.testing.assert_close(filters.norm(dim=1), torch.ones(64).double())


def test_training_lowers_the_loss_and_leaves_a_model_that_loads(
    corpus, tmp_path
):
    settings = {"seed": 3, "batch_size": 10, "peak_rate": 1.5e-3}
    figures = emotion_encoder.train(
        corpus, tmp_path / "a", epochs=1, **settings
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

    # The loss on the training set itself, before and after more steps.
    emotion_encoder.train(corpus, tmp_path / "b", epochs=25, **settings)
    items = emotion_encoder.load(corpus, "Train")
    first, last = (
        emotion_encoder.evaluate(
            DimensionalEmotionEncoder(str(tmp_path / name)).model, items
        )["arousal"]
        for name in ("a", "b")
    )
    assert last > first + 0.3


def test_training_repeats_with_its_seed(corpus, tmp_path):
    state = torch.random.get_rng_state()
    weights = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        emotion_encoder.train(corpus, tmp_path / name, seed, 1, 10, 1e-3)
        weights.append((tmp_path / name / "model.safetensors").read_bytes())
    assert weights[0] == weights[1] != weights[2]
    assert torch.equal(state, torch.random.get_rng_state())
