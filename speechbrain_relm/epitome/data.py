"""Annotated pairs, ready for a classifier of one mechanism.

Authors
 * The speechbrain_relm contributors 2026
"""

import random
from collections import Counter

import torch
from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain.utils.data_pipeline import provides, takes

from speechbrain_relm.lobes.epitome_classifier import LEVELS
from speechbrain_relm.lobes.epitome_text import tokenize

# The label of what has no label: special tokens and padding.
IGNORED = -100


def split_by_post(posts, shares, seed):
    """Parts posts, so that no post is in two parts.

    Arguments
    ---------
    posts : iterable of str
        Posts; repeated ones count once.
    shares : list of float
        Share of each part but the last, which gets the rest.
    seed : int
        Of the draw.

    Returns
    -------
    list of set
        The posts of each part.

    Raises
    ------
    ValueError
        If a part would be empty.

    Example
    -------
    >>> [len(part) for part in split_by_post("abcdefghij", [0.7, 0.1], 1)]
    [7, 1, 2]
    """
    posts = sorted(set(posts))
    random.Random(seed).shuffle(posts)
    parts, start = [], 0
    for share in shares:
        end = start + round(share * len(posts))
        parts.append(set(posts[start:end]))
        start = end
    parts.append(set(posts[start:]))
    if not all(parts):
        raise ValueError(
            f"{len(posts)} distinct seeker_post are too few to be divided "
            "into training, validation and test: annotate more posts."
        )
    return parts


def word_labels(level, spans, offsets):
    """Labels each token of a response as part of a rationale or not.

    Arguments
    ---------
    level : int
        The response's level.
    spans : list of tuple
        Its rationales' characters (start, end).
    offsets : list of tuple
        Characters (start, end) of each token.

    Returns
    -------
    torch.Tensor
        1 on rationales, 0 elsewhere, -100 on special tokens; all -100 where
        a level above 0 comes without a rationale, which says nothing about
        tokens.

    Example
    -------
    >>> word_labels(1, [(0, 4)], [(0, 0), (0, 4), (5, 7)])
    tensor([-100,    1,    0])
    """
    unknown = level > 0 and not spans
    return torch.tensor(
        [
            IGNORED
            if unknown or start == end
            else int(any(start < e and s < end for s, e in spans))
            for start, end in offsets
        ]
    )


def join_annotations(annotations):
    """Joins the mechanisms' annotations of the same pairs.

    A pair that a mechanism has twice was annotated twice, and gives two
    entries.

    Arguments
    ---------
    annotations : dict
        Mechanism to list of `Pair`.

    Returns
    -------
    list of dict
        Entries with `seeker`, `response`, and `levels` and `spans` of each
        mechanism that has the pair.

    Example
    -------
    >>> from speechbrain_relm.epitome.annotations import Pair
    >>> pair = Pair("I fell.", "Why?", 2, [(0, 4)])
    >>> join_annotations({"explorations": [pair]})[0]["levels"]
    {'explorations': 2}
    """
    entries = {}
    for mechanism, pairs in annotations.items():
        seen = Counter()
        for pair in pairs:
            texts = (pair.seeker, pair.response)
            seen[texts] += 1
            entry = entries.setdefault(
                (*texts, seen[texts]),
                {
                    "seeker": pair.seeker,
                    "response": pair.response,
                    "levels": {},
                    "spans": {},
                },
            )
            entry["levels"][mechanism] = pair.level
            entry["spans"][mechanism] = pair.spans
    return list(entries.values())


def epitome_dataset(entries, mechanisms, tokenizer, max_length):
    """Makes a dataset of annotated pairs.

    Arguments
    ---------
    entries : dict
        Id to entries as `join_annotations` gives them.
    mechanisms : list of str
        The M mechanisms to learn.
    tokenizer : transformers.PreTrainedTokenizerFast
        The backbone's.
    max_length : int
        Most tokens a response, special ones included.

    Returns
    -------
    DynamicItemDataset
        Items `id`, `seeker` (text), `ids` (the response's tokens [R]),
        `words` (see `word_labels`) [R, M] and `targets`, the levels [M],
        -100 where a mechanism has not annotated the pair.

    Example
    -------
    >>> from speechbrain_relm.lobes.epitome import EmpathyScorer
    >>> scorer = EmpathyScorer(getfixture("scorer_folder"))
    >>> name = "explorations"
    >>> entry = {"seeker": "Oh.", "response": "Why?"}
    >>> entry.update(levels={name: 2}, spans={name: [[0, 4]]})
    >>> data = epitome_dataset({"a": entry}, [name], scorer.tokenizer, 64)
    >>> data[0]["words"].squeeze(1).tolist()
    [-100, 1, 1, -100]
    """

    @takes("response", "levels", "spans")
    @provides("ids", "words", "targets")
    def encode(response, levels, spans):
        """Encodes an annotated pair."""
        ids, offsets = tokenize(tokenizer, [response], max_length)
        yield ids[0]
        yield torch.stack(
            [
                word_labels(levels[m], spans[m], offsets[0])
                if m in levels
                else torch.full_like(ids[0], IGNORED)
                for m in mechanisms
            ],
            dim=1,
        )
        yield torch.tensor([levels.get(m, IGNORED) for m in mechanisms])

    return DynamicItemDataset(
        entries,
        dynamic_items=[encode],
        output_keys=["id", "seeker", "ids", "words", "targets"],
    )


def level_weights(levels):
    """Weighs rare levels more, by the square root of how rare they are.

    Arguments
    ---------
    levels : list of int
        Of the training set.

    Returns
    -------
    torch.Tensor
        Weights [3].

    Example
    -------
    >>> level_weights([0, 0, 0, 0, 1, 2])
    tensor([0.7071, 1.4142, 1.4142])
    """
    counts = torch.bincount(torch.tensor(levels), minlength=LEVELS)
    return (len(levels) / (LEVELS * counts.clamp(min=1))).sqrt()
