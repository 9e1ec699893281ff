"""What a free corpus of emotional speech tells about itself.

A corpus tells what its recordings are by their names or by a table.

Authors
 * The speechbrain_relm contributors 2026
"""

import os
from pathlib import Path
from typing import Callable, NamedTuple

from speechbrain_relm.utils.text.reading import read_table

AUDIO = (".wav", ".flac", ".ogg", ".mp3")
TABLES = (".csv", ".tsv")
UNKNOWN = "unknown"  # a speaker that a table does not name


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
        Data folder, of which the corpus may be at any depth, to a list of
        `Take` and a dict of file to the reason why it is left out; raises
        `FileNotFoundError` if there is no such folder, and `ValueError` if it
        is something else.
    where : str
        Where it can be had.
    licence : str
        Its terms, in a few words.
    language : str
        What is spoken.
    counts : dict
        Label to its recordings in the full release.
    speakers : int or None
        How many speak in it; `None` if that differs.
    cluster : str
        What answers depend on, and intervals and tests draw: "sentence",
        "speaker" or "dialogue".
    folds : list of list of str
        Test speakers of each of EmoBox's folds; empty where its folds are no
        sets of speakers.
    archive : (str, str) or None
        Address and MD5 of a zip of it that anyone may fetch.
    seconds : float or None
        How long all its recordings are together, by EmoBox's lists; `None` if
        that is not known.
    """

    title: str
    read: Callable
    where: str
    licence: str
    language: str
    counts: dict
    speakers: int | None
    cluster: str
    folds: list = []
    archive: tuple | None = None
    seconds: float | None = None


def files_of(data_folder):
    """Lists the recordings and tables below a folder.

    Arguments
    ---------
    data_folder : str or pathlib.Path
        The folder.

    Returns
    -------
    list of str
        Paths relative to the folder, sorted: by format, those without loss
        first, then the nearest to the folder first, so that an MP3 beside a
        wav, or a second copy further down, is the one that is left out.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If a name is no UTF-8, or a folder in it is a link.
    OSError
        If a folder in it cannot be read.

    Example
    -------
    >>> files_of("no_such_folder")
    Traceback (most recent call last):
    ...
    FileNotFoundError: data_folder no_such_folder is no folder.
    """
    root = Path(data_folder)
    if not root.is_dir():
        raise FileNotFoundError(f"data_folder {data_folder} is no folder.")
    found = []
    for parent, folders, names in os.walk(root, onerror=_refuse):
        for name in folders:
            link = Path(parent, name)
            if link.is_symlink() and not name.startswith("."):
                raise ValueError(
                    f"{link} is a link to a folder, which is not followed: "
                    "copy it, or name that folder as data_folder."
                )
        for name in names:
            # macOS archives hold a "._x.wav" beside each x.wav.
            wanted = name.lower().endswith((*AUDIO, *TABLES))
            if wanted and not name.startswith("."):
                path = os.path.relpath(os.path.join(parent, name), root)
                if not _is_text(path):
                    raise ValueError(
                        f"{ascii(path)} in {data_folder} has a name that is "
                        "no UTF-8: rename it."
                    )
                found.append(Path(path).as_posix())
    return sorted(found, key=_rank)


def _refuse(error):
    """What is not seen must not be missed in silence."""
    raise error


def _is_text(path):
    """Whether a name can be written into a manifest."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _rank(path):
    """What is taken first of several copies."""
    formats = [*AUDIO, *TABLES]
    return formats.index(Path(path).suffix.lower()), path.count("/"), path


def recordings(files):
    """Picks the recordings.

    Arguments
    ---------
    files : list of str
        From `files_of`.

    Returns
    -------
    list of str
        Those that are no tables.

    Example
    -------
    >>> recordings(["a.wav", "a.csv"])
    ['a.wav']
    """
    return [path for path in files if path.lower().endswith(AUDIO)]


def read_names(data_folder, pattern, take, expected):
    """Reads a corpus whose file names tell everything.

    Arguments
    ---------
    data_folder : str or pathlib.Path
        See `Corpus`.
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
    ValueError
        If no file is of this corpus.
    """
    takes, left_out = {}, {}
    for path in recordings(files_of(data_folder)):
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


def read_rows(
    data_folder,
    table,
    delimiter,
    columns,
    one_speaker=None,
    missing="missing",
):
    """Reads a corpus that a table describes, a recording a row.

    Arguments
    ---------
    data_folder : str or pathlib.Path
        See `Corpus`.
    table : str
        The table's file name.
    delimiter : str
        What stands between its columns.
    columns : tuple of str
        Those of the recording, the speaker, the emotion and what is said.
    one_speaker : str or None
        Who speaks in a corpus that has no column for it, which is `None` in
        `columns`.
    missing : str
        Why a recording that is not there is left out.

    Returns
    -------
    takes : list of Take
        The recordings.
    left_out : dict
        Recording to reason.

    Raises
    ------
    ValueError
        If there is no such table, or it is not as it should be.
    """
    files, takes, left_out = files_of(data_folder), {}, {}
    paths = recordings(files)
    # The first of a name counts, but where a row names the folder, too.
    wavs = {tail(path, n): path for n in (1, 2) for path in reversed(paths)}
    recording, speaker, emotion, said = columns
    needed = [column for column in columns if column]
    for row in rows_of(data_folder, files, table, needed, delimiter):
        if not Path(row[recording]).name:
            left_out[f"{table}: '{row[recording]}'"] = "no name of a recording"
            continue
        place, name = tail(row[recording]), Path(row[recording]).stem
        wav = wavs.get(place, wavs.get((name,)))
        who = (row[speaker] or UNKNOWN) if speaker else one_speaker
        label = row[emotion].lower()
        if wav is None:
            left_out[row[recording]] = missing
        elif name in takes:
            left_out[f"{table}: {row[recording]}"] = "second row of it"
        else:
            takes[name] = Take(name, wav, who, label, row[said])
    for path in paths:
        taken = takes.get(Path(path).stem)
        if taken is None:
            left_out[path] = f"in no row of {table}"
        elif taken.wav != path:
            left_out[path] = f"duplicate: of {taken.wav}"
    return list(takes.values()), left_out


def tail(path, depth=2):
    """Takes the last parts of a path, by which copies are told apart.

    Arguments
    ---------
    path : str or pathlib.Path
        Of a recording.
    depth : int
        How many parts.

    Returns
    -------
    tuple of str
        The last folders and the name, without ending.

    Example
    -------
    >>> tail("raw/EB0/a.wav"), tail("a.wav")
    (('EB0', 'a'), ('a',))
    """
    return Path(path).with_suffix("").parts[-depth:]


def rows_of(data_folder, files, table, columns, delimiter):
    """Reads a table of a corpus.

    Arguments
    ---------
    data_folder : str or pathlib.Path
        See `Corpus`.
    files : list of str
        From `files_of`; of several tables of the name, which must be the
        same, the first is read.
    table : str
        Its file name.
    columns : list of str
        Columns that it must have.
    delimiter : str
        What stands between them.

    Returns
    -------
    list of dict
        Column to text, without white space around it.

    Raises
    ------
    ValueError
        If there is no such table, there are two different ones, or it is no
        file, or not as it should be.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "a.tsv").write_text("x\\ty\\n1\\t 2\\n")
    >>> rows_of(folder, files_of(folder), "a.tsv", ["x"], "\\t")
    [{'x': '1', 'y': '2'}]
    """
    paths = [Path(data_folder, f) for f in files if Path(f).name == table]
    if not paths:
        raise ValueError(f"data_folder {data_folder} holds no {table}.")
    for path in paths:
        if not path.is_file():
            raise ValueError(f"{path} is no file.")
    for other in paths[1:]:
        if other.read_bytes() != paths[0].read_bytes():
            raise ValueError(
                f"{paths[0]} and {other} differ: name the folder of one."
            )
    rows = read_table(paths[0], columns, delimiter=delimiter)
    return [
        {column: text.strip() for column, text in row.items()}
        for _, row in rows
    ]
