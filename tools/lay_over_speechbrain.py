#!/usr/bin/env python3
"""Lays this project into a SpeechBrain work tree, under its upstream names.

    git clone https://github.com/speechbrain/speechbrain
    python tools/lay_over_speechbrain.py speechbrain
    cd speechbrain && python -m pytest tests/consistency

Recipes go to `recipes/<corpus>/RE-LLM`, since some corpora are there already;
their rows are added to `tests/recipes/<corpus>.csv`. Running it again changes
nothing.

Authors
 * The speechbrain_relm contributors 2026
"""

import argparse
import csv
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAME = "RE-LLM"


def upstream(path):
    """Names a file of ours upstream.

    Arguments
    ---------
    path : str
        Path from the root of this project.

    Returns
    -------
    str or None
        Path from the root of SpeechBrain; `None` for what stays here.
    """
    parts = path.split("/")
    if parts[0] == "recipes":
        return "/".join([*parts[:2], NAME, *parts[2:]])
    if parts[0] == "speechbrain_relm" or path == "tests/tiny_models.py":
        return path
    if parts[:3] == ["tests", "recipes", "setup"]:
        if len(parts) > 4:  # recipes_<corpus>_<script>/hparams_<yaml>
            words = parts[3].split("_")
            parts[3] = "_".join([*words[:2], NAME, *words[2:]])
        return "/".join(parts)
    return None


def add_rows(table, target):
    """Adds our rows to SpeechBrain's table of a corpus.

    Arguments
    ---------
    table : pathlib.Path
        Our CSV.
    target : pathlib.Path
        SpeechBrain's, which may not be there yet.
    """
    with open(table, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        fields, rows = reader.fieldnames, list(reader)
    for row in rows:
        for field, value in row.items():
            if field.endswith("_file") and value:
                row[field] = upstream(value)
    known = []
    if target.is_file():
        with open(target, encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            fields = reader.fieldnames
            known = list(reader)
    ours = {row["Hparam_file"] for row in rows}
    known = [row for row in known if row["Hparam_file"] not in ours]
    with open(target, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fields, lineterminator="\n")
        writer.writeheader()
        writer.writerows([*known, *rows])


def main():
    """Copies the files that git tracks, and adds the rows."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("speechbrain", type=Path, help="SpeechBrain's tree")
    tree = parser.parse_args().speechbrain
    if not (tree / "tests" / "consistency").is_dir():
        sys.exit(
            f"{tree} is no SpeechBrain work tree: clone "
            "https://github.com/speechbrain/speechbrain, the wheel lacks its "
            "tests."
        )
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True
    )
    for path in listed.stdout.splitlines():
        target = upstream(path)
        if target is not None:
            (tree / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, tree / target)
        elif path.startswith("tests/recipes/"):
            add_rows(ROOT / path, tree / path)


if __name__ == "__main__":
    main()
