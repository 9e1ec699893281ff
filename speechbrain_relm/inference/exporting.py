"""What stock engines can serve of a release: prompts as embeddings, an LLM.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
import sys

import torch
from speechbrain.nnet.adapters import LoRA
from transformers import GenerationConfig

from speechbrain_relm.inference.commands import load
from speechbrain_relm.inference.recordings import audible
from speechbrain_relm.lobes.partial_lora import PartialLoRA
from speechbrain_relm.lobes.parts.adapters import adapters_off
from speechbrain_relm.model.prompting import lay_out
from speechbrain_relm.model.re_llm import speech_part
from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.files import whole_folder

ASKED = "ask.json"  # how an engine is to be asked


def merge_adapters(llm):
    """Merges what adapts an LLM into its weights.

    Arguments
    ---------
    llm : torch.nn.Module
        A `ChatLLM`, bare or adapted; its layers are changed.

    Returns
    -------
    bool
        Whether there was something to merge.

    Raises
    ------
    RecipeError
        If an engine cannot do what the adapters do.
    """
    names = getattr(llm, "replace_layers", [])
    layers = [llm.adapted_model.get_submodule(name) for name in names]
    if any(isinstance(layer, PartialLoRA) for layer in layers):
        raise RecipeError(
            "Its LoRA acts at speech positions only, which no engine's weights "
            "can say: serve it by `speechbrain-relm serve`. docs/serving.md "
            "says which releases an engine can serve."
        )
    others = {type(x).__name__ for x in layers if not isinstance(x, LoRA)}
    if others:
        raise RecipeError(f"{min(others)} cannot be merged: only LoRA can.")
    if layers and llm.bits:
        raise RecipeError(
            f"An LLM of {llm.bits} bits cannot be merged: export the release "
            "with `bits: null` in its hyperparams.yaml."
        )
    for layer in layers:
        weight = layer.pretrained_module.weight.data
        up = layer.adapter_up_proj.weight.double()
        update = up @ layer.adapter_down_proj.weight.double() * layer.scaling
        weight.copy_(weight.double() + update)
    return bool(layers)


@torch.no_grad()
def prompt_embeddings(listener, path):
    """Embeds the whole prompt of a recording, as its release asks.

    Arguments
    ---------
    listener : speechbrain_relm.inference.re_llm.EmpatheticListener
        The release.
    path : str
        An audio file.

    Returns
    -------
    torch.Tensor
        Embeddings [L, H]: system message, example turns, instruction, speech
        and what comes before the answer.
    """
    ask = listener.asking()
    examples, _ = ask.apart()
    llm = listener.mods.model.llm
    prompt = llm.split_prompt(ask.system, ask.instruction, examples)
    speech = listener.encode_signals([listener.load_audio(path)])
    with listener.inference_ctx:
        sequence = lay_out(llm, prompt, speech_part(speech))
    return sequence.inputs_embeds[0]


def export(given):
    """Writes what an engine needs to answer recordings.

    Arguments
    ---------
    given : argparse.Namespace
        Of the command line.

    Raises
    ------
    ValueError
        If there is nothing to answer, or the folder is another one.
    """
    durations, left_out = audible(given.recordings)
    if given.output.exists() and not (given.output / ASKED).is_file():
        raise ValueError(
            f"{given.output} holds something else, which an export would "
            "replace: name another folder."
        )
    listener = load(given.release, given.device, given.trust_code)
    with whole_folder(given.output) as folder:
        model = write(listener, list(durations), folder)
    sys.stdout.write(
        f"{given.output}: {len(durations)} prompts for {model}, "
        f"{left_out} left out\n"
    )


def write(listener, paths, folder):
    """Writes an LLM, prompts, and how it is asked.

    Arguments
    ---------
    listener : speechbrain_relm.inference.re_llm.EmpatheticListener
        The release; its LoRA is merged.
    paths : list of str
        Audio files.
    folder : pathlib.Path
        Where.

    Returns
    -------
    str
        The LLM: "llm" in the folder, or what the release is based on.
    """
    llm, lines = listener.mods.model.llm, []
    merged = merge_adapters(llm)
    with adapters_off(llm):
        if merged:
            save_llm(llm, folder / "llm")
        for number, path in enumerate(paths, 1):
            embeddings = prompt_embeddings(listener, path).cpu().clone()
            name = f"{number:06d}.pt"
            torch.save(embeddings, folder / name)
            line = {"id": path, "file": name, "tokens": len(embeddings)}
            lines.append(json.dumps(line, ensure_ascii=False) + "\n")
    (folder / "prompts.jsonl").write_text("".join(lines), encoding="utf-8")
    asked = {
        "model": "llm" if merged else str(llm.source),
        "max_tokens": listener.asking().settings.get("max_new_tokens"),
        "stop_token_ids": sorted(llm.stop_ids),
    }
    text = json.dumps(asked, indent=2) + "\n"
    (folder / ASKED).write_text(text, encoding="utf-8")
    return asked["model"]


def save_llm(llm, folder):
    """Saves an LLM as engines load it, its tokenizer with it.

    Arguments
    ---------
    llm : torch.nn.Module
        A `ChatLLM`, adapters off.
    folder : pathlib.Path
        Where.
    """
    # Without the checkpoint's penalties, as in every answer of ours.
    llm.model.generation_config = GenerationConfig(
        eos_token_id=sorted(llm.stop_ids)
    )
    llm.model.save_pretrained(folder)
    llm.tokenizer.save_pretrained(folder)
