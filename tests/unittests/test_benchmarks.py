"""The benchmarks compare what is mathematically equal."""

import json
import math
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import measure  # noqa: E402
import paper_size  # noqa: E402
import resuming  # noqa: E402
import run  # noqa: E402
import training_step  # noqa: E402
from authors import AuthorsSystem  # noqa: E402
from systems import SYSTEM, System, made_speech  # noqa: E402


@pytest.fixture
def given():
    """Settings of a size for tests."""
    return run.parse(
        "--size tiny --batch 1.5,1 --tokens 8 --rounds 1 --prompts 20 "
        "--expected_tokens 4 --answer_tokens 4 --utterances 3 --pairs 8 "
        "--loaded 12 --away 0".split()
    )


@pytest.mark.parametrize("name", ["training/frozen/30s", "training/tuned/30s"])
def test_losses_agree(given, tmp_path, name):
    """Where no padding acts, losses and gradients are the same."""
    pair = run.BENCHMARKS[name](given, tmp_path)
    assert "apart" in pair.check()


def test_loss_of_one_agrees_whatever_its_length(given, tmp_path):
    """Alone in its batch, an utterance meets no padding of the authors'."""
    step = training_step.Step(given, tmp_path, pad_to_30s=True, dropout=0.0)
    step.brain.model.eval()
    step.theirs.llm.eval()
    for seed, seconds in enumerate((1.0, 1.73)):
        batch = step.batch([seconds], seed)
        ours = step.our_loss(batch)
        assert torch.allclose(ours, step.their_loss(batch), rtol=1e-5)


def test_authors_loss_depends_on_the_batch_ours_does_not(given, tmp_path):
    """What the check leaves out is the authors' padding, nothing else."""
    step = training_step.Step(given, tmp_path, pad_to_30s=True, dropout=0.0)
    step.brain.model.eval()
    step.theirs.llm.eval()
    batch, lens = step.batch([1.0, 2.0], 0).sig
    wavs = [batch[0, :16000], batch[1]]
    together = step.brain.model.encode_speech(batch, lens, torch.zeros(2, 16))
    alone = step.brain.model.encode_speech(
        wavs[0][None], torch.ones(1), torch.zeros(1, 16)
    )
    size = alone.embeddings.shape[1]
    assert torch.allclose(
        together.embeddings[0, :size], alone.embeddings[0], atol=1e-5
    )
    theirs = [
        step.theirs.encode_speech(chosen)[0][0, :size]
        for chosen in (wavs, wavs[:1])
    ]
    assert not torch.allclose(*theirs, atol=1e-3)


def test_sides_share_their_weights(given, tmp_path):
    """The authors' side has no parameter of its own."""
    system = System(given, tmp_path)
    theirs = AuthorsSystem(
        system.model, system.emotion_encoder, system.chat_llm
    )
    ours = {id(p) for p in system.model.parameters()}
    assert {id(p) for p in theirs.llm.parameters()} <= ours
    assert len(theirs.loras) == 2 * 7


@pytest.mark.parametrize(
    "name",
    [
        "expected-responses/ten-voices",
        "responding/30s",
        "EPITOME/three-encoders",
    ],
)
def test_answers_agree(given, tmp_path, name):
    """Both sides say the same; a run of each gives every utterance one."""
    pair = run.BENCHMARKS[name](given, tmp_path)
    assert "same" in pair.check()
    assert len(pair.authors()) == len(pair.ours())


def test_expected_responses_ignore_the_update(given, tmp_path):
    """The authors' text LLM answers without LoRA, as ours."""
    system = System(given, tmp_path)
    theirs = AuthorsSystem(
        system.model, system.emotion_encoder, system.chat_llm
    )
    first = theirs.expect(SYSTEM, ["I won."], 4)
    theirs.answer(made_speech([1.0]), system.chat_llm.split_prompt("", ""), 2)
    assert theirs.expect(SYSTEM, ["I won."], 4) == first


def test_loading_pads_less(given, tmp_path):
    """Batches of like length carry less padding."""
    given.loaded = 60
    pair = run.BENCHMARKS["data-loading"](given, tmp_path)
    pair.authors()
    pair.ours()
    theirs, ours = (
        int(part.split(", ")[1].split("%")[0])
        for part in pair.remarks({}).split("; ")
    )
    assert ours < theirs


def wasteful(given, folder):
    """Makes two sides that take 400 and 100 MB."""
    take = lambda size: lambda: torch.ones(size * 1_000_000 // 4).sum()
    return measure.Pair(take(400), take(100), 1, "sum")


def test_table_and_file(given, tmp_path, capsys):
    """Peaks are those of the work; figures go into table and file alike."""
    given.json = tmp_path / "found.json"
    (row,) = measure.run({"a/b": wasteful}, given)
    for side, size in (("authors", 400e6), ("ours", 100e6)):
        assert size <= row.working[side] < 1.1 * size
        assert row.memory[side] >= row.working[side]
    found = json.loads(given.json.read_text(encoding="utf-8"))["a/b"]
    assert found["ratio"] == row.ratio > 0
    ratio = found["working_memory_ratio"]
    assert ratio == row.working["authors"] / row.working["ours"]
    shown = capsys.readouterr().out
    assert "| a/b, per sum | " in shown and f"| {ratio:.1f} |" in shown


def test_memory_ratio_without_memory():
    """A side that takes nothing has no ratio."""
    row = measure.Comparison(
        "a",
        "b",
        dict.fromkeys(measure.SIDES, 1.0),
        [2.0, 4.0, 3.0],
        {"authors": 1.0, "ours": 0.0},
        {"authors": 1.0, "ours": 0.5},
        [],
    )
    assert row.as_dict()["memory_ratio"] is None
    assert "3.0 (2.0 to 4.0)" in measure.render([row])


@pytest.mark.parametrize("batch", [1, 3])
def test_paper_size_runs(
    whisper_folder, emotion_folder, qwen_folder, capsys, batch
):
    """Trains and generates on the paper's YAML, with one layer each."""
    paper_size.main(
        [
            "recipes/ESD/hparams/re_llm.yaml",
            *f"--layers 1 --steps 2 --seconds 1 --batch_size {batch}".split(),
            "--new_tokens=3",
            f"--whisper_source={whisper_folder}",
            f"--emotion_source={emotion_folder}",
            f"--llm_source={qwen_folder}",
        ]
    )
    said = capsys.readouterr().out
    assert f"batch of {batch} x 1.0 s" in said
    assert "first token" in said and "generated tokens a second" in said


def test_a_killed_training_is_an_unbroken_one():
    """To the last bit, after three steps of two batches."""
    ((loss, killed, apart, tensors),) = resuming.main(factors=(2,), most=1)
    assert math.isfinite(loss) and loss == killed
    assert apart == tensors == 0.0
