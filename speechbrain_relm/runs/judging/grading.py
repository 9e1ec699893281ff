"""Grades of responses by an LLM: Emotional Reaction and Exploration, 0 to 2.

An LLM that chooses among levels prefers some places in a list. So the levels
stand in an order that is drawn for each question, and each question is asked
more than once, in other orders.

Authors
 * The speechbrain_relm contributors 2026
"""

import itertools
import random
import re
from pathlib import Path

import yaml

from speechbrain_relm.utils.records import make_batches, work_through

RUBRIC = Path(__file__).with_name("rubric.yaml")
LETTERS = "ABC"  # of the three levels, 0 to 2
PASSES = 2
FIELDS = ("system", "question", "settings", "mechanisms")


def read_rubric(path=RUBRIC):
    """Reads how grades are asked for.

    Arguments
    ---------
    path : str or pathlib.Path
        A YAML like the package's `rubric.yaml`.

    Returns
    -------
    dict
        `system`, `question`, `settings` and `mechanisms`.

    Raises
    ------
    ValueError
        If it is not of that form.

    Example
    -------
    >>> list(read_rubric()["mechanisms"])
    ['ER', 'Ex']
    """
    try:
        rubric = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        fine = all(rubric[field] for field in FIELDS) and all(
            one["asked"] and len(one["levels"]) == len(LETTERS)
            for one in rubric["mechanisms"].values()
        )
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError):
        fine = False
    if not fine:
        raise ValueError(
            f"{path} is no rubric: give {', '.join(FIELDS)}, and each "
            f"mechanism `asked` and three `levels`, as in {RUBRIC}."
        )
    return rubric


def order_of(utterance, mechanism, number):
    """Draws the order in which the levels are shown.

    Arguments
    ---------
    utterance : str
        Id of the response.
    mechanism : str
        E.g. "ER".
    number : int
        Of the pass, from 0; each has another order.

    Returns
    -------
    tuple of int
        The levels that the letters stand for.

    Example
    -------
    >>> order_of("a", "ER", 0) == order_of("a", "ER", 1)
    False
    """
    orders = list(itertools.permutations(range(len(LETTERS))))
    random.Random(f"{utterance} {mechanism}").shuffle(orders)
    return orders[number]


def question(rubric, mechanism, record, order):
    """Writes one question.

    Arguments
    ---------
    rubric : dict
        From `read_rubric`.
    mechanism : str
        E.g. "ER".
    record : dict
        With `transcript` and `response`.
    order : tuple of int
        From `order_of`.

    Returns
    -------
    str
        The user's message.

    Example
    -------
    >>> said = {"transcript": "I fell.", "response": "Oh no!"}
    >>> print(question(read_rubric(), "Ex", said, (2, 1, 0)))
    Someone said: "I fell."
    The answer was: "Oh no!"
    ...
    A. Strong: it asks about something specific...
    """
    about = rubric["mechanisms"][mechanism]
    options = "\n".join(
        f"{letter}. {about['levels'][level]}"
        for letter, level in zip(LETTERS, order)
    )
    filled = {
        "transcript": record["transcript"],
        "response": record["response"],
        "asked": about["asked"],
        "options": options,
    }
    # In one go: braces in what was said stay as they are.
    return re.sub(
        r"\{(transcript|response|asked|options)\}",
        lambda found: filled[found[1]],
        rubric["question"],
    )


def read_grade(text, order):
    """Reads the level that was chosen.

    Arguments
    ---------
    text : str
        The LLM's reply.
    order : tuple of int
        The levels that the letters stood for.

    Returns
    -------
    int or None
        The level; `None` where no letter is named, or several.

    Example
    -------
    >>> read_grade("B.", (2, 0, 1)), read_grade("A or B", (2, 0, 1))
    (0, None)
    """
    named = set(re.findall(rf"(?<!\w)[{LETTERS}](?!\w)", text))
    if len(named) != 1:
        return None
    return order[LETTERS.index(named.pop())]


def grade_responses(ask, rubric, responses, path, inputs, size):
    """Grades every response, in each pass.

    Arguments
    ---------
    ask : callable
        Texts to answers, as `speechbrain_relm.lobes.parts.chat_template.Answer`.
    rubric : dict
        From `read_rubric`.
    responses : dict
        Records with `transcript` and `response`.
    path : str or pathlib.Path
        Where the records go.
    inputs : dict
        What all grades depend on: the LLM.
    size : int
        Questions a batch, about.

    Returns
    -------
    dict
        Utterance id to a record: mechanism to the levels of the passes, each
        0, 1, 2, or `None` where the LLM gave none.
    """
    mechanisms = list(rubric["mechanisms"])

    def _work(batch_ids):
        asked = [
            (utterance, mechanism, order_of(utterance, mechanism, number))
            for utterance in batch_ids
            for mechanism in mechanisms
            for number in range(PASSES)
        ]
        replies = ask(
            [
                question(rubric, mechanism, responses[utterance], order)
                for utterance, mechanism, order in asked
            ]
        )
        records = {i: {m: [] for m in mechanisms} for i in batch_ids}
        for (utterance, mechanism, order), reply in zip(asked, replies):
            grade = read_grade(reply.text, order)
            records[utterance][mechanism].append(grade)
        return [{"id": i, **grades} for i, grades in records.items()]

    lengths = [len(record["response"]) for record in responses.values()]
    count = max(1, size // (len(mechanisms) * PASSES))
    batches = make_batches(list(responses), lengths, count)
    of = {
        i: {"transcript": record["transcript"], "response": record["response"]}
        for i, record in responses.items()
    }
    inputs = {**inputs, "rubric": rubric, "passes": PASSES}
    return work_through(path, batches, _work, inputs, "grades", of)
