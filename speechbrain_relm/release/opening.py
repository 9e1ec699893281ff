"""Opens a release: only what a release is made of is built.

A HyperPyYAML can call any Python, so that opening somebody's release could do
anything. Here it builds the listed lobes, and nothing else unless told to.

Authors
 * The speechbrain_relm contributors 2026
"""

import contextlib
import io
import re
from pathlib import Path

import ruamel.yaml
from hyperpyyaml import load_hyperpyyaml
from hyperpyyaml.core import recursive_update

from speechbrain_relm.release.listed import unlisted
from speechbrain_relm.utils.disk.downloads import check_file, check_weights
from speechbrain_relm.utils.errors import RecipeError, first_line
from speechbrain_relm.utils.provenance.digests import checksum
from speechbrain_relm.utils.provenance.stamps import STAMP, read_stamp
from speechbrain_relm.utils.sources.architectures import without_code

MADE = "made"  # in its stamp, its files as they were made
# Real ones have 10 kB.
LARGEST = 2**16
# A text that references fill in; a path has hundreds of characters.
LONGEST = 2**12
# Which takes the parser seconds.
_DEEP = re.compile(r"([\[{]\s*(\w+\s*:\s*)?){33}|([-?] ){33}")
_REFERENCE = re.compile(r"<(\w+)>")
_OF_SUMS, _OPERATOR = (
    frozenset("0123456789.+-*/%() "),
    re.compile(r"\d *[-+*/%]"),
)


class ListedLoader(ruamel.yaml.SafeLoader):
    """Builds what is listed, after a look at the whole YAML.

    Arguments
    ---------
    stream : file or str
        The YAML, its references filled in.
    """

    def get_single_node(self):
        """Composes the YAML.

        Returns
        -------
        ruamel.yaml.Node
            The YAML.

        Raises
        ------
        ValueError
            If it wants more than a release needs.
        """
        node = super().get_single_node()
        refuse(node)
        return node


def refuse(node):
    """Refuses what no release needs.

    Arguments
    ---------
    node : ruamel.yaml.Node
        The YAML, composed.

    Raises
    ------
    ValueError
        If there is such a thing.
    """
    found = unlisted(node)
    if found:
        where, said = found
        raise ValueError(
            f"line {where.start_mark.line + 1}: {said} is nothing that a "
            "release needs, and could run any code on this machine. If you "
            "trust who made it: trust_code=True (--trust_code)."
        )


def read_release(folder, name="hyperparams.yaml"):
    """Reads the YAML of a release, and refuses one that could run any code.

    Arguments
    ---------
    folder : str or pathlib.Path
        The release.
    name : str
        The YAML's name.

    Returns
    -------
    str
        The YAML, of which nothing is built yet.

    Raises
    ------
    OSError
        If it is missing.
    ValueError
        If it is no YAML, or wants more than a release needs.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "hyperparams.yaml").write_text("a: !apply:os.system [ls]")
    >>> read_release(folder)
    Traceback (most recent call last):
    ...
    ValueError: ...hyperparams.yaml: line 1: !apply:os.system is nothing that...
    """
    path = check_file(Path(folder) / name)
    with naming(path):
        size = path.stat().st_size
        if size > LARGEST:
            raise ValueError(
                f"{size} bytes are more than the {LARGEST} that a release "
                "needs: name another folder."
            )
        text = path.read_text(encoding="utf-8")
        if _DEEP.search(text):
            raise ValueError("it is nested deeper than a release: no lobe is.")
        node = ruamel.yaml.YAML(pure=True).compose(text)
        if node is None or node.id != "mapping":
            raise ValueError("it holds no settings: name another folder.")
        refuse(node)
        for event in ruamel.yaml.YAML(pure=True).parse(text):
            # Of an anchor's copies, a line can make billions.
            if getattr(event, "anchor", None):
                raise ValueError(
                    f"line {event.start_mark.line + 1}: the anchor or alias "
                    f"'{event.anchor}' is nothing that a release needs: write "
                    "!ref <name>."
                )
        return text


def open_release(
    folder,
    overrides=None,
    must_match=True,
    trust_code=False,
    name="hyperparams.yaml",
):
    """Builds what a release is made of.

    Arguments
    ---------
    folder : str or pathlib.Path
        The release.
    overrides : dict or str or None
        Settings to change.
    must_match : bool
        Whether a setting that is not there is an error.
    trust_code : bool
        Whether its YAML may call any Python.
    name : str
        The YAML's name.

    Returns
    -------
    dict
        Settings and objects.

    Raises
    ------
    OSError
        If a file is missing.
    ValueError
        If the YAML wants more than a release needs, or cannot be built, or
        if the weights are not as they were made.

    Example
    -------
    >>> hparams = open_release(getfixture("release_folder"))
    >>> type(hparams["model"]).__name__
    'RELLM'
    """
    path = Path(folder) / name
    if not trust_code:
        text = read_release(folder, name)
    made = (read_stamp(Path(folder)) or {}).get(MADE, {})
    for file in sorted(Path(folder).glob("*.ckpt")):
        check_weights(file)
        expected = made.get(file.name)
        if expected and checksum(file) != expected:
            raise ValueError(
                f"{file} is not as it was made: copy the release again, or "
                "have the step 'release' make it again. If it was changed on "
                f"purpose, delete {STAMP} beside it."
            )
    with naming(path):
        if trust_code:
            with open(check_file(path), encoding="utf-8") as stream:
                return load_hyperpyyaml(stream, overrides, must_match)
        text = fill_in(text, overrides or {}, must_match)
        return load_hyperpyyaml(text, loader=ListedLoader)


def fill_in(text, overrides, must_match=True):
    """Changes settings, and fills in references that stand in a text.

    HyperPyYAML would work out what looks like a sum then, and take hours for
    some.

    Arguments
    ---------
    text : str
        The YAML.
    overrides : dict or str
        Settings to change.
    must_match : bool
        Whether a setting that is not there is an error.

    Returns
    -------
    str
        The YAML, in which references stand alone.

    Raises
    ------
    ValueError
        If a reference cannot be filled in.

    Example
    -------
    >>> print(fill_in("a: x\\nb: !ref <a>/y\\nc: !ref <b>\\n", {"a": "z"}))
    a: z
    b: z/y
    c: !ref <b>
    <BLANKLINE>
    """
    yaml = ruamel.yaml.YAML()
    tree = yaml.load(text)
    if isinstance(overrides, str):
        overrides = yaml.load(overrides) or {}
    recursive_update(tree, overrides, must_match=must_match)
    filled, stream = _filled(tree, tree, 0), io.StringIO()
    yaml.dump(filled, stream)
    return stream.getvalue()


def _filled(node, tree, depth):
    """Fills in the references of a part of the YAML."""
    if isinstance(node, (dict, list)):
        for key in node if isinstance(node, dict) else range(len(node)):
            node[key] = _filled(node[key], tree, depth)
        return node
    text = getattr(node, "value", None)
    if not isinstance(text, str) or node.tag.value != "!ref":
        return node
    if text.startswith("<") and text.find(">") == len(text) - 1:
        return node  # an object may stand there
    if depth > 9:
        raise ValueError(f"!ref {text[:40]}: references go round in a circle.")

    def _plain(found):
        if found[1] not in tree:
            raise ValueError(f"!ref {found[0]}: there is no such setting.")
        value = tree[found[1]]
        if str(getattr(value, "value", "")).startswith("<"):
            # A lone reference is one to a text, too.
            value = _plain(_REFERENCE.match(value.value))
        return str(_filled(value, tree, depth + 1))[:LONGEST]

    said = _REFERENCE.sub(_plain, text)
    if "<" in _REFERENCE.sub("", text):
        raise ValueError(f"!ref {text[:40]}: name whole settings, as <name>.")
    is_sum = _OF_SUMS.issuperset(said) and _OPERATOR.search(said)
    if len(said) >= LONGEST or is_sum:
        raise ValueError(f"!ref {text[:40]}: write the value itself.")
    return said


@contextlib.contextmanager
def naming(path):
    """Names the file in what is wrong with it, in one line.

    Arguments
    ---------
    path : pathlib.Path
        The YAML.

    Yields
    ------
    None

    Raises
    ------
    OSError
        If a file is missing.
    ValueError
        For all else.

    Example
    -------
    >>> with naming("hyperparams.yaml"):
    ...     int("a")
    Traceback (most recent call last):
    ...
    ValueError: hyperparams.yaml: invalid literal for int() with base 10: 'a'
    """
    try:
        with without_code(path):
            yield
    except RecipeError:
        raise
    except OSError as error:
        raise OSError(f"{path}: {_said(error)}") from error
    except Exception as error:  # of whatever lobes, with other settings
        raise ValueError(f"{path}: {_said(error)}") from error


def _said(error):
    """Tells what an error says, in one line."""
    if isinstance(error, ruamel.yaml.error.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        return f"{line}is no YAML ({error.problem or error.context})."
    if isinstance(error, (OSError, ValueError)) and str(error):
        return " ".join(str(error).split("\n"))
    said = ": ".join(first_line(arg) for arg in error.args) or "nothing more"
    return f"cannot be built ({type(error).__name__}: {said})."
