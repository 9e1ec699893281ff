#!/usr/bin/env python3
"""EPITOME scoring of pairs of a post and a response.

    python benchmarks/epitome_scoring.py

The original runs three models on one pair at a time, encodes the seeker's
post in each of them and pads both texts to 64 tokens. Ours is
`EmpathyScorer.score`. Three settings: an encoder that the mechanisms share, as
in `recipes/EPITOME/hparams/minilm.yaml`, on a parallel corpus, where each
sentence is answered in ESD's ten voices, and on one that repeats nothing; and
one encoder for each of them, as in the original. The levels must be the same.

Authors
 * The speechbrain_relm contributors 2026
"""

import functools
import random

import torch
from authors import score_empathy
from measure import Pair, arguments, run
from systems import SIZES, autocast, make_tokenizer

from speechbrain_relm.lobes.epitome import EmpathyScorer
from speechbrain_relm.lobes.epitome_classifier import (
    EpitomeClassifier,
    share_encoders,
)
from speechbrain_relm.lobes.parts.epitome_folder import MECHANISMS, save_scorer
from speechbrain_relm.mini.annotations.pairs import compose

MAX_LENGTH = 64


def prepare(given, folder, shared, voices):
    """Makes the two sides.

    Arguments
    ---------
    given : argparse.Namespace
        The settings.
    folder : pathlib.Path
        A folder of its own.
    shared : bool
        Whether the mechanisms share the responses' encoder.
    voices : int
        How often each post comes, with another response each time.

    Returns
    -------
    Pair
        The sides.
    """
    torch.manual_seed(0)
    config = SIZES[given.size]()["scorer"]
    classifiers = {name: EpitomeClassifier(config) for name in MECHANISMS}
    first = next(iter(classifiers.values()))
    for classifier in classifiers.values():
        # It is frozen, and the same in all three.
        classifier.seeker_encoder = first.seeker_encoder
    if shared:
        share_encoders(classifiers.values())
    tokenizer = make_tokenizer()
    save_scorer(folder, classifiers, tokenizer, MAX_LENGTH, {})
    del classifiers, classifier, first
    scorer = EmpathyScorer(folder).to(given.device)
    pairs = random.Random(0).sample(compose(), given.pairs)
    distinct = max(len(pairs) // voices, 1)
    posts = [pairs[i % distinct]["seeker_post"] for i in range(len(pairs))]
    responses = [pair["response_post"] for pair in pairs]

    def authors():
        """Scores as the original does."""
        with autocast(given):
            return score_empathy(scorer, posts, responses)

    def ours():
        """Scores as we do."""
        with autocast(given):
            return scorer.score(posts, responses)

    def check():
        """Compares the levels."""
        theirs, found = authors(), ours()
        for name, levels in theirs.items():
            equal = found[name] == torch.tensor(levels)
            same = float(equal.float().mean())
            assert same == 1 or (given.dtype != "float32" and same > 0.9), name
        return f"the same levels; {len(set(posts))} distinct posts"

    return Pair(authors, ours, len(pairs), "pair", check=check)


BENCHMARKS = {
    "EPITOME/ten-voices": functools.partial(prepare, shared=True, voices=10),
    "EPITOME/no-repetition": functools.partial(prepare, shared=True, voices=1),
    "EPITOME/three-encoders": functools.partial(
        prepare, shared=False, voices=10
    ),
}


def add_arguments(parser):
    """Adds what this benchmark can be told.

    Arguments
    ---------
    parser : argparse.ArgumentParser
        The parser.
    """
    parser.add_argument("--pairs", type=int, default=96)


if __name__ == "__main__":
    parser = arguments(__doc__)
    add_arguments(parser)
    run(BENCHMARKS, parser.parse_args())
