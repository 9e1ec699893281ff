"""What the category head is held against, by the same frames."""

import numpy as np
import pytest
import soundfile
import torch

from speechbrain_relm.data.encoder_cache import EncoderCache
from speechbrain_relm.evaluation.pooling import pool_runs
from speechbrain_relm.evaluation.recognition import describe_probe
from speechbrain_relm.evaluation.runs import Run
from speechbrain_relm.evaluation.tables.table import table_cells
from speechbrain_relm.lobes.whisper_encoder import WhisperSpeechEncoder
from speechbrain_relm.mini.esd import make_esd
from speechbrain_relm.model.linear_probe import choose_probe, fit_probe
from speechbrain_relm.runs.emotion.small_head import SmallHead, fit_small_head
from speechbrain_relm.runs.steps.probe import probe
from speechbrain_relm.utils.provenance.kept import as_line
from speechbrain_relm.utils.records import read_records

EMOTIONS = ["neutral", "sad", "angry", "happy"]

# LogisticRegression(C=1 / (40 * strength), tol=1e-12, max_iter=100000) of
# scikit-learn 1.9.1 on the standardised features below: coefficients,
# transposed, and intercepts.
SKLEARN = {
    1.0: (
        [
            [0.072547, 0.015735, -0.088282],
            [0.007708, -0.008793, 0.001085],
            [0.007445, -0.001709, -0.005735],
        ],
        [0.23041, -0.460091, 0.229681],
    ),
    0.01: (
        [
            [0.245981, 0.076799, -0.32278],
            [0.048861, -0.049137, 0.000277],
            [0.045641, -0.021693, -0.023947],
        ],
        [0.22548, -0.439417, 0.213937],
    ),
}


@pytest.mark.parametrize("strength", SKLEARN)
def test_it_is_scikit_learns(strength):
    """Of features of unlike scales, and classes of unlike size."""
    i = np.arange(1, 41)
    features = [np.sin(i), np.sin(0.7 * i) + 0.1 * i, 3 + 2 * np.sin(0.3 * i)]
    found = fit_probe(np.stack(features, 1), i**2 // 7 % 3, 3, strength)
    weights, bias = SKLEARN[strength]
    assert found.weights == pytest.approx(np.array(weights), abs=3e-6)
    # A number added to all biases changes nothing.
    bias = np.array(bias) - np.mean(bias)
    assert found.bias - found.bias.mean() == pytest.approx(bias, abs=3e-6)


def test_validation_chooses_the_strength():
    """Labels of noise want the strongest penalty, clear ones a weak one."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((80, 20))
    clear = (features[:, 0] > 0).astype(int)
    noise = rng.integers(0, 2, 80)
    chosen = [
        choose_probe(
            (features[:40], labels[:40]), (features[40:], labels[40:]), 2
        )[1]
        for labels in (clear, noise)
    ]
    assert chosen[0] < 1 <= chosen[1]


def test_a_feature_that_never_changes():
    """Is left alone."""
    features = np.array([[0.0, 5], [1, 5], [2, 5], [3, 5]])
    found = fit_probe(features, [0, 0, 1, 1], 2, 0.1)
    assert np.isfinite(found.weights).all() and not found.weights[1].any()


@pytest.fixture(scope="module")
def heard(tmp_path_factory, whisper_folder):
    """Made speech, its splits, and what a tiny Whisper hears of it."""
    folder = tmp_path_factory.mktemp("probe")
    make_esd(folder / "ESD", speakers=1, sentences=3)
    splits = {split: {} for split in ("train", "valid", "test")}
    for wav in sorted((folder / "ESD").rglob("*.wav")):
        split = list(splits)[(int(wav.stem.split("_")[1]) - 1) % 350 % 3]
        splits[split][wav.stem] = {
            "wav": str(wav),
            "emotion": wav.parent.name.lower(),
            "duration": wav.stat().st_size / 32000,
            "transcript": "",
        }
    encoder = WhisperSpeechEncoder(whisper_folder, freeze=True)
    return splits, EncoderCache(encoder, folder / "frames")


def contents(splits):
    """Names wavs by their size."""
    return {
        utterance: str(entry["duration"])
        for entries in splits.values()
        for utterance, entry in entries.items()
    }


def test_the_step_pools_real_frames_only(heard, tmp_path):
    """As utterances heard alone, in plain numpy, whatever the batch."""
    splits, cache = heard
    records = {}
    for size in (1, 4):
        records[size] = probe(
            cache,
            splits,
            EMOTIONS,
            tmp_path / f"{size}.jsonl",
            size,
            "cpu",
            contents(splits),
        )
    assert records[1] == records[4]
    parts = {}
    for split, entries in splits.items():
        means = []
        for entry in entries.values():
            wav, rate = soundfile.read(entry["wav"], dtype="float32")
            assert rate == 16000
            with torch.no_grad():
                frames = cache.encoder(torch.from_numpy(wav)[None])
            means.append(frames[0].numpy().mean(0))
        labels = [EMOTIONS.index(e["emotion"]) for e in entries.values()]
        parts[split] = np.stack(means), labels
    best, strength = choose_probe(parts["train"], parts["valid"], 4)
    expected = best.log_probabilities(parts["test"][0]).argmax(1)
    found = [records[1][i]["probe_emotion"] for i in splits["test"]]
    assert found == [EMOTIONS[i] for i in expected]
    assert {r["strength"] for r in records[1].values()} == {strength}
    small = {r["small_head_emotion"] for r in records[1].values()}
    assert small <= set(EMOTIONS)


def test_a_second_start_fits_nothing(heard, tmp_path):
    """Unless somebody moved to another split."""
    splits, cache = heard
    path = tmp_path / "probe.jsonl"
    probe(cache, splits, EMOTIONS, path, 4, "cpu", contents(splits))
    records = read_records(path).values()
    path.write_text("".join(as_line({**r, "kept": True}) for r in records))
    again = probe(cache, splits, EMOTIONS, path, 4, "cpu", contents(splits))
    assert all("kept" in record for record in again.values())
    moved = {**splits, "train": splits["valid"], "valid": splits["train"]}
    anew = probe(cache, moved, EMOTIONS, path, 4, "cpu", contents(splits))
    assert not any("kept" in record for record in anew.values())


def test_the_small_head_is_its_formula():
    """In plain numpy, of real frames only."""
    torch.manual_seed(0)
    head, frames = SmallHead(6, 3, 5), torch.randn(2, 4, 6)
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    found = head(frames, mask).detach().numpy()
    parts = [p.detach().numpy() for p in head.parameters()]
    for row, count in enumerate((4, 2)):
        hidden = frames[row, :count].numpy() @ parts[0].T + parts[1]
        mean = np.maximum(hidden, 0).mean(0)
        assert found[row] == pytest.approx(parts[2] @ mean + parts[3], rel=1e-5)


def test_the_small_head_learns_and_stops_in_time():
    """It hears what a mean cannot: classes that differ in the spread only.

    With labels of noise it is kept as it was before it learned them by heart.
    """
    labels = torch.arange(80) % 2
    draw = torch.Generator().manual_seed(3)
    noise = torch.randn(80, 20, 1, generator=draw)
    frames = noise * (1 + 3 * labels[:, None, None])
    mask = torch.ones(frames.shape[:2], dtype=torch.bool)
    batch = frames[:40], mask[:40], labels[:40]
    held = frames[40:], mask[40:], labels[40:]
    head = fit_small_head(lambda _: [batch] * 10, lambda: [held], 1, 2, "cpu")
    right = head(*held[:2]).argmax(1) == held[2]
    assert right.float().mean() > 0.9
    wrong = torch.randint(2, (80,), generator=draw)
    batch, held = (*batch[:2], wrong[:40]), (*held[:2], wrong[40:])
    head = fit_small_head(lambda _: [batch] * 10, lambda: [held], 1, 2, "cpu")
    loss = torch.nn.functional.cross_entropy(head(*held[:2]), held[2])
    assert float(loss.detach()) < 0.75  # chance is 0.69


def test_the_table_has_it_beside_the_head():
    """With a sentence of what it is."""
    response = {"emotion": "sad", "response": "Oh.", "head_emotion": "sad"}
    record = {"probe_emotion": "angry", "strength": 0.03}
    record["small_head_emotion"] = "sad"
    run = Run("A", {"a": response}, {"a": {"ER": 0}}, probe={"a": record})
    names = [cell.metric for cell in table_cells([run])]
    place = names.index("UA by category head")
    assert names[place + 3] == "UA by linear probe of the frames"
    (line,) = describe_probe([run])
    assert "(0.03)" in line
    assert names[place + 6] == "UA by EmoBox's small head on the frames"
    assert run.recognition()["linear probe of the frames"]["UA"]["value"] == 0
    pooled = pool_runs([run, run])[0]
    assert describe_probe([pooled]) == [line]
    # Of another test set: not shown.
    other = run._replace(probe={"b": record})
    assert describe_probe([other]) == []
    assert "linear probe of the frames" not in other.recognition()
