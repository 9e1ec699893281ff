"""Loading pretrained models, whole or not at all.

Authors
 * The speechbrain_relm contributors 2026
"""

import contextlib
import contextvars

import torch

from speechbrain_relm.utils.sources.architectures import architecture
from speechbrain_relm.utils.sources.hub import model_folder

# The device of models without pretrained weights; None loads them.
_DEVICE = contextvars.ContextVar("without_weights", default=None)


@contextlib.contextmanager
def without_weights(device="meta"):
    """Builds models of the right sizes, nothing loaded, inside a `with` block.

    Arguments
    ---------
    device : str
        "meta" gives tensors without data, another device random weights.

    Yields
    ------
    None

    Example
    -------
    >>> from transformers import AutoModelForCausalLM
    >>> with without_weights():
    ...     llm = load_pretrained(AutoModelForCausalLM, "Qwen/Qwen-7B-Chat")
    >>> llm.device, llm.num_parameters()
    (device(type='meta'), 7721324544)
    """
    token = _DEVICE.set(torch.device(device))
    try:
        with torch.device(device):
            yield
    finally:
        _DEVICE.reset(token)


def building_without_weights():
    """Tells whether `without_weights` is on.

    Returns
    -------
    bool
        Whether models are built from their sizes alone.

    Example
    -------
    >>> building_without_weights()
    False
    """
    return _DEVICE.get() is not None


def load_pretrained(model_class, source, **settings):
    """Loads a model, and refuses one with missing tensors.

    transformers draws what a checkpoint lacks at random, with a warning.

    Arguments
    ---------
    model_class : type
        A class of transformers, e.g. `AutoModelForCausalLM`.
    source : str
        Hub id or folder, with `.safetensors` or `.bin` weights.
    **settings
        Passed to `from_pretrained`.

    Returns
    -------
    transformers.PreTrainedModel
        The model.

    Raises
    ------
    ValueError
        If the checkpoint lacks tensors of the model.

    Example
    -------
    >>> from speechbrain_relm.lobes.emotion_encoder import EmotionRegressor
    >>> folder = getfixture("emotion_folder")
    >>> model = load_pretrained(EmotionRegressor, folder)
    >>> model.device
    device(type='cpu')
    """
    if building_without_weights():
        settings.pop("key_mapping", None)  # of weights
        config = settings.pop("config", None) or architecture(source)
        build = getattr(model_class, "from_config", None)
        build = build or model_class._from_config
        return build(config, **settings)
    model, info = model_class.from_pretrained(
        model_folder(source),
        output_loading_info=True,
        weights_only=True,
        trust_remote_code=False,
        **settings,
    )
    missing = sorted(info["missing_keys"])
    if missing:
        raise ValueError(
            f"{source} lacks {len(missing)} tensors of a "
            f"{type(model).__name__} (first: {missing[0]}): it is another "
            "model, or an incomplete one."
        )
    return model
