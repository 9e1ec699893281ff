"""Starting a recipe: its YAML, its settings and its output folder.

Everything that can be wrong with the command line is found here, in seconds,
before a model is loaded.

Authors
 * The speechbrain_relm contributors 2026
"""

import atexit
import contextlib
import logging
import os
import re
import sys
import tempfile
from pathlib import Path

import torch
from huggingface_hub.utils import enable_progress_bars
from hyperpyyaml import load_hyperpyyaml, resolve_references
from speechbrain.utils.distributed import (
    ddp_init_group,
    if_main_process,
    run_on_main,
)
from transformers.utils.logging import disable_progress_bar

from speechbrain_relm.runs.needs import (
    loads_weights,
    needed_sources,
    needed_yaml,
)
from speechbrain_relm.runs.provenance.fits import Fit, fit_of, left_by_fit
from speechbrain_relm.runs.provenance.inputs import Inputs
from speechbrain_relm.runs.settings import command_line
from speechbrain_relm.runs.settings.checking import check_settings
from speechbrain_relm.runs.systems import YAML_ERRORS, effective_yaml
from speechbrain_relm.utils.disk import locks
from speechbrain_relm.utils.disk.leftovers import (
    remove_left_overs,
    use_temporary_folder,
)
from speechbrain_relm.utils.errors import (
    DEBUG,
    RecipeError,
    first_line,
    one_way_out,
    said,
)
from speechbrain_relm.utils.files import write_atomically
from speechbrain_relm.utils.plain_yaml import (
    Placeholder,
    read_plain,
    referring,
)
from speechbrain_relm.utils.sources.preflight import (
    disk_problems,
    downloads,
    look_at_all,
    refuse,
)
from speechbrain_relm.utils.sources.pretrained import without_weights

# Libraries whose every step would be in log.txt: locks, downloads, figures,
# and each line of the report as its page is made.
TALKATIVE = ("filelock", "httpcore", "httpcore2", "httpx", "httpx2", "urllib3")
TALKATIVE += ("matplotlib", "markdown_it")


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
    if Path(path).is_dir():
        raise RecipeError(f"{path} is a folder: name a recipe's YAML.")
    choices = sorted(Path(recipe_folder).glob("hparams/*.yaml"))
    there = ", ".join(f"hparams/{choice.name}" for choice in choices)
    raise RecipeError(
        f"There is no YAML {path}, neither in {Path.cwd()} nor in "
        f"{recipe_folder}. "
        + (f"The recipe has: {there}" if there else "Check its path.")
    )


def read_settings(text, wanted):
    """Reads the plain values of a YAML without building any object.

    Arguments
    ---------
    text : str
        The YAML, from `speechbrain_relm.runs.systems.effective_yaml`.
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
        If a setting is still a placeholder.

    Example
    -------
    >>> read_settings("seed: 2\\nfolder: !ref results/<seed>", {})["folder"]
    'results/2'
    """
    for name, value in read_plain(text).items():
        if isinstance(value, Placeholder):
            what = wanted.get(name, "see the YAML.")
            raise RecipeError(
                f"{name} is missing: {what} Give it as --{name} PATH."
            )
    try:
        return read_plain(resolve_references(text).read())
    except YAML_ERRORS as error:
        # HyperPyYAML's own, for a !ref that leads nowhere or in a circle.
        said = " ".join(" ".join(map(str, error.args)).split())
        where = referring(re.findall('"(.*?)"', said), text)
        raise RecipeError(
            f"{', '.join(where) or 'YAML'}: {said}: check the !ref, and that "
            "no text that one leads to has <...> in it."
        ) from error


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
        The YAML of this run, in its output folder: the one given, with the
        changes of its system and of the command line.
    run_opts : dict
        SpeechBrain's run options.
    settings : dict
        Plain values of the YAML, and whether `--dry_run` and `--restart` are
        given.

    Raises
    ------
    RecipeError
        For any mistake in the command line, if another run uses the output
        folder, or if its checkpoints were trained with other inputs.
    """
    use_temporary_folder()
    # On a full disk each line of the log would come with a traceback.
    logging.raiseExceptions = False
    # SpeechBrain's own lobes load by hub id: in a thread of its own,
    # transformers would have the hub convert weights that are not safetensors.
    os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "true")
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    disable_progress_bar()  # a line each file of weights
    enable_progress_bars()  # of downloads
    flags, argv = command_line.take_flags(argv)
    path, run_opts, overrides = command_line.read_command_line(
        argv, lambda path: find_hparams(path, recipe_folder)
    )
    text = effective_yaml(path, overrides)
    settings = read_settings(text, wanted)
    check_settings(settings, path)
    settings.update({name: f"--{name}" in flags for name in command_line.OURS})
    if settings["dry_run"]:
        sys.stdout.write("Nothing is done now. What the run would do:\n")
        return written_aside(text), run_opts, settings
    if not torch.distributed.is_initialized():
        ddp_init_group(run_opts)
    folder = Path(settings["output_folder"])
    if if_main_process():
        lock_folder(folder)
        for place in {folder, Path(settings.get("shared_folder", folder))}:
            remove_left_overs(place)
    run_on_main(_check_begun, args=[settings, text, run_opts])
    run_on_main(write_atomically, args=[folder / "recipe.yaml", text])
    return str(folder / "recipe.yaml"), run_opts, settings


def written_aside(text):
    """Writes the YAML of a run that does nothing where no run is.

    Arguments
    ---------
    text : str
        The YAML.

    Returns
    -------
    str
        Path of a file that is gone when the process ends.

    Example
    -------
    >>> Path(written_aside("a: 1")).read_text()
    'a: 1'
    """
    path = Path(tempfile.mkdtemp(dir=use_temporary_folder()), "recipe.yaml")
    write_atomically(path, text)
    return str(path)


def _check_begun(settings, text, run_opts):
    """Refuses a fit that began otherwise, before anything is done."""
    folder = settings.get("save_folder") or settings["output_folder"]
    if not Fit(folder, {}, 0).has_begun():
        return
    fit = fit_of(settings, Inputs(text, run_opts))
    if settings["restart"]:
        fit.put_aside(left_by_fit(settings))
    fit.check()


def build(hparams_file, steps=None):
    """Builds the objects of a YAML that a run needs.

    Arguments
    ---------
    hparams_file : str
        The YAML of this run, from `start`.
    steps : list of str or None
        The run's steps: what none of them reads is null, and steps that only
        look at a model's outline get it without weights. `None` builds all.

    Returns
    -------
    dict
        The loaded YAML.

    Raises
    ------
    RecipeError
        If a model is not there, or is not what it should be.
    """
    text = needed_yaml(Path(hparams_file).read_text(encoding="utf-8"), steps)
    whole = loads_weights(steps)
    try:
        with contextlib.nullcontext() if whole else without_weights():
            return load_hyperpyyaml(text)
    except (OSError, ValueError) as error:
        raise RecipeError(first_line(error)) from error


def prepare(function, dry_run=False, **kwargs):
    """Runs a prepare script on the main process.

    Arguments
    ---------
    function : callable
        E.g. `prepare_esd`.
    dry_run : bool
        Whether it is only to print what it would do.
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
        if dry_run:
            verdict = function(**kwargs, dry_run=True)
            sys.stdout.write(f"prepare: {verdict}\n")
            if verdict.startswith("done again"):
                sys.stdout.write(
                    "(What follows is told of the manifests that are there "
                    "now; those that are made may change it.)\n"
                )
        else:
            run_on_main(function, kwargs=kwargs)
    except ValueError as error:
        raise RecipeError(str(error))
    except OSError as error:
        raise RecipeError(said(error))


# Kept as long as the process lives.
_LOCKS = []


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
    file = Path(folder) / ".lock"
    if any(lock.lock_file == str(file) for lock in _LOCKS):
        return  # ours: a table's systems, run once more
    lock = locks.take(file)
    if lock is None:
        raise RecipeError(
            f"Another run, {locks.holder(file)}, works in {folder}: wait for "
            "it, or give another --output_folder."
        )
    _LOCKS.append(lock)
    atexit.register(locks.release, lock)


def explain(main, *args):
    """Runs a recipe's main function with the one way out of errors.

    Arguments
    ---------
    main : callable
        The function.
    *args
        Its arguments.

    Example
    -------
    >>> explain(print, "done")
    done
    """
    with one_way_out(Path(sys.argv[0]).name, DEBUG in sys.argv):
        main(*args)


def check_models(hparams_file, settings):
    """Looks at the models of a recipe, and at the disk for their downloads.

    Arguments
    ---------
    hparams_file : str
        The YAML of the run, from `speechbrain_relm.runs.experiment.start`.
    settings : dict
        Its plain values.

    Raises
    ------
    RecipeError
        With a line a problem.
    """
    text = Path(hparams_file).read_text(encoding="utf-8")

    def _check():
        found = look_at_all(needed_sources(text, settings))
        refuse(found)
        refuse(found, disk_problems(downloads(found)))

    run_on_main(_check)
