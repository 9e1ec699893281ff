"""What a disk refuses, and what to do about it.

Authors
 * The speechbrain_relm contributors 2026
"""

import errno
import os
import re
from contextlib import contextmanager

_ROOM = "make room there and give the same command again"
_RIGHT = "give yourself the right to it, or name another place"
_TAKEN = "a folder is needed there: move what has its name, or name another"
# What to do about what a disk refuses.
ADVICE = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: _ROOM,
    errno.EACCES: _RIGHT,
    errno.EPERM: _RIGHT,
    errno.EROFS: _RIGHT,
    errno.EEXIST: _TAKEN,
    errno.ENOTDIR: _TAKEN,
    errno.EISDIR: "a file is needed there, and this is a folder",
}


def advised(error):
    """Tells what a disk refused, and what to do.

    Arguments
    ---------
    error : OSError
        With a text of the system's.

    Returns
    -------
    str
        One line.

    Example
    -------
    >>> advised(OSError(errno.ENOSPC, "No space left", "x"))
    'x: No space left; make room there and give the same command again'
    """
    advice = ADVICE.get(error.errno)
    told = f"{error.strerror}; {advice}" if advice else error.strerror
    place = error.filename
    # A descriptor is a number.
    if not isinstance(place, (str, bytes, os.PathLike)):
        return told
    return f"{os.fsdecode(place)}: {told}"


def of_disk(error):
    """Finds what a disk refused in an error of another kind.

    Arguments
    ---------
    error : Exception
        E.g. of safetensors, whose errors are none of Python's.

    Returns
    -------
    OSError or None
        The same as Python has it.

    Example
    -------
    >>> of_disk(Exception("I/O error: No space left (os error 28)")).errno
    28
    >>> of_disk(Exception("no such tensor"))
    """
    found = re.search(r"\(os error (\d+)\)", str(error))
    if found is None:
        return None
    number = int(found[1])
    return OSError(number, os.strerror(number))


@contextmanager
def naming(path):
    """Has an error of a disk name a file, which a write alone does not.

    Arguments
    ---------
    path : str or pathlib.Path
        The file that is written.

    Yields
    ------
    None

    Raises
    ------
    OSError
        For any error of a disk, of safetensors too.

    Example
    -------
    >>> with naming("a.txt"):
    ...     raise Exception("No space left (os error 28)")
    Traceback (most recent call last):
    ...
    OSError: [Errno 28] No space left on device: 'a.txt'
    """
    try:
        yield
    except OSError as error:
        # A network's have numbers, too.
        if error.errno in ADVICE and error.filename is None:
            error.filename = os.fspath(path)
        raise
    except Exception as error:
        refused = of_disk(error)
        if refused is None:
            raise
        refused.filename = os.fspath(path)
        raise refused from error
