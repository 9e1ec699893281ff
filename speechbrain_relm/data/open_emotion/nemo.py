"""nEMO: nine Polish actors, ninety sentences, six emotions (Christop 2024).

The corpus comes without parts for training and testing.

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

COLUMNS = {"file_id", "emotion", "raw_text", "speaker_id"}


def read(data_folder):
    """Reads a copy of its repository.

    Arguments
    ---------
    data_folder : str or pathlib.Path
        With `data.tsv` and `samples/EB0_anger_1.wav`.

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
    _, rows = read_table(data_folder, "data.tsv", COLUMNS, "\t")
    files, takes, left_out = files_by_stem(data_folder), [], {}
    for row in rows:
        name = Path(row["file_id"]).stem
        if name not in files:
            left_out[row["file_id"]] = "missing"
            continue
        takes.append(
            Take(
                name,
                files[name],
                row["speaker_id"],
                row["emotion"],
                row["raw_text"],
            )
        )
    return takes, left_out


NEMO = Corpus(
    title="nEMO",
    read=read,
    where="https://github.com/amu-cai/nEMO",
    licence="CC BY-NC-SA 4.0",
    language="Polish",
    counts={
        "anger": 749,
        "fear": 736,
        "happiness": 749,
        "neutral": 809,
        "sadness": 769,
        "surprised": 669,
    },
    cluster="sentence",
)
