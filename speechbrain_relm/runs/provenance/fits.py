"""A fit goes on with the inputs that it began with, or is refused.

Checkpoints cannot be mended record by record. Where something has changed
that they were trained with, a run stops in one line that names it.

Authors
 * The speechbrain_relm contributors 2026
"""

import os
from pathlib import Path

from speechbrain.utils.checkpoints import CKPT_PREFIX
from speechbrain.utils.distributed import run_on_main
from speechbrain.utils.logger import get_logger

from speechbrain_relm.runs.provenance.inputs import inputs_of
from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.provenance.digests import file_digests
from speechbrain_relm.utils.provenance.stamps import (
    DIGITS,
    content,
    differences,
    old_name,
    read_stamp,
    stamp_of,
    told,
    write_stamp,
)

logger = get_logger(__name__)

CHOICES = (
    "Give another --output_folder, or the old value, or --restart, which "
    "keeps the old checkpoints aside and trains anew."
)
# Parts of a fit's stamp.
SETTINGS, EPOCHS, DATA = "settings", "number_of_epochs", "data"


class Fit:
    """The checkpoints of a run, and what they were trained with.

    Arguments
    ---------
    folder : str or pathlib.Path
        Where the checkpoints are, here or in folders below.
    settings : dict
        What the run's YAML asks for, from `Inputs.of("fit")`.
    epochs : int
        `number_of_epochs`, which may grow.

    Example
    -------
    >>> folder = getfixture("tmp_path") / "save"
    >>> Fit(folder, {"lr": 0.1}, 2).begin({})
    >>> (folder / "CKPT+1").mkdir()
    >>> Fit(folder, {"lr": 0.2}, 2).check()
    Traceback (most recent call last):
    ...
    speechbrain_relm.utils.errors.RecipeError: ...lr was 0.1, is 0.2. Give...
    """

    def __init__(self, folder, settings, epochs):
        self.folder, self.settings = Path(folder), settings
        self.epochs = epochs

    def has_begun(self):
        """Tells whether there is anything to lose.

        Returns
        -------
        bool
            Whether there are checkpoints, whole or not.
        """
        return any(self.folder.glob(f"{CKPT_PREFIX}*")) or any(
            self.folder.glob(f"*/save/{CKPT_PREFIX}*")
        )

    def grows(self):
        """Tells whether more epochs are asked for than before.

        Returns
        -------
        bool
            Whether there are.
        """
        *_, before = (read_stamp(self.folder) or {}).get(EPOCHS, [self.epochs])
        return self.epochs > before

    def changed(self, data=None):
        """Lists what has changed since the fit began.

        Arguments
        ---------
        data : dict or None
            What it learns from; `None` where that is not known yet.

        Returns
        -------
        list of tuple
            See `provenance.stamps.differences`.
        """
        stamp = read_stamp(self.folder) or {}
        found = differences(stamp.get(SETTINGS, {}), self.settings)
        *_, before = stamp.get(EPOCHS, [0])
        if self.epochs < before:
            found.append((EPOCHS, str(before), f"{self.epochs}, less"))
        known = stamp.get(DATA, {})
        data = {n: v for n, v in (data or {}).items() if n in known}
        return found + differences({n: known[n] for n in data}, data)

    def check(self, data=None):
        """Refuses what would mix two trainings.

        Arguments
        ---------
        data : dict or None
            See `changed`.

        Raises
        ------
        RecipeError
            If something has changed, or if nobody knows what it was.
        """
        if not self.has_begun():
            return
        if read_stamp(self.folder) is None:
            raise RecipeError(
                f"{self.folder} has checkpoints, but not what they were "
                f"trained with ({stamp_of(self.folder).name}): they may be "
                "another experiment's. Give another --output_folder, or "
                "--restart, which keeps them aside and trains anew."
            )
        found = self.changed(data)
        if found:
            raise RecipeError(
                f"{self.folder} was trained with other inputs: {told(found)}. "
                f"{CHOICES}"
            )

    def begin(self, data):
        """Says what the checkpoints are going to be trained with.

        Arguments
        ---------
        data : dict
            What it learns from, by content.

        Raises
        ------
        RecipeError
            See `check`.
        """
        self.check(data)
        lengths = [self.epochs]
        if self.has_begun():
            # One after another.
            lengths = read_stamp(self.folder)[EPOCHS]
            if self.grows():
                logger.info(
                    "number_of_epochs grows from %d to %d: the learning rate "
                    "follows the new length from here on.",
                    lengths[-1],
                    self.epochs,
                )
                lengths = [*lengths, self.epochs]
        stamp = {SETTINGS: self.settings, EPOCHS: lengths, DATA: data}
        write_stamp(self.folder, stamp)

    def put_aside(self, paths):
        """Renames what an earlier fit left, so that a new one can begin.

        Arguments
        ---------
        paths : list of pathlib.Path
            Files and folders.
        """
        if not self.has_begun():
            return
        stamp = read_stamp(self.folder)
        for path in (path for path in paths if path.exists()):
            target = old_name(path, stamp)
            os.replace(path, target)
            logger.warning("--restart: %s is kept as %s.", path, target.name)


def fit_of(settings, inputs):
    """Finds the fit of a run.

    Arguments
    ---------
    settings : dict
        Plain values of the run's YAML.
    inputs : speechbrain_relm.runs.provenance.inputs.Inputs
        What its steps depend on.

    Returns
    -------
    Fit
        Its checkpoints.
    """
    folder = settings.get("save_folder") or settings["output_folder"]
    return Fit(folder, inputs.of("fit"), settings.get("number_of_epochs", 0))


def begin_fit(hparams_file, run_opts, settings):
    """Says what a fit of one step learns from: its manifests, as they are.

    Arguments
    ---------
    hparams_file : str
        The YAML of the run.
    run_opts : dict
        SpeechBrain's run options.
    settings : dict
        Its plain values.

    Raises
    ------
    RecipeError
        See `Fit.check`.
    """
    fit = fit_of(settings, inputs_of(hparams_file, run_opts))
    folder = Path(settings["manifest_folder"])
    manifests = [f"{split}.json" for split in ("train", "valid")]
    data = {
        name: content(digest[:DIGITS], name)
        for name, digest in file_digests(folder, manifests).items()
    }
    made_from = read_stamp(folder)
    if made_from:  # what the wavs hold, too
        data["manifests"] = made_from
    run_on_main(fit.begin, args=[data])


def left_by_fit(settings):
    """Lists what a fit leaves.

    Arguments
    ---------
    settings : dict
        Plain values of the run's YAML.

    Returns
    -------
    list of pathlib.Path
        Its checkpoints and its log.

    Example
    -------
    >>> [
    ...     p.name
    ...     for p in left_by_fit({"output_folder": "a", "trainings": ["b"]})
    ... ]
    ['b', 'INPUTS.json']
    """
    folder = Path(settings["output_folder"])
    if "save_folder" in settings:
        return [Path(settings["save_folder"]), Path(settings["train_log"])]
    of_scorers = ["+".join([*names]) for names in settings.get("trainings", [])]
    return [*(folder / name for name in of_scorers), stamp_of(folder)]
