"""Emo-DB: ten German actors, ten sentences, seven emotions (Burkhardt 2005).

`03a01Fa.wav`: speaker, sentence, the German word's letter, version.

The unpacked zip's `wav` folder, or all of it, will do.

Authors
 * The speechbrain_relm contributors 2026
"""

import functools
import re

from speechbrain_relm.data.open_emotion.base import Corpus, Take, read_names

LABELS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "N": "neutral",
    "T": "sadness",
}
SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",  # codespell:ignore sie
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem "
    "Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da "
    "unter dem Tisch stehen?",  # codespell:ignore unter
    "b02": "Sie haben es gerade hochgetragen "  # codespell:ignore sie
    "und jetzt gehen sie wieder runter.",  # codespell:ignore sie
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und "
    "habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, "
    "wo wir sie immer hinlegen.",  # codespell:ignore sie
}
NAME = re.compile(r"(?:^|/)((\d\d)([ab]\d\d)([A-Z])[a-z]?)\.\w+$")


def _take(path, match):
    """Takes a name apart."""
    name, speaker, sentence, letter = match.groups()
    if sentence not in SENTENCES or letter not in LABELS:
        return "unexpected name: no sentence or emotion of Emo-DB"
    return Take(name, path, speaker, LABELS[letter], SENTENCES[sentence])


EMO_DB = Corpus(
    title="Emo-DB",
    read=functools.partial(
        read_names,
        pattern=NAME,
        take=_take,
        expected="wav/03a01Fa.wav",
    ),
    where="http://emodb.bilderbar.info/download/",
    licence="free for research, to be cited",
    language="German",
    counts={
        "anger": 127,
        "boredom": 81,
        "disgust": 46,
        "fear": 69,
        "happiness": 71,
        "neutral": 79,
        "sadness": 62,
    },
    speakers=10,
    cluster="sentence",
    seconds=1487.1,
)
