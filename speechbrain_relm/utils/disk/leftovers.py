"""What a killed process leaves, and how the next one knows it.

Authors
 * The speechbrain_relm contributors 2026
"""

import atexit
import contextlib
import hashlib
import os
import platform
import re
import shutil
import tempfile
from pathlib import Path

# Short, for there are sockets in temporary folders, and a socket's path has at
# most 108 letters.
HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:6]
# How a name ends that belongs to a process as long as it lives.
OWNED = re.compile(r"\.(\d+)@([0-9a-f]{6})$")


def of_this_process():
    """Ends a name that belongs to this process.

    Returns
    -------
    str
        Its number and a digest of its host.

    Example
    -------
    >>> of_this_process() == f"{os.getpid()}@{HOST}"
    True
    """
    return f"{os.getpid()}@{HOST}"


def is_left_over(path):
    """Tells whether a file or folder belonged to a process that is gone.

    Arguments
    ---------
    path : pathlib.Path
        With a name that `of_this_process` ends, or any other.

    Returns
    -------
    bool
        False for one of another host, whose processes nobody sees here.

    Example
    -------
    >>> is_left_over(Path(f".a.txt.{of_this_process()}"))
    False
    >>> is_left_over(Path(f".a.txt.99999999@{HOST}"))
    True
    """
    owned = OWNED.search(path.name)
    if owned is None or owned[2] != HOST:
        return False
    return not is_alive(int(owned[1]))


def is_alive(number):
    """Tells whether a process of this host lives.

    Arguments
    ---------
    number : int
        Its number.

    Returns
    -------
    bool
        Whether there is such a process, of whatever user.

    Example
    -------
    >>> is_alive(os.getpid())
    True
    """
    try:
        os.kill(number, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def remove_left_overs(folder):
    """Removes the unfinished files of processes that are gone.

    Arguments
    ---------
    folder : str or pathlib.Path
        A folder, with all that lie in it.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> (folder / f".a.txt.99999999@{HOST}").touch()
    >>> remove_left_overs(folder)
    >>> list(folder.iterdir())
    []
    """
    for parent, _, names in os.walk(folder):
        for path in (Path(parent, name) for name in names if name[0] == "."):
            if is_left_over(path):
                path.unlink(missing_ok=True)


def use_temporary_folder():
    """Gives this process a temporary folder of its own.

    What Python, and the workers of its loaders (pymp folders), put there goes
    with the process, or with the next one if this one is killed.

    Returns
    -------
    pathlib.Path
        The folder.

    Example
    -------
    >>> use_temporary_folder().name  # doctest: +SKIP
    'relm-a1b2c3d4.1234@0f1e2d'
    """
    before = Path(tempfile.gettempdir())
    if OWNED.search(before.name):  # a launcher's, or ours already
        return before
    for left in before.glob("relm-*.*@*"):
        # Another process of the run may have been faster.
        with contextlib.suppress(FileNotFoundError):
            if is_left_over(left) and left.stat().st_uid == os.getuid():
                shutil.rmtree(left, ignore_errors=True)
    ending = f".{of_this_process()}"
    folder = Path(tempfile.mkdtemp(ending, "relm-", before))
    creator = os.getpid()

    def remove():
        """Removes it, at the end of this process and not of a fork."""
        if os.getpid() == creator:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    # For this process, and for those that it starts.
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    return folder
