#!/usr/bin/env python3
"""Pairs a second of our scorer and of the original procedure.

    python benchmarks/epitome_scoring.py [--pairs 96]

The original runs three models on one pair at a time, encodes the seeker's
post in each of them and pads both texts to 64 tokens. Both run here in one
process on the same weights and pairs, in alternation.

Authors
 * The speechbrain_relm contributors 2026
"""

import argparse
import statistics
import time

import torch

from speechbrain_relm.lobes.epitome import EmpathyScorer
from speechbrain_relm.mini import epitome
from speechbrain_relm.mini.epitome_pairs import compose


@torch.no_grad()
def original(scorer, posts, responses):
    """Scores as the original does."""
    levels = {name: [] for name in scorer.classifiers}
    how = {
        "padding": "max_length",
        "truncation": True,
        "max_length": scorer.max_length,
        "return_tensors": "pt",
    }
    for post, response in zip(posts, responses):
        for name, classifier in scorer.classifiers.items():
            inputs = []
            for text in (post, response):
                encoded = scorer.tokenizer(text, **how)
                inputs += [encoded["input_ids"], encoded["attention_mask"]]
            logits, _ = classifier(*inputs)
            levels[name].append(int(logits.argmax()))
    return levels


def main():
    """Measures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scorer", help="folder of an empathy scorer")
    parser.add_argument("--pairs", type=int, default=96)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    scorer = EmpathyScorer(given.scorer or epitome.folder())
    pairs = compose()[: given.pairs]
    posts = [pair["seeker_post"] for pair in pairs]
    responses = [pair["response_post"] for pair in pairs]
    ours = scorer.score(posts, responses)
    theirs = original(scorer, posts, responses)
    for name, levels in theirs.items():
        assert ours[name].tolist() == levels, name
    times = {"original": [], "ours": []}
    for _ in range(given.repeats):
        for name, run in (
            ("original", lambda: original(scorer, posts, responses)),
            ("ours", lambda: scorer.score(posts, responses)),
        ):
            started = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - started)
    ratios = [a / b for a, b in zip(times["original"], times["ours"])]
    for name, taken in times.items():
        print(f"{name}: {len(pairs) / statistics.median(taken):.1f} pairs/s")
    print(
        f"ratio: {statistics.median(ratios):.1f} "
        f"({min(ratios):.1f} to {max(ratios):.1f}), the same levels"
    )


if __name__ == "__main__":
    main()
