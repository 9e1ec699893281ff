"""What one answer says and the other does not, word by word.

Authors
 * The speechbrain_relm contributors 2026
"""

import re
from difflib import SequenceMatcher
from itertools import groupby
from typing import NamedTuple, Optional

WORD = re.compile(r"\w+(?:['’]\w+)*")


class Stretch(NamedTuple):
    """Characters that look alike.

    `text`; `score`, which they earned, or `None`; `only`, whether the other
    answer lacks them.
    """

    text: str
    score: Optional[str]
    only: bool


def differing(answer, other):
    """Finds the words of an answer that another one lacks.

    Arguments
    ---------
    answer : str
        The answer.
    other : str
        The other one.

    Returns
    -------
    list of bool
        Of each character, whether it is part of such words; what stands
        between two of them goes along.

    Example
    -------
    >>> answer = "I see. What a day!"
    >>> found = differing(answer, "I see. Why?")
    >>> "".join(c if only else "_" for c, only in zip(answer, found))
    '_______What a day_'
    """
    words = list(WORD.finditer(answer))
    ours = [word.group().lower() for word in words]
    theirs = [word.lower() for word in WORD.findall(other)]
    matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
    found = [False] * len(answer)
    for kind, first, last, _, _ in matcher.get_opcodes():
        if kind in ("replace", "delete"):
            start, end = words[first].start(), words[last - 1].end()
            found[start:end] = [True] * (end - start)
    return found


def runs(pieces, other):
    """Cuts a scored answer where its marks change.

    Arguments
    ---------
    pieces : list of tuple
        Pieces of the answer, and the score that each earned, or `None`.
    other : str or None
        The other system's answer; with `None`, nothing is compared.

    Returns
    -------
    list of Stretch
        Put together, the answer.

    Example
    -------
    >>> for run in runs([("I'm sorry.", "ER"), (" Why?", None)], "Why?"):
    ...     print(run.text, run.score, run.only)
    I'm sorry ER True
    . ER False
     Why? None False
    """
    answer = "".join(piece for piece, _ in pieces)
    scores = [score for piece, score in pieces for _ in piece]
    only = [False] * len(answer)
    if other is not None:
        only = differing(answer, other)
    marks = groupby(zip(answer, scores, only), key=lambda mark: mark[1:])
    return [
        Stretch("".join(character for character, *_ in group), *mark)
        for mark, group in marks
    ]
