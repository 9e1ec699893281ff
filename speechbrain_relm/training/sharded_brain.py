"""A Brain whose model may be divided among the GPUs of a node.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch

from speechbrain_relm.utils.processes import gather
from speechbrain_relm.utils.sharding import (
    gather_for_good,
    gathered,
    kept_whole,
    load_optimizer,
    save_optimizer,
    shard,
)
from speechbrain_relm.utils.windows import WindowBrain


class ShardedBrain(WindowBrain):
    """Trains with DDP, or with FSDP2 where a GPU has no room for all weights.

    With FSDP2 the weights are divided while the Brain fits, and whole before
    and after. All processes run each layer at the same time, in validation
    too. Gradients are reduced after every batch of a window: to wait for its
    end would take a whole gradient's memory on each GPU. Checkpoints are
    those of one process.

    Arguments
    ---------
    *args
        For `speechbrain.Brain`.
    fsdp : bool
        Whether the processes divide the weights of `modules.model`.
    **kwargs
        For `speechbrain.Brain`.
    """

    def __init__(self, *args, fsdp=False, **kwargs):
        super().__init__(*args, **kwargs)
        self.fsdp = fsdp

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
            Passed on; both loaders' settings hold a `batch_sampler`.
        """
        if not self.fsdp:
            super().fit(epoch_counter, train_set, *args, **kwargs)
            return
        valid = dict(kwargs["valid_loader_kwargs"])
        batches = list(valid["batch_sampler"])
        self.own_batches = len(batches)
        everybodys = gather(batches)
        missing = max(map(len, everybodys)) - len(batches)
        valid["batch_sampler"] = batches + everybodys[0][:1] * missing
        kwargs["valid_loader_kwargs"] = valid
        super().fit(epoch_counter, train_set, *args, **kwargs)
        # What comes next needs the memory for whole weights.
        self.checkpointer.recoverables.pop("optimizer")
        self.optimizer, self.optimizers_dict = None, {}
        gather_for_good(self.modules.model)

    def evaluate_batch(self, batch, stage):
        """Evaluates a batch, or only runs along with the other processes.

        Arguments
        ---------
        batch : speechbrain.dataio.batch.PaddedBatch
            The batch.
        stage : speechbrain.Stage
            Validation.

        Returns
        -------
        torch.Tensor
            The loss; 0 of a batch that another process counts.
        """
        if self.fsdp and self.step > self.own_batches:
            self.compute_forward(batch, stage)
            return torch.zeros(())
        return super().evaluate_batch(batch, stage)

    def _wrap_distributed(self):
        """Divides the model, or leaves it to SpeechBrain."""
        if not self.fsdp:
            super()._wrap_distributed()
            return
        model = self.modules.model
        shard(model, self.device, kept_whole(model))

    def init_optimizers(self):
        """Makes the optimizer, which may be divided as its parameters are."""
        super().init_optimizers()
        if self.fsdp:
            self.checkpointer.add_recoverable(
                "optimizer", self.optimizer, load_optimizer, save_optimizer
            )

    def optimizers_step(self):
        """Clips the gradient by the norm of all parts, and steps."""
        super().optimizers_step()
        self.gradient_norm = gathered(self.gradient_norm)
