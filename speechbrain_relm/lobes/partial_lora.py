"""Partial LoRA: a low-rank update at speech positions only.

The LLM reads text exactly as the frozen text LLM does, and reads speech with
the update. Use it through SpeechBrain's `AdaptedModel`, and wrap each forward
in `speech_positions(mask)`.

Authors
 * The speechbrain_relm contributors 2026
"""

import contextlib
import contextvars
import math

import torch
from torch import nn

# One per thread, so that two requests served at once do not mix.
_POSITIONS = contextvars.ContextVar("speech_positions", default=None)


@contextlib.contextmanager
def at_positions(positions):
    """Sets the speech positions as they are kept, inside a `with` block.

    Arguments
    ---------
    positions : tuple or None
        The input's shape (B, L), and the indices of its speech positions in
        B * L.

    Yields
    ------
    None

    Example
    -------
    >>> with at_positions(((1, 3), torch.tensor([1]))):
    ...     pass
    """
    token = _POSITIONS.set(positions)
    try:
        yield
    finally:
        _POSITIONS.reset(token)


@contextlib.contextmanager
def speech_positions(mask, device=None):
    """Tells every `PartialLoRA` where the speech is, inside a `with` block.

    Arguments
    ---------
    mask : torch.Tensor or None
        Boolean mask [B, L] over the LLM's input, true at speech embeddings.
        `None` turns the update off.
    device : torch.device or None
        Where the LLM is; `None` is where the mask is.

    Yields
    ------
    None

    Example
    -------
    >>> layer = PartialLoRA(nn.Linear(4, 4), rank=2)
    >>> _ = nn.init.ones_(layer.adapter_up_proj.weight)
    >>> x = torch.randn(1, 3, 4)
    >>> with speech_positions(torch.tensor([[False, True, False]])):
    ...     changed = layer(x) != layer.pretrained_module(x)
    >>> changed.all(-1)
    tensor([[False,  True, False]])
    """
    positions = None
    if mask is not None:
        # Found once for all layers, best in a mask on the host: on a GPU the
        # search is a wait.
        index = mask.flatten().nonzero().squeeze(1)
        if device is not None:
            index = index.to(device, non_blocking=True)
        positions = tuple(mask.shape), index
    with at_positions(positions):
        yield


def same_speech_positions():
    """Makes the contexts of a layer that gradient checkpointing runs twice.

    Returns
    -------
    tuple of context managers
        For the forward pass, and for its repetition in the backward pass,
        which comes after the `with` block of `speech_positions`.

    Example
    -------
    >>> with speech_positions(torch.ones(1, 3).bool()):
    ...     forward, repetition = same_speech_positions()
    >>> with repetition:
    ...     _POSITIONS.get()[0]
    (1, 3)
    """
    return contextlib.nullcontext(), at_positions(_POSITIONS.get())


class PartialLoRA(nn.Module):
    """A linear layer with a low-rank update at speech positions.

    The update, `up(down(dropout(x))) * alpha / rank`, is worked out for the
    speech positions alone. Without speech (text prompts, and every token
    decoded after the prompt) the layer is its pretrained self at no cost.

    Arguments
    ---------
    target_module : torch.nn.Module
        The linear layer to adapt; frozen.
    rank : int
        Rank of the update.
    alpha : float
        Scale; the update is multiplied by `alpha / rank`.
    dropout : float
        Dropout on the update's input, 0..1.

    Raises
    ------
    ValueError
        In the forward, if the mask set by `speech_positions` does not fit.

    Example
    -------
    >>> from speechbrain.nnet.adapters import AdaptedModel
    >>> model = AdaptedModel(
    ...     model_to_adapt=nn.Sequential(nn.Linear(4, 4)),
    ...     adapter_class=PartialLoRA,
    ...     target_layers=["0"],
    ...     adapter_kwargs={"rank": 2, "alpha": 2},
    ... )
    >>> with speech_positions(torch.ones(1, 3).bool()):
    ...     model(torch.randn(1, 3, 4)).shape
    torch.Size([1, 3, 4])
    """

    def __init__(self, target_module, rank=16, alpha=16.0, dropout=0.0):
        super().__init__()
        # No section of the paper has it: it is the released code's, for the
        # parameters of the LLM in Eq. 4, with this rank and alpha.
        self.pretrained_module = target_module
        for param in target_module.parameters():
            param.requires_grad = False
        # Not the weight's shape: a 4-bit weight is packed.
        if hasattr(target_module, "nf"):  # GPT-2's, transformers' Conv1D
            size_in, size_out = target_module.nx, target_module.nf
        else:
            size_in = target_module.in_features
            size_out = target_module.out_features
        device = target_module.weight.device
        # Full precision whatever the base: small updates vanish in bfloat16.
        self.adapter_down_proj = nn.Linear(
            size_in, rank, bias=False, device=device, dtype=torch.float32
        )
        self.adapter_up_proj = nn.Linear(
            rank, size_out, bias=False, device=device, dtype=torch.float32
        )
        nn.init.kaiming_uniform_(self.adapter_down_proj.weight, a=math.sqrt(5))
        nn.init.zeros_(self.adapter_up_proj.weight)
        self.dropout = nn.Dropout(dropout)
        self.scaling = alpha / rank

    def forward(self, x):
        """Applies the layer, with the update at speech positions.

        Arguments
        ---------
        x : torch.Tensor
            Input [B, L, size_in].

        Returns
        -------
        torch.Tensor
            Output [B, L, size_out].
        """
        positions = _POSITIONS.get()
        # A cached decoding step feeds one new token: text.
        if positions is None or x.shape[1] == 1:
            return self.pretrained_module(x)
        shape, index = positions
        if tuple(x.shape[:2]) != shape:
            raise ValueError(
                f"The speech mask has shape {list(shape)}, but the layer "
                f"got {list(x.shape[:2])}: set speech_positions() to the mask "
                "of this very input."
            )
        flat = x.flatten(0, 1)
        output = self.pretrained_module(flat)
        # The released code updates every position and masks the result.
        speech = flat.index_select(0, index)
        # The autocast region may change the dtype; a bfloat16 base does too.
        speech = speech.to(self.adapter_down_proj.weight.dtype)
        update = self.adapter_up_proj(
            self.adapter_down_proj(self.dropout(speech))
        )
        update = (update * self.scaling).to(output.dtype)
        # Nobody else has the layer's output, so it need not be copied.
        output = output.index_add_(0, index, update)
        return output.view(*x.shape[:-1], -1)
