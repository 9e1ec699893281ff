#!/usr/bin/env python3
"""Time and memory of ours against corpus, audio length and batch size.

    python benchmarks/scaling.py FOLDER

Writes `scaling.json`, `scaling.pdf` and `scaling.png` into FOLDER.

* Entries: a manifest of so many entries (20 wavs in turn) is read, batched,
  loaded and worked through with a record each, as every step does around its
  model.
* Seconds and batch size: a training step as in `training_step.py`, Whisper
  frozen on the real length, of utterances of equal length.

Each point is measured in a process of its own (on a GPU, in this one): the
median of some runs after one that does not count, and the memory of the work
without the weights. The exponent b says how the cost grows between the last
two points, as n^b: 1 is linear.

Authors
 * The speechbrain_relm contributors 2026
"""

import argparse
import functools
import itertools
import json
import math
import multiprocessing
import statistics
import tempfile
from pathlib import Path

import torch
import training_step
from measure import (
    arguments,
    memory_on_cuda,
    quietly,
    resident,
    settle_memory,
    timed,
)
from systems import EMOTIONS, made_corpus, write_manifest
from tqdm import tqdm

from speechbrain_relm.data.datasets import (
    load_batch,
    read_manifest,
    speech_dataset,
)
from speechbrain_relm.utils.records import make_batches, work_through

WAVS = 20
LABELS = {
    "entries": "manifest entries",
    "seconds": "seconds of audio, batch of 2",
    "batch": "batch size, 4 s each",
}


class Work:
    """One side of a `Pair`, whose name the measures want."""

    def __init__(self, ours, work):
        self.ours, self.work = ours, work


def entries_work(given, folder, count):
    """Makes the work around a model for so many entries."""
    made = made_corpus(folder / "wavs", [2.0, 3.0] * (WAVS // 2), WAVS)
    wavs = itertools.cycle(made.values())
    manifest = {
        f"u{i:06}": {
            **entry,
            "wav": entry["wav"].replace(str(folder), "{data_root}"),
        }
        for i, entry in zip(range(count), wavs)
    }
    path = folder / "manifest.json"
    write_manifest(path, manifest)
    del made, manifest
    runs = itertools.count()

    def run():
        """Goes once through the corpus."""
        entries = read_manifest(path, str(folder), EMOTIONS)
        dataset = speech_dataset(entries)
        durations = [entry["duration"] for entry in entries.values()]

        def work(batch_ids):
            """Loads a batch."""
            lens = load_batch(dataset, batch_ids).sig.lengths
            return [
                {"id": i, "length": length}
                for i, length in zip(batch_ids, lens.tolist())
            ]

        batches = make_batches(list(entries), durations, 16)
        records = folder / f"{next(runs)}.jsonl"
        work_through(records, batches, work, {}, "entries")

    return Work(run, 1)


def step_work(given, folder, seconds):
    """Makes a training step of such a batch."""
    given = argparse.Namespace(**{**vars(given), "batch": seconds})
    step = training_step.Step(given, folder)
    return Work(step.ours, training_step.EPOCHS)


def prepare(kind, given, folder, value):
    """Makes the work of a point."""
    if kind == "entries":
        return entries_work(given, folder, value)
    if kind == "seconds":
        return step_work(given, folder, [float(value)] * 2)
    return step_work(given, folder, [4.0] * value)


def measure_point(kind, given, value):
    """Measures one point in this process."""
    on_cuda = given.device.startswith("cuda")
    with tempfile.TemporaryDirectory() as folder:
        work = prepare(kind, given, Path(folder), value)
        if on_cuda:
            _, memory = memory_on_cuda(work, "ours", given.device)
        else:
            settle_memory()
            built, _ = resident()
            quietly(work.ours)
            memory = resident()[1] - built
        # A pass over many entries is long enough to count once.
        rounds = 1 if kind == "entries" else given.rounds
        taken = [timed(work.ours, given.device) for _ in range(rounds)]
    return {
        "value": value,
        "seconds": statistics.median(taken) / work.work,
        "bytes": memory,
    }


def _in_process(results, *point):
    """Measures a point and hands it over."""
    results.put(measure_point(*point))


def measured_apart(*point):
    """Measures a point in a process of its own, or here on a GPU."""
    if point[1].device.startswith("cuda"):
        torch.cuda.empty_cache()
        return measure_point(*point)
    context = multiprocessing.get_context("spawn")
    results = context.SimpleQueue()
    process = context.Process(target=_in_process, args=(results, *point))
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"The process of {point[0]} {point[2]} failed.")
    return results.get()


def exponent(points, field):
    """Says how the cost grows between the last two points."""
    (first, last) = points[-2:]
    return math.log(last[field] / first[field]) / math.log(
        last["value"] / first["value"]
    )


def draw(path, found):
    """Draws the figure.

    Arguments
    ---------
    path : pathlib.Path
        Without ending; `.pdf` and `.png` are written.
    found : dict
        Kind to its points.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    plain = FuncFormatter(lambda value, _: f"{value:g}")
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots(2, len(found), squeeze=False)
    for column, (kind, points) in enumerate(found.items()):
        values = [point["value"] for point in points]
        for row, (field, label, unit) in enumerate(
            (("seconds", "time, s", 1), ("bytes", "memory, GB", 1e9))
        ):
            axis = axes[row][column]
            costs = [point[field] / unit for point in points]
            axis.plot(values, costs, "o-", color="C0")
            # What a linear cost would be, through the last point.
            axis.plot(
                values,
                [costs[-1] * value / values[-1] for value in values],
                "--",
                color="0.6",
                label="linear",
            )
            axis.set(xscale="log", yscale="log", xlabel=LABELS[kind])
            axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.yaxis.set(major_formatter=plain, minor_locator=NullLocator())
            axis.set_xticks(values, values)
            axis.xaxis.set_minor_locator(NullLocator())
            axis.tick_params(labelsize=8)
            axis.set_ylabel(label if column == 0 else "")
            growth = exponent(points, field)
            axis.set_title(f"$n^{{{growth:.2f}}}$ at the end", fontsize=9)
    axes[0][0].legend()
    for ending in ("pdf", "png"):
        figure.savefig(f"{path}.{ending}", dpi=150)


def measure_all(given):
    """Measures all points.

    Arguments
    ---------
    given : argparse.Namespace
        The settings.

    Returns
    -------
    dict
        Kind to its points.
    """
    points = [
        (kind, given, value)
        for kind in LABELS
        for value in sorted(getattr(given, f"{kind}_values"))
    ]
    found = {kind: [] for kind in LABELS}
    for point in tqdm(points, unit="point"):
        found[point[0]].append(measured_apart(*point))
    return {kind: rows for kind, rows in found.items() if len(rows) > 1}


def main():
    """Measures and draws."""
    parser = arguments(__doc__)
    parser.add_argument("folder", type=Path, help="where the files go")
    whole = functools.partial(str.split, sep=",")
    for kind, default in (
        ("entries", "100,1000,10000"),
        ("seconds", "1,2,5,10,20,30"),
        ("batch", "1,2,4,8,16"),
    ):
        parser.add_argument(
            f"--{kind}_values",
            type=lambda text: [int(value) for value in whole(text)],
            default=default,
            help=f"{LABELS[kind]}, default {default}",
        )
    parser.add_argument(
        "--tokens", type=int, default=64, help="of an expected response"
    )
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    found = measure_all(given)
    for path in {given.folder / "scaling.json", given.json} - {None}:
        path.write_text(json.dumps(found, indent=2), encoding="utf-8")
    draw(given.folder / "scaling", found)
    for kind, points in found.items():
        print(f"{LABELS[kind]}:")
        for point in points:
            print(
                f"  {point['value']:>6}  {point['seconds']:.3f} s  "
                f"{point['bytes'] / 1e9:.2f} GB"
            )
        print(
            f"  grows as n^{exponent(points, 'seconds'):.2f} in time, "
            f"n^{exponent(points, 'bytes'):.2f} in memory"
        )


if __name__ == "__main__":
    main()
