"""Prepares the embedded default ahead of time: all its small models.

Authors
 * The speechbrain_relm contributors 2026
"""

import logging
import os
import subprocess
import sys

from speechbrain_relm.utils.errors import Parser, RecipeError, entry_point


def prepare_all():
    """Prepares the models here and trains the scorers in another process.

    Converting takes one core, and the trainings are of models so small that
    further cores hardly speed them up.

    Raises
    ------
    RecipeError
        If the other process fails; it has said why.

    Example
    -------
    >>> prepare_all()  # doctest: +SKIP
    """
    import torch

    from speechbrain_relm.mini import emotion_encoder
    from speechbrain_relm.mini.models import MODELS, folder

    half = max(1, torch.get_num_threads() // 2)
    scorers = subprocess.Popen(
        [sys.executable, "-m", "speechbrain_relm.mini.epitome"],
        env={**os.environ, "OMP_NUM_THREADS": str(half)},
    )
    try:
        torch.set_num_threads(half)
        for name in MODELS:
            print(folder(name), flush=True)
        print(emotion_encoder.folder(), flush=True)
        failed = scorers.wait()
    finally:
        scorers.kill()
    if failed:
        raise RecipeError(
            "The empathy scorers could not be made: see above. Alone: python "
            "-m speechbrain_relm.mini.epitome"
        )


@entry_point("mini")
def main(arguments):
    """Prepares everything that is not there yet and prints where it is.

    Arguments
    ---------
    arguments : list of str, optional
        Command line, by default the one of the process.

    Example
    -------
    >>> main([])  # doctest: +SKIP
    """
    parser = Parser(
        prog="python -m speechbrain_relm.mini",
        description="Fetches and converts the small real models of the "
        "embedded default, and trains its emotion encoder and empathy "
        "scorers; afterwards they work without a network.",
        epilog="They are kept in ~/.cache/speechbrain_relm. Set "
        "SPEECHBRAIN_RELM_CACHE to keep them elsewhere.",
    )
    parser.parse_args(arguments)
    logging.basicConfig(format="%(message)s")
    logging.getLogger("speechbrain_relm").setLevel(logging.INFO)
    prepare_all()


if __name__ == "__main__":
    main()
