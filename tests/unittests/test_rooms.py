"""The rooms of the package, and the names that outlive a move."""

import os
import pydoc
import subprocess
import sys
from pathlib import Path

import pytest

from speechbrain_relm.inference.re_llm import EmpatheticListener
from speechbrain_relm.training.initialization import start_from

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "speechbrain_relm"
LINT = "from importlinter.cli import lint_imports_command as lint; lint()"


def test_imports_go_one_way():
    """The contract in pyproject.toml, which lists no exceptions."""
    done = subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert not done.returncode, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    "folder",
    [path.parent for path in PACKAGE.rglob("__init__.py")],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_a_folder_can_be_looked_over(folder):
    """It has at most twelve files."""
    files = [path for path in folder.iterdir() if path.is_file()]
    assert len(files) <= 12


# The names that releases made by version 0.1.0 have.
OLDER = {
    "speechbrain_relm.model.re_llm.RELLM": "speechbrain_relm.model.RELLM",
    "speechbrain_relm.model.re_llm.fused_size": "speechbrain_relm.model.fused_size",
    "speechbrain_relm.training.initialization.": "speechbrain_relm.initialization.",
    "speechbrain_relm.utils.sources.base_models.": "speechbrain_relm.base_models.",
}


def test_older_releases_load(release_folder, tmp_path, utterances):
    """They answer as they did."""
    older = tmp_path / "release"
    older.mkdir()
    for file in Path(release_folder).iterdir():
        (older / file.name).write_bytes(file.read_bytes())
    text = (older / "hyperparams.yaml").read_text(encoding="utf-8")
    for name, before in OLDER.items():
        text = text.replace(name, before)
    assert "speechbrain_relm.model.RELLM" in text
    assert "speechbrain_relm.base_models.base_model" in text
    assert "re_llm.RELLM" not in text
    (older / "hyperparams.yaml").write_text(text, encoding="utf-8")
    _, wavs, lens = utterances
    answers = [
        EmpatheticListener.from_hparams(str(folder)).respond_batch(wavs, lens)
        for folder in (release_folder, older)
    ]
    assert answers[0] == answers[1]


def test_what_a_release_starts_from_is_where_it_was():
    """A release with frozen tensors of a start names this as well."""
    assert (
        pydoc.locate("speechbrain_relm.initialization.start_from") is start_from
    )
