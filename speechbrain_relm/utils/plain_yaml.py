"""Reads a HyperPyYAML without building its objects.

Authors
 * The speechbrain_relm contributors 2026
"""

import itertools
import re

import ruamel.yaml

from speechbrain_relm.utils.errors import first_line

# Of a YAML with aliases, each copy counted.
MOST_VALUES = 100_000
_REFERENCE = re.compile(r"<([A-Za-z_]\w*)[^<>\n]*>")


class Placeholder:
    """Stands for a setting that the user must give."""


class Built:
    """Marks plain values that HyperPyYAML makes something else of.

    Their `tag` says what, as "!new:torch.nn.Linear".
    """

    tag = ""


class BuiltDict(Built, dict):
    """Arguments by name."""


class BuiltList(Built, list):
    """Arguments by position."""


class BuiltText(Built, str):
    """A reference, or nothing."""


class PlainConstructor(ruamel.yaml.constructor.SafeConstructor):
    """Builds plain values where HyperPyYAML would build objects."""

    def construct_tagged(self, suffix, node):
        """Keeps a tag beside its plain value, but for the placeholder's.

        Arguments
        ---------
        suffix : str
            The tag.
        node : ruamel.yaml.Node
            What it is put on.

        Returns
        -------
        Placeholder or Built
            The plain value.
        """
        if suffix == "PLACEHOLDER":
            return Placeholder()
        if isinstance(node, ruamel.yaml.MappingNode):
            value = BuiltDict(self.construct_mapping(node, deep=True))
        elif isinstance(node, ruamel.yaml.SequenceNode):
            value = BuiltList(self.construct_sequence(node, deep=True))
        else:
            value = BuiltText(self.construct_scalar(node))
        value.tag = f"!{suffix}"
        return value


PlainConstructor.add_multi_constructor("!", PlainConstructor.construct_tagged)


def read_plain(text):
    """Loads a YAML with the tags of HyperPyYAML beside the values.

    Arguments
    ---------
    text : str
        The YAML.

    Returns
    -------
    dict
        Plain values; objects are the mappings of their arguments.

    Example
    -------
    >>> read_plain("a: !new:torch.nn.Linear [1, 2]")
    {'a': [1, 2]}
    """
    return _load(text, PlainConstructor)


def check_copies(text):
    """Refuses a YAML whose aliases make more of it than settings can be.

    Of ten lines of ten copies each, whoever walks through them sees ten
    billion values.

    Arguments
    ---------
    text : str
        The YAML.

    Raises
    ------
    ValueError
        If they do; the line is named.

    Example
    -------
    >>> check_copies("a: &a [1, 2]\\nb: [*a, *a]")
    >>> check_copies("a: &a [*a]")
    Traceback (most recent call last):
    ...
    ValueError: line 1: with its copies (&, *) this makes more than 100,000...
    """
    if "&" in text and "*" in text:  # else there is no copy
        node = ruamel.yaml.YAML(typ="safe", pure=True).compose(text)
        _count_values(node, {})


def _count_values(node, known):
    """Counts the values of a node, each copy again."""
    if not isinstance(node, ruamel.yaml.CollectionNode):
        return 1
    if id(node) not in known:
        known[id(node)] = MOST_VALUES  # in itself it has no end
        inside = node.value
        if isinstance(node, ruamel.yaml.MappingNode):
            inside = itertools.chain.from_iterable(inside)
        count = 1 + sum(_count_values(child, known) for child in inside)
        if count > MOST_VALUES:
            raise ValueError(
                f"line {node.start_mark.line + 1}: with its copies (&, *) "
                f"this makes more than {MOST_VALUES:,} values"
            )
        known[id(node)] = count
    return known[id(node)]


def _load(text, constructor):
    check_copies(text)
    yaml = ruamel.yaml.YAML(typ="safe", pure=True)
    yaml.Constructor = constructor
    return yaml.load(text) or {}


def problem_of(error):
    """Tells what is wrong with a YAML, in one line.

    Arguments
    ---------
    error : Exception
        Of the YAML's reader.

    Returns
    -------
    str
        E.g. "line 3: mapping values are not allowed here".
    """
    problem = getattr(error, "problem", None) or first_line(error)
    mark = getattr(error, "problem_mark", None)
    where = "" if mark is None else f"line {mark.line + 1}: "
    return f"{where}{problem}"


class TaggedConstructor(PlainConstructor):
    """Builds plain values that tell what HyperPyYAML would build of them."""

    def construct_tagged(self, suffix, node):
        """Keeps a tag, but for a reference's.

        Arguments
        ---------
        suffix : str
            The tag.
        node : ruamel.yaml.Node
            What it is put on.

        Returns
        -------
        object
            A mapping of the tag to the plain value.
        """
        value = super().construct_tagged(suffix, node)
        return value if suffix == "ref" else {f"!{suffix}": value}


TaggedConstructor.add_multi_constructor("!", TaggedConstructor.construct_tagged)


def read_tagged(text):
    """Loads a YAML as it is written: tags as keys, references as texts.

    Arguments
    ---------
    text : str
        The YAML.

    Returns
    -------
    dict
        Plain values.

    Example
    -------
    >>> read_tagged(
    ...     "a: 1\\nb: !new:torch.nn.Linear\\n    out_features: !ref <a>"
    ... )
    {'a': 1, 'b': {'!new:torch.nn.Linear': {'out_features': '<a>'}}}
    """
    return _load(text, TaggedConstructor)


def settings_of(text):
    """Splits a YAML into its settings.

    Arguments
    ---------
    text : str
        The YAML, as `speechbrain_relm.runs.systems.effective_yaml` writes it.

    Returns
    -------
    dict
        Setting to its lines, comments on lines of their own left out.

    Example
    -------
    >>> settings_of("# Title\\na: 1\\nb:\\n- 2\\n")
    {'a': 'a: 1\\n', 'b': 'b:\\n- 2\\n'}
    """
    blocks, name = {}, None
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        start = re.match(r"(\w+):", line)
        name = start.group(1) if start else name
        blocks[name] = blocks.get(name, "") + line + "\n"
    return blocks


def referred_to(names, blocks):
    """Collects settings and whatever they refer to.

    Arguments
    ---------
    names : iterable of str
        Settings.
    blocks : dict
        From `settings_of`.

    Returns
    -------
    set of str
        These and all that they refer to.

    Example
    -------
    >>> blocks = {"a": "a: !ref <b>\\n", "b": "b: 1\\n", "c": "c: 2\\n"}
    >>> sorted(referred_to(["a"], blocks))
    ['a', 'b']
    """
    kept, todo = set(), list(names)
    while todo:
        name = todo.pop()
        if name not in kept:
            kept.add(name)
            todo += [n for n in _REFERENCE.findall(blocks[name]) if n in blocks]
    return kept


def name_sources(blocks):
    """Gives a source that is written inside an object a setting of its own.

    Arguments
    ---------
    blocks : dict
        From `settings_of`.

    Returns
    -------
    dict
        The same with these settings, each before its object.

    Example
    -------
    >>> block = "encoder: !new:WavLM\\n    source: microsoft/wavlm-large\\n"
    >>> for block in name_sources({"encoder": block}).values():
    ...     print(block, end="")
    encoder_source: microsoft/wavlm-large
    encoder: !new:WavLM
        source: !ref <encoder_source>
    """
    found = {}
    for name, block in blocks.items():
        inside = re.search(r"^( +source: )(?!!|null)(.*)$", block, re.M)
        if inside:
            before, value = inside.groups()
            found[f"{name}_source"] = f"{name}_source: {value}\n"
            block = block.replace(
                inside.group(), f"{before}!ref <{name}_source>"
            )
        found[name] = block
    return found


def is_source(name):
    """Tells whether a setting names a base model.

    Arguments
    ---------
    name : str
        The setting.

    Returns
    -------
    bool
        Whether it does.

    Example
    -------
    >>> is_source("llm_source"), is_source("llm")
    (True, False)
    """
    return name in ("init_from", "backbone") or name.endswith("_source")


def literal(block):
    """Reads the value of a plain setting.

    Arguments
    ---------
    block : str
        Its line.

    Returns
    -------
    object
        The value.

    Example
    -------
    >>> literal("llm_source: Qwen/Qwen-7B-Chat  # a hub id")
    'Qwen/Qwen-7B-Chat'
    """
    (value,) = read_plain(block).values()
    return value


def referring(names, text):
    """Finds the settings that refer to any of some names.

    Arguments
    ---------
    names : list of str
        What may stand in `<...>`.
    text : str
        The YAML.

    Returns
    -------
    list of str
        The settings.

    Example
    -------
    >>> referring(["b"], "a: !ref <b>/c")
    ['a']
    """
    return [
        setting
        for setting, lines in settings_of(text).items()
        if any(f"<{name}" in lines for name in names)
    ]
