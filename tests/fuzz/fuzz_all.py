#!/usr/bin/env python3
"""Opens bad input of every area and fails where one is not dealt with.

> python tests/fuzz/fuzz_all.py --count 2000
and, to see one input as it is, with its traceback:
> python tests/fuzz/fuzz_all.py --area settings --only 17
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import fuzz_commands  # noqa: E402
import fuzz_folders  # noqa: E402
import fuzz_interface  # noqa: E402
import fuzz_labels  # noqa: E402
import fuzz_records  # noqa: E402
import fuzz_settings  # noqa: E402
import fuzz_wavs  # noqa: E402
from fuzzing import as_record, made, render, run_area, table  # noqa: E402

MODULES = (
    fuzz_settings,
    fuzz_commands,
    fuzz_folders,
    fuzz_labels,
    fuzz_wavs,
    fuzz_records,
    fuzz_interface,
)
AREAS = {area.name: area for module in MODULES for area in module.AREAS}


def main(arguments=None):
    """Runs the areas; writes and prints their table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--area", nargs="+", choices=AREAS, default=[*AREAS])
    parser.add_argument("--count", type=int, default=2000, help="of all inputs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--only", type=int, help="the input of this number")
    parser.add_argument("--output", type=Path, default=Path("build/fuzz.json"))
    given = parser.parse_args(arguments)
    # A forked process must not wait for threads that it does not have.
    torch.set_num_threads(1)
    sys.dont_write_bytecode = True
    with tempfile.TemporaryDirectory() as folder:
        if given.only is not None:
            return show(AREAS[given.area[0]], given, Path(folder))
        return run(given, Path(folder).resolve())


def run(given, folder):
    """Runs the areas that were asked for; gives the exit status."""
    judged = []
    given.output.parent.mkdir(parents=True, exist_ok=True)
    weights = sum(AREAS[name].weight for name in given.area)
    # Those that cost little come first.
    for area in sorted((AREAS[n] for n in given.area), key=lambda a: -a.weight):
        count = -(-given.count * area.weight // weights)
        judged += run_area(area, count, given.seed, folder, given.workers)
        record, bad = as_record(judged, given.seed)
        given.output.write_text(f"{record}\n", encoding="utf-8")
    for one in bad:
        sys.stdout.write(
            f"{one.area} {one.index} {one.outcome}: {one.what}\n"
            f"    {one.message.strip().splitlines()[-1:]}\n"
        )
    sys.stdout.write(f"{render(table(judged))}\n\n{given.output}\n")
    return 1 if bad else 0


def show(area, given, folder):
    """Opens one input here, with nothing caught."""
    (folder / "shared").mkdir()
    shared = area.ready(folder / "shared")
    case = made(area, given.seed, given.only, folder / "one", shared)
    sys.stdout.write(f"{case.what}\n")
    value = case.open()
    sys.stdout.write(f"{value!r:.2000}\n")
    return case.right is None or not case.right(value)


if __name__ == "__main__":
    sys.exit(main())
