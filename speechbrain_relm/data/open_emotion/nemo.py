"""nEMO: nine Polish actors, ninety sentences, six emotions (Christop 2024).

`data.tsv` beside `samples/EB0_anger_1.wav`. The corpus comes without parts for
training and testing.

Authors
 * The speechbrain_relm contributors 2026
"""

import functools

from speechbrain_relm.data.open_emotion.base import Corpus, read_rows

NEMO = Corpus(
    title="nEMO",
    read=functools.partial(
        read_rows,
        table="data.tsv",
        delimiter="\t",
        columns=("file_id", "speaker_id", "emotion", "raw_text"),
    ),
    where="https://github.com/amu-cai/nEMO",
    licence="CC BY-NC-SA 4.0",
    language="Polish",
    counts={
        "anger": 749,
        "fear": 736,
        "happiness": 749,
        "neutral": 809,
        "sadness": 769,
        "surprised": 669,
    },
    speakers=9,
    cluster="sentence",
    seconds=11061.3,  # of the release itself: EmoBox has no list of it
)
