#!/usr/bin/env python3
"""Prepares LibriSpeech, or any corpus in its layout.

Download: https://www.openslr.org/12

To run it alone, do the following:
> python librispeech_prepare.py /path/to/LibriSpeech manifests

LibriSpeech writes its transcripts in capitals, which text LLMs rarely see and
read badly: here they are in sentence case. Its punctuation is lost.

Authors
 * The speechbrain_relm contributors 2026
"""

import logging
import os
import re
from pathlib import Path

from speechbrain.utils.logger import get_logger

from speechbrain_relm.data.corpus import DATA_ROOT
from speechbrain_relm.data.manifests import (
    manifest_inputs,
    manifests_are_current,
    manifests_verdict,
    report_left_out,
    write_manifests,
)
from speechbrain_relm.data.roots import find_root
from speechbrain_relm.utils.disk.locks import locked
from speechbrain_relm.utils.errors import Parser, entry_point
from speechbrain_relm.utils.sound.audio import inspect_wavs
from speechbrain_relm.utils.text.reading import decode, read_table

logger = get_logger(__name__)

SETS = re.compile(r"(train|dev|test)-(clean|other)(-\d+)?")
DOWNLOAD = "https://www.openslr.org/12"
# Raise it when the same data and settings would give other manifests.
VERSION = 1


def prepare_librispeech(
    data_folder,
    manifest_folder,
    train_sets=("train-clean-100", "train-clean-360", "train-other-500"),
    valid_sets=("dev-clean",),
    test_sets=("test-clean",),
    min_duration=1.0,
    max_duration=30.0,
    emotions_file=None,
    skip_prep=False,
    dry_run=False,
):
    """Writes `train.json`, `valid.json` and `test.json` for LibriSpeech.

    Each maps an utterance id to `wav` (with `{data_root}` for `data_folder`),
    `duration` (seconds), `speaker` and `transcript`, in sentence case.
    Manifests made from the same settings and files are kept. Audio files that
    cannot be used are named in `left_out.json`.

    Arguments
    ---------
    data_folder : str
        LibriSpeech as released: `<set>/<speaker>/<chapter>/`, with
        `<speaker>-<chapter>-<nnnn>.flac` and
        `<speaker>-<chapter>.trans.txt`; or the folder that holds it.
    manifest_folder : str
        Receives the manifests.
    train_sets : list of str
        Sets to train on.
    valid_sets : list of str
        Sets to validate on.
    test_sets : list of str
        Sets to test on.
    min_duration : float
        Seconds; shorter files are left out.
    max_duration : float
        Seconds; longer files are left out.
    emotions_file : str or None
        A CSV "utterance,emotion" of all utterances, where somebody knows
        them: entries then have an `emotion`, and arousal, dominance and
        valence that are null. LibriSpeech itself has none.
    skip_prep : bool
        Whether to do nothing at all.
    dry_run : bool
        Whether to say only what would be done.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If the folder holds something else, or lacks a set, or a set is asked
        for twice.

    Example
    -------
    >>> prepare_librispeech("/path/to/LibriSpeech", "m")  # doctest: +SKIP
    """
    if skip_prep:
        return
    sets = {
        "train": list(train_sets),
        "valid": list(valid_sets),
        "test": list(test_sets),
    }
    root = find_root(
        data_folder,
        "LibriSpeech",
        _sets_of,
        "sets such as train-clean-100/<speaker>/<chapter> are expected",
        f"LibriSpeech can be had from {DOWNLOAD}",
    )
    _check_sets(root, sets)
    emotions = _read_emotions(emotions_file)
    listed = {
        split: _list_utterances(data_folder, root, names)
        for split, names in sets.items()
    }
    files = [path for split in listed.values() for path in split]
    settings = {
        "script": ["librispeech_prepare", VERSION],
        "sets": sets,
        "durations": [min_duration, max_duration],
        "transcripts": [list(split.values()) for split in listed.values()],
        "emotions": emotions,
    }
    made_from = manifest_inputs(settings, data_folder, files)
    if dry_run:
        return manifests_verdict(manifest_folder, made_from)
    with locked(manifest_folder):
        if manifests_are_current(manifest_folder, made_from):
            logger.info(f"{manifest_folder}: the manifests are up to date")
            return
        bare = {
            path: "no transcript: not in the chapter's .trans.txt"
            for split in listed.values()
            for path, transcript in split.items()
            if not transcript
        }
        durations, left_out = inspect_wavs(
            data_folder,
            [path for path in files if path not in bare],
            min_duration,
            max_duration,
        )
        report_left_out(manifest_folder, {**left_out, **bare}, len(durations))
        splits = {
            split: {
                Path(path).stem: {
                    **_entry(path, durations[path], transcript),
                    **_label(path, emotions, emotions_file),
                }
                for path, transcript in sorted(utterances.items())
                if path in durations
            }
            for split, utterances in listed.items()
        }
        write_manifests(manifest_folder, splits, [], made_from)


def _read_emotions(path):
    """Reads utterance -> emotion, empty without a file."""
    if path is None:
        return {}
    emotions = {}
    for place, row in read_table(path, ["utterance", "emotion"]):
        if row["utterance"] in emotions:
            raise ValueError(
                f"emotions_file {place}: {row['utterance']} is there twice; "
                "delete one of the lines"
            )
        emotions[row["utterance"]] = row["emotion"]
    return emotions


def _label(path, emotions, emotions_file):
    """Makes the labels of an entry, if there are any."""
    if not emotions:
        return {}
    if Path(path).stem not in emotions:
        raise ValueError(
            f"emotions_file {emotions_file} has no line for {Path(path).stem}"
        )
    unknown = dict.fromkeys(("arousal", "dominance", "valence"))
    return {"emotion": emotions[Path(path).stem], **unknown}


def _sets_of(folder):
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.is_dir() and SETS.fullmatch(path.name)
    )


def _check_sets(root, sets):
    """Refuses sets that are not there, or that would be heard twice."""
    names = [name for split in sets.values() for name in split]
    there = _sets_of(root)
    for split, wanted in sets.items():
        absent = sorted(set(wanted) - set(there))
        if absent or not wanted:
            raise ValueError(
                f"{split}_sets: {root} has no {', '.join(absent) or 'set'}; "
                f"it has {', '.join(there)}: name some of these, or complete "
                "the copy"
            )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"{', '.join(twice)} is asked for twice in train_sets, valid_sets "
            "and test_sets: what is tested must not be learned"
        )


def _list_utterances(data_folder, root, names):
    """Lists relative path -> transcript, empty where there is none."""
    utterances = {}
    for name in names:
        for chapter in sorted((root / name).glob("*/*/")):
            prefix = f"{chapter.parent.name}-{chapter.name}"
            texts = _read_transcripts(chapter / f"{prefix}.trans.txt")
            found = {path.stem for path in chapter.glob("[!.]*.flac")}
            # A line without its file is reported as a missing file. An id
            # of another form has no place here, and may not name a path.
            found |= {
                utterance
                for utterance in texts
                if re.fullmatch(rf"{re.escape(prefix)}-\d+", utterance)
            }
            for utterance in sorted(found):
                path = os.path.relpath(
                    chapter / f"{utterance}.flac", data_folder
                )
                utterances[path] = texts.get(utterance, "")
    return utterances


def _read_transcripts(path):
    """Reads utterance id -> transcript of a chapter."""
    if not path.is_file():
        return {}
    texts = {}
    for number, line in enumerate(decode(path.read_bytes()).splitlines(), 1):
        utterance, text = [*line.split(maxsplit=1), "", ""][:2]
        if texts.setdefault(utterance, text.strip()) != text.strip():
            logger.warning(
                f"{path}, line {number}: another text of {utterance} than an "
                "earlier line has, which is believed"
            )
    return texts


def _entry(path, seconds, transcript):
    return {
        "wav": f"{DATA_ROOT}/{Path(path).as_posix()}",
        "duration": seconds,
        "speaker": Path(path).stem.split("-")[0],
        "transcript": sentence_case(transcript),
    }


def sentence_case(text):
    """Writes capitals as a sentence is written.

    Arguments
    ---------
    text : str
        E.g. in capitals.

    Returns
    -------
    str
        In small letters, but the first and the pronoun "I".

    Example
    -------
    >>> sentence_case("THAT IS WHAT I'M SAYING MISTER LINCOLN")
    "That is what I'm saying mister lincoln"
    """
    text = re.sub(r"\bi\b", "I", text.lower())
    return text[:1].upper() + text[1:]


@entry_point("librispeech_prepare.py")
def main(arguments):
    """Prepares the corpus, as the command line says."""
    parser = Parser(description="Prepares LibriSpeech.")
    parser.add_argument("data_folder", help="LibriSpeech as released")
    parser.add_argument("manifest_folder", help="receives the manifests")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    prepare_librispeech(given.data_folder, given.manifest_folder)


if __name__ == "__main__":
    main()
