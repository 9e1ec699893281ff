"""Where training starts: BLSP-Emo's weights, or those of an earlier run.

Section III-A: the system starts from BLSP-Emo, whose adapter reads Whisper's
frames alone. Ours reads the emotion embedding too, so its adapter has more
channels; they are either all fresh, as in the authors' code, or BLSP-Emo's
with zeros where the new channels come in.

Authors
 * The speechbrain_relm contributors 2026
"""

from pathlib import Path

import torch
from speechbrain.utils.logger import get_logger

from speechbrain_relm.convert.commands import convert_start
from speechbrain_relm.utils.disk.downloads import check_file
from speechbrain_relm.utils.sources.checks.folder import read_tensors
from speechbrain_relm.utils.sources.hub import CONVERSION
from speechbrain_relm.utils.sources.pretrained import building_without_weights
from speechbrain_relm.utils.sources.stock import converted
from speechbrain_relm.utils.sources.weights import find_shards, tensor_names

logger = get_logger(__name__)

FRESH, WIDENED, STANDARDISED = "fresh", "widened", "standardised"


@torch.no_grad()
def start_from(model, source, adapter=FRESH):
    """Gives a model the weights that its training starts from.

    Arguments
    ---------
    model : speechbrain_relm.model.re_llm.RELLM
        The model, changed in place.
    source : str or None
        What `python -m speechbrain_relm.convert blsp-emo` (or `re-llm`)
        wrote; the released BLSP-Emo itself, a folder or hub id, which is
        then converted once; or the `model.ckpt` of an earlier run, or its
        folder. `None` starts from nothing.
    adapter : str
        What to do with an adapter for fewer channels: "fresh" leaves the new
        one as it was drawn, like the authors' code; "widened" keeps the old
        one and adds zeros, so that training starts from its behaviour
        exactly. "standardised" leaves any adapter for a new one, which
        then starts as averages of standardised frames (see
        `lobes.parts.standardising`).

    Raises
    ------
    OSError
        If there is no such source.
    ValueError
        If the source has tensors that the model has not, or of other shapes.

    Example
    -------
    >>> start_from(model=None, source=None)
    """
    if adapter not in (FRESH, WIDENED, STANDARDISED):
        raise ValueError(
            f"init_adapter: '{adapter}' is none of {FRESH}, {WIDENED}, "
            f"{STANDARDISED}."
        )
    if source is None or building_without_weights():
        return
    tensors = read_start(source)
    if model.heads is None:
        tensors = {n: t for n, t in tensors.items() if n[:6] != "heads."}
    wanted = {n: p.detach() for n, p in model.named_parameters()}
    unknown = sorted(set(tensors) - set(wanted))
    if unknown:
        raise ValueError(
            f"init_from: {source} has {len(unknown)} tensors that the model "
            f"has not (first: {unknown[0]}): make the YAML's speech_encoder, "
            "llm and its LoRA those of the source."
        )
    other = {n for n, t in tensors.items() if t.shape != wanted[n].shape}
    # As many categories as the corpus has (Eq. 7: four), where the released
    # head has five: one of its own.
    left = other & {"heads.category.weight"}
    narrower = {n for n in other if _is_narrower(n, tensors[n], wanted[n])}
    if adapter == STANDARDISED or (narrower and adapter == FRESH):
        left |= {n for n in tensors if n.startswith("adapter.")}
    for name in narrower - left:
        tensors[name] = widen(tensors[name], wanted[name])
    for name in sorted(other - left - narrower):
        raise ValueError(
            f"init_from: {source} does not fit the model: {name} has shape "
            f"{list(tensors[name].shape)}, not {list(wanted[name].shape)}."
        )
    for name in set(tensors) - left:
        wanted[name].copy_(tensors[name])
    fresh = {n for n, p in model.named_parameters() if p.requires_grad}
    fresh -= set(tensors) - left
    logger.info(
        "Training starts from %s: %d tensors. As drawn: %s.",
        source,
        len(set(tensors) - left),
        ", ".join(sorted(fresh)) or "none",
    )


def _is_narrower(name, tensor, wanted):
    """Tells whether a convolution of the adapter has fewer channels."""
    return name.startswith("adapter.conv_layers.") and all(
        old <= new for old, new in zip(tensor.shape, wanted.shape)
    )


def start_names(source):
    """Names the tensors of a start, without reading them.

    Arguments
    ---------
    source : str
        See `start_from`.

    Returns
    -------
    set of str
        Their names in `RELLM`.

    Raises
    ------
    OSError
        If there is no such source.
    """
    return {
        f"{prefix}{name}"
        for file, prefix in _start_files(source)
        for name in tensor_names(file)
    }


def read_start(source):
    """Reads the tensors of a start.

    Arguments
    ---------
    source : str
        See `start_from`.

    Returns
    -------
    dict
        Names in `RELLM` to tensors.

    Raises
    ------
    OSError
        If there is no such source.
    ValueError
        If a file is damaged.
    """
    return {
        f"{prefix}{name}": tensor
        for file, prefix in _start_files(source)
        for name, tensor in read_tensors(file).items()
    }


def _start_files(source):
    """Names the safetensors of a start, and what stands before their names."""
    path = Path(source)
    if path.is_file():
        return [(path, "")]
    if (path / "model.ckpt").is_file():
        return [(path / "model.ckpt", "")]
    if not (path / CONVERSION).is_file():
        if path.is_dir():
            check_file(path / "config.json")
        path = converted(source, convert_start)
    files = [(file, "") for file in find_shards(path / "trained")]
    whisper = find_shards(path / "whisper")
    return files + [(file, "speech_encoder.encoder.") for file in whisper]


def widen(tensor, wider):
    """Fits a gated convolution into one with more channels.

    Its old outputs do not hear the new input channels (zeros), so they stay
    what they were; its new outputs stay as drawn, so that they can learn.

    Arguments
    ---------
    tensor : torch.Tensor
        Weight [2 * out, in, kernel] or bias [2 * out] of the convolution; the
        first half of its rows are values, the second gates.
    wider : torch.Tensor
        The freshly drawn one, with more of `out`, `in` or both.

    Returns
    -------
    torch.Tensor
        The fitted one.

    Example
    -------
    >>> widen(torch.ones(2, 1, 1), torch.full((4, 2, 1), 9.0))[..., 0]
    tensor([[1., 0.],
            [9., 9.],
            [1., 0.],
            [9., 9.]])
    """
    fitted = wider.clone()
    old, new = tensor.shape[0] // 2, wider.shape[0] // 2
    # Of a gated convolution's rows the first half are values, the second gates
    # (torch's `glu`).
    for start, half in ((0, tensor[:old]), (new, tensor[old:])):
        rows = fitted[start : start + old]
        if tensor.dim() > 1:
            rows[:, tensor.shape[1] :] = 0
            rows = rows[:, : tensor.shape[1]]
        rows.copy_(half)
    return fitted
