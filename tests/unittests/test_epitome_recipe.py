"""The EPITOME recipe on our own annotations, with a tiny backbone."""

import csv
import json
import sys
from pathlib import Path

import pytest
import torch
from forked import run
from test_epitome import SIZES, formula, word_tokenizer
from transformers import RobertaConfig, RobertaModel

from speechbrain_relm.convert.__main__ import main
from speechbrain_relm.epitome.annotations import FILES, read_pairs
from speechbrain_relm.epitome.measures import (
    confusion_matrix,
    expected_calibration_error,
    rationale_f1,
)
from speechbrain_relm.inference.epitome import EmpathyScoring
from speechbrain_relm.lobes.epitome import EmpathyScorer
from speechbrain_relm.lobes.parts.epitome_folder import MECHANISMS
from speechbrain_relm.mini.annotations.pairs import write_csvs

SCRIPT = Path(__file__).resolve().parents[2] / "recipes/EPITOME/train.py"


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    """A tiny random RoBERTa with a tokenizer of whole words."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("backbone")
    tokenizer = word_tokenizer()
    config = RobertaConfig(
        **{**SIZES, "num_hidden_layers": 1},
        vocab_size=len(tokenizer),
        max_position_embeddings=80,
    )
    RobertaModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two folders of annotations that share some posts."""
    whole = tmp_path_factory.mktemp("whole")
    write_csvs(whole)
    folders = [tmp_path_factory.mktemp(name) for name in ("train", "test")]
    for file in FILES.values():
        with open(whole / file, encoding="utf-8", newline="") as stream:
            header, *rows = csv.reader(stream)
        for folder, part in zip(folders, (rows[:300], rows[290:400])):
            with open(folder / file, "w", encoding="utf-8", newline="") as out:
                csv.writer(out).writerows([header, *part])
    return folders


def recipe(*arguments):
    """Runs the recipe's script."""
    return run([sys.executable, SCRIPT, "hparams/minilm.yaml", *arguments])


def test_other_test_folder(data, backbone, tmp_path):
    """The metrics' path last; every test pair counts, no post is shared."""
    train, test = data
    folder = tmp_path / "run"
    done = recipe(
        f"--data_folder={train}",
        f"--test_folder={test}",
        f"--backbone={backbone}",
        f"--output_folder={folder}",
        "--number_of_epochs=2",
        "--max_length=64",
    )
    assert done.returncode == 0, done.stderr[-3000:]
    *_, made, then = done.stdout.splitlines()
    assert made == f"scorer:  {folder / 'scorer'}"
    assert then.endswith(f"--scorer {folder / 'scorer'}")
    metrics = json.loads((folder / "test_metrics.json").read_text())
    assert list(metrics) == list(MECHANISMS)
    manifests = {
        part: json.loads((folder / f"manifests/{part}.json").read_text())
        for part in ("train", "valid", "test")
    }
    assert len(manifests["test"]) == metrics["explorations"]["pairs"] == 110
    posts = {
        part: {entry["seeker"] for entry in entries.values()}
        for part, entries in manifests.items()
    }
    assert not posts["test"] & (posts["train"] | posts["valid"])
    assert not posts["train"] & posts["valid"]
    # The scorer that it leaves has the figures that it reports.
    pairs = read_pairs(test / FILES["explorations"])
    scoring = EmpathyScoring.from_hparams(folder / "scorer")
    levels = scoring.score(
        [pair.seeker for pair in pairs], [pair.response for pair in pairs]
    )["explorations"]
    right = sum(int(a) == p.level for a, p in zip(levels, pairs))
    expected = metrics["explorations"]["accuracy"]
    assert right / len(pairs) == pytest.approx(expected, abs=0.01)
    assert "| majority |" in (folder / "report.md").read_text()
    # Again: nothing is trained.
    log = next(folder.glob("*explorations*/train_log.txt"))
    epochs = log.read_text()
    again = recipe(
        f"--data_folder={train}",
        f"--test_folder={test}",
        f"--backbone={backbone}",
        f"--output_folder={folder}",
        "--number_of_epochs=2",
        "--max_length=64",
    )
    assert again.returncode == 0, again.stderr[-3000:]
    assert log.read_text() == epochs
    assert json.loads((folder / "test_metrics.json").read_text()) == metrics


def test_what_is_missing_is_told_in_a_line(tmp_path):
    """Where from and under which licence; a file that is not there."""
    folder = f"--output_folder={tmp_path / 'run'}"
    done = recipe(folder)
    line = done.stderr.splitlines()[-1]
    assert done.returncode != 0 and "data_folder is missing" in line
    assert "github.com/behavioral-data" in line and "licence" in line
    done = recipe(folder, f"--data_folder={tmp_path}")
    line = done.stderr.splitlines()[-1]
    assert "emotional-reactions-reddit.csv is missing" in line


def test_a_checkpoint_of_the_original_code(backbone, tmp_path):
    """Under its key names; scores by the formula in plain torch."""
    torch.manual_seed(2)
    encoder = RobertaModel.from_pretrained(backbone).eval()
    size = SIZES["hidden_size"]
    tensors = {"norm.alpha": torch.ones(size), "norm.bias": torch.ones(size)}
    for side in ("seeker", "responder"):
        for name, tensor in encoder.state_dict().items():
            tensors[f"{side}_encoder.roberta.{name}"] = tensor.clone()
        ids = torch.arange(80)[None]
        tensors[f"{side}_encoder.roberta.embeddings.position_ids"] = ids
    shapes = {f"attn.{n}_linear": (size, size) for n in "qkv"}
    shapes |= {"attn.out": (size, size), "rationale_classifier": (2, size)}
    shapes["empathy_classifier.dense"] = (size, size)
    shapes["empathy_classifier.out_proj"] = (3, size)
    for name, shape in shapes.items():
        tensors[f"{name}.weight"] = 0.5 * torch.randn(shape)
        tensors[f"{name}.bias"] = 0.5 * torch.randn(shape[0])
    (tmp_path / "original").mkdir()
    torch.save(tensors, tmp_path / "original" / "explorations.pth")
    target = tmp_path / "scorer"
    main(
        [
            "epitome",
            str(tmp_path / "original"),
            str(target),
            f"--backbone={backbone}",
        ]
    )
    scorer = EmpathyScorer(target)
    posts = ["the dog ran away", "i am so sad", "home"]
    responses = ["what happened ?", "i am sorry . tell me more", "why"]
    judged = scorer.judge(posts, responses)["explorations"]
    plain = {
        n.replace("_encoder.roberta.", "_encoder."): t
        for n, t in tensors.items()
    }
    tokenizer = word_tokenizer()
    for row, (post, response) in enumerate(zip(posts, responses)):
        how = {"return_tensors": "pt", "padding": "max_length"}
        inputs = [
            tokenizer(text, max_length=64, **how) for text in (post, response)
        ]
        seeker, responder = (
            encoder(
                input_ids=of_one["input_ids"],
                attention_mask=of_one["attention_mask"],
            ).last_hidden_state[0]
            for of_one in inputs
        )
        with torch.no_grad():
            levels, _ = formula(plain, seeker, responder)
        torch.testing.assert_close(
            judged.probabilities[row], levels.softmax(-1), atol=1e-5, rtol=1e-5
        )


def test_an_original_checkpoint_of_another_backbone(backbone, tmp_path):
    """One line, with the first odd tensor."""
    torch.save({"attn.out.bias": torch.ones(3)}, tmp_path / "explorations.pth")
    with pytest.raises(SystemExit, match="name the backbone"):
        main(
            [
                "epitome",
                str(tmp_path),
                str(tmp_path / "scorer"),
                f"--backbone={backbone}",
            ]
        )
    (tmp_path / "explorations.pth").unlink()
    with pytest.raises(SystemExit, match="has no checkpoint"):
        main(["epitome", str(tmp_path), str(tmp_path / "scorer")])


def test_measures_by_hand():
    """Confusions, calibration, rationales."""
    assert confusion_matrix([0, 2, 2], [0, 1, 2]) == [
        [1, 0, 0],
        [0, 0, 1],
        [0, 0, 1],
    ]
    probabilities = torch.tensor(
        [[0.9, 0.1, 0.0], [0.92, 0.08, 0.0], [0.3, 0.55, 0.15]]
    )
    # Bins 0.9-1.0 (mean 0.91, one of two right) and 0.5-0.6 (0.55, right).
    assert expected_calibration_error(probabilities, [0, 1, 1]) == (
        pytest.approx((0.41 * 2 + 0.45) / 3)
    )
    token_f1, iou_f1 = rationale_f1(
        [[1, 1, 1, 0, 1], [0, 0]], [[1, 1, 0, 0, 0], [0, 0]]
    )
    # F1 of tokens 2*2/(4+2) and 1; one of two spans overlaps enough.
    assert token_f1 == pytest.approx((2 / 3 + 1) / 2)
    assert iou_f1 == pytest.approx(2 * 1 / (2 + 1))
