"""The layout of ESD, the Emotional Speech Database, and of corpora made like it.

Authors
 * The speechbrain_relm contributors 2026
"""

import os
import re
from pathlib import Path

from speechbrain.utils.logger import get_logger

from speechbrain_relm.data import roots
from speechbrain_relm.data.corpus import DATA_ROOT, resolve_wav
from speechbrain_relm.utils.sound.audio import inspect_wavs
from speechbrain_relm.utils.text.reading import decode
from speechbrain_relm.utils.text.wording import half_width

logger = get_logger(__name__)

# Section III-B takes the English half; 0001 to 0010 speak Chinese.
ENGLISH_SPEAKERS = [f"{number:04d}" for number in range(11, 21)]
# The paper takes the first four (Section III-B).
ESD_EMOTIONS = ("neutral", "angry", "happy", "sad", "surprise")
DOWNLOAD = "https://hltsingapore.github.io/ESD/"


def read_esd(data_folder, emotions, min_duration=0.3, max_duration=30.0):
    """Reads a corpus in ESD's layout as it is, without splits.

    Arguments
    ---------
    data_folder : str
        The corpus; speakers other than 0011 to 0020 are left out.
    emotions : list of str
        Emotions wanted; others are left out.
    min_duration : float
        Seconds; shorter wavs are left out.
    max_duration : float
        Seconds; longer wavs are left out.

    Returns
    -------
    dict
        Utterance id to manifest entry, with the wav's real path.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it holds something else, or no usable wav.
    """
    root = find_root(data_folder, ENGLISH_SPEAKERS)
    wavs, _ = list_wavs(data_folder, root, ENGLISH_SPEAKERS, emotions)
    transcripts = read_transcripts(root, ENGLISH_SPEAKERS)
    wanted, left_out = describe(wavs, transcripts)
    durations, unusable = inspect_wavs(
        data_folder, list(wanted), min_duration, max_duration
    )
    left_out.update(unusable)
    if left_out:
        first = min(left_out)
        logger.warning(
            "%d wavs of %s are left out, the first: %s (%s).",
            len(left_out),
            data_folder,
            first,
            left_out[first],
        )
    if not durations:
        raise ValueError(
            f"{data_folder} has no usable wav in {', '.join(emotions)}."
        )
    entries = {}
    for wav, seconds in sorted(durations.items()):
        entry = {**wanted[wav], "duration": seconds}
        entry["wav"] = resolve_wav(entry, data_folder)
        entries[entry.pop("id")] = entry
    return entries


def find_root(data_folder, speakers):
    """Finds the folder of the speaker folders, here or up to two levels down.

    Arguments
    ---------
    data_folder : str
        Where to look.
    speakers : list of str
        The speakers, of whom one must be there.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it holds something else.

    Example
    -------
    >>> find_root("no_such_folder", ["0011"])
    Traceback (most recent call last):
    ...
    FileNotFoundError: data_folder no_such_folder is no folder: speaker...
    """
    return roots.find_root(
        data_folder,
        "ESD",
        lambda folder: any((folder / name).is_dir() for name in speakers),
        f"speaker folders such as {speakers[0]}/Neutral are expected",
        f"ESD can be had from {DOWNLOAD}",
    )


def list_wavs(data_folder, root, speakers, emotions):
    """Lists the wavs.

    Arguments
    ---------
    data_folder : str
        What the paths are relative to.
    root : pathlib.Path
        From `find_root`.
    speakers : list of str
        Speakers wanted.
    emotions : list of str
        Emotions wanted.

    Returns
    -------
    wavs : dict
        Relative path -> (speaker, emotion).
    unknown : list of str
        Folders that are no emotion of ESD.
    """
    wavs, unknown = {}, []
    for speaker in speakers:
        if not (root / speaker).is_dir():
            continue
        for folder in sorted((root / speaker).iterdir()):
            emotion = folder.name.lower()
            if not folder.is_dir() or emotion.startswith("."):
                continue
            if emotion not in ESD_EMOTIONS:
                unknown.append(os.path.relpath(folder, data_folder))
            if emotion not in emotions:
                continue
            for parent, _, names in sorted(os.walk(folder)):
                for name in sorted(names):
                    # macOS archives hold a "._x.wav" beside each x.wav.
                    if name.lower().endswith(".wav") and name[0] != ".":
                        path = os.path.join(parent, name)
                        path = os.path.relpath(path, data_folder)
                        wavs[path] = (speaker, emotion)
    return wavs, unknown


def find_transcript(root, speaker):
    """Finds the file of what a speaker says.

    Arguments
    ---------
    root : pathlib.Path
        From `find_root`.
    speaker : str
        The speaker.

    Returns
    -------
    pathlib.Path or None
        As released in the speaker's folder, or else beside the speakers or
        in a folder of transcripts; `None` if it is in none of these.

    Example
    -------
    >>> root = getfixture("tmp_path")
    >>> (root / "0011.txt").touch()
    >>> find_transcript(root, "0011").name
    '0011.txt'
    """
    places = (speaker, ".", "transcripts", "Transcripts", "txt")
    files = (root / place / f"{speaker}.txt" for place in places)
    return next((file for file in files if file.is_file()), None)


def read_transcripts(root, speakers):
    """Reads what the speakers say.

    Arguments
    ---------
    root : pathlib.Path
        From `find_root`.
    speakers : list of str
        Speakers wanted.

    Returns
    -------
    dict
        Utterance id -> (text, label or `None`); the first of several.
    """
    transcripts, again = {}, []
    for speaker in speakers:
        path = find_transcript(root, speaker)
        if path is None:
            continue
        lines = re.split(r"\r\n|[\r\n]", decode(path.read_bytes()))
        for number, line in enumerate(lines, 1):
            if line.strip():
                utterance, *said = parse_line(line)
                if transcripts.setdefault(utterance, tuple(said)) != tuple(
                    said
                ):
                    again.append(f"{path}, line {number}")
    if again:
        logger.warning(
            f"{len(again)} line(s) say something else of an utterance than an "
            f"earlier line, which is believed; the first: {again[0]}"
        )
    return transcripts


def parse_line(line):
    """Takes a line apart: the id, the words, and the emotion at the end.

    Arguments
    ---------
    line : str
        Fields are separated by tabs or by any other white space.

    Returns
    -------
    tuple
        Id, text, and the emotion in lower case, or `None` where the line ends
        without one.

    Example
    -------
    >>> parse_line("0011_000351\\tPut it down.\\tAngry")
    ('0011_000351', 'Put it down.', 'angry')
    """
    # Some files have the punctuation of a Chinese keyboard.
    line = half_width(line)
    utterance, *words = line.split()
    fields = [field.split() for field in line.split("\t") if field.strip()]
    tabbed = len(fields) >= 3
    tail = fields[-1] if tabbed else words[-1:]
    label = " ".join(tail).lower()
    if not tabbed and label not in ESD_EMOTIONS:
        return utterance, " ".join(words), None
    words = words[: -len(tail)]
    return utterance, " ".join(words), label


def describe(wavs, transcripts):
    """Makes manifest entries, still without durations.

    Arguments
    ---------
    wavs : dict
        From `list_wavs`.
    transcripts : dict
        From `read_transcripts`.

    Returns
    -------
    wanted : dict
        Relative path -> entry.
    left_out : dict
        Relative path -> reason why it has no place.
    """
    wanted, left_out, ids, mismatches = {}, {}, {}, []
    for wav, (speaker, emotion) in wavs.items():
        utterance = Path(wav).stem
        text, label = transcripts.get(utterance, ("", None))
        if not re.fullmatch(rf"{speaker}_\d{{6}}", utterance):
            left_out[wav] = f"unexpected name: {speaker}_ and 6 digits wanted"
        elif utterance in ids:
            left_out[wav] = f"duplicate: of {ids[utterance]}"
        elif not text:
            left_out[wav] = f"no transcript: not in {speaker}.txt"
        else:
            ids[utterance] = wav
            if label not in (emotion, None):
                mismatches.append(utterance)
            wanted[wav] = {
                "id": utterance,
                "wav": f"{DATA_ROOT}/{Path(wav).as_posix()}",
                "speaker": speaker,
                "emotion": emotion,
                "transcript": text,
                "arousal": None,
                "dominance": None,
                "valence": None,
            }
    if mismatches:
        logger.warning(
            f"{len(mismatches)} transcript(s) name another emotion than the "
            f"folder, which is believed; the first: {mismatches[0]}"
        )
    return wanted, left_out
