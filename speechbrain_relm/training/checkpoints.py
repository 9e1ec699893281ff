"""Checkpoints that neither a kill nor a power cut can spoil.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
import math
import os
import shutil

from safetensors import SafetensorError
from speechbrain.utils.checkpoints import CKPT_PREFIX, Checkpointer
from speechbrain.utils.distributed import ddp_barrier, if_main_process
from speechbrain.utils.logger import get_logger

from speechbrain_relm.utils.errors import RecipeError, first_line
from speechbrain_relm.utils.files import (
    set_aside,
    sha256,
    sync,
    sync_all,
    write_atomically,
)
from speechbrain_relm.utils.processes import processes
from speechbrain_relm.utils.provenance.marks import (
    COMPLETE,
    damage,
    is_complete,
    is_half_deleted,
)

logger = get_logger(__name__)

PROCESSES = "processes"  # in a checkpoint's meta: how many trained


class CompleteCheckpointer(Checkpointer):
    """SpeechBrain's checkpointer, blind to half-written checkpoints.

    SpeechBrain writes a checkpoint's description first, so one that was being
    written when the process was killed looks like a checkpoint, and every
    later start fails on it. Here it has a hidden name until its files are on
    the disk, and with them a mark that lists their checksums. At the next
    start what is hidden, or lacks a file, is deleted; what is not as it was
    written is put aside, and the run goes on from an older one.

    Arguments
    ---------
    checkpoints_dir : str or pathlib.Path
        Where the checkpoints are.
    **kwargs
        See `speechbrain.utils.checkpoints.Checkpointer`.

    Raises
    ------
    RecipeError
        If the folder holds checkpoints and none is of this class.

    Example
    -------
    >>> from speechbrain.utils.epoch_loop import EpochCounter
    >>> folder = getfixture("tmp_path")
    >>> checkpointer = CompleteCheckpointer(
    ...     folder, recoverables={"counter": EpochCounter(2)}
    ... )
    >>> checkpoint = checkpointer.save_checkpoint()
    >>> len(checkpointer.list_checkpoints())
    1
    >>> (checkpoint.path / "COMPLETE").unlink()
    >>> checkpointer.list_checkpoints()
    []
    """

    def __init__(self, checkpoints_dir, **kwargs):
        super().__init__(checkpoints_dir, **kwargs)
        if if_main_process():
            clear_up(self.checkpoints_dir)
        ddp_barrier()

    def save_checkpoint(self, meta=None, **kwargs):
        """Saves, and shows the checkpoint when it is on the disk.

        Arguments
        ---------
        meta : dict or None
            What it is ranked by. What is no number is left out: compared
            with others, NaN would come first or last by accident.
        **kwargs
            See `speechbrain.utils.checkpoints.Checkpointer`.

        Returns
        -------
        speechbrain.utils.checkpoints.Checkpoint
            The checkpoint, on the main process.

        Raises
        ------
        RecipeError
            If it cannot be written.
        """
        meta = {**ranks(meta or {}), PROCESSES: processes()}
        try:
            checkpoint = super().save_checkpoint(meta, **kwargs)
            ddp_barrier()  # every process has written its part
            if checkpoint is not None:
                checkpoint = complete(checkpoint)
        # PyTorch and safetensors have errors of their own for a full disk.
        except (OSError, RuntimeError, SafetensorError) as error:
            raise RecipeError(unwritten(self.checkpoints_dir, error))
        ddp_barrier()  # every process sees the same checkpoints
        return checkpoint

    def delete_checkpoints(self, **kwargs):
        """Deletes checkpoints for good: a power cut brings none back.

        Arguments
        ---------
        **kwargs
            See `speechbrain.utils.checkpoints.Checkpointer`.
        """
        super().delete_checkpoints(**kwargs)
        if if_main_process():
            sync(self.checkpoints_dir)

    def load_checkpoint(self, checkpoint):
        """Loads a checkpoint, if it is of this model and these processes.

        Arguments
        ---------
        checkpoint : speechbrain.utils.checkpoints.Checkpoint
            The checkpoint.

        Raises
        ------
        RecipeError
            If it is of other ones.
        """
        before = checkpoint.meta.get(PROCESSES, processes())
        # Where an epoch was left is counted in batches of one process.
        if not checkpoint.meta["end-of-epoch"] and before != processes():
            raise RecipeError(
                f"{checkpoint.path} is from the middle of an epoch that "
                f"{before} process(es) trained, and now there are "
                f"{processes()}: go on with {before}, at least to the end of "
                f"the epoch, or delete this checkpoint to begin it anew."
            )
        try:
            super().load_checkpoint(checkpoint)
        except (RuntimeError, ValueError, KeyError) as error:
            raise RecipeError(
                f"{checkpoint.path} does not fit the model that the settings "
                "make: give the settings that it was trained with, or another "
                f"--output_folder. {summary(error)}"
            )

    # SpeechBrain asks these three where to write, and what there is; it has no
    # public place for either.
    def _new_checkpoint_dirpath(self):
        return hidden(super()._new_checkpoint_dirpath())

    def _custom_checkpoint_dirpath(self, name):
        return hidden(super()._custom_checkpoint_dirpath(name))

    def _list_checkpoint_dirs(self):
        return [p for p in super()._list_checkpoint_dirs() if is_complete(p)]


def hidden(path):
    """Names a checkpoint that is being written.

    Arguments
    ---------
    path : pathlib.Path
        What it will be called.

    Returns
    -------
    pathlib.Path
        What it is called until then.

    Example
    -------
    >>> from pathlib import Path
    >>> hidden(Path("save/CKPT+1")).name
    '.CKPT+1'
    """
    return path.with_name(f".{path.name}")


def complete(checkpoint):
    """Shows a checkpoint, once it is on the disk.

    Arguments
    ---------
    checkpoint : speechbrain.utils.checkpoints.Checkpoint
        A hidden one.

    Returns
    -------
    speechbrain.utils.checkpoints.Checkpoint
        The same under its name.
    """
    sums = {
        file.name: sha256(file) for file in sorted(checkpoint.path.iterdir())
    }
    sync_all(checkpoint.path)
    write_atomically(checkpoint.path / COMPLETE, json.dumps(sums))
    path = checkpoint.path.with_name(checkpoint.path.name[1:])
    os.replace(checkpoint.path, path)
    sync(path.parent)
    files = {
        name: path / file.name for name, file in checkpoint.paramfiles.items()
    }
    return checkpoint._replace(path=path, paramfiles=files)


def clear_up(folder):
    """Deletes unfinished checkpoints and puts damaged ones aside.

    Arguments
    ---------
    folder : pathlib.Path
        Where they are.

    Raises
    ------
    RecipeError
        If there are checkpoints and none was marked: they are not ours.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> (folder / "CKPT+1").mkdir()
    >>> clear_up(folder)
    Traceback (most recent call last):
    ...
    speechbrain_relm.utils.errors.RecipeError: ...CKPT+1 was not saved here...
    """
    for path in folder.glob(f".{CKPT_PREFIX}*"):
        logger.warning("Deleting %s, which was being written.", path)
        shutil.rmtree(path, ignore_errors=True)
    found = sorted(folder.glob(f"{CKPT_PREFIX}*"))
    if found and not any((path / COMPLETE).exists() for path in found):
        raise RecipeError(
            f"{found[0]} was not saved here (it has no {COMPLETE}) and is "
            "left alone: give another --output_folder, or another save_folder."
        )
    for path in found:
        if is_half_deleted(path):
            logger.warning("Deleting the incomplete %s.", path)
            shutil.rmtree(path, ignore_errors=True)
            continue
        damaged = damage(path)
        if damaged:
            logger.warning(
                "%s is not as it was written: the checkpoint is put aside as "
                "%s, and the one before it is used.",
                damaged,
                set_aside(path).name,
            )


def unwritten(folder, error):
    """Tells why a checkpoint could not be written, and what to do.

    Arguments
    ---------
    folder : pathlib.Path
        Where it should go.
    error : Exception
        What happened.

    Returns
    -------
    str
        A line.

    Example
    -------
    >>> print(unwritten(getfixture("tmp_path"), OSError("No space left")))
    The checkpoint could not be written to ...: No space left (... GB free)...
    """
    for path in folder.glob(f".{CKPT_PREFIX}*"):  # what it took is needed
        shutil.rmtree(path, ignore_errors=True)
    free = shutil.disk_usage(folder).free / 1e9
    return (
        f"The checkpoint could not be written to {folder}: {summary(error)} "
        f"({free:.1f} GB free). Mend it and start the same command again: it "
        "goes on from the checkpoint before."
    )


def summary(error):
    """Tells what an error says, in one line and with its first detail.

    Arguments
    ---------
    error : Exception
        Any.

    Returns
    -------
    str
        One line.

    Example
    -------
    >>> summary(RuntimeError("Error(s) in loading:\\n\\tsize mismatch for w"))
    'Error(s) in loading: size mismatch for w'
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2]) or first_line(error)


def ranks(meta):
    """Leaves out what a checkpoint cannot be ranked by.

    Arguments
    ---------
    meta : dict
        Names to values.

    Returns
    -------
    dict
        The same without NaN and infinity; and without any figure where the
        loss is one: a model that breaks down may still guess some right.

    Example
    -------
    >>> ranks({"loss": 2.0, "WER": float("nan"), "UA": 0.5})
    {'loss': 2.0, 'UA': 0.5}
    >>> ranks({"loss": float("nan"), "UA": 0.5})
    {}
    """
    figures = {k: v for k, v in meta.items() if isinstance(v, float)}
    lost = {k: v for k, v in figures.items() if not math.isfinite(v)}
    for name, value in sorted(lost.items()):
        logger.warning(
            "%s is %s: this checkpoint is none of the best.", name, value
        )
    left_out = figures if "loss" in lost else lost
    return {k: v for k, v in meta.items() if k not in left_out}
