"""Checkpoints of the trained tensors alone.

Authors
 * The speechbrain_relm contributors 2026
"""

import functools

import torch
from safetensors.torch import save_file
from speechbrain.utils.checkpoints import (
    mark_as_loader,
    mark_as_saver,
    mark_as_transfer,
    register_checkpoint_hooks,
)
from speechbrain.utils.distributed import if_main_process
from torch import nn

from speechbrain_relm.utils.disk.refusals import naming
from speechbrain_relm.utils.sharding import divided_like, gathered
from speechbrain_relm.utils.sources.checks.folder import read_tensors


# Divided tensors are put together by all processes.
@functools.partial(register_checkpoint_hooks, save_on_main_only=False)
class TrainedTensors(nn.Module):
    """A module whose checkpoints hold what training changes.

    Example
    -------
    >>> part = TrainedTensors()
    >>> part.layer = nn.Linear(2, 2)
    >>> path = getfixture("tmp_path") / "model.ckpt"
    >>> part.save_trained(path)
    >>> part.load_trained(path)
    """

    @mark_as_saver
    def save_trained(self, path):
        """Saves the trained tensors, on the main process.

        Arguments
        ---------
        path : str or pathlib.Path
            The checkpoint file, in safetensors format.
        """
        tensors = {}
        for name, value in trainable_parameters(self).items():
            value = gathered(value.detach())
            if if_main_process():
                tensors[name] = value.cpu().contiguous()
        if if_main_process():
            with naming(path):
                save_file(tensors, path)

    @mark_as_loader
    def load_trained(self, path, end_of_epoch=True):
        """Loads what `save_trained` saved.

        Arguments
        ---------
        path : str or pathlib.Path
            The checkpoint file.
        end_of_epoch : bool
            Ignored.

        Raises
        ------
        ValueError
            If the file is damaged, or its tensors are not exactly those that
            are trained.
        """
        saved, wanted = read_tensors(path), trainable_parameters(self)
        # SpeechBrain's AdaptedModel loads its adapters with strict=False, which
        # says nothing of names that do not fit.
        missing = sorted(set(wanted) - set(saved))
        unknown = sorted(set(saved) - set(wanted))
        if missing or unknown:
            raise ValueError(
                f"{path} does not fit the model: {len(missing)} tensors are "
                f"missing ({', '.join(missing[:3])}), {len(unknown)} unknown "
                f"({', '.join(unknown[:3])}). Use the YAML of that run."
            )
        for name, tensor in wanted.items():
            # A copy would repeat a smaller one.
            if saved[name].shape != tensor.shape:
                raise ValueError(
                    f"{path} does not fit the model: '{name}' has the shape "
                    f"{list(saved[name].shape)} in place of "
                    f"{list(tensor.shape)}. Use the YAML of that run."
                )
        with torch.no_grad():
            for name, tensor in wanted.items():
                tensor.copy_(divided_like(saved[name], tensor))

    @mark_as_transfer
    def transfer_trained(self, path):
        """Loads trained tensors for SpeechBrain's `Pretrainer`.

        Arguments
        ---------
        path : str or pathlib.Path
            The checkpoint file.
        """
        self.load_trained(path)


def trainable_parameters(module):
    """Collects the tensors that training changes.

    Arguments
    ---------
    module : torch.nn.Module
        Any module.

    Returns
    -------
    dict
        Names to parameters that require a gradient.

    Example
    -------
    >>> layer = nn.Linear(2, 2)
    >>> layer.bias.requires_grad = False
    >>> list(trainable_parameters(layer))
    ['weight']
    """
    return {k: v for k, v in module.named_parameters() if v.requires_grad}
