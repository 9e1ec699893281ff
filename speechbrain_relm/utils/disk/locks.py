"""Locks that name the process that has them, and end with it.

Authors
 * The speechbrain_relm contributors 2026
"""

import logging
import os
import platform
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

# Not SpeechBrain's: commands that write files and need no torch, such as the
# one that makes corpora, would wait for it.
logger = logging.getLogger(__name__)

LONGEST = 200  # letters of a command line
ASKED_EVERY = 0.3  # seconds between two looks at a lock that another has


def this_process():
    """Names this process for those who wait for it.

    Returns
    -------
    str
        Its number, host and command line.

    Example
    -------
    >>> this_process().startswith(f"process {os.getpid()} on ")
    True
    """
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
    command = command.replace("\n", " ")
    if len(command) > LONGEST:
        command = f"{command[:LONGEST]} ..."
    return f"process {os.getpid()} on {platform.node()} ({command})"


def lock_of(path):
    """Names the lock of a file or folder.

    Arguments
    ---------
    path : str or pathlib.Path
        The file or folder.

    Returns
    -------
    pathlib.Path
        A hidden file beside it, which is there as long as it is locked.

    Example
    -------
    >>> lock_of("results/manifests").name
    '.manifests.lock'
    """
    path = Path(path).resolve()
    return path.with_name(f".{path.name}.lock")


def take(lock):
    """Takes a lock, if nobody has it.

    Arguments
    ---------
    lock : pathlib.Path
        The lock's file; its folder is made if absent.

    Returns
    -------
    filelock.FileLock or None
        The lock, for `release`. The system drops it when this process ends,
        however it ends and whatever children it leaves.

    Example
    -------
    >>> path = getfixture("tmp_path") / "a.lock"
    >>> held = take(path)
    >>> take(path) is None
    True
    >>> release(held)
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    # Where no file can be made, `filelock` would say that another has it.
    os.close(os.open(lock, os.O_RDWR | os.O_CREAT, 0o666))
    found = FileLock(lock, mode=0o666, on_acquired=_sign)
    try:
        return found.acquire(blocking=False).lock
    except Timeout:
        return None


def _sign(handle):
    """Writes into a lock who has it."""
    os.ftruncate(handle, 0)
    os.pwrite(handle, this_process().encode(), 0)


def holder(lock):
    """Reads who has a lock.

    Arguments
    ---------
    lock : pathlib.Path
        The lock's file.

    Returns
    -------
    str
        What `this_process` says there.

    Example
    -------
    >>> holder(getfixture("tmp_path") / "a.lock")
    'another process'
    """
    try:
        text = lock.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""  # it was dropped meanwhile
    return text.strip() or "another process"


def release(lock):
    """Drops a lock, and leaves no file of it.

    Arguments
    ---------
    lock : filelock.FileLock
        From `take`.
    """
    # While it is still ours: whoever opened this file sees that it is gone.
    Path(lock.lock_file).unlink(missing_ok=True)
    lock.release()


@contextmanager
def locked(path, by_run=False):
    """Lets one process, or one run, at a time work on a file or folder.

    Arguments
    ---------
    path : str or pathlib.Path
        The file or folder.
    by_run : bool
        Whether all processes of a run are here, and have it together.

    Yields
    ------
    None

    Example
    -------
    >>> with locked(getfixture("tmp_path") / "corpus"):
    ...     pass
    """
    file, told, takes = lock_of(path), None, True
    if by_run:
        from speechbrain.utils.distributed import if_main_process

        from speechbrain_relm.utils.processes import gather

        takes = if_main_process()
    while True:
        lock = take(file) if takes else None
        taken = lock is not None
        # Not at a barrier: whoever waits there too long gives up.
        if gather(taken)[0] if by_run else taken:
            break
        if takes and holder(file) != told:
            told = holder(file)
            logger.warning("Waiting for %s, which works on %s.", told, path)
        time.sleep(ASKED_EVERY)
    try:
        yield
    finally:
        if lock:
            release(lock)
