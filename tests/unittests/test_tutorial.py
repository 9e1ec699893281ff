"""The tutorial runs from start to end, here on tiny models.

Its first code cell, tagged `parameters`, names the folder and the recipe's
options; the test puts others there. Nothing else of it is changed.
"""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from recipe_runs import ROOT

TUTORIAL = ROOT / "docs" / "tutorial.ipynb"


@pytest.fixture
def tutorial():
    """The committed notebook."""
    return nbformat.read(TUTORIAL, as_version=4)


def test_it_is_stored_without_outputs(tutorial):
    """So that a change of it can be read."""
    for cell in tutorial.cells:
        if cell.cell_type == "code":
            assert not cell.outputs and cell.execution_count is None


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
