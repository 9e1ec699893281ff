"""What a run will load and need, asked before anything is done.

Every model is looked up, every file that is here is looked at, and the disks
are compared with what will be written; whatever is wrong is said at once.

Authors
 * The speechbrain_relm contributors 2026
"""

import shutil
from pathlib import Path
from typing import NamedTuple

from huggingface_hub import constants, try_to_load_from_cache
from speechbrain.utils.logger import get_logger

from speechbrain_relm.utils.disk.downloads import check_file, check_weights
from speechbrain_relm.utils.errors import RecipeError, first_line
from speechbrain_relm.utils.limits import gigabytes
from speechbrain_relm.utils.sources import hub
from speechbrain_relm.utils.sources.checks.folder import (
    check_folder,
    check_template,
    check_tokenizer,
)
from speechbrain_relm.utils.sources.weights import weights_among

logger = get_logger(__name__)

_HEAD = "| setting | model | revision | licence | GB | to download |"
_READS_TEXT = ("llm_source", "backbone", "sentence_source")

# Setting to the kinds of models that it can be.
KINDS = {
    "whisper_source": ("whisper",),
    "emotion_source": ("wav2vec2", "wavlm"),
}


class Found(NamedTuple):
    """What was found out about a model.

    `size` and `missing` are bytes, of it all and of what must be downloaded;
    `problem` is what is wrong, or `None`.
    """

    name: str
    source: str
    revision: str = "—"
    licence: str = "—"
    size: int = 0
    missing: int = 0
    problem: str = None


def look(name, source):
    """Finds out about a model, and downloads nothing.

    Arguments
    ---------
    name : str
        Its setting.
    source : str
        Hub id, folder or file.

    Returns
    -------
    Found
        What was found.

    Example
    -------
    >>> look("emotion_source", getfixture("wav2vec2_folder")).problem is None
    True
    >>> look("llm_source", "/no/folder").problem
    '/no/folder is no folder: check the path.'
    """
    try:
        if Path(source).exists():
            return _look_at_folder(name, source, Path(source))
        return _ask_hub(name, source)
    except hub.Unreachable as error:
        folder = hub.cached(source)
        if folder is None:
            return Found(name, source, problem=str(error))
        try:
            found = _look_at_folder(name, source, folder)
        except (OSError, ValueError) as of_cache:
            return Found(name, source, problem=f"{error} {of_cache}")
        return found._replace(revision=f"{folder.name[:8]} (cached)")
    except (OSError, ValueError) as error:
        return Found(name, source, problem=first_line(error))


def _look_at_folder(name, source, path):
    """Looks at a folder or file: is all there, and whole?"""
    if path.is_file():
        folder, names = path.parent, [path.name]
    else:
        settings = any(
            (path / kind).is_file()
            for kind in (*hub.SETTINGS, hub.CONVERSION, "model.ckpt")
        )
        if not settings:
            check_file(path / hub.SETTINGS[0])
        if (path / hub.SETTINGS[0]).is_file():
            check_folder(path, KINDS.get(name, ()))
        if name in _READS_TEXT:
            check_tokenizer(path)
        if name == "llm_source":
            check_template(path)
        folder, names = hub.weight_files(path)
    for file in names:
        check_weights(folder / file)
    size = sum((folder / file).stat().st_size for file in names)
    return Found(name, source, size=size)


def _ask_hub(name, source):
    """Asks the hub about a model."""
    info = hub.ask(source)
    hub.remove_cut_downloads(source)  # before free disk is measured
    sizes = {file.rfilename: file.size or 0 for file in info.siblings}
    names = hub.wanted(sizes)
    for what, some in (
        ("weights", weights_among(names)),
        ("settings", set(hub.SETTINGS) & set(names)),
    ):
        if not some:
            raise OSError(
                f"{source} has no {what} that can be loaded: see "
                f"{constants.ENDPOINT}/{source}."
            )
    missing = [
        file
        for file in names
        if not isinstance(
            try_to_load_from_cache(source, file, revision=info.sha), str
        )
    ]
    card = info.card_data or {}
    tags = [tag[8:] for tag in info.tags or () if tag.startswith("license:")]
    return Found(
        name,
        source,
        info.sha[:8],
        card.get("license") or (tags or ["see its page"])[0],
        sum(sizes[file] for file in names),
        sum(sizes[file] for file in missing),
    )


class Need(NamedTuple):
    """What will be written: what, where, and how many bytes."""

    what: str
    folder: str
    size: int


def disk_problems(needs):
    """Compares what will be written with what is free, disk by disk.

    Arguments
    ---------
    needs : list of Need
        What will be written.

    Returns
    -------
    list of str
        A line for each disk that is too small.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> disk_problems([Need("weights", folder, 1)])
    []
    >>> disk_problems([Need("weights", folder / "new" / "folder", 10**18)])
    ['disk of .../new/folder: weights 1000000000.00 GB, but only ... free...
    """
    disks = {}
    for need in needs:
        folder = Path(need.folder).absolute()
        while not folder.exists():
            folder = folder.parent
        disks.setdefault(folder.stat().st_dev, (folder, []))[1].append(need)
    problems = []
    for folder, some in disks.values():
        free = shutil.disk_usage(folder).free
        if sum(need.size for need in some) > free:
            wanted = ", ".join(
                f"{need.what} {gigabytes(need.size)}" for need in some
            )
            problems.append(
                f"disk of {some[0].folder}: {wanted}, but only "
                f"{gigabytes(free)} are free. Make room, or name another "
                "disk: HF_HOME, SPEECHBRAIN_RELM_CACHE, --output_folder."
            )
    return problems


def downloads(found):
    """Says what downloads will write.

    Arguments
    ---------
    found : list of Found
        What was found.

    Returns
    -------
    list of Need
        Nothing, or the downloads.

    Example
    -------
    >>> downloads([Found("a", "x/y", missing=3), Found("b", "z")])[0].size
    3
    """
    size = sum(one.missing for one in {f.source: f for f in found}.values())
    return [Need("downloads", constants.HF_HUB_CACHE, size)] if size else []


def table(found):
    """Lists what was found.

    Arguments
    ---------
    found : list of Found
        What was found.

    Returns
    -------
    str
        A table in Markdown.

    Example
    -------
    >>> print(table([Found("llm_source", "x/y", "1", "mit", 2 * 10**9, 0)]))
    | setting | model | revision | licence | GB | to download |
    | --- | --- | --- | --- | ---: | ---: |
    | llm_source | x/y | 1 | mit | 2.00 | 0.00 |
    """
    lines = [_HEAD, "| --- | --- | --- | --- | ---: | ---: |"]
    for one in found:
        sizes = "? | ?"
        if one.problem is None:
            sizes = f"{one.size / 1e9:.2f} | {one.missing / 1e9:.2f}"
        lines.append(
            f"| {one.name} | {one.source} | {one.revision} | {one.licence} | "
            f"{sizes} |"
        )
    return "\n".join(lines)


def look_at_all(sources):
    """Looks at all models, and says so where only the cache answers.

    Arguments
    ---------
    sources : dict
        Setting to hub id, folder or file.

    Returns
    -------
    list of Found
        What was found.

    Example
    -------
    >>> look_at_all({})
    []
    """
    found = [look(name, source) for name, source in sources.items()]
    if found:
        logger.info("What is loaded:\n%s", table(found))
    if any(one.revision.endswith("(cached)") for one in found):
        logger.warning(
            "%s does not answer: going on with what is in the cache.",
            constants.ENDPOINT,
        )
    return found


def refuse(found, more=()):
    """Says all that is wrong at once, a line a problem.

    Arguments
    ---------
    found : list of Found
        What was found.
    more : iterable of str
        Other problems.

    Raises
    ------
    RecipeError
        If there is a problem.

    Example
    -------
    >>> refuse([Found("llm_source", "x/y", problem="x/y is gated.")])
    Traceback (most recent call last):
    ...
    speechbrain_relm.utils.errors.RecipeError: llm_source: x/y is gated.
    """
    problems = [f"{one.name}: {one.problem}" for one in found if one.problem]
    problems += more
    if problems:
        raise RecipeError("\n".join(problems))
