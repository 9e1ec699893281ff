"""Small EPITOME empathy scorers, trained in about a minute.

> python -m speechbrain_relm.mini.epitome
> python -m speechbrain_relm.mini.epitome --data_folder /path/to/reddit_csvs

Authors
 * The speechbrain_relm contributors 2026
"""

import argparse
import functools
import hashlib
import logging
import shutil
import tempfile
from pathlib import Path

import torch
from speechbrain.dataio.sampler import DynamicBatchSampler
from speechbrain.utils.epoch_loop import EpochCounterWithStopper
from transformers import AutoTokenizer

from speechbrain_relm.checkpoints import CompleteCheckpointer
from speechbrain_relm.epitome.annotations import FILES, read_pairs
from speechbrain_relm.epitome.data import join_annotations, split_by_post
from speechbrain_relm.epitome.scorer import train_scorer
from speechbrain_relm.files import cache_folder, make_once
from speechbrain_relm.lobes.epitome_classifier import EpitomeClassifier
from speechbrain_relm.mini import models
from speechbrain_relm.mini.epitome_pairs import write_csvs

BACKBONE = "all-MiniLM-L6-v2"

# For real annotations, and for our own, which are few but easy.
TRAINING = {
    "seed": 1,
    "epochs": 3,
    "batch_size": 16,
    "learning_rate": 1e-4,
    "rationale_weight": 0.5,
    "max_length": 64,
    "shares": [0.75, 0.05],  # train, validation; the rest is the test part
}
MINI_TRAINING = {
    **TRAINING,
    "epochs": 2,
    "batch_size": 8,
    "learning_rate": 2e-4,
}


def train(annotations, backbone, target, settings):
    """Trains a classifier for each mechanism and saves them as a scorer.

    Killed and started again, it goes on after the last finished epoch.

    Arguments
    ---------
    annotations : dict of str to list of Pair
        The pairs of each mechanism.
    backbone : str
        Hub id or folder of an encoder.
    target : str or pathlib.Path
        An existing folder for the scorer.
    settings : dict
        As `TRAINING`.

    Returns
    -------
    dict
        Figures of each mechanism on its test part.

    Example
    -------
    >>> train(annotations, "roberta-base", "scorer", TRAINING)  # doctest: +SKIP
    """
    joined = join_annotations(annotations)
    parts = split_by_post(
        [entry["seeker"] for entry in joined],
        settings["shares"],
        settings["seed"],
    )
    entries = {
        part: {
            f"{part}_{i}": entry
            for i, entry in enumerate(joined)
            if entry["seeker"] in posts
        }
        for part, posts in zip(("train", "valid", "test"), parts)
    }
    digest = hashlib.sha256(f"{settings}{entries}{backbone}".encode())
    working = cache_folder() / "training" / digest.hexdigest()[:16]
    hparams = {
        "output_folder": working,
        "seed": settings["seed"],
        "tokenizer": AutoTokenizer.from_pretrained(backbone),
        "max_length": settings["max_length"],
        "lr": settings["learning_rate"],
    }
    objects = {
        "trainings": [list(annotations)],
        "rationale_weight": settings["rationale_weight"],
        "opt_class": torch.optim.AdamW,
        "classifier": functools.partial(EpitomeClassifier, backbone),
        "epoch_counter": lambda: EpochCounterWithStopper(
            settings["epochs"], settings["epochs"], 0, "max"
        ),
        "checkpointer": CompleteCheckpointer,
        "sampler": functools.partial(
            DynamicBatchSampler,
            max_batch_length=settings["batch_size"] * settings["max_length"],
            max_batch_ex=settings["batch_size"],
            bucket_boundaries=[12, 16, 24, 32, 40, 48, 56, 64],
            shuffle=True,
            seed=settings["seed"],
        ),
        "valid_loader": {"batch_size": 32},
    }
    run_opts = {"device": "cuda" if torch.cuda.is_available() else "cpu"}
    with torch.random.fork_rng():
        figures = train_scorer(entries, hparams, run_opts, target, **objects)
    shutil.rmtree(working)
    return figures


def folder(data_folder=None):
    """Names the folder of the small empathy scorers, trained when needed.

    Arguments
    ---------
    data_folder : str or pathlib.Path, optional
        Folder of EPITOME's three Reddit CSVs; by default the set of our own
        writing.

    Returns
    -------
    str
        A folder that `EmpathyScorer` takes as its source.

    Raises
    ------
    FileNotFoundError
        If a file of the data is missing.
    ValueError
        If a row of the data is wrong: the message names it.

    Example
    -------
    >>> folder()  # doctest: +SKIP
    '/home/me/.cache/speechbrain_relm/models/epitome-mini'
    """
    if data_folder is None:
        with tempfile.TemporaryDirectory() as written:
            return _trained_on(write_csvs(written), MINI_TRAINING, "mini")
    return _trained_on(Path(data_folder), TRAINING)


def _trained_on(data, training, name=None):
    """Trains on the CSVs of a folder, unless that is done already."""
    annotations = {m: read_pairs(data / file) for m, file in FILES.items()}
    digest = hashlib.sha256()
    for file in FILES.values():
        digest.update((data / file).read_bytes())
    digest = digest.hexdigest()[:16]
    target = cache_folder() / "models" / f"epitome-{name or digest}"
    settings = {"data": digest, "backbone": BACKBONE, "training": training}
    backbone = models.folder(BACKBONE)

    def build(fresh):
        """Trains them there."""
        train(annotations, backbone, fresh, training)

    return str(make_once(target, settings, build))


def main(arguments=None):
    """Trains the scorers that are not there yet and prints where they are.

    Arguments
    ---------
    arguments : list of str, optional
        Command line, by default the one of the process.

    Example
    -------
    >>> main([])  # doctest: +SKIP
    """
    parser = argparse.ArgumentParser(
        prog="python -m speechbrain_relm.mini.epitome",
        description="Trains small empathy scorers.",
    )
    parser.add_argument(
        "--data_folder",
        help="folder of EPITOME's three Reddit CSVs; by default a small set "
        "of our own writing, good enough for a demonstration",
    )
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(message)s")
    logging.getLogger("speechbrain_relm").setLevel(logging.INFO)
    print(folder(options.data_folder))


if __name__ == "__main__":
    main()
