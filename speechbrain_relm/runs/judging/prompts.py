"""How the judge of other systems' responses is asked.

Authors
 * The speechbrain_relm contributors 2026
"""

from pathlib import Path
from string import Formatter

import yaml

from speechbrain_relm.utils.text.reading import read_text

PROMPTS = Path(__file__).with_name("judge_prompts.yaml")
FIELDS = ("system", "instruction", "examples")


def read_prompts(path=PROMPTS):
    """Reads how the judge is asked.

    Arguments
    ---------
    path : str or pathlib.Path
        A YAML like the package's `judge_prompts.yaml`.

    Returns
    -------
    dict
        `system`, `instruction` and `examples`, each with `names` and `turns`.

    Raises
    ------
    ValueError
        If it is not of that form; the field is named.

    Example
    -------
    >>> sorted(read_prompts())
    ['examples', 'instruction', 'system']
    """
    try:
        prompts = yaml.safe_load(read_text(path))
    except (yaml.YAMLError, RecursionError) as err:
        where = getattr(err, "problem_mark", None)
        where = f", line {where.line + 1}" if where else ""
        raise ValueError(f"{path}{where}: no YAML; correct it.") from None
    problem = _problem(prompts)
    if problem:
        raise ValueError(f"{path}, {problem}, as in {PROMPTS}.")
    return {**prompts, "examples": prompts["examples"] or []}


def _problem(prompts):
    """Says what is wrong with prompts, if anything."""
    if not isinstance(prompts, dict) or set(prompts) != set(FIELDS):
        return f"fields: give {', '.join(FIELDS)} and no other"
    for field in FIELDS[:2]:
        if not isinstance(prompts[field], str):
            return f"{field}: give a text, perhaps an empty one"
    try:
        fields = _named(prompts["instruction"])
    except ValueError as err:
        return f"instruction: {err}; a brace that is meant is written twice"
    if fields - {"emotion"}:
        return (
            f"instruction: {{{min(fields - {'emotion'})}}} stands for nothing; "
            "write {emotion}"
        )
    examples, names = prompts["examples"] or [], []
    if not isinstance(examples, list):
        return "examples: give a list"
    for number, example in enumerate(examples, start=1):
        place = f"examples, number {number}"
        if not isinstance(example, dict) or set(example) != {"names", "turns"}:
            return f"{place}: give names and turns"
        if not _texts(example["names"]):
            return f"{place}, names: give a list of texts"
        if not isinstance(example["turns"], list):
            return f"{place}, turns: give a list"
        if not all(_texts(t) and len(t) == 2 for t in example["turns"]):
            return f"{place}, turns: give [sentence, reply], two texts each"
        names += map(known_as, example["names"])
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        return f"examples: {twice[0]!r} is there twice; name it once"
    return None


def _named(text):
    """Lists what a text has in braces, as `str.format` reads it."""
    found = set()
    for _, name, form, conversion in Formatter().parse(text):
        if name is not None:
            form = f":{form}" if form else ""
            conversion = f"!{conversion}" if conversion else ""
            found.add(f"{name}{conversion}{form}")
    return found


def _texts(value):
    """Tells whether a value is a list of texts, none of them empty."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(text, str) and text for text in value)
    )


def known_as(emotion):
    """Gives the name by which an emotion is looked up.

    Arguments
    ---------
    emotion : str
        As a corpus calls it.

    Returns
    -------
    str
        Without spaces around it, in small letters.

    Example
    -------
    >>> known_as(" Sad ")
    'sad'
    """
    return emotion.strip().lower()


def examples_of(emotions, prompts, path):
    """Finds the example turns of each emotion.

    Arguments
    ---------
    emotions : list of str
        As the responses call them.
    prompts : dict
        From `read_prompts`.
    path : str or pathlib.Path
        The responses, for what is said of them.

    Returns
    -------
    dict
        Emotion to turns, [user sentence, reply] each.

    Raises
    ------
    ValueError
        If the judge would be asked alike for two emotions, or there are no
        turns of one, and no instruction names it.

    Example
    -------
    >>> turns = examples_of(["Joy"], read_prompts(), "other.csv")["Joy"]
    >>> turns[0][0]
    'My cousin works at the airport.'
    """
    place = {
        known_as(name): number
        for number, example in enumerate(prompts["examples"])
        for name in example["names"]
    }
    found = {emotion: place.get(known_as(emotion)) for emotion in emotions}
    if "emotion" not in _named(prompts["instruction"]):
        unknown = [emotion for emotion in emotions if found[emotion] is None]
        if unknown:
            raise ValueError(
                f"{path}, emotion: the judge has no example turns of "
                f"{', '.join(unknown)}, only of {', '.join(place)}. Rename "
                f"the emotion, or add it to a copy of {PROMPTS} and name that "
                "by --prompts."
            )
        for emotion in emotions:
            alike = [e for e in emotions if found[e] == found[emotion]]
            if len(alike) > 1:
                raise ValueError(
                    f"{path}, emotion: {' and '.join(alike)} are one to the "
                    "judge. Give them one name, or each its own turns in a "
                    f"copy of {PROMPTS} and name that by --prompts."
                )
    return {
        emotion: [] if number is None else prompts["examples"][number]["turns"]
        for emotion, number in found.items()
    }
