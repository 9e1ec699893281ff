"""Reads a HyperPyYAML without building its objects.

Authors
 * The speechbrain_relm contributors 2026
"""

import ruamel.yaml


class Placeholder:
    """Stands for a setting that the user must give."""


class PlainConstructor(ruamel.yaml.constructor.SafeConstructor):
    """Builds plain values where HyperPyYAML would build objects."""

    def construct_tagged(self, suffix, node):
        """Ignores a tag but for the placeholder's.

        Arguments
        ---------
        suffix : str
            The tag.
        node : ruamel.yaml.Node
            What it is put on.

        Returns
        -------
        object
            The plain value.
        """
        if suffix == "PLACEHOLDER":
            return Placeholder()
        if isinstance(node, ruamel.yaml.MappingNode):
            return self.construct_mapping(node, deep=True)
        if isinstance(node, ruamel.yaml.SequenceNode):
            return self.construct_sequence(node, deep=True)
        return self.construct_scalar(node)


PlainConstructor.add_multi_constructor("!", PlainConstructor.construct_tagged)


def read_plain(text):
    """Loads a YAML with the tags of HyperPyYAML left out.

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
    yaml = ruamel.yaml.YAML(typ="safe", pure=True)
    yaml.Constructor = PlainConstructor
    return yaml.load(text) or {}
