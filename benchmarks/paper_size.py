#!/usr/bin/env python3
"""Trains and generates with random weights of a YAML's true architectures.

    python benchmarks/paper_size.py recipes/ESD/hparams/re_llm.yaml

Prints the time of a training step, generated tokens a second and the peak
memory, beside the plan's prediction. At paper size it needs a GPU; on a CPU
take a few layers of the same widths, `--layers 2`, or `re_llm_mini.yaml`. A
step of two layers is still about 1 TFLOP, so that a CPU takes few of them, of
one short utterance, and says how far it is. A CPU without instructions for
bfloat16 trains in float32 around the LLM, which stays bfloat16. Overrides of
the YAML may follow.

Authors
 * The speechbrain_relm contributors 2026
"""

import argparse
import contextlib
import json
import statistics
import tempfile
from pathlib import Path

import torch
from measure import timed

from speechbrain_relm.lobes.parts.chat_template import Prompt
from speechbrain_relm.lobes.parts.half_on_cpu import has_half_products
from speechbrain_relm.model.losses import category_loss, response_nll
from speechbrain_relm.model.prompting import lay_out
from speechbrain_relm.model.re_llm import speech_part
from speechbrain_relm.runs.experiment import read_settings
from speechbrain_relm.runs.needs import needed_sources
from speechbrain_relm.runs.planning.activations import KeptBytes
from speechbrain_relm.runs.planning.figures import plan
from speechbrain_relm.runs.planning.outline import (
    PLANNED,
    build_without_weights,
)
from speechbrain_relm.runs.settings.command_line import read_command_line
from speechbrain_relm.runs.systems import effective_yaml
from speechbrain_relm.training.diagnostics import memory
from speechbrain_relm.training.start_log import device_name
from speechbrain_relm.utils.sources.architectures import architecture

PROMPT, RESPONSE = 40, 48
AROUND = Prompt([5] * (PROMPT - 5), [7] * 5)
# What is measured unless the command line says otherwise.
ON_GPU = {"steps": 20, "seconds": 5.0, "batch_size": 2, "new_tokens": 64}
ON_CPU = {"steps": 3, "seconds": 2.0, "batch_size": 1, "new_tokens": 8}


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
    defaults = ON_GPU if torch.cuda.is_available() else ON_CPU
    for name, value in defaults.items():
        parser.add_argument(
            f"--{name}", type=type(value), default=value, help=f"now {value}"
        )
    parser.add_argument("--layers", type=int, help="of each model, at most")
    given, rest = parser.parse_known_args(arguments)
    _, _, overrides = read_command_line([given.hparams, *rest], str)
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
    _, planned, _ = plan(
        build_without_weights(given.hparams, overrides),
        given.seconds,
        PROMPT,
        RESPONSE,
    )
    hparams = build_without_weights(given.hparams, overrides, str(device))
    batch = 0.1 * torch.randn(
        given.batch_size, int(given.seconds * 16000), device=device
    )
    autocast = contextlib.nullcontext
    # Without the CPU's own instructions a step would take hours.
    fast = device.type == "cuda" or has_half_products()
    if hparams.get("precision") == "bf16" and fast:
        autocast = lambda: torch.autocast(device.type, torch.bfloat16)
    times, kept = train(hparams, batch, given.steps, autocast)
    of_step = [v for k, v in planned.items() if k.startswith("activations")]
    print(f"peak memory: {memory(device) / 1e9:.2f} GB")
    print(f"plan: {sum(planned.values()) / 1e9:.2f} GB in all")
    print(
        f"kept for the backward pass: {kept / 1e9:.3f} GB, planned "
        f"{sum(of_step) / 1e9:.3f} GB (two copies of the logits more)"
    )
    later = times[1:] or times
    print(
        f"{device_name(device)}: batch of {given.batch_size} x "
        f"{given.seconds} s: {statistics.median(later):.3f} s a training step "
        f"(median of {len(later)})"
    )
    with torch.no_grad(), autocast():
        answer(hparams, batch, given.new_tokens)


def train(hparams, wavs, steps, autocast):
    """Takes training steps; gives their seconds, and the bytes kept in one."""
    model, encoder = hparams["model"].train(), hparams["emotion_encoder"]
    vocabulary = model.llm.model.config.vocab_size
    optimizer = hparams["opt_class"](
        [p for p in model.parameters() if p.requires_grad]
    )
    lens = torch.ones(len(wavs), device=wavs.device)
    response = torch.randint(
        0, vocabulary, (len(wavs), RESPONSE), device=wavs.device
    )
    times, sizes = [], []

    def step():
        """Takes one."""
        with autocast(), KeptBytes(model) as kept:
            embedding, _ = encoder(wavs, lens)
            found = model(wavs, lens, embedding, AROUND, response, lens)
            loss = response_nll(found.logits, found.targets)
            loss = loss + category_loss(
                found.speech.category_logits, response[:, 0] % 4
            )
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        sizes.append(kept.total)

    for number in range(1, steps + 1):
        times.append(timed(step, wavs.device))
        print(f"step {number}: {times[-1]:.2f} s", flush=True)
    return times, sizes[-1]


def answer(hparams, wavs, new_tokens):
    """Answers, and prints how long the first token and the others take."""
    model, encoder = hparams["model"].eval(), hparams["emotion_encoder"]
    lens = torch.ones(len(wavs), device=wavs.device)
    speech = model.encode_speech(wavs, lens, encoder(wavs, lens)[0])
    sequence = lay_out(model.llm, AROUND, speech_part(speech), left_pad=True)

    def generate(count):
        """Generates exactly so many tokens; gives the seconds."""
        return timed(
            lambda: model.llm.generate(
                sequence.inputs_embeds,
                sequence.attention_mask,
                max_new_tokens=count,
                eos_token_id=[],
            ),
            wavs.device,
        )

    print(f"first token: {generate(1):.3f} s")
    tokens = len(wavs) * new_tokens
    print(f"{tokens / generate(new_tokens):.1f} generated tokens a second")


if __name__ == "__main__":
    main()
