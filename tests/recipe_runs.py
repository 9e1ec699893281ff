"""Runs of the ESD recipe on tiny models, for the tests."""

import sys
import time
from pathlib import Path

import forked

from speechbrain_relm.mini.esd import make_esd

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "recipes" / "ESD" / "train.py"
# For runs whose answers are compared or counted, but not read: a random LLM
# says nothing that is worth 48 tokens.
BRIEF = dict.fromkeys(
    ("response_settings", "expected_response_settings"), "{max_new_tokens: 12}"
)


def command(yaml, folder, corpus, tiny, **overrides):
    """Builds the command line of a short run on tiny models."""
    settings = {
        "data_folder": corpus,
        "output_folder": folder,
        **tiny,
        "number_of_epochs": 2,
        "batch_size": 4,
        "ckpt_interval_steps": 1,
        "generation_batch_size": 2,
        **overrides,
    }
    return [
        sys.executable,
        str(SCRIPT),
        str(yaml),
        *(f"--{name}={value}" for name, value in settings.items()),
    ]


def prepared_esd(folder, **sizes):
    """A made corpus in ESD's layout, and its manifests."""
    sys.path.insert(0, str(SCRIPT.parent))
    from esd_prepare import prepare_esd

    make_esd(folder / "ESD", **sizes)
    prepare_esd(folder / "ESD", folder / "manifests")
    return folder


def replaces(manifest, prepare, *given):
    """Makes a function that says if preparing again replaces the manifest."""

    def redone(**settings):
        """With these settings."""
        before = manifest.stat().st_ino
        with open(manifest, "rb"):  # keeps the inode from being reused
            prepare(*given, **settings)
        return manifest.stat().st_ino != before

    return redone


def run(arguments, timeout=900, cwd=None):
    """Runs to the end; returns what was printed, errors included."""
    done = forked.run(arguments, cwd, timeout)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout + done.stderr


def kill_when(arguments, happened, timeout=900):
    """Kills a run, unasked and unwarned, as soon as something happened."""
    process = forked.start(arguments)
    deadline = time.time() + timeout
    while not happened():
        assert process.is_alive(), "the run ended before it was killed"
        assert time.time() < deadline
        time.sleep(0.002)
    process.kill()
    process.join()


def lines(path):
    """Counts the whole lines of a file that may not be there."""
    return path.read_bytes().count(b"\n") if path.exists() else 0
