"""The demo's figures in the documents are those of the runs that are kept.

`tools/demo_figures.py` makes tests/data/demo_figures.json from finished runs.
A figure in a document may be off by its rounding, and by no more.
"""

import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import demo_figures  # noqa: E402

KEPT = json.loads(demo_figures.FIXTURE.read_text(encoding="utf-8"))
RUNS = KEPT["runs"]
NUMBER = r"\d?\.\d+"
ROUNDING = {2: 0.005, 3: 0.0005}  # by decimals


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


def holds(shown, figure, digits):
    """Compares a value, and its interval if it is shown, with a figure."""
    numbers = re.findall(NUMBER, shown)
    assert numbers, shown
    for text, value in zip(numbers, figure):
        assert len(text.partition(".")[2]) == digits, shown
        assert float(text) == pytest.approx(value, abs=ROUNDING[digits] + 1e-9)


@pytest.mark.parametrize("label", demo_figures.README)
def test_the_readmes_table(label):
    """To two decimals."""
    name = demo_figures.README[label]
    figure = demo_figures.summary(RUNS, "same_words", name)
    shown, chance = cells(page("README.md"), label)
    holds(shown, figure, 2)
    assert chance == demo_figures.CHANCE.get(name, "")


def test_how_they_were_made():
    """Command, number of test utterances, and word error rate."""
    text = page("README.md")
    assert f"`{KEPT['command']}`" in text
    assert f"{RUNS[0]['utterances']} test utterances" in text
    rate = sum(run["words"]["WER"] for run in RUNS) / len(RUNS)
    (shown,) = re.findall(rf"have a word error rate of ({NUMBER})", text)
    holds(shown, [rate], 2)
    assert len({run["seed"] for run in RUNS}) == len(RUNS)


def test_the_four_answers():
    """Word by word."""
    text, answers = page("README.md"), RUNS[0]["answers"]
    assert f'"{answers["transcript"]}"' in text
    for take in answers["takes"]:
        heard, answer = take["head_emotion"], take["response"]
        assert f'| {heard} | "{answer}" |' in text


def test_the_page_on_listening():
    """To three decimals: the measures and the swaps."""
    text = page("docs/listening.md")
    text = text[text.index("The demo's RE-LLM") :]
    header, row = re.search(
        r"\| (tone fit.*) \|\n.*\n\| (.*) \|", text
    ).groups()
    titles = {
        "tone fit": "tone_fit",
        "content fit": "content_fit",
        "identical": "identical_share",
        "flawed": "flawed_share",
        "UA (head)": "unweighted_accuracy",
    }
    assert header.split(" | ") == list(titles)
    for name, shown in zip(titles.values(), row.split(" | ")):
        holds(shown, demo_figures.summary(RUNS, "same_words", name), 3)
    for swap in RUNS[0]["same_words"]["swaps"]:
        row = cells(text, swap.replace("_", " "))
        for side, shown in zip(("follows_own", "follows_other"), row):
            path = "same_words", "swaps", swap, side
            holds(shown, demo_figures.summary(RUNS, *path), 3)


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


def test_without_the_same_words(tmp_path):
    """The remedy is named."""
    with pytest.raises(FileNotFoundError, match=r"--steps .\[same_words\]"):
        demo_figures.figures_of_run(tmp_path)
