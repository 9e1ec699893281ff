"""The arguments of a YAML's objects, held against what their classes take.

Authors
 * The speechbrain_relm contributors 2026
"""

import inspect
import pydoc

from speechbrain_relm.utils.errors import first_line
from speechbrain_relm.utils.plain_yaml import Built, BuiltDict
from speechbrain_relm.utils.text.spelling import did_you_mean

# Tags that name a class or function, and the others that may be left where
# references are resolved.
TAGS = ("!new:", "!name:", "!apply:")
OTHER_TAGS = ("!module:", "!tuple")


def object_problems(settings):
    """Finds unknown and missing arguments at every depth.

    Arguments
    ---------
    settings : dict
        Plain values of a YAML.

    Returns
    -------
    list of str
        A line a problem.

    Example
    -------
    >>> from speechbrain_relm.utils.plain_yaml import read_plain
    >>> object_problems(read_plain("a: !new:torch.nn.Dropout\\n    q: 0.1"))
    ['a: q is no argument of torch.nn.Dropout: it has p, inplace.']
    """
    found, seen = [], set()

    def visit(name, value):
        """Looks at a value and what is inside of it, once."""
        if isinstance(value, Built):
            found.extend(tag_problems(name, value.tag))
        if id(value) in seen or not isinstance(value, (dict, list)):
            return
        seen.add(id(value))
        if isinstance(value, BuiltDict) and value.tag.startswith(TAGS):
            found.extend(_argument_problems(name, value))
        inside = value.items() if isinstance(value, dict) else enumerate(value)
        for key, one in inside:
            visit(f"{name}: {key}" if name else str(key), one)

    visit("", settings)
    return found


def tag_problems(name, tag):
    """Says which tag HyperPyYAML does not know, or could not resolve.

    Arguments
    ---------
    name : str
        Where it stands.
    tag : str
        The tag.

    Returns
    -------
    list of str
        A line, or none.

    Example
    -------
    >>> tag_problems("llm", "!nw:torch.nn.Linear")
    ['llm: !nw:torch.nn.Linear is no tag: it may be !new:, !name:, ...']
    """
    if tag.startswith(TAGS + OTHER_TAGS):
        return []
    if tag in ("!ref", "!copy"):
        return [f"{name}: its {tag} leads in a circle."]
    known = ", ".join((*TAGS, *OTHER_TAGS, "!ref"))
    return [f"{name}: {tag} is no tag: it may be {known}."]


def _argument_problems(name, value):
    """Compares the arguments of an object with what its class takes."""
    kind, _, path = value.tag.partition(":")
    try:
        made = pydoc.locate(path)
    except pydoc.ErrorDuringImport as error:
        return [f"{name}: {path} cannot be imported: {first_line(error.value)}"]
    if made is None:
        return [f"{name}: there is no {path}: check its spelling."]
    found = signature_problems(name, path, made, value, kind != "!name")
    adapter = value.get("adapter_class")
    if isinstance(adapter, Built):
        # The layer that is adapted is given to it.
        inner = adapter.tag.partition(":")[2]
        found += signature_problems(
            f"{name}: adapter_kwargs",
            inner,
            pydoc.locate(inner),
            value.get("adapter_kwargs") or {},
            False,
        )
    return found


def signature_problems(name, path, made, given, whole):
    """Compares keyword arguments with a signature.

    Arguments
    ---------
    name : str
        Where they stand.
    path : str
        Of the class or function.
    made : callable
        It.
    given : dict
        The arguments.
    whole : bool
        Whether all that it needs must be there.

    Returns
    -------
    list of str
        A line a problem.

    Example
    -------
    >>> from torch.nn import Dropout
    >>> signature_problems("a", "Dropout", Dropout, {"pp": 0.1}, True)
    ['a: pp is no argument of Dropout: did you mean p?']
    """
    try:
        takes = inspect.signature(made).parameters
    except (TypeError, ValueError):  # written in C
        return []
    found, kinds = [], {one.kind for one in takes.values()}
    known = [n for n, one in takes.items() if one.kind in _BY_NAME]
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        found += [
            f"{name}: {key} is no argument of {path}"
            f"{did_you_mean(key, known, 0.5)}"
            for key in given
            if key not in known
        ]
    needed = [n for n in known if takes[n].default is inspect.Parameter.empty]
    if whole and not found:
        found += [
            f"{name}: {key} is missing, an argument of {path}."
            for key in needed
            if key not in given
        ]
    return found


_BY_NAME = (
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
)
