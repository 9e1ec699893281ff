#!/usr/bin/env python3
"""Prepares MSP-Podcast: a random sample as large as IEMOCAP (Section III-B).

Request it at
https://ecs.utdallas.edu/research/researchlabs/msp-lab/MSP-Podcast.html

To run it alone, do the following:
> python msp_podcast_prepare.py /path/to/MSP-Podcast manifests

Training utterances are drawn from the set Train, validation from Development,
testing from Test1, each time from the utterances of the classes asked for. The
table of labels gives a seeded random order, whatever the order of its lines,
and the wavs are read in that order until the sample is full. So few of the
many wavs are read, and one that cannot be used is replaced by the next.

Authors
 * The speechbrain_relm contributors 2026
"""

import logging
import os
import re
from collections import Counter
from pathlib import Path

import numpy as np
from speechbrain.utils.logger import get_logger

from speechbrain_relm.data.corpus import DATA_ROOT, as_json
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
from speechbrain_relm.utils.dimensions import DIMENSIONS, to_unit
from speechbrain_relm.utils.disk.locks import locked
from speechbrain_relm.utils.errors import Parser, entry_point
from speechbrain_relm.utils.files import write_atomically
from speechbrain_relm.utils.sound.audio import inspect_wavs
from speechbrain_relm.utils.text.reading import decode

logger = get_logger(__name__)

LETTERS = {
    "neutral": "N",
    "angry": "A",
    "sad": "S",
    "happy": "H",
    "surprise": "U",
    "fear": "F",
    "disgust": "D",
    "contempt": "C",
}
COLUMNS = ["FileName", "EmoClass", *RATINGS.values(), "SpkrID", "Split_Set"]
# Raise it when the same data and settings would give other manifests.
VERSION = 2


def prepare_msp_podcast(
    data_folder,
    manifest_folder,
    emotions=("neutral", "sad", "angry", "happy"),
    train_size=4290,
    test_size=1245,
    valid_ratio=0.1,
    transcripts_folder=None,
    min_duration=1.0,
    max_duration=30.0,
    seed=1234,
    speech_filter=None,
    skip_prep=False,
    dry_run=False,
):
    """Writes `train.json`, `valid.json` and `test.json` for MSP-Podcast.

    Each maps an utterance id to `wav` (with `{data_root}` for `data_folder`),
    `duration` (seconds), `speaker`, `emotion`, `transcript`, `cluster` (the
    speaker, or else the podcast, what intervals and tests draw), and
    `arousal`, `dominance` and `valence` (0 to 1; all null where one of the
    corpus is outside its scale). Manifests made from the same settings and files are
    kept. Wavs that cannot be used are named in `left_out.json`, and those that
    lack a transcript, and could have one, in `missing_transcripts.json`.

    Arguments
    ---------
    data_folder : str
        MSP-Podcast as released, or a folder that contains it: `Labels`,
        `Audios` and `Transcripts`.
    manifest_folder : str
        Receives the manifests.
    emotions : list of str
        Classes to use, out of neutral, angry, sad, happy, surprise, fear,
        disgust, contempt.
    train_size : int or None
        Utterances to draw for training; `None` means all.
    test_size : int or None
        Utterances to draw for testing; `None` means all.
    valid_ratio : float
        Size of the validation set, as a share of the training set's. Where a
        copy has no Development set, speakers of Train are held out.
    transcripts_folder : str or None
        Further transcripts, for files that `Transcripts` lacks:
        `<file>.txt`, as `transcribe_missing.py` writes.
    min_duration : float
        Seconds; shorter wavs are left out.
    max_duration : float
        Seconds; longer wavs are left out.
    seed : int
        Seed of the draw.
    speech_filter : str or None
        What else leaves a wav out: "steady", a tone or a noise; "voice", also
        all else in which nobody speaks, which Silero VAD tells.
    skip_prep : bool
        Whether to do nothing at all.
    dry_run : bool
        Whether to say only what would be done.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If the folder holds something else, its table is damaged, or too
        little is there to train and test.

    Example
    -------
    >>> folder = "/path/to/MSP-Podcast"
    >>> prepare_msp_podcast(folder, "manifests")  # doctest: +SKIP
    """
    if skip_prep:
        return
    emotions = list(emotions)
    sizes = {"train": train_size, "test": test_size}
    _check_options(emotions, sizes, valid_ratio, transcripts_folder)
    table, audios, folders = find_corpus(data_folder)
    rows = _read_table(table, emotions)
    orders = _draw_orders(table, rows, sizes, valid_ratio, seed)
    wavs = _find_wavs(data_folder, audios)
    texts = _find_transcripts([*folders, transcripts_folder], rows)
    files = [table, *(text for found in texts.values() for text in found)]
    files = [os.path.relpath(file, data_folder) for file in files]
    files += [wavs[utterance] for utterance in rows if utterance in wavs]
    settings = {
        "script": ["msp_podcast_prepare", VERSION],
        "emotions": emotions,
        "sizes": [train_size, test_size, valid_ratio],
        "durations": [min_duration, max_duration],
        "speech_filter": speech_filter,
        "seed": seed,
    }
    made_from = manifest_inputs(settings, data_folder, files)
    missing = Path(manifest_folder) / "missing_transcripts.json"
    if dry_run:
        return manifests_verdict(manifest_folder, made_from)
    with locked(manifest_folder):
        if missing.is_file() and manifests_are_current(
            manifest_folder, made_from
        ):
            logger.info(f"{manifest_folder}: the manifests are up to date")
            return
        absent = [utterance for utterance in rows if utterance not in wavs]
        audios = os.path.relpath(audios, data_folder)
        wavs.update((u, os.path.join(audios, f"{u}.wav")) for u in absent)
        sampler = _Sampler(
            data_folder, wavs, texts, min_duration, max_duration, speech_filter
        )
        train = sampler.sample(orders["train"], train_size)
        # Counting those that are still to be transcribed, so that they and
        # their share of Development are listed at once.
        full = len(train) + len(sampler.lacking)
        full = min(full, train_size or full)
        sizes["valid"] = max(1, round(valid_ratio * full))
        valid = sampler.sample(orders["valid"], sizes["valid"])
        test = sampler.sample(orders["test"], test_size)
        lacking = sampler.lacking
        found = len(train) + len(valid) + len(test) + len(lacking)
        report_left_out(manifest_folder, sampler.left_out, found)
        write_atomically(missing, as_json(lacking))
        drawn = {"train": train, "valid": valid, "test": test}
        _report_sample(drawn, sizes, lacking, missing)
        splits = {
            split: {
                utterance: _entry(utterance, rows[utterance], **found)
                for utterance, found in sorted(part.items())
            }
            for split, part in drawn.items()
        }
        write_manifests(manifest_folder, splits, emotions, made_from)


def _check_options(emotions, sizes, valid_ratio, transcripts_folder):
    """Refuses settings that cannot be meant."""
    unknown = [e for e in emotions if e not in LETTERS]
    if unknown or not emotions:
        raise ValueError(
            f"emotions: {unknown or emotions} not among {list(LETTERS)}"
        )
    for split, size in sizes.items():
        if size is not None and size < 1:
            raise ValueError(
                f"{split}_size: {size} is no number of utterances; write 1 or "
                "more, or null for all"
            )
    if not 0 < valid_ratio <= 1:
        raise ValueError(f"valid_ratio: {valid_ratio} is not in 0..1")
    if transcripts_folder and not Path(transcripts_folder).is_dir():
        raise FileNotFoundError(
            f"transcripts_folder {transcripts_folder} is no folder: make it "
            "with transcribe_missing.py, or leave the setting out"
        )


def _read_table(path, emotions):
    """Reads utterance id -> what its line says, for sets and classes in use."""
    classes = {LETTERS[emotion]: emotion for emotion in emotions}
    rows, letters, off_scale = {}, Counter(), []
    labels = read_labels(path, COLUMNS)
    for place, fields in labels:
        split = PARTITIONS.get(fields["Split_Set"])
        letters[fields["EmoClass"]] += split is not None
        if split is None or fields["EmoClass"] not in classes:
            continue
        utterance = fields["FileName"][: -len(".wav")]
        ratings, speaker = _rate(fields, place), fields["SpkrID"]
        if None in ratings.values():
            off_scale.append(utterance)
        if speaker.lower() in ("unknown", "nan", "none", ""):
            speaker = None
        rows[utterance] = {
            "split": split,
            "speaker": speaker,
            "emotion": classes[fields["EmoClass"]],
            **ratings,
        }
    others = [x for x in sorted(letters) if letters[x] and x not in classes]
    logger.info(
        f"{path}: {len(rows)} of {len(labels)} utterances are of the sets and "
        "classes asked for; other classes of these sets: "
        f"{', '.join(f'{letters[x]} {x}' for x in others) or 'none'}"
    )
    if off_scale:
        logger.warning(
            f"{len(off_scale)} utterance(s) have ratings that are not 1 to 7; "
            f"they go without dimensions, the first: {off_scale[0]}"
        )
    return rows


def _rate(fields, place):
    """Converts the ratings; all are `None` where one is outside the scale."""
    ratings = {}
    for dimension in DIMENSIONS:
        column = RATINGS[dimension]
        try:
            rating = float(fields[column])
        except ValueError as err:
            raise ValueError(
                f"{place}: {column} '{fields[column]}' is no number; restore "
                "the table as released"
            ) from err
        try:
            ratings[dimension] = to_unit(rating, "MSP-Podcast")
        except ValueError:
            return dict.fromkeys(DIMENSIONS)
    return ratings


def _draw_orders(table, rows, sizes, valid_ratio, seed):
    """Draws split -> ids in the order in which they are to be tried."""
    orders = {"train": [], "valid": [], "test": []}
    for utterance in sorted(rows):
        orders[rows[utterance]["split"]].append(utterance)
    for split, partition in (("train", "Train"), ("test", "Test1")):
        if not orders[split]:
            raise ValueError(
                f"{table}: no utterance of the classes asked for has the "
                f"Split_Set {partition}; restore the table of labels as released"
            )
    # Lists of their own, so that no split's draw depends on another's.
    orders = {
        split: [
            ids[k] for k in np.random.RandomState(seed).permutation(len(ids))
        ]
        for split, ids in orders.items()
    }
    if not orders["valid"]:
        asked = min(sizes["train"] or len(rows), len(orders["train"]))
        wanted = max(1, round(valid_ratio * asked))
        orders["valid"], orders["train"] = _hold_out(
            table, orders["train"], rows, wanted
        )
    return orders


def _hold_out(table, order, rows, wanted):
    """Parts the utterances of a few speakers, `wanted` or more, from the rest.

    Speakers are taken as they turn up in the order. Those unknown stay with
    the rest: who they are cannot be told, but most are not these few.
    """
    counts = Counter(rows[utterance]["speaker"] for utterance in order)
    known = dict.fromkeys(rows[utterance]["speaker"] for utterance in order)
    known.pop(None, None)
    if len(known) < 2:
        raise ValueError(
            f"{table}: there is no Development set, and Train names fewer than "
            "2 speakers (SpkrID) to hold one out; complete the table of labels"
        )
    held, size = set(), 0
    for speaker in list(known)[:-1]:
        if size < wanted:
            held.add(speaker)
            size += counts[speaker]
    logger.warning(
        f"there is no Development set: {len(held)} speaker(s) of Train with "
        f"{size} utterances are held out for validation"
    )
    return (
        [u for u in order if rows[u]["speaker"] in held],
        [u for u in order if rows[u]["speaker"] not in held],
    )


def _find_wavs(data_folder, audios):
    """Lists utterance id -> wav, relative to the data folder."""
    wavs, again = find_wavs(data_folder, audios)
    if again:
        logger.warning(
            f"{len(again)} wav(s) are in two folders of Audios; the first "
            f"folder counts, unlike for {min(again)}"
        )
    return {name[: -len(".wav")]: path for name, path in wavs.items()}


def _find_transcripts(folders, rows):
    """Lists utterance id -> files that may hold its text, the best first."""
    texts = {}
    for folder in folders:
        if folder and Path(folder).is_dir():
            for name in os.listdir(folder):
                utterance, kind = os.path.splitext(name)
                if kind == ".txt" and utterance in rows:
                    texts.setdefault(utterance, []).append(Path(folder) / name)
    return texts


def _read_text(files):
    """Reads the first transcript that is not empty."""
    for file in files:
        text = decode(file.read_bytes())
        if text.strip():
            return " ".join(text.split())
    return ""


class _Sampler:
    """Fills samples, and keeps account of what cannot be in one.

    Arguments
    ---------
    data_folder : str
        What the wavs' paths start from.
    wavs : dict
        Utterance id -> wav.
    texts : dict
        Utterance id -> files of its transcript.
    *usable
        For `inspect_wavs`: bounds of durations, and the filter of speech.
    """

    def __init__(self, data_folder, wavs, texts, *usable):
        self.data_folder, self.wavs, self.texts = data_folder, wavs, texts
        self.usable = usable
        self.left_out, self.lacking = {}, {}

    def sample(self, order, size):
        """Takes utterances in an order until there are `size`, or all.

        It also ends when `size` of them lack a transcript: these would fill
        the sample by themselves, and a copy without `Transcripts` would
        otherwise be read to the end.

        Arguments
        ---------
        order : list of str
            Utterance ids.
        size : int or None
            How many are wanted; `None` means all.

        Returns
        -------
        dict
            Utterance id -> `wav`, `duration` and `transcript`.
        """
        size = len(order) if size is None else size
        usable, position, before = {}, 0, len(self.lacking)
        while position < len(order):
            lacking = len(self.lacking) - before
            tried = order[position:][: size - max(len(usable), lacking)]
            if not tried:
                break
            position += len(tried)
            files = {self.wavs[utterance]: utterance for utterance in tried}
            durations, unusable = inspect_wavs(
                self.data_folder, list(files), *self.usable
            )
            self.left_out.update(unusable)
            for file, seconds in durations.items():
                utterance, wav = files[file], Path(file).as_posix()
                text = _read_text(self.texts.get(utterance, []))
                if text:
                    usable[utterance] = {
                        "wav": f"{DATA_ROOT}/{wav}",
                        "duration": seconds,
                        "transcript": text,
                    }
                else:
                    self.left_out[file] = "no transcript: none, or an empty one"
                    self.lacking[utterance] = f"{DATA_ROOT}/{wav}"
        return usable


def _report_sample(drawn, sizes, lacking, missing):
    """Logs what the samples lack; refuses to go on without transcripts."""
    if lacking:
        advice = (
            f"{len(lacking)} utterance(s) have no transcript in Transcripts: "
            f"they are listed in {missing}, and transcribe_missing.py writes "
            "what Whisper hears in them"
        )
        if not drawn["train"] or not drawn["test"]:
            raise ValueError(f"too few transcripts to train and test: {advice}")
        logger.warning(advice)
    for split, size in sizes.items():
        if size is not None and len(drawn[split]) < size:
            logger.warning(
                f"{split}: {size} utterances are asked for, but only "
                f"{len(drawn[split])} can be used"
            )


def _podcast_of(utterance):
    """Names the podcast, as in "MSP-PODCAST_0001_0008"; else the utterance."""
    found = re.fullmatch(r"(MSP-PODCAST_\d+)_.*", utterance)
    return found.group(1) if found else utterance


def _entry(utterance, row, wav, duration, transcript):
    """Puts a manifest entry together."""
    return {
        "wav": wav,
        "duration": duration,
        # Whoever it is: two unknown speakers are not known to be one.
        "speaker": row["speaker"] or f"Unknown_{utterance}",
        "emotion": row["emotion"],
        "transcript": transcript,
        "cluster": row["speaker"] or _podcast_of(utterance),
        **{dimension: row[dimension] for dimension in DIMENSIONS},
    }


@entry_point("msp_podcast_prepare.py")
def main(arguments):
    """Prepares the corpus, as the command line says."""
    parser = Parser(description="Prepares MSP-Podcast.")
    parser.add_argument("data_folder", help="MSP-Podcast as released")
    parser.add_argument("manifest_folder", help="receives the manifests")
    parser.add_argument("--transcripts_folder", help="further transcripts")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    prepare_msp_podcast(**vars(given))


if __name__ == "__main__":
    main()
