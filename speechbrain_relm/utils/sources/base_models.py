"""Base models that a release builds on: which weights they must have.

Authors
 * The speechbrain_relm contributors 2026
"""

import hashlib
import os
from pathlib import Path

from speechbrain.utils.logger import get_logger

from speechbrain_relm.utils.files import cache_folder, sha256, write_atomically
from speechbrain_relm.utils.sources.hub import weight_files

logger = get_logger(__name__)

LARGE = 2**24  # bytes, from which a checksum is kept


def checksum(path):
    """Computes the checksum of a file, once as long as it stays the same.

    Arguments
    ---------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    str
        SHA-256, hexadecimal.

    Example
    -------
    >>> path = getfixture("tmp_path") / "empty"
    >>> path.touch()
    >>> checksum(path)[:8], checksum(path)[:8]
    ('e3b0c442', 'e3b0c442')
    """
    path = Path(path).resolve()
    state = path.stat()
    size = state.st_size
    if size < LARGE:
        return sha256(path)
    mark = f"{path} {size} {state.st_mtime_ns} {state.st_ino}"
    name = hashlib.sha256(os.fsencode(mark)).hexdigest()
    kept = cache_folder() / "checksums" / name
    if not kept.is_file():
        logger.info("Checksum of %s, %.2f GB, once.", path, size / 1e9)
        write_atomically(kept, sha256(path))
    return kept.read_text(encoding="utf-8")


def describe(source):
    """Describes a base model so that it can be told from any other.

    Arguments
    ---------
    source : str
        Hub id, folder or file, in use already.

    Returns
    -------
    dict
        `source` (an absolute path, or the hub id); `revision`, the hub's
        commit or `None`; `sha256`, weights file to checksum.

    Example
    -------
    >>> sorted(describe(getfixture("qwen_folder")))
    ['revision', 'sha256', 'source']
    """
    folder, names = weight_files(source)
    source, revision = origin(source, folder)
    sums = {name: checksum(folder / name) for name in names}
    return {"source": source, "revision": revision, "sha256": sums}


def origin(source, folder):
    """Names a model so that others find it.

    Arguments
    ---------
    source : str
        Hub id, folder or file.
    folder : pathlib.Path
        Where its weights are.

    Returns
    -------
    source : str
        An absolute path, or the hub id.
    revision : str or None
        The hub's commit.

    Example
    -------
    >>> origin("Qwen/Qwen-7B-Chat", Path("cache/snapshots/8d24619b"))
    ('Qwen/Qwen-7B-Chat', '8d24619b')
    """
    if Path(source).exists():
        return str(Path(source).resolve()), None
    return str(source), folder.name  # the cache names snapshots by commit


def base_model(name, source, trained_with, sha256, revision=None):
    """Names a base model, after a look at its weights.

    Arguments
    ---------
    name : str
        Its setting in the YAML.
    source : str
        Hub id, folder or file.
    trained_with : str
        The source that the release was trained with.
    sha256 : dict
        Weights file to checksum, then.
    revision : str or None
        The hub's commit, then.

    Returns
    -------
    str
        The folder or file; of a hub id the folder of that very commit.

    Raises
    ------
    ValueError
        If its weights are others.
    OSError
        If there is no such source.

    Example
    -------
    >>> folder = getfixture("qwen_folder")
    >>> base_model(  # doctest: +NORMALIZE_WHITESPACE
    ...     "llm_source", folder, "Qwen", {"model.safetensors": "12"}
    ... )
    Traceback (most recent call last):
    ...
    ValueError: llm_source: .../model.safetensors has the SHA-256 ..., but the
    release was trained with Qwen, whose model.safetensors has 12. Give a
    folder with those weights: overrides={"llm_source": FOLDER}.
    """
    origin = trained_with + (f" (revision {revision})" if revision else "")
    fix = f'Give a folder with those weights: overrides={{"{name}": FOLDER}}.'
    try:
        folder, found = weight_files(source, revision)
    except OSError as error:
        raise OSError(
            f"{name}: {error} The release was trained with {origin}. {fix}"
        )
    for file, wanted in sha256.items():
        # One file may have any name, a file of several may not.
        path = folder / (found[0] if len(sha256) == 1 == len(found) else file)
        has = checksum(path) if path.is_file() else "is missing"
        if has != wanted:
            has = has if has == "is missing" else f"has the SHA-256 {has}"
            raise ValueError(
                f"{name}: {path} {has}, but the release was trained with "
                f"{origin}, whose {file} has {wanted}. {fix}"
            )
    return str(source) if Path(source).exists() else str(folder)
