"""Detectors of flawed responses, word error rate, texts in tables."""

import csv
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from speechbrain_relm.evaluation.chance.clusters import describe_clusters
from speechbrain_relm.evaluation.listening.quality import detection, flaws_of
from speechbrain_relm.evaluation.runs import Run
from speechbrain_relm.evaluation.tables.alike import describe_origin
from speechbrain_relm.evaluation.tables.examples import mark
from speechbrain_relm.evaluation.tables.measured import Cell
from speechbrain_relm.evaluation.tables.table import (
    _with_best,
    to_latex,
    to_markdown,
)
from speechbrain_relm.model.metrics import word_error_rate
from speechbrain_relm.utils.text.cells import latex_cell, markdown_cell

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests/data"
# What TeX reads as commands, from The TeXbook, chapter 7.
SPECIAL = "\\{}$&#^_%~"


def rows_of(name):
    """Rows of a CSV of ours."""
    with open(DATA / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    "name, precision, recall",
    [
        ("flawed_responses.csv", 0.95, 0.95),
        ("flawed_responses_2.csv", 0.95, 0.95),
        ("flawed_responses_unseen.csv", 0.95, 0.7),
    ],
)
def test_detectors_on_responses_of_known_flaws(name, precision, recall):
    """Good ones that look alike among them; counted here by hand."""
    rows = rows_of(name)
    found = detection(rows)
    for flaw, figures in found.items():
        wanted = [flaw in row["flaws"].split() for row in rows]
        told = [flaw in flaws_of(row) for row in rows]
        both = sum(w and t for w, t in zip(wanted, told))
        assert figures["precision"] == both / sum(told) >= precision
        assert figures["recall"] == both / sum(wanted) >= recall
        assert figures["n"] == sum(wanted)


def test_the_documents_say_what_the_benchmark_prints(capsys, monkeypatch):
    """Line by line."""
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
    import reading

    reading.print_answers()
    reading.print_detectors()
    told = (ROOT / "docs/evaluation.md").read_text(encoding="utf-8")
    printed = [line for line in capsys.readouterr().out.splitlines() if line]
    assert len(printed) == 21
    assert set(printed) <= set(told.splitlines())


@pytest.mark.parametrize(
    "heard, said, rate",
    [
        ("it's late", "It’s late!", 0),
        ("it is late", "It’s late!", 0),
        ("i cannot go", "I can't go.", 0),
        ("that is funny", "[LAUGHTER] That is funny. (laughs)", 0),
        ("twenty one pilots", "21 pilots", 0),
        ("at 10 o'clock", "At ten o'clock.", 0),
        ("um so i fell", "So I fell.", 0),
        ("i fell down", "I fell.", 0.5),
        ("", "I fell.", 1),
    ],
)
def test_word_errors_are_errors_of_words(heard, said, rate):
    """Not of quotes, short forms, numbers, noises; edits counted by hand."""
    assert word_error_rate([heard], [said]) == rate


@pytest.mark.parametrize(
    "text",
    [
        "a|b",
        "_so_ *so* **so** __so__",
        "RE_LLM_mini 5 % & more",
        "`code` ~~not~~ <b>bold</b> <!-- no -->",
        "[a](http://b.c) ![d](e) \\ \\| &amp; &lt;",
        "two\nlines\r\nof it",
        "“curly” – ’",
    ],
)
def test_a_markdown_cell_shows_its_text(text):
    """By another project's parser of CommonMark with GitHub's tables."""
    table = f"| head | other |\n| --- | --- |\n| {markdown_cell(text)} | x |"
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    cells = [t for t in parser.parse(table) if t.type == "inline"][2:]
    assert [cell.content for cell in cells][1:] == ["x"]
    assert {child.type for child in cells[0].children} <= {
        "text",
        "text_special",
    }
    shown = "".join(child.content for child in cells[0].children)
    assert shown == " ".join(text.splitlines())


def test_marks_of_a_response_are_the_only_ones():
    """What the LLM wrote with marks of its own is shown as it is."""
    response = "I'm *so* sorry |. What_ happened_?"
    text = mark(response, {"ER": [[0, 17]], "Ex": [[18, 34]]})
    parser = MarkdownIt("commonmark").enable("table")
    html = parser.render(f"| a |\n| --- |\n| {text} |")
    assert "<td><strong>I'm *so* sorry |.</strong> " in html
    assert "<em>What_ happened_?</em></td>" in html


@pytest.mark.parametrize("character", SPECIAL)
def test_latex_cells_hold_no_command_of_their_text(character):
    """Each of TeX's ten special characters is escaped or named."""
    text = latex_cell(f"a{character}b")
    assert text.startswith("a") and text.endswith("b")
    inner = text[1:-1]
    assert inner == f"\\{character}" or (
        inner.startswith("\\text") and inner.endswith("{}")
    )


def test_names_with_marks_in_whole_tables():
    """As many columns as systems, whatever these are called."""
    names = ["a|b", "c_d & e", "50 %"]
    cells = [Cell("ER | x", name, 1.0 + i) for i, name in enumerate(names)]
    parser = MarkdownIt("commonmark").enable("table")
    html = parser.render(to_markdown(cells))
    assert html.count("<th>") == 4 and "<th>a|b</th>" in html
    for line in to_latex(cells).splitlines():
        if line.endswith("\\\\"):
            assert line.replace("\\&", "").count("&") == 3


@pytest.mark.parametrize("describe", [describe_clusters, describe_origin])
def test_names_with_marks_below_a_table(describe):
    """What is said of a run calls it by its name."""
    said = {"a": {"response": "Oh!", "transcript": "I fell."}}
    lines = describe([Run("_so_ *so*", said, {"a": {"ER": 1}})])
    html = MarkdownIt("commonmark").render("\n".join(lines))
    assert "<li>_so_ *so*: " in html


@pytest.mark.parametrize(
    "values, best",
    [
        ([0, 0, 0, 0, 0], [False] * 5),
        ([1, 1, 1], [False] * 3),
        ([1], [False]),
        ([0, 1, 1], [False, True, True]),
        ([0, 2, 1], [False, True, False]),
    ],
)
def test_what_all_have_is_no_best(values, best):
    """Five tied zeros are not five winners."""
    cells = [Cell("UA by prompt", str(i), v) for i, v in enumerate(values)]
    assert [cell.best for cell in _with_best(cells)] == best
