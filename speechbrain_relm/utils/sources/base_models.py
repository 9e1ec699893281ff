"""Base models that a release builds on: which weights they must have.

Authors
 * The speechbrain_relm contributors 2026
"""

from pathlib import Path

from speechbrain_relm.utils.files import FINGERPRINT
from speechbrain_relm.utils.provenance.digests import checksum, file_digests
from speechbrain_relm.utils.provenance.stamps import (
    DIGITS,
    STAMP,
    content,
    fingerprint,
)
from speechbrain_relm.utils.sources.hub import cached, weight_files

# What a model is loaded from, in its folder and those in it.
LOADED = (".safetensors", ".bin", ".ckpt", ".json", ".txt", ".model", ".yaml")
LOADED += (".tiktoken", ".jinja")
# What it was made from says nothing that its files do not.
NOT_LOADED = (FINGERPRINT, STAMP)


def source_content(source):
    """Names a model by what it is loaded from: weights, settings, tokenizer.

    Nothing is downloaded: of a model that is not here nobody made anything.

    Arguments
    ---------
    source : str or None
        Hub id, folder or file.

    Returns
    -------
    dict or None
        See `provenance.stamps.content`; `None` of `None`.

    Example
    -------
    >>> source_content(getfixture("qwen_folder"))["of"].endswith("qwen_folder0")
    True
    """
    if source is None:
        return None
    path = Path(source) if Path(source).exists() else cached(str(source))
    if path is None:
        return content(f"not here: {source}", source)
    if path.is_file():
        return content(checksum(path)[:DIGITS], source)
    names = [
        str(file.relative_to(path))
        for pattern in ("*", "*/*")
        for file in path.glob(pattern)
        if file.suffix in LOADED and file.name not in NOT_LOADED
    ]
    return content(fingerprint(file_digests(path, sorted(names))), source)


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
