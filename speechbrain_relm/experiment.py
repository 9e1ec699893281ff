"""Starting a recipe: its YAML, its settings and its output folder.

Everything that can be wrong with the command line is found here, in seconds,
before a model is loaded.

Authors
 * The speechbrain_relm contributors 2026
"""

import difflib
import fcntl
import os
import sys
from pathlib import Path

import ruamel.yaml
import speechbrain as sb
from hyperpyyaml import load_hyperpyyaml, resolve_references
from speechbrain.utils.distributed import (
    ddp_init_group,
    if_main_process,
    run_on_main,
)


class RecipeError(Exception):
    """A mistake that the user can mend, told in one line."""


def find_hparams(path, recipe_folder):
    """Finds the YAML from the current folder, else from the recipe's.

    Arguments
    ---------
    path : str
        As given on the command line.
    recipe_folder : str or pathlib.Path
        Folder of `train.py`.

    Returns
    -------
    str
        Path of the file.

    Raises
    ------
    RecipeError
        If it is in neither place.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "a.yaml").write_text("seed: 1")
    >>> find_hparams("a.yaml", folder) == str(folder / "a.yaml")
    True
    """
    for candidate in (Path(path), Path(recipe_folder) / path):
        if candidate.is_file():
            return str(candidate)
    choices = sorted(Path(recipe_folder).glob("hparams/*.yaml"))
    raise RecipeError(
        f"There is no YAML {path}, neither in {Path.cwd()} nor in "
        f"{recipe_folder}. The recipe has: "
        + ", ".join(f"hparams/{choice.name}" for choice in choices)
    )


def read_settings(hparams_file, overrides, wanted):
    """Reads the plain values of a YAML without building any object.

    Arguments
    ---------
    hparams_file : str
        The YAML.
    overrides : str
        YAML text of the overrides, from the command line.
    wanted : dict
        Settings that the user must give: name to what it is and where to get
        it.

    Returns
    -------
    dict
        Top-level settings, references resolved; objects are left as the
        mappings of their arguments.

    Raises
    ------
    RecipeError
        If an override is unknown, or a setting is still a placeholder.

    Example
    -------
    >>> path = getfixture("tmp_path") / "a.yaml"
    >>> _ = path.write_text("seed: 1\\nfolder: !ref results/<seed>\\n")
    >>> read_settings(str(path), "seed: 2", {})["folder"]
    'results/2'
    """
    with open(hparams_file, encoding="utf-8") as file:
        text = file.read()
    known, given = _plain_yaml(text), _plain_yaml(overrides or "")
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(str(name), map(str, known))
            hint = f" Did you mean --{close[0]}?" if close else ""
            raise RecipeError(
                f"--{name} is no setting of {hparams_file}.{hint}"
            )
    for name, value in {**known, **given}.items():
        if isinstance(value, _Placeholder):
            what = wanted.get(name, f"see {hparams_file}.")
            raise RecipeError(
                f"{name} is missing: {what} Give it as --{name} PATH."
            )
    with open(hparams_file, encoding="utf-8") as file:
        return _plain_yaml(resolve_references(file, overrides or None).read())


def start(argv, recipe_folder, wanted):
    """Parses the command line and readies processes and output folder.

    Arguments
    ---------
    argv : list of str
        Arguments after the script's name: a YAML, then overrides.
    recipe_folder : str or pathlib.Path
        Folder of `train.py`.
    wanted : dict
        See `read_settings`.

    Returns
    -------
    hparams_file : str
        The YAML.
    run_opts : dict
        SpeechBrain's run options.
    overrides : str
        Overrides for `load_hyperpyyaml`.
    settings : dict
        Plain values of the YAML.

    Raises
    ------
    RecipeError
        For any mistake in the command line, or if another run uses the
        output folder.
    """
    hparams_file, run_opts, overrides = sb.parse_arguments(argv)
    hparams_file = find_hparams(hparams_file, recipe_folder)
    settings = read_settings(hparams_file, overrides, wanted)
    ddp_init_group(run_opts)
    if if_main_process():
        lock_folder(settings["output_folder"])
    return hparams_file, run_opts, overrides, settings


def build(hparams_file, overrides):
    """Builds the objects of a YAML.

    Arguments
    ---------
    hparams_file : str
        The YAML.
    overrides : str
        Overrides from the command line.

    Returns
    -------
    dict
        The loaded YAML.
    """
    with open(hparams_file, encoding="utf-8") as file:
        return load_hyperpyyaml(file, overrides)


def prepare(function, **kwargs):
    """Runs a prepare script on the main process.

    Arguments
    ---------
    function : callable
        E.g. `prepare_esd`.
    **kwargs
        Its arguments.

    Raises
    ------
    RecipeError
        If the data are not what they should be.

    Example
    -------
    >>> prepare(print, sep="")
    <BLANKLINE>
    """
    try:
        run_on_main(function, kwargs=kwargs)
    except (OSError, ValueError) as error:
        raise RecipeError(str(error))


_LOCKS = []  # open as long as the process lives


def lock_folder(folder):
    """Keeps a second run out of an output folder.

    The system drops the lock when the process ends, however it ends.

    Arguments
    ---------
    folder : str
        The output folder; made if absent.

    Raises
    ------
    RecipeError
        If another process has it.

    Example
    -------
    >>> lock_folder(getfixture("tmp_path") / "run")
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lock = open(folder / ".lock", "a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        raise RecipeError(
            f"Another run (process {lock.read().strip()}) works in {folder}: "
            "wait for it, or give another --output_folder."
        )
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    _LOCKS.append(lock)


def explain(main):
    """Turns a `RecipeError` into one line and exit status 2.

    Arguments
    ---------
    main : callable
        The recipe's main function.

    Example
    -------
    >>> explain(lambda: None)
    """
    try:
        main()
    except RecipeError as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {error}")


class _Placeholder:
    """Stands for a setting that the user must give."""


class _PlainConstructor(ruamel.yaml.constructor.SafeConstructor):
    """Builds plain values where HyperPyYAML would build objects."""

    def construct_tagged(self, suffix, node):
        """Ignores a tag but for the placeholder's."""
        if suffix == "PLACEHOLDER":
            return _Placeholder()
        if isinstance(node, ruamel.yaml.MappingNode):
            return self.construct_mapping(node, deep=True)
        if isinstance(node, ruamel.yaml.SequenceNode):
            return self.construct_sequence(node, deep=True)
        return self.construct_scalar(node)


_PlainConstructor.add_multi_constructor("!", _PlainConstructor.construct_tagged)


def _plain_yaml(text):
    """Loads a YAML with the tags of HyperPyYAML left out."""
    yaml = ruamel.yaml.YAML(typ="safe", pure=True)
    yaml.Constructor = _PlainConstructor
    return yaml.load(text) or {}
