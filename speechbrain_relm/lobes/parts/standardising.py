"""A new adapter that starts from the mean and spread of what it will hear.

The channels of Whisper's last layer differ a hundredfold in spread, and some
are far from zero always. A convolution as it is drawn hears little else. Mean
and spread are folded into its weights, so that it starts as if each channel
were standardised, and is the same layer as ever.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch

from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.lengths import counts_from_relative, valid_mask
from speechbrain_relm.utils.records import make_batches

SMALLEST = 1e-5  # spread of a channel that never changes


@torch.no_grad()
def standardise(adapter, mean, spread):
    """Folds a standardisation of the input into an adapter's first layer.

    Arguments
    ---------
    adapter : torch.nn.Module
        A `ConvAdapter`, changed in place.
    mean : torch.Tensor
        Of each channel [C].
    spread : torch.Tensor
        Standard deviation of each channel [C].

    Raises
    ------
    RecipeError
        If it has no convolutions.

    Example
    -------
    >>> from speechbrain_relm.lobes.conv_adapter import ConvAdapter
    >>> adapter, feats = ConvAdapter(2, 8, 4), torch.randn(1, 2, 16)
    >>> first = adapter.conv_layers[0]
    >>> before = first(feats)
    >>> mean, spread = torch.tensor([3.0, 0.0]), torch.tensor([2.0, 1.0])
    >>> standardise(adapter, mean, spread)
    >>> after = first(feats * spread[:, None] + mean[:, None])
    >>> inside = slice(1, -1)  # the padding stays zero
    >>> torch.allclose(before[..., inside], after[..., inside], atol=1e-5)
    True
    """
    layers = getattr(adapter, "conv_layers", None)
    if not layers:
        raise RecipeError(
            "init_adapter: standardised is for a ConvAdapter, which begins "
            f"with convolutions, not for {type(adapter).__name__}: take fresh."
        )
    first = layers[0]
    weight = first.weight / spread.clamp(min=SMALLEST)[:, None].to(first.weight)
    first.weight.copy_(weight)
    first.bias -= torch.einsum("oik,i->o", weight, mean.to(weight))


@torch.no_grad()
def frame_statistics(listener, entries, size):
    """Measures the frames that an adapter gets.

    Arguments
    ---------
    listener : speechbrain_relm.runs.listeners.SpeechListener
        What hears them.
    entries : dict
        Manifest entries.
    size : int
        Utterances a batch.

    Returns
    -------
    mean : torch.Tensor
        Of each channel [C].
    spread : torch.Tensor
        Standard deviation of each channel [C].
    """
    sums = []

    def _add(_, inputs):
        feats, lens = inputs
        counts = counts_from_relative(lens.cpu(), feats.shape[1])
        mask = valid_mask(counts, feats.shape[1], feats.device)
        frames = feats[mask.bool()].double()
        sums.append((len(frames), frames.sum(0), frames.square().sum(0)))

    hook = listener.model.adapter.register_forward_pre_hook(_add)
    try:
        lengths = [entry["duration"] for entry in entries.values()]
        for ids in make_batches(list(entries), lengths, size):
            listener.encode({i: entries[i] for i in ids})
    finally:
        hook.remove()
    number, total, squares = (sum(part) for part in zip(*sums))
    mean = total / number
    return mean, (squares / number - mean.square()).clamp(min=0).sqrt()
