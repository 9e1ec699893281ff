"""The tutorial runs from start to end, here on tiny models.

It is stored with what it showed on the small real ones. Here, its
first code cell, tagged `parameters`, names the folder and the recipe's
options; the test puts others there. Nothing else of it is changed.
"""

import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from recipe_runs import ROOT

sys.path.insert(0, str(ROOT / "tools"))

import run_tutorial  # noqa: E402
from run_tutorial import TUTORIAL  # noqa: E402


@pytest.fixture
def tutorial():
    """The committed notebook."""
    return nbformat.read(TUTORIAL, as_version=4)


def test_it_is_stored_with_its_outputs(tutorial):
    """Of this very code, in order, small, and with no place of a machine."""
    kept = tutorial.metadata[run_tutorial.KEPT]
    fix = "Run tools/run_tutorial.py: the code has changed."
    assert kept["of"] == run_tutorial.digest(tutorial), fix
    assert kept["processor_seconds"] < 200
    cells = [cell for cell in tutorial.cells if cell.cell_type == "code"]
    counts = [cell.execution_count for cell in cells]
    assert counts == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert all(output.output_type != "error" for output in outputs)
    text = TUTORIAL.read_text(encoding="utf-8")
    assert len(text) < 400_000
    assert not re.search(r"/(home|root|tmp|work|usr)/|\\u001b", text)


def test_its_links_lead_somewhere(tutorial):
    """Relative to the notebook."""
    texts = [c.source for c in tutorial.cells if c.cell_type == "markdown"]
    links = re.findall(r"\]\(([^):]+)\)", "\n".join(texts))
    assert links
    for link in links:
        assert (TUTORIAL.parent / link).is_file(), link


def shown(cell):
    """Joins the text that a cell shows."""
    texts = []
    for output in cell.outputs:
        data = output.get("data", {})
        texts.append(output.get("text") or data.get("text/markdown", ""))
    return "".join(texts)


def test_it_runs(
    tutorial,
    tmp_path,
    monkeypatch,
    tiny_sources,
):
    """Every cell, and what they show."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    options = " ".join(f"--{n}={path}" for n, path in tiny_sources.items())
    (parameters,) = (
        cell
        for cell in tutorial.cells
        if "parameters" in cell.metadata.get("tags", ())
    )
    folder = tmp_path / "tutorial"
    parameters.source = f"FOLDER = {str(folder)!r}\nOPTIONS = {options!r}"
    client = NotebookClient(
        tutorial,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(TUTORIAL.parent)}},
    )
    client.execute()
    made = [cell for cell in tutorial.cells if cell.cell_type == "code"]
    corpus, table, scores = made[2], made[-2], made[-1]
    assert "**Angry**" in shown(corpus)
    assert re.search(r"partial \|.*everywhere", shown(table))
    listed = shown(scores).splitlines()
    assert len(listed) == 5
    for row in listed[2:]:
        assert re.match(r"\| [012] \| [012] \| ", row)
    for run in ("re_llm", "lora_everywhere"):
        assert Path(folder, run, "release", "model.ckpt").is_file()
