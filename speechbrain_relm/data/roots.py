"""Where a corpus lies: in the folder that was named, or below.

Authors
 * The speechbrain_relm contributors 2026
"""

import re
from pathlib import Path


def find_root(data_folder, corpus, fits, wanted, where):
    """Finds the folder of a corpus, here or up to two levels down.

    Arguments
    ---------
    data_folder : str
        Where to look.
    corpus : str
        Its name.
    fits : callable
        A folder to whether the corpus lies in it.
    wanted : str
        What is expected there, for the error.
    where : str
        Where the corpus can be had, for the error.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it holds something else.

    Example
    -------
    >>> find_root("nowhere", "ESD", bool, "0011 is expected", "ask for it")
    Traceback (most recent call last):
    ...
    FileNotFoundError: data_folder nowhere is no folder: 0011 is expected; ask...
    """
    folder = Path(data_folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"data_folder {data_folder} is no folder: {wanted}; {where}"
        )
    for candidate in folders_within(folder):
        if fits(candidate):
            return candidate
    inside = sorted(path for path in folder.iterdir() if path.is_dir())
    raise ValueError(
        f"data_folder {data_folder} is not {corpus} "
        f"({_what_it_is(inside, corpus)}): {wanted}; {where}"
    )


def folders_within(folder, depth=2):
    """Walks over a folder and those in it, the outer ones first.

    An archive unpacked into a folder of its own name is one level down. A
    level is listed only where none above it was the right one: folders of
    audio take their time.

    Arguments
    ---------
    folder : pathlib.Path
        Where to begin.
    depth : int
        How many levels to go down.

    Yields
    ------
    pathlib.Path
        The folders, hidden ones left out.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> (folder / "a" / "b").mkdir(parents=True)
    >>> [path.name for path in folders_within(folder)][1:]
    ['a', 'b']
    """
    level = [folder]
    for _ in range(depth):
        yield from level
        level = [
            path
            for outer in level
            for path in sorted(outer.iterdir())
            if path.name[0] != "." and path.is_dir()
        ]
    yield from level


def _what_it_is(inside, corpus):
    """Says which other corpus some folders look like."""
    names = [path.name for path in inside]
    looks = {
        "IEMOCAP": "Session1" in names,
        "MSP-Podcast": {"labels", "audios"} <= {n.lower() for n in names},
        "ESD": any(re.fullmatch(r"00[012]\d", name) for name in names)
        or any((path / "Neutral").is_dir() for path in inside),
    }
    for other, like in looks.items():
        if like and other != corpus:
            return f"this looks like {other}"
    return f"it holds the folders {names[:5]}"
