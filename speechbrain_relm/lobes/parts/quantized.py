"""A frozen LLM of four or eight bits a weight, by bitsandbytes.

Authors
 * The speechbrain_relm contributors 2026
"""

import importlib.util

from transformers import BitsAndBytesConfig

from speechbrain_relm.utils.sources.pretrained import building_without_weights

BITS = (4, 8)
# Weights that share a scale of four bits, and scales that share one.
BLOCK, SCALES = 64, 256


def missing_packages():
    """Names what has to be installed first.

    Returns
    -------
    list of str
        Packages of the extra `quantized` that are not there.

    Example
    -------
    >>> missing_packages()
    []
    """
    wanted = ("accelerate", "bitsandbytes")
    return [name for name in wanted if importlib.util.find_spec(name) is None]


def needs_packages(bits):
    """Says what has to be installed first.

    Arguments
    ---------
    bits : int
        4 or 8.

    Returns
    -------
    str
        A line.

    Example
    -------
    >>> needs_packages(4).rpartition(": ")[2]
    'pip install "speechbrain_relm[quantized]".'
    """
    missing = " and ".join(missing_packages())
    return (
        f"bits: {bits} needs {missing}: pip install "
        '"speechbrain_relm[quantized]".'
    )


def quantization(bits, dtype, freeze=True):
    """Says how transformers shall quantize an LLM's linear layers.

    Arguments
    ---------
    bits : int or None
        4: NF4 with quantized scales, as in QLoRA. 8: LLM.int8(). `None`: not.
    dtype : torch.dtype
        What is computed in, and what the rest is kept in.
    freeze : bool
        Whether the LLM's own weights stay as pretrained.

    Returns
    -------
    dict
        Settings of `from_pretrained`; none for models without weights.

    Raises
    ------
    ValueError
        For other bits, an LLM that learns, or if a package is missing.

    Example
    -------
    >>> import torch
    >>> settings = quantization(4, torch.bfloat16)
    >>> settings["quantization_config"].bnb_4bit_quant_type
    'nf4'
    """
    if bits is None:
        return {}
    if bits not in BITS:
        raise ValueError(
            f"bits: {bits} is neither 4 nor 8, nor null for all of them."
        )
    if not freeze:
        raise ValueError(f"bits: {bits} is for an LLM with freeze: True.")
    if building_without_weights():
        return {}
    if missing_packages():
        raise ValueError(needs_packages(bits))
    config = BitsAndBytesConfig(
        load_in_4bit=bits == 4,
        load_in_8bit=bits == 8,
        # As QLoRA keeps a frozen base (Dettmers et al. 2023).
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )
    return {"quantization_config": config}


def quantized_bytes(weight, bits):
    """Works out what a linear layer's weight takes when it is quantized.

    Arguments
    ---------
    weight : torch.Tensor
        The weight [size_out, size_in], not quantized.
    bits : int
        4 or 8.

    Returns
    -------
    int
        Bytes of the packed weight and its scales.

    Example
    -------
    >>> import torch
    >>> quantized_bytes(torch.ones(64, 64), 4)
    2112
    >>> quantized_bytes(torch.ones(64, 64), 8)
    4352
    """
    count = weight.numel()
    if bits == 8:  # a float32 scale a row
        return count + 4 * len(weight)
    return count // 2 + count // BLOCK + 4 * (count // (BLOCK * SCALES))


def full_size(parameter):
    """Counts the weights that a parameter stands for.

    Arguments
    ---------
    parameter : torch.nn.Parameter
        Quantized or not.

    Returns
    -------
    int
        Two a byte where it is packed.

    Example
    -------
    >>> import torch
    >>> full_size(torch.nn.Parameter(torch.ones(2, 3)))
    6
    """
    state = getattr(parameter, "quant_state", None)
    return parameter.numel() if state is None else state.shape.numel()
