"""Prepares EPITOME's Reddit annotations: manifests for three parts.

https://github.com/behavioral-data/Empathy-Mental-Health

Authors
 * The speechbrain_relm contributors 2026
"""

import json
from pathlib import Path

from speechbrain.utils.logger import get_logger

from speechbrain_relm.epitome.annotations import FILES, read_pairs
from speechbrain_relm.epitome.data import (
    draw_fold,
    join_annotations,
    split_by_post,
)
from speechbrain_relm.epitome.identity import name_posts
from speechbrain_relm.utils.files import write_atomically

logger = get_logger(__name__)


def prepare_epitome(
    data_folder,
    manifest_folder,
    valid_ratio=0.1,
    folds=5,
    test_fold=0,
    test_folder=None,
    seed=1,
):
    """Writes `{train,valid,test}.json`.

    Posts are divided, so that no post is in two parts: neither one with the
    same id, nor one with the same text but for white space and Unicode.

    Arguments
    ---------
    data_folder : str
        Folder of the three public CSVs.
    manifest_folder : str
        Where the manifests go.
    valid_ratio : float
        Share of the posts that are not in the test, for validation.
    folds : int
        Into so many parts the posts are divided.
    test_fold : int
        The part that is the test, from 0.
    test_folder : str or None
        Folder of the same three CSVs for the test; then all of `data_folder`
        is for training and validation, but for posts that the test has.
    seed : int
        Of the draw.

    Raises
    ------
    FileNotFoundError
        If a CSV is missing.
    ValueError
        If a row is wrong: the message names it.

    Example
    -------
    >>> prepare_epitome("/path/to/dataset", "results/manifests")
    ... # doctest: +SKIP
    """
    entries = _read(data_folder)
    if test_folder is None:
        test_entries = entries
        test = draw_fold(_posts(entries), folds, test_fold, seed)
    else:
        test_entries = _read(test_folder)
        name_posts(entries, test_entries)
        test = _posts(test_entries)
        logger.info(
            "%d posts of %s are in %s too, by id or by text: not learned from",
            len(_posts(entries) & test),
            data_folder,
            test_folder,
        )
    train, valid = split_by_post(
        _posts(entries) - test, [1 - valid_ratio], seed
    )
    for part, chosen, source in (
        ("train", train, entries),
        ("valid", valid, entries),
        ("test", test, test_entries),
    ):
        of_part = {
            f"{part}_{row}": entry
            for row, entry in enumerate(source)
            if entry["post"] in chosen
        }
        path = Path(manifest_folder) / f"{part}.json"
        write_atomically(path, json.dumps(of_part, indent=1))
        logger.info("%s: %d pairs", path, len(of_part))


def _posts(entries):
    return {entry["post"] for entry in entries}


def _read(folder):
    """Reads a folder's three CSVs."""
    return join_annotations(
        {m: read_pairs(Path(folder) / file) for m, file in FILES.items()}
    )
