"""MELD: dialogues of a television series, seven emotions (Poria et al. 2019).

Its clips are MP4s; their sound, as wavs of the same names, has to be taken out
once (the recipe's README has the command).

Authors
 * The speechbrain_relm contributors 2026
"""

import re
from pathlib import Path

from speechbrain_relm.data.open_emotion.base import (
    Corpus,
    Take,
    files_of,
    recordings,
    rows_of,
)

COLUMNS = ["Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID"]
TABLES = {"train": "train", "dev": "valid", "test": "test"}
# The archives' folders; test clips lie in "output_repeated_splits_test".
FOLDERS = {"train": "train_splits", "dev": "dev_splits", "test": "splits_test"}
CLIP = re.compile(r"^dia(\d+)_utt(\d+)$")
BROKEN = {("train", "dia125_utt3"), ("dev", "dia110_utt7")}  # in the release


def read(data_folder):
    """Reads a copy of `MELD.Raw`.

    Arguments
    ---------
    data_folder : str or pathlib.Path
        With `train_sent_emo.csv`, `dev_sent_emo.csv`, `test_sent_emo.csv`, and
        wavs of the clips in the archives' folders. Names recur in the three
        parts, so the folders tell them apart.

    Returns
    -------
    takes : list of Take
        The recordings, with their official part.
    left_out : dict
        Clip to reason: two of the release are broken, others are no clips of
        the tables.

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
    takes = {}
    files = files_of(data_folder)
    clips, left_out = _clips(files)
    for part in TABLES:
        table = f"{part}_sent_emo.csv"
        for row in rows_of(data_folder, files, table, COLUMNS, ","):
            clip = f"dia{row['Dialogue_ID']}_utt{row['Utterance_ID']}"
            if (part, clip) in takes:
                left_out[f"{table}: {clip}"] = "second row of it"
            elif (part, clip) in clips:
                wav = clips[part, clip]
                takes[part, clip] = _take(part, clip, row, wav)
            elif (part, clip) in BROKEN:
                left_out[f"{part}/{clip}"] = "broken in the release"
            else:
                left_out[f"{part}/{clip}"] = "missing: as wav, not as MP4"
    for clip in sorted(set(clips) - set(takes)):
        left_out[clips[clip]] = f"in no row of {clip[0]}_sent_emo.csv"
    return list(takes.values()), left_out


def _clips(files):
    """Finds the wavs: part and clip to path; and what is none of them."""
    found, left_out = {}, {}
    for path in recordings(files):
        # The nearest folder counts: archives are unpacked into each other.
        parts = [
            part
            for folder in reversed(Path(path).parent.parts)
            for part, name in FOLDERS.items()
            if name in folder
        ]
        if not parts or not CLIP.match(Path(path).stem):
            left_out[path] = "unexpected name: train_splits/dia0_utt0.wav"
            continue
        first = found.setdefault((parts[0], Path(path).stem), path)
        if first != path:
            left_out[path] = f"duplicate: of {first}"
    return found, left_out


def _take(part, clip, row, wav):
    """Makes a take of a row; the tables have quotes of Windows' code page."""
    text = row["Utterance"].translate({0x92: "'", 0x91: "'", 0x85: "..."})
    return Take(
        f"{part}_{clip}",
        wav,
        row["Speaker"],
        row["Emotion"].lower(),
        text,
        TABLES[part],
        f"{part} {row['Dialogue_ID']}",
    )


MELD = Corpus(
    title="MELD",
    read=read,
    where="https://affective-meld.github.io/",
    licence="GPL 3.0; the clips are of a television series",
    language="English",
    # Of the three tables, without the two broken clips.
    counts={
        "anger": 1607,
        "disgust": 361,
        "fear": 358,
        "joy": 2308,
        "neutral": 6434,
        "sadness": 1002,
        "surprise": 1636,
    },
    speakers=None,
    cluster="dialogue",
    seconds=43709.2,
)
