"""A small annotated set for EPITOME, composed of hand-written pieces.

Posts and fragments of responses, each with a known level, lie in `data/`.
They are joined by a seeded draw, so that the level of every response and the
span of every rationale are exact. Its figures show that a scorer learned,
not how well it does on free text: fragments recur in training and held-out
pairs.

Authors
 * The speechbrain_relm contributors 2026
"""

import csv
import random
from pathlib import Path

from speechbrain_relm.epitome.annotations import COLUMNS, FILES
from speechbrain_relm.lobes.epitome import MECHANISMS

DATA = Path(__file__).parent / "data"
RESPONSES_PER_POST = 11

# How often a response has no empathy at all, and else how often each
# mechanism is at level 0, 1 and 2.
NO_EMPATHY = 0.25
LEVEL_WEIGHTS = (0.4, 0.25, 0.35)

# A sentence that can be said in any emotion is answered as if it had been.
SPOKEN_AS = (
    ("negative", "angry"),
    ("negative", "sad"),
    ("positive", "happy"),
    ("neutral", "neutral"),
)


def _table(name):
    """Reads one of the hand-written tables, a list of dicts."""
    with open(DATA / name, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _pieces(fragments, mood, rng):
    """Draws the fragments of one response, in order.

    Nothing neutral gets comfort, nor a word about the feeling.
    """
    moods = ("any", mood)
    fitting = [
        piece
        for piece in fragments
        if piece["mood"] in moods
        and (mood != "neutral" or "{feeling}" not in piece["text"])
    ]
    chosen = []
    if rng.random() >= NO_EMPATHY:
        for mechanism in MECHANISMS:
            (level,) = rng.choices("012", LEVEL_WEIGHTS)
            choices = [
                piece
                for piece in fitting
                if (piece["mechanism"], piece["level"]) == (mechanism, level)
            ]
            if choices:
                chosen.append(rng.choice(choices))
    least, most = (0, 1) if chosen else (1, 2)
    fillers = [piece for piece in fitting if piece["mechanism"] == "none"]
    chosen += rng.sample(fillers, rng.randint(least, most))
    rng.shuffle(chosen)
    return chosen


def compose(seed=1):
    """Composes the annotated pairs.

    Arguments
    ---------
    seed : int
        Of the draw.

    Returns
    -------
    list of dict
        For each pair `sp_id`, `rp_id`, `seeker_post`, `response_post` and,
        for each mechanism, the `level` (0 to 2) and the list of `rationales`.

    Example
    -------
    >>> pairs = compose()
    >>> len(pairs), pairs == compose()
    (726, True)
    """
    rng = random.Random(seed)
    fragments, pairs = _table("epitome_fragments.csv"), []
    for number, post in enumerate(_table("epitome_posts.csv")):
        seen = set()
        while len(seen) < RESPONSES_PER_POST:
            mood, feeling = post["mood"], post["feeling"]
            if mood == "spoken":
                mood, feeling = rng.choice(SPOKEN_AS)
            pieces = [
                (
                    piece["mechanism"],
                    int(piece["level"]),
                    piece["text"].format(feeling=feeling, about=post["about"]),
                )
                for piece in _pieces(fragments, mood, rng)
            ]
            response = " ".join(text for _, _, text in pieces)
            if not response or response in seen:
                continue
            pair = {
                "sp_id": f"post{number:02d}",
                "rp_id": f"post{number:02d}-{len(seen):02d}",
                "seeker_post": post["post"],
                "response_post": response,
            }
            seen.add(response)
            for mechanism in MECHANISMS:
                shown = [p for p in pieces if p[0] == mechanism]
                pair[mechanism] = {
                    "level": max((level for _, level, _ in shown), default=0),
                    "rationales": [text for _, _, text in shown],
                }
            pairs.append(pair)
    return pairs


def write_csvs(folder, seed=1):
    """Writes the pairs as three files in the public schema.

    Arguments
    ---------
    folder : str or pathlib.Path
        An existing folder.
    seed : int
        Of the draw.

    Returns
    -------
    pathlib.Path
        The folder.

    Example
    -------
    >>> folder = write_csvs(getfixture("tmp_path"))
    >>> sorted(file.name for file in folder.iterdir())[1]
    'explorations-reddit.csv'
    """
    folder, pairs = Path(folder), compose(seed)
    for mechanism, name in FILES.items():
        with open(folder / name, "w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS, extrasaction="ignore")
            writer.writeheader()
            for pair in pairs:
                rationales = "|".join(pair[mechanism]["rationales"])
                writer.writerow(
                    {**pair, **pair[mechanism], "rationales": rationales}
                )
    return folder
