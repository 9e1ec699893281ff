"""What a free corpus of emotional speech tells about itself.

A corpus tells what its recordings are by their names or by a table.

Authors
 * The speechbrain_relm contributors 2026
"""

import csv
import os
from pathlib import Path
from typing import Callable, NamedTuple

AUDIO = (".wav", ".flac", ".ogg", ".mp3")


class Take(NamedTuple):
    """One recording, as the corpus describes it.

    Arguments
    ---------
    name : str
        Its id, unique in the corpus.
    wav : str
        Path relative to the data folder.
    speaker : str
        Who speaks.
    label : str
        The emotion in the corpus's own word, lower case.
    transcript : str or None
        What is said; `None` if the corpus does not tell.
    part : str or None
        "train", "valid" or "test" in a corpus with official ones.
    dialogue : str or None
        The conversation that it is a turn of.
    """

    name: str
    wav: str
    speaker: str
    label: str
    transcript: str | None
    part: str | None = None
    dialogue: str | None = None


class Corpus(NamedTuple):
    """A free corpus: how it is read, and what its own paper says of it.

    Arguments
    ---------
    title : str
        Its name.
    read : callable
        Data folder to a list of `Take` and a dict of file to the reason why
        it is left out; raises `ValueError` if the folder is something else.
    where : str
        Where it can be had.
    licence : str
        Its terms, in a few words.
    language : str
        What is spoken.
    counts : dict
        Label to its recordings in the full release.
    cluster : str
        What answers depend on, and intervals and tests draw: "sentence",
        "speaker" or "dialogue".
    folds : list of list of str
        Test speakers of each of EmoBox's folds; empty where its folds are no
        sets of speakers.
    """

    title: str
    read: Callable
    where: str
    licence: str
    language: str
    counts: dict
    cluster: str
    folds: list = []


def audio_files(data_folder, suffixes=AUDIO):
    """Lists the audio files below a folder.

    Arguments
    ---------
    data_folder : str or pathlib.Path
        The folder.
    suffixes : tuple of str
        Endings that count, in lower case.

    Returns
    -------
    list of str
        Paths relative to the folder, sorted; the nearest to it first, so that
        a second copy further down is the one that is left out.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.

    Example
    -------
    >>> audio_files("no_such_folder")
    Traceback (most recent call last):
    ...
    FileNotFoundError: data_folder no_such_folder is no folder.
    """
    root = Path(data_folder)
    if not root.is_dir():
        raise FileNotFoundError(f"data_folder {data_folder} is no folder.")
    found = []
    for parent, _, names in os.walk(root):
        for name in names:
            # macOS archives hold a "._x.wav" beside each x.wav.
            if name.lower().endswith(suffixes) and not name.startswith("."):
                path = os.path.relpath(os.path.join(parent, name), root)
                found.append(Path(path).as_posix())
    return sorted(found, key=lambda path: (path.count("/"), path))


def read_names(data_folder, pattern, take, expected):
    """Reads a corpus whose file names tell everything.

    Arguments
    ---------
    data_folder : str or pathlib.Path
        Where to look, at any depth.
    pattern : re.Pattern
        Of a path from the data folder.
    take : callable
        Path and match to a `Take`, or to a reason (str) to leave it out.
    expected : str
        What a name looks like, for the message.

    Returns
    -------
    takes : list of Take
        The recordings.
    left_out : dict
        File to reason.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If no file is of this corpus.
    """
    takes, left_out = {}, {}
    for path in audio_files(data_folder):
        match = pattern.search(path)
        made = take(path, match) if match else f"unexpected name: {expected}"
        if isinstance(made, str):
            left_out[path] = made
        elif made.name in takes:
            left_out[path] = f"duplicate: of {takes[made.name].wav}"
        else:
            takes[made.name] = made
    if not takes:
        raise ValueError(
            f"data_folder {data_folder} holds no audio file like {expected}."
        )
    return list(takes.values()), left_out


def read_table(data_folder, name, columns, delimiter):
    """Reads the table that describes a corpus.

    Arguments
    ---------
    data_folder : str or pathlib.Path
        Where to look, at any depth; the one nearest to the folder counts.
    name : str
        The table's file name.
    columns : set of str
        Columns that it must have.
    delimiter : str
        What stands between them.

    Returns
    -------
    path : pathlib.Path
        Where it is.
    rows : list of dict
        Column to text, without white space around it.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If there is no such table, or a column is missing.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "a.tsv").write_text("x\\ty\\n1\\t 2\\n")
    >>> read_table(folder, "a.tsv", {"x"}, "\\t")[1]
    [{'x': '1', 'y': '2'}]
    """
    tables = audio_files(data_folder, (name.lower(),))
    tables = [table for table in tables if Path(table).name == name]
    if not tables:
        raise ValueError(f"data_folder {data_folder} holds no {name}.")
    path = Path(data_folder) / tables[0]
    with open(path, encoding="utf-8-sig", newline="") as stream:
        rows = csv.DictReader(stream, delimiter=delimiter)
        missing = columns - set(rows.fieldnames or ())
        if missing:
            raise ValueError(
                f"{path} has no column {', '.join(sorted(missing))}."
            )
        return path, [
            {k: (v or "").strip() for k, v in row.items() if k is not None}
            for row in rows
        ]


def files_by_stem(data_folder):
    """Finds audio files by their names without ending.

    Arguments
    ---------
    data_folder : str or pathlib.Path
        The folder.

    Returns
    -------
    dict
        Stem to path from the data folder, the nearest to it.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> (folder / "a.wav").touch()
    >>> files_by_stem(folder)
    {'a': 'a.wav'}
    """
    found = {}
    for path in audio_files(data_folder):
        found.setdefault(Path(path).stem, path)
    return found
