"""Is there an emotion to learn in the expected responses? (Section II-B.1)

The paper's training can teach no more than its targets hold. A small LLM
that ignores the emotion in its prompt expects the same of every voice.

Authors
 * The speechbrain_relm contributors 2026
"""

import random
from collections import defaultdict
from itertools import combinations

from speechbrain.utils.distributed import run_on_main
from speechbrain.utils.logger import get_logger

from speechbrain_relm.data.corpus import as_json
from speechbrain_relm.evaluation.listening.figures import (
    fits_of,
    listening_figures,
)
from speechbrain_relm.evaluation.listening.judge import judge_responses
from speechbrain_relm.evaluation.statistics import figure_of
from speechbrain_relm.utils.files import write_atomically
from speechbrain_relm.utils.text.wording import normalised

logger = get_logger(__name__)

# Above these shares a system hears nothing that it could learn to follow.
MOST_EQUAL = 0.25
SEED = 1  # of the sentences that are judged


def check_targets(judge, records, folder, sentences):
    """Measures what the expected responses can teach, and warns.

    Arguments
    ---------
    judge : speechbrain_relm.evaluation.listening.judge.Judge
        The judge.
    records : dict
        Records of the step `expected_responses`.
    folder : pathlib.Path
        Receives `expected_responses.json`.
    sentences : int
        How many sentences are judged, in all of their emotions.

    Returns
    -------
    dict
        `transcript_share`, responses that are the transcript itself;
        `identical_share`, pairs of emotions of a sentence with the same
        response; `refused_share`; and, of the responses that are judged,
        `tone_fit`, `content_fit`, `flawed_share`; see `listening_figures`.
    """
    distinct = {}
    for record in records.values():
        key = normalised(record["transcript"]), record["emotion"]
        distinct.setdefault(key, record)
    kept = {k: r for k, r in distinct.items() if not r["refused"]}
    chosen = sorted({sentence for sentence, _ in kept})
    random.Random(SEED).shuffle(chosen)
    chosen = set(chosen[:sentences])
    judged = {r["id"]: r for (text, _), r in kept.items() if text in chosen}
    figures = shares(distinct)
    if judged:
        path = folder / "expected_likelihoods.jsonl"
        judgements = judge_responses(judge, judged, path, "targets")
        fits = fits_of(judgements, judged)
        figures.update(listening_figures(fits, judged, judge.emotions))
    path = folder / "expected_responses.json"
    run_on_main(write_atomically, args=[path, as_json(figures)])
    for name in ("transcript_share", "identical_share", "tone_fit"):
        if name in figures:
            logger.info("Expected responses, %s: %s", name, figures[name])
    for problem in problems(figures):
        logger.warning("Expected responses: %s", problem)
    return figures


def shares(distinct):
    """Counts responses that carry no emotion.

    Arguments
    ---------
    distinct : dict
        (normalised transcript, emotion) to record.

    Returns
    -------
    dict
        See `check_targets`.

    Example
    -------
    >>> said = {"transcript": "I fell.", "refused": False}
    >>> distinct = {
    ...     ("i fell", "sad"): {**said, "response": "I fell."},
    ...     ("i fell", "happy"): {**said, "response": "I fell."},
    ... }
    >>> found = shares(distinct)
    >>> found["transcript_share"]["value"], found["identical_share"]["value"]
    (1.0, 1.0)
    """
    of_sentence = defaultdict(list)
    for (sentence, _), record in distinct.items():
        of_sentence[sentence].append(normalised(record["response"]))
    pairs = [
        (sentence, a == b)
        for sentence, responses in of_sentence.items()
        for a, b in combinations(responses, 2)
    ]
    sentences = [sentence for sentence, _ in distinct]
    repeated = [
        normalised(record["response"]) == sentence
        for (sentence, _), record in distinct.items()
    ]
    refused = [record["refused"] for record in distinct.values()]
    return {
        "transcript_share": figure_of(repeated, sentences),
        "identical_share": figure_of(
            [same for _, same in pairs], [sentence for sentence, _ in pairs]
        ),
        "refused_share": figure_of(refused, sentences),
    }


def problems(figures):
    """Lists why nothing can be learned from expected responses.

    Arguments
    ---------
    figures : dict
        From `check_targets`.

    Returns
    -------
    list of str
        One sentence a problem, with the remedy.

    Example
    -------
    >>> figures = {"transcript_share": {"value": 0.67}}
    >>> problems(figures)[0][:52]
    '67 % of them are the transcript itself: they cannot '
    """
    remedy = (
        "they cannot teach anybody to hear it. A small LLM needs example "
        "turns of each emotion: see continuation_examples in re_llm_mini.yaml."
    )
    found = []
    for name, what in (
        ("transcript_share", "of them are the transcript itself"),
        ("identical_share", "are the same in another emotion"),
    ):
        value = (figures.get(name) or {}).get("value")
        if value is not None and value > MOST_EQUAL:
            found.append(f"{100 * value:.0f} % {what}: {remedy}")
    fit, chance = figures.get("tone_fit"), figures.get("chance")
    if fit and fit["low"] is not None and fit["low"] <= chance["tone_fit"]:
        found.append(
            f"their tone fit is {fit['value']:.2f}, chance "
            f"{chance['tone_fit']:.2f}: {remedy}"
        )
    return found
