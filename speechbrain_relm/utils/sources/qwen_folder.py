"""Converts a first-generation Qwen's folder to one of a stock Qwen2.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch
from transformers import GenerationConfig, Qwen2ForCausalLM

from speechbrain_relm.utils.disk.downloads import check_file, read_json
from speechbrain_relm.utils.sources.qwen import qwen2_config, qwen2_tensors
from speechbrain_relm.utils.sources.qwen_tokenizer import (
    SPECIAL_TOKENS,
    qwen_tokenizer,
    read_ranks,
)
from speechbrain_relm.utils.sources.streamed import Transfer
from speechbrain_relm.utils.sources.weights import Weights

LLM = "llm"
RANKS = "qwen.tiktoken"


def _read_qwen_config(folder):
    """Reads and checks `config.json`."""
    path = folder / "config.json"
    config = read_json(path)
    if config.get("model_type") != "qwen":
        raise ValueError(
            f"{path}, field 'model_type': '{config.get('model_type')}' is not "
            "'qwen', the first generation. Later ones need no conversion: "
            "give their folder or hub id as it is."
        )
    return config


def llm_outline(config):
    """Lists the tensors of a `Qwen2ForCausalLM`.

    Arguments
    ---------
    config : transformers.Qwen2Config
        The configuration.

    Returns
    -------
    dict
        Names to tensors without data.

    Example
    -------
    >>> from transformers import Qwen2Config
    >>> "lm_head.weight" in llm_outline(Qwen2Config(num_hidden_layers=1))
    True
    """
    with torch.device("meta"):
        return Qwen2ForCausalLM(config).state_dict()


def _check_ranks(path, vocabulary):
    """Compares the tokenizer's size with the model's."""
    size = len(read_ranks(path))
    released = (151936, 151643)  # of every released model of this generation
    if size > vocabulary or (vocabulary == released[0] and size != released[1]):
        raise ValueError(
            f"{path} has {size} tokens, which does not fit the model's "
            f"vocabulary of {vocabulary}: it is truncated or another model's."
        )


def write_llm_settings(source, folder, config, dtype):
    """Writes what stands beside a converted LLM's weights.

    Arguments
    ---------
    source : pathlib.Path
        The released folder. `qwen.tiktoken` makes the tokenizer and
        `generation_config.json` the generation settings, if they are there.
    folder : pathlib.Path
        The new folder.
    config : transformers.Qwen2Config
        Its configuration.
    dtype : torch.dtype
        Of the weights.

    Raises
    ------
    ValueError
        If the tokenizer is not the model's.
    """
    config.architectures = ["Qwen2ForCausalLM"]
    config.dtype = dtype
    settings = {}
    if (source / "generation_config.json").is_file():
        released = read_json(source / "generation_config.json")
        names = ("do_sample", "top_k", "top_p", "max_new_tokens")
        names += ("repetition_penalty", "temperature")
        settings = {n: released[n] for n in names if n in released}
    if (source / RANKS).is_file():
        _check_ranks(source / RANKS, config.vocab_size)
        tokenizer = qwen_tokenizer(
            source / RANKS, config.max_position_embeddings
        )
        end, _, turn_end = tokenizer.convert_tokens_to_ids(SPECIAL_TOKENS[:3])
        tokenizer.save_pretrained(folder)
        settings |= {"eos_token_id": [turn_end, end], "pad_token_id": end}
        config.eos_token_id, config.bos_token_id = end, None
    config.save_pretrained(folder)
    GenerationConfig(**settings).save_pretrained(folder)


def plan_qwen(source):
    """Checks a released folder whole, before anything is written.

    Arguments
    ---------
    source : pathlib.Path
        Released folder: `config.json`, `qwen.tiktoken`, weights in
        `.safetensors` or `.bin`, and `generation_config.json`.

    Returns
    -------
    transfer : speechbrain_relm.utils.sources.streamed.Transfer
        The weights, on their way.
    config : transformers.Qwen2Config
        The new configuration.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a file is damaged or of another model.
    """
    config = qwen2_config(_read_qwen_config(source))
    check_file(source / "generation_config.json")
    _check_ranks(source / RANKS, config.vocab_size)
    transfer = Transfer(
        Weights(source),
        lambda name, tensor: [
            (LLM, *item) for item in qwen2_tensors(name, tensor).items()
        ],
    )
    transfer.expect(LLM, llm_outline(config))
    return transfer, config


def write_qwen(source, folder, transfer, config):
    """Writes the converted folder.

    Arguments
    ---------
    source : pathlib.Path
        The released folder.
    folder : pathlib.Path
        An empty folder.
    transfer : Transfer
        From `plan_qwen`.
    config : transformers.Qwen2Config
        From `plan_qwen`.
    """
    dtype = next(iter(transfer.weights.outline.values())).dtype
    transfer.write({LLM: folder}, folder, "converting Qwen")
    write_llm_settings(source, folder, config, dtype)
