"""EMNS: one woman reads 1181 sentences in eight emotions (Noriy et al. 2023).

`metadata.csv` has bars between its columns; the recordings, raw and cleaned,
are WebM.

Authors
 * The speechbrain_relm contributors 2026
"""

import functools

from speechbrain_relm.data.open_emotion.base import Corpus, read_rows

EMNS = Corpus(
    title="EMNS",
    read=functools.partial(
        read_rows,
        table="metadata.csv",
        delimiter="|",
        columns=("audio_recording", None, "emotion", "utterance"),
        one_speaker="EMNS",
        missing="missing: as wav, not as WebM",
    ),
    where="https://www.openslr.org/136/",
    licence="Apache 2.0",
    language="English",
    counts={
        "angry": 126,
        "disgust": 162,
        "excited": 150,
        "happy": 157,
        "neutral": 149,
        "sad": 147,
        "sarcastic": 139,
        "surprised": 151,
    },
    speakers=1,
    cluster="sentence",
    seconds=6883.8,
)
