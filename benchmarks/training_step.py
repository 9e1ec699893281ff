#!/usr/bin/env python3
"""A training step: forward, backward, clipping and optimizer.

    python benchmarks/training_step.py
    python benchmarks/training_step.py --device cuda --dtype bfloat16 \\
        --size paper --batch 5,5

A run is one batch's step in each of the paper's three epochs, on signals that
the run before did not have: our frozen encoders hear them in the first epoch
alone, the authors' in each. Ours is `RELLMBrain.fit_batch`.

Four settings: Whisper frozen or fine-tuned, and ours on 30 s, as the authors',
or on the real length. At 30 s the procedures compute the same loss where no
padding acts on the authors': before anything is timed, utterances of equal
length, without dropout, must give the same loss (1e-5 relative in float32)
and, without Whisper's fine-tuning or with it, the same gradients. On the real
length Whisper's features differ, and so does the loss.

Authors
 * The speechbrain_relm contributors 2026
"""

import functools
import shutil
import time

import torch
from authors import AuthorsSystem
from measure import Pair, arguments, run, synchronize
from speechbrain import Stage
from systems import (
    EMOTIONS,
    FROM_SPEECH,
    FROM_TEXT,
    SYSTEM,
    System,
    autocast,
    made_corpus,
    new_optimizer,
)
from torch.utils.flop_counter import FlopCounterMode

from speechbrain_relm.data.datasets import load_batch, speech_dataset
from speechbrain_relm.mini.language.sentences import everyday_sentences

EPOCHS = 3
RELATIVE = {"float32": 1e-5, "bfloat16": 2e-2}
SETTINGS = {
    "training/frozen/real-length": (True, False),
    "training/frozen/30s": (True, True),
    "training/tuned/real-length": (False, False),
    "training/tuned/30s": (False, True),
}


class Step:
    """Both sides' step on the same system.

    Arguments
    ---------
    given : argparse.Namespace
        The settings.
    folder : pathlib.Path
        A folder of its own.
    **how
        For `System`.
    """

    def __init__(self, given, folder, **how):
        self.given = given
        self.system = System(given, folder, **how)
        self.brain = self.system.brain(folder / "frames")
        self.brain.on_stage_start(Stage.TRAIN)
        self.system.model.train()
        self.theirs = AuthorsSystem(
            self.system.model, self.system.emotion_encoder, self.system.chat_llm
        )
        self.theirs.llm.train()
        self.optimizer = new_optimizer(self.system.model.parameters())
        self.prompt = self.system.chat_llm.split_prompt(SYSTEM, FROM_SPEECH)
        self.rounds = {"authors": 0, "ours": 0}

    def batch(self, seconds, seed):
        """Makes and loads a batch of utterances, different for each seed."""
        given, folder = self.given, self.system.folder / f"wavs{seed}"
        entries = made_corpus(folder, seconds, len(seconds), seed)
        text = " ".join(everyday_sentences(given.tokens))
        responses = dict.fromkeys(entries, {"response": text, "finished": True})
        dataset = speech_dataset(
            entries,
            self.system.chat_llm,
            EMOTIONS,
            responses,
            FROM_TEXT,
            limit=given.tokens,
        )
        batch = load_batch(dataset, list(entries))
        shutil.rmtree(folder)
        return batch

    def next_batch(self, side):
        """Makes a batch that this side has not had."""
        self.rounds[side] += 1
        return self.batch(self.given.batch, self.rounds[side])

    def their_loss(self, batch):
        """Computes the authors' loss."""
        wavs, counts = batch.sig.data, lengths(batch.sig)
        ids = batch.response_ids
        with autocast(self.given):
            return self.theirs.loss(
                [wav[:count].cpu() for wav, count in zip(wavs, counts)],
                self.prompt,
                [row[:n].cpu() for row, n in zip(ids.data, lengths(ids))],
                batch.category,
                batch.attributes.data,
            )

    def our_loss(self, batch):
        """Computes our loss."""
        with autocast(self.given):
            found = self.brain.compute_forward(batch, Stage.TRAIN)
            return self.brain.compute_objectives(found, batch, Stage.TRAIN)

    def authors(self):
        """Takes the authors' step in each epoch."""
        batch = self.next_batch("authors")
        trained = [p for p in self.system.model.parameters() if p.requires_grad]
        for _ in range(EPOCHS):
            self.their_loss(batch).backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad()

    def ours(self):
        """Takes our step in each epoch."""
        batch = self.next_batch("ours")
        for _ in range(EPOCHS):
            self.brain.fit_batch(batch)
        self.brain.optimizer.zero_grad()

    def gradients(self, loss):
        """Computes the gradients of what is trained."""
        self.system.model.zero_grad()
        loss.backward()
        found = torch.cat(
            [
                p.grad.flatten().float()
                for p in self.system.model.parameters()
                if p.grad is not None
            ]
        )
        self.system.model.zero_grad()
        return found

    def remarks(self, seconds):
        """Says what both sides compute, and how near to the most possible."""
        most = matrix_product_rate(self.given)
        operations, shares = {}, {}
        for side in ("authors", "ours"):
            with FlopCounterMode(display=False) as counter:
                getattr(self, side)()
            operations[side] = counter.get_total_flops() / EPOCHS
            shares[side] = operations[side] / seconds[side] / most
        bound = operations["authors"] / operations["ours"]
        return (
            f"TFLOP a step, authors' {operations['authors'] / 1e12:.3f} and "
            f"ours {operations['ours'] / 1e12:.3f}, {bound:.1f} times fewer; "
            f"{shares['authors']:.0%} and {shares['ours']:.0%} of the "
            f"{most / 1e12:.3g} TFLOP/s of a measured matrix product"
        )


def lengths(padded):
    """Counts the real steps of padded data."""
    return (padded.lengths.double() * padded.data.shape[1]).round().long()


def matrix_product_rate(given):
    """Measures the operations a second of a large matrix product."""
    on_cuda = given.device.startswith("cuda")
    size = 8192 if on_cuda else 1536
    dtype = getattr(torch, given.dtype)
    a = torch.randn(size, size, device=given.device, dtype=dtype)
    best = float("inf")
    for _ in range(10):
        synchronize(given.device)
        started = time.perf_counter()
        for _ in range(10 if on_cuda else 1):
            a @ a
        synchronize(given.device)
        taken = time.perf_counter() - started
        best = min(best, taken / (10 if on_cuda else 1))
    return 2 * size**3 / best


def prepare(given, folder, freeze_whisper, pad_to_30s):
    """Makes the two sides of a setting.

    Arguments
    ---------
    given : argparse.Namespace
        The settings.
    folder : pathlib.Path
        A folder of its own.
    freeze_whisper : bool
        Whether Whisper stays as it is.
    pad_to_30s : bool
        Whether ours sees 30 s.

    Returns
    -------
    Pair
        The sides.
    """
    how = {"freeze_whisper": freeze_whisper, "pad_to_30s": pad_to_30s}
    step = Step(given, folder, **how)
    return Pair(
        step.authors,
        step.ours,
        EPOCHS,
        "step",
        check=functools.partial(check, step) if pad_to_30s else None,
        remarks=step.remarks,
    )


def check(step):
    """Makes sure that both sides compute the same on equal lengths.

    Arguments
    ---------
    step : Step
        A step in 30-s mode.

    Returns
    -------
    str
        How far apart they are.

    Raises
    ------
    AssertionError
        If it is too far.
    """
    length = step.given.batch[0]
    batch = step.batch([length] * min(2, len(step.given.batch)), seed=0)
    layers = [
        layer
        for module in (step.system.model, step.theirs.llm)
        for layer in module.modules()
        if isinstance(layer, torch.nn.Dropout)
    ]
    rates = [layer.p for layer in layers]
    for layer in layers:
        layer.p = 0.0
    theirs, ours = step.their_loss(batch), step.our_loss(batch)
    values = [float(loss.detach()) for loss in (theirs, ours)]
    apart = abs(values[0] - values[1]) / abs(values[0])
    gradients = [step.gradients(loss) for loss in (theirs, ours)]
    for layer, rate in zip(layers, rates):
        layer.p = rate
    turned = float((gradients[0] - gradients[1]).norm() / gradients[0].norm())
    assert apart <= RELATIVE[step.given.dtype], values
    return (
        f"equal lengths, loss {values[1]:.5f}: losses {apart:.0e} apart "
        f"(relative), gradients {turned:.0e}"
    )


BENCHMARKS = {
    name: functools.partial(
        prepare, freeze_whisper=freeze, pad_to_30s=pad_to_30s
    )
    for name, (freeze, pad_to_30s) in SETTINGS.items()
}


def add_arguments(parser):
    """Adds what this benchmark can be told.

    Arguments
    ---------
    parser : argparse.ArgumentParser
        The parser.
    """
    parser.add_argument(
        "--batch",
        type=lambda text: [float(length) for length in text.split(",")],
        default=[2.0, 3.0, 4.0, 5.0],
        help="seconds of the utterances of a batch, default 2,3,4,5",
    )
    parser.add_argument(
        "--tokens", type=int, default=64, help="of an expected response"
    )


if __name__ == "__main__":
    parser = arguments(__doc__)
    add_arguments(parser)
    run(BENCHMARKS, parser.parse_args())
