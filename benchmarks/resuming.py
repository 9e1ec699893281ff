#!/usr/bin/env python3
"""A training that is killed and goes on, beside one that is not.

    python benchmarks/resuming.py

Trains for three steps of the optimizer, alone and in two processes (gloo), at
several accumulation factors: once without a break, and once with its processes
killed (SIGKILL) twice in the middle of a window, that is between two batches
whose gradients are added up. Prints the validation loss after the third step,
and how far apart losses and trained tensors are. Tiny models of random
weights; a minute or two.

Authors
 * The speechbrain_relm contributors 2026
"""

import argparse
import multiprocessing
import os
import signal
import socket
import tempfile
from pathlib import Path

import torch
import yaml
from safetensors.torch import load_file
from speechbrain.dataio.sampler import DynamicBatchSampler
from speechbrain.utils.distributed import ddp_init_group
from speechbrain.utils.train_logger import FileTrainLogger
from systems import EMOTIONS, FROM_TEXT, System, made_corpus

from speechbrain_relm.data.datasets import speech_dataset
from speechbrain_relm.training.checkpoints import CompleteCheckpointer

STEPS, KILLS = 3, 2
GIVEN = argparse.Namespace(size="tiny", device="cpu", dtype="float32")
# A window of 8 in two processes, three times.
SECONDS = [0.5 + 0.1 * (i % 6) for i in range(8 * 2 * STEPS)]


def free_port():
    """Finds a port at which processes can meet."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def meet(rank, processes, port):
    """Makes this process one of several, as `torchrun` does."""
    if processes == 1:
        return
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    ddp_init_group({"distributed_backend": "gloo"})


def prepared(folder, entries, accumulated):
    """Makes a brain with its checkpoints, and the arguments of its `fit`."""
    system = System(GIVEN, folder / f"models{os.getpid()}")
    texts = [entry["transcript"] for entry in entries.values()]
    responses = {
        name: {"response": text, "finished": True}
        for name, text in zip(entries, texts[::-1])
    }
    datasets = [
        speech_dataset(part, system.chat_llm, EMOTIONS, responses, FROM_TEXT)
        for part in (entries, dict(list(entries.items())[:4]))
    ]
    brain = system.new_brain(
        warmup_steps=1,
        run_opts={
            "grad_accumulation_factor": accumulated,
            "optimizer_step_limit": STEPS,
            "ckpt_interval_steps": 1,
            "noprogressbar": True,
            "distributed_backend": "gloo",
        },
        checkpointer=CompleteCheckpointer(
            folder / "save", recoverables={"model": system.model}
        ),
        train_logger=FileTrainLogger(folder / "train_log.txt"),
        # Else three steps would hardly move anything.
        rates=dict.fromkeys(("adapter", "heads", "llm"), 100.0),
    )
    counter = brain.hparams.epoch_counter
    brain.checkpointer.add_recoverable("counter", counter)
    batches = DynamicBatchSampler(
        datasets[0],
        max_batch_length=1024,
        max_batch_ex=1,
        bucket_boundaries=[1024],
        lengths_list=[1.0] * len(entries),
        shuffle=True,
        seed=1,
    )
    return brain, (counter, *datasets), batches


def train(rank, folder, entries, accumulated, processes, port, kill):
    """Trains as one of several processes; the killed ones do not return."""
    torch.set_num_threads(1)
    meet(rank, processes, port)
    brain, given, batches = prepared(folder, entries, accumulated)
    step, seen = brain.fit_batch, []

    def fit_batch(batch):
        """Learns, unless it is this process's end."""
        seen.append(batch)
        if len(seen) == kill:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(batch)

    brain.fit_batch = fit_batch
    brain.fit(
        *given,
        train_loader_kwargs={"batch_sampler": batches},
        valid_loader_kwargs={"batch_size": 1},
    )


def run(folder, entries, accumulated, processes, kill=None):
    """Starts the processes and waits for their end; gives their exit codes."""
    folder.mkdir(exist_ok=True)
    context = multiprocessing.get_context("fork")
    given = (folder, entries, accumulated, processes, free_port(), kill)
    started = [
        context.Process(target=train, args=(rank, *given))
        for rank in range(processes)
    ]
    for process in started:
        process.start()
    for process in started:
        process.join()
    return [process.exitcode for process in started]


def result(folder):
    """Reads the loss and the trained tensors of the last checkpoint."""
    (found,) = (
        path
        for path in folder.glob("save/CKPT*")
        if "loss" in yaml.safe_load((path / "CKPT.yaml").read_text())
    )
    loss = yaml.safe_load((found / "CKPT.yaml").read_text())["loss"]
    return loss, load_file(found / "model.ckpt")


def compare(folder, entries, accumulated, processes):
    """Trains both ways; gives a row of the table."""
    whole, killed = folder / "whole", folder / "killed"
    folder.mkdir()
    setting = (entries, accumulated, processes)
    assert set(run(whole, *setting)) == {0}
    # A whole window, and half of the next.
    kill = accumulated + accumulated // 2 + 1
    for _ in range(KILLS):
        assert set(run(killed, *setting, kill)) == {-signal.SIGKILL}
    assert set(run(killed, *setting)) == {0}
    (loss, tensors), (other, others) = result(whole), result(killed)
    assert tensors.keys() == others.keys()
    apart = max((tensors[n] - others[n]).abs().max().item() for n in tensors)
    return loss, other, abs(loss - other), apart


def main(factors=(1, 4, 8), most=2):
    """Prints the table.

    Arguments
    ---------
    factors : sequence of int
        Accumulation factors.
    most : int
        Processes at most.

    Returns
    -------
    list of tuple
        Both losses, and how far losses and tensors are apart.
    """
    print(
        "| processes | accumulated | loss, unbroken | killed | apart "
        "| tensors |"
    )
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    rows = []
    with tempfile.TemporaryDirectory() as name:
        entries = made_corpus(Path(name) / "wavs", SECONDS, 8)
        for processes in range(1, most + 1):
            for accumulated in factors:
                folder = Path(name) / f"{processes}x{accumulated}"
                row = compare(folder, entries, accumulated, processes)
                rows.append(row)
                print(
                    f"| {processes} | {accumulated} | {row[0]:.9f} | "
                    f"{row[1]:.9f} | {row[2]:.1e} | {row[3]:.1e} |",
                    flush=True,
                )
    return rows


if __name__ == "__main__":
    main()
