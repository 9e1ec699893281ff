"""A small annotated set for EPITOME, composed of hand-written pieces.

The pieces are joined by a seeded draw, so that the level of every response
and the span of every rationale are exact. Held-out pairs share neither a post
nor a phrase with the training pairs.

Levels are those of Sharma et al. (2020), with one addition: a response whose
content concerns something that the post does not speak of has level 0,
however kind it is.

Authors
 * The speechbrain_relm contributors 2026
"""

import csv
import random
from pathlib import Path

from speechbrain_relm.epitome.annotations import COLUMNS, FILES
from speechbrain_relm.lobes.parts.epitome_folder import MECHANISMS
from speechbrain_relm.mini.annotations.material import read_material
from speechbrain_relm.mini.annotations.negatives import negative

# Of each post in training and held out: true responses, and such as are none.
TRUE_RESPONSES, FALSE_RESPONSES = 5, 3

# How often a true response has no empathy at all, and else how often each
# mechanism is at level 0, 1 and 2.
NO_EMPATHY = 0.15
LEVEL_WEIGHTS = {
    "emotional_reactions": (0.3, 0.25, 0.45),
    "explorations": (0.3, 0.25, 0.45),
    "interpretations": (0.7, 0.15, 0.15),
}

# A sentence that can be said in any emotion is answered as if it had been.
SPOKEN_AS = (
    ("negative", "angry"),
    ("negative", "sad"),
    ("positive", "happy"),
    ("neutral", "neutral"),
)


class _Writer:
    """Draws responses from one part of the material."""

    def __init__(self, held_out, rng):
        self.material, self.rng = read_material(held_out), rng
        self.held_out = held_out
        self.topical = []  # (subject, response) of the true responses

    def true_response(self, post):
        """Draws a response: pieces of (mechanism, level, text)."""
        mood, feeling = self._said_as(post)
        pieces = []
        if self.rng.random() >= NO_EMPATHY:
            for mechanism in MECHANISMS:
                (level,) = self.rng.choices((0, 1, 2), LEVEL_WEIGHTS[mechanism])
                choices = self._choices(post, mood, feeling, mechanism, level)
                if choices:
                    piece = (mechanism, level, self.rng.choice(choices))
                    pieces.append(piece)
        # A reaction, an interpretation, a question: mostly in this order.
        if self.rng.random() < 0.75:
            pieces.sort(key=lambda piece: piece[0] == "explorations")
        else:
            self.rng.shuffle(pieces)
        self._remember(post, pieces)
        if not pieces or self.rng.random() < 0.25:
            fillers = self._choices(post, mood, feeling, "none", 0)
            filler = ("none", 0, self.rng.choice(fillers))
            pieces.insert(self.rng.randint(0, len(pieces)), filler)
        return pieces

    def _remember(self, post, pieces):
        """Keeps what fits no other post, for off-topic kindness."""
        own = post["questions"].split("|")
        kept = [
            text
            for _, _, text in pieces
            if post["about"].lower() in text.lower() or text in own
        ]
        if kept:
            self.topical.append((post["about"], " ".join(kept)))

    def no_response(self, post):
        """Draws a response that is none: see `epitome_negatives`."""
        _, feeling = self._said_as(post)
        off_topic = []
        # In training they would only teach that reactions which name a
        # subject are worth nothing: what the subject has to do with the post
        # is the topic check's to say. Held out, they measure both.
        if self.held_out:
            off_topic = [t for a, t in self.topical if a != post["about"]]
            off_topic += _about_another(self.material)
        text = negative(post, feeling, self.material, off_topic, self.rng)
        return [("none", 0, text)]

    def _said_as(self, post):
        """Gives the mood and the feeling that a post is answered in."""
        if post["mood"] == "spoken":
            return self.rng.choice(SPOKEN_AS)
        return post["mood"], post["feeling"]

    def _choices(self, post, mood, feeling, mechanism, level):
        """Lists the texts of a mechanism and level that fit a post.

        Nothing neutral gets a word about the feeling.
        """
        texts = [
            piece["text"]
            for piece in self.material.fragments
            if (piece["mechanism"], piece["level"]) == (mechanism, str(level))
            and piece["mood"] in ("any", mood)
            and (mood != "neutral" or "{feeling}" not in piece["text"])
        ]
        # What names the subject comes as often again.
        texts += [text for text in texts if "{about}" in text]
        texts = [
            text.replace("{about}", post["about"]).replace("{feeling}", feeling)
            for text in texts
        ]
        texts = [text[0].upper() + text[1:] for text in texts]
        if (mechanism, level) == ("explorations", 2):
            # As often as all others together: nothing asks so exactly.
            own = post["questions"].split("|")
            texts += own * max(1, len(texts) // len(own))
        return texts


def _about_another(material):
    """Lists the hand-written kind words about something."""
    kind = "about another"
    return [n["text"] for n in material.negatives if n["kind"] == kind]


def compose(seed=1, held_out=False):
    """Composes annotated pairs.

    Arguments
    ---------
    seed : int
        Of the draw.
    held_out : bool
        Whether of the part of the material that is kept out of training.

    Returns
    -------
    list of dict
        For each pair `sp_id`, `rp_id`, `seeker_post`, `response_post` and,
        for each mechanism, the `level` (0 to 2) and the list of `rationales`.

    Example
    -------
    >>> pairs = compose()
    >>> len(pairs) > 1000, pairs == compose()
    (True, True)
    """
    writer = _Writer(held_out, random.Random(seed))
    posts = list(enumerate(writer.material.posts))
    pairs = _pairs(posts, writer.true_response, TRUE_RESPONSES, "a")
    pairs += _pairs(posts, writer.no_response, FALSE_RESPONSES, "b")
    return sorted(pairs, key=lambda pair: pair["rp_id"])


def _pairs(posts, draw, count, mark):
    pairs = []
    for number, post in posts:
        seen = set()
        while len(seen) < count:
            pieces = draw(post)
            response = " ".join(text for _, _, text in pieces)
            if response in seen:
                continue
            pair = {
                "sp_id": f"post{number:03d}",
                "rp_id": f"post{number:03d}-{mark}{len(seen)}",
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


def by_subject(seed=1):
    """Lists training responses that name a subject, and such as name none.

    Arguments
    ---------
    seed : int
        Of the draw.

    Returns
    -------
    with_subject : list of str
        True responses about their post's subject, and kind words about
        another.
    without : list of str
        Kind words that fit any post.

    Example
    -------
    >>> with_subject, without = by_subject()
    >>> set(with_subject) & set(without)
    set()
    """
    writer = _Writer(False, random.Random(seed))
    with_subject, without = [], []
    for post in writer.material.posts * 2:
        before = len(writer.topical)
        pieces = writer.true_response(post)
        text = " ".join(t for mechanism, _, t in pieces if mechanism != "none")
        if len(writer.topical) > before:
            with_subject.append(text)
        elif text:
            without.append(text)
    with_subject += [text for _, text in writer.topical]
    with_subject += _about_another(writer.material)
    with_subject += [
        row["text"]
        for row in writer.material.negatives
        if row["kind"] == "off-topic"
    ]
    without += [
        row["text"].replace("{feeling}", row["mood"])
        for row in writer.material.fragments
        if row["mechanism"] != "none" and "{about}" not in row["text"]
    ]
    return with_subject, without


def write_csvs(folder, seed=1, held_out=False):
    """Writes the pairs as three files in the public schema.

    Arguments
    ---------
    folder : str or pathlib.Path
        The folder, made if needed.
    seed : int
        Of the draw.
    held_out : bool
        As in `compose`.

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
    folder, pairs = Path(folder), compose(seed, held_out)
    folder.mkdir(parents=True, exist_ok=True)
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
