#!/usr/bin/env python3
"""Prepares the English part of ESD, the Emotional Speech Database.

Download: https://hltsingapore.github.io/ESD/

To run it alone, do the following:
> python esd_prepare.py /path/to/ESD manifests

The speakers 0011 to 0020 read the same 350 sentences in each emotion. These
parallel sentences are divided 7:3, so that no sentence of the test set is
heard in training, in any voice or emotion. Where a copy repeats a text under
several numbers, all of them go to one part, unless the split is by takes.

Authors
 * The speechbrain_relm contributors 2026
"""

import logging
import os
import re

from speechbrain.utils.logger import get_logger

from speechbrain_relm.data.corpus import split_groups
from speechbrain_relm.data.esd import (
    ENGLISH_SPEAKERS,
    ESD_EMOTIONS,
    describe,
    find_root,
    find_transcript,
    list_wavs,
    read_transcripts,
)
from speechbrain_relm.data.manifests import (
    manifest_inputs,
    manifests_are_current,
    manifests_verdict,
    report_left_out,
    write_manifests,
)
from speechbrain_relm.utils.disk.locks import locked
from speechbrain_relm.utils.errors import Parser, entry_point
from speechbrain_relm.utils.sound.audio import inspect_wavs
from speechbrain_relm.utils.text.wording import normalised

logger = get_logger(__name__)

NUM_SENTENCES = 350
SPLITS = ("sentences", "takes")
# Raise it when the same data and settings would give other manifests.
VERSION = 4


def prepare_esd(
    data_folder,
    manifest_folder,
    speakers=None,
    emotions=("neutral", "sad", "angry", "happy"),
    split="sentences",
    test_ratio=0.3,
    valid_ratio=0.1,
    min_duration=1.0,
    max_duration=30.0,
    seed=1234,
    test_speakers=None,
    test_sentences=None,
    speech_filter=None,
    skip_prep=False,
    dry_run=False,
):
    """Writes `train.json`, `valid.json` and `test.json` for ESD.

    Each maps an utterance id to `wav` (with `{data_root}` for `data_folder`),
    `duration` (seconds), `speaker`, `emotion`, `transcript`, `cluster` (the
    sentence, what intervals and tests draw), and `arousal`, `dominance` and
    `valence`, which are null: ESD has no such labels.
    Manifests made from the same settings and files are kept. Wavs that cannot
    be used are named in `left_out.json`.

    Arguments
    ---------
    data_folder : str
        ESD as released, with the wavs in the emotion folders or in `train`,
        `test` and `evaluation` below them. A partial copy will do.
    manifest_folder : str
        Receives the manifests.
    speakers : list of str
        Speaker folders to use; `None` means the ten English ones.
    emotions : list of str
        Classes to use, out of neutral, angry, happy, sad, surprise.
    split : str
        "sentences": what is said in the test is not said in training.
        "takes": by number alone, for a copy that repeats texts under several
        numbers; then the same words are on both sides.
    test_ratio : float
        Share of the parallel sentences (or numbers) for testing.
    valid_ratio : float
        Share of the other sentences for validation.
    min_duration : float
        Seconds; shorter wavs are left out.
    max_duration : float
        Seconds; longer wavs are left out.
    seed : int
        Seed of the split.
    test_speakers : list of str or None
        Speakers of the test set, who are then heard there only; `None` tests
        on all speakers and trains on all, as the paper does.
    test_sentences : (int, int) or None
        First and last of the parallel sentences, 1 to 350, that are for
        testing; `None` draws them (`test_ratio`).
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
        If the folder holds something else, or too little to train and test.

    Example
    -------
    >>> prepare_esd("/path/to/ESD", "manifests")  # doctest: +SKIP
    """
    if skip_prep:
        return
    speakers = ENGLISH_SPEAKERS if speakers is None else list(speakers)
    emotions = list(emotions)
    _check_options(speakers, emotions, split, test_speakers or [])
    root = find_root(data_folder, speakers)
    wavs, unknown = list_wavs(data_folder, root, speakers, emotions)
    texts = [find_transcript(root, speaker) for speaker in speakers]
    files = list(wavs) + [
        os.path.relpath(text, data_folder) for text in texts if text
    ]
    settings = {
        "script": ["esd_prepare", VERSION],
        "speakers": speakers,
        "emotions": emotions,
        "split": split,
        "ratios": [test_ratio, valid_ratio],
        "test": [test_speakers, test_sentences],
        "durations": [min_duration, max_duration],
        "speech_filter": speech_filter,
        "seed": seed,
    }
    made_from = manifest_inputs(settings, data_folder, files)
    if dry_run:
        return manifests_verdict(manifest_folder, made_from)
    with locked(manifest_folder):
        if manifests_are_current(manifest_folder, made_from):
            logger.info(f"{manifest_folder}: the manifests are up to date")
            return
        _warn_about_copy(wavs, unknown, speakers, emotions)
        wanted, left_out = describe(wavs, read_transcripts(root, speakers))
        durations, unusable = inspect_wavs(
            data_folder,
            list(wanted),
            min_duration,
            max_duration,
            speech_filter,
        )
        left_out.update(unusable)
        report_left_out(manifest_folder, left_out, len(durations))
        entries = [
            {**wanted[wav], "duration": seconds}
            for wav, seconds in durations.items()
        ]
        splits = _split_entries(
            entries,
            split == "sentences",
            test_ratio,
            valid_ratio,
            seed,
            test_speakers or [],
            test_sentences,
        )
        write_manifests(manifest_folder, splits, emotions, made_from)


def _check_options(speakers, emotions, split, test_speakers):
    """Refuses speakers, emotions and splits that ESD cannot have."""
    if split not in SPLITS:
        raise ValueError(f"split: '{split}' is none of {', '.join(SPLITS)}.")
    # YAML reads an unquoted 0011 as the number 9.
    wrong = [
        s
        for s in [*speakers, *test_speakers]
        if not re.fullmatch(r"\d{4}", str(s))
    ]
    if wrong or not speakers:
        raise ValueError(
            f"speakers: {wrong or speakers} are no folder names of ESD; write "
            'four digits in quotes, as "0011"'
        )
    unknown = [e for e in emotions if e not in ESD_EMOTIONS]
    if unknown or not emotions:
        raise ValueError(
            f"emotions: {unknown or emotions} not among {list(ESD_EMOTIONS)}"
        )


def _warn_about_copy(wavs, unknown, speakers, emotions):
    """Logs what the copy lacks and what is not part of ESD."""
    if unknown:
        logger.warning(
            f"{len(unknown)} folder(s) are no emotion of ESD and are left "
            f"out: {', '.join(unknown[:5])}"
        )
    expected = len(speakers) * len(emotions) * NUM_SENTENCES
    if len(wavs) < expected:
        absent = sorted(
            set(speakers) - {speaker for speaker, _ in wavs.values()}
        )
        logger.warning(
            f"partial copy of ESD: {expected - len(wavs)} of {expected} wavs "
            f"are missing ({len(speakers)} speakers x {len(emotions)} "
            f"emotions x {NUM_SENTENCES} sentences); speakers without any: "
            f"{', '.join(absent) or 'none'}"
        )


def _sentence_index(utterance):
    """Tells which parallel sentence, 1 to 350, an utterance says.

    ESD numbers the takes of a speaker through, 350 for each emotion.
    """
    number = int(utterance.split("_")[1])
    return (number - 1) % NUM_SENTENCES + 1


def _in_range(test_sentences, there):
    """Lists the sentences of a range [first, last] that the copy has."""
    first, last = test_sentences
    found = {s for s in there if first <= s <= last}
    if not found or found == set(there):
        raise ValueError(
            f"test_sentences: {list(test_sentences)} has {len(found)} of the "
            f"{len(there)} sentences of this copy, from {min(there)} to "
            f"{max(there)}: some must be for testing and some for training"
        )
    return found


def _split_entries(
    entries,
    by_text,
    test_ratio,
    valid_ratio,
    seed,
    test_speakers=(),
    test_sentences=None,
):
    """Divides entries by parallel sentence: split -> id -> entry."""
    emotions_of, texts = {}, {}
    for entry in entries:
        sentence = _sentence_index(entry["id"])
        emotions_of.setdefault(sentence, set()).add(entry["emotion"])
        texts.setdefault(sentence, normalised(entry["transcript"]))
    if len(emotions_of) < 3:
        raise ValueError(
            f"usable wavs of {len(emotions_of)} parallel sentence(s) only: "
            "train, valid and test need one each; complete the copy of ESD"
        )
    # Takes of one text stay together, or are spread over both sides.
    how = "contents" if by_text else "kinds"
    if test_sentences is None:
        test, _ = split_groups(emotions_of, test_ratio, seed, **{how: texts})
    else:
        test = _in_range(test_sentences, emotions_of)
    rest = {s: e for s, e in emotions_of.items() if s not in test}
    of_rest = {s: texts[s] for s in rest}
    valid, _ = split_groups(rest, valid_ratio, seed, **{how: of_rest})

    firsts = {texts[s]: s for s in sorted(texts, reverse=True)}
    splits = {"train": {}, "valid": {}, "test": {}}
    for entry in sorted(entries, key=lambda entry: entry["id"]):
        sentence = _sentence_index(entry["id"])
        split = "valid" if sentence in valid else "train"
        split = "test" if sentence in test else split
        # A voice of the test is not heard in training, nor the other way.
        if test_speakers:
            tested = entry["speaker"] in test_speakers
            if tested != (split == "test"):
                continue
        content = {k: v for k, v in entry.items() if k != "id"}
        # Of one text under several numbers, the first.
        content["cluster"] = f"sentence {firsts[texts[sentence]]}"
        splits[split][entry["id"]] = content
    return splits


@entry_point("esd_prepare.py")
def main(arguments):
    """Prepares the corpus, as the command line says."""
    parser = Parser(description="Prepares ESD.")
    parser.add_argument("data_folder", help="ESD as released")
    parser.add_argument("manifest_folder", help="receives the manifests")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    prepare_esd(given.data_folder, given.manifest_folder)


if __name__ == "__main__":
    main()
