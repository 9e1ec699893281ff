"""CREMA-D: 91 actors, twelve sentences, six emotions (Cao et al. 2014).

A name is actor, sentence, emotion and level: `1001_IEO_ANG_HI.wav`.

A copy of the repository, or its `AudioWAV` alone, will do; its MP3s, if they
are there too, are duplicates of the wavs.

Authors
 * The speechbrain_relm contributors 2026
"""

import functools
import re

from speechbrain_relm.data.open_emotion.base import Corpus, Take, read_names

LABELS = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}
SENTENCES = {
    "IEO": "It's eleven o'clock.",
    "TIE": "That is exactly what happened.",
    "IOM": "I'm on my way to the meeting.",
    "IWW": "I wonder what this is about.",
    "TAI": "The airplane is almost full.",
    "MTI": "Maybe tomorrow it will be cold.",
    "IWL": "I would like a new alarm clock.",
    "ITH": "I think I have a doctor's appointment.",
    "DFA": "Don't forget a jacket.",
    "ITS": "I think I've seen this before.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}
# One name of the release, 1040_ITH_SAD_X.wav, has a level of one letter.
NAME = re.compile(
    r"(?:^|/)((10\d\d)_([A-Z]{3})_([A-Z]{3})_(?:LO|MD|HI|XX?))\.\w+$"
)


def _take(path, match):
    """Takes a name apart."""
    name, actor, sentence, emotion = match.groups()
    if sentence not in SENTENCES or emotion not in LABELS:
        return "unexpected name: no sentence or emotion of CREMA-D"
    return Take(name, path, actor, LABELS[emotion], SENTENCES[sentence])


CREMA_D = Corpus(
    title="CREMA-D",
    read=functools.partial(
        read_names,
        pattern=NAME,
        take=_take,
        expected="AudioWAV/1001_IEO_ANG_HI.wav",
    ),
    # 1076_MTI_SAD_XX.wav of the release holds no sound: "silent".
    where="https://github.com/CheyneyComputerScience/CREMA-D (Git LFS: "
    "`git lfs pull`, else the wavs are pointers of some bytes)",
    licence="Open Database License 1.0",
    language="English",
    counts={
        label: 1087 if label == "neutral" else 1271 for label in LABELS.values()
    },
    speakers=91,
    cluster="sentence",
    seconds=18924.1,
)
