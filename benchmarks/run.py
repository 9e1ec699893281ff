#!/usr/bin/env python3
"""All benchmarks against the authors' procedure, in one table.

    python benchmarks/run.py --json results/benchmarks.json
    python benchmarks/run.py --only training/frozen,EPITOME
    python benchmarks/run.py --device cuda --dtype bfloat16 --size paper

Each row is a setting of one of the scripts beside this one, whose `--help`
says what it compares; `authors.py` says what the authors' procedure is,
`measure.py` how time and memory are taken. `scaling.py` runs apart.

Authors
 * The speechbrain_relm contributors 2026
"""

import data_loading
import epitome_scoring
import expected_responses
import responding
import training_step
from measure import arguments, run

SCRIPTS = (
    training_step,
    expected_responses,
    responding,
    epitome_scoring,
    data_loading,
)
BENCHMARKS = {
    name: prepare
    for script in SCRIPTS
    for name, prepare in script.BENCHMARKS.items()
}


def parse(given=None):
    """Reads the command line.

    Arguments
    ---------
    given : list of str, optional
        By default that of the process.

    Returns
    -------
    argparse.Namespace
        The settings of all benchmarks.
    """
    parser = arguments(__doc__)
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        help="beginnings of the names of the benchmarks to run: "
        + ", ".join(BENCHMARKS),
    )
    for script in SCRIPTS:
        script.add_arguments(parser)
    return parser.parse_args(given)


if __name__ == "__main__":
    settings = parse()
    run(BENCHMARKS, settings, settings.only)
