"""Files of a downloaded model: there, whole, and with their content.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
import zipfile
from pathlib import Path

from speechbrain_relm.utils.disk.pointers import is_pointer


def check_file(path):
    """Makes sure that a file is there, with its content.

    Arguments
    ---------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    ValueError
        If it is empty, or the pointer that Git leaves without Git LFS.

    Example
    -------
    >>> path = getfixture("tmp_path") / "config.json"
    >>> _ = path.write_text("version https://git-lfs.github.com/spec/v1")
    >>> check_file(path)
    Traceback (most recent call last):
    ...
    ValueError: ...config.json is a Git LFS pointer... `git lfs pull`...
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing: download the released folder whole."
        )
    if is_pointer(path):
        raise ValueError(
            f"{path} is a Git LFS pointer, not the file itself: run `git lfs "
            "pull` in its folder, or download the file."
        )
    if not path.stat().st_size:
        raise ValueError(f"{path} is empty: download it again.")
    return path


def check_weights(path):
    """Makes sure that a weight file is whole, without reading its tensors.

    Arguments
    ---------
    path : str or pathlib.Path
        The file.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    ValueError
        If it is a Git LFS pointer, or shorter than it says.

    Example
    -------
    >>> import torch
    >>> from safetensors.torch import save_file
    >>> path = getfixture("tmp_path") / "model.safetensors"
    >>> save_file({"a": torch.ones(9)}, path)
    >>> check_weights(path)
    >>> _ = path.write_bytes(path.read_bytes()[:-1])
    >>> check_weights(path)  # doctest: +ELLIPSIS, +NORMALIZE_WHITESPACE
    Traceback (most recent call last):
    ...
    ValueError: ...model.safetensors is truncated or no weight file (... bytes
    in place of ...): compare its size...
    """
    path = check_file(path)
    size = path.stat().st_size
    with open(path, "rb") as file:
        start = file.read(8)
        if path.suffix == ".bin":
            # torch's format is a zip file, whose list stands at its end; it
            # was a pickle before.
            if not start.startswith((b"PK", b"\x80")):
                raise ValueError(damaged(path, "its header cannot be read"))
            if start.startswith(b"PK") and not zipfile.is_zipfile(file):
                raise ValueError(damaged(path, "its end is missing"))
            return
        length = int.from_bytes(start, "little")
        try:
            header = json.loads(file.read(min(length, size)))
            ends = [
                t["data_offsets"][1] for n, t in header.items() if n[:2] != "__"
            ]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError(damaged(path, "its header cannot be read"))
    wanted = 8 + length + max(ends, default=0)
    if size != wanted:
        raise ValueError(damaged(path, f"{size} bytes in place of {wanted}"))


def read_json(path):
    """Reads a JSON file of a released folder.

    Arguments
    ---------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    dict
        Its content.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    ValueError
        If it is not JSON.

    Example
    -------
    >>> path = getfixture("tmp_path") / "config.json"
    >>> _ = path.write_text('{"model_type": "qwen"}')
    >>> read_json(path)
    {'model_type': 'qwen'}
    """
    raw = check_file(path).read_bytes()
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON ({error}): download it again.")
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds no settings: download it again.")
    return found


def damaged(path, error):
    """Says what to do with a weight file that cannot be read.

    Arguments
    ---------
    path : pathlib.Path
        The file.
    error : Exception or str
        What is wrong with it.

    Returns
    -------
    str
        A sentence.
    """
    return (
        f"{path} is truncated or no weight file ({error}): compare its size "
        "with the released one and download it again."
    )
