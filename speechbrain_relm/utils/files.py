"""Files and folders made whole or not at all, by one process at a time.

Authors
 * The speechbrain_relm contributors 2026
"""

import fcntl
import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

from speechbrain.utils.logger import get_logger

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


def write_atomically(path, text):
    """Writes a file whole or not at all.

    Arguments
    ---------
    path : str or pathlib.Path
        The file.
    text : str
        Its new content.

    Example
    -------
    >>> path = getfixture("tmp_path") / "a.txt"
    >>> write_atomically(path, "hello")
    >>> path.read_text()
    'hello'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


@contextmanager
def locked(folder):
    """Lets one process at a time work on a folder.

    Arguments
    ---------
    folder : str or pathlib.Path
        The folder; the lock is a hidden file beside it.

    Yields
    ------
    None

    Example
    -------
    >>> with locked(getfixture("tmp_path") / "corpus"):
    ...     pass
    """
    folder = Path(folder).resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = folder.with_name(f".{folder.name}.lock")
    with open(lock, "a+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            logger.warning(
                "Waiting for process %s, which is making %s.",
                handle.read().strip() or "?",
                folder,
            )
            fcntl.flock(handle, fcntl.LOCK_EX)
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


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
        end.

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
    partial = folder.with_name(f".{folder.name}.partial")
    if not resume:
        shutil.rmtree(partial, ignore_errors=True)  # of a killed process
    partial.mkdir(parents=True, exist_ok=resume)
    kept = False
    try:
        yield partial
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(partial, folder)
    except KeyboardInterrupt:
        kept = resume
        raise
    finally:
        if not kept:
            shutil.rmtree(partial, ignore_errors=True)


def make_once(folder, settings, build, resume=False):
    """Makes a folder whole or not at all, and only if its settings are new.

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
    fingerprint = json.dumps(settings, indent=2, sort_keys=True)
    with locked(folder):
        made = folder / FINGERPRINT
        if made.is_file() and made.read_text(encoding="utf-8") == fingerprint:
            return folder
        if folder.exists() and not made.is_file() and any(folder.iterdir()):
            raise FileExistsError(
                f"{folder} has files but no {FINGERPRINT}, so it was not made "
                "here and is left alone: name another folder."
            )
        with whole_folder(folder, resume) as fresh:
            build(fresh)
            (fresh / FINGERPRINT).write_text(fingerprint, encoding="utf-8")
    return folder


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
