"""The emotion encoder's training: loss, data, start, export, resumption.

Authors
 * The speechbrain_relm contributors 2026
"""

import csv
import functools
import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from speechbrain.dataio.sampler import DynamicBatchSampler
from speechbrain.nnet.schedulers import LinearWarmupScheduler
from speechbrain.utils.epoch_loop import EpochCounter
from speechbrain.utils.train_logger import FileTrainLogger
from tiny_models import WAV2VEC2_SIZES
from transformers import (
    AutoModel,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForPreTraining,
    WavLMConfig,
    WavLMModel,
)

from speechbrain_relm.data.emotion_labels import prepare_emotion_labels
from speechbrain_relm.lobes.emotion_encoder import DimensionalEmotionEncoder
from speechbrain_relm.mini.emotion_encoder import new_model
from speechbrain_relm.mini.msp_podcast import (
    make_msp_podcast,
    make_msp_podcast_with_oddities,
)
from speechbrain_relm.model.concordance import concordance, concordance_loss
from speechbrain_relm.training.checkpoints import CompleteCheckpointer
from speechbrain_relm.training.emotion_encoder import (
    EmotionBrain,
    emotion_dataset,
    train_encoder,
)
from speechbrain_relm.training.emotion_regressor import (
    export_regressor,
    pruned_regressor,
)
from speechbrain_relm.utils.dimensions import DIMENSIONS
from speechbrain_relm.utils.errors import RecipeError

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "recipes/MSP-Podcast/train_emotion_encoder.py"
SIZES = {
    **WAV2VEC2_SIZES,
    "num_hidden_layers": 3,
    "num_codevectors_per_group": 4,
    "codevector_dim": 8,
    "proj_codevector_dim": 8,
    # Weights of some size, so that every layer tells in the output.
    "initializer_range": 0.3,
}


@pytest.fixture(scope="module")
def backbones(tmp_path_factory):
    """Pretrained encoders of three layers, as on the hub."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("backbones")
    # wav2vec2-large-robust is saved with what its pretraining needed.
    pretraining = Wav2Vec2ForPreTraining(Wav2Vec2Config(**SIZES))
    pretraining.save_pretrained(folder / "wav2vec2")
    WavLMModel(WavLMConfig(**SIZES)).save_pretrained(folder / "wavlm")
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """An MSP-Podcast-like corpus of 42 utterances, 30 for training."""
    return make_msp_podcast(tmp_path_factory.mktemp("msp") / "MSP", 42)


def test_concordance_is_lins_coefficient():
    """By NumPy's correlation."""
    rng = np.random.default_rng(0)
    target = rng.normal(size=(50, 3))
    predicted = 0.6 * target + 0.3 * rng.normal(size=(50, 3)) + [0.0, 0.5, 1.0]
    expected = [
        2 * np.corrcoef(x, y)[0, 1] * x.std() * y.std()
        / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
        for x, y in zip(predicted.T, target.T)
    ]  # fmt: skip
    found = concordance(torch.tensor(predicted), torch.tensor(target))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_concordance_loss_has_its_closed_form_for_an_affine_prediction():
    """2 s v / ((1 + s^2) v + b^2) for s x + b of labels of variance v."""
    target = torch.tensor([[-1.0], [0.0], [1.0]], dtype=torch.float64)
    variance, scale, shift = 2 / 3, 0.5, 0.25
    expected = 2 * scale * variance / ((1 + scale**2) * variance + shift**2)
    predicted = (scale * target + shift).requires_grad_()
    loss = concordance_loss(predicted, target)
    assert loss.item() == pytest.approx(1 - expected, rel=1e-9)
    assert torch.autograd.gradcheck(
        lambda x: concordance_loss(x, target), predicted
    )


def test_a_batch_of_one_teaches_nothing():
    """It has no variance: a finite loss without a gradient."""
    predicted = torch.tensor([[0.2, 0.4, 0.9]], requires_grad=True)
    loss = concordance_loss(predicted, torch.tensor([[0.5, 0.5, 0.9]]))
    loss.backward()
    assert torch.isfinite(loss)
    assert not predicted.grad.any()


@pytest.mark.parametrize("kind", ["wav2vec2", "wavlm"])
def test_pruning_keeps_the_first_layers(backbones, kind):
    """Their weights and the convolutions', which are frozen."""
    source = str(backbones / kind)
    model = pruned_regressor(source, layers=2)
    whole = AutoModel.from_pretrained(source).state_dict()
    kept = model.base_model.state_dict()
    gone = {name for name in whole if name.startswith("encoder.layers.2.")}
    assert gone and set(kept) == set(whole) - gone
    assert all(torch.equal(kept[name], whole[name]) for name in kept)
    learned = {n for n, p in model.named_parameters() if p.requires_grad}
    convolutions = f"{kind}.feature_extractor"
    assert not any(name.startswith(convolutions) for name in learned)
    frozen = {n for n, _ in model.named_parameters()} - learned
    assert {n for n in frozen if not n.startswith(convolutions)} == {
        f"{kind}.masked_spec_embed"
    }
    # Every tensor that learns has a gradient in every step, as DDP wants.
    _, attributes = model.train()(
        torch.randn(3, 8000), torch.ones(3, 8000).bool()
    )
    concordance_loss(attributes, torch.rand(3, 3)).backward()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is not None) == (name in learned), name


def test_a_start_that_cannot_be(backbones, whisper_folder):
    """Too many layers; another kind of model; half a model."""
    with pytest.raises(ValueError, match="has 3 transformer layers, so 4"):
        pruned_regressor(str(backbones / "wavlm"), layers=4)
    with pytest.raises(ValueError, match="type 'whisper'.*wav2vec2 or wavlm"):
        pruned_regressor(whisper_folder)


@pytest.mark.parametrize("kind", ["wav2vec2", "wavlm"])
def test_export_is_what_plain_transformers_load(
    backbones, kind, tmp_path, utterances
):
    """Stock encoder and preprocessing, and the head in plain torch."""
    torch.manual_seed(3)
    model = pruned_regressor(str(backbones / kind), layers=2)
    figures = {"Test1": dict.fromkeys(DIMENSIONS, 0.5)}
    export_regressor(model, figures, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text("utf-8"))
    assert config["model_type"] == kind
    assert config["problem_type"] == "regression"
    assert config["architectures"] == [
        {"wav2vec2": "Wav2Vec2", "wavlm": "WavLM"}[kind]
        + "ForSpeechClassification"
    ]
    assert list(config["id2label"].values()) == list(DIMENSIONS)
    stored = json.loads((tmp_path / "concordance.json").read_text("utf-8"))
    assert stored == figures

    wavs, batch, lens = utterances
    ours = DimensionalEmotionEncoder(str(tmp_path))(batch, lens)
    stock = AutoModel.from_pretrained(tmp_path).eval()
    assert type(stock).__name__ == {"wav2vec2": "Wav2Vec2Model"}.get(
        kind, "WavLMModel"
    )
    extractor = Wav2Vec2FeatureExtractor.from_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    head = {n: t for n, t in tensors.items() if n.startswith("classifier.")}
    assert len(head) == 4 and {n.split(".")[0] for n in tensors} == {
        kind,
        "classifier",
    }
    for i, wav in enumerate(wavs):
        values = extractor(
            wav.numpy(), sampling_rate=16000, return_tensors="pt"
        ).input_values
        with torch.no_grad():
            pooled = stock(values).last_hidden_state[0].mean(0)
        dense = head["classifier.dense.weight"] @ pooled
        hidden = torch.tanh(dense + head["classifier.dense.bias"])
        expected = head["classifier.out_proj.weight"] @ hidden
        expected = expected + head["classifier.out_proj.bias"]
        assert torch.allclose(ours[0][i], pooled, atol=1e-5)
        assert torch.allclose(ours[1][i], expected, atol=1e-5)


def read_table(corpus):
    """Reads a made corpus's table: FileName -> fields."""
    table = next((corpus / "Labels").glob("*.csv"))
    with open(table, encoding="utf-8", newline="") as file:
        return {row["FileName"]: row for row in csv.DictReader(file)}


def test_every_rated_utterance_is_used(corpus, tmp_path):
    """Of every class; in this package's order and range."""
    prepare_emotion_labels(str(corpus), str(tmp_path))
    sets = {"train": "Train", "valid": "Development", "test": "Test1"}
    for part, name in sets.items():
        found = json.loads((tmp_path / f"{part}.json").read_text("utf-8"))
        rows = [
            r for r in read_table(corpus).values() if r["Split_Set"] == name
        ]
        assert {f"{u}.wav" for u in found} == {r["FileName"] for r in rows}
        dataset = emotion_dataset(tmp_path / f"{part}.json", str(corpus))
        labels = {x["id"]: x["attributes"] for x in dataset}
        for row in rows:
            rated = [float(row[c]) for c in ("EmoAct", "EmoDom", "EmoVal")]
            torch.testing.assert_close(
                labels[row["FileName"][:-4]], (torch.tensor(rated) - 1) / 6
            )
    classes = {row["EmoClass"] for row in read_table(corpus).values()}
    assert "X" in classes  # no agreement


@pytest.mark.parametrize("version", ["1.8", "1.12"])
def test_other_releases_and_what_is_odd_in_them(tmp_path, version):
    """Against the truth of the made corpus; transcripts do not matter."""
    # One level down, as the archive unpacks.
    corpus = make_msp_podcast_with_oddities(
        tmp_path / "data" / "MSP", 70, version=version
    )
    prepare_emotion_labels(str(tmp_path / "data"), str(tmp_path / "m"))
    truth = json.loads((corpus / "truth.json").read_text("utf-8"))
    rows = read_table(corpus)
    found = {}
    for part in ("train", "valid", "test"):
        path = tmp_path / "m" / f"{part}.json"
        entries = json.loads(path.read_text("utf-8"))
        found.update(entries)
        for utterance, entry in truth["entries"][part].items():
            if entry["arousal"] is None:
                assert utterance not in entries  # a rating outside the scale
                continue
            for key in ("duration", *DIMENSIONS):
                assert entries[utterance][key] == pytest.approx(
                    entry[key], abs=1e-4
                )
    used = {n for n, r in rows.items() if r["Split_Set"] != "Test2"}
    left_out = json.loads((tmp_path / "m/left_out.json").read_text("utf-8"))
    names = {Path(wav).name: why.split(":")[0] for wav, why in left_out.items()}
    assert names.keys() | {f"{u}.wav" for u in found} == used
    assert not names.keys() & {f"{u}.wav" for u in found}
    assert set(names.values()) == {
        "missing",
        "empty file",
        "truncated",
        "rating outside the scale",
    }


GOOD = "FileName,EmoClass,EmoAct,EmoVal,EmoDom,Split_Set\na.wav,N,4,4,4,Train\n"


@pytest.mark.parametrize(
    "text, message",
    [
        (GOOD.replace("EmoVal", "Val"), "line 1: .* no column EmoVal"),
        (
            GOOD + "b.wav,N,4,x,4,Train\n",
            "line 3, column EmoVal: 'x' is no num",
        ),
        (GOOD + "b.wav,N,4,4", "line 3: 4 fields"),
        (GOOD + "b.wav,N,4,4,4", "line 3: 5 fields"),
        (GOOD + "a.wav,N,4,4,4,Train\n", "line 3: FileName .*line 2"),
        (
            GOOD + "../b.wav,N,4,4,4,Train\n",
            "line 3: FileName .*correct",
        ),
    ],
)
def test_bad_tables(tmp_path, text, message):
    """File, line, column and fix."""
    table = tmp_path / "MSP" / "Labels" / "labels_consensus.csv"
    table.parent.mkdir(parents=True)
    (tmp_path / "MSP" / "Audios").mkdir()
    table.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=f"labels_consensus.csv, {message}"):
        prepare_emotion_labels(str(tmp_path / "MSP"), str(tmp_path / "m"))


def make_brain(folder, epochs, **run_opts):
    """Makes a brain with a small model and a batch sampler for it."""
    torch.manual_seed(0)
    model, counter = new_model(), EpochCounter(epochs)
    # Chance has its say, as with a pretrained encoder.
    model.config.mask_time_prob, model.config.apply_spec_augment = 0.2, True
    model.classifier.dropout.p = 0.2
    brain = EmotionBrain(
        modules={"model": model},
        opt_class=functools.partial(torch.optim.Adam, lr=2e-3),
        hparams={"lr": 2e-3, "seed": 5, "epoch_counter": counter},
        run_opts={"max_grad_norm": 1.0, **run_opts},
        checkpointer=CompleteCheckpointer(
            folder / "save", recoverables={"model": model, "counter": counter}
        ),
        lr_schedule=functools.partial(
            LinearWarmupScheduler, num_warmup_steps=2
        ),
        train_logger=FileTrainLogger(folder / "train_log.txt"),
    )
    sampler = functools.partial(
        DynamicBatchSampler,
        max_batch_length=300,
        max_batch_ex=10,
        bucket_boundaries=[2.1, 30.0],
    )
    return brain, sampler


def test_killed_and_resumed_equals_uninterrupted(corpus, tmp_path):
    """In the middle of an epoch; and what it trains on, it learns."""
    prepare_emotion_labels(str(corpus), str(tmp_path))
    learned = emotion_dataset(tmp_path / "train.json", str(corpus))
    datasets = dict.fromkeys(("train", "valid", "test"), learned)

    def finish(folder):
        brain, sampler = make_brain(folder, 8)
        figures = train_encoder(brain, datasets, folder / "x", sampler, {}, {})
        log = (folder / "train_log.txt").read_text()
        return figures, log, (folder / "x/model.safetensors").read_bytes()

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    # A checkpoint after each step, as otherwise after some minutes.
    brain, sampler = make_brain(killed, 8, ckpt_interval_minutes=1e-9)
    step = brain.fit_batch

    def kill(batch):
        if brain.optimizer_step == 6:
            raise KeyboardInterrupt
        return step(batch)

    brain.fit_batch = kill
    with pytest.raises(KeyboardInterrupt):
        train_encoder(brain, datasets, killed / "x", sampler, {}, {})
    assert brain.step != 1  # some batches into the epoch
    assert not (killed / "x").exists()
    figures, log, weights = finish(whole)
    assert finish(killed) == (figures, log, weights)

    reached = [float(c) for c in re.findall(r"concordance: ([^,]*)", log)]
    assert len(reached) == 8 and max(reached) > reached[0] + 0.2
    mean = sum(figures["Test1"].values()) / 3
    assert mean == pytest.approx(max(reached), abs=0.01)  # the best epoch's


def test_batches_differ_between_epochs(corpus, tmp_path):
    """Which utterances meet in a batch is drawn anew, from the seed."""
    prepare_emotion_labels(str(corpus), str(tmp_path))
    dataset = emotion_dataset(tmp_path / "train.json", str(corpus))
    brain, sampler = make_brain(tmp_path, 2)
    epochs = {1: [], 2: []}
    step = brain.fit_batch

    def watched(batch):
        epochs[brain.hparams.epoch_counter.current].append(frozenset(batch.id))
        return step(batch)

    brain.fit_batch = watched
    datasets = dict.fromkeys(("train", "valid", "test"), dataset)
    train_encoder(brain, datasets, tmp_path / "x", sampler, {}, {})
    for batches in epochs.values():
        assert sorted(i for b in batches for i in b) == sorted(dataset.data_ids)
    assert set(epochs[1]) != set(epochs[2])


def run(monkeypatch, *arguments):
    """Runs the recipe's script, in this process for speed."""
    spec = importlib.util.spec_from_file_location("recipe", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.chdir(ROOT)
    script.main(list(arguments))


def test_recipe_reports_what_it_exports(corpus, tmp_path, monkeypatch, capsys):
    """The small YAML; the table, the folder and the next command come last."""
    run(
        monkeypatch,
        "hparams/emotion_encoder_mini.yaml",
        f"--data_folder={corpus}",
        f"--output_folder={tmp_path / 'run'}",
        "--number_of_epochs=1",
    )
    folder = tmp_path / "run/encoder"
    printed = capsys.readouterr().out.splitlines()[-7:]
    head, _, *rows, empty, last, then = printed
    assert head == "| CCC | arousal | dominance | valence | mean |"
    assert [row.split(" | ")[0] for row in rows] == ["| Development", "| Test1"]
    assert (empty, last) == ("", f"encoder: {folder}")
    assert then.startswith("next: ") and str(folder) in then
    # The figures are those of the exported encoder, over the whole set.
    dataset = emotion_dataset(tmp_path / "run/manifests/test.json", str(corpus))
    encoder = DimensionalEmotionEncoder(str(folder))
    heard = torch.cat([encoder(item["sig"][None])[1] for item in dataset])
    rated = torch.stack([item["attributes"] for item in dataset])
    x, y = heard.double().numpy(), rated.double().numpy()
    deviation = (x.mean(0) - y.mean(0)) ** 2 + x.var(0) + y.var(0)
    expected = 2 * (x * y).mean(0) - 2 * x.mean(0) * y.mean(0)
    figures = json.loads((folder / "concordance.json").read_text("utf-8"))
    np.testing.assert_allclose(
        [figures["Test1"][d] for d in DIMENSIONS],
        expected / deviation,
        atol=1e-4,
    )


def test_recipe_starts_from_any_encoder(
    corpus, backbones, tmp_path, monkeypatch, capsys
):
    """The paper-size YAML on a tiny WavLM, in bfloat16."""
    run(
        monkeypatch,
        "hparams/emotion_encoder.yaml",
        f"--data_folder={corpus}",
        f"--output_folder={tmp_path / 'run'}",
        f"--source={backbones / 'wavlm'}",
        "--layers=2",
        "--number_of_epochs=1",
        "--train_loader={num_workers: 0}",
        "--valid_loader={num_workers: 0}",
    )
    folder = tmp_path / "run/encoder"
    assert f"encoder: {folder}" in capsys.readouterr().out.splitlines()
    embedding, _ = DimensionalEmotionEncoder(folder)(torch.randn(1, 8000))
    assert embedding.dtype == torch.float32
    assert torch.isfinite(embedding).all()
    # The convolutions are as they were; the first layer has learned.
    before = AutoModel.from_pretrained(backbones / "wavlm").state_dict()
    after = AutoModel.from_pretrained(folder).state_dict()
    moved = {n for n in after if not torch.equal(before[n], after[n])}
    assert any(n.startswith("encoder.layers.0.") for n in moved)
    assert not any(n.startswith("feature_extractor.") for n in moved)


def test_what_is_missing_is_told_in_a_line(tmp_path, monkeypatch):
    """Where to get the corpus; a folder that is something else."""
    yaml, out = "hparams/emotion_encoder_mini.yaml", f"{tmp_path / 'run'}"
    with pytest.raises(RecipeError, match="data_folder is missing: .*request"):
        run(monkeypatch, yaml, f"--output_folder={out}")
    with pytest.raises(
        RecipeError, match="is not MSP-Podcast .*: the folders Labels"
    ):
        folders = f"--data_folder={tmp_path}", f"--output_folder={out}"
        run(monkeypatch, yaml, *folders)
