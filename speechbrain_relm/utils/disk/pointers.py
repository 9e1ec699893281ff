"""Files of which Git left a pointer: it fetches large ones when it is asked.

Authors
 * The speechbrain_relm contributors 2026
"""

_LFS = b"version https://git-lfs.github.com/spec"


def is_pointer(path):
    """Tells whether a file is what Git leaves of one without Git LFS.

    Arguments
    ---------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    bool
        Whether it is a pointer to the file.

    Raises
    ------
    OSError
        If it cannot be read.

    Example
    -------
    >>> path = getfixture("tmp_path") / "a.wav"
    >>> _ = path.write_text("version https://git-lfs.github.com/spec/v1")
    >>> is_pointer(path)
    True
    """
    with open(path, "rb") as file:
        return file.read(len(_LFS)) == _LFS
