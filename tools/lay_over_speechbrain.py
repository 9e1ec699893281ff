#!/usr/bin/env python3
"""Lays this project into a SpeechBrain work tree, under its upstream names.

    git clone https://github.com/speechbrain/speechbrain
    python tools/lay_over_speechbrain.py speechbrain --check

`upstream.yaml` says which files make which pull request, and their names
there. Imports, paths and links are rewritten, patches of SpeechBrain's own
files applied, and the recipes' rows added to `tests/recipes/<corpus>.csv`.
Running it again changes nothing.

Authors
 * The speechbrain_relm contributors 2026
"""

import csv
import re
import subprocess
import sys
from pathlib import Path

from check_upstream import check
from upstream import (
    ROOT,
    Names,
    read_split,
    tracked_files,
    with_needs,
)

from speechbrain_relm.utils.errors import Parser, entry_point

TEXTS = (".py", ".yaml", ".md", ".txt")


def add_rows(table, target, names, laid):
    """Adds our rows to SpeechBrain's table of a corpus.

    Arguments
    ---------
    table : pathlib.Path
        Our CSV.
    target : pathlib.Path
        SpeechBrain's, which may not be there yet.
    names : Names
        Where our files go.
    laid : dict
        Our files that are laid -> their upstream paths.

    Returns
    -------
    list of str
        Upstream paths of the rows' YAMLs.
    """
    with open(table, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        fields = reader.fieldnames
        needed = ("Script_file", "Hparam_file")
        rows = [row for row in reader if all(row[x] in laid for x in needed)]
    for row in rows:
        for field, value in row.items():
            if field.endswith("_file") and value:
                row[field] = names.place(value)
    known = []
    if target.is_file():
        with open(target, encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            fields = reader.fieldnames
            known = list(reader)
    ours = {row["Hparam_file"] for row in rows}
    known = [row for row in known if row["Hparam_file"] not in ours]
    if rows:
        with open(target, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fields, lineterminator="\n")
            writer.writeheader()
            writer.writerows([*known, *rows])
    return sorted(ours)


def mend(tree, patches):
    """Applies patches to SpeechBrain's own files, unless they are there.

    Arguments
    ---------
    tree : pathlib.Path
        SpeechBrain's work tree.
    patches : list of str
        Our paths of them.

    Returns
    -------
    list of str
        Upstream paths of the files that they touch.
    """
    touched = []
    for path in patches:
        apply = ["git", "apply", str(ROOT / path)]
        there = [*apply, "--reverse", "--check"]
        if subprocess.run(there, cwd=tree, capture_output=True).returncode:
            subprocess.run(apply, cwd=tree, check=True)
        text = (ROOT / path).read_text(encoding="utf-8")
        touched += re.findall(r"^\+\+\+ b/(.+)$", text, flags=re.MULTILINE)
    return touched


def lay(tree, wanted):
    """Lays the files of some pull requests.

    Arguments
    ---------
    tree : pathlib.Path
        SpeechBrain's work tree.
    wanted : list of str
        Pull requests, with those that they need.

    Returns
    -------
    list of str
        Upstream paths of the files.
    list of str
        Upstream paths of the YAMLs that have a row.
    """
    files = tracked_files()
    places, pull_requests = read_split()
    names = Names(files, places, pull_requests)
    laid = {
        ours: theirs
        for ours, (pull_request, theirs) in names.files.items()
        if theirs and pull_request in wanted
    }
    for ours, theirs in laid.items():
        source, target = ROOT / ours, tree / theirs
        target.parent.mkdir(parents=True, exist_ok=True)
        content = source.read_bytes()
        if source.suffix in TEXTS:
            text = names.rewrite(content.decode(), ours, theirs)
            content = text.encode()
        target.write_bytes(content)
        target.chmod(source.stat().st_mode)
    # Longer names break lines elsewhere and sort differently.
    code = [path for path in laid.values() if path.endswith(".py")]
    for command in (["check", "--fix", "--select=I"], ["format"]):
        subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--quiet", *code],
            cwd=tree,
            check=True,
        )
    rows = []
    for path in files:
        if path.startswith("tests/recipes/") and path.endswith(".csv"):
            rows += add_rows(ROOT / path, tree / path, names, laid)
    patches = [x for name in wanted for x in pull_requests[name]["patches"]]
    return sorted([*laid.values(), *mend(tree, patches)]), rows


def refuse(tree):
    """Says why nothing is to be written into a folder.

    Files are overwritten and formatted there: git shows what changed, and
    takes it back.

    Arguments
    ---------
    tree : pathlib.Path
        The folder, resolved.

    Returns
    -------
    str or None
        One line, or `None` if it is the top of a git work tree of SpeechBrain.
    """
    if not (tree / "tests" / "consistency").is_dir():
        return (
            f"{tree} is no SpeechBrain work tree: clone "
            "https://github.com/speechbrain/speechbrain, the wheel lacks its "
            "tests."
        )
    top = subprocess.run(
        ["git", "rev-parse", "--show-toplevel"],
        cwd=tree,
        capture_output=True,
        text=True,
    ).stdout.rstrip("\n")
    # A copy within another project's tree is not under git's eyes either.
    if not top or Path(top).resolve() != tree:
        return (
            f"{tree} is not the top of a git work tree, and what is written "
            "over there could not be taken back: clone SpeechBrain with git."
        )
    return None


@entry_point("lay_over_speechbrain.py")
def main(arguments):
    """Lays the files, and runs SpeechBrain's checks."""
    _, pull_requests = read_split()
    parser = Parser(description=__doc__.split("\n")[0])
    parser.add_argument("speechbrain", type=Path, help="SpeechBrain's tree")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=pull_requests,
        default=list(pull_requests),
        help="these pull requests and what they need; default: all",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="run SpeechBrain's linters, consistency tests and doctests",
    )
    parser.add_argument(
        "--rows",
        action="store_true",
        help="and the recipes' rows (a quarter of an hour)",
    )
    given = parser.parse_args(arguments)
    tree = given.speechbrain.resolve()
    refusal = refuse(tree)
    if refusal:
        sys.exit(refusal)
    wanted = with_needs(given.only, pull_requests)
    files, rows = lay(tree, wanted)
    sys.stdout.write(f"{len(files)} files of {', '.join(wanted)}\n")
    if given.check or given.rows:
        sys.exit(not check(tree, files, rows if given.rows else []))


if __name__ == "__main__":
    main()
