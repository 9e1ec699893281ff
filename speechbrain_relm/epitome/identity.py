"""Which posts are one and the same.

The three public files were written apart: half of the texts differ between
them in white space, some in a word, and only the ids stay. Whoever compares
raw texts has the same post in training and test.

Authors
 * The speechbrain_relm contributors 2026
"""

import html
import unicodedata

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from speechbrain_relm.utils.text.wording import normalised


def normalize(text):
    """Takes away what the writing of a file may change in a text.

    Arguments
    ---------
    text : str
        The text.

    Returns
    -------
    str
        Without HTML entities and invisible characters, in Unicode's form
        NFKC, with single blanks for white space.

    Example
    -------
    >>> normalize("I\\u00a0fell\\u200b &amp;\\r\\n cafe\\u0301 ")
    'I fell & café'
    """
    text = unicodedata.normalize("NFKC", html.unescape(text))
    shown = (c for c in text if unicodedata.category(c) != "Cf")
    return " ".join("".join(shown).split())


def _words(text):
    """Takes away what else may differ: quotes, case, entities of entities."""
    while html.unescape(text) != text:
        text = normalize(text)
    return normalised(text.casefold())


def name_posts(*parts):
    """Names the post of each entry: one post has one name in all parts.

    Posts are the same if their ids are, or the words of their texts, or if
    both are the same as a third.

    Arguments
    ---------
    *parts : list of dict
        Entries with `seeker` and `pair_ids` (of post and response, may be empty);
        each gets a `post`, its name: a normalized text of it.

    Example
    -------
    >>> first = [{"pair_ids": ("a", ""), "seeker": "I  fell."}]
    >>> other = [{"pair_ids": ("", ""), "seeker": "I fell."}]
    >>> name_posts(first, other)
    >>> first[0]["post"], other[0]["post"]
    ('I fell.', 'I fell.')
    """
    entries = [entry for part in parts for entry in part]
    if not entries:
        return
    numbers, rows, columns = {}, [], []
    texts = [normalize(entry["seeker"]) for entry in entries]
    for entry, text in zip(entries, texts):
        keys = [("text", _words(text))]
        post_id = normalize(str(entry["pair_ids"][0])).casefold()
        keys += [("id", post_id)] if post_id else []
        known = [numbers.setdefault(key, len(numbers)) for key in keys]
        rows.append(known[0])
        columns.append(known[-1])
    links = coo_array(
        (np.ones(len(rows)), (rows, columns)), shape=(len(numbers),) * 2
    )
    _, groups = connected_components(links, directed=False)
    names = {}
    for row, text in zip(rows, texts):
        names[groups[row]] = min(text, names.get(groups[row], text))
    for entry, row in zip(entries, rows):
        entry["post"] = names[groups[row]]
