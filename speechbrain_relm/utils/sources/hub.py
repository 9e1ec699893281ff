"""Models by hub id: which files are wanted, and the folder that has them.

All of the project loads from folders. A hub id becomes one here, once, so
that no library asks for files that nobody reads, twice, or in two revisions.

Authors
 * The speechbrain_relm contributors 2026
"""

import contextlib
import functools
import glob
import time
from fnmatch import fnmatch
from pathlib import Path

from huggingface_hub import (
    constants,
    hf_hub_download,
    snapshot_download,
    try_to_load_from_cache,
)
from huggingface_hub.errors import HTTPError
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.utils import WeakFileLock

from speechbrain_relm.utils.errors import first_line
from speechbrain_relm.utils.sources.checks.answers import (
    Unreachable,
    ask,
    is_hub_id,
)
from speechbrain_relm.utils.sources.weights import (
    missing_weights,
    weights_among,
)

# Settings, tokenizers and what a model card needs; no code.
_BESIDE = ("*.json", "*.txt", "*.model", "*.tiktoken", "*.jinja", "*.yaml")
_BESIDE += ("README.md", "LICENSE*")
# What every model of ours and of transformers' has, one of them.
SETTINGS = ("config.json", "hyperparams.yaml")
# What our converter leaves of a speech LLM: `init_from` reads these folders.
CONVERSION = "conversion.json"
START = ("trained", "whisper")
UNTOUCHED = 60  # seconds after which a part of a file is nobody's


def wanted(paths):
    """Picks what a model is loaded from.

    Arguments
    ---------
    paths : iterable of str
        Paths of a repository's files.

    Returns
    -------
    list of str
        Weights in one format, settings and tokenizer, which may have a
        folder of its own; nothing of training or of other frameworks.

    Example
    -------
    >>> wanted(
    ...     [
    ...         "config.json",
    ...         "model.safetensors",
    ...         "model.fp32.safetensors",
    ...         "tf_model.h5",
    ...         "onnx/model.safetensors",
    ...         "modeling_qwen.py",
    ...         "pytorch_model.bin.index.json",
    ...         "trainer_state.json",
    ...     ]
    ... )
    ['config.json', 'model.safetensors']
    >>> wanted(path for path in ["tokenizer/vocab.txt", "a/b.json", "c.bin"])
    ['c.bin', 'tokenizer/vocab.txt']
    """
    paths = sorted(paths)
    weights = weights_among(path for path in paths if "/" not in path)
    kinds = {name.rpartition(".")[2] for name in weights if "-of-" in name}
    indexes = tuple(f".{kind}.index.json" for kind in kinds)
    kept = []
    for path in paths:
        folder, _, name = path.rpartition("/")
        if folder not in ("", "tokenizer") or name == "trainer_state.json":
            continue
        if name.endswith(".index.json"):
            beside = name.endswith(indexes)
        else:
            beside = any(fnmatch(name, pattern) for pattern in _BESIDE)
        if beside or path in weights:
            kept.append(path)
    return kept


def cached(source, revision=None):
    """Finds what the cache has of a model, without any network.

    Arguments
    ---------
    source : str
        Hub id.
    revision : str or None
        A commit, branch or tag.

    Returns
    -------
    pathlib.Path or None
        The folder; some of its files may be missing.

    Example
    -------
    >>> cached("nobody/has-this") is None
    True
    """
    if not is_hub_id(source):
        return None
    for name in SETTINGS:
        file = try_to_load_from_cache(str(source), name, revision=revision)
        if isinstance(file, str):
            return Path(file).parent
    return None


def remove_cut_downloads(source):
    """Removes what killed downloads left of a model in the cache.

    Each download of huggingface_hub's has a file of its own, and what another
    left is neither read nor removed by it: gigabytes for each kill.

    Arguments
    ---------
    source : str
        Hub id.

    Example
    -------
    >>> remove_cut_downloads("nobody/has-this")
    """
    name = repo_folder_name(repo_id=str(source), repo_type="model")
    cache = Path(constants.HF_HUB_CACHE)
    for part in (cache / name / "blobs").glob("*.incomplete"):
        lock = cache / ".locks" / name / f"{part.name.partition('.')[0]}.lock"
        # Whoever downloads has the lock; where a file system gives it to all,
        # it was written to just now. What cannot be removed may stay.
        with contextlib.suppress(OSError), WeakFileLock(lock, timeout=0.1):
            if time.time() - part.stat().st_mtime > UNTOUCHED:
                part.unlink()


@functools.lru_cache(maxsize=None)
def _downloaded(source, revision):
    """Downloads what is wanted and missing."""
    try:
        info = ask(source, revision)
    except Unreachable:
        folder = cached(source, revision)
        if folder is None or missing_weights(folder):
            raise
        return folder
    names = wanted(file.rfilename for file in info.siblings)
    try:
        return Path(
            snapshot_download(
                source,
                revision=revision,
                allow_patterns=[glob.escape(name) for name in names],
            )
        )
    except (OSError, HTTPError) as error:
        raise OSError(
            f"{source}: the download stopped ({first_line(error)}). Start "
            "again: files that are whole are kept."
        )


def model_folder(source, revision=None):
    """Names the folder of a model, downloaded if it is not here.

    Arguments
    ---------
    source : str
        Hub id or folder.
    revision : str or None
        Of a hub id: a commit, branch or tag.

    Returns
    -------
    pathlib.Path
        The folder. Of a download it has what `wanted` picks.

    Raises
    ------
    OSError
        If there is no such model, or the hub does not give it.

    Example
    -------
    >>> folder = getfixture("wav2vec2_folder")
    >>> str(model_folder(folder)) == folder
    True
    """
    if Path(source).is_dir():
        return Path(source)
    return _downloaded(str(source), revision)


def model_name(folder):
    """Names a model by its folder.

    Arguments
    ---------
    folder : pathlib.Path
        From `model_folder`.

    Returns
    -------
    str
        The folder's name; in the hub's cache, the model's.

    Example
    -------
    >>> model_name(Path("models--Qwen--Qwen-7B-Chat/snapshots/8d24619b"))
    'Qwen-7B-Chat'
    """
    if folder.parent.name == "snapshots":
        return folder.parents[1].name.rpartition("--")[2]
    return folder.name


@functools.lru_cache(maxsize=None)
def settings_folder(source):
    """Names a folder with a model's `config.json`; weights may be missing.

    Arguments
    ---------
    source : str
        Hub id or folder.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    OSError
        If there is no such model, or the hub does not give it.

    Example
    -------
    >>> settings_folder("/no/folder")
    Traceback (most recent call last):
    ...
    OSError: /no/folder is no folder: check the path.
    """
    folder = Path(source) if Path(source).is_dir() else cached(source)
    if folder is None:
        ask(source)
        folder = Path(hf_hub_download(source, SETTINGS[0])).parent
    return folder


def weight_files(source, revision=None):
    """Finds the files that hold a model's weights.

    Arguments
    ---------
    source : str
        Hub id, folder or file.
    revision : str or None
        Of a hub id: the commit.

    Returns
    -------
    folder : pathlib.Path
        Where they are.
    names : list of str
        Their paths in it.

    Raises
    ------
    OSError
        If there is no such source, or it has no weights.

    Example
    -------
    >>> weight_files(getfixture("wav2vec2_folder"))[1]
    ['model.safetensors']
    """
    path = Path(source)
    if path.is_file():
        return path.parent, [path.name]
    folder = model_folder(source, revision)
    rooms = START if (folder / CONVERSION).is_file() else [""]
    found = [
        f"{room}/{name}".lstrip("/")
        for room in rooms
        for name in weights_among(f.name for f in (folder / room).iterdir())
    ]
    if not found:
        raise OSError(f"{folder} holds no weights.")
    return folder, found
