"""Small EPITOME empathy scorers, trained in about a minute.

> python -m speechbrain_relm.mini.epitome
> python -m speechbrain_relm.mini.epitome --data_folder /path/to/reddit_csvs

Authors
 * The speechbrain_relm contributors 2026
"""

import argparse
import hashlib
import logging
import random
import tempfile
from pathlib import Path

import torch
from speechbrain.utils.logger import get_logger
from transformers import AutoTokenizer

from speechbrain_relm.files import cache_folder, make_once
from speechbrain_relm.lobes.epitome import save_scorer
from speechbrain_relm.lobes.epitome_classifier import EpitomeClassifier
from speechbrain_relm.lobes.epitome_text import encode_posts
from speechbrain_relm.mini import models
from speechbrain_relm.mini.epitome_csv import read_pairs
from speechbrain_relm.mini.epitome_pairs import FILES, write_csvs
from speechbrain_relm.mini.epitome_training import (
    make_examples,
    measure,
    train_classifier,
)

logger = get_logger(__name__)

BACKBONE = "all-MiniLM-L6-v2"

# For real annotations, and for our own, which are few but easy.
TRAINING = {
    "seed": 1,
    "epochs": 3,
    "batch_size": 16,
    "learning_rate": 1e-4,
    "rationale_weight": 0.5,
    "max_length": 64,
    "held_out": 0.2,
}
MINI_TRAINING = {
    **TRAINING,
    "epochs": 2,
    "batch_size": 8,
    "learning_rate": 2e-4,
}


def hold_out(pairs, share, seed):
    """Parts the pairs by post, so that no post is on both sides.

    Arguments
    ---------
    pairs : list of Pair
        The pairs.
    share : float
        Share of the posts that are held out, 0..1.
    seed : int
        Of the draw.

    Returns
    -------
    training : list of Pair
        The pairs to train on.
    held_out : list of Pair
        The others.

    Raises
    ------
    ValueError
        If one side would be empty.

    Example
    -------
    >>> from speechbrain_relm.mini.epitome_csv import Pair
    >>> pairs = [Pair(post, "Oh.", 0, []) for post in "abcdeabcde"]
    >>> [len(part) for part in hold_out(pairs, 0.2, 1)]
    [8, 2]
    """
    posts = sorted({pair.seeker for pair in pairs})
    random.Random(seed).shuffle(posts)
    away = set(posts[: round(share * len(posts))])
    if not 0 < len(away) < len(posts):
        raise ValueError(
            f"{len(posts)} distinct seeker_post are too few to hold out "
            f"{share:.0%} of them: annotate more posts."
        )
    training = [pair for pair in pairs if pair.seeker not in away]
    return training, [pair for pair in pairs if pair.seeker in away]


def train(annotations, backbone, target, settings):
    """Trains a classifier for each mechanism and saves them as a scorer.

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
        Held-out figures of each mechanism, as `measure` gives them.

    Example
    -------
    >>> train(annotations, "roberta-base", "scorer", TRAINING)  # doctest: +SKIP
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = AutoTokenizer.from_pretrained(backbone)
    seekers, classifiers, figures = {}, {}, {}
    longest = settings["max_length"]
    for mechanism, pairs in annotations.items():
        with torch.random.fork_rng():
            torch.manual_seed(settings["seed"])
            classifier = EpitomeClassifier(backbone).to(device)
            # All seeker encoders are the same, and frozen.
            posts = sorted({p.seeker for p in pairs} - seekers.keys())
            seekers.update(encode_posts(classifier, tokenizer, posts, longest))
            training, held_out = (
                make_examples(part, seekers, tokenizer, longest)
                for part in hold_out(
                    pairs, settings["held_out"], settings["seed"]
                )
            )
            train_classifier(classifier, training, settings, mechanism)
        figures[mechanism] = measure(classifier, training, held_out)
        classifiers[mechanism] = classifier
        logger.info("%s, held out: %s", mechanism, figures[mechanism])
    save_scorer(target, classifiers, tokenizer, longest, figures)
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
    build = lambda fresh: train(annotations, backbone, fresh, training)
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
