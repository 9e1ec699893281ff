"""Responses without empathy, however kind some of their words are.

What a small language model says instead of an answer: letters, refusals,
loops, the post again, a story, an essay, kindness about something else.

Authors
 * The speechbrain_relm contributors 2026
"""

# How often each kind comes. What is not in the table is composed below.
KINDS = {
    "letter": 3,
    "refusal": 3,
    "assistant": 1,
    "empty": 4,
    "story": 2,
    "essay": 2,
    "code": 1,
    "echo": 3,
    "loop": 2,
    "salad": 3,
    "off-topic": 5,
}


def negative(post, feeling, material, off_topic, rng):
    """Draws a response that is none.

    Arguments
    ---------
    post : dict
        See `speechbrain_relm.mini.annotations.material.Material`.
    feeling : str
        Of the post.
    material : Material
        The part that it is drawn from.
    off_topic : list of str
        Empathetic responses about what other posts speak of; may be empty.
    rng : random.Random
        The draw.

    Returns
    -------
    str
        The response.

    Example
    -------
    >>> import random
    >>> from speechbrain_relm.mini.annotations.material import read_material
    >>> material = read_material()
    >>> other = ["I'm so sorry about your cat."]
    >>> rng = random.Random(1)
    >>> response = negative(material.posts[0], "sad", material, other, rng)
    >>> len(response) > 0
    True
    """
    (kind,) = rng.choices(list(KINDS), KINDS.values())
    if kind == "echo":
        return _echo(post["post"], rng)
    if kind == "loop":
        return _loop(_any_text(post, feeling, material, rng), rng)
    if kind == "salad":
        return _salad(post, feeling, material, rng)
    if kind == "off-topic" and off_topic and rng.random() < 0.5:
        return rng.choice(off_topic)
    # Those of the table could fit a post about somebody's grief; everyday
    # sentences they do not fit.
    if kind == "off-topic" and post["mood"] != "spoken":
        kind = "letter"
    texts = [n["text"] for n in material.negatives if n["kind"] == kind]
    most = 2 if kind in ("letter", "refusal", "essay", "story") else 1
    chosen = rng.sample(texts, rng.randint(1, most))
    return _filled(" ".join(chosen), post, feeling)


def _filled(text, post, feeling):
    """Puts the post's subject and feeling into a text."""
    text = text.replace("{about}", post["about"])
    return text.replace("{feeling}", feeling)


def _echo(text, rng):
    """Says the post again."""
    bare = text.rstrip(".!?")
    return rng.choice(
        [
            text,
            text,
            f"{text} {text}",
            f'"{text}"',
            f'"{bare}," she said.',
            f"{bare}, and {bare[0].lower()}{bare[1:]}.",
            bare.lower(),
        ]
    )


def _any_text(post, feeling, material, rng):
    """Draws a text of any kind, an empathetic one as well as not."""
    row = rng.choice(
        rng.choice([material.fragments, material.negatives, material.posts])
    )
    return _filled(row.get("text") or row["post"], post, feeling)


def _loop(text, rng):
    """Says a few words of a text over and over."""
    words = text.split()
    start = rng.randrange(len(words))
    words = words[start : start + rng.randint(1, 6)]
    glue = rng.choice([" ", " ", ", ", " and "])
    return glue.join([" ".join(words)] * (rng.randint(14, 24) // len(words)))


def _salad(post, feeling, material, rng):
    """Mixes the words of a few texts."""
    texts = [_any_text(post, feeling, material, rng) for _ in range(3)]
    words = [w.strip(".,!?\"'").lower() for w in " ".join(texts).split()]
    rng.shuffle(words)
    return " ".join(words[: rng.randint(8, 14)])
