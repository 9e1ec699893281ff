"""The conformance script against the released model in plain torch."""

import shutil
import sys
from pathlib import Path

import pytest
from forked import run
from released_model import write_golden
from safetensors.torch import load_file, save_file

SCRIPT = Path(__file__).resolve().parents[1] / "conformance.py"


def conformance(folder):
    """Runs the script; returns its exit status and lines."""
    done = run([sys.executable, SCRIPT, folder])
    return done.returncode, done.stdout.splitlines()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder of numbers for a random checkpoint in the released format."""
    folder = tmp_path_factory.mktemp("written") / "golden"
    write_golden(folder)
    return folder


@pytest.fixture
def golden(written, tmp_path):
    """A copy of it, which a test may change."""
    return shutil.copytree(written, tmp_path / "golden")


def test_every_quantity_agrees(golden):
    """Through the converters and the lobes, within the bounds."""
    status, lines = conformance(golden)
    assert status == 0, "\n".join(lines)
    assert lines[-1] == "34 agree, 0 do not"


@pytest.mark.parametrize(
    "name, change",
    [
        ("utterance_1.llm_logits_partial_lora", lambda x: x * (1 + 1e-4)),
        ("greedy_tokens", lambda x: x + 1),
        ("utterance_0.response_kl_shifted", lambda x: x * 1.01),
        ("utterance_0.pooled", None),
    ],
)
def test_altered_numbers_are_found(golden, name, change):
    """One quantity changed, or gone, and the script fails on that one."""
    outputs = load_file(golden / "outputs.safetensors")
    value = outputs.pop(name)
    if change is not None:
        outputs[name] = change(value)
    save_file(outputs, golden / "outputs.safetensors")
    status, lines = conformance(golden)
    failed = [line for line in lines if line.startswith("FAIL")]
    assert status == 1 and len(failed) == 1 and name in failed[0]


def test_a_folder_without_numbers_is_named(tmp_path):
    """With what it lacks."""
    status, _ = conformance(tmp_path)
    assert status == 1
