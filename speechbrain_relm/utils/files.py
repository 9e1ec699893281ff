"""Files and folders made whole or not at all, by one process at a time.

Authors
 * The speechbrain_relm contributors 2026
"""

import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

from speechbrain.utils.logger import get_logger

from speechbrain_relm.utils.disk.leftovers import is_left_over, of_this_process
from speechbrain_relm.utils.disk.locks import locked
from speechbrain_relm.utils.disk.refusals import naming

logger = get_logger(__name__)

# Remembers what a made folder was made from.
FINGERPRINT = "MADE.json"


def cache_folder():
    """Names the folder for models and corpora that are made once.

    Returns
    -------
    pathlib.Path
        ``$SPEECHBRAIN_RELM_CACHE``, or ``~/.cache/speechbrain_relm``.

    Example
    -------
    >>> cache_folder().is_absolute()
    True
    """
    default = Path.home() / ".cache" / "speechbrain_relm"
    return Path(os.environ.get("SPEECHBRAIN_RELM_CACHE", default)).resolve()


@contextmanager
def training_folder(settings):
    """Gives a training a folder to go on in, if it is killed.

    Arguments
    ---------
    settings : str
        All that decides what comes of it.

    Yields
    ------
    pathlib.Path
        A folder in the cache, the same for the same settings, which is
        removed when the training is done.

    Example
    -------
    >>> with training_folder("seed: 1") as folder:  # doctest: +SKIP
    ...     folder
    PosixPath('/home/me/.cache/speechbrain_relm/training/0f1e2d3c4b5a6978')
    """
    digest = hashlib.sha256(settings.encode()).hexdigest()[:16]
    folder = cache_folder() / "training" / digest
    with locked(folder):
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        shutil.rmtree(folder)
        sync(folder.parent)  # or a power cut brings it back, and it stays


def sync(path):
    """Waits until a file, or a folder's list of names, is on the disk.

    Arguments
    ---------
    path : str or pathlib.Path
        A file or a folder.

    Example
    -------
    >>> sync(getfixture("tmp_path"))
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_all(folder):
    """Waits until a folder is on the disk, with all that lies in it.

    Arguments
    ---------
    folder : str or pathlib.Path
        The folder.

    Example
    -------
    >>> sync_all(getfixture("tmp_path"))
    """
    for parent, _, names in os.walk(folder):
        for name in names:
            sync(os.path.join(parent, name))
        sync(parent)


def write_atomically(path, text):
    """Writes a file whole or not at all.

    Arguments
    ---------
    path : str or pathlib.Path
        The file.
    text : str
        Its new content, on the disk when this returns.

    Example
    -------
    >>> path = getfixture("tmp_path") / "a.txt"
    >>> write_atomically(path, "hello")
    >>> path.read_text()
    'hello'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{of_this_process()}")
    try:
        with naming(path), open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(path.parent)


def aside(path):
    """Names where a damaged file or folder goes.

    Arguments
    ---------
    path : pathlib.Path
        The file or folder.

    Returns
    -------
    pathlib.Path
        A name in the same folder that no older one has.

    Example
    -------
    >>> aside(getfixture("tmp_path") / "a.json").name
    'damaged.a.json'
    """
    free, number = path.with_name(f"damaged.{path.name}"), 1
    while free.exists():
        number += 1
        free = path.with_name(f"damaged.{number}.{path.name}")
    return free


def set_aside(path):
    """Puts a damaged file or folder where nobody reads it.

    Arguments
    ---------
    path : pathlib.Path
        The file or folder.

    Returns
    -------
    pathlib.Path
        Its new name, from `aside`.

    Example
    -------
    >>> path = getfixture("tmp_path") / "a.json"
    >>> path.touch()
    >>> set_aside(path).name
    'damaged.a.json'
    """
    free = aside(path)
    os.replace(path, free)
    return free


@contextmanager
def whole_folder(folder, resume=False):
    """Makes a folder whole or not at all, inside a `with` block.

    Arguments
    ---------
    folder : str or pathlib.Path
        The folder to make, or to make anew.
    resume : bool
        Whether what a killed process left is kept, for one who knows how to
        go on with it.

    Yields
    ------
    pathlib.Path
        A folder beside it, empty unless resumed, which takes its name at the
        end, when its files are on the disk.

    Example
    -------
    >>> target = getfixture("tmp_path") / "made"
    >>> with whole_folder(target) as folder:
    ...     _ = (folder / "a.txt").write_text("a")
    ...     target.exists()
    False
    >>> target.exists()
    True
    """
    folder = Path(folder).resolve()
    replaced = folder.with_name(f".{folder.name}.replaced")
    _clear_up(folder, replaced)
    partial = folder.with_name(f".{folder.name}.partial")
    if not resume:
        # Of a killed process a child may go on to write: not into this one.
        partial = folder.with_name(f"{partial.name}.{of_this_process()}")
    partial.mkdir(parents=True, exist_ok=resume)
    kept = False
    try:
        yield partial
        sync_all(partial)
        if folder.exists():
            os.replace(folder, replaced)
        os.replace(partial, folder)
        sync(folder.parent)
        shutil.rmtree(replaced, ignore_errors=True)
    except KeyboardInterrupt:
        kept = resume
        raise
    finally:
        if not kept:
            shutil.rmtree(partial, ignore_errors=True)


def _clear_up(folder, replaced):
    """Finishes or undoes what a killed process did to a folder."""
    if replaced.exists() and not folder.exists():
        os.replace(replaced, folder)
    shutil.rmtree(replaced, ignore_errors=True)
    # Its own, and those of folders that were made whole for it in its place.
    for left in folder.parent.glob(f".*{folder.name}.partial.*"):
        if is_left_over(left):
            shutil.rmtree(left, ignore_errors=True)


def make_once(folder, settings, build, resume=False):
    """Makes a folder whole or not at all, and only if its settings are new.

    What somebody added to it, or changed, is kept beside the new one.

    Arguments
    ---------
    folder : str or pathlib.Path
        The folder to make. `MADE.json` in it remembers the settings.
    settings : dict
        All that decides the content, in JSON's types.
    build : callable
        Called with an empty temporary folder, which then takes the name.
    resume : bool
        See `whole_folder`.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    FileExistsError
        If the folder holds something that was not made here.

    Example
    -------
    >>> folder = getfixture("tmp_path") / "made"
    >>> def build(temporary):
    ...     (temporary / "a.txt").write_text("a", encoding="utf-8")
    >>> made = make_once(folder, {"seed": 1}, build)
    >>> sorted(file.name for file in made.iterdir())
    ['MADE.json', 'a.txt']
    """
    folder = Path(folder).resolve()
    fingerprint = json.dumps(settings, indent=2, sort_keys=True).encode()
    with locked(folder):
        made = folder / FINGERPRINT
        if made.is_file() and made.read_bytes() == fingerprint:
            return folder
        if folder.exists() and not made.is_file() and any(folder.iterdir()):
            raise FileExistsError(
                f"{folder} has files but no {FINGERPRINT}, so it was not made "
                "here and is left alone: name another folder."
            )
        if made.is_file() and _is_edited(folder, made):
            kept = free_name(folder.with_name(f"{folder.name}.old"))
            os.replace(folder, kept)
            logger.warning(
                "%s has files that were added or changed since it was made: "
                "it is kept as %s.",
                folder,
                kept.name,
            )
        with whole_folder(folder, resume) as fresh:
            build(fresh)
            (fresh / FINGERPRINT).write_bytes(fingerprint)
    return folder


def _is_edited(folder, made):
    """Tells whether anything is newer than what was written last."""
    last = made.stat().st_mtime_ns
    return any(file.stat().st_mtime_ns > last for file in folder.rglob("*"))


def free_name(path):
    """Finds a name that nothing has yet.

    Arguments
    ---------
    path : pathlib.Path
        The name that is wanted.

    Returns
    -------
    pathlib.Path
        The same, or with a number.

    Example
    -------
    >>> path = getfixture("tmp_path") / "run"
    >>> path.mkdir()
    >>> free_name(path).name
    'run-2'
    """
    found, number = path, 1
    while found.exists():
        number += 1
        found = path.with_name(f"{path.name}-{number}")
    return found


def sha256(path):
    """Computes the checksum of a file.

    Arguments
    ---------
    path : pathlib.Path
        The file.

    Returns
    -------
    str
        SHA-256, hexadecimal.

    Example
    -------
    >>> file = getfixture("tmp_path") / "empty"
    >>> file.touch()
    >>> sha256(file)[:8]
    'e3b0c442'
    """
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
