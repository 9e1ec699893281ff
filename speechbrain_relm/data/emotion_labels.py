"""Arousal, dominance and valence of all of MSP-Podcast.

An emotion encoder learns from every utterance that has ratings, whatever its
class, "no agreement" too, and needs no transcripts.

Authors
 * The speechbrain_relm contributors 2026
"""

import os
from pathlib import PurePosixPath

from speechbrain.utils.logger import get_logger

from speechbrain_relm.data.corpus import DATA_ROOT
from speechbrain_relm.data.manifests import (
    manifest_inputs,
    manifests_are_current,
    manifests_verdict,
    report_left_out,
    write_manifests,
)
from speechbrain_relm.data.msp_podcast import (
    PARTITIONS,
    RATINGS,
    find_corpus,
    find_wavs,
    read_labels,
)
from speechbrain_relm.utils.dimensions import DIMENSIONS, SCALES, to_unit
from speechbrain_relm.utils.disk.locks import locked
from speechbrain_relm.utils.sound.audio import inspect_wavs

logger = get_logger(__name__)

CORPUS = "MSP-Podcast"
# Raise it when the same data and settings would give other manifests.
VERSION = 1


def prepare_emotion_labels(
    data_folder,
    manifest_folder,
    min_duration=0.5,
    max_duration=30.0,
    dry_run=False,
):
    """Writes `train.json`, `valid.json` and `test.json` of all utterances.

    They are the corpus's Train, Development and Test1. Each maps an utterance
    id to `wav` (with `{data_root}` for `data_folder`), `duration` (seconds),
    `emotion` (the corpus's letter) and `arousal`, `dominance` and `valence` (0
    to 1). Manifests made from the same settings and files are kept.
    Utterances that cannot be used are named in `left_out.json`.

    Arguments
    ---------
    data_folder : str
        MSP-Podcast, with `Labels` and `Audios`.
    manifest_folder : str
        Receives the manifests.
    min_duration : float
        Seconds; shorter utterances are left out.
    max_duration : float
        Seconds; longer utterances are left out.
    dry_run : bool
        Whether to say only what would be done.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it holds no table, or one that is not what it should be (the
        message names line, column and fix), or a set is empty.

    Example
    -------
    >>> prepare_emotion_labels("MSP-Podcast", "m")  # doctest: +SKIP
    """
    table, audios, _ = find_corpus(data_folder)
    rows = read_ratings(table)
    places, _ = find_wavs(data_folder, audios)
    elsewhere = os.path.relpath(audios, data_folder)
    wavs = {name: places.get(name, f"{elsewhere}/{name}") for name in rows}
    settings = {
        "script": ["prepare_emotion_labels", VERSION],
        "durations": [min_duration, max_duration],
    }
    files = [os.path.relpath(table, data_folder), *wavs.values()]
    made_from = manifest_inputs(settings, data_folder, files)
    if dry_run:
        return manifests_verdict(manifest_folder, made_from)
    with locked(manifest_folder):
        if manifests_are_current(manifest_folder, made_from):
            logger.info(f"{manifest_folder}: the manifests are up to date")
            return
        left_out, attributes = {}, {}
        for name, wav in wavs.items():
            try:
                attributes[wav] = _attributes(rows[name])
            except _OutsideScale as reason:
                left_out[wav] = str(reason)
        durations, unusable = inspect_wavs(
            data_folder, list(attributes), min_duration, max_duration
        )
        left_out.update(unusable)
        report_left_out(manifest_folder, left_out, len(durations))
        splits = {"train": {}, "valid": {}, "test": {}}
        for wav, seconds in durations.items():
            row = rows[PurePosixPath(wav).name]
            splits[PARTITIONS[row["Split_Set"]]][PurePosixPath(wav).stem] = {
                "wav": f"{DATA_ROOT}/{wav}",
                "duration": seconds,
                "emotion": row["EmoClass"],
                **attributes[wav],
            }
        write_manifests(manifest_folder, splits, [], made_from)


def read_ratings(table):
    """Reads the lines of the table of ratings.

    Arguments
    ---------
    table : str or pathlib.Path
        `labels_consensus.csv`.

    Returns
    -------
    dict
        FileName to the columns of a line of `PARTITIONS`, with its place as
        "place".

    Raises
    ------
    ValueError
        If a column lacks, or a line is cut off, has a path for a name, or a
        name for the second time.

    Example
    -------
    >>> table = getfixture("tmp_path") / "labels_consensus.csv"
    >>> _ = table.write_text(
    ...     "FileName,EmoClass,EmoAct,EmoVal,EmoDom,Split_Set\\n"
    ...     "a.wav,N,4,4,4,Train\\n"
    ... )
    >>> read_ratings(table)["a.wav"]["Split_Set"]
    'Train'
    """
    columns = ("FileName", "EmoClass", *RATINGS.values(), "Split_Set")
    rows = {}
    for place, row in read_labels(table, columns):
        # Those of Test3 are not public.
        if row["Split_Set"] not in (*PARTITIONS, ""):
            continue
        empty = [column for column, value in row.items() if not value]
        if empty:
            raise ValueError(
                f"{place}, column {empty[0]}: nothing is there; complete the "
                "line or delete it"
            )
        rows[row["FileName"]] = {**row, "place": place}
    return rows


class _OutsideScale(Exception):
    """Carries the reason why an utterance's ratings cannot be used."""


def _attributes(row):
    """Converts a line's ratings to 0..1: dimension -> value."""
    attributes = {}
    for dimension in DIMENSIONS:
        column = RATINGS[dimension]
        where = f"{row['place']}, column {column}"
        try:
            rating = float(row[column])
        except ValueError:
            low, high = SCALES[CORPUS]
            raise ValueError(
                f"{where}: {row[column]!r} is no number; write a "
                f"rating of {low:g} to {high:g} or delete the line"
            )
        try:
            attributes[dimension] = to_unit(rating, CORPUS)
        except ValueError:
            raise _OutsideScale(
                f"rating outside the scale: {where}: {row[column]}"
            )
    return attributes
