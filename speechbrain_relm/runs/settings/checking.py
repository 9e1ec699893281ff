"""Checks the settings of a run against `schema.yaml`, before any work.

What one setting may be is in the schema. What several must be together, and
what their objects' classes take, is said here.

Authors
 * The speechbrain_relm contributors 2026
"""

import functools
import json
import math
from pathlib import Path

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from speechbrain_relm.runs.settings.objects import object_problems
from speechbrain_relm.runs.settings.together import together_problems
from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.plain_yaml import Built, BuiltDict, read_plain
from speechbrain_relm.utils.text.spelling import did_you_mean, nearest

SCHEMA = Path(__file__).resolve().with_name("schema.yaml")
# Of a value in a message; a prompt may be long.
SHOWN = 60


def check_settings(settings, source="", objects=True):
    """Refuses settings with which no run can work.

    Arguments
    ---------
    settings : dict
        Plain values of a YAML, references resolved, from
        `speechbrain_relm.runs.experiment.read_settings`.
    source : str
        The YAML's path, for what is missing there.
    objects : bool
        Whether the arguments of objects are compared with what their classes
        take, which imports them.

    Raises
    ------
    RecipeError
        With a line a problem.

    Example
    -------
    >>> check_settings({"lr": float("inf"), "batch_size": 0})
    Traceback (most recent call last):
    ...
    speechbrain_relm.utils.errors.RecipeError: batch_size: 0 is not a whole ...
    lr: inf is not a finite number above 0, at most 10.
    """
    problems = schema_problems(settings, source)
    if not problems:
        problems = together_problems(settings)
        if objects:
            problems += object_problems(settings)
    if problems:
        raise RecipeError("\n".join(problems))


@functools.lru_cache
def validator():
    """Makes the validator of `schema.yaml`.

    Returns
    -------
    jsonschema.protocols.Validator
        Numbers are finite, True is no number, and what a tag of HyperPyYAML
        builds is not looked into, but for the arguments that are named.
    """
    kinds = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: _plain(value) is int,
            "number": lambda _, value: _finite(value),
        }
    )
    rules = {
        name: _unless_built(rule, name)
        for name, rule in Draft202012Validator.VALIDATORS.items()
    }
    rules["built"] = _built
    made = extend(Draft202012Validator, rules, type_checker=kinds)
    return made(read_plain(SCHEMA.read_text(encoding="utf-8")))


def _plain(value):
    """The type below ruamel's own kinds of numbers."""
    for kind in (bool, int, float):
        if isinstance(value, kind):
            return kind
    return None


def _finite(value):
    """Whether a value is a number that one can calculate with."""
    kind = _plain(value)  # a whole number may be too large for `isfinite`
    return kind is int or (kind is float and math.isfinite(value))


def _built(validator, wanted, value, schema):
    """Whether a tag builds the value, where one should."""
    if wanted and value is not None and not isinstance(value, Built):
        yield ValidationError("is not built")


# What is said of the arguments of an object, and of where it stands.
_INSIDE = {"properties", "$ref", "allOf", "anyOf", "if"}


def _unless_built(rule, name):
    """Leaves out a rule where a tag builds the value."""

    def _checked(validator, wanted, value, schema):
        looks = name in _INSIDE and isinstance(value, BuiltDict)
        if looks or not isinstance(value, Built):
            yield from rule(validator, wanted, value, schema) or ()

    return _checked


def schema_problems(settings, source=""):
    """Compares settings with the schema.

    Arguments
    ---------
    settings : dict
        See `check_settings`.
    source : str
        See `check_settings`.

    Returns
    -------
    list of str
        A line a problem; of a value that several settings refer to, one.

    Example
    -------
    >>> schema_problems({"judge": {"sede": 1}})[0]
    'judge: sede is no setting of it: did you mean seed?'
    """
    found = {}
    for error in validator().iter_errors(settings):
        path = tuple(error.absolute_path)
        found.setdefault((path, error.validator in _KEYS), error)
    lines = []
    for (path, _), error in sorted(found.items(), key=_depth):
        if not _told(path, error, found):
            lines += describe(path, error, settings, source)
    return list(dict.fromkeys(lines))


_KEYS = {"additionalProperties", "required"}


def _depth(item):
    """Settings before what is inside of them, in the YAML's order."""
    return len(item[0][0])


def _told(path, error, found):
    """Whether the same value is wrong in a setting that was referred to."""
    if len(path) < 2 or error.validator in _KEYS:
        return False
    value = error.instance
    return any(
        len(other) == 1
        and other[0] != path[0]
        and (
            wrong.instance == value
            or (isinstance(value, str) and str(wrong.instance) in value)
        )
        for (other, _), wrong in found.items()
    )


def describe(path, error, settings, source):
    """Says what is wrong in a line a problem.

    Arguments
    ---------
    path : tuple
        Keys and numbers that lead to the value.
    error : jsonschema.ValidationError
        What the validator found.
    settings : dict
        All settings.
    source : str
        The YAML's path.

    Returns
    -------
    list of str
        The lines.
    """
    name = spelled(path)
    if error.validator == "required":
        return _missing(name, error, source)
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        return [
            f"{name}: {key} is no setting of it{did_you_mean(key, known)}"
            for key in error.instance
            if key not in known
        ]
    if error.validator == "uniqueItems":
        twice = [v for v in error.instance if error.instance.count(v) > 1]
        return [f"{name}: {shown(twice[0])} is named twice: name it once."]
    wanted = error.schema.get("description", error.message)
    line = f"{name}: {shown(error.instance)} is not {wanted}."
    if error.validator == "enum":
        words = [word for word in error.validator_value if word is not None]
        close = nearest(error.instance, words)
        line += f" Did you mean {close}?" if close else ""
    return [line]


def _missing(name, error, source):
    """Names what is not there, and what may have been meant to be it."""
    lines, known = [], properties()
    others = [key for key in error.instance if key not in known]
    where = name or source or "the YAML"
    for key in error.validator_value:
        if key in error.instance:
            continue
        close = None if name else nearest(key, others, 0.8)
        if close is not None:
            lines.append(f"{where}: {close} is no setting: did you mean {key}?")
        else:
            lines.append(
                f"{where}: {key} is missing: the recipe's own YAMLs show it."
            )
    return lines


def properties():
    """Lists what the schema knows at the top.

    Returns
    -------
    dict
        Setting to what it may be.

    Example
    -------
    >>> "lr" in properties(), "steps" in properties()
    (True, True)
    """
    schema = validator().schema
    found = dict(schema["properties"])
    for branch in schema["allOf"]:
        for name, wanted in branch["then"].get("properties", {}).items():
            found.setdefault(name, wanted)
    return found


def spelled(path):
    """Writes where a value stands.

    Arguments
    ---------
    path : tuple
        Keys and numbers.

    Returns
    -------
    str
        E.g. "emotions[1]".

    Example
    -------
    >>> spelled(("llm", "adapter_kwargs", "rank")), spelled(("emotions", 1))
    ('llm: adapter_kwargs: rank', 'emotions[1]')
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f"{': ' if text else ''}{part}"
    return text


def shown(value):
    """Shows a value as a YAML has it, cut where it is long.

    Arguments
    ---------
    value : object
        The value.

    Returns
    -------
    str
        In one line.

    Example
    -------
    >>> shown("a" * 100)[-8:], shown(None), shown(float("nan"))
    ('aaa..."', 'null', 'nan')
    """
    if value is None:
        return "null"
    if isinstance(value, str):
        cut = value if len(value) <= SHOWN else f"{value[:SHOWN]}..."
        return json.dumps(cut, ensure_ascii=False)
    text = " ".join(repr(value).split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
