"""The precision that something is computed at, whatever is around it.

Authors
 * The speechbrain_relm contributors 2026
"""

import contextlib

import torch
from speechbrain.utils.autocast import AMPConfig


def at_precision(precision, device):
    """Sets the precision of what is computed inside a `with` block.

    Arguments
    ---------
    precision : str
        As in SpeechBrain's `--precision`: "fp32", "bf16" or "fp16". "fp32"
        ends an autocast region around the block.
    device : torch.device or str
        Where it is computed.

    Returns
    -------
    contextlib.AbstractContextManager
        The context.

    Example
    -------
    >>> layer, x = torch.nn.Linear(1, 1), torch.ones(1, 1)
    >>> with at_precision("bf16", "cpu"):
    ...     layer(x).dtype
    ...     with at_precision("fp32", "cpu"):
    ...         layer(x).dtype
    torch.bfloat16
    torch.float32
    """
    device_type = torch.device(device).type
    dtype = AMPConfig.from_name(precision).dtype
    # A plan's tensors, of which nothing is computed, are on "meta".
    if not torch.amp.is_autocast_available(device_type):
        return contextlib.nullcontext()
    if dtype == torch.float32:
        return torch.autocast(device_type, enabled=False)
    return torch.autocast(device_type, dtype)
