#!/usr/bin/env python3
"""Expected responses: the text LLM continues transcripts (step 1).

    python benchmarks/expected_responses.py

The authors' procedure takes prompts 4 at a time, as the released script does,
in the order given. Ours, `expect_responses`, works on each distinct prompt
once, in batches of like length. Two settings: a parallel corpus, where each
sentence comes in ESD's ten voices (English), and one that repeats nothing.
Both decode greedily; texts must agree, as far as rounding lets them: a
different batch may turn a tie, and all tokens after it.

Authors
 * The speechbrain_relm contributors 2026
"""

import functools
import itertools

from authors import EXPECTED_BATCH, AuthorsSystem
from measure import Pair, arguments, run
from systems import EMOTIONS, FROM_TEXT, SYSTEM, System, autocast

from speechbrain_relm.mini.language.sentences import everyday_sentences
from speechbrain_relm.runs.steps.expected_responses import expect_responses


def prepare(given, folder, voices):
    """Makes the two sides.

    Arguments
    ---------
    given : argparse.Namespace
        The settings.
    folder : pathlib.Path
        A folder of its own.
    voices : int
        How often each sentence comes.

    Returns
    -------
    Pair
        The sides.
    """
    system = System(given, folder)
    system.model.eval()
    sentences = everyday_sentences(max(given.prompts // voices, 1))
    # Speaker after speaker, as the corpus lists them.
    entries = {
        f"s{voice:02}-{i:04}": {
            "transcript": text,
            "emotion": EMOTIONS[i % len(EMOTIONS)],
        }
        for voice in range(voices)
        for i, text in enumerate(sentences)
    }
    texts = [
        FROM_TEXT.format(emotion=entry["emotion"]) + entry["transcript"]
        for entry in entries.values()
    ]
    theirs = AuthorsSystem(
        system.model, system.emotion_encoder, system.chat_llm
    )
    runs = itertools.count()

    def authors():
        """Generates as the authors do."""
        with autocast(given):
            return theirs.expect(
                SYSTEM, texts, given.expected_tokens, given.expected_batch
            )

    def ours():
        """Generates as we do."""
        with autocast(given):
            records = expect_responses(
                system.model.llm,
                entries,
                folder / f"{next(runs)}.jsonl",
                system.device,
                "random",
                SYSTEM,
                FROM_TEXT,
                {"max_new_tokens": given.expected_tokens},
                given.generation_batch,
            )
        return [records[utterance]["response"] for utterance in entries]

    return Pair(
        authors,
        ours,
        len(texts),
        "utterance",
        check=functools.partial(agreement, authors, ours, given),
    )


def agreement(authors, ours, given):
    """Compares answers.

    Arguments
    ---------
    authors : callable
        Gives the authors' texts.
    ours : callable
        Gives ours.
    given : argparse.Namespace
        The settings.

    Returns
    -------
    str
        The share of equal ones.

    Raises
    ------
    AssertionError
        If in float32 fewer than nine in ten are equal.
    """
    pairs = list(zip(authors(), ours()))
    share = sum(a == b for a, b in pairs) / len(pairs)
    assert share >= 0.9 or given.dtype != "float32", pairs[:3]
    return f"{share:.0%} of {len(pairs)} texts are the same"


BENCHMARKS = {
    "expected-responses/ten-voices": functools.partial(prepare, voices=10),
    "expected-responses/no-repetition": functools.partial(prepare, voices=1),
}


def add_arguments(parser):
    """Adds what this benchmark can be told.

    Arguments
    ---------
    parser : argparse.ArgumentParser
        The parser.
    """
    parser.add_argument("--prompts", type=int, default=40)
    parser.add_argument(
        "--expected_tokens", type=int, default=48, help="of a response"
    )
    parser.add_argument(
        "--expected_batch",
        type=int,
        default=EXPECTED_BATCH,
        help="prompts that the authors' procedure takes at a time",
    )


if __name__ == "__main__":
    parser = arguments(__doc__)
    add_arguments(parser)
    run(BENCHMARKS, parser.parse_args())
