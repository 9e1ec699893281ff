#!/usr/bin/env python3
"""Prepares IEMOCAP, the Interactive Emotional Dyadic Motion Capture database.

Download: https://sail.usc.edu/iemocap/

To run it alone, do the following:
> python iemocap_prepare.py /path/to/IEMOCAP_full_release manifests

Neutral, angry, sad and happy, with excited merged into happy: 5531 utterances
of the full release. One session, two speakers that are heard nowhere else,
is for testing. Validation holds out whole dialogs of the other sessions, since
the turns of a dialog answer each other.

Authors
 * The speechbrain_relm contributors 2026
"""

import logging
import os
import re
from collections import Counter
from pathlib import Path

from speechbrain.utils.logger import get_logger

from speechbrain_relm.data.corpus import DATA_ROOT, split_groups
from speechbrain_relm.data.manifests import (
    manifest_inputs,
    manifests_are_current,
    manifests_verdict,
    report_left_out,
    write_manifests,
)
from speechbrain_relm.data.roots import find_root
from speechbrain_relm.utils.dimensions import DIMENSIONS, to_unit
from speechbrain_relm.utils.disk.locks import locked
from speechbrain_relm.utils.errors import Parser, entry_point
from speechbrain_relm.utils.sound.audio import inspect_wavs
from speechbrain_relm.utils.text.reading import decode
from speechbrain_relm.utils.text.wording import half_width

logger = get_logger(__name__)

DOWNLOAD = "https://sail.usc.edu/iemocap/"
SESSIONS = (1, 2, 3, 4, 5)
EMOTIONS = {
    "neu": "neutral",
    "ang": "angry",
    "sad": "sad",
    "hap": "happy",
    "exc": "happy",
}
# Frustrated, surprised, fearful, disgusted, other, and no majority.
OTHER_LABELS = ("fru", "sur", "fea", "dis", "oth", "xxx")
# Utterances of each label in the full release, by session.
FULL_RELEASE = {
    1: {"neu": 384, "ang": 229, "sad": 194, "hap": 135, "exc": 143},
    2: {"neu": 362, "ang": 137, "sad": 197, "hap": 117, "exc": 210},
    3: {"neu": 320, "ang": 240, "sad": 305, "hap": 135, "exc": 151},
    4: {"neu": 258, "ang": 327, "sad": 143, "hap": 65, "exc": 238},
    5: {"neu": 384, "ang": 170, "sad": 245, "hap": 143, "exc": 299},
}
# As "[6.29 - 8.24]  Ses01F_impro01_F000  neu  [2.5, 2.5, 2.5]"; the lines of
# single evaluators begin otherwise.
EVALUATION = re.compile(r"\[[^\]]*\]\s*(\S+)\s+(\S+)\s*(?:\[(.*)\])?\s*")
# As "Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me."; times may lack.
TRANSCRIPTION = re.compile(r"(Ses\w+)\s*(?:\[[^\]]*\])?\s*:\s*(.*)")
# Raise it when the same data and settings would give other manifests.
VERSION = 2


def prepare_iemocap(
    data_folder,
    manifest_folder,
    emotions=("neutral", "sad", "angry", "happy"),
    test_session=5,
    valid_ratio=0.1,
    min_duration=0.3,
    max_duration=35.0,
    seed=1234,
    speech_filter=None,
    skip_prep=False,
    dry_run=False,
):
    """Writes `train.json`, `valid.json` and `test.json` for IEMOCAP.

    Each maps an utterance id to `wav` (with `{data_root}` for `data_folder`),
    `duration` (seconds), `speaker` (as "Ses01F"), `emotion`, `transcript`,
    `cluster` (the dialog, what intervals and tests draw), and `arousal`,
    `dominance` and `valence` (0 to 1; all null where the corpus has none of
    its scale). Manifests made from the same settings and files are
    kept. Utterances that cannot be used are named in `left_out.json`.

    Arguments
    ---------
    data_folder : str
        `IEMOCAP_full_release`, or a folder that contains it. A partial copy
        will do.
    manifest_folder : str
        Receives the manifests.
    emotions : list of str
        Classes to use, out of neutral, sad, angry, happy.
    test_session : int
        Session for testing, 1 to 5; the others are for training.
    valid_ratio : float
        Share of the other sessions' dialogs for validation.
    min_duration : float
        Seconds; shorter utterances are left out. The shortest of the 5531 has
        0.58 s.
    max_duration : float
        Seconds; longer utterances are left out. The longest of the 5531 has
        34.1 s.
    seed : int
        Seed of the split.
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
    >>> prepare_iemocap("IEMOCAP_full_release", "m")  # doctest: +SKIP
    """
    if skip_prep:
        return
    emotions = list(emotions)
    _check_options(emotions, test_session)
    root = find_root(
        data_folder,
        "IEMOCAP",
        _has_sessions,
        "Session1 to Session5 with dialog/EmoEvaluation are expected",
        f"IEMOCAP can be had from {DOWNLOAD}",
    )
    texts = _list_texts(root)
    evaluations, odd_names = _read_evaluations(texts["EmoEvaluation"])
    wavs = {
        utterance: _wav_of(utterance, root, data_folder)
        for utterance, rows in evaluations.items()
        if any(EMOTIONS.get(label) in emotions for label, _ in rows)
        or not {label for label, _ in rows} <= {*EMOTIONS, *OTHER_LABELS}
    }
    files = [path for paths in texts.values() for path in paths]
    files = [os.path.relpath(path, data_folder) for path in files]
    settings = {
        "script": ["iemocap_prepare", VERSION],
        "emotions": emotions,
        "split": [test_session, valid_ratio, seed],
        "durations": [min_duration, max_duration],
        "speech_filter": speech_filter,
    }
    made_from = manifest_inputs(settings, data_folder, [*files, *wavs.values()])
    if dry_run:
        return manifests_verdict(manifest_folder, made_from)
    with locked(manifest_folder):
        if manifests_are_current(manifest_folder, made_from):
            logger.info(f"{manifest_folder}: the manifests are up to date")
            return
        _report_unrated(root, evaluations)
        transcripts = _read_transcripts(texts["transcriptions"])
        wanted, left_out = _describe(wavs, evaluations, transcripts)
        durations, unusable = inspect_wavs(
            data_folder,
            list(wanted),
            min_duration,
            max_duration,
            speech_filter,
        )
        left_out.update(odd_names)
        left_out.update(unusable)
        report_left_out(manifest_folder, left_out, len(durations))
        entries = {
            Path(wav).stem: {**wanted[wav], "duration": seconds}
            for wav, seconds in durations.items()
        }
        _report_counts(
            {u: evaluations[u][0][0] for u in entries}, emotions, test_session
        )
        splits = _split_entries(entries, test_session, valid_ratio, seed)
        write_manifests(manifest_folder, splits, emotions, made_from)


def _check_options(emotions, test_session):
    """Refuses emotions and sessions that this recipe cannot have."""
    known = list(dict.fromkeys(EMOTIONS.values()))
    unknown = [e for e in emotions if e not in known]
    if unknown or not emotions:
        raise ValueError(f"emotions: {unknown or emotions} not among {known}")
    if test_session not in SESSIONS:
        raise ValueError(f"test_session: {test_session} is none of 1 to 5")


def _has_sessions(folder):
    """Whether a folder holds sessions with their labels."""
    return any(
        (folder / f"Session{number}" / "dialog" / "EmoEvaluation").is_dir()
        for number in SESSIONS
    )


def _list_texts(root):
    """Lists the dialogs' files: folder name -> paths.

    Not those in subfolders, which hold the single evaluators' opinions, and
    not the "._x.txt" that macOS archives hold beside each x.txt.
    """
    found = {"EmoEvaluation": [], "transcriptions": []}
    for folder, paths in found.items():
        for number in SESSIONS:
            place = root / f"Session{number}" / "dialog" / folder
            if not place.is_dir():  # some copies say "Transcriptions"
                place = place.with_name(folder.capitalize())
            names = sorted(os.listdir(place)) if place.is_dir() else []
            pattern = rf"Ses0{number}[FM]_\w+\.txt"
            paths += [place / n for n in names if re.fullmatch(pattern, n)]
    return found


def _read_lines(path):
    """Reads the lines of a text, in whatever encoding it is kept."""
    text = decode(path.read_bytes())
    return [half_width(line).strip() for line in re.split(r"[\r\n]+", text)]


def _read_evaluations(paths):
    """Reads utterance id -> its (label, ratings), one or, wrongly, several.

    Returns them, and id -> reason for names that are no utterance of their
    dialog: a path is made from the name.
    """
    evaluations, odd_names = {}, {}
    for path in paths:
        for line in _read_lines(path):
            found = EVALUATION.fullmatch(line)
            if not found:
                continue
            utterance, label, ratings = found.groups()
            # Overlapping speech is numbered XX0 and so on.
            name = rf"{path.stem}_[FM](\d{{3}}|XX\d+)"
            if re.fullmatch(name, utterance, re.ASCII):
                rows = evaluations.setdefault(utterance, [])
                rows.append((label.lower(), ratings))
            else:
                odd_names[utterance] = (
                    f"unexpected name: {path.stem}_, F or M and 3 digits wanted"
                )
    return evaluations, odd_names


def _report_unrated(root, evaluations):
    """Logs wavs that no evaluation names, as where a line was damaged."""
    wavs = sorted(root.glob("Session[1-5]/sentences/wav/Ses*/Ses*.wav"))
    unrated = [path.stem for path in wavs if path.stem not in evaluations]
    if unrated:
        logger.warning(
            f"{len(unrated)} wav(s) have no line of their own in "
            f"EmoEvaluation and are not used: {', '.join(unrated[:20])}"
        )


def _wav_of(utterance, root, data_folder):
    dialog = utterance.rpartition("_")[0]
    session = f"Session{_session_of(utterance)}"
    wav = root / session / "sentences" / "wav" / dialog / f"{utterance}.wav"
    return os.path.relpath(wav, data_folder)


def _session_of(utterance):
    """Tells the session, 1 to 5, as in "Ses01F_impro01_F000"."""
    return int(utterance[3:5])


def _cluster_of(utterance):
    """Names the dialog, as "Ses01_script01_1" or "Ses01F_impro01".

    A session's two actors play each script twice, once for the motion capture
    of each: the same words, so both recordings are one.
    """
    dialog = utterance.rpartition("_")[0]
    return re.sub(r"^(Ses\d\d)[FM](_script\d+_\d+).*", r"\1\2", dialog)


def _read_transcripts(paths):
    """Reads utterance id -> text, the first one where there are several.

    Lines that name no utterance, as "F: [LAUGHTER]", are passed over.
    """
    transcripts, again = {}, []
    for path in paths:
        for line in _read_lines(path):
            found = TRANSCRIPTION.fullmatch(line)
            if found:
                utterance, text = found[1], " ".join(found[2].split())
                if transcripts.setdefault(utterance, text) != text:
                    again.append(f"{utterance} in {path}")
    if again:
        logger.warning(
            f"{len(again)} transcript(s) differ from an earlier one of the "
            f"same utterance, which is believed; the first: {again[0]}"
        )
    return transcripts


def _describe(wavs, evaluations, transcripts):
    """Makes relative path -> entry, still without durations.

    Returns the entries, and relative path -> reason for what has no place.
    """
    wanted, left_out, unrated = {}, {}, []
    for utterance, wav in wavs.items():
        labels = [label for label, _ in evaluations[utterance]]
        text = transcripts.get(utterance)
        reason = _label_problem(labels)
        if "XX" in utterance:
            left_out[wav] = "overlapping speech: both speakers at once"
        elif reason:
            left_out[wav] = reason
        elif not text:
            left_out[wav] = "no transcript: not in the dialog's transcription"
        else:
            ratings = _read_ratings(evaluations[utterance][0][1])
            if None in ratings.values():
                unrated.append(utterance)
            session, speaker = utterance[:5], utterance.rpartition("_")[2][0]
            wanted[wav] = {
                "wav": f"{DATA_ROOT}/{Path(wav).as_posix()}",
                "speaker": session + speaker,
                "emotion": EMOTIONS[labels[0]],
                "transcript": text,
                "cluster": _cluster_of(utterance),
                **ratings,
            }
    if unrated:
        logger.warning(
            f"{len(unrated)} utterance(s) have ratings that are not 1 to 5; "
            "their arousal, dominance and valence are null: "
            f"{', '.join(unrated[:5])}"
        )
    return wanted, left_out


def _label_problem(labels):
    """Says why an utterance has no one label, if so."""
    names = ", ".join(labels)
    if len(set(labels)) > 1:
        return f"conflicting labels: {names}"
    if len(labels) > 1:
        return f"labelled twice: {names}"
    if labels[0] not in EMOTIONS:
        return f"unknown label: {names}"
    return None


def _read_ratings(text):
    """Reads "2.5, 3.0, 3.5": valence, activation, dominance, from 1 to 5.

    Returns arousal, dominance and valence from 0 to 1, all `None` if one of
    them has no sense: what lacks a label is labelled in all three.
    """
    try:
        ratings = [float(number) for number in (text or "").split(",")]
        valence, arousal, dominance = (to_unit(r, "IEMOCAP") for r in ratings)
    except ValueError:
        return dict.fromkeys(DIMENSIONS)
    return dict(zip(DIMENSIONS, (arousal, dominance, valence)))


def _report_counts(labels, emotions, test_session):
    """Logs the classes of each session, and what the full release has more.

    `labels` is id -> label of the usable utterances.
    """
    found = {session: Counter() for session in SESSIONS}
    for utterance, label in labels.items():
        found[_session_of(utterance)][EMOTIONS[label]] += 1
    full = {session: Counter() for session in SESSIONS}
    for session, counts in FULL_RELEASE.items():
        for label, number in counts.items():
            if EMOTIONS[label] in emotions:
                full[session][EMOTIONS[label]] += number

    for session, counts in found.items():
        use = "testing" if session == test_session else "training, validation"
        logger.info(f"session {session} ({use}): {_list_counts(counts)}")
    total, full_total = (sum(c.values(), Counter()) for c in (found, full))
    num_test = found[test_session].total()
    logger.info(
        f"all sessions: {_list_counts(total)}; {total.total() - num_test} for "
        f"training and validation, {num_test} for testing"
    )
    if found != full:
        of_each = [f"{total[e]} of {full_total[e]} {e}" for e in emotions]
        sessions = [
            f"session {s} has {found[s].total()} of {full[s].total()}"
            for s in SESSIONS
            if found[s] != full[s]
        ]
        logger.warning(
            f"this is not the full release of IEMOCAP: {total.total()} of "
            f"{full_total.total()} utterances ({', '.join(of_each)}); "
            f"{', '.join(sessions)}"
        )


def _list_counts(counts):
    """Writes "3 utterances (1 happy, 2 neutral)" from emotion -> count."""
    parts = ", ".join(f"{n} {emotion}" for emotion, n in sorted(counts.items()))
    return f"{counts.total()} utterances ({parts or 'none'})"


def _split_entries(entries, test_session, valid_ratio, seed):
    """Divides entries by session and dialog: split -> id -> entry."""
    emotions_of, scenarios = {}, {}
    for utterance, entry in entries.items():
        dialog = utterance.rpartition("_")[0]
        if _session_of(utterance) != test_session:
            emotions_of.setdefault(dialog, set()).add(entry["emotion"])
            # All sessions play the same scenes: each is on both sides.
            scenarios[dialog] = re.sub(r"^Ses..._([a-z]+\d+).*", r"\1", dialog)
    if len(emotions_of) < 2:
        raise ValueError(
            f"usable utterances of {len(emotions_of)} dialog(s) only outside "
            f"session {test_session}: train and valid need one each; complete "
            "the copy of IEMOCAP"
        )
    valid, _ = split_groups(emotions_of, valid_ratio, seed, kinds=scenarios)

    splits = {"train": {}, "valid": {}, "test": {}}
    for utterance, entry in sorted(entries.items()):
        dialog = utterance.rpartition("_")[0]
        split = "valid" if dialog in valid else "train"
        split = "test" if _session_of(utterance) == test_session else split
        splits[split][utterance] = entry
    return splits


@entry_point("iemocap_prepare.py")
def main(arguments):
    """Prepares the corpus, as the command line says."""
    parser = Parser(description="Prepares IEMOCAP.")
    parser.add_argument("data_folder", help="IEMOCAP_full_release")
    parser.add_argument("manifest_folder", help="receives the manifests")
    parser.add_argument("--test_session", type=int, default=5)
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    prepare_iemocap(
        given.data_folder,
        given.manifest_folder,
        test_session=given.test_session,
    )


if __name__ == "__main__":
    main()
