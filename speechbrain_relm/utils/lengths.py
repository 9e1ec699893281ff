"""Relative lengths, as SpeechBrain passes them, turned into counts and masks.

Lengths may stay on the host while the signals are on a GPU: a size that is
read from the GPU makes the host wait for all that the GPU has to do.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch


def counts_from_relative(lens, total):
    """Turns relative lengths into whole numbers of steps.

    Arguments
    ---------
    lens : torch.Tensor or None
        Relative lengths [B] in (0, 1]; `None` means that nothing is padded,
        and the result is `None` too.
    total : int
        Steps in the padded batch (samples or frames).

    Returns
    -------
    torch.Tensor or None
        Valid steps [B], at least 1 and at most `total`.

    Example
    -------
    >>> counts_from_relative(torch.tensor([1.0, 0.5]), 10)
    tensor([10,  5])
    """
    if lens is None:
        return None
    # float64: 24 bits cannot hold every sample count of a long file.
    return (lens.double() * total).round().long().clamp(1, total)


def valid_mask(counts, total, device=None):
    """Marks the valid steps of a padded batch.

    Arguments
    ---------
    counts : torch.Tensor
        Valid steps [B].
    total : int
        Steps in the padded batch.
    device : torch.device or None
        Where the mask is wanted; `None` is where the counts are.

    Returns
    -------
    torch.Tensor
        Boolean mask [B, total], true on real steps.

    Example
    -------
    >>> valid_mask(torch.tensor([3, 1]), 3).int()
    tensor([[1, 1, 1],
            [1, 0, 0]], dtype=torch.int32)
    """
    if device is not None:
        counts = counts.to(device, non_blocking=True)
    steps = torch.arange(total, device=counts.device)
    return steps[None, :] < counts[:, None]


def masked_mean(feats, mask):
    """Averages over the valid steps only (Eq. 6 of the paper).

    Arguments
    ---------
    feats : torch.Tensor
        Features [B, T, C].
    mask : torch.Tensor
        Boolean mask [B, T], true on real steps.

    Returns
    -------
    torch.Tensor
        Means [B, C].

    Example
    -------
    >>> feats = torch.tensor([[[1.0], [3.0], [99.0]]])
    >>> masked_mean(feats, torch.tensor([[True, True, False]]))
    tensor([[2.]])
    """
    weights = mask.unsqueeze(-1).to(feats.dtype)
    return (feats * weights).sum(1) / weights.sum(1)
