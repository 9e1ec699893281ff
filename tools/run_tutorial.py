#!/usr/bin/env python3
"""Runs docs/tutorial.ipynb and stores it with what it shows.

    python tools/run_tutorial.py

Of progress bars the last state is kept, as a terminal shows it, and paths of
this machine are left out. `tests/unittests/test_tutorial.py` holds the stored
outputs to the code: whoever changes a cell runs this again.

Authors
 * The speechbrain_relm contributors 2026
"""

import hashlib
import os
import re
import resource
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from speechbrain_relm.utils.errors import Parser, entry_point  # noqa: E402

TUTORIAL = ROOT / "docs" / "tutorial.ipynb"
# In the notebook's metadata: of which code the outputs are, and how long all
# cells took, also in seconds of processors alone, for on a machine that others
# use too the clock says little.
KEPT = "executed"
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def digest(notebook):
    """Names the code of a notebook by its content.

    Arguments
    ---------
    notebook : nbformat.NotebookNode
        The notebook.

    Returns
    -------
    str
        The beginning of a SHA-256.

    Example
    -------
    >>> digest(nbformat.v4.new_notebook())
    'e3b0c44298fc1c14'
    """
    code = [c.source for c in notebook.cells if c.cell_type == "code"]
    return hashlib.sha256("\n".join(code).encode()).hexdigest()[:16]


def tidy(text):
    """Shows a terminal's text as it ends, without places of this machine.

    Arguments
    ---------
    text : str
        What was written.

    Returns
    -------
    str
        The same without bars that went on, and without empty ends.

    Example
    -------
    >>> tidy("fit: 0%\\rfit: 100%\\r\\n\\x1b[A" + str(ROOT / "docs"))
    'fit: 100%\\ndocs'
    """
    text = ESCAPE.sub("", text.replace("\r\n", "\n"))
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
    text = "\n".join(line.rstrip() for line in lines)
    text = text.replace(sys.executable, "python")
    text = text.replace(f"{ROOT}{os.sep}", "")
    return text.replace(str(Path.home()), "~")


def clean(cell):
    """Tidies what a cell shows.

    Arguments
    ---------
    cell : nbformat.NotebookNode
        Of code; changed in place.
    """
    cell.metadata.pop("execution", None)
    whole = []
    for output in cell.outputs:
        if output.get("name") == "stderr":
            continue  # libraries' warnings, and bars of theirs
        before = whole[-1] if whole else {}
        if output.output_type == "stream" == before.get("output_type"):
            before["text"] += output.text  # a bar comes piece by piece
        else:
            whole.append(output)
    for output in whole:
        if output.output_type == "stream":
            output.text = tidy(output.text)
    cell.outputs = whole


def run(path):
    """Runs the notebook, and writes it back if all cells ran.

    Arguments
    ---------
    path : pathlib.Path
        The notebook.

    Returns
    -------
    dict
        Seconds by the clock, and of processors.
    """
    notebook = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, timeout=600, resources=place)
    start = time.monotonic()
    client.execute()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = {
        "seconds": round(time.monotonic() - start),
        "processor_seconds": round(used.ru_utime + used.ru_stime),
    }
    for cell in notebook.cells:
        if cell.cell_type == "code":
            clean(cell)
    notebook.metadata[KEPT] = {"of": digest(notebook), **took}
    nbformat.write(notebook, path)
    return took


@entry_point("run_tutorial.py")
def main(arguments):
    """Runs it.

    Arguments
    ---------
    arguments : list of str, optional
        Command line, by default the one of the process.
    """
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("notebook", nargs="?", type=Path, default=TUTORIAL)
    took = run(parser.parse_args(arguments).notebook)
    sys.stdout.write(f"{took}\n")


if __name__ == "__main__":
    main()
