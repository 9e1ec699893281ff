"""Loading pretrained models, whole or not at all.

Authors
 * The speechbrain_relm contributors 2026
"""

import contextlib
import contextvars

import torch
from transformers import AutoModel, AutoTokenizer, dynamic_module_utils
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
)

from speechbrain_relm.utils.errors import first_line
from speechbrain_relm.utils.sources.architectures import (
    architecture,
    without_code,
)
from speechbrain_relm.utils.sources.checks.folder import (
    check_folder,
    check_tokenizer,
)
from speechbrain_relm.utils.sources.checks.numbers import check_numbers
from speechbrain_relm.utils.sources.hub import model_folder

# SpeechBrain's lobes do not say `trust_remote_code=False` everywhere, and
# transformers then asks on the standard input, where a pipe may say yes.
dynamic_module_utils.TIME_OUT_REMOTE_CODE = 0

# What SpecAugment puts in place of masked frames. Encoders that were trained
# without it, as facebook/wav2vec2-base-960h, have none; the others learn it
# in pretraining, and nothing reads it in evaluation mode.
ONLY_IN_TRAINING = "masked_spec_embed"
# Masked language models of other than text.
SPEECH = {"wav2vec2", "perceiver"}
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


def load_pretrained(model_class, source, unused=(), kinds=(), **settings):
    """Loads a model, and refuses one with missing or wrong tensors.

    transformers draws what a checkpoint lacks at random, with a warning.

    Arguments
    ---------
    model_class : type
        A class of transformers, e.g. `AutoModelForCausalLM`.
    source : str
        Hub id or folder, with `.safetensors` or `.bin` weights.
    unused : tuple of str
        Beginnings of the names of tensors that may be missing.
    kinds : sequence of str
        Types of models that it can be, where the class does not say it, or
        is a part of one.
    **settings
        Passed to `from_pretrained`.

    Returns
    -------
    transformers.PreTrainedModel
        The model.

    Raises
    ------
    OSError
        If a file is missing.
    ValueError
        If a file is damaged, or the tensors are not those of the model.

    Example
    -------
    >>> from transformers import Wav2Vec2Model
    >>> folder = getfixture("wav2vec2_folder")
    >>> model = load_pretrained(Wav2Vec2Model, folder)
    >>> model.device
    device(type='cpu')
    """
    if building_without_weights():
        return _build(model_class, source, **settings)
    folder = model_folder(source)
    own = getattr(model_class, "config_class", None)
    check_folder(folder, kinds or ([own.model_type] if own else ()), True)
    try:
        with without_code(source):
            model, info = model_class.from_pretrained(
                folder,
                output_loading_info=True,
                weights_only=True,
                trust_remote_code=False,
                ignore_mismatched_sizes=True,  # they are told below, in a line
                **settings,
            )
    except ValueError as error:  # transformers does not always say of what
        if str(folder) in str(error) or str(source) in str(error):
            raise
        raise ValueError(f"{source}: {first_line(error)}") from error
    kind = type(model).__name__
    missing = [
        name
        for name in info["missing_keys"]
        if not name.startswith(unused)
        and name.rpartition(".")[2] != ONLY_IN_TRAINING
    ]
    if missing:
        raise ValueError(
            f"{source} lacks {len(missing)} tensors of a {kind} (first: "
            f"{min(missing)}): it is another model, or an incomplete one."
        )
    for name, has, wanted in sorted(info["mismatched_keys"]):
        raise ValueError(
            f"{source}: '{name}' has the shape {list(has)} in place of "
            f"{list(wanted)} of a {kind} with its config.json: download the "
            "released folder whole."
        )
    check_numbers(model.named_parameters(), source)
    return model


def load_text_encoder(source):
    """Loads an encoder of texts, without its pooling layer.

    Arguments
    ---------
    source : str
        Hub id or folder of an encoder that fills in masked words, as BERT.

    Returns
    -------
    transformers.PreTrainedModel
        The encoder, float32.

    Raises
    ------
    OSError
        If a file is missing.
    ValueError
        If it is no such model, or damaged.

    Example
    -------
    >>> load_text_encoder(getfixture("wav2vec2_folder"))
    Traceback (most recent call last):
    ...
    ValueError: ... is a model of the type 'wav2vec2' (config.json)...
    """
    return load_pretrained(
        AutoModel,
        source,
        ("pooler.",),
        tuple(MODEL_FOR_MASKED_LM_MAPPING_NAMES.keys() - SPEECH),
        dtype=torch.float32,
    )


def _build(model_class, source, config=None, key_mapping=None, **settings):
    """Builds a model from its sizes."""
    del key_mapping  # of weights
    config = config or architecture(source)
    if hasattr(model_class, "from_config"):
        return model_class.from_config(
            config, trust_remote_code=False, **settings
        )
    return model_class._from_config(config, **settings)


def load_tokenizer(source):
    """Loads a tokenizer, and refuses an empty one.

    transformers makes one without a vocabulary where its files are missing.

    Arguments
    ---------
    source : str or pathlib.Path
        Hub id or folder.

    Returns
    -------
    transformers.PreTrainedTokenizerBase
        The tokenizer.

    Raises
    ------
    OSError
        If there is none.
    ValueError
        If it cannot be read, or has no words.

    Example
    -------
    >>> load_tokenizer(getfixture("wav2vec2_folder"))
    Traceback (most recent call last):
    ...
    FileNotFoundError: ... has no tokenizer (e.g. tokenizer.json): ...
    """
    folder = model_folder(source)
    check_tokenizer(folder)
    try:
        with without_code(source):
            tokenizer = AutoTokenizer.from_pretrained(
                folder, trust_remote_code=False
            )
    except (OSError, ValueError):
        raise
    except Exception as error:  # of many libraries, which have their own
        raise ValueError(
            f"{folder}: its tokenizer cannot be read ({first_line(error)}): "
            "download the released folder whole."
        )
    if len(tokenizer) <= len(tokenizer.get_added_vocab()):
        raise ValueError(
            f"{folder}: its tokenizer has no vocabulary: download the released "
            "folder whole."
        )
    return tokenizer
