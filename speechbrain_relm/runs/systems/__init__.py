"""The systems of Table I, each as what it changes in a recipe's YAML.

A system is a YAML of overrides, which may build on another one (`based_on`).
The eight of the paper are in this folder, some that it has not in `others`;
one of your own is a file anywhere, given as `--system my_system.yaml`.

Authors
 * The speechbrain_relm contributors 2026
"""

import io
import re
from pathlib import Path

import ruamel.yaml

from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.plain_yaml import check_copies, problem_of
from speechbrain_relm.utils.text.spelling import nearest

# What the readers of YAML and HyperPyYAML raise.
YAML_ERRORS = (
    ruamel.yaml.error.YAMLError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    SyntaxError,
    RecursionError,
)
HERE = Path(__file__).resolve().parent

# In the order and with the numbers of Table I.
TABLE_1 = (
    "text_llm",
    "whisper_llm",
    "text_llm_emo_label",
    "blsp_emo",
    "blsp_emo_ft",
    "re_llm",
    "re_llm_no_dim",
    "re_llm_no_enc",
)


def find_system(name):
    """Finds the YAML of a system.

    Arguments
    ---------
    name : str or int
        A system's name, its number in Table I, or a path.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    RecipeError
        If there is no such system.

    Example
    -------
    >>> find_system("6").name
    're_llm.yaml'
    """
    name = str(name)  # a number of the command line is none
    if name.isdigit() and 1 <= int(name) <= len(TABLE_1):
        name = TABLE_1[int(name) - 1]
    file = f"{name}.yaml"
    for path in (Path(name), HERE / file, HERE / "others" / file):
        if path.suffix == ".yaml" and path.is_file():
            return path
    known = ", ".join(f"{i} {name}" for i, name in enumerate(TABLE_1, 1))
    raise RecipeError(
        f"system: there is no '{name}'. Table I has {known}; or give the path "
        f"of a YAML, as those in {HERE}."
    )


def load(path, text=None):
    """Reads a YAML with its tags and references.

    Arguments
    ---------
    path : pathlib.Path
        The file.
    text : str or None
        What to read in its place.

    Returns
    -------
    dict
        What it says.

    Raises
    ------
    RecipeError
        If it is no YAML of settings.

    Example
    -------
    >>> load(Path("a.yaml"), "a: [1, 2")
    Traceback (most recent call last):
    ...
    speechbrain_relm.utils.errors.RecipeError: a.yaml: line 1: expected ',' ...
    """
    yaml = ruamel.yaml.YAML()
    try:
        text = path.read_text(encoding="utf-8") if text is None else text
        check_copies(text)
        found = yaml.load(text)
    except YAML_ERRORS as error:
        # What comes after it is of a key that is twice.
        problem = problem_of(error).partition(" with value ")[0]
        raise RecipeError(f"{path}: {problem}, so it is no YAML.")
    if not isinstance(found, dict):
        raise RecipeError(f"{path}: no settings are in it, as `seed: 1`.")
    return found


def read_changes(name, seen=()):
    """Reads what a system changes, with what it is based on.

    Arguments
    ---------
    name : str
        See `find_system`.
    seen : tuple of pathlib.Path
        What is based on it.

    Returns
    -------
    dict
        Overrides, tags and references unresolved.

    Raises
    ------
    RecipeError
        If it is based on itself.

    Example
    -------
    >>> read_changes("text_llm_emo_label")["listener"]["text"]
    '<{emotion}> {transcript}'
    """
    path = find_system(name)
    if path in seen:
        raise RecipeError(f"{path}: based_on leads back to itself.")
    changes = load(path)
    base = changes.pop("based_on", None)
    if base is None:
        return changes
    return merged(read_changes(base, (*seen, path)), changes)


def merged(base, changes):
    """Puts changes over a mapping, key by key.

    A mapping that names what it builds (a tag) replaces the old one whole;
    one without goes into it.

    Arguments
    ---------
    base : dict
        Changed in place.
    changes : dict
        The changes.

    Returns
    -------
    dict
        The base.

    Example
    -------
    >>> merged({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}})
    {'a': {'b': 3, 'c': 2}}
    """
    for key, value in changes.items():
        tag = getattr(getattr(value, "tag", None), "value", None)
        inside = isinstance(value, dict) and isinstance(base.get(key), dict)
        if inside and tag is None:
            merged(base[key], value)
        else:
            base[key] = value
    return base


def effective_yaml(hparams_file, overrides=None):
    """Writes out a recipe's YAML as it will be run.

    HyperPyYAML's own overrides cannot put an object where there was none, as
    a system must.

    Arguments
    ---------
    hparams_file : str
        The recipe's YAML. If it has a `system`, that system's changes apply.
    overrides : str or dict or None
        From the command line; they win over the system.

    Returns
    -------
    str
        A YAML for `load_hyperpyyaml`.

    Raises
    ------
    RecipeError
        If an override is unknown, or the system.

    Example
    -------
    >>> path = getfixture("tmp_path") / "a.yaml"
    >>> _ = path.write_text("system: 5\\nsystem_title: null\\nseed: 1\\n")
    >>> effective_yaml(str(path), "system: re_llm\\nseed: 3\\n").split()
    ['system:', 're_llm', 'system_title:', 'RE-LLM', 'seed:', '3']
    """
    path, yaml = Path(hparams_file), ruamel.yaml.YAML()
    yaml.width = 4096  # prompts stay on their lines
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise RecipeError(f"{path}: it is not UTF-8, so it is no YAML.")
    # The text will be read elsewhere.
    folder = f"!include:{path.resolve().parent}/"
    recipe = load(path, re.sub(r"!include:(?!/)", lambda _: folder, text))
    given = overrides or {}
    if isinstance(given, str):
        given = yaml.load(given)
    name = given.get("system", recipe.get("system"))
    changes = {} if name is None else read_changes(name)
    for key, where in [
        *((key, f"{find_system(name)}: ") for key in changes),
        *((key, "--") for key in given),
    ]:
        if key not in recipe:
            close = nearest(key, recipe)
            hint = f" Did you mean {where}{close}?" if close else ""
            raise RecipeError(f"{where}{key} is no setting of {path}.{hint}")
    merged(merged(recipe, changes), given)
    if name is not None:
        recipe["system"] = find_system(name).stem
    stream = io.StringIO()
    yaml.dump(recipe, stream)
    return stream.getvalue()
