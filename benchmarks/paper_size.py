#!/usr/bin/env python3
"""Trains and generates with random weights of a YAML's true architectures.

    python benchmarks/paper_size.py recipes/ESD/hparams/re_llm.yaml

Prints the time of a training step, generated tokens a second and the peak
memory, beside the plan's prediction. At paper size it needs a GPU; on a CPU
take a few layers of the same widths, `--layers 2`, or `re_llm_mini.yaml`.
Overrides of the YAML may follow.

Authors
 * The speechbrain_relm contributors 2026
"""

import argparse
import contextlib
import json
import statistics
import tempfile
import time
from pathlib import Path

import speechbrain as sb
import torch
from hyperpyyaml import load_hyperpyyaml

from speechbrain_relm.activations import KeptBytes
from speechbrain_relm.architectures import architecture
from speechbrain_relm.experiment import read_settings
from speechbrain_relm.lobes.chat_llm import Prompt
from speechbrain_relm.losses import category_loss, response_nll
from speechbrain_relm.model import speech_part
from speechbrain_relm.needs import needed_sources
from speechbrain_relm.plan import PLANNED, build_without_weights, plan
from speechbrain_relm.systems import effective_yaml

PROMPT, RESPONSE = 40, 48


def synchronize(device):
    """Waits until a GPU has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def with_layers(hparams_file, overrides, layers, folder):
    """Names models of the same widths and fewer layers.

    Arguments
    ---------
    hparams_file : str
        The YAML.
    overrides : dict
        From the command line.
    layers : int
        Layers of each model.
    folder : pathlib.Path
        Where the models' settings go.

    Returns
    -------
    dict
        Overrides: model's setting to its folder.
    """
    text = effective_yaml(hparams_file, {"data_folder": "none", **overrides})
    named = needed_sources(text, read_settings(text, {}), PLANNED)
    named.pop("init_from", None)
    for name, source in named.items():
        config = architecture(source).to_dict()
        for key in ("num_hidden_layers", "encoder_layers", "decoder_layers"):
            if config.get(key):
                config[key] = min(layers, config[key])
        config.pop("layer_types", None)  # a list as long as there are layers
        (folder / name).mkdir()
        settings = folder / name / "config.json"
        settings.write_text(json.dumps(config), encoding="utf-8")
        named[name] = str(folder / name)
    return named


def read_arguments(arguments, folder):
    """Reads the command line.

    Arguments
    ---------
    arguments : list of str or None
        The command line.
    folder : pathlib.Path
        For settings of models with fewer layers.

    Returns
    -------
    given : argparse.Namespace
        What is measured.
    overrides : dict
        Of the YAML.
    """
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("hparams")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--batch_size", type=int, default=2)
    parser.add_argument("--new_tokens", type=int, default=64)
    parser.add_argument("--layers", type=int, help="of each model, at most")
    given, rest = parser.parse_known_args(arguments)
    _, _, more = sb.parse_arguments([given.hparams, *rest])
    overrides = load_hyperpyyaml(more or "{}")
    overrides["batch_size"] = given.batch_size
    if given.layers:
        overrides |= with_layers(given.hparams, overrides, given.layers, folder)
    return given, overrides


def main(arguments=None):
    """Measures.

    Arguments
    ---------
    arguments : list of str, optional
        Command line, by default the one of the process.
    """
    with tempfile.TemporaryDirectory() as folder:
        measure(*read_arguments(arguments, Path(folder)))


def measure(given, overrides):
    """Trains, then generates, and prints what it took.

    Arguments
    ---------
    given : argparse.Namespace
        What is measured.
    overrides : dict
        Of the YAML.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    _, memory, _ = plan(
        build_without_weights(given.hparams, json.dumps(overrides)),
        given.seconds,
        PROMPT,
        RESPONSE,
    )
    hparams = build_without_weights(
        given.hparams, json.dumps(overrides), str(device)
    )
    model = hparams["model"].train()
    vocabulary = model.llm.model.config.vocab_size
    prompt = Prompt([5] * (PROMPT - 5), [7] * 5)
    optimizer = hparams["opt_class"](
        [p for p in model.parameters() if p.requires_grad]
    )
    wavs = 0.1 * torch.randn(
        given.batch_size, int(given.seconds * 16000), device=device
    )
    lens = torch.ones(given.batch_size, device=device)
    response = torch.randint(
        0, vocabulary, (given.batch_size, RESPONSE), device=device
    )
    autocast = contextlib.nullcontext
    if hparams.get("precision") == "bf16":
        autocast = lambda: torch.autocast(device.type, torch.bfloat16)
    encoder, times = hparams["emotion_encoder"], []
    for _ in range(given.steps):
        synchronize(device)
        started = time.perf_counter()
        with autocast(), KeptBytes(model) as kept:
            embedding, _ = encoder(wavs, lens)
            found = model(wavs, lens, embedding, prompt, response, lens)
            loss = response_nll(found.logits, found.targets)
            loss = loss + category_loss(
                found.speech.category_logits, response[:, 0] % 4
            )
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        synchronize(device)
        times.append(time.perf_counter() - started)
    name = "CPU"
    if device.type == "cuda":
        name = torch.cuda.get_device_name()
        peak = torch.cuda.max_memory_allocated()
        print(f"peak memory: {peak / 1e9:.2f} GB")
    planned = sum(memory.values())
    kept_plan = sum(v for k, v in memory.items() if k.startswith("activations"))
    print(f"plan: {planned / 1e9:.2f} GB in all")
    print(
        f"kept for the backward pass: {kept.total / 1e9:.3f} GB, planned "
        f"{kept_plan / 1e9:.3f} GB (two copies of the logits more)"
    )
    print(
        f"{name}, batch of {given.batch_size} x {given.seconds} s: "
        f"{statistics.median(times[1:]):.3f} s a training step "
        f"(median of {given.steps - 1})"
    )
    model.eval()
    with torch.no_grad(), autocast():
        speech = model.encode_speech(wavs, lens, embedding)
        sequence = model.lay_out(prompt, speech_part(speech), left_pad=True)
        synchronize(device)
        started = time.perf_counter()
        model.llm.generate(
            sequence.inputs_embeds,
            sequence.attention_mask,
            max_new_tokens=given.new_tokens,
            eos_token_id=[],  # exactly that many
        )
        synchronize(device)
    taken = time.perf_counter() - started
    tokens = given.batch_size * given.new_tokens
    print(f"{tokens / taken:.1f} generated tokens a second")


if __name__ == "__main__":
    main()
