"""Parameters, memory and checkpoint of a run, from its models' sizes.

Authors
 * The speechbrain_relm contributors 2026
"""

import copy

import torch
from transformers import DynamicCache

from speechbrain_relm.lobes.parts.quantized import quantized_bytes
from speechbrain_relm.model.re_llm import RELLM
from speechbrain_relm.runs.planning.activations import activation_bytes
from speechbrain_relm.runs.planning.outline import asks_llm, parts_of, trains
from speechbrain_relm.utils.sharding import kept_whole, sharded_bytes
from speechbrain_relm.utils.sources.pretrained import without_weights

FRAMES_PER_SECOND = 6.25  # that the adapter leaves of Whisper's 50


def plan(hparams, seconds, prompt, response, processes=1):
    """Works out what a system needs.

    Arguments
    ---------
    hparams : dict
        From `build_without_weights`.
    seconds : float
        Length of an utterance.
    prompt : int
        Tokens around the speech.
    response : int
        Tokens of an expected response.
    processes : int
        Processes of a node, which divide the weights if the YAML says `fsdp`.

    Returns
    -------
    parameters : dict
        Part to (all, trained) parameters.
    memory : dict
        What a training step keeps on each GPU, in bytes.
    checkpoint : dict
        What a checkpoint holds, in bytes.

    Example
    -------
    >>> from speechbrain_relm.runs.planning import outline
    >>> path = "recipes/ESD/hparams/re_llm.yaml"
    >>> hparams = outline.build_without_weights(path, {})
    >>> parameters, memory, checkpoint = plan(hparams, 5.0, 40, 48)
    >>> parameters["emotion_encoder"]
    (165336707, 0)
    """
    with without_weights():
        parts = parts_of(hparams)
    chat_llm = hparams.get("chat_llm")
    parameters, weights, trained_bytes = {}, 0, 0
    for name, module in parts.items():
        tensors = list(module.train().parameters())
        learned = [p for p in tensors if p.requires_grad and trains(hparams)]
        parameters[name] = tuple(
            sum(p.numel() for p in some) for some in (tensors, learned)
        )
        bits = getattr(chat_llm, "bits", None) if name == "llm" else None
        weights += stored_bytes(module, bits)
        trained_bytes += sum(p.nbytes for p in learned)
    memory = {"weights": weights}
    if not trains(hparams):
        if chat_llm is not None:
            memory["keys and values"] = _cache_bytes(hparams, seconds, prompt)
        return parameters, memory, {}
    memory |= {
        "gradients": trained_bytes,
        "optimizer (AdamW)": 2 * trained_bytes,
    }
    if hparams.get("fsdp"):
        memory = _divided_bytes(memory, hparams["model"], processes)
    if isinstance(hparams.get("model"), RELLM):
        memory |= _step_bytes(hparams, seconds, prompt, response)
    checkpoint = {"model": trained_bytes, "optimizer": 2 * trained_bytes}
    return parameters, memory, checkpoint


def stored_bytes(module, bits=None):
    """Adds up a module's parameters and buffers as they are stored.

    Arguments
    ---------
    module : torch.nn.Module
        The module.
    bits : int or None
        4 or 8 if the linear layers of a frozen base are quantized.

    Returns
    -------
    int
        Bytes.

    Example
    -------
    >>> stored_bytes(torch.nn.Linear(2, 3))
    36
    """
    total = sum(
        tensor.nbytes for tensor in (*module.parameters(), *module.buffers())
    )
    if bits is None:
        return total
    for name, layer in module.named_modules():
        if name.endswith("pretrained_module") or (
            isinstance(layer, torch.nn.Linear)
            and name.endswith("_proj")
            and "adapter_" not in name
        ):
            total += quantized_bytes(layer.weight, bits) - layer.weight.nbytes
    return total


def _divided_bytes(memory, model, processes):
    """Works out what is left on each GPU if a node's divide a model."""
    divided, gathered = sharded_bytes(model, kept_whole(model))
    share = divided - divided // processes
    return {
        "weights": memory["weights"] - share,
        "gradients": memory["gradients"] // processes,
        "optimizer (AdamW)": memory["optimizer (AdamW)"] // processes,
        "gathered layers": gathered,
    }


def _step_bytes(hparams, seconds, prompt, response):
    """Works out what a training step of RE-LLM keeps besides its weights."""
    model, memory = hparams["model"], {}
    working = model
    if hparams.get("precision") == "bf16":
        # Autocast keeps a half-precision copy of what it converts.
        memory["autocast copies"] = sum(
            p.numel() * 2
            for p in model.parameters()
            if p.requires_grad and p.dtype == torch.float32
        )
        working = copy.deepcopy(model).to(torch.bfloat16)
    if not (asks_llm(hparams) and hasattr(model.speech_encoder, "encode")):
        return memory  # not known of another encoder, or of CTC
    kept = activation_bytes(
        working, hparams["batch_size"], seconds, prompt, response
    )
    return memory | {f"activations: {part}": kept[part] for part in kept}


def _cache_bytes(hparams, seconds, prompt):
    """Works out what the LLM keeps of a batch that it answers."""
    chat_llm, past = hparams["chat_llm"], DynamicCache()
    with torch.no_grad():
        chat_llm(chat_llm.embed(torch.tensor([[0]])), past=past)
    of_token = sum(x.keys.nbytes + x.values.nbytes for x in past.layers)
    # An embedding of speech, or a word of the transcript, takes its place.
    tokens = prompt + round(seconds * FRAMES_PER_SECOND)
    tokens += hparams["response_settings"]["max_new_tokens"]
    return hparams["generation_batch_size"] * tokens * of_token
