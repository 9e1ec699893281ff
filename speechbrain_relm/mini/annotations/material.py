"""The hand-written pieces of the small EPITOME set, in two parts.

Posts, fragments of responses of known level, and texts that are no answer
lie in `data/`. Each is in the training part or in the held-out part, never in
both.

Authors
 * The speechbrain_relm contributors 2026
"""

import csv
import random
from pathlib import Path
from typing import List, NamedTuple

DATA = Path(__file__).parents[1] / "data"
HELD_OUT = 0.25  # of the pieces of each kind
EVERYDAY = {"feeling": "neutral", "mood": "spoken"}


class Material(NamedTuple):
    """One part of the pieces.

    Arguments
    ---------
    posts : list of dict
        With `post`, `feeling`, `mood` ("spoken" if it can be said in any
        emotion), `about` and `questions`, joined by bars.
    fragments : list of dict
        With `mechanism` ("none" for what has no empathy), `level`, `mood`
        and `text`.
    negatives : list of dict
        With `kind` and `text`.
    """

    posts: List[dict]
    fragments: List[dict]
    negatives: List[dict]


def _table(name):
    """Reads one of the hand-written tables, a list of dicts."""
    with open(DATA / name, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _part(rows, fields, held_out):
    """Takes the training or the held-out part of every group of rows.

    The division does not depend on any setting: what was held out once stays
    so. A phrase that stands in several groups is on one side only.
    """
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row[field] for field in fields), []).append(row)
    kept, away = set(), set()
    for group in groups.values():
        random.Random(0).shuffle(group)
        count = max(1, round(HELD_OUT * len(group)))
        away |= {_phrase(row) for row in group[:count]}
        kept |= {_phrase(row) for row in group[count:]}
    away -= kept
    return [row for row in rows if (_phrase(row) in away) == held_out]


def _about_things(held_out):
    """Makes a post about each thing, with questions about it."""
    rows = _part(_table("epitome_things.csv"), ["kind"], held_out)
    texts = {kind: [] for kind in ("thing", "post", "question")}
    for row in rows:
        texts[row["kind"]].append(row)
    rng, made = random.Random(0), []
    for thing in texts["thing"]:
        pattern = rng.choice(texts["post"])
        questions = rng.sample(texts["question"], 2)
        post = {
            "post": pattern["text"],
            "about": pattern["about"],
            "questions": "|".join(row["text"] for row in questions),
        }
        for field, text in post.items():
            post[field] = text.replace("{thing}", thing["text"])
        made.append({**post, **EVERYDAY})
    return made


def _phrase(row):
    """Names a row by its text, whatever ends it."""
    return (row.get("text") or row["post"]).lower().rstrip(".!?")


def read_material(held_out=False):
    """Reads one part of the pieces.

    Arguments
    ---------
    held_out : bool
        Which part: for training, or for the figures.

    Returns
    -------
    Material
        Posts, fragments and negatives.

    Example
    -------
    >>> train, held_out = read_material(), read_material(held_out=True)
    >>> texts = [{f["text"] for f in m.fragments} for m in (train, held_out)]
    >>> texts[0] & texts[1]
    set()
    """
    return Material(
        [
            *_part(_table("epitome_posts.csv"), ["mood"], held_out),
            *_about_things(held_out),
        ],
        _part(
            _table("epitome_fragments.csv"),
            ["mechanism", "level", "mood"],
            held_out,
        ),
        _part(_table("epitome_negatives.csv"), ["kind"], held_out),
    )
