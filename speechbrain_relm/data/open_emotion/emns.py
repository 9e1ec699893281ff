"""EMNS: one woman reads 1181 sentences in eight emotions (Noriy et al. 2023).

Authors
 * The speechbrain_relm contributors 2026
"""

from pathlib import Path

from speechbrain_relm.data.open_emotion.base import (
    Corpus,
    Take,
    files_by_stem,
    read_table,
)

COLUMNS = {"utterance", "emotion", "audio_recording"}
SPEAKER = "EMNS"


def read(data_folder):
    """Reads a copy of OpenSLR's archive.

    Arguments
    ---------
    data_folder : str or pathlib.Path
        With `metadata.csv`, columns separated by "|", and the recordings of
        either archive: the raw wavs, or the cleaned WebM as wavs.

    Returns
    -------
    takes : list of Take
        The recordings.
    left_out : dict
        Recording to reason.

    Raises
    ------
    ValueError
        If it is another corpus.

    Example
    -------
    >>> read("no_such_folder")
    Traceback (most recent call last):
    ...
    FileNotFoundError: data_folder no_such_folder is no folder.
    """
    _, rows = read_table(data_folder, "metadata.csv", COLUMNS, "|")
    files, takes, left_out = files_by_stem(data_folder), [], {}
    for row in rows:
        name = Path(row["audio_recording"]).stem
        if name not in files:
            left_out[row["audio_recording"]] = "missing: as wav, not as WebM"
            continue
        label = row["emotion"].lower()
        takes.append(Take(name, files[name], SPEAKER, label, row["utterance"]))
    return takes, left_out


EMNS = Corpus(
    title="EMNS",
    read=read,
    where="https://www.openslr.org/136/",
    licence="Apache 2.0",
    language="English",
    counts={
        "angry": 126,
        "disgust": 162,
        "excited": 150,
        "happy": 157,
        "neutral": 149,
        "sad": 147,
        "sarcastic": 139,
        "surprised": 151,
    },
    cluster="sentence",
)
