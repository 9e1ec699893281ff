"""RAVDESS: 24 actors, two sentences, eight emotions (Livingstone & Russo 2018).

Each name is seven numbers: modality, channel (speech or song), emotion,
intensity, statement, repetition, actor.

The zip, unpacked, and Kaggle's copy will do; songs are left out, and the sound
of the videos, which is of the same performances.

Authors
 * The speechbrain_relm contributors 2026
"""

import functools
import re

from speechbrain_relm.data.open_emotion.base import Corpus, Take, read_names

LABELS = (
    "neutral calm happy sad angry fearful disgust surprised".split()
)  # numbered from 1
STATEMENTS = ("Kids are talking by the door.", "Dogs are sitting by the door.")
NAME = re.compile(r"(?:^|/)(\d\d(?:-\d\d){6})\.\w+$")
AUDIO_ONLY, SPEECH, ACTORS = "03", "01", 24


def _take(path, match):
    """Takes a name apart."""
    numbers = match[1].split("-")
    modality, channel, emotion, level, statement, time, actor = numbers
    if channel != SPEECH:
        return "song: speech only is used"
    if modality != AUDIO_ONLY:
        return "of a video: the recordings of sound alone are used"
    if not 1 <= int(actor) <= ACTORS:
        return f"unexpected name: actor 01 to {ACTORS}"
    twos = [int(number) in (1, 2) for number in (level, statement, time)]
    if not (1 <= int(emotion) <= len(LABELS) and all(twos)):
        return (
            "unexpected name: emotion 01 to 08; intensity, statement and "
            "repetition 01 or 02"
        )
    label = LABELS[int(emotion) - 1]
    text = STATEMENTS[int(statement) - 1]
    return Take(match[1], path, actor, label, text)


RAVDESS = Corpus(
    title="RAVDESS",
    read=functools.partial(
        read_names,
        pattern=NAME,
        take=_take,
        expected="Actor_01/03-01-01-01-01-01-01.wav",
    ),
    where="https://zenodo.org/records/1188976, "
    "Audio_Speech_Actors_01-24.zip, or by --download",
    licence="CC BY-NC-SA 4.0",
    language="English",
    counts={label: 96 if label == "neutral" else 192 for label in LABELS},
    speakers=24,
    # Of two sentences nothing can be said in general.
    cluster="speaker",
    folds=[
        ["01", "11", "20", "21"],
        ["04", "10", "12", "14"],
        ["08", "09", "19", "23"],
        ["03", "05", "07", "24"],
        ["02", "15", "16", "18"],
        ["06", "13", "17", "22"],
    ],
    archive=(
        "https://zenodo.org/records/1188976/files/"
        "Audio_Speech_Actors_01-24.zip",
        "bc696df654c87fed845eb13823edef8a",
    ),
    seconds=5329.0,
)
