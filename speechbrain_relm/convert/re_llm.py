"""Released RE-LLM checkpoints, taken apart into our lobes' tensors.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch

from speechbrain_relm.utils.sources.qwen import qwen2_tensors

# Present in the released model, never used by it.
UNUSED = ("w2v2_adapter.", "w2v2_hidden2emotion.")

# The layers that a released LoRA's targets become: c_attn is three, and both
# the attention and the MLP have a c_proj.
LORA_TARGETS = {
    "c_attn": ["q_proj", "k_proj", "v_proj"],
    "c_proj": ["o_proj", "down_proj"],
    "w1": ["up_proj"],
    "w2": ["gate_proj"],
}

# torch's older names of a weight norm's two tensors.
_WEIGHT_NORM = {
    ".weight_g": ".parametrizations.weight.original0",
    ".weight_v": ".parametrizations.weight.original1",
}

_ADAPTER = {
    "subsampler.conv_layers.": "conv_layers.",
    "fc1.": "fc1.",
    "fc2.": "fc2.",
    "speech_ln.": "layer_norm.",
}


def place(name, tensor):
    """Finds the lobe and our name of one released tensor.

    The lobes are `speech_encoder` (a Whisper encoder's own names),
    `emotion_encoder` (`EmotionRegressor`'s), `llm` (`Qwen2ForCausalLM`'s),
    `lora` (those with `lora_A`, `lora_B`), `adapter` (with the emotion
    encoder), `adapter_without_emotion` (BLSP-Emo's), `heads`, and `unused`.

    Arguments
    ---------
    name : str
        Released name.
    tensor : torch.Tensor
        The tensor.

    Returns
    -------
    list of tuple
        (lobe, name, tensor), several where one tensor becomes several.

    Raises
    ------
    ValueError
        If the name is unknown.

    Example
    -------
    >>> place("adapter.speech_ln.bias", torch.zeros(1))[0][:2]
    ('adapter_without_emotion', 'layer_norm.bias')
    >>> place("hidden2w2v2.weight", torch.eye(3))  # arousal, dominance, valence
    [('heads', 'dimension.weight', tensor([[1., 0., 0.],
            [0., 0., 1.],
            [0., 1., 0.]]))]
    """
    if name.startswith(UNUSED):
        return [("unused", name, tensor)]
    room, _, rest = name.partition(".")
    if room == "whisper_model":
        return [("speech_encoder", rest, tensor)]
    if room == "w2v2":
        for old, new in _WEIGHT_NORM.items():
            rest = rest.replace(old, new)
        return [("emotion_encoder", rest, tensor)]
    if room == "qwen_model":
        # With a LoRA, PEFT puts the model one level deeper.
        lobe = "lora" if ".lora_" in rest else "llm"
        converted = qwen2_tensors(rest.removeprefix("model."), tensor)
        return [(lobe, *item) for item in converted.items()]
    if room in ("adapter", "w2v2cat_adapter"):
        lobe = "adapter" if room != "adapter" else "adapter_without_emotion"
        for old, new in _ADAPTER.items():
            if rest.startswith(old):
                return [(lobe, new + rest.removeprefix(old), tensor)]
    if name == "hidden2emotion.weight":
        return [("heads", "category.weight", tensor)]
    if name == "hidden2w2v2.weight":
        # Released: arousal, valence, dominance. Ours: the encoder's order.
        return [("heads", "dimension.weight", tensor[torch.tensor([0, 2, 1])])]
    raise ValueError(
        f"The checkpoint's tensor '{name}' belongs to no lobe of RE-LLM: is "
        "it a checkpoint of another model?"
    )


def trained_name(lobe, name):
    """Names a lobe's tensor as `RELLM`'s checkpoints do.

    Arguments
    ---------
    lobe : str
        A lobe of `place`.
    name : str
        The tensor's name in it.

    Returns
    -------
    str
        The name in a `RELLM` whose LLM has a LoRA of SpeechBrain's
        `AdaptedModel`; that of a lobe with a folder of its own unchanged.

    Example
    -------
    >>> trained_name("adapter", "fc1.weight")
    'adapter.fc1.weight'
    >>> trained_name("lora", "model.layers.0.mlp.up_proj.lora_A.weight")
    'llm.adapted_model.model.model.layers.0.mlp.up_proj.adapter_down_proj.weight'
    """
    if lobe == "lora":
        name = name.replace("lora_A", "adapter_down_proj")
        name = name.replace("lora_B", "adapter_up_proj")
        return f"llm.adapted_model.model.{name}"
    return f"{lobe}.{name}" if lobe in ("adapter", "heads") else name
