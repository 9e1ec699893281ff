"""Turning SpeechBrain's adapters off for a while: the text LLM as it was.

Authors
 * The speechbrain_relm contributors 2026
"""

import contextlib

from speechbrain.nnet.adapters import replace_module


@contextlib.contextmanager
def adapters_off(model):
    """Puts the pretrained layers back, inside a `with` block.

    Arguments
    ---------
    model : torch.nn.Module
        A `speechbrain.nnet.adapters.AdaptedModel` with adapters of any class,
        or any other module, which is left alone.

    Yields
    ------
    None

    Example
    -------
    >>> import torch
    >>> from speechbrain.nnet.adapters import AdaptedModel, LoRA
    >>> model = AdaptedModel(
    ...     model_to_adapt=torch.nn.Sequential(torch.nn.Linear(4, 4)),
    ...     adapter_class=LoRA,
    ...     target_layers=["0"],
    ... )
    >>> with adapters_off(model):
    ...     type(model.adapted_model[0]).__name__
    'Linear'
    >>> type(model.adapted_model[0]).__name__
    'LoRA'
    """
    names = getattr(model, "replace_layers", [])
    adapters = {n: model.adapted_model.get_submodule(n) for n in names}
    try:
        for name, adapter in adapters.items():
            # SpeechBrain's LoRA and Houlsby adapters name it differently.
            pretrained = getattr(adapter, "pretrained_module", None)
            if pretrained is None:
                pretrained = adapter.pretrained_linear
            replace_module(model.adapted_model, name, pretrained)
        yield
    finally:
        for name, adapter in adapters.items():
            replace_module(model.adapted_model, name, adapter)
