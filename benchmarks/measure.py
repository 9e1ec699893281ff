"""Measures two ways of doing the same: time in alternation, and memory.

Time. Both sides run in one process on equal weights and inputs, in turns, so
that whatever else the machine does hits both. A round runs each side once,
and gives one ratio; which side goes first changes from round to round. What
counts is the median of the ratios; its spread is their range.

Memory. On CUDA, the most that torch's allocator held, weights included. On a
CPU, each side runs once in a fresh process of its own, whose peak resident
memory the kernel notes (VmHWM of /proc, its high-water mark reset after the
models are built): a process's own peak is not inherited, and allocators'
caches of the other side are not there. Two figures: `memory` counts from
before the models were built (weights and work, without Python's and torch's
own code), `working` from after it (the work alone).

Authors
 * The speechbrain_relm contributors 2026
"""

import argparse
import contextlib
import ctypes
import gc
import io
import json
import multiprocessing
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, List, Optional

import torch
from tqdm import tqdm

SIDES = ("authors", "ours")
NO_VALUE = "-"


@dataclass
class Pair:
    """Two ways of doing the same.

    `check`, if any, compares their results on equal input and raises if they
    differ; it returns what to print. `work` says how much a run does, in
    `unit`s. `remarks` gets the seconds a unit of each side and returns more to
    print.
    """

    authors: Callable
    ours: Callable
    work: float
    unit: str
    check: Optional[Callable] = None
    remarks: Optional[Callable] = None
    notes: List[str] = field(default_factory=list)


@dataclass
class Comparison:
    """What was measured of a pair."""

    name: str
    unit: str
    seconds: Dict[str, float]
    ratios: List[float]
    memory: Dict[str, float]
    working: Dict[str, float]
    notes: List[str]

    @property
    def ratio(self):
        """How many times faster ours is."""
        return statistics.median(self.ratios)

    def as_dict(self):
        """Gives what goes into a JSON file."""
        return {
            "ratio": self.ratio,
            "ratio_range": [min(self.ratios), max(self.ratios)],
            "memory_ratio": quotient(self.memory),
            "working_memory_ratio": quotient(self.working),
            "seconds": self.seconds,
            "per": self.unit,
            "memory_bytes": self.memory,
            "working_memory_bytes": self.working,
            "notes": self.notes,
        }


def quotient(sides):
    """Divides the authors' by ours; `None` where ours is nothing."""
    return sides["authors"] / sides["ours"] if sides["ours"] > 0 else None


def synchronize(device):
    """Waits until a GPU has done what it was given."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)


def timed(run, device):
    """Runs something once and takes its seconds."""
    synchronize(device)
    started = time.perf_counter()
    quietly(run)
    synchronize(device)
    return time.perf_counter() - started


def quietly(run):
    """Runs something without the progress bars of its own."""
    with contextlib.redirect_stderr(io.StringIO()):
        return run()


def alternate(pair, device, rounds):
    """Runs both sides in turns, after one run of each that does not count.

    Arguments
    ---------
    pair : Pair
        The sides.
    device : str
        Where they run.
    rounds : int
        How often each runs.

    Returns
    -------
    dict
        Side to its seconds, one a round.
    """
    taken = {side: [] for side in SIDES}
    for side in SIDES:
        quietly(getattr(pair, side))
    for number in range(rounds):
        for side in SIDES if number % 2 == 0 else SIDES[::-1]:
            taken[side].append(timed(getattr(pair, side), device))
    return taken


def resident():
    """Reads this process's resident memory, now and at most, in bytes."""
    found = {}
    with open("/proc/self/status", encoding="utf-8") as status:
        for line in status:
            name, _, value = line.partition(":")
            if name in ("VmRSS", "VmHWM"):
                found[name] = 1024 * int(value.split()[0])
    return found["VmRSS"], found["VmHWM"]


def settle_memory():
    """Gives freed memory back, and forgets the peak so far."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/clear_refs", "w", encoding="utf-8") as peak:
        peak.write("5")


def _one_side(prepare, given, side, results):
    """Runs one side in this process, and tells how much memory it took."""
    settle_memory()
    empty, _ = resident()
    with tempfile.TemporaryDirectory() as folder:
        pair = prepare(given, Path(folder))
        settle_memory()
        built, _ = resident()
        quietly(getattr(pair, side))
        _, peak = resident()
    results.put((peak - empty, peak - built))


def memory_on_cpu(prepare, given, side):
    """Measures one side's memory in a process of its own.

    Arguments
    ---------
    prepare : callable
        Of a module's top level: settings and folder to a `Pair`.
    given : argparse.Namespace
        The settings.
    side : str
        One of `SIDES`.

    Returns
    -------
    tuple of int
        Bytes with the weights, and without.
    """
    context = multiprocessing.get_context("spawn")
    results = context.SimpleQueue()
    process = context.Process(
        target=_one_side, args=(prepare, given, side, results)
    )
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(
            f"The process that measures the memory of '{side}' ended with "
            f"{process.exitcode}: see its message above."
        )
    return results.get()


def memory_on_cuda(pair, side, device):
    """Measures one side's memory on a GPU, in this process.

    Arguments
    ---------
    pair : Pair
        The sides.
    side : str
        One of `SIDES`.
    device : str
        The GPU.

    Returns
    -------
    tuple of int
        Bytes with what was there before, the weights, and without.
    """
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    quietly(getattr(pair, side))
    synchronize(device)
    peak = torch.cuda.max_memory_allocated(device)
    return peak, peak - before


def compare(name, prepare, given):
    """Measures a pair.

    Arguments
    ---------
    name : str
        Of the benchmark.
    prepare : callable
        Of a module's top level: settings and folder to a `Pair`.
    given : argparse.Namespace
        The settings, with `device` and `rounds`.

    Returns
    -------
    Comparison
        What was found.
    """
    on_cuda = torch.device(given.device).type == "cuda"
    memory = {}
    if not on_cuda:
        # First, while this process is small.
        memory = {s: memory_on_cpu(prepare, given, s) for s in SIDES}
    with tempfile.TemporaryDirectory() as folder:
        pair = prepare(given, Path(folder))
        notes = list(pair.notes)
        if pair.check is not None:
            notes.append(quietly(pair.check))
        taken = alternate(pair, given.device, given.rounds)
        if on_cuda:
            memory = {
                side: memory_on_cuda(pair, side, given.device) for side in SIDES
            }
        seconds = {s: statistics.median(taken[s]) / pair.work for s in SIDES}
        if pair.remarks is not None:
            notes.append(pair.remarks(seconds))
        unit = pair.unit
    del pair
    gc.collect()
    return Comparison(
        name,
        unit,
        seconds,
        [a / b for a, b in zip(taken["authors"], taken["ours"])],
        {side: memory[side][0] for side in SIDES},
        {side: memory[side][1] for side in SIDES},
        notes,
    )


def show(seconds):
    """Writes a time with a fitting unit."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{1e3 * seconds:.3g} ms"


def render(comparisons):
    """Writes a table.

    Arguments
    ---------
    comparisons : list of Comparison
        The rows.

    Returns
    -------
    str
        A table in Markdown, and the notes under it.
    """
    lines = [
        "| benchmark | authors' | ours | ratio (range) | memory, GB | "
        "memory ratio | without weights |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in comparisons:
        times = [show(row.seconds[side]) for side in SIDES]
        sizes = "/".join(f"{row.memory[side] / 1e9:.2f}" for side in SIDES)
        ratios = [
            NO_VALUE if ratio is None else f"{ratio:.1f}"
            for ratio in (quotient(row.memory), quotient(row.working))
        ]
        lines.append(
            f"| {row.name}, per {row.unit} | {' | '.join(times)} | "
            f"{row.ratio:.1f} ({min(row.ratios):.1f} to {max(row.ratios):.1f}) "
            f"| {sizes} | {' | '.join(ratios)} |"
        )
    notes = [f"{row.name}: {note}" for row in comparisons for note in row.notes]
    return "\n".join([*lines, "", *notes])


def arguments(doc):
    """Makes the parser of the settings that all benchmarks have.

    Arguments
    ---------
    doc : str
        Docstring of the script.

    Returns
    -------
    argparse.ArgumentParser
        The parser.
    """
    parser = argparse.ArgumentParser(
        description=doc.split("\n\nAuthors")[0],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--size",
        choices=("tiny", "mini", "paper"),
        default="mini",
        help="of the models, whose weights are random",
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument(
        "--dtype", choices=("float32", "bfloat16"), default="float32"
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="runs of each side that count"
    )
    parser.add_argument(
        "--generation_batch",
        type=int,
        default=32,
        help="prompts or utterances that ours answers at a time",
    )
    parser.add_argument(
        "--json", type=Path, help="write the figures to this file, too"
    )
    return parser


def run(benchmarks, given, only=None):
    """Measures benchmarks one by one and prints their table.

    Arguments
    ---------
    benchmarks : dict
        Name to `prepare`.
    given : argparse.Namespace
        The settings.
    only : list of str, optional
        Beginnings of the names to run.

    Returns
    -------
    list of Comparison
        What was found.
    """
    chosen = {
        name: prepare
        for name, prepare in benchmarks.items()
        if only is None or name.startswith(tuple(only))
    }
    comparisons = []
    bar = tqdm(chosen.items(), unit="benchmark")
    for name, prepare in bar:
        bar.set_description(name)
        comparisons.append(compare(name, prepare, given))
        if given.json:  # after each: a long run may be cut short
            found = {row.name: row.as_dict() for row in comparisons}
            given.json.write_text(json.dumps(found, indent=2), encoding="utf-8")
    print(render(comparisons))
    return comparisons
