"""The last lines of a run: where its results are, and what to type next.

Authors
 * The speechbrain_relm contributors 2026
"""

import os
import shlex
import shutil
import sys
from pathlib import Path

from speechbrain.utils.distributed import if_main_process

from speechbrain_relm.utils.errors import PACKAGE

# Trains a system.
SYSTEM = "recipes/ESD/train.py"
# What runs leave in their output folders, under the names that are shown.
LEFT = {
    "report": ["report.html", "table.html"],
    "table": ["table.md", "report.md", "table.csv", "test_metrics.json"],
    "plots": ["plots", "*.png"],
    "aligned": ["aligned"],
    "encoder": ["encoder"],
    "scorer": ["scorer"],
    "release": ["release"],
}


def show_end(folder, report, then):
    """Prints the report of a run, where all is, and the next command.

    Arguments
    ---------
    folder : str or pathlib.Path
        Output folder of the run.
    report : pathlib.Path or str or None
        The report or its file; `None` if the run made none.
    then : str
        The next command, e.g. from `listen_next`.
    """
    if not if_main_process():
        return
    if isinstance(report, Path):
        report = report.read_text(encoding="utf-8")
    lines = [] if report is None else [f"{report.rstrip()}\n"]
    lines += [f"{name + ':':<9}{where}" for name, where in left_in(folder)]
    sys.stdout.write("\n".join([*lines, f"{'next:':<9}{then}\n"]))


def left_in(folder):
    """Lists what a run left.

    Arguments
    ---------
    folder : str or pathlib.Path
        Output folder of the run.

    Returns
    -------
    list of tuple
        Name and paths of each kind of result that is there.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> (folder / "release").mkdir()
    >>> left_in(folder) == [("release", str(folder / "release"))]
    True
    """
    found = []
    for name, patterns in LEFT.items():
        paths = [p for g in patterns for p in sorted(Path(folder).glob(g))]
        if paths:
            found.append((name, ", ".join(map(str, paths))))
    return found


def listen_next(folder, entries=None):
    """Says how to go on after a system's run.

    Arguments
    ---------
    folder : str or pathlib.Path
        Output folder of the run.
    entries : dict or None
        Manifest entries of recordings that it can answer.

    Returns
    -------
    str
        A command: with a release to listen with it, else to ask the results.

    Example
    -------
    >>> listen_next("my run").endswith("questions 'my run'")
    True
    """
    if not (Path(folder) / "release").is_dir():
        return door("questions", folder)
    if not entries:
        return door("chat", folder)
    wav = next(iter(entries.values()))["wav"]
    return door("respond", folder, wav, "--emotion")


def train_next(hparams_file, recipe, setting, source):
    """Says how to train a system with what a run made.

    Arguments
    ---------
    hparams_file : str
        The run's YAML, in its output folder.
    recipe : pathlib.Path
        Folder of its recipe.
    setting : str
        Setting of the system's YAML that names what was made.
    source : pathlib.Path or str
        What was made.

    Returns
    -------
    str
        A command, in which the corpus's folder must be filled in.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> yaml, system = folder / "a.yaml", folder / SYSTEM
    >>> _ = yaml.write_text("llm_source: !apply:speechbrain_relm.mini.models")
    >>> system.parent.mkdir(parents=True)
    >>> system.touch()
    >>> recipe = folder / "recipes" / "LibriSpeech"
    >>> train_next(yaml, recipe, "init_from", "a/b").split()[2:5]
    ['hparams/re_llm_mini.yaml', '--init_from', 'a/b']
    """
    mini = "speechbrain_relm.mini." in Path(hparams_file).read_text("utf-8")
    words = [
        f"hparams/re_llm{'_mini' * mini}.yaml",
        f"--{setting}",
        source,
        "--data_folder",
        "/path/to/ESD",
    ]
    for folder in recipe.parents:
        if (folder / SYSTEM).is_file():
            script = os.path.relpath(folder / SYSTEM)
            return shlex.join(map(str, ["python", script, *words]))
    # Only this recipe was copied.
    return door("recipe", "ESD", "train.py", *words)


def door(*words):
    """Writes a command of `speechbrain-relm` as it can be typed here.

    Arguments
    ---------
    *words
        The command and its arguments.

    Returns
    -------
    str
        A command line.

    Example
    -------
    >>> door("chat", "results/a run").endswith(" chat 'results/a run'")
    True
    """
    program = ["speechbrain-relm"]
    if shutil.which(program[0]) is None:  # the environment is not active
        program = [sys.executable, "-m", PACKAGE]
    return shlex.join([*program, *map(str, words)])
