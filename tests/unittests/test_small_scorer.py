"""Tests of the small default scorer on answers of known worth.

`tests/data/known_answers.csv` was written before the scorer: a sentence, an
answer, and the levels that are right for Emotional Reaction and Exploration.

Authors
 * The speechbrain_relm contributors 2026
"""

import csv
import re
from pathlib import Path

import pytest
from scipy.stats import spearmanr

from speechbrain_relm.lobes.epitome import EmpathyScorer
from speechbrain_relm.mini import epitome
from speechbrain_relm.mini.annotations.material import read_material
from speechbrain_relm.mini.annotations.pairs import compose

ANSWERS = Path(__file__).parents[1] / "data" / "known_answers.csv"
SCALES = {"er": "emotional_reactions", "ex": "explorations"}
REACTION = SCALES["er"]
NONSENSE = {
    "letter",
    "echo",
    "loop",
    "refusal",
    "off-topic kindness",
    "empty phrase",
    "story",
    "word salad",
    "essay",
    "code",
}


@pytest.fixture(scope="module")
def scorer():
    """The default scorer, really trained."""
    return EmpathyScorer(epitome.folder())


@pytest.fixture(scope="module")
def answers(scorer):
    """The answers, each with the levels that the default scorer gives."""
    with open(ANSWERS, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    levels = scorer.score(
        [row["sentence"] for row in rows], [row["answer"] for row in rows]
    )
    for i, row in enumerate(rows):
        for scale, mechanism in SCALES.items():
            row[scale] = int(levels[mechanism][i])
            low, high = int(row[f"{scale}_low"]), int(row[f"{scale}_high"])
            row[f"true_{scale}"] = (low + high) / 2
            row[f"right_{scale}"] = low <= row[scale] <= high
    return rows


def test_answers_are_sixty(answers):
    """Half of them nonsense, which is worth nothing on either scale."""
    nonsense = [row for row in answers if row["kind"] in NONSENSE]
    assert (len(answers), len(nonsense)) == (60, 30)
    assert {row["kind"] for row in nonsense} == NONSENSE
    assert {row[f"true_{scale}"] for row in nonsense for scale in SCALES} == {0}


@pytest.mark.parametrize("scale", SCALES)
def test_nonsense_scores_nothing(answers, scale):
    """Not one letter, echo, loop, refusal or kind word for another's loss."""
    fooled = [
        (row["kind"], row["answer"], row[scale])
        for row in answers
        if row["kind"] in NONSENSE and row[scale] > 0.5
    ]
    assert not fooled


@pytest.mark.parametrize(
    "scale, correlation, right", [("er", 0.6, 0.75), ("ex", 0.65, 0.75)]
)
def test_honest_answers_are_ranked(answers, scale, correlation, right):
    """Levels of honest answers rise with their worth."""
    honest = [row for row in answers if row["kind"] not in NONSENSE]
    found = [row[scale] for row in honest]
    rho = spearmanr([row[f"true_{scale}"] for row in honest], found)[0]
    assert rho > correlation
    share = sum(row[f"right_{scale}"] for row in honest) / len(honest)
    assert share > right


def sentences(text):
    """Takes a text's sentences apart, in lower case and without ends."""
    parts = re.split(r"(?<=[.!?])\s+", text.lower())
    return {p for p in (q.strip(" .!?\"'") for q in parts) if len(p) > 2}


def test_nothing_of_the_answers_is_in_the_material():
    """Neither a sentence of theirs nor one that they answer."""
    with open(ANSWERS, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    held = set()
    for row in rows:
        held |= sentences(row["sentence"])
        if row["kind"] != "echo":
            held |= sentences(row["answer"])
    for held_out in (False, True):
        material = read_material(held_out)
        written = set()
        for post in material.posts:
            written |= sentences(post["post"])
            for question in post["questions"].split("|"):
                written |= sentences(question)
        for piece in [*material.fragments, *material.negatives]:
            written |= sentences(piece["text"])
        assert written & held == set()


def test_held_out_part_shares_no_phrase():
    """Posts, fragments, negatives and things are on one side only."""
    train, held_out = read_material(), read_material(held_out=True)
    for table in ("fragments", "negatives"):
        texts = [
            {row["text"].lower().rstrip(".!?") for row in getattr(part, table)}
            for part in (train, held_out)
        ]
        assert texts[0] and texts[1] and not texts[0] & texts[1]
    posts = [
        {post["post"] for post in part.posts} for part in (train, held_out)
    ]
    assert not posts[0] & posts[1]
    about = [
        {post["about"] for post in part.posts} - {""}
        for part in (train, held_out)
    ]
    assert not about[0] & about[1]
    whole = [{p["response_post"] for p in compose(held_out=h)} for h in (0, 1)]
    assert not whole[0] & whole[1]


def test_the_same_kind_words_fit_one_post_only(scorer):
    """Held-out reactions that name a subject, after its post and another."""
    material = read_material(held_out=True)
    posts = [post for post in material.posts if post["mood"] == "spoken"]
    reactions = [
        piece["text"]
        for piece in material.fragments
        if (piece["mechanism"], piece["level"]) == (REACTION, "2")
        and "{about}" in piece["text"]
        and "{feeling}" not in piece["text"]
    ]
    assert len(posts) > 20 and len(reactions) > 5
    shares = []
    for others in (posts, posts[7:] + posts[:7]):
        seekers, responses = [], []
        for post, other in zip(posts, others):
            for reaction in reactions:
                seekers.append(other["post"])
                responses.append(reaction.replace("{about}", post["about"]))
        levels = scorer.score(seekers, responses)[REACTION]
        shares.append((levels > 0).double().mean().item())
    fitting, other = shares
    assert fitting > 0.6 > 0.25 > other
