"""A new adapter that starts from what it will hear, standardised and averaged.

The channels of Whisper's last layer differ a hundredfold in spread, and some
are far from zero always. A convolution as it is drawn hears little else. Mean
and spread are folded into its weights, so that it starts as if each channel
were standardised, and is the same layer as ever.

As drawn, three gated convolutions also mix the channels beyond what a few
hundred utterances can undo: a logistic regression on their mean output hears
less than one on the frames. So they start as averages of neighbouring frames,
and the category head starts where that regression is.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch
from speechbrain.utils.distributed import if_main_process
from tqdm import tqdm

from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.lengths import counts_from_relative, valid_mask
from speechbrain_relm.utils.processes import gather, share
from speechbrain_relm.utils.records import make_batches

SMALLEST = 1e-5  # spread of a channel that never changes
# Of what was drawn, how much stays, so that no two units learn the same.
DRAWN = 0.1
GATE = 2.0  # bias of the gates: open, and still able to close


@torch.no_grad()
def start_as_averages(adapter):
    """Lets an adapter begin as the mean of eight frames, but for small noise.

    Each convolution averages two neighbours; the last one puts the channels
    into the first of the LLM's, or, where there are more of them, turns them
    into fewer. The bottleneck adds nothing at first.

    Arguments
    ---------
    adapter : torch.nn.Module
        A `ConvAdapter`, changed in place.

    Raises
    ------
    RecipeError
        If it has no convolutions.

    Example
    -------
    >>> from speechbrain_relm.lobes.conv_adapter import ConvAdapter
    >>> adapter = ConvAdapter(2, 8, 4)
    >>> start_as_averages(adapter)
    >>> adapter.fc2.weight.any().item()
    False
    """
    for conv in convolutions_of(adapter):
        size, width = conv.out_channels // 2, conv.in_channels
        conv.weight.mul_(DRAWN)
        conv.bias.zero_()
        conv.bias[size:] = GATE
        passing = torch.eye(size, width)
        if size < width:
            passing = torch.nn.init.orthogonal_(torch.empty(size, width))
        # Half of each neighbour, and what the gate takes off.
        passing = 0.5 * passing / torch.sigmoid(torch.tensor(GATE))
        middle = conv.kernel_size[0] // 2
        for tap in (middle, middle + 1):
            conv.weight[:size, :, tap] += passing.to(conv.weight)
    adapter.fc2.weight.zero_()


def convolutions_of(adapter):
    """Gives an adapter's convolutions, which it must have.

    Arguments
    ---------
    adapter : torch.nn.Module
        A `ConvAdapter`.

    Returns
    -------
    torch.nn.ModuleList
        Its convolutions, the first one first.

    Raises
    ------
    RecipeError
        If it has none.

    Example
    -------
    >>> from speechbrain_relm.lobes.conv_adapter import ConvAdapter
    >>> len(convolutions_of(ConvAdapter(2, 8)))
    3
    """
    layers = getattr(adapter, "conv_layers", None)
    if not layers:
        raise RecipeError(
            "init_adapter: standardised is for a ConvAdapter, which begins "
            f"with convolutions, not for {type(adapter).__name__}: take fresh."
        )
    return layers


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
    first = convolutions_of(adapter)[0]
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
        squares = frames.square().sum(0)
        sums.append((len(frames), frames.sum(0).cpu(), squares.cpu()))

    hook = listener.model.adapter.register_forward_pre_hook(_add)
    try:
        lengths = [entry["duration"] for entry in entries.values()]
        batches = make_batches(list(entries), lengths, size)
        quiet = not if_main_process()
        for ids in tqdm(share(batches), "measuring frames", disable=quiet):
            listener.encode({i: entries[i] for i in ids})
    finally:
        hook.remove()
    # Each process hears its share; what they found is the same for all.
    sums = [part for parts in gather(sums) for part in parts]
    number, total, squares = (sum(part) for part in zip(*sums))
    mean = total / number
    return mean, (squares / number - mean.square()).clamp(min=0).sqrt()
