"""SAVEE: four men, fifteen sentences an emotion, seven emotions.

Haq & Jackson (2010). `DC/a01.wav` in the archive, `DC_a01.wav` on Kaggle. What
is said stands in no file of the audio archive: see `read_transcripts`.

Authors
 * The speechbrain_relm contributors 2026
"""

import re
from pathlib import Path

from speechbrain.utils.logger import get_logger

from speechbrain_relm.data.open_emotion.base import (
    Corpus,
    Take,
    files_of,
    read_names,
    rows_of,
)

logger = get_logger(__name__)

LABELS = {
    "a": "anger",
    "d": "disgust",
    "f": "fear",
    "h": "happiness",
    "n": "neutral",
    "sa": "sadness",
    "su": "surprise",
}
NAME = re.compile(r"(?:^|/)(DC|JE|JK|KL)[/_]([a-z]{1,2})(\d\d)\.\w+$")
TRANSCRIPTS = "transcripts.csv"


def read(data_folder):
    """Reads a copy of `AudioData`.

    Arguments
    ---------
    data_folder : str or pathlib.Path
        With `DC/a01.wav` or `DC_a01.wav` at any depth, and, for what is said,
        `transcripts.csv`.

    Returns
    -------
    takes : list of Take
        The recordings.
    left_out : dict
        File to reason.

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
    takes, left_out = read_names(data_folder, NAME, _take, "DC/a01.wav")
    said = read_transcripts(data_folder)
    unknown = set(said) - {take.name for take in takes}
    if unknown:
        logger.warning(
            "%s: %d ids of no recording, such as '%s'.",
            TRANSCRIPTS,
            len(unknown),
            min(unknown),
        )
    return (
        [take._replace(transcript=said.get(take.name)) for take in takes],
        left_out,
    )


def _take(path, match):
    """Takes a name apart."""
    speaker, letters, number = match.groups()
    if letters not in LABELS:
        return "unexpected name: no emotion of SAVEE"
    name = f"{speaker}_{letters}{number}"
    return Take(name, path, speaker, LABELS[letters], None)


def read_transcripts(data_folder):
    """Reads what is said, from a file that you write or let Whisper write.

    Arguments
    ---------
    data_folder : str or pathlib.Path
        Has, at any depth, `transcripts.csv` with the columns `id` (DC_a01)
        and `transcript`.

    Returns
    -------
    dict
        Id to text; empty if there is no such file.

    Raises
    ------
    ValueError
        If it is not as it should be.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> path = folder / "transcripts.csv"
    >>> _ = path.write_text("id,transcript\\nDC_a01,Who said that?\\n")
    >>> read_transcripts(folder)
    {'DC_a01': 'Who said that?'}
    """
    files, said = files_of(data_folder), {}
    if not any(Path(file).name == TRANSCRIPTS for file in files):
        return said
    columns = ["id", "transcript"]
    for row in rows_of(data_folder, files, TRANSCRIPTS, columns, ","):
        name, text = row["id"], row["transcript"]
        if said.setdefault(name, text) != text:
            raise ValueError(f"{TRANSCRIPTS}: the id {name} has two texts.")
    return said


SAVEE = Corpus(
    title="SAVEE",
    read=read,
    where="http://kahlan.eps.surrey.ac.uk/savee/ (after registration)",
    licence="free for research, after registration; not to be passed on",
    language="English",
    counts={
        label: 120 if label == "neutral" else 60 for label in LABELS.values()
    },
    speakers=4,
    cluster="sentence",
    folds=[["JE"], ["KL"], ["DC"], ["JK"]],
    seconds=1842.9,
)
