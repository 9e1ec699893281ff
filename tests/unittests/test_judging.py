"""An LLM's grades of responses, and how far they agree.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
import random

import numpy as np
import pytest
from servers import Faulty

from speechbrain_relm.__main__ import main
from speechbrain_relm.lobes.chat_llm import ChatLLM
from speechbrain_relm.lobes.parts.chat_template import Answer
from speechbrain_relm.runs.judging.agreement import agreement, weighted_kappa
from speechbrain_relm.runs.judging.grading import grade_responses, read_rubric

RESPONSES = {
    str(i): {"id": str(i), "transcript": f"I {i}.", "response": "{asked}" * i}
    for i in range(6)
}


@pytest.mark.parametrize("seed", range(5))
def test_kappa_is_cohens(seed):
    """By its definition: one minus observed over expected disagreement."""
    draw = random.Random(seed)
    pairs = [(draw.randrange(3), draw.randrange(3)) for _ in range(20)]
    counts = np.zeros((3, 3))
    for one, other in pairs:
        counts[one, other] += 1
    weights = np.subtract.outer(range(3), range(3)) ** 2
    expected = np.outer(counts.sum(1), counts.sum(0)) / len(pairs)
    kappa = 1 - (weights * counts).sum() / (weights * expected).sum()
    assert weighted_kappa(pairs) == pytest.approx(kappa)


def graded(judge, folder):
    """Grades by a judge of one question."""
    return grade_responses(
        lambda texts: [Answer(judge(text), True) for text in texts],
        read_rubric(),
        RESPONSES,
        folder / "grades.jsonl",
        {},
        8,
    )


def test_places_do_not_matter_to_who_reads(tmp_path):
    """The strongest level is found under whatever letter it stands."""

    def strongest(text):
        """Reads."""
        (line,) = [x for x in text.splitlines() if x[1:].startswith(". Strong")]
        return f"{line[0]}."

    grades = graded(strongest, tmp_path)
    assert all(g["ER"] == g["Ex"] == [2, 2] for g in grades.values())


def test_who_does_not_read_disagrees_with_itself(tmp_path):
    """Who always takes the first gives no response the same level twice."""
    grades = graded(lambda text: "A", tmp_path)
    for record in grades.values():
        assert set(record["ER"]) <= {0, 1, 2}
    pairs = [tuple(record["ER"]) for record in grades.values()]
    assert any(one != other for one, other in pairs)
    silent = graded(lambda text: "I cannot say.", tmp_path / "silent")
    found = agreement(silent, {}, "Ex")
    assert found["ungraded"] == found["questions"] == 12
    assert found["mean"] is found["kappa"] is found["itself"] is None


def test_the_command(qwen_folder, tmp_path, capsys):
    """The same LLM here and behind a server; done once."""
    lines = "".join(json.dumps(record) + "\n" for record in RESPONSES.values())
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "responses.jsonl").write_text(lines)
    here, there = (str(tmp_path / name) for name in ("here", "there"))
    main(["grade", here, "--llm", qwen_folder, "--dtype", "float32"])
    with Faulty(ChatLLM(qwen_folder).eval(), ["429"]) as server:
        asked = ["grade", there, "--url", server.url, "--model", "m"]
        main(asked)
        assert len(server.asked) == 6 * 2 * 2
        before = sum(server.asked.values())
        main(asked)
        assert sum(server.asked.values()) == before
    printed = capsys.readouterr().out
    assert printed.count("kappa with EPITOME") == 3
    figures = [
        json.loads((tmp_path / name / "grades.json").read_text())
        for name in ("here", "there")
    ]
    assert figures[0] == figures[1] and figures[0]["ER"]["responses"] == 6


@pytest.mark.parametrize("given", [[], ["--url", "http://x/v1"]])
def test_one_llm_is_named(given, tmp_path):
    """Neither none nor half of one."""
    (tmp_path / "responses.jsonl").write_text("")
    with pytest.raises(SystemExit, match="Name one LLM"):
        main(["grade", str(tmp_path), *given])


def test_a_device_that_is_not_there(tmp_path, capsys):
    """Is named, before an LLM is loaded."""
    with pytest.raises(SystemExit):
        main(["grade", str(tmp_path), "--llm", "x", "--device", "gpu"])
    assert "--device: 'gpu' is no device" in capsys.readouterr().err


def test_a_rubric_of_another_form(tmp_path):
    """Is named."""
    path = tmp_path / "rubric.yaml"
    path.write_text("system: x\nmechanisms: [ER]\n")
    with pytest.raises(ValueError, match="is no rubric"):
        read_rubric(path)
