"""What settings must be together.

Authors
 * The speechbrain_relm contributors 2026
"""

import string
from pathlib import Path

from speechbrain_relm.runs.emotion.lexicon import read_lexicon
from speechbrain_relm.runs.emotion.likelihoods import sentences_of
from speechbrain_relm.utils.plain_yaml import Built

# What a run must have left to be tested against.
LEFT = ("responses.jsonl", "scores.jsonl")
# Steps that have nothing to do where a part of the system is null.
WORKS_WITH = {
    "fit": "model",
    "release": "model",
    "attributes": "emotion_model",
    "transcribe": "transcriber",
}
# Fields of prompts.
IN_PROMPT = ("emotion",)
IN_TEXT = ("transcript", "emotion", "heard")


def together_problems(settings):
    """Says which settings do not fit each other, or a file that they name.

    Arguments
    ---------
    settings : dict
        Plain values that fit the schema.

    Returns
    -------
    list of str
        A line a problem.

    Example
    -------
    >>> together_problems({"min_duration": 3.0, "max_duration": 2.0})
    ['min_duration: 3.0 is not below max_duration, which is 2.0.']
    """
    found = []
    for problems in (
        duration_problems,
        class_problems,
        file_problems,
        prompt_problems,
        loading_problems,
        model_problems,
        fold_problems,
    ):
        found += problems(settings)
    return found


def duration_problems(settings):
    """Compares lengths and limits.

    Arguments
    ---------
    settings : dict
        See `together_problems`.

    Returns
    -------
    list of str
        A line a problem.

    Example
    -------
    >>> duration_problems({"test_sentences": [9, 2]})
    ['test_sentences: [9, 2] ends before it begins: give [first, last].']
    """
    found = []
    shortest, longest = (
        settings.get("min_duration"),
        settings.get("max_duration"),
    )
    if _numbers(shortest, longest) and not shortest < longest:
        found.append(
            f"min_duration: {shortest} is not below max_duration, which is "
            f"{longest}."
        )
    sentences = settings.get("test_sentences")
    if sentences is not None and sentences[0] > sentences[-1]:
        found.append(
            f"test_sentences: {list(sentences)} ends before it begins: give "
            "[first, last]."
        )
    for name, value in settings.items():
        if name.endswith("response_settings") or name == "recognition_settings":
            least, most = value.get("min_new_tokens"), value["max_new_tokens"]
            if _numbers(least, most) and least > most:
                found.append(
                    f"{name}: min_new_tokens {least} is above max_new_tokens, "
                    f"which is {most}."
                )
    return found


def _numbers(*values):
    """Whether all are numbers, and not made by a tag or absent."""
    return all(isinstance(value, (int, float)) for value in values)


def class_problems(settings):
    """Compares heads, losses and examples with the emotions.

    Arguments
    ---------
    settings : dict
        See `together_problems`.

    Returns
    -------
    list of str
        A line a problem.

    Example
    -------
    >>> class_problems({"emotions": ["sad"], "heads": {"categories": 4}})
    ['heads: categories: 4 does not fit emotions, which has 1: leave ...']
    """
    found, emotions = [], settings.get("emotions")
    heads = settings.get("heads") or {}
    categories = heads.get("categories") if isinstance(heads, dict) else None
    if isinstance(categories, int) and isinstance(emotions, list):
        if categories != len(emotions):
            found.append(
                f"heads: categories: {categories} does not fit emotions, which "
                f"has {len(emotions)}: leave categories to the YAML."
            )
    if heads and "emotions" in settings and emotions is None:
        found.append("heads: emotions is null: heads must be null, too.")
    if settings.get("emotion_first") and emotions is None:
        found.append("emotion_first: emotions is null: there is none to spell.")
    for emotion in settings.get("continuation_examples") or {}:
        if isinstance(emotions, list) and emotion not in emotions:
            found.append(
                f"continuation_examples: {emotion} is none of emotions, which "
                f"has {', '.join(map(str, emotions))}."
            )
    weights = settings.get("loss_weights")
    trains = "fit" in settings.get("steps", ["fit"])
    if weights and trains and not any(weights.values()):
        found.append(
            "loss_weights: all are 0, so that nothing would be learned: give "
            "one a weight above 0."
        )
    return found


def prompt_problems(settings):
    """Looks at the fields of prompts, which are filled in much later.

    Arguments
    ---------
    settings : dict
        See `together_problems`.

    Returns
    -------
    list of str
        A line a problem.

    Example
    -------
    >>> prompt_problems({"continuation_from_text": "A {emotoin} one: "})
    ['continuation_from_text: {emotoin} is no field: it has {emotion}; ...']
    """
    found = []
    text = settings.get("continuation_from_text")
    if isinstance(text, str):
        found += field_problems("continuation_from_text", text, IN_PROMPT)
    listener = settings.get("listener")
    if isinstance(listener, dict) and isinstance(listener.get("text"), str):
        found += field_problems("listener: text", listener["text"], IN_TEXT)
    sentence = settings.get("recognition_sentence")
    if isinstance(sentence, str):
        try:
            sentences_of([], sentence)
        except ValueError as error:
            found.append(str(error))
    return found


def field_problems(name, text, known):
    """Says which fields of a text nothing can fill.

    Arguments
    ---------
    name : str
        The setting.
    text : str
        Its value, for `str.format`.
    known : sequence of str
        The fields that there are.

    Returns
    -------
    list of str
        A line a problem.

    Example
    -------
    >>> field_problems("text", "{transcript", ["transcript"])
    ["text: expected '}' before end of string: a brace that is meant is ..."]
    """
    try:
        fields = [field for _, field, *_ in string.Formatter().parse(text)]
        # What stands behind a field, as {emotion[0]} or {emotion:d}, too.
        text.format(**dict.fromkeys(known, "text"))
    except (KeyError, IndexError):
        fields = [field for field in fields if field is not None]
        odd = next(field for field in fields if field not in known)
        there = ", ".join(f"{{{field}}}" for field in known)
        return [
            f"{name}: {{{odd}}} is no field: it has {there}; a brace that is "
            "meant is written twice."
        ]
    except (ValueError, AttributeError, TypeError) as error:
        return [f"{name}: {error}: a brace that is meant is written twice."]
    return []


def loading_problems(settings):
    """Looks at samplers and loaders.

    Arguments
    ---------
    settings : dict
        See `together_problems`.

    Returns
    -------
    list of str
        A line a problem.

    Example
    -------
    >>> loading_problems({"train_loader": {"prefetch_factor": 2}})
    ['train_loader: prefetch_factor needs num_workers above 0.']
    """
    found = []
    for name in ("train_loader", "valid_loader"):
        loader = settings.get(name) or {}
        for key in ("prefetch_factor", "persistent_workers", "timeout"):
            if loader.get(key) and not loader.get("num_workers"):
                found.append(f"{name}: {key} needs num_workers above 0.")
    sampler = settings.get("sampler")
    bounds = sampler.get("bucket_boundaries") if sampler else None
    if isinstance(bounds, list) and not isinstance(bounds, Built):
        if any(a >= b for a, b in zip(bounds, bounds[1:])):
            found.append(
                f"sampler: bucket_boundaries: {list(bounds)} do not increase."
            )
    return found


def model_problems(settings):
    """Looks at what steps work with, and at what makes a model smaller.

    Arguments
    ---------
    settings : dict
        See `together_problems`.

    Returns
    -------
    list of str
        A line a problem.

    Example
    -------
    >>> model_problems({"fsdp": True, "chat_llm": {"bits": 4}})
    ['fsdp: True cannot divide an LLM of 4 bits: use one of the two.']
    >>> model_problems({"steps": ["respond", "fit"], "model": None})
    ['steps: a system without model has nothing for fit: leave steps ...']
    """
    found = [
        f"steps: a system without {part} has nothing for {step}: leave steps "
        "to the system."
        for step, part in WORKS_WITH.items()
        if step in settings.get("steps", ())
        and settings.get(part, step) is None
    ]
    bits = (settings.get("chat_llm") or {}).get("bits")
    if bits is not None and settings.get("fsdp"):
        found.append(
            f"fsdp: True cannot divide an LLM of {bits} bits: use one of the "
            "two."
        )
    return found


def fold_problems(settings):
    """Looks at the folds and trainings of the empathy scorers.

    Arguments
    ---------
    settings : dict
        See `together_problems`.

    Returns
    -------
    list of str
        A line a problem.

    Example
    -------
    >>> fold_problems({"folds": 5, "test_fold": 5})
    ['test_fold: 5 is none of the 5 folds, which are 0 to 4.']
    """
    found, folds = [], settings.get("folds")
    if "test_fold" in settings and settings["test_fold"] >= folds:
        found.append(
            f"test_fold: {settings['test_fold']} is none of the {folds} folds, "
            f"which are 0 to {folds - 1}."
        )
    together = [
        name for group in settings.get("trainings", []) for name in group
    ]
    twice = sorted({name for name in together if together.count(name) > 1})
    if twice:
        found.append(f"trainings: {twice[0]} is named twice: name it once.")
    return found


def file_problems(settings):
    """Looks at files and folders that are read hours later.

    Arguments
    ---------
    settings : dict
        See `together_problems`.

    Returns
    -------
    list of str
        A line a problem.

    Example
    -------
    >>> file_problems({"baseline": "no/such"})
    ['baseline: no/such is no finished run: responses.jsonl is missing ...']
    """
    found, baseline = [], settings.get("baseline")
    if baseline is not None:
        missing = [f for f in LEFT if not Path(baseline, f).is_file()]
        if missing:
            found.append(
                f"baseline: {baseline} is no finished run: {missing[0]} is "
                "missing there. Name the output folder of one."
            )
    try:
        read_lexicon(settings.get("recognition_lexicon"))
    except (OSError, ValueError) as error:
        found.append(f"recognition_lexicon: {error}")
    return found
