"""The ESD recipe from a corpus folder to the report, killed and resumed."""

import csv
import json
import re
import shlex
import subprocess
import sys

import pytest
from recipe_runs import (
    BRIEF,
    ROOT,
    SCRIPT,
    command,
    kill_when,
    lines,
    run,
)

from speechbrain_relm.mini.esd import make_esd
from speechbrain_relm.utils.records import read_records

sys.path.insert(0, str(ROOT / "tools"))

import demo_figures  # noqa: E402

YAML = SCRIPT.parent / "hparams" / "re_llm_mini.yaml"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Two voices, four emotions, six sentences."""
    folder = tmp_path_factory.mktemp("esd") / "ESD"
    make_esd(folder, speakers=2, sentences=6)
    return folder


@pytest.fixture(scope="module")
def tiny(tiny_sources):
    """Tiny models that say little."""
    return {**tiny_sources, **BRIEF}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, corpus, tiny):
    """A run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("run") / "finished"
    return folder, run(command(YAML, folder, corpus, tiny))


def test_every_step_leaves_what_it_says(finished):
    """One record an utterance, and a report of the paper's measures."""
    folder, printed = finished
    manifests = {
        split: json.loads((folder / f"manifests/{split}.json").read_text())
        for split in ("train", "valid", "test")
    }
    assert {s: len(m) for s, m in manifests.items()} == {
        "train": 24,
        "valid": 8,
        "test": 16,
    }
    learned = {*manifests["train"], *manifests["valid"]}
    attributes = read_records(folder / "attributes.jsonl")
    assert set(attributes) == learned
    expected = read_records(folder / "expected_responses.jsonl")
    assert set(expected) == learned
    responses = read_records(folder / "responses.jsonl")
    scores = read_records(folder / "scores.jsonl")
    assert set(responses) == set(scores) == set(manifests["test"])
    assert all(s[k] in (0, 1, 2) for s in scores.values() for k in ("ER", "Ex"))

    with open(folder / "table.csv", encoding="utf-8") as file:
        table = {row["metric"]: row for row in csv.DictReader(file)}
    ers = [score["ER"] for score in scores.values()]
    reported = table["Emotional Reaction (0-2)"]["value"]
    assert float(reported) == pytest.approx(sum(ers) / len(ers))
    recalls = []
    for emotion in ("neutral", "sad", "angry", "happy"):
        heard = [
            r["head_emotion"] == emotion
            for r in responses.values()
            if r["emotion"] == emotion
        ]
        recalls.append(sum(heard) / len(heard))
    reported = float(table["UA by category head"]["value"])
    assert reported == pytest.approx(sum(recalls) / 4)
    # The step beside it hears the same, without the LLM.
    heard = read_records(folder / "recognized.jsonl")
    for utterance, record in responses.items():
        assert heard[utterance]["head_emotion"] == record["head_emotion"]
    found = json.loads((folder / "recognition.json").read_text())
    assert found["category head"]["UA"]["value"] == pytest.approx(reported)
    # Beside the head, what the same frames give away.
    assert set(read_records(folder / "probe.jsonl")) == set(responses)
    assert "UA by linear probe of the frames" in table
    assert "The linear probe is no part" in (folder / "table.md").read_text()
    listening = json.loads((folder / "listening.json").read_text())
    assert float(table["Tone fit (chance .250)"]["value"]) == pytest.approx(
        listening["tone_fit"]["value"]
    )
    assert set(read_records(folder / "listening.jsonl")) == set(responses)
    same = json.loads((folder / "same_words.json").read_text())
    # The voices differ, so the frames and embeddings can be swapped.
    assert same["swaps"]["emotion_embedding"]["follows_own"]["n"] == 16
    assert "| this run | speech frames |" in (folder / "table.md").read_text()
    ends = [line.partition(":") for line in printed.splitlines()]
    ends = {name: rest.strip() for name, _, rest in ends}
    assert str(folder / "table.md") in ends["table"]
    assert ends["release"] == str(folder / "release")
    # The next command can be typed as it stands.
    then = shlex.split(ends["next"])
    assert subprocess.run(then, capture_output=True).stdout
    assert (folder / "figure.png").read_bytes().startswith(b"\x89PNG")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "data:audio/wav" in page and "Training curves" in page


def test_the_kept_figures_of_the_demo_have_a_runs_form(finished):
    """tests/data/demo_figures.json, which the documents are held to."""

    def form(value):
        """The names in it, and whether there are numbers or texts."""
        if isinstance(value, dict):
            return {name: form(part) for name, part in value.items()}
        if isinstance(value, list):
            return [form(part) for part in value]
        return "text" if isinstance(value, str) else "number"

    kept = json.loads(demo_figures.FIXTURE.read_text(encoding="utf-8"))
    found = form(demo_figures.figures_of_run(finished[0]))
    for kept_run in kept["runs"]:
        words = kept_run.pop("words")
        assert form(kept_run) == found
        assert set(words) == {"utterances", "WER", "UA"}


def test_the_same_sentence_and_emotion_is_asked_once(finished):
    """Two voices share one expected response."""
    folder, _ = finished
    expected = read_records(folder / "expected_responses.jsonl")
    texts = {}
    for record in expected.values():
        key = record["transcript"], record["emotion"]
        texts.setdefault(key, set()).add(record["response"])
    assert len(texts) == len(expected) / 2
    assert all(len(responses) == 1 for responses in texts.values())


def test_training_lowers_the_loss(finished):
    """From the first epoch to the second."""
    log = (finished[0] / "train_log.txt").read_text()
    losses = [float(x) for x in re.findall(r"train loss: ([\d.e+-]+)", log)]
    assert len(losses) == 2 and losses[1] < losses[0]


def test_a_second_start_does_nothing_again(finished, corpus, tiny):
    """Every record and the training log stay as they are."""
    folder, _ = finished
    names = ("attributes", "expected_responses", "responses", "scores")
    names += ("likelihoods", "listening", "swaps", "swap_likelihoods", "probe")
    files = [folder / f"{name}.jsonl" for name in names]
    before = [file.read_bytes() for file in files]
    log = (folder / "train_log.txt").read_bytes()
    printed = run(command(YAML, folder, corpus, tiny))
    assert [file.read_bytes() for file in files] == before
    assert (folder / "train_log.txt").read_bytes() == log
    assert "Going into epoch" not in printed


def middle_of(name, count):
    """Makes a condition: some but not all of a step's records are there."""
    return lambda folder: 0 < lines(folder / f"{name}.jsonl") < count


def mid_epoch(folder):
    """Tells whether a checkpoint was saved between two epochs' ends."""
    return any(
        "brain_intra_epoch_ckpt" in meta.read_text()
        for meta in folder.glob("save/*/CKPT.yaml")
    )


@pytest.mark.parametrize(
    "place, happened",
    [
        ("expected_responses", middle_of("expected_responses", 32)),
        ("fit", mid_epoch),
        ("respond", middle_of("responses", 16)),
        ("score", lambda folder: (folder / "scores.inputs.json").exists()),
        ("swaps", middle_of("swaps", 16)),
    ],
)
def test_killed_anywhere_it_ends_the_same(
    place, happened, tmp_path, finished, corpus, tiny
):
    """kill -9, then the same command: the table of the undisturbed run."""
    folder = tmp_path / "run"
    arguments = command(YAML, folder, corpus, tiny)
    kill_when(arguments, lambda: happened(folder))
    done = {
        file.name: file.read_bytes().splitlines()
        for file in folder.glob("*.jsonl")
    }
    printed = run(arguments)
    for name, records in done.items():
        # All but a batch that the kill tore is in the file as it was.
        kept = set((folder / name).read_bytes().splitlines())
        assert len(set(records) - kept) <= 1, name
    if place in ("respond", "score", "swaps"):
        assert "Going into epoch" not in printed
    left = ("responses.jsonl", "scores.jsonl", "table.csv", "same_words.json")
    for name in left:
        expected = (finished[0] / name).read_bytes()
        assert (folder / name).read_bytes() == expected, name
    log = (finished[0] / "train_log.txt").read_text()
    assert (folder / "train_log.txt").read_text() == log


def test_training_starts_from_an_earlier_runs_checkpoint(
    finished, corpus, tiny, tmp_path
):
    """By its folder, in which other files end like its weights."""
    (start,) = (finished[0] / "save").glob("CKPT*")
    steps = ["prepare", "attributes", "expected_responses", "fit"]
    settings = {**tiny, "init_from": str(start), "steps": steps}
    arguments = command(
        YAML, tmp_path / "run", corpus, settings, number_of_epochs=1
    )
    printed = run(arguments)
    assert f"| init_from | {start} |" in printed
    assert re.search(r"Training starts from .*: \d+ tensors", printed)


def test_a_baseline_run_is_tested_against(finished, corpus, tiny, tmp_path):
    """Another run's folder gives the Wilcoxon test; it may be this one."""
    folder, _ = finished
    run(
        command(
            YAML,
            folder,
            corpus,
            tiny,
            steps="[report]",
            baseline=folder,
        )
    )
    table = (folder / "table.md").read_text()
    row = next(x for x in table.splitlines() if "p=" in x)
    assert "p=1.000" in row
    # p by clusters, by Holm, by Wilcoxon; no pair of the 16 differs.
    assert "| 1 | 1 | 1 | 0 | 16 | +0.00 |" in table
