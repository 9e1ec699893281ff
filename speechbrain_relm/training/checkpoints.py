"""Checkpoints that a kill cannot spoil.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
import math
import shutil

from speechbrain.utils.checkpoints import CKPT_PREFIX, Checkpointer
from speechbrain.utils.distributed import ddp_barrier, if_main_process
from speechbrain.utils.logger import get_logger

from speechbrain_relm.utils.files import write_atomically

logger = get_logger(__name__)

COMPLETE = "COMPLETE"


class CompleteCheckpointer(Checkpointer):
    """SpeechBrain's checkpointer, blind to half-written checkpoints.

    SpeechBrain writes a checkpoint's description first, so one that was being
    written when the process was killed looks like a checkpoint, and every
    later start fails on it. Here a mark, put last, lists the files that must be
    there; what lacks one is deleted at the next start.

    Arguments
    ---------
    checkpoints_dir : str or pathlib.Path
        Where the checkpoints are.
    **kwargs
        See `speechbrain.utils.checkpoints.Checkpointer`.

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
            for path in self.checkpoints_dir.glob(f"{CKPT_PREFIX}*"):
                if not is_complete(path):
                    logger.warning("Deleting the incomplete %s.", path)
                    shutil.rmtree(path, ignore_errors=True)
        ddp_barrier()

    def save_checkpoint(self, meta=None, **kwargs):
        """Saves, then marks the checkpoint as complete.

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
        """
        checkpoint = super().save_checkpoint(ranks(meta or {}), **kwargs)
        ddp_barrier()  # every process has written its part
        if checkpoint is not None:
            names = sorted(file.name for file in checkpoint.path.iterdir())
            write_atomically(checkpoint.path / COMPLETE, json.dumps(names))
        ddp_barrier()  # every process sees the same checkpoints
        return checkpoint

    def _list_checkpoint_dirs(self):
        return [p for p in super()._list_checkpoint_dirs() if is_complete(p)]


def ranks(meta):
    """Leaves out what a checkpoint cannot be ranked by.

    Arguments
    ---------
    meta : dict
        Names to values.

    Returns
    -------
    dict
        The same without NaN and infinity.

    Example
    -------
    >>> ranks({"loss": float("nan"), "UA": 0.5})
    {'UA': 0.5}
    """
    known = {
        name: value
        for name, value in meta.items()
        if not isinstance(value, float) or math.isfinite(value)
    }
    for name in sorted(set(meta) - set(known)):
        logger.warning(
            "%s is %s: this checkpoint is none of the best.", name, meta[name]
        )
    return known


def is_complete(path):
    """Tells whether a checkpoint was neither half written nor half deleted.

    Arguments
    ---------
    path : pathlib.Path
        Folder of the checkpoint.

    Returns
    -------
    bool
        True if it holds every file that its mark lists.

    Example
    -------
    >>> is_complete(getfixture("tmp_path"))
    False
    """
    mark = path / COMPLETE
    return mark.exists() and all(
        (path / name).exists()
        for name in json.loads(mark.read_text(encoding="utf-8"))
    )
