"""Files by their content, read once as long as they stay what they are.

Authors
 * The speechbrain_relm contributors 2026
"""

import hashlib
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from speechbrain.utils.logger import get_logger

from speechbrain_relm.utils.files import cache_folder, sha256, write_atomically

logger = get_logger(__name__)

# Seconds of reading after which what is known is kept: a killed process loses
# less than this.
KEEP_EVERY = 10
WORKERS = 8  # hashing leaves the interpreter to others


def file_digests(folder, names):
    """Computes the checksums of a folder's files, those that are not known.

    A file of the same size, times and inode is not read again: thirty
    thousand known ones take a second.

    Arguments
    ---------
    folder : str or pathlib.Path
        The folder.
    names : iterable of str
        Files, as paths in it.

    Returns
    -------
    dict
        Name to SHA-256, hexadecimal.

    Raises
    ------
    OSError
        If a file cannot be read.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "empty").write_bytes(b"")
    >>> file_digests(folder, ["empty"])["empty"][:8]
    'e3b0c442'
    """
    folder = os.path.realpath(folder)
    known = _read(folder)
    states = {name: _state(os.path.join(folder, name)) for name in names}
    new = [n for n, state in states.items() if known.get(n, [])[:-1] != state]
    if new:
        logger.info(
            "Reading %d files of %s once, for their checksums.",
            len(new),
            folder,
        )
        _hash(folder, new, states, known)
    return {name: known[name][-1] for name in states}


def _state(path):
    """What changes if the file does: a copy with old times has another inode."""
    found = os.stat(path)
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def _hash(folder, new, states, known):
    """Reads files on several threads, and keeps what is found now and then."""
    kept, found = time.time(), {}
    with ThreadPoolExecutor(WORKERS) as pool:
        paths = [Path(folder, name) for name in new]
        for name, digest in zip(new, pool.map(sha256, paths)):
            found[name] = known[name] = [*states[name], digest]
            if time.time() - kept > KEEP_EVERY:
                kept = time.time()
                _keep(folder, found)
    _keep(folder, found)


def _place(folder):
    """Names the file that knows a folder's checksums."""
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:32]
    return cache_folder() / "checksums" / f"{name}.sums"


def _read(folder):
    """Reads what is known; what is damaged is computed again."""
    place = _place(folder)
    if not place.is_file():
        return {}
    # Its first line is the checksum of the rest.
    digest, _, text = place.read_bytes().partition(b"\n")
    if hashlib.sha256(text).hexdigest().encode() != digest:
        logger.warning("%s is damaged: its files are read again.", place)
        return {}
    known = json.loads(text)
    return known["files"] if known["folder"] == folder else {}


def _keep(folder, found):
    """Adds to what is known, others' additions included."""
    files = {**_read(folder), **found}
    text = json.dumps({"folder": folder, "files": files})
    digest = hashlib.sha256(text.encode()).hexdigest()
    write_atomically(_place(folder), f"{digest}\n{text}")


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
    return checksums([path])[path]


def checksums(paths):
    """Computes the checksums of files wherever they are, all at once.

    Arguments
    ---------
    paths : iterable of str or pathlib.Path
        The files.

    Returns
    -------
    dict
        Path to SHA-256, hexadecimal; see `file_digests`.

    Example
    -------
    >>> path = getfixture("tmp_path") / "empty"
    >>> path.touch()
    >>> checksums([path])[path][:8], checksums([])
    ('e3b0c442', {})
    """
    real = {path: os.path.realpath(path) for path in paths}
    if not real:
        return {}
    root = os.path.commonpath(map(os.path.dirname, real.values()))
    names = {path: os.path.relpath(real[path], root) for path in real}
    digests = file_digests(root, names.values())
    return {path: digests[name] for path, name in names.items()}
