"""What a result was made from: its inputs, their fingerprint, differences.

Inputs are a mapping of names to plain values: settings as they are, files and
models as `content`. They lie beside the result in a stamp, a JSON file that
people can read. Equal inputs have equal fingerprints, on any machine.

Authors
 * The speechbrain_relm contributors 2026
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from speechbrain.utils.logger import get_logger

from speechbrain_relm.utils.files import free_name, write_atomically

logger = get_logger(__name__)

DIGITS = 16  # of a fingerprint
SHORT = 8  # of one that is shown
# Of a folder that is made whole, the stamp lies inside.
STAMP = "INPUTS.json"
RECORDS = ".jsonl"  # how a file's name ends, which may not be there yet
_ABSENT = object()


def plain(value):
    """Turns a value into JSON's types.

    Arguments
    ---------
    value : object
        Mappings, sequences, numbers, texts; anything else becomes text.

    Returns
    -------
    object
        The same as JSON gives it back.

    Example
    -------
    >>> plain({"a": (1, Path("b"))})
    {'a': [1, 'b']}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        # A YAML's numbers are of classes of its own; 1.0 is 1.
        whole = isinstance(value, int) or value.is_integer()
        return int(value) if whole else float(value)
    return str(value)


def content(digest, of):
    """Names an input by what is in it.

    Arguments
    ---------
    digest : str
        Of the content.
    of : str
        Where it is, or what it is, for readers only: a folder that was moved
        is the same input.

    Returns
    -------
    dict
        A value for inputs.

    Example
    -------
    >>> fingerprint(content("ab", "here")) == fingerprint(
    ...     content("ab", "there")
    ... )
    True
    """
    return {"content": digest, "of": str(of)}


def is_content(value):
    """Tells whether an input is named by what is in it.

    Arguments
    ---------
    value : object
        An input.

    Returns
    -------
    bool
        Whether it comes from `content`.

    Example
    -------
    >>> is_content(content("ab", "here")), is_content({"a": 1})
    (True, False)
    """
    return isinstance(value, Mapping) and set(value) == {"content", "of"}


def _bare(value):
    """Leaves out what is for readers only."""
    if is_content(value):
        return value["content"]
    if isinstance(value, dict):
        return {key: _bare(part) for key, part in value.items()}
    return [_bare(v) for v in value] if isinstance(value, list) else value


def fingerprint(inputs):
    """Identifies inputs.

    Arguments
    ---------
    inputs : object
        See the module.

    Returns
    -------
    str
        16 hexadecimal digits.

    Example
    -------
    >>> fingerprint({"a": 1, "b": (2,)}) == fingerprint({"b": [2], "a": 1})
    True
    """
    text = json.dumps(_bare(plain(inputs)), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:DIGITS]


def differences(old, new, name=""):
    """Lists in what two inputs differ.

    Arguments
    ---------
    old : object
        Inputs of what is there.
    new : object
        Inputs of what is wanted.
    name : str
        Of these inputs, as of a setting.

    Returns
    -------
    list of tuple
        (name, old value, new value), texts.

    Example
    -------
    >>> differences({"lr": 1, "judge": {"seed": 1}}, {"judge": {"seed": 2}})
    [('lr', '1', 'absent'), ('judge.seed', '1', '2')]
    """
    old, new = (v if v is _ABSENT else plain(v) for v in (old, new))
    if _bare(old) == _bare(new):
        return []
    inside = all(isinstance(v, dict) and not is_content(v) for v in (old, new))
    # One object in place of another is one difference.
    if not inside or (name and not set(old) & set(new)):
        return [(name, _shown(old), _shown(new))]
    found = []
    for key in {**old, **new}:
        # An object's class is no setting: llm.rank, not llm.!new:LoRA.rank.
        inner = name if key.startswith("!") else f"{name}.{key}".strip(".")
        pair = old.get(key, _ABSENT), new.get(key, _ABSENT)
        found += differences(*pair, inner)
    return found


def _shown(value):
    """Writes a value out for people."""
    if value is _ABSENT:
        return "absent"
    if is_content(value):
        return f"{value['of']} ({value['content'][:SHORT]})"
    return json.dumps(value, ensure_ascii=False)


def told(found, most=3, width=60):
    """Tells differences in one line.

    Arguments
    ---------
    found : list of tuple
        From `differences`.
    most : int
        So many are told in full.
    width : int
        Characters of a value, at most.

    Returns
    -------
    str
        E.g. "lr was 0.1, is 0.2".

    Example
    -------
    >>> told([("lr", "0.1", "0.2"), ("response_system", '"Answer."', '""')])
    'lr was 0.1, is 0.2; response_system was "Answer.", is ""'
    >>> told([("text", "a" * 99 + "b", "a" * 99 + "c")], width=12)
    'text was …aaaab, is …aaaac'
    """
    parts = []
    for name, *values in found[:most]:
        start = 0
        if max(map(len, values)) > width:  # the part that differs
            start = max(len(os.path.commonprefix(values)) - width // 3, 0)
        old, new = (
            "…" * (start > 0)
            + value[start : start + width]
            + "…" * (len(value) > start + width)
            for value in values
        )
        parts.append(f"{name} was {old}, is {new}")
    if len(found) > most:
        parts.append(f"and {len(found) - most} more")
    return "; ".join(parts)


def stamp_of(path):
    """Names the stamp of a result.

    Arguments
    ---------
    path : str or pathlib.Path
        A file of records, or a folder that is made whole.

    Returns
    -------
    pathlib.Path
        Beside the file, or in the folder.

    Example
    -------
    >>> stamp_of("run/scores.jsonl").name
    'scores.inputs.json'
    """
    path = Path(path)
    is_file = path.suffix == RECORDS or path.is_file()
    return path.with_suffix(".inputs.json") if is_file else path / STAMP


def read_stamp(path):
    """Reads the inputs of a result.

    Arguments
    ---------
    path : str or pathlib.Path
        The result.

    Returns
    -------
    dict or None
        Its inputs; `None` if nobody knows them, as when a disk spoilt them.

    Example
    -------
    >>> read_stamp("no/scores.jsonl") is None
    True
    """
    stamp = stamp_of(path)
    try:
        found = json.loads(stamp.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    logger.warning("%s is damaged, and is taken for absent.", stamp)
    return None


def write_stamp(path, inputs):
    """Says what a result is made from.

    Arguments
    ---------
    path : str or pathlib.Path
        The result.
    inputs : dict
        Its inputs.

    Example
    -------
    >>> path = getfixture("tmp_path") / "scores.jsonl"
    >>> write_stamp(path, {"seed": 1})
    >>> read_stamp(path)
    {'seed': 1}
    """
    text = json.dumps(plain(inputs), ensure_ascii=False, indent=2)
    write_atomically(stamp_of(path), text + "\n")


def old_name(path, inputs):
    """Names where a result goes whose place another one takes.

    Arguments
    ---------
    path : pathlib.Path
        The result.
    inputs : dict or None
        Its inputs, as far as they are known.

    Returns
    -------
    pathlib.Path
        A name beside it that nothing has yet.

    Example
    -------
    >>> old_name(getfixture("tmp_path") / "release", {"seed": 1}).name
    'release.old-a4bbadc1'
    """
    mark = fingerprint(inputs)[:SHORT]
    return free_name(path.with_name(f"{path.name}.old-{mark}"))
