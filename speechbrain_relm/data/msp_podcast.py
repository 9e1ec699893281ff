"""The layout of MSP-Podcast, as released and as institutions keep it.

Copies differ: `Audio` for `Audios`, small letters, an archive unpacked into a
folder of its own name (`Transcripts/Transcripts`), labels as CSV or JSON.

Authors
 * The speechbrain_relm contributors 2026
"""

import os
import re
from pathlib import Path
from typing import List, NamedTuple

from speechbrain_relm.data.roots import find_root
from speechbrain_relm.utils.text.reading import read_json, read_table

HOMEPAGE = (
    "https://ecs.utdallas.edu/research/researchlabs/msp-lab/MSP-Podcast.html"
)
# Releases up to 1.8 spell it with a c.
TABLES = tuple(
    f"labels_{name}.{kind}"
    for kind in ("csv", "json")
    for name in ("consensus", "concensus")  # codespell:ignore concensus
)
LABELS = ("labels", "label")
AUDIOS = ("audios", "audio")
TRANSCRIPTS = ("transcripts", "transcript")
# Early releases say Validation. Test2 and Test3 are not used.
PARTITIONS = {
    "Train": "train",
    "Development": "valid",
    "Validation": "valid",
    "Test1": "test",
}
# The corpus calls arousal activation.
RATINGS = {"arousal": "EmoAct", "dominance": "EmoDom", "valence": "EmoVal"}
WAV_NAME = re.compile(r"[\w-][\w.-]*\.wav")


class Layout(NamedTuple):
    """Where the parts of a copy are."""

    table: Path
    audios: Path
    transcripts: List[Path]


def find_corpus(data_folder):
    """Finds the parts of a copy, up to two levels down.

    Arguments
    ---------
    data_folder : str
        The corpus, or a folder that contains it.

    Returns
    -------
    Layout
        Its parts; there need be no transcripts.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it holds something else.

    Example
    -------
    >>> find_corpus("no_such_folder")
    Traceback (most recent call last):
    ...
    FileNotFoundError: data_folder no_such_folder is no folder: the folders ...
    """
    root = find_root(
        data_folder,
        "MSP-Podcast",
        _layout,
        f"the folders Labels (with {TABLES[0]}) and Audios are expected",
        f"MSP-Podcast can be requested at {HOMEPAGE}",
    )
    return _layout(root)


def _layout(root):
    """Finds the parts of a copy in a folder, or `None`."""
    labels = _named(root, LABELS)
    tables = [
        folder / name
        for name in TABLES
        for folder in labels
        if (folder / name).is_file()
    ]
    audios = _named(root, AUDIOS)
    if not tables or not audios:
        return None
    # A folder of the same name within is found by the walk over it.
    return Layout(tables[0], audios[0], _named(root, TRANSCRIPTS))


def _named(root, names):
    """Lists the folders of a name, and those of that name within them."""
    found = [
        root / name
        for name in sorted(os.listdir(root))
        if name.lower() in names and (root / name).is_dir()
    ]
    return found + [within for path in found for within in _named(path, names)]


def find_wavs(data_folder, audios):
    """Lists the wavs, in whatever folder of `Audios` they are.

    Arguments
    ---------
    data_folder : str
        What the paths are relative to.
    audios : pathlib.Path
        From `find_corpus`.

    Returns
    -------
    wavs : dict
        File name -> path; the first folder counts.
    again : list of str
        Paths of wavs that an earlier folder has.
    """
    wavs, again = {}, []
    for parent, folders, names in os.walk(audios):
        folders.sort()
        parent = os.path.relpath(parent, data_folder)
        for name in names:
            # macOS archives hold a "._x.wav" beside each x.wav.
            if name.lower().endswith(".wav") and name[0] != ".":
                path = os.path.join(parent, name)
                key = name[: -len(".wav")] + ".wav"
                if wavs.setdefault(key, path) != path:
                    again.append(path)
    return wavs, again


def read_labels(table, columns):
    """Reads the table of labels.

    Arguments
    ---------
    table : str or pathlib.Path
        `labels_consensus.csv`, or the same as JSON.
    columns : sequence of str
        What is wanted of it, `FileName` among it.

    Returns
    -------
    list of (str, dict)
        Of each line its place, as "labels_consensus.csv, line 2", and column
        to text, without white space around it.

    Raises
    ------
    ValueError
        If a column lacks, or a line is damaged, has a path for a name, or a
        name for the second time; the line is named.

    Example
    -------
    >>> table = getfixture("tmp_path") / "labels_consensus.csv"
    >>> _ = table.write_text("FileName, EmoClass\\na.wav, N\\n")
    >>> read_labels(table, ["FileName", "EmoClass"])[0][1]
    {'FileName': 'a.wav', 'EmoClass': 'N'}
    """
    of_json = Path(table).suffix == ".json"
    rows = (_from_json if of_json else _from_csv)(table, columns)
    places, kept = {}, []
    for place, row in rows:
        fields = {name: row[name].strip() for name in columns}
        name = fields["FileName"]
        if not WAV_NAME.fullmatch(name):
            raise ValueError(
                f"{place}: FileName {name!r} is no name of a wav in "
                "Audios; correct it"
            )
        if name in places:
            first = places[name].rpartition(", ")[2]
            raise ValueError(
                f"{place}: FileName {name!r} is in {first} too; "
                "delete one of them"
            )
        places[name] = place
        kept.append((place, fields))
    return kept


def _from_csv(table, columns):
    """Reads the lines of a CSV."""
    try:
        return read_table(table, columns, spaced=True)
    except ValueError as err:
        raise ValueError(f"{err} Or restore the table as released.") from None


def _from_json(table, columns):
    """Reads file name -> labels."""
    labels, rows = read_json(table), []
    if not isinstance(labels, dict):
        labels = {"": labels}
    for name, row in labels.items():
        place = f"{table}, {name!r}"
        missing = [column for column in columns[1:] if column not in row]
        if not isinstance(row, dict) or missing:
            raise ValueError(
                f"{place}: there is no {', '.join(missing) or 'label'}; "
                "restore the table as released"
            )
        rows.append((place, {k: str(v) for k, v in row.items()}))
        rows[-1][1]["FileName"] = name
    return rows
