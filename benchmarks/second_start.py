#!/usr/bin/env python3
"""A second start with nothing to do: what it reads of a large corpus.

    python benchmarks/second_start.py --utterances 30000

One made wav under many names (hard links), and manifests of it. Each start
looks whether the manifests are still those of the corpus, reads them, and
names every wav by its content, as the recipes do before their first step. Once
nothing is known of the files, so that every byte is read, as each start had to
before checksums were kept; and then again, when they are. Prints seconds, of
the clock and of the processor.

Authors
 * The speechbrain_relm contributors 2026
"""

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile as sf

from speechbrain_relm.data.datasets import LABELS, read_manifests
from speechbrain_relm.data.manifests import (
    manifest_inputs,
    manifests_are_current,
    report_left_out,
    write_manifests,
)
from speechbrain_relm.runs.provenance.data_inputs import (
    audio_contents,
    data_inputs,
)

RATE, SPLITS = 16000, ("train", "valid", "test")


def make(folder, utterances, seconds):
    """Makes a corpus; gives the names of its wavs, and entries by split."""
    noise = np.random.default_rng(1).normal(size=int(seconds * RATE)) / 10
    sf.write(folder / "one.wav", noise, RATE)
    names = [f"{number:06d}.wav" for number in range(utterances)]
    splits = {split: {} for split in SPLITS}
    for number, name in enumerate(names):
        os.link(folder / "one.wav", folder / name)
        splits[SPLITS[number % len(SPLITS)]][f"u{number:06d}"] = {
            **dict.fromkeys(LABELS),
            "wav": f"{{data_root}}/{name}",
            "duration": seconds,
            "transcript": f"This is sentence {number}.",
            "emotion": "sad",
        }
    return names, splits


def start(corpus, manifests, files):
    """Does what a run does before its first step; tells if nothing is new."""
    inputs = manifest_inputs({"seed": 1}, corpus, files)
    current = manifests_are_current(manifests, inputs)
    if current:
        settings = {"manifest_folder": manifests, "data_folder": corpus}
        entries = read_manifests({**settings, "emotions": ["sad"]})
        data_inputs(entries, audio_contents(entries, corpus))
    return current, inputs


def main(utterances=30000, seconds=3.0):
    """Prints a row for each start.

    Arguments
    ---------
    utterances : int
        How many.
    seconds : float
        Of each.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus, manifests = folder / "corpus", folder / "manifests"
        os.environ["SPEECHBRAIN_RELM_CACHE"] = str(folder / "cache")
        corpus.mkdir()
        files, splits = make(corpus, utterances, seconds)
        _, inputs = start(corpus, manifests, files)
        report_left_out(manifests, {}, utterances)
        write_manifests(manifests, splits, ["sad"], inputs)
        print("| second start | s | s of work |\n| --- | ---: | ---: |")
        for title in ("nothing is known", "checksums are kept"):
            if title == "nothing is known":
                shutil.rmtree(folder / "cache")
            clock, work = time.perf_counter(), time.process_time()
            assert start(corpus, manifests, files)[0]
            clock = time.perf_counter() - clock
            print(
                f"| {title} | {clock:.1f} | {time.process_time() - work:.1f} |"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--utterances", type=int, default=30000)
    parser.add_argument("--seconds", type=float, default=3.0)
    given = parser.parse_args()
    main(given.utterances, given.seconds)
