"""SpeechBrain's own checks of files in its work tree.

Authors
 * The speechbrain_relm contributors 2026
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LARGEST = 1024 * 1024  # bytes, as SpeechBrain's hook has it
LEFT = re.compile(
    r"(?:import|from) speechbrain_relm|(?<!\.cache/)speechbrain_relm[./]\w"
)
PYTEST = ["-m", "pytest", "-q", "-p", "no:cacheprovider"]
ROWS = """
import sys
from tests.utils.recipe_tests import run_recipe_tests
options = dict(filters_fields=["Hparam_file"], filters=[sys.argv[1:]])
sys.exit(not run_recipe_tests(run_opts="--device=cpu", **options))
"""


def hooks(tree, files):
    """Does what SpeechBrain's other hooks do before a commit.

    Arguments
    ---------
    tree : pathlib.Path
        SpeechBrain's work tree.
    files : list of str
        Paths in it.

    Returns
    -------
    list of str
        What is wrong.
    """
    wrong = []
    for path in files:
        content = (tree / path).read_bytes()
        lines = content.decode().split("\n")
        if any(line != line.rstrip() for line in lines):
            wrong.append(f"{path}: trailing whitespace")
        if content and (lines[-1] or lines[-2:] == ["", ""]):
            wrong.append(f"{path}: not one newline at the end")
        if b"\r" in content:
            wrong.append(f"{path}: carriage return")
        if len(content) > LARGEST:
            wrong.append(f"{path}: over 1 MB")
        if path.endswith("requirements.txt"):
            names = [x.lower() for x in lines if x and not x.startswith("#")]
            if names != sorted(names):
                wrong.append(f"{path}: not sorted")
        if LEFT.search(content.decode()):
            wrong.append(f"{path}: names speechbrain_relm")
    return wrong


def commands(tree, files, rows):
    """Lists the checks that are commands.

    Arguments
    ---------
    tree : pathlib.Path
        SpeechBrain's work tree.
    files : list of str
        Paths in it.
    rows : list of str
        YAMLs whose rows to run.

    Yields
    ------
    tuple of str and list of str
        Name and arguments for Python.
    """
    code = [path for path in files if path.endswith(".py")]
    tests = [path for path in code if Path(path).name.startswith("test_")]
    modules = [
        path
        for path in code
        if path.startswith("speechbrain/")
        and path not in tests
        and Path(path).name not in ("__main__.py", "conftest.py")
    ]
    yield "ruff check", ["-m", "ruff", "check", *code]
    yield "ruff format", ["-m", "ruff", "format", "--check", *code]
    yamls = [path for path in files if path.endswith(".yaml")]
    if yamls:
        yield "yamllint", ["-m", "yamllint", "--no-warnings", *yamls]
    spelling = ["-m", "codespell_lib", "--ignore-words=.dict-speechbrain.txt"]
    yield "codespell", [*spelling, *files]
    yield "consistency tests", [*PYTEST, "tests/consistency"]
    yield "doctests", [*PYTEST, "--doctest-modules", *modules]
    if tests:
        yield "tests", [*PYTEST, *tests]
    for row in rows:
        yield f"row {row}", ["-c", ROWS, row]


def check(tree, files, rows):
    """Runs every check and prints a table, a row when one is done.

    Arguments
    ---------
    tree : pathlib.Path
        SpeechBrain's work tree.
    files : list of str
        Paths in it.
    rows : list of str
        YAMLs whose rows to run.

    Returns
    -------
    bool
        Whether all are green.
    """
    sys.stdout.write("| check | | s | |\n| --- | --- | ---: | --- |\n")
    failed = {}

    def report(name, green, seconds, said):
        last = said.splitlines()[-1].strip(" =")[:60] if said else ""
        word = "green" if green else "RED"
        sys.stdout.write(f"| {name} | {word} | {seconds:.0f} | {last} |\n")
        sys.stdout.flush()
        if not green:
            failed[name] = said

    wrong = hooks(tree, files)
    report("hooks", not wrong, 0, "\n".join(wrong))
    with tempfile.TemporaryDirectory() as folder:
        environment = finding(tree, Path(folder))
        for name, arguments in commands(tree, files, rows):
            start = time.time()
            done = subprocess.run(
                [sys.executable, *arguments],
                cwd=tree,
                env=environment,
                capture_output=True,
                text=True,
            )
            said = (done.stdout + done.stderr).strip()
            report(name, not done.returncode, time.time() - start, said)
    for name, said in failed.items():
        sys.stderr.write(f"\n{name}:\n{said[-6000:]}\n")
    return not failed


def finding(tree, folder):
    """Makes an environment in which Python finds the work tree.

    Arguments
    ---------
    tree : pathlib.Path
        SpeechBrain's work tree.
    folder : pathlib.Path
        An empty folder.

    Returns
    -------
    dict
        Environment variables.
    """
    # SpeechBrain's tester of rows calls `python` with a PYTHONPATH of its own,
    # and their scripts `python3`; these find the tree in spite of it.
    for name in ("python", "python3"):
        python = folder / name
        python.write_text(
            "#!/bin/sh\n"
            f'PYTHONPATH="$PYTHONPATH:{tree}" exec {sys.executable} "$@"\n',
            encoding="utf-8",
        )
        python.chmod(0o755)
    return {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(tree),
    }
