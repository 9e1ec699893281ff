#!/usr/bin/env python3
"""What training and step 1 cost on N GPUs: an estimate on paper.

    python benchmarks/cost.py recipes/ESD/hparams/re_llm.yaml

Floating-point operations follow from the YAML's true sizes; how many of them
a GPU does in a second is given (`--tflops`: what `training_step.py` achieved
on it). Processes add up gradients while they compute (DDP), so a step takes
the longer of both. Decoding reads the LLM's weights once for each token of a
batch (`--memory_bandwidth`), or computes, whichever takes longer.

The defaults are those of an H100 or H200 at 40 % of its dense bfloat16 peak,
with NVLink among the 8 GPUs of a node and 400 Gbit/s a GPU between nodes.
They are assumptions, not measurements.

Authors
 * The speechbrain_relm contributors 2026
"""

import argparse
from typing import NamedTuple

from speechbrain_relm.runs.planning.figures import plan
from speechbrain_relm.runs.planning.outline import build_without_weights
from speechbrain_relm.runs.settings.command_line import read_command_line

NODE = 8  # GPUs
# Utterances and mean seconds of the training parts (Section III-B).
CORPORA = {
    "ESD": (9800, 2.9),
    "IEMOCAP": (4290, 4.5),
    "MSP-Podcast": (4290, 5.7),
}
AFTER, RESPONSE = 12, 48  # tokens after the speech, and of a response


class GPU(NamedTuple):
    """What a GPU does in a second."""

    operations: float
    memory: float  # bytes
    in_node: float  # bytes
    between: float  # bytes


class Sizes(NamedTuple):
    """What the estimate needs of a system."""

    encoder: int
    encoder_learns: bool
    frames: int  # that the encoder sees; 0: as many as there are
    adapter: int
    llm: int
    gradients: int  # bytes


def sizes_of(hparams):
    """Reads a system's sizes.

    Arguments
    ---------
    hparams : dict
        From `build_without_weights`.

    Returns
    -------
    Sizes
        Parameters and gradients.
    """
    parameters, memory, _ = plan(hparams, 5.0, 40, RESPONSE)
    encoder = hparams["speech_encoder"]
    longest = encoder.encoder.config.max_source_positions
    embeddings = hparams["chat_llm"].model.get_input_embeddings().weight
    return Sizes(
        parameters["speech_encoder"][0],
        parameters["speech_encoder"][1] > 0,
        longest if encoder.pad_to_30s else 0,
        parameters["adapter"][0],
        parameters["llm"][0] - embeddings.numel(),  # looked up
        memory["gradients"],
    )


def operations(sizes, seconds):
    """Counts the operations of an utterance's training step.

    Arguments
    ---------
    sizes : Sizes
        The system's.
    seconds : float
        Its length.

    Returns
    -------
    float
        Multiplications and additions: 2 a parameter and position forward, as
        many for gradients of inputs and of weights each. A frozen encoder's
        frames are kept, and cost nothing; attention between positions is a
        few percent, and left out.
    """
    heard = 50 * seconds
    positions = heard / 8 + AFTER + RESPONSE  # the prefix is kept
    total = 4 * sizes.llm * positions
    total += 6 * sizes.adapter * heard / 4
    if sizes.encoder_learns:
        total += 6 * sizes.encoder * (sizes.frames or heard)
    return total


def training_hours(sizes, gpu, count, utterances, seconds, epochs, batch):
    """Estimates a training.

    Arguments
    ---------
    sizes : Sizes
        The system's.
    gpu : GPU
        The machine.
    count : int
        GPUs.
    utterances : int
        In an epoch.
    seconds : float
        Of each.
    epochs : int
        How often.
    batch : int
        Utterances of an optimizer step; at least one a GPU.

    Returns
    -------
    hours : float
        Time.
    waiting : float
        Share of it that the GPUs wait for gradients.
    """
    batch = max(batch, count)
    computing = operations(sizes, seconds) * batch / count / gpu.operations
    line = gpu.in_node if count <= NODE else gpu.between
    adding = 2 * sizes.gradients * (count - 1) / count / line
    step = max(computing, adding)
    steps = utterances * epochs / batch
    return steps * step / 3600, 1 - computing / step


def generation_hours(sizes, gpu, count, prompts, batch):
    """Estimates step 1, the expected responses.

    Arguments
    ---------
    sizes : Sizes
        The system's.
    gpu : GPU
        The machine.
    count : int
        GPUs; they work apart.
    prompts : int
        Distinct ones.
    batch : int
        Prompts a GPU decodes at once.

    Returns
    -------
    float
        Hours.
    """
    token = max(
        2 * sizes.llm / gpu.memory,  # bytes: bfloat16
        2 * sizes.llm * batch / gpu.operations,
    )
    return prompts / batch / count * RESPONSE * token / 3600


def main():
    """Prints the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\nAuthors")[0],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("hparams")
    parser.add_argument("--tflops", type=float, default=396)
    parser.add_argument(
        "--memory_bandwidth", type=float, default=3.35, help="TB/s"
    )
    parser.add_argument("--nvlink", type=float, default=400, help="GB/s")
    parser.add_argument("--network", type=float, default=50, help="GB/s a GPU")
    parser.add_argument("--gpus", type=int, nargs="+", default=[1, 8, 64])
    given, overrides = parser.parse_known_args()
    path, _, settings = read_command_line([given.hparams, *overrides], str)
    hparams = build_without_weights(path, settings)
    sizes = sizes_of(hparams)
    gpu = GPU(
        given.tflops * 1e12,
        given.memory_bandwidth * 1e12,
        given.nvlink * 1e9,
        given.network * 1e9,
    )
    batch = hparams["batch_size"] * hparams["grad_accumulation_factor"]
    epochs = hparams["number_of_epochs"]
    jobs = {
        "the three corpora": list(CORPORA.values()),
        "1,000 hours": [(720000, 5.0)],
    }
    counts = " | ".join(f"{count} GPU" for count in given.gpus)
    print(f"| hours (share that waits) | {counts} |")
    print(f"| --- |{' ---: |' * len(given.gpus)}")
    for name, parts in jobs.items():
        # As the YAML says, and with enough utterances for all GPUs.
        for steps in (batch, 8 * max(given.gpus)):
            cells = []
            for count in given.gpus:
                found = [
                    training_hours(sizes, gpu, count, *part, epochs, steps)
                    for part in parts
                ]
                hours = sum(hours for hours, _ in found)
                waits = sum(h * share for h, share in found) / hours
                cells.append(f"{hours:.2g} ({waits:.0%})")
            print(f"| {name}, {steps} a step | {' | '.join(cells)} |")
    cells = [
        f"{generation_hours(sizes, gpu, count, 10**6, 128):.2g}"
        for count in given.gpus
    ]
    print(f"| step 1, a million prompts | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
