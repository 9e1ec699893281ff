"""Tells a run's output folder and its release apart, where one is meant.

Authors
 * The speechbrain_relm contributors 2026
"""

from pathlib import Path

YAML = "hyperparams.yaml"
# What a recipe writes into its output folder, besides its results.
RUN = "recipe.yaml"


def find_release(source):
    """Finds a release by its folder or its run's.

    Arguments
    ---------
    source : str or pathlib.Path
        Folder of a release, output folder of the run that left it, or hub
        id.

    Returns
    -------
    str
        Folder of the release; a hub id as it is.

    Raises
    ------
    FileNotFoundError
        If a folder is meant and there is no release.

    Example
    -------
    >>> folder = getfixture("release_folder")
    >>> find_release(Path(folder).parent) == folder
    True
    >>> find_release("results")
    Traceback (most recent call last):
    ...
    FileNotFoundError: results is no release: name the folder that the...
    """
    source, folder = str(source), Path(source)
    if not folder.exists() and source.count("/") == 1:
        return source
    # A run has a YAML of this name, too: that of its training.
    for found in (folder / "release", folder):
        if (found / YAML).is_file() and not (found / RUN).is_file():
            return str(found)
    if (folder / RUN).is_file():
        raise FileNotFoundError(
            f"{source} is a run that left no release: run its recipe once "
            "more with 'release' among its --steps. A system that is not "
            "trained leaves none."
        )
    near = sorted(folder.glob(f"*/release/{YAML}"))
    near = f" Did you mean {near[0].parents[1]}?" if near else ""
    raise FileNotFoundError(
        f"{source} is no release: name the folder that the recipe's step "
        "'release' leaves, or the run's output folder, e.g. "
        f"results/ESD/re_llm/1986.{near}"
    )


def check_run(folder, file, fix=""):
    """Refuses what is no run's output folder, where one is meant.

    Arguments
    ---------
    folder : str or pathlib.Path
        Output folder of a run.
    file : str
        What is needed of it.
    fix : str
        What else makes that file.

    Raises
    ------
    FileNotFoundError
        If it is a release, or lacks the file.

    Example
    -------
    >>> check_run(getfixture("release_folder"), "responses.jsonl")
    Traceback (most recent call last):
    ...
    FileNotFoundError: ...release is a release: name the output folder...
    >>> check_run("results", "responses.jsonl")
    Traceback (most recent call last):
    ...
    FileNotFoundError: results/responses.jsonl is missing: name the output...
    """
    folder = Path(folder)
    if (folder / YAML).is_file() and not (folder / RUN).is_file():
        beside = folder.parent if (folder.parent / RUN).is_file() else None
        raise FileNotFoundError(
            f"{folder} is a release: name the output folder of its run"
            f"{f', {beside}' if beside else ', which holds its responses'}."
        )
    if not (folder / file).is_file():
        near = sorted(folder.glob(f"*/{file}"))
        near = f" Did you mean {near[0].parent}?" if near else ""
        raise FileNotFoundError(
            f"{folder / file} is missing: name the output folder of a "
            f"finished run{fix}.{near}"
        )
