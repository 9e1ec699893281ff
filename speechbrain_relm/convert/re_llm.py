"""Released RE-LLM checkpoints, taken apart into our lobes' tensors.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch

from speechbrain_relm.convert.qwen import qwen2_tensors

# Present in the released model, never used by it.
UNUSED = ("w2v2_adapter.", "w2v2_hidden2emotion.")

_ADAPTER = {
    "subsampler.conv_layers.": "conv_layers.",
    "fc1.": "fc1.",
    "fc2.": "fc2.",
    "speech_ln.": "layer_norm.",
}


def split_checkpoint(tensors):
    """Sorts a released checkpoint's tensors by lobe, under our names.

    Arguments
    ---------
    tensors : dict
        The checkpoint: released names to tensors.

    Returns
    -------
    dict
        Lobe to tensors: `speech_encoder` (a Whisper encoder's own names),
        `emotion_encoder` (`EmotionRegressor`'s), `llm` (`Qwen2ForCausalLM`'s),
        `lora` (those with `lora_A`, `lora_B`), `adapter` (with the emotion
        encoder), `adapter_without_emotion` (BLSP-Emo's), `heads`, and
        `unused`.

    Raises
    ------
    ValueError
        If a tensor's name is unknown.

    Example
    -------
    >>> parts = split_checkpoint({"hidden2w2v2.weight": torch.eye(3)})
    >>> parts["heads"]["dimension.weight"]  # arousal, dominance, valence
    tensor([[1., 0., 0.],
            [0., 0., 1.],
            [0., 1., 0.]])
    """
    parts = {
        lobe: {}
        for lobe in (
            "speech_encoder",
            "emotion_encoder",
            "llm",
            "lora",
            "adapter",
            "adapter_without_emotion",
            "heads",
            "unused",
        )
    }
    for name, tensor in tensors.items():
        for lobe, new_name, new_tensor in place(name, tensor):
            parts[lobe][new_name] = new_tensor
    return parts


def place(name, tensor):
    """Finds the lobe and our name of one released tensor.

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
    """
    if name.startswith(UNUSED):
        return [("unused", name, tensor)]
    room, _, rest = name.partition(".")
    if room == "whisper_model":
        return [("speech_encoder", rest, tensor)]
    if room == "w2v2":
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


def load_lora(llm, tensors):
    """Loads a converted LoRA into an adapted LLM.

    Arguments
    ---------
    llm : speechbrain.nnet.adapters.AdaptedModel
        A `ChatLLM` with `PartialLoRA` (or SpeechBrain's `LoRA`) layers.
    tensors : dict
        The part `lora` of `split_checkpoint`.

    Raises
    ------
    ValueError
        If the adapted layers and the checkpoint's are not the same.
    """
    ours = {
        f"adapted_model.model.{name}".replace(
            "lora_A", "adapter_down_proj"
        ).replace("lora_B", "adapter_up_proj"): tensor
        for name, tensor in tensors.items()
    }
    wanted = {n for n, p in llm.named_parameters() if ".adapter_" in n}
    if wanted != set(ours):
        odd = sorted(wanted ^ set(ours))
        raise ValueError(
            f"The LoRA's layers differ from the checkpoint's in {len(odd)} "
            f"tensors (first: {odd[0]}): set target_layers to its layers."
        )
    llm.load_state_dict(ours, strict=False)
