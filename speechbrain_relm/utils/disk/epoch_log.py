"""A training log of which a kill neither loses nor repeats a line.

Authors
 * The speechbrain_relm contributors 2026
"""

import copy
import json
import os

from speechbrain.utils.checkpoints import (
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain.utils.distributed import if_main_process


@register_checkpoint_hooks
class EpochLog:
    """What a train logger was told of each epoch; kept in checkpoints.

    An epoch is logged after its checkpoint. Whoever goes on from that
    checkpoint writes the line that a kill between the two has cost, and
    removes those of epochs that will be trained again.

    Arguments
    ---------
    train_logger : speechbrain.utils.train_logger.TrainLogger
        Receives a line an epoch. The file of a `FileTrainLogger` can be
        written anew, another logger only goes on.

    Example
    -------
    >>> from speechbrain.utils.train_logger import FileTrainLogger
    >>> folder = getfixture("tmp_path")
    >>> log = EpochLog(FileTrainLogger(folder / "train_log.txt"))
    >>> log.add({"epoch": 1}, {"loss": 2.0})
    >>> log.save(folder / "log.ckpt")
    >>> log.load(folder / "log.ckpt", end_of_epoch=True)
    >>> log.restore()
    >>> (folder / "train_log.txt").read_text()
    'epoch: 1 - train loss: 2.00\\n'
    """

    def __init__(self, train_logger):
        self.train_logger = train_logger
        self.epochs, self.recovered = [], False

    def add(self, *stats):
        """Takes note of an epoch, for its checkpoint.

        Arguments
        ---------
        *stats
            For `log_stats` of the logger.
        """
        self.epochs.append(stats)

    def write(self):
        """Logs the last epoch, once its checkpoint is there."""
        self.train_logger.log_stats(*self.epochs[-1])

    def restore(self):
        """Makes the log what it was when the checkpoint was taken."""
        file = getattr(self.train_logger, "save_file", None)
        if not (file and self.recovered and if_main_process()):
            return
        # Beside it, so that a kill leaves the one or the other.
        anew = copy.copy(self.train_logger)
        anew.save_file = f"{file}.anew"
        open(anew.save_file, "w", encoding="utf-8").close()
        for stats in self.epochs:
            anew.log_stats(*stats, verbose=False)
        os.replace(anew.save_file, file)

    @mark_as_saver
    def save(self, path):
        """Saves what was logged.

        Arguments
        ---------
        path : str or pathlib.Path
            The checkpoint file.
        """
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.epochs, file, default=float)

    @mark_as_loader
    def load(self, path, end_of_epoch):
        """Loads what was logged.

        Arguments
        ---------
        path : str or pathlib.Path
            The checkpoint file.
        end_of_epoch : bool
            Ignored.
        """
        with open(path, encoding="utf-8") as file:
            self.epochs, self.recovered = json.load(file), True
