"""The demo's figures in the documents are those of the runs that are kept.

`tools/demo_figures.py` makes tests/data/demo_figures.json from finished runs;
tests/data/demo_parts.json has `same_words.json` of the runs of
docs/listening.md. A figure in a document may be off by its rounding only.
"""

import json
import re
import sys
from pathlib import Path

import pytest
import soundfile

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import demo_figures  # noqa: E402

KEPT = json.loads(demo_figures.FIXTURE.read_text(encoding="utf-8"))
RUNS = KEPT["runs"]
NUMBER = r"\d?\.\d+"
KEPT_TO = 0.00005  # the figures of the parts have four decimals
MEASURES = demo_figures.MEASURES
# What the rows of docs/listening.md show, where they have another name.
RUNS_OF_ROWS = {
    "RE-LLM": ["seed 1"],
    "mean": [f"seed {n}" for n in (1, 2, 3)],
    "no alignment: the adapter starts from nothing": ["no alignment"],
    "aligned by words alone": ["words alone"],
    "no example turns before the speech": ["no example turns"],
    "Step 1 and the answers in the paper's words, no example turns": [
        "the paper's words"
    ],
}


def page(name):
    """Reads a document."""
    return (ROOT / name).read_text(encoding="utf-8")


def cells(text, label, after=""):
    """Finds the cells of a table's row by the first one."""
    row = re.search(
        rf"^\| {re.escape(label)} \|(.*)\|$",
        text[text.index(after) :],
        re.MULTILINE,
    )
    assert row, f"no row '{label}'"
    return [cell.strip() for cell in row.group(1).split("|")]


def holds(shown, figure):
    """Compares a value, and its interval if it is shown, with a figure."""
    numbers = re.findall(NUMBER, shown)
    assert numbers, shown
    for text, value in zip(numbers, figure):
        rounding = 0.5 * 10 ** -len(text.partition(".")[2])
        assert float(text) == pytest.approx(value, abs=rounding + KEPT_TO)


@pytest.mark.parametrize("label", demo_figures.README)
def test_the_readmes_table(label):
    """To two decimals."""
    name = demo_figures.README[label]
    figure = demo_figures.summary(RUNS, "same_words", name)
    shown, chance = cells(page("README.md"), label)
    holds(shown, figure)
    assert chance == demo_figures.CHANCE.get(name, "")


def test_how_they_were_made():
    """Command, number of test utterances, and word error rate."""
    text = page("README.md")
    assert f"`{KEPT['command']}`" in text
    assert f"{RUNS[0]['utterances']} test utterances" in text
    rate = sum(run["words"]["WER"] for run in RUNS) / len(RUNS)
    (shown,) = re.findall(rf"have a word error rate of ({NUMBER})", text)
    holds(shown, [rate])
    assert len({run["seed"] for run in RUNS}) == len(RUNS)


def test_the_four_answers():
    """Word by word, each with its recording."""
    text, answers = page("README.md"), RUNS[0]["answers"]
    assert f'"{answers["transcript"]}"' in text
    for take in answers["takes"]:
        heard, answer = take["head_emotion"], take["response"]
        name = take["emotion"]
        sound = f"docs/sounds/{name}.flac"
        assert f'| [{name}]({sound}) | {heard} | "{answer}" |' in text
        assert 1 < soundfile.info(ROOT / sound).duration < 5


def rows_of_parts():
    """Lists the rows of docs/listening.md's section on the demo's parts."""
    text = page("docs/listening.md")
    section = text[text.index("## The demo's parts") :]
    section = section[: section.index("\n## ", 1)]
    for line in section.splitlines():
        label, *row = (cell.strip() for cell in line.split("|")[1:-1] or [""])
        if label and set(label) - set("- :"):
            yield label, row


@pytest.mark.parametrize("label, row", list(rows_of_parts()))
def test_the_page_on_listening(label, row):
    """The measures and the swaps of each run, and the means of three."""
    parts = json.loads(demo_figures.PARTS.read_text(encoding="utf-8"))["runs"]
    runs = [parts[name] for name in RUNS_OF_ROWS.get(label, [label])]
    if len(row) == len(MEASURES):
        for name, shown in zip(MEASURES, row):
            figures = [run[name] for run in runs]
            holds(shown, [sum(x) / len(x) for x in zip(*figures)])
        return
    swaps = sum((run or [None] * 2 for run in runs[0]["swaps"].values()), [])
    assert len(row) == len(swaps)
    for shown, value in zip(row, swaps):
        if value is None:
            assert shown == "–"
        else:
            holds(shown, [value])


def test_the_recipes_row():
    """UA in percent, ER and Ex."""
    lines = page("recipes/ESD/README.md").splitlines()
    (line,) = (x for x in lines if KEPT["command"] in x)
    *_, accuracy, er, ex, _ = (cell.strip() for cell in line.split("|")[:-1])
    value = demo_figures.summary(RUNS, "same_words", "unweighted_accuracy")[0]
    assert accuracy == f"{100 * value:.1f} %"
    for name, shown in (("ER", er), ("Ex", ex)):
        mean = sum(run["scores"][name] for run in RUNS) / len(RUNS)
        assert float(shown) == pytest.approx(mean, abs=0.005)


def test_several_runs_have_a_mean_and_a_range():
    """In place of one run's interval."""
    runs = [
        {"a": {"value": value, "low": 0.0, "high": 1.0}}
        for value in (0.5, 0.7, 0.6)
    ]
    found = demo_figures.summary(runs, "a")
    assert found == pytest.approx((0.6, 0.5, 0.7))
    assert demo_figures.in_brackets(found, 2) == ".60 [.50, .70]"
    assert demo_figures.summary(runs[:1], "a") == (0.5, 0.0, 1.0)


def test_the_parts_are_made_from_what_runs_leave(tmp_path):
    """Four decimals of each measure and swap; a swap may be undefined."""
    figure = {"value": 1 / 3, "low": 0.25, "high": 0.5, "n": 9}
    both = {"follows_own": figure, "follows_other": figure}
    swaps = {"emotion_embedding": None, "both": both}
    content = {**dict.fromkeys(MEASURES, figure), "swaps": swaps}
    (tmp_path / "same_words.json").write_text(json.dumps(content))
    found = demo_figures.parts_of_run(tmp_path)
    assert found == {
        **dict.fromkeys(MEASURES, [0.3333, 0.25, 0.5]),
        "swaps": {"emotion_embedding": None, "both": [0.3333, 0.3333]},
    }
    kept = json.loads(demo_figures.PARTS.read_text(encoding="utf-8"))
    assert all(set(run) == set(found) for run in kept["runs"].values())


def test_without_the_same_words(tmp_path):
    """The remedy is named."""
    with pytest.raises(FileNotFoundError, match=r"--steps .\[same_words\]"):
        demo_figures.figures_of_run(tmp_path)
