"""First-generation Qwen as a stock Qwen2: the same network, other names.

Qwen-7B-Chat (`model_type` "qwen") needs remote code in transformers. Its
computation is exactly that of `Qwen2ForCausalLM`, so its weights are renamed
instead: `c_attn`'s rows are queries, keys and values; `w2` gates and `w1`
goes up.

Authors
 * The speechbrain_relm contributors 2026
"""

import re

from transformers import Qwen2Config

# Each message as it is: no system message is made up where there is none.
CHATML_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' "
    "+ message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}"
    "{{ '<|im_start|>assistant\\n' }}"
    "{% endif %}"
)

# One layer's names, after "transformer.h.<i>."; attn.c_attn is split apart.
_LAYER = {
    "ln_1": "input_layernorm",
    "ln_2": "post_attention_layernorm",
    "attn.c_proj": "self_attn.o_proj",
    "mlp.w2": "mlp.gate_proj",
    "mlp.w1": "mlp.up_proj",
    "mlp.c_proj": "mlp.down_proj",
}
_TOP = {
    "transformer.wte": "model.embed_tokens",
    "transformer.ln_f": "model.norm",
    "lm_head": "lm_head",
}
_SIZES = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "seq_length",
    "layer_norm_epsilon",
    "rotary_emb_base",
)
# No released checkpoint is otherwise.
_ONLY = {
    "no_bias": True,
    "scale_attn_weights": True,
    "rotary_pct": 1.0,
    "tie_word_embeddings": False,
}
_QKV = ("q_proj", "k_proj", "v_proj")
_LORA = r"(?:\.lora_(?P<side>[AB])(?:\.\w+)?)?"
_IN_LAYER = re.compile(
    r"transformer\.h\.(?P<layer>\d+)\.(?P<module>[\w.]+?)"
    + _LORA
    + r"\.(?P<kind>weight|bias)$"
)


def qwen2_config(config):
    """Translates the configuration.

    Arguments
    ---------
    config : dict
        A first-generation Qwen's `config.json`.

    Returns
    -------
    transformers.Qwen2Config
        The same sizes under Qwen2's names.

    Raises
    ------
    ValueError
        If a field is missing, or asks for what Qwen2 does not do.

    Example
    -------
    >>> config = qwen2_config(
    ...     {
    ...         "vocab_size": 320,
    ...         "hidden_size": 64,
    ...         "num_hidden_layers": 2,
    ...         "num_attention_heads": 4,
    ...         "intermediate_size": 256,
    ...         "seq_length": 512,
    ...         "layer_norm_epsilon": 1e-6,
    ...         "rotary_emb_base": 10000,
    ...     }
    ... )
    >>> config.intermediate_size
    128
    """
    for field in _SIZES:
        if field not in config:
            raise ValueError(
                f"The first-generation Qwen's config.json has no '{field}'."
            )
    heads, size = config["num_attention_heads"], config["hidden_size"]
    if config.get("kv_channels", size // heads) * heads != size:
        raise ValueError(
            f"config.json, field 'kv_channels': {config['kv_channels']} times "
            f"{heads} heads is not the hidden size {size}."
        )
    for field, value in _ONLY.items():
        if config.get(field, value) != value:
            raise ValueError(
                f"config.json, field '{field}': {config[field]} has no "
                f"counterpart in Qwen2, only {value}."
            )
    return Qwen2Config(
        vocab_size=config["vocab_size"],
        hidden_size=config["hidden_size"],
        # The original's number counts gate and up projection together.
        intermediate_size=config["intermediate_size"] // 2,
        num_hidden_layers=config["num_hidden_layers"],
        num_attention_heads=config["num_attention_heads"],
        num_key_value_heads=config["num_attention_heads"],
        max_position_embeddings=config["seq_length"],
        rms_norm_eps=config["layer_norm_epsilon"],
        rope_theta=config["rotary_emb_base"],
        tie_word_embeddings=False,
    )


def qwen2_tensors(name, tensor):
    """Renames one tensor, of the base model or of a LoRA.

    Arguments
    ---------
    name : str
        Its name in the original, from "transformer." or "lm_head" on; a
        LoRA's ends in `.lora_A.default.weight` or `.lora_B.default.weight`.
    tensor : torch.Tensor
        The tensor.

    Returns
    -------
    dict
        One name and tensor, or three for `c_attn`, whose rows are q|k|v. A
        LoRA keeps `lora_A`/`lora_B` in its name; its A is shared by the
        three, its B split like the rows: exactly the same update.

    Raises
    ------
    ValueError
        If the name is not one of a first-generation Qwen.

    Example
    -------
    >>> import torch
    >>> list(qwen2_tensors("transformer.h.0.mlp.w2.weight", torch.ones(1)))
    ['model.layers.0.mlp.gate_proj.weight']
    >>> name = "transformer.h.3.attn.c_attn.weight"
    >>> [list(x.shape) for x in qwen2_tensors(name, torch.ones(6, 2)).values()]
    [[2, 2], [2, 2], [2, 2]]
    """
    top, _, kind = name.rpartition(".")
    if top in _TOP:
        return {f"{_TOP[top]}.{kind}": tensor}
    match = _IN_LAYER.match(name)
    if not match or match["module"] not in {*_LAYER, "attn.c_attn"}:
        raise ValueError(
            f"'{name}' is no tensor of a first-generation Qwen: is config.json "
            "of model_type 'qwen'?"
        )
    prefix = f"model.layers.{match['layer']}."
    suffix = f".lora_{match['side']}" if match["side"] else ""
    suffix += f".{match['kind']}"
    if match["module"] in _LAYER:
        return {prefix + _LAYER[match["module"]] + suffix: tensor}
    pieces = [tensor] * 3 if match["side"] == "A" else tensor.chunk(3)
    # Copies: a slice would keep (and save) the whole of q|k|v three times.
    return {
        f"{prefix}self_attn.{target}{suffix}": piece.clone()
        for target, piece in zip(_QKV, pieces)
    }
