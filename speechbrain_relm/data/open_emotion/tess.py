"""TESS: two women, 200 words in one carrier phrase, seven emotions.

Pichora-Fuller & Dupuis (2020). `OAF_back_angry.wav`: speaker, word, emotion;
"ps" is pleasant surprise.

Kaggle's archive holds everything twice; the second copy is left out.

Authors
 * The speechbrain_relm contributors 2026
"""

import functools
import re

from speechbrain_relm.data.open_emotion.base import Corpus, Take, read_names

LABELS = "angry disgust fear happy neutral ps sad".split()
# One file of the release is OA_bite_neutral.wav.
NAME = re.compile(r"(?:^|/)(OAF?|YAF?)_([a-z]+)_([a-z]+)\.\w+$", re.IGNORECASE)


def _take(path, match):
    """Takes a name apart."""
    speaker = match[1][:2].upper() + "F"
    word, label = match[2].lower(), match[3].lower()
    if label not in LABELS:
        return f"unexpected name: no emotion of TESS, {label}"
    name = f"{speaker}_{word}_{label}"
    return Take(name, path, speaker, label, f"Say the word {word}.")


TESS = Corpus(
    title="TESS",
    read=functools.partial(
        read_names,
        pattern=NAME,
        take=_take,
        expected="OAF_back_angry.wav",
    ),
    where="https://doi.org/10.5683/SP2/E8H2MF",
    licence="CC BY-NC-ND 4.0",
    language="English",
    counts=dict.fromkeys(LABELS, 400),
    speakers=2,
    cluster="sentence",
    seconds=5754.4,
)
