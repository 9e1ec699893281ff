"""Small EPITOME empathy scorers, trained in about a minute.

> python -m speechbrain_relm.mini.epitome
> python -m speechbrain_relm.mini.epitome --data_folder /path/to/reddit_csvs
> python -m speechbrain_relm.mini.epitome --data_folder download

Authors
 * The speechbrain_relm contributors 2026
"""

import functools
import hashlib
import json
import logging
import tempfile
from pathlib import Path

import torch
from speechbrain.dataio.sampler import DynamicBatchSampler
from speechbrain.utils.epoch_loop import EpochCounterWithStopper
from speechbrain.utils.logger import get_logger

from speechbrain_relm.epitome.annotations import FILES, read_pairs
from speechbrain_relm.epitome.data import join_annotations, split_by_post
from speechbrain_relm.epitome.measures import agreement, confusion_matrix
from speechbrain_relm.epitome.report import render_report
from speechbrain_relm.epitome.scorer import train_scorer
from speechbrain_relm.epitome.source import annotations_folder, describe
from speechbrain_relm.lobes.epitome import EmpathyScorer
from speechbrain_relm.lobes.epitome_classifier import EpitomeClassifier
from speechbrain_relm.lobes.parts.epitome_folder import save_scorer
from speechbrain_relm.lobes.parts.epitome_topic import fit_topic_check
from speechbrain_relm.mini import models
from speechbrain_relm.mini.annotations.pairs import by_subject, write_csvs
from speechbrain_relm.training.checkpoints import CompleteCheckpointer
from speechbrain_relm.utils.errors import Parser, entry_point
from speechbrain_relm.utils.files import (
    cache_folder,
    make_once,
    training_folder,
)
from speechbrain_relm.utils.sources.pretrained import load_tokenizer

logger = get_logger(__name__)

BACKBONE = "all-MiniLM-L6-v2"

# For readers of its scores.
OWN_WRITING = (
    "a small set of this project's own writing, not from annotations of real "
    "conversations: ER, Ex and IP are illustrative. For figures that mean "
    "something give epitome_folder (a folder with EPITOME's three CSVs, or "
    "'download')"
)

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
    "epochs": 3,
    "batch_size": 8,
    "learning_rate": 2e-4,
}


def train(annotations, backbone, target, settings, held_out=None, data=None):
    """Trains a classifier for each mechanism and saves them as a scorer.

    Killed and started again, it goes on from its last checkpoint.

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
    held_out : dict of str to list of Pair, optional
        Pairs for the figures; by default a part of the annotations, which is
        then kept out of training.
    data : str, optional
        What the scorer learned from, for readers of its scores.

    Returns
    -------
    dict
        Figures of each mechanism on its test part.

    Example
    -------
    >>> train(annotations, "roberta-base", "scorer", TRAINING)  # doctest: +SKIP
    """
    entries = divide(annotations, settings, held_out)
    hparams = {
        "seed": settings["seed"],
        "tokenizer": load_tokenizer(backbone),
        "max_length": settings["max_length"],
        "lr": settings["learning_rate"],
        "ckpt_interval_steps": 20,
    }
    objects = {
        "trainings": [list(annotations)],
        "rationale_weight": settings["rationale_weight"],
        # For a minute's training; recipes/EPITOME takes its time.
        "ordinal_weight": 0.0,
        "train_embeddings": False,
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
    decided_by = f"{settings}{entries}{backbone}"
    with training_folder(decided_by) as working, torch.random.fork_rng():
        hparams["output_folder"] = working
        return train_scorer(
            entries, hparams, run_opts, target, data=data, **objects
        )


def add_topic_check(folder, held_out):
    """Teaches a scorer of our own writing what is off-topic.

    Its figures are then those of the whole scorer.

    Arguments
    ---------
    folder : str or pathlib.Path
        The scorer, on a backbone that embeds sentences.
    held_out : dict of str to list of Pair
        Pairs for the figures.

    Returns
    -------
    dict
        Figures of each mechanism.

    Example
    -------
    >>> add_topic_check("scorer", held_out)  # doctest: +SKIP
    """
    scorer = EmpathyScorer(folder)
    scorer.topic = fit_topic_check(*map(scorer.embed, by_subject()))
    for mechanism, pairs in held_out.items():
        levels = scorer.score(
            [pair.seeker for pair in pairs], [pair.response for pair in pairs]
        )[mechanism].tolist()
        known = [pair.level for pair in pairs]
        scorer.metrics[mechanism].update(
            agreement(levels, known),
            confusion=confusion_matrix(levels, known),
        )
    save_scorer(
        folder,
        dict(scorer.classifiers.items()),
        scorer.tokenizer,
        scorer.max_length,
        scorer.metrics,
        scorer.data,
        scorer.topic,
    )
    return scorer.metrics


def divide(annotations, settings, held_out=None):
    """Divides annotated pairs by post.

    Arguments
    ---------
    annotations : dict of str to list of Pair
        The pairs of each mechanism.
    settings : dict
        `shares` of the posts for training and validation, and the `seed`.
    held_out : dict of str to list of Pair, optional
        Pairs for the test, in place of the posts that are left over.

    Returns
    -------
    dict
        "train", "valid" and "test" to entries by their ids.

    Example
    -------
    >>> from speechbrain_relm.epitome.annotations import Pair
    >>> pairs = {"explorations": [Pair(p, "Why?", 1, []) for p in "abcd"]}
    >>> parts = divide(pairs, {"shares": [0.5, 0.25], "seed": 1})
    >>> {part: len(entries) for part, entries in parts.items()}
    {'train': 2, 'valid': 1, 'test': 1}
    """
    joined = join_annotations(annotations)
    shares = settings["shares"]
    if held_out is not None:
        shares = [shares[0] / sum(shares)]
    parts = split_by_post(
        [entry["post"] for entry in joined], shares, settings["seed"]
    )
    divided = {
        part: [entry for entry in joined if entry["post"] in posts]
        for part, posts in zip(("train", "valid", "test"), parts)
    }
    if held_out is not None:
        divided["test"] = join_annotations(held_out)
    return {
        part: {f"{part}_{i}": entry for i, entry in enumerate(of_part)}
        for part, of_part in divided.items()
    }


def folder(data_folder=None):
    """Names the folder of the small empathy scorers, trained when needed.

    Arguments
    ---------
    data_folder : str or pathlib.Path, optional
        Folder of EPITOME's three Reddit CSVs, or "download" to fetch them; by
        default the set of our own writing.

    Returns
    -------
    str
        A folder that `EmpathyScorer` takes as its source.

    Raises
    ------
    FileNotFoundError
        If a file of the data is missing.
    RecipeError
        If it cannot be fetched.
    ValueError
        If a row of the data is wrong: the message names it.

    Example
    -------
    >>> folder()  # doctest: +SKIP
    '/home/me/.cache/speechbrain_relm/models/epitome-mini-0f1e2d3c'
    """
    if data_folder is None:
        with tempfile.TemporaryDirectory() as written:
            data = write_csvs(Path(written, "train"))
            held_out = write_csvs(Path(written, "held_out"), held_out=True)
            return _trained_on(
                "mini", data, MINI_TRAINING, OWN_WRITING, held_out
            )
    data = annotations_folder(data_folder)
    return _trained_on("reddit", data, TRAINING, describe(data))


def _trained_on(name, data, training, learned_from, held_out=None):
    """Trains on the CSVs of a folder, unless that is done already."""
    annotations, *rest = (
        {m: read_pairs(folder / file) for m, file in FILES.items()}
        for folder in (data, held_out)
        if folder is not None
    )
    digest = hashlib.sha256()
    for folder in (data, held_out):
        for file in FILES.values() if folder is not None else ():
            digest.update((folder / file).read_bytes())
    settings = {
        "data": digest.hexdigest()[:16],
        "learned from": learned_from,
        "backbone": BACKBONE,
        "training": training,
    }
    # Another training gets another name: scores remember their scorer by it.
    key = hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:8]
    target = cache_folder() / "models" / f"epitome-{name}-{key}"
    backbone = models.folder(BACKBONE)

    def _build(fresh):
        figures = train(
            annotations, backbone, fresh, training, *rest, data=learned_from
        )
        if held_out is not None:
            figures = add_topic_check(fresh, *rest)
        logger.info("%s", render_report(figures))

    return str(make_once(target, settings, _build))


@entry_point("mini.epitome")
def main(arguments):
    """Trains the scorers that are not there yet and prints where they are.

    Arguments
    ---------
    arguments : list of str, optional
        Command line, by default the one of the process.

    Example
    -------
    >>> main([])  # doctest: +SKIP
    """
    parser = Parser(
        prog="python -m speechbrain_relm.mini.epitome",
        description="Trains small empathy scorers.",
    )
    parser.add_argument(
        "--data_folder",
        help="folder of EPITOME's three Reddit CSVs, or 'download'; by default "
        "a small set of our own writing, good enough for a demonstration",
    )
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(message)s")
    logging.getLogger("speechbrain_relm").setLevel(logging.INFO)
    print(folder(options.data_folder))


if __name__ == "__main__":
    main()
