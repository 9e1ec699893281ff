#!/usr/bin/env python3
"""Prepares a free corpus of emotional speech.

To run it alone, do the following:
> python open_emotion_prepare.py RAVDESS /path/to/RAVDESS manifests

RAVDESS, CREMA-D, TESS, Emo-DB, SAVEE, EMNS, nEMO, MELD, and what CAMEO holds:
speechbrain_relm/data/open_emotion has a module for each.

Authors
 * The speechbrain_relm contributors 2026
"""

import logging
from collections import Counter
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
from speechbrain_relm.data.open_emotion.registry import (
    class_of,
    fetch_corpus,
    find,
)
from speechbrain_relm.data.protocols import absent_of_fold, split_takes
from speechbrain_relm.utils.errors import Parser, entry_point
from speechbrain_relm.utils.files import locked
from speechbrain_relm.utils.provenance.stamps import content, fingerprint
from speechbrain_relm.utils.sound.audio import inspect_wavs, mean_seconds
from speechbrain_relm.utils.text.wording import normalised

logger = get_logger(__name__)

# What the corpora call the paper's four classes.
EMOTION_NAMES = {
    "neutral": ["neutral"],
    "sad": ["sad", "sadness"],
    "angry": ["angry", "anger"],
    "happy": ["happy", "happiness", "joy"],
}
FEWEST_SENTENCES = 4  # else intervals and tests draw speakers
WHOLE = 0.99  # of the recordings: their lengths can be compared
SAME_LENGTH = 0.01  # by which a mean length may differ, as decoders do
# Raise it when the same data and settings would give other manifests.
VERSION = 3


def prepare_open_emotion(
    corpus,
    data_folder,
    manifest_folder,
    emotions=("neutral", "sad", "angry", "happy"),
    emotion_names=None,
    split="speakers",
    fold=1,
    test_speakers=None,
    test_ratio=0.3,
    valid_ratio=0.1,
    min_duration=0.3,
    max_duration=30.0,
    seed=1234,
    speech_filter=None,
    download=False,
    skip_prep=False,
    dry_run=False,
):
    """Writes `train.json`, `valid.json` and `test.json` for a free corpus.

    Each maps an utterance id to `wav` (with `{data_root}` for `data_folder`),
    `duration` (seconds), `speaker`, `emotion`, `transcript`, `cluster` (what
    intervals and tests draw), and `arousal`, `dominance` and `valence`, which
    are null: none of the corpora has such labels.
    Manifests made from the same settings and files are kept. What cannot be
    used is named in `left_out.json`; in what a copy differs from the release,
    in their stamp.

    Arguments
    ---------
    corpus : str
        Which: a name of `speechbrain_relm.data.open_emotion.registry`.
    data_folder : str
        The corpus as it is distributed, unpacked.
    manifest_folder : str
        Receives the manifests.
    emotions : list of str
        Classes.
    emotion_names : dict or None
        Class to the corpus's own words for it; others are left out and
        counted. `None` is what the corpora call the paper's four classes.
    split : str
        See `speechbrain_relm.data.protocols.split_takes`.
    fold : int
        From 1.
    test_speakers : list of str or None
        With the split "speakers": those of the test.
    test_ratio : float
        With the split "sentences": share of the sentences for testing.
    valid_ratio : float
        Share of the rest for validation.
    min_duration : float
        Seconds; shorter recordings are left out.
    max_duration : float
        Seconds; longer recordings are left out.
    seed : int
        Of what is drawn.
    speech_filter : str or None
        Leaves out recordings without speech: see
        `speechbrain_relm.utils.sound.voice.FILTERS`.
    download : bool
        Whether to fetch the corpus into `data_folder`, if it is not there.
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
    >>> prepare_open_emotion("TESS", "TESS", "m")  # doctest: +SKIP
    """
    if skip_prep:
        return
    emotion_names = emotion_names or EMOTION_NAMES
    emotions, known = list(emotions), find(corpus)
    unknown = set(emotions) - set(emotion_names)
    if unknown:
        raise ValueError(
            f"emotions: {', '.join(sorted(unknown))} not in emotion_names."
        )
    if download and dry_run and not Path(data_folder).is_dir():
        return f"{corpus} would be fetched first"
    if download and not dry_run:
        fetch_corpus(known, data_folder)
    takes, left_out = _read(known, data_folder)
    odd = _compare(known, data_folder, takes)
    wanted = {e: emotion_names[e] for e in emotions}
    usable, unwanted = _with_class(takes, wanted)
    # Before all is read: a split that there is not should cost seconds.
    parts = usable and split_takes(
        usable,
        known,
        split,
        fold,
        (test_ratio, valid_ratio),
        seed,
        test_speakers,
    )
    absent = absent_of_fold(usable, known, split, fold, test_speakers)
    if absent:
        odd.append(
            f"Of the speakers of fold {fold} this copy has no "
            f"{', '.join(absent)}: figures on it are not those of the fold."
        )
    for sentence in odd:
        logger.warning(f"{known.title}: {sentence}")
    settings = {
        "script": ["open_emotion_prepare", VERSION, corpus],
        "emotions": [[e, emotion_names[e]] for e in emotions],
        "split": [split, fold, test_speakers, test_ratio, valid_ratio],
        "parts": content(fingerprint(parts), "who is in which part"),
        "takes": content(fingerprint(takes), f"of {len(takes)} takes"),
        "left_out": content(fingerprint(left_out), f"of {len(left_out)} files"),
        "durations": [min_duration, max_duration],
        "seed": seed,
        "speech_filter": speech_filter,
    }
    made_from = manifest_inputs(
        settings, data_folder, [take.wav for take in takes]
    )
    if dry_run:
        return manifests_verdict(manifest_folder, made_from)
    with locked(manifest_folder):
        if manifests_are_current(manifest_folder, made_from):
            logger.info(f"{manifest_folder}: the manifests are up to date")
            return
        left_out.update(unwanted)
        if not usable:
            report_left_out(manifest_folder, left_out, 0)
        durations, unusable = inspect_wavs(
            data_folder,
            [take.wav for take in usable],
            min_duration,
            max_duration,
            speech_filter,
        )
        left_out.update(unusable)
        if unusable:
            wav, why = min(unusable.items())
            odd.append(
                f"{len(unusable)} of the {len(usable)} recordings of the "
                f"classes cannot be used, such as {wav} ({why})."
            )
        report_left_out(manifest_folder, left_out, len(durations))
        cluster = _cluster(known, usable)
        splits = {
            part: {
                take.name: _entry(take, wanted, durations, cluster)
                for take in sorted(those)
                if take.wav in durations
            }
            for part, those in parts.items()
        }
        write_manifests(manifest_folder, splits, emotions, made_from, odd)


def _read(known, data_folder):
    """Reads a corpus; what is none of it is told where it can be had."""
    try:
        return known.read(data_folder)
    except (FileNotFoundError, ValueError) as error:
        raise type(error)(
            f"{error} {known.title} ({known.language}) can be had from "
            f"{known.where}."
        ) from error


def _compare(known, data_folder, takes):
    """Lists, in sentences, where a copy is not what was released."""
    found = Counter(take.label for take in takes)
    of_speakers = Counter(take.speaker for take in takes).values()
    logger.info(
        f"{known.title}: {len(takes)} recordings ("
        f"{', '.join(f'{n} {label}' for label, n in sorted(found.items()))}) "
        f"of {len(of_speakers)} speakers, {min(of_speakers, default=0)} to "
        f"{max(of_speakers, default=0)} each"
    )
    odd = []
    if known.speakers not in (None, len(of_speakers)):
        odd.append(
            f"{len(of_speakers)} speakers are in this copy, {known.speakers} "
            "in the release."
        )
    counts = {**dict.fromkeys(found, 0), **known.counts}
    other = [
        f"{found[label]} recordings of {label} ({counts[label] or 'none'})"
        for label in sorted(counts)
        if known.counts and found[label] != counts[label]
    ]
    if other:
        odd.append(
            "This copy has, with the release's number in brackets, "
            f"{', '.join(other)}."
        )
    return odd + _compare_lengths(known, data_folder, takes)


def _compare_lengths(known, data_folder, takes):
    """Says if the recordings of a whole copy were cut or padded."""
    number = sum(known.counts.values())
    whole = WHOLE * number <= len(takes) <= number / WHOLE
    if known.seconds is None or not whole:
        return []
    found = mean_seconds([Path(data_folder, take.wav) for take in takes])
    expected = known.seconds / number
    if not abs(found / expected - 1) > SAME_LENGTH:  # nor if none can be read
        return []
    return [
        f"A recording of this copy has {found:.3f} s on average, one of the "
        f"release {expected:.3f} s: they were cut or padded, and results are "
        "none of the release."
    ]


def _with_class(takes, wanted):
    """Divides takes into those of a class, and the others with a reason."""
    usable, left_out, unmapped = [], {}, Counter()
    for take in takes:
        if class_of(take.label, wanted) is None:
            left_out[take.wav] = f"unmapped emotion: {take.label}"
            unmapped[take.label] += 1
        elif not (take.transcript or "").strip():
            left_out[take.wav] = "no transcript"
        else:
            usable.append(take)
    for word, number in unmapped.most_common():
        logger.info(f"{number} recordings of {word}: no class of emotion_names")
    return usable, left_out


def _cluster(known, takes):
    """What intervals draw: of a few sentences nothing general can be said."""
    sentences = {normalised(take.transcript) for take in takes}
    few = known.cluster == "sentence" and len(sentences) < FEWEST_SENTENCES
    return "speaker" if few else known.cluster


def _entry(take, wanted, durations, cluster):
    """Makes a manifest entry."""
    clusters = {
        "speaker": f"speaker {take.speaker}",
        "sentence": f"sentence {normalised(take.transcript)}",
        "dialogue": f"dialogue {take.dialogue}",
    }
    return {
        "wav": f"{DATA_ROOT}/{take.wav}",
        "speaker": take.speaker,
        "emotion": class_of(take.label, wanted),
        "transcript": take.transcript,
        "arousal": None,
        "dominance": None,
        "valence": None,
        "duration": durations[take.wav],
        "cluster": clusters[cluster],
    }


@entry_point("open_emotion_prepare")
def main(arguments):
    """Does as the command line says."""
    parser = Parser(prog="open_emotion_prepare", description=__doc__)
    parser.add_argument("corpus", help="e.g. RAVDESS")
    parser.add_argument("data_folder", help="the corpus as distributed")
    parser.add_argument("manifest_folder", help="receives the manifests")
    parser.add_argument("--split", default="speakers")
    parser.add_argument("--fold", type=int, default=1)
    parser.add_argument(
        "--download", action="store_true", help="fetch the corpus first"
    )
    given = vars(parser.parse_args(arguments))
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    prepare_open_emotion(**given)


if __name__ == "__main__":
    main()
