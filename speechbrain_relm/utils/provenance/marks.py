"""The mark of a checkpoint that is whole, with the checksums of its files.

Authors
 * The speechbrain_relm contributors 2026
"""

import json

from speechbrain_relm.utils.files import sha256

COMPLETE = "COMPLETE"


def checksums(path):
    """Reads the mark of a checkpoint.

    Arguments
    ---------
    path : pathlib.Path
        Folder of the checkpoint.

    Returns
    -------
    dict or None
        File to checksum, or to `None` in a mark of version 0.1, which has
        none; `None` if the mark is damaged.

    Example
    -------
    >>> path = getfixture("tmp_path")
    >>> _ = (path / COMPLETE).write_text('{"a.ckpt": "0')
    >>> checksums(path) is None
    True
    """
    try:
        sums = json.loads((path / COMPLETE).read_text(encoding="utf-8"))
    except ValueError:
        return None
    if isinstance(sums, list):
        return dict.fromkeys(sums)
    return sums if isinstance(sums, dict) else None


def is_complete(path):
    """Tells whether a checkpoint was not half deleted.

    Arguments
    ---------
    path : pathlib.Path
        Folder of the checkpoint.

    Returns
    -------
    bool
        True if it holds every file that its mark lists.

    Example
    -------
    >>> is_complete(getfixture("tmp_path"))
    False
    """
    return (path / COMPLETE).exists() and all(
        (path / name).exists() for name in checksums(path) or []
    )


def is_half_deleted(path):
    """Tells whether a kill left a checkpoint's deletion to do.

    Arguments
    ---------
    path : pathlib.Path
        Folder of the checkpoint.

    Returns
    -------
    bool
        False where there are files that the mark does not list: then it is
        the mark that is damaged, in a name.

    Example
    -------
    >>> path = getfixture("tmp_path")
    >>> _ = (path / COMPLETE).write_text('{"a.ckpt": "0123"}')
    >>> is_half_deleted(path)
    True
    >>> (path / "b.ckpt").touch()
    >>> is_half_deleted(path)
    False
    """
    if not (path / COMPLETE).exists():
        return True
    listed = {COMPLETE, *(checksums(path) or [])}
    there = {file.name for file in path.iterdir()}
    return not is_complete(path) and there <= listed


def damage(path):
    """Finds what is not as it was written.

    Arguments
    ---------
    path : pathlib.Path
        Folder of a checkpoint that is not half deleted.

    Returns
    -------
    pathlib.Path or None
        The first such file; `None` if all are as they were.

    Example
    -------
    >>> path = getfixture("tmp_path")
    >>> _ = (path / COMPLETE).write_text('{"a.ckpt": "0123"}')
    >>> (path / "a.ckpt").touch()
    >>> damage(path).name
    'a.ckpt'
    """
    sums = checksums(path)
    if sums is None or not is_complete(path):
        return path / COMPLETE
    for name, expected in sums.items():
        if expected and sha256(path / name) != expected:
            return path / name
    return None
