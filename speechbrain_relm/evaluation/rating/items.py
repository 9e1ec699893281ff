"""What is rated: utterances that two runs answer differently.

Authors
 * The speechbrain_relm contributors 2026
"""

import random
from collections import defaultdict
from typing import Dict, NamedTuple, Optional

from speechbrain_relm.evaluation.runs import SCORES

# The two answers of an item, whose systems only the key knows.
SIDES = ("a", "b")


class Item(NamedTuple):
    """Two answers to one recording.

    `texts` and `systems` are by side, "a" and "b"; `scores`, by system, are
    its levels by EPITOME. `check` is, by side, the points that the text asks
    for, or by the key "choice" the side that it asks for: then the item only
    tests the rater's attention.
    """

    utterance: str
    emotion: str
    cluster: str
    texts: Dict[str, str]
    systems: Dict[str, str]
    scores: Dict[str, dict]
    check: Optional[dict] = None


def different(runs):
    """Lists the utterances that two runs answer differently.

    Arguments
    ---------
    runs : list of Run
        Two systems on one test set.

    Returns
    -------
    list of str
        Utterance ids; who answers the same cannot be preferred.

    Example
    -------
    >>> from speechbrain_relm.evaluation.runs import Run
    >>> said = {"a": {"response": "Oh!"}, "b": {"response": "No."}}
    >>> different([Run("A", said, {}), Run("B", {**said, "b": said["a"]}, {})])
    ['b']
    """
    first, second = (run.responses for run in runs)
    return [
        utterance
        for utterance in first
        if first[utterance]["response"].split()
        != second[utterance]["response"].split()
    ]


def choose_items(runs, number, seed):
    """Draws items, as many of each emotion, each sentence once if it can be.

    Arguments
    ---------
    runs : list of Run
        Two systems on one test set.
    number : int
        How many; fewer if the runs do not differ in so many.
    seed : int
        Of the draw, and of which answer is which side.

    Returns
    -------
    list of Item
        The items.

    Raises
    ------
    ValueError
        If the runs answer everything the same.

    Example
    -------
    >>> from speechbrain_relm.evaluation.runs import Run
    >>> runs = [
    ...     Run(name, {"u": {"response": name}}, {"u": {"ER": 1}})
    ...     for name in ("A", "B")
    ... ]
    >>> choose_items(runs, 24, 1)[0].scores
    {'A': {'ER': 1}, 'B': {'ER': 1}}
    """
    draw = random.Random(seed)
    by_emotion, clusters = defaultdict(list), runs[0].clusters()
    for utterance in sorted(different(runs)):
        record = runs[0].responses[utterance]
        by_emotion[record.get("emotion", "")].append(utterance)
    if not by_emotion:
        raise ValueError(
            f"{runs[0].name} and {runs[1].name} answer everything the same: "
            "there is nothing to prefer."
        )
    for found in by_emotion.values():
        draw.shuffle(found)
    left = [by_emotion[emotion] for emotion in sorted(by_emotion)]
    items, used = [], set()
    while any(left) and len(items) < number:
        # The turn goes round the emotions.
        left.append(left.pop(0))
        if not left[-1]:
            continue
        new = [i for i in left[-1] if clusters[i] not in used]
        utterance = (new or left[-1])[0]
        left[-1].remove(utterance)
        used.add(clusters[utterance])
        items.append(_item(runs, utterance, clusters[utterance], draw))
    return items


def _item(runs, utterance, cluster, draw):
    """Gives the two answers to one utterance their sides."""
    order = draw.sample(runs, 2)
    return Item(
        utterance,
        runs[0].responses[utterance].get("emotion", ""),
        cluster,
        {s: r.responses[utterance]["response"] for s, r in zip(SIDES, order)},
        {side: run.name for side, run in zip(SIDES, order)},
        {
            run.name: {
                score: run.scores[utterance][score]
                for score in SCORES
                if score in run.scores[utterance]
            }
            for run in runs
        },
    )


ASKS = "This is a test of attention and not an answer: please "


def add_checks(items, number, kind, seed):
    """Adds items whose texts say what to choose.

    Arguments
    ---------
    items : list of Item
        What is rated.
    number : int
        How many checks; each takes the recording of another item.
    kind : str
        "preference" or "scale".
    seed : int
        Of what they ask for.

    Returns
    -------
    list of Item
        The items and the checks.

    Example
    -------
    >>> item = Item("u", "sad", "c", {"a": "Oh!", "b": "No."}, {}, {})
    >>> add_checks([item], 1, "preference", 1)[1].check
    {'choice': 'a'}
    """
    draw = random.Random(seed)
    checks = []
    for item in draw.sample(items, min(max(number, 0), len(items))):
        if kind == "scale":
            points = draw.sample(range(1, 6), 2)
            check = dict(zip(SIDES, points))
            texts = {side: f"{ASKS}give it {check[side]}." for side in SIDES}
        else:
            side = draw.choice(SIDES)
            check, texts = {"choice": side}, dict(item.texts)
            texts[side] = f"{ASKS}choose this one."
        checks.append(item._replace(texts=texts, check=check, systems={}))
    return [*items, *checks]
