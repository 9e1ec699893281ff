"""Windows of batches whose gradients are added up for an optimizer's step.

Authors
 * The speechbrain_relm contributors 2026
"""

import speechbrain as sb
import torch

from speechbrain_relm.utils.disk.epoch_log import EpochLog
from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.processes import (
    batches_per_epoch,
    processes,
    rank,
)


class WindowBrain(sb.Brain):
    """A Brain whose every batch counts, however many make a step.

    Of `speechbrain.Brain` it changes five things. The last window of an epoch
    takes its step with the batches that it has, where SpeechBrain throws its
    gradient away. Checkpoints within an epoch are taken between windows: the
    gradient is in no checkpoint, it would be as large as the model and
    another in each process. Gradients are clipped by the norm over all
    parameters, where SpeechBrain takes the optimizer's first group alone
    (with `remove_vector_weight_decay` the biases and norms). A training that
    made no step is an error. The log has a line an epoch, whatever is killed.

    Arguments
    ---------
    *args
        For `speechbrain.Brain`.
    train_logger : speechbrain.utils.train_logger.TrainLogger or None
        Receives a line an epoch, from `end_epoch`.
    **kwargs
        For `speechbrain.Brain`.

    Example
    -------
    >>> class Line(WindowBrain):
    ...     def compute_forward(self, batch, stage):
    ...         return self.modules.line(batch)
    ...
    ...     def compute_objectives(self, predictions, batch, stage):
    ...         return predictions.square().mean()
    >>> line = Line(
    ...     {"line": torch.nn.Linear(1, 1)},
    ...     opt_class=lambda x: torch.optim.SGD(x, 0.1),
    ...     run_opts={"grad_accumulation_factor": 2, "noprogressbar": True},
    ... )
    >>> line.fit(
    ...     range(1),
    ...     torch.utils.data.TensorDataset(torch.ones(3, 1)),
    ...     train_loader_kwargs={
    ...         "batch_sampler": [[0], [1], [2]],
    ...         "collate_fn": lambda rows: rows[0][0],
    ...     },
    ... )
    >>> line.optimizer_step
    2
    """

    def __init__(self, *args, train_logger=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.epoch_log = EpochLog(train_logger)
        if self.checkpointer is not None:
            self.checkpointer.add_recoverable(
                "epoch_log", self.epoch_log, optional_load=True
            )

    def on_fit_start(self):
        """Goes on from the last checkpoint, with the log that it had."""
        super().on_fit_start()
        self.epoch_log.restore()

    def end_epoch(self, stats, meta, **keep):
        """Saves a checkpoint after validation, and logs the epoch.

        Arguments
        ---------
        stats : sequence of dict
            Of the epoch, of training, of validation, for the logger.
        meta : dict
            What the checkpoint is ranked by, plain numbers.
        **keep
            Which checkpoints stay, for `save_and_keep_only`.
        """
        self.epoch_log.add(*stats)
        self.checkpointer.save_and_keep_only(meta=meta, **keep)
        self.epoch_log.write()

    def fit(self, epoch_counter, train_set, *args, **kwargs):
        """Trains; see `speechbrain.Brain.fit`.

        Arguments
        ---------
        epoch_counter : iterable
            Epoch numbers.
        train_set : torch.utils.data.Dataset
            Training data.
        *args
            Passed on.
        **kwargs
            Passed on; `train_loader_kwargs` holds a `batch_sampler`.

        Raises
        ------
        RecipeError
            If the training made no step.
        """
        self.all_batches = kwargs["train_loader_kwargs"]["batch_sampler"]
        super().fit(epoch_counter, train_set, *args, **kwargs)
        if not (self.optimizer_step or self.test_only):
            raise RecipeError(
                "Training made no step: there was no batch to learn from, or "
                "no epoch. Look at the training manifest, number_of_epochs "
                "and optimizer_step_limit."
            )

    def _batches_of_epoch(self):
        """Counts the batches of an epoch."""
        count = batches_per_epoch(self.all_batches)
        return min(count, self.debug_batches) if self.debug else count

    def _closes_window(self):
        """Tells whether the optimizer steps after the present batch."""
        of_epoch = self._batches_of_epoch()
        return self.step % self.grad_accumulation_factor == 0 or (
            self.step == of_epoch
        )

    def _window_size(self):
        """Counts the batches of the present window."""
        full = self.grad_accumulation_factor
        of_epoch = self._batches_of_epoch()
        before = (self.step - 1) // full * full
        return min(full, of_epoch - before)

    def fit_batch(self, batch):
        """Learns from a batch.

        Arguments
        ---------
        batch : speechbrain.dataio.batch.PaddedBatch
            The batch.

        Returns
        -------
        torch.Tensor
            The loss, on the host.
        """
        should_step = self._closes_window()
        self.on_fit_batch_start(batch, should_step)
        with self.no_sync(not should_step):
            with self.training_ctx:
                outputs = self.compute_forward(batch, sb.Stage.TRAIN)
                loss = self.compute_objectives(outputs, batch, sb.Stage.TRAIN)
            self.scaler.scale(loss / self._window_size()).backward()
        if should_step:
            self.optimizers_step()
        self.on_fit_batch_end(batch, outputs, loss, should_step)
        return self.read_loss(loss.detach())

    def read_loss(self, loss):
        """Reads a batch's loss, and counts those that are no numbers.

        Arguments
        ---------
        loss : torch.Tensor
            On the device.

        Returns
        -------
        torch.Tensor
            On the host.
        """
        loss = loss.cpu()
        self.check_loss_isfinite(loss)
        return loss

    def seed_batch(self):
        """Lets dropout follow from the number of the batch alone."""
        number = (self.step - 1) * processes() + rank()
        seed = self.hparams.seed, self.hparams.epoch_counter.current, number
        # Of numbers alone: Python hashes texts otherwise in each process.
        torch.manual_seed(hash(seed))

    def optimizers_step(self):
        """Clips the gradient and steps."""
        self.scaler.unscale_(self.optimizer)
        groups = self.optimizer.param_groups
        self.gradient_norm = torch.nn.utils.clip_grad_norm_(
            [p for group in groups for p in group["params"]],
            self.max_grad_norm,
        )
        if self.skip_nonfinite_grads and not self.scaler.is_enabled():
            self.check_gradients()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.optimizer_step += 1

    def _should_save_intra_epoch_ckpt(self, *args):
        """Allows a checkpoint where no gradient waits for its step."""
        return self._closes_window() and super()._should_save_intra_epoch_ckpt(
            *args
        )
