"""Averages that go on after a kill, over the utterances of all processes.

Authors
 * The speechbrain_relm contributors 2026
"""

import json

from speechbrain.utils.checkpoints import (
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)

from speechbrain_relm.utils.processes import gather, rank


@register_checkpoint_hooks
class RunningMeans:
    """Averages of named values over the utterances of all processes.

    They are kept in checkpoints.

    Example
    -------
    >>> import torch
    >>> means = RunningMeans()
    >>> means.add({"loss": torch.tensor(1.0)}, 3)
    >>> means.add({"loss": torch.tensor(2.0)}, 1)
    >>> means.averages()
    {'loss': 1.25}
    """

    def __init__(self):
        # SpeechBrain's own mean is of one process, and of batches.
        self.clear()

    def clear(self):
        """Forgets everything."""
        self.sums, self.count = {}, 0

    def add(self, values, count):
        """Adds a batch.

        Arguments
        ---------
        values : dict
            Names to the batch's mean values, scalar tensors.
        count : int
            Utterances in the batch.
        """
        self.count += count
        for name, value in values.items():
            # Left where it is: a number would make a GPU wait.
            self.sums[name] = self.sums.get(name, 0.0) + value.detach() * count

    def pool(self):
        """Collects what the processes have in the first of them."""
        found = gather((self.numbers(), self.count))
        self.clear()
        if rank() == 0:
            for sums, count in found:
                self.count += count
                for name, value in sums.items():
                    self.sums[name] = self.sums.get(name, 0.0) + value

    def numbers(self):
        """Reads the sums.

        Returns
        -------
        dict
            Names to numbers.
        """
        return {name: float(total) for name, total in self.sums.items()}

    def averages(self):
        """Divides.

        Returns
        -------
        dict
            Names to averages, the same in all processes.
        """
        self.pool()
        sums, count = gather((self.numbers(), self.count))[0]
        return {name: total / count for name, total in sums.items()}

    @mark_as_saver
    def save(self, path):
        """Saves the sums.

        Arguments
        ---------
        path : str or pathlib.Path
            The checkpoint file.
        """
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"sums": self.numbers(), "count": self.count}, file)

    @mark_as_loader
    def load(self, path, end_of_epoch):
        """Loads the sums, in the first process.

        Arguments
        ---------
        path : str or pathlib.Path
            The checkpoint file.
        end_of_epoch : bool
            Ignored.
        """
        self.clear()
        if rank() == 0:
            with open(path, encoding="utf-8") as file:
                state = json.load(file)
            self.sums, self.count = state["sums"], state["count"]
