#!/usr/bin/env python3
"""Counts how often a training step makes the host wait for the GPU.

    python benchmarks/host_syncs.py --device cuda --dtype bfloat16

Torch itself reports each wait (`torch.cuda.set_sync_debug_mode`), here with
the line of Python that caused it. Counted is `RELLMBrain.fit_batch` in its
steady state: on utterances that the frozen encoders heard before, from pinned
memory. Without a GPU there is nothing to count.

Authors
 * The speechbrain_relm contributors 2026
"""

import collections
import sys
import tempfile
import warnings
from pathlib import Path

import torch
from measure import arguments
from training_step import SETTINGS, Step

WARM_UP, COUNTED = 3, 4


def waits(step):
    """Runs a step and collects where the host waits.

    Arguments
    ---------
    step : callable
        Runs one batch.

    Returns
    -------
    collections.Counter
        "file:line" to waits.
    """
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return collections.Counter(
        f"{found.filename}:{found.lineno}"
        for found in caught
        if "synchronizing" in str(found.message)
    )


def main(argv):
    """Counts in each setting of `training_step.py`.

    Arguments
    ---------
    argv : list of str
        Arguments.
    """
    parser = arguments(__doc__)
    given = parser.parse_args(argv)
    given.batch, given.tokens = [2.0, 3.0, 4.0, 5.0], 64
    if not given.device.startswith("cuda"):
        sys.exit("host_syncs.py: give --device cuda; a CPU waits for nobody.")
    for name, (freeze_whisper, pad_to_30s) in SETTINGS.items():
        with tempfile.TemporaryDirectory() as folder:
            side = Step(
                given,
                Path(folder),
                freeze_whisper=freeze_whisper,
                pad_to_30s=pad_to_30s,
            )
            found = collections.Counter()
            for i in range(WARM_UP + COUNTED):
                batch = side.batch(given.batch, seed=1).pin_memory()

                def step(batch=batch):
                    side.brain.fit_batch(batch)

                if i < WARM_UP:
                    step()
                else:
                    found.update(waits(step))
        sys.stdout.write(f"{name}: {found.total() / COUNTED:g} waits a step\n")
        for place, count in found.most_common():
            sys.stdout.write(f"    {count / COUNTED:g} {place}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
