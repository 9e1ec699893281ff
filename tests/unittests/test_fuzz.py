"""The fuzz test's own judgement, and a small slice of it."""

import subprocess
import sys
import time
from pathlib import Path

import forked
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "fuzz"))

import fuzzing  # noqa: E402
from fuzzing import OUTCOMES, Area, Case, run_area, table  # noqa: E402


def refuse(message, error=ValueError):
    """Raises."""
    raise error(message)


def work(seconds):
    """Takes processor time."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


# What an input does; what that is.
KINDS = [
    (lambda: refuse("rate: nan is no number above 0."), None, "named"),
    (lambda: refuse("rate"), None, "unnamed"),
    (
        lambda: refuse("rate: nan is no number above 0.", KeyError),
        None,
        "unnamed",
    ),
    (lambda: sys.exit("rate: nan is no number above 0."), None, "named"),
    (lambda: sys.exit(0), None, "silent"),
    (lambda: 3, None, "silent"),
    (lambda: 3, lambda value: value == 3, "handled"),
    (lambda: 3, lambda value: value == 4, "silent"),
    (lambda: work(1.5), lambda value: True, "late"),
    (lambda: work(60), None, "hang"),
    (lambda: b"1" * (2**30 + 2**28), None, "hang"),
    (lambda: subprocess.run(["true"]), lambda value: True, "unsafe"),
    (lambda: open("../../x", "w"), lambda value: True, "unsafe"),
    (lambda: input(), lambda value: True, "unsafe"),
    (lambda: open("mine", "w").close(), lambda value: True, "handled"),
]


def test_each_outcome_is_told_from_the_others(tmp_path, monkeypatch):
    """Of made inputs that are known to end so."""
    # The two that take long are waited for.
    monkeypatch.setattr(fuzzing, "SOON", 1)
    monkeypatch.setattr(fuzzing, "LONG", 3)

    def make(random, folder, shared):
        """An input of each kind in turn."""
        index = int(folder.name)
        open_it, right, _ = KINDS[index]
        return Case(f"kind {index}", ("rate",), open_it, right)

    found = run_area(Area("kinds", make), len(KINDS), 1, tmp_path)
    assert [one.outcome for one in found] == [kind[-1] for kind in KINDS]
    assert list(table(found)["kinds"]) == OUTCOMES


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_slice_of_the_fuzz_test(tmp_path):
    """`make fuzz` opens more of them."""
    script = ROOT / "tests" / "fuzz" / "fuzz_all.py"
    words = ["--count=60", f"--output={tmp_path}/fuzz.json"]
    done = forked.run([sys.executable, script, *words])
    assert done.returncode == 0, done.stdout + done.stderr
