"""Prepares the embedded default ahead of time: all its small models.

Authors
 * The speechbrain_relm contributors 2026
"""

import argparse
import logging

from speechbrain_relm.files import cache_folder
from speechbrain_relm.mini import emotion_encoder, epitome
from speechbrain_relm.mini.models import MODELS, folder


def main(arguments=None):
    """Prepares everything that is not there yet and prints where it is.

    Arguments
    ---------
    arguments : list of str, optional
        Command line, by default the one of the process.

    Example
    -------
    >>> main([])  # doctest: +SKIP
    """
    parser = argparse.ArgumentParser(
        prog="python -m speechbrain_relm.mini",
        description="Fetches and converts the small real models of the "
        "embedded default, and trains its emotion encoder and empathy "
        "scorers; afterwards they work without a network.",
        epilog=f"They are kept in {cache_folder()}. Set SPEECHBRAIN_RELM_CACHE "
        "to keep them elsewhere.",
    )
    parser.parse_args(arguments)
    logging.basicConfig(format="%(message)s")
    logging.getLogger("speechbrain_relm").setLevel(logging.INFO)
    for name in MODELS:
        print(folder(name), flush=True)
    print(emotion_encoder.folder(), flush=True)
    print(epitome.folder(), flush=True)


if __name__ == "__main__":
    main()
