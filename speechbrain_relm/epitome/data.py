"""Annotated pairs, ready for a classifier of one mechanism.

Authors
 * The speechbrain_relm contributors 2026
"""

import random
import re
from collections import Counter

import torch
from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain.utils.data_pipeline import provides, takes

from speechbrain_relm.epitome.annotations import find_span
from speechbrain_relm.epitome.identity import name_posts, normalize
from speechbrain_relm.lobes.epitome_classifier import LEVELS
from speechbrain_relm.lobes.parts.epitome_text import tokenize

# The label of what has no label: special tokens and padding.
IGNORED = -100


def split_by_post(posts, shares, seed):
    """Parts posts, so that no post is in two parts.

    Arguments
    ---------
    posts : iterable of str
        Names of posts, see `name_posts`; repeated ones count once.
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


def draw_fold(posts, folds, fold, seed):
    """Draws the posts of one fold; each post is in one.

    Arguments
    ---------
    posts : iterable of str
        Names of posts; repeated ones count once.
    folds : int
        Number of folds.
    fold : int
        Which one, from 0.
    seed : int
        Of the draw.

    Returns
    -------
    set of str
        Its posts.

    Raises
    ------
    ValueError
        If there is no such fold, or nothing in it.

    Example
    -------
    >>> [len(draw_fold("abcdefg", 3, fold, 1)) for fold in range(3)]
    [3, 2, 2]
    """
    if not 0 <= fold < folds:
        raise ValueError(
            f"test_fold {fold} is none of {folds} folds: give 0 to {folds - 1}."
        )
    posts = sorted(set(posts))
    random.Random(seed).shuffle(posts)
    if len(posts) < folds:
        raise ValueError(
            f"{len(posts)} distinct seeker_post are too few for {folds} "
            "folds: annotate more posts or set folds lower."
        )
    return set(posts[fold::folds])


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
    # The released code labels all tokens of such a response 1.
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
        Entries with `pair_ids`, `seeker`, `response`, `post` (its name, see
        `name_posts`), and `levels` and `spans` of each mechanism that has the
        pair.

    Raises
    ------
    ValueError
        If two mechanisms give the same ids to pairs of other words.

    Example
    -------
    >>> from speechbrain_relm.epitome.annotations import Pair
    >>> one = Pair("I fell.", "Oh!  Why?", 2, [(5, 9)], ("s", "r"))
    >>> other = Pair("I  fell.", "Oh! Why?", 1, [(0, 3)], ("s", "r"))
    >>> joined = join_annotations(
    ...     {"explorations": [one], "emotional_reactions": [other]}
    ... )
    >>> joined[0]["levels"], joined[0]["spans"]["explorations"]
    ({'explorations': 2, 'emotional_reactions': 1}, [(5, 9)])
    """
    entries = {}
    for mechanism, pairs in annotations.items():
        seen = Counter()
        for pair in pairs:
            key = _identity(pair)
            seen[key] += 1
            entry = entries.setdefault(
                (*key, seen[key]),
                {
                    "pair_ids": pair.ids,
                    "seeker": pair.seeker,
                    "response": pair.response,
                    "levels": {},
                    "spans": {},
                },
            )
            entry["levels"][mechanism] = pair.level
            entry["spans"][mechanism] = _spans_in(entry, pair, mechanism)
    joined = list(entries.values())
    name_posts(joined)
    return joined


def _identity(pair):
    """Tells pairs apart: by their ids, or else by their texts."""
    if all(pair.ids):
        return pair.ids
    return normalize(pair.seeker), normalize(pair.response)


def _spans_in(entry, pair, mechanism):
    """Finds a pair's rationales in the response that its entry has.

    The files differ in white space, and here and there in a word.
    """
    if entry["response"] == pair.response:
        return pair.spans
    ours, theirs = (
        set(re.findall(r"\w+", normalize(text)))
        for text in (entry["response"], pair.response)
    )
    if 2 * len(ours & theirs) < min(len(ours), len(theirs)):
        raise ValueError(
            f"{mechanism}, sp_id {pair.ids[0]}, rp_id {pair.ids[1]}: these "
            "are the ids of another pair in another mechanism's file. Give "
            "the same pair the same ids in all files, or leave them empty."
        )
    spans = [
        find_span(pair.response[start:end], entry["response"])
        for start, end in pair.spans
    ]
    return [] if None in spans else spans


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
    def _encode(response, levels, spans):
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
        dynamic_items=[_encode],
        output_keys=["id", "seeker", "ids", "words", "targets"],
    )


def level_weights(levels, power=0.5):
    """Weighs rare levels more.

    Arguments
    ---------
    levels : list of int
        Of the training set.
    power : float
        1 weighs each level by the inverse of its count, 0.5 by the square
        root of that, 0 all the same.

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
    return (len(levels) / (LEVELS * counts.clamp(min=1))) ** power
