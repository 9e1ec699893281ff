"""Scripts in processes of their own that need not import torch anew.

A fork server imports once what takes seconds. Each script then runs in a fork
of it: with its own arguments, environment, outputs, signals and exit status.

Authors
 * The speechbrain_relm contributors 2026
"""

import atexit
import multiprocessing
import multiprocessing.forkserver
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

FORKS = multiprocessing.get_context("forkserver")
# What runs of recipes import, so far as it takes time. The server passes over a
# name that it cannot import; a fork then does what it would have saved.
FORKS.set_forkserver_preload(
    [
        "speechbrain",
        "speechbrain_relm.evaluation.pages.page",
        "speechbrain_relm.runs.planning.checks",
        "speechbrain_relm.runs.recipe",
        "speechbrain_relm.training.brain",
        "tests.tiny_models",
    ]
)


def environment():
    """One thread a process, and no hub."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


def context():
    """Makes sure that the server is there; returns multiprocessing's context."""
    # Some of it is read when torch and huggingface_hub are imported.
    with mock.patch.dict(os.environ, environment()):
        multiprocessing.forkserver.ensure_running()
    return FORKS


def start(arguments, outputs=(os.devnull, os.devnull), cwd=None):
    """Starts a script, or `-m` and a module, as Python's command line does.

    Arguments
    ---------
    arguments : list
        The interpreter, as for `subprocess`; script or module; its words.
    outputs : tuple of str
        The files that become its output and its errors.
    cwd : str or None
        Where it runs.

    Returns
    -------
    multiprocessing.Process
        The process, under way.
    """
    process = context().Process(
        target=_main,
        args=(
            [str(word) for word in arguments[1:]],
            [str(path) for path in outputs],
            str(cwd or os.getcwd()),
            environment(),
        ),
    )
    process.start()
    return process


def run(arguments, cwd=None, timeout=900):
    """Runs to the end; what `subprocess.run` returns, outputs as text."""
    with tempfile.TemporaryDirectory() as folder:
        outputs = [Path(folder) / name for name in ("stdout", "stderr")]
        process = start(arguments, outputs, cwd)
        process.join(timeout)
        if process.is_alive():
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(arguments, timeout)
        said = [path.read_text(encoding="utf-8") for path in outputs]
    return subprocess.CompletedProcess(arguments, process.exitcode, *said)


def _main(arguments, outputs, cwd, environ):
    """Becomes the script, in the fork."""
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(cwd)
    for number, path in enumerate(outputs, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    module = arguments[0] == "-m"
    sys.argv = arguments[module:]
    # As Python does.
    sys.path.insert(
        0, cwd if module else str(Path(sys.argv[0]).resolve().parent)
    )
    try:
        if module:
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(sys.argv[0], run_name="__main__")
    finally:
        # A fork ends without them: locks and folders would stay.
        atexit._run_exitfuncs()
