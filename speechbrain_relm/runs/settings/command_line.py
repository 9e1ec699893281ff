"""Reads the command line of a recipe.

SpeechBrain's reader makes one YAML of all overrides, so that `#`, `=` or `:`
in a path cut it, and 0011 or null are no names. Here every option is read by
itself, as what its setting is: text arrives as typed.

Authors
 * The speechbrain_relm contributors 2026
"""

import dataclasses
from pathlib import Path

import ruamel.yaml
import speechbrain as sb
from ruamel.yaml.scalarstring import DoubleQuotedScalarString
from speechbrain.utils.run_opts import HELP_TEXTS, RunOptions

from speechbrain_relm.runs.settings.checking import (
    properties,
    schema_problems,
)
from speechbrain_relm.runs.settings.devices import device_problems
from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.plain_yaml import problem_of, settings_of
from speechbrain_relm.utils.text.spelling import nearest

# Of SpeechBrain's run options, those without a value; those with several.
FLAGS = {
    field.name
    for field in dataclasses.fields(RunOptions)
    if field.name in HELP_TEXTS and field.default is False
}
SEVERAL = {"jit_module_keys", "compile_module_keys"}
OTHERS = set(HELP_TEXTS) | SEVERAL
# Of the recipes' own, those without a value; they are no settings.
OURS = ("dry_run", "restart")
# What makes a text YAML all the same.
TAGS = ("!ref ", "!new:", "!name:", "!apply:", "!copy ", "!include:")


def take_flags(argv):
    """Takes what has no value, and is no setting, out of a command line.

    Arguments
    ---------
    argv : list of str
        The arguments.

    Returns
    -------
    flags : list of str
        Those of `OURS` that are given.
    rest : list of str
        The others.

    Example
    -------
    >>> take_flags(["a.yaml", "--dry_run", "--seed", "1"])
    (['--dry_run'], ['a.yaml', '--seed', '1'])
    """
    flags = [f"--{name}" for name in OURS if f"--{name}" in argv]
    return flags, [word for word in argv if word not in flags]


def split(words):
    """Takes a command line apart.

    Arguments
    ---------
    words : list of str
        The arguments: a YAML, then options.

    Returns
    -------
    yaml : str
        Path of the YAML, as given.
    options : dict
        Option to its values, as typed; of a flag there are none.

    Raises
    ------
    RecipeError
        If there is no YAML, or an option is no option, has no value, or is
        given twice.

    Example
    -------
    >>> split(["a.yaml", "--seed", "1", "--data_folder=/x=y", "--debug"])
    ('a.yaml', {'seed': ['1'], 'data_folder': ['/x=y'], 'debug': []})
    """
    yamls, options, twice, rest = [], {}, [], list(words)
    while rest:
        word = rest.pop(0)
        try:
            word.encode("utf-8")
        except UnicodeEncodeError:
            raise RecipeError(f"{word!r} is not UTF-8: rename the file.")
        if not word.startswith("-"):
            yamls.append(word)
            continue
        name, equals, value = word.partition("=")
        name = _option(name)
        if name in options:
            twice.append(name)
        options[name] = [value] if equals else _values(name, rest)
    if twice:
        raise RecipeError(f"--{twice[0]} is given twice: give it once.")
    if len(yamls) != 1:
        said = (
            f"{yamls[1]}: there is a YAML already, {yamls[0]}. Options"
            if yamls
            else "Give a YAML first, as hparams/re_llm.yaml; options"
        )
        raise RecipeError(f"{said} are given as --NAME VALUE.")
    return yamls[0], options


def as_words(options):
    """Puts options together again.

    Arguments
    ---------
    options : dict
        From `split`.

    Returns
    -------
    list of str
        A command line.

    Example
    -------
    >>> as_words({"seed": ["1"], "debug": [], "jit_module_keys": ["a", "b"]})
    ['--seed=1', '--debug', '--jit_module_keys', 'a', 'b']
    """
    words = []
    for name, values in options.items():
        if len(values) == 1 and name not in SEVERAL:
            words.append(f"--{name}={values[0]}")
        else:
            words += [f"--{name}", *values]
    return words


def _option(word):
    """The name of an option."""
    name = word[2:]
    if not word.startswith("--") or not name.isidentifier():
        raise RecipeError(
            f"{word} is no option: options are given as --NAME VALUE, and a "
            "value that begins with a dash as --NAME=VALUE."
        )
    return name


def _values(name, rest):
    """Takes the values of an option from the words behind it."""
    if name in FLAGS:
        return []
    if name in SEVERAL:
        taken = []
        while rest and not rest[0].startswith("--"):
            taken.append(rest.pop(0))
        return taken
    if not rest or rest[0].startswith("--"):
        raise RecipeError(f"--{name} has no value: give it as --{name} VALUE.")
    return [rest.pop(0)]


def read_command_line(words, find):
    """Reads a recipe's command line.

    Arguments
    ---------
    words : list of str
        Arguments after the script's name.
    find : callable
        Gives the path of a YAML as given.

    Returns
    -------
    yaml : str
        Path of the YAML.
    run_opts : speechbrain.utils.run_opts.RunOptions
        SpeechBrain's run options that are no settings of the YAML.
    overrides : dict
        Setting to value; text in quotes, so that it stays text.

    Raises
    ------
    RecipeError
        For any mistake in it.

    Example
    -------
    >>> path = getfixture("tmp_path") / "a.yaml"
    >>> _ = path.write_text("lr: 1.0\\ndata_folder: null")
    >>> words = [str(path), "--data_folder", "123 #4", "--device=cpu"]
    >>> _, run_opts, overrides = read_command_line(words, str)
    >>> overrides, run_opts["device"]
    ({'data_folder': '123 #4'}, 'cpu')
    """
    if {"-h", "--help"} & set(words):
        sb.parse_arguments(["--help"])
    given, options = split(words)
    yaml = find(given)
    plain = settings_of(
        Path(yaml).read_text(encoding="utf-8", errors="replace")
    )
    run_words, overrides, wrong = [], {}, []
    for name, values in options.items():
        if name in OTHERS and name not in plain:
            wrong += run_option_problems(name, values)
            run_words += [f"--{name}", *values]
        elif name in plain:
            overrides[name] = as_meant(name, values[0], plain[name])
        else:
            close = nearest(name, plain)
            hint = "look there for its settings."
            if close is not None:
                hint = f"did you mean --{close}?"
            raise RecipeError(f"--{name} is no setting of {yaml}: {hint}")
    if wrong:
        raise RecipeError("\n".join(wrong))
    _, run_opts, _ = sb.parse_arguments([yaml, *run_words])
    return yaml, run_opts, overrides


def is_text(name, block):
    """Tells whether a setting is text, and whether it may be null.

    Arguments
    ---------
    name : str
        The setting.
    block : str
        Its lines in the YAML, for one that the schema does not know.

    Returns
    -------
    text : bool
        Whether it is text.
    nullable : bool
        Whether it may be null instead.

    Example
    -------
    >>> is_text("data_folder", ""), is_text("init_from", "")
    ((True, False), (True, True))
    >>> is_text("mine", "mine: some text"), is_text("mine", "mine: 3")
    ((True, False), (False, False))
    """
    wanted = properties().get(name)
    if wanted is None:
        value = _parsed(name, block.partition(":")[2].strip())
        return isinstance(value, str), False
    kind = wanted.get("$ref", "").rpartition("/")[2]
    return kind in ("text", "name", "name_or_null"), kind == "name_or_null"


def as_meant(name, word, block):
    """Reads the value of an option.

    Arguments
    ---------
    name : str
        The setting.
    word : str
        As typed.
    block : str
        See `is_text`.

    Returns
    -------
    object
        Text as typed, null where it may be, or what YAML says.

    Example
    -------
    >>> as_meant("experiment_name", "1e-3", ""), as_meant("lr", "1e-3", "")
    ('1e-3', 0.001)
    >>> as_meant("data_folder", "null", ""), as_meant("init_from", "null", "")
    ('null', None)
    """
    text, nullable = is_text(name, block)
    if nullable and word == "null":
        return None
    if text and not word.startswith(TAGS):
        return DoubleQuotedScalarString(word)
    return _parsed(name, word)


def _parsed(name, word):
    """Reads a value as YAML, with its tags."""
    try:
        # A line of its own: a comment or a second setting is none here.
        return ruamel.yaml.YAML().load(f"value: {word}")["value"]
    except (ruamel.yaml.error.YAMLError, ValueError, KeyError) as error:
        raise RecipeError(
            f"--{name}: {word!r:.80} is no YAML: {problem_of(error)}"
        ) from error
    except (RecursionError, TypeError) as error:
        raise RecipeError(
            f"--{name}: {word!r:.80} is no YAML of a setting."
        ) from error


def run_option_problems(name, values):
    """Checks a run option of SpeechBrain's, whose own check shows a page.

    Arguments
    ---------
    name : str
        The option.
    values : list of str
        Its values.

    Returns
    -------
    list of str
        A line a problem.

    Example
    -------
    >>> run_option_problems("precision", ["fp99"])
    ['--precision: "fp99" is not fp32, bf16 or fp16.']
    """
    if name in FLAGS:
        return [f"--{name} takes no value, but has {v!r}." for v in values]
    if name in SEVERAL:
        return []
    if name == "device":
        return device_problems(values[0])
    if name in properties():
        found = schema_problems({name: _parsed(name, values[0])})
        return [f"--{line}" for line in found]
    default = RunOptions().as_dict()[name]
    try:
        type("" if default is None else default)(values[0])
    except ValueError:
        kind = "a whole number" if isinstance(default, int) else "a number"
        return [f"--{name}: {values[0]!r} is not {kind}."]
    return []
