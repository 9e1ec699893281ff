"""The numbers that the paper prints in Table I.

Model 8's Emotional Reaction is not in the copy that these were read from.

Authors
 * The speechbrain_relm contributors 2026
"""

from speechbrain_relm.evaluation.runs import SCORES
from speechbrain_relm.evaluation.tables.measured import Cell

CORPORA = ("IEMOCAP", "ESD", "MSP-Podcast")
SYSTEMS = (
    "1. Text + LLM",
    "2. Whisper + LLM",
    "3. Text + LLM + emo_label",
    "4. BLSP-Emo (w/o ft.)",
    "5. BLSP-Emo (w/ ft.)",
    "6. RE-LLM",
    "7. RE-LLM (w/o dim-emo. aux)",
    "8. RE-LLM (w/o enc.)",
)

# A row each corpus; mean and standard deviation of systems 1 to 8.
EMOTIONAL_REACTION = {
    "IEMOCAP": (
        (1.782, 0.442),
        (1.723, 0.489),
        (1.820, 0.430),
        (1.780, 0.454),
        (1.771, 0.472),
        (1.805, 0.419),
        (1.856, 0.373),
        None,
    ),
    "ESD": (
        (1.609, 0.639),
        (1.681, 0.518),
        (1.730, 0.519),
        (1.740, 0.543),
        (1.730, 0.541),
        (1.847, 0.438),
        (1.851, 0.430),
        None,
    ),
    "MSP-Podcast": (
        (1.704, 0.486),
        (1.628, 0.548),
        (1.740, 0.476),
        (1.775, 0.483),
        (1.576, 0.606),
        (1.852, 0.387),
        (1.889, 0.355),
        None,
    ),
}
EXPLORATION = {
    "IEMOCAP": (
        (0.607, 0.849),
        (0.602, 0.850),
        (0.885, 0.915),
        (0.791, 0.948),
        (0.780, 0.946),
        (0.822, 0.953),
        (0.763, 0.944),
        (0.808, 0.950),
    ),
    "ESD": (
        (0.504, 0.834),
        (0.592, 0.829),
        (1.136, 0.971),
        (0.820, 0.956),
        (1.098, 0.968),
        (1.206, 0.954),
        (1.029, 0.959),
        (1.114, 0.969),
    ),
    "MSP-Podcast": (
        (0.397, 0.770),
        (0.420, 0.795),
        (0.577, 0.879),
        (0.467, 0.829),
        (0.521, 0.848),
        (0.639, 0.898),
        (0.739, 0.944),
        (0.546, 0.898),
    ),
}
UNWEIGHTED_ACCURACY = {
    "IEMOCAP": (None, None, None, 0.712, 0.728, 0.766, 0.745, 0.729),
    "ESD": (None, None, None, 0.960, 0.968, 0.983, 0.989, 0.968),
    "MSP-Podcast": (None, None, None, 0.574, 0.664, 0.643, 0.664, 0.661),
}

# Relative gains in percent that the text of Section III-D claims: score,
# corpus, system, compared with.
CLAIMED_GAINS = (
    ("ER", "ESD", 4, 1, 8.14),
    ("ER", "ESD", 6, 1, 14.79),
    ("ER", "ESD", 4, 2, 3.50),
    ("ER", "ESD", 6, 2, 9.87),
    ("ER", "MSP-Podcast", 4, 1, 4.16),
    ("ER", "MSP-Podcast", 6, 1, 8.92),
    ("ER", "MSP-Podcast", 4, 2, 9.02),
    ("ER", "MSP-Podcast", 6, 2, 13.75),
    ("Ex", "IEMOCAP", 4, 1, 30.31),
    ("Ex", "IEMOCAP", 6, 1, 35.42),
    ("Ex", "MSP-Podcast", 4, 1, 17.63),
    ("Ex", "MSP-Podcast", 6, 1, 60.95),
    ("Ex", "ESD", 4, 1, 62.69),
    ("Ex", "ESD", 6, 1, 139.28),
    ("ER", "ESD", 6, 5, 6.76),
    ("Ex", "ESD", 6, 5, 9.83),
    ("ER", "ESD", 6, 3, 6.76),
    ("Ex", "ESD", 6, 3, 6.16),
    ("ER", "MSP-Podcast", 6, 3, 6.43),
    ("Ex", "MSP-Podcast", 6, 3, 9.18),
)

# Those that the abstract adds. It calls both gains over "speech-LLM
# baselines", but they are over different ones.
ABSTRACT_GAINS = (
    ("Ex", "IEMOCAP", 6, 4, 3.91),
    ("Ex", "MSP-Podcast", 6, 5, 22.64),
)
# By how much the abstract has RE-LLM's UA "boosted", in percent.
ABSTRACT_ACCURACY_GAINS = {"IEMOCAP": 5.4, "ESD": 2.3, "MSP-Podcast": 6.9}


def printed_cells(corpus):
    """Gives Table I's numbers for one corpus.

    Arguments
    ---------
    corpus : str
        One of `CORPORA`.

    Returns
    -------
    list of Cell
        As `table_cells` gives them, as far as the paper prints them.

    Raises
    ------
    ValueError
        If the paper has no such corpus.

    Example
    -------
    >>> [c.value for c in printed_cells("ESD") if c.system == "6. RE-LLM"]
    [1.847, 1.206, 0.983]
    """
    if corpus not in CORPORA:
        raise ValueError(
            f"The paper has no corpus '{corpus}', only {', '.join(CORPORA)}."
        )
    cells = [
        Cell(SCORES[score], system, *pair)
        for score, table in (("ER", EMOTIONAL_REACTION), ("Ex", EXPLORATION))
        for system, pair in zip(SYSTEMS, table[corpus])
        if pair is not None
    ]
    cells += [
        Cell("UA", system, value)
        for system, value in zip(SYSTEMS, UNWEIGHTED_ACCURACY[corpus])
        if value is not None
    ]
    return cells
