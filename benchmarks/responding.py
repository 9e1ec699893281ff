#!/usr/bin/env python3
"""Responding to speech, and recognizing its emotion.

    python benchmarks/responding.py

The authors' procedure runs twice over the test set, once for the responses
and once for the emotions, 24 utterances at a time in the order given, and
encodes the speech each time. Ours, `respond`, hears an utterance once, in
batches of like length, and computes the likelihood of each label, bare and in
a sentence, besides, which the authors' does not. Two settings: Whisper on the real length, and on
30 s. At 30 s both give the same texts for utterances of equal length, which
is checked, as far as rounding lets them.

Authors
 * The speechbrain_relm contributors 2026
"""

import functools
import itertools

from authors import RESPONDING_BATCH, AuthorsSystem
from expected_responses import agreement
from measure import Pair, arguments, run
from systems import (
    EMOTIONS,
    EMPATHETIC,
    RECOGNITION,
    SYSTEM,
    System,
    autocast,
    made_corpus,
)

from speechbrain_relm.mini.language.sentences import MOST
from speechbrain_relm.runs.listeners import SpeechListener
from speechbrain_relm.runs.steps.respond import Ask, respond
from speechbrain_relm.utils.sound.audio import load_audio

LENGTHS = (2.0, 5.0, 3.0, 4.0)


class Answers:
    """Both sides' answers of the same system.

    Arguments
    ---------
    given : argparse.Namespace
        The settings.
    folder : pathlib.Path
        A folder of its own.
    pad_to_30s : bool
        Whether ours sees 30 s.
    """

    def __init__(self, given, folder, pad_to_30s):
        self.given, self.folder = given, folder
        self.system = System(given, folder, pad_to_30s=pad_to_30s)
        self.system.model.eval()
        self.theirs = AuthorsSystem(
            self.system.model, self.system.emotion_encoder, self.system.chat_llm
        )
        self.asks = [
            Ask(EMPATHETIC, "", {"max_new_tokens": given.answer_tokens}),
            Ask(SYSTEM, RECOGNITION, {"max_new_tokens": 8}),
        ]
        self.runs = itertools.count()

    def corpus(self, name, seconds):
        """Writes a test set."""
        sentences = min(len(seconds), MOST)
        return made_corpus(self.folder / name, seconds, sentences)

    def authors(self, entries):
        """Answers as the authors do."""
        size, paths = self.given.answer_batch, [*entries.values()]
        found = []
        for ask in self.asks:
            prompt = self.system.chat_llm.split_prompt(*ask[:2])
            for start in range(0, len(paths), size):
                wavs = [
                    load_audio(entry["wav"])
                    for entry in paths[start : start + size]
                ]
                with autocast(self.given):
                    found += self.theirs.answer(
                        wavs, prompt, ask.settings["max_new_tokens"]
                    )
        return found

    def ours(self, entries):
        """Answers as we do."""
        with autocast(self.given):
            records = respond(
                SpeechListener(self.system.brain()),
                entries,
                self.folder / f"{next(self.runs)}.jsonl",
                {"system": "random"},
                {name: entry["wav"] for name, entry in entries.items()},
                EMOTIONS,
                *self.asks,
                self.given.generation_batch,
            )
        rows = [records[utterance] for utterance in entries]
        return [
            row[field] for field in ("response", "ser_answer") for row in rows
        ]


def prepare(given, folder, pad_to_30s):
    """Makes the two sides.

    Arguments
    ---------
    given : argparse.Namespace
        The settings.
    folder : pathlib.Path
        A folder of its own.
    pad_to_30s : bool
        Whether ours sees 30 s.

    Returns
    -------
    Pair
        The sides.
    """
    answers = Answers(given, folder, pad_to_30s)
    lengths = itertools.islice(itertools.cycle(LENGTHS), given.utterances)
    entries = answers.corpus("wavs", list(lengths))
    equal = answers.corpus("equal", [LENGTHS[0]] * 4)
    check = functools.partial(
        agreement,
        functools.partial(answers.authors, equal),
        functools.partial(answers.ours, equal),
        given,
    )
    return Pair(
        functools.partial(answers.authors, entries),
        functools.partial(answers.ours, entries),
        len(entries),
        "utterance",
        check=check if pad_to_30s else None,
    )


BENCHMARKS = {
    "responding/real-length": functools.partial(prepare, pad_to_30s=False),
    "responding/30s": functools.partial(prepare, pad_to_30s=True),
}


def add_arguments(parser):
    """Adds what this benchmark can be told.

    Arguments
    ---------
    parser : argparse.ArgumentParser
        The parser.
    """
    parser.add_argument("--utterances", type=int, default=24)
    parser.add_argument(
        "--answer_tokens", type=int, default=48, help="of a response"
    )
    parser.add_argument(
        "--answer_batch",
        type=int,
        default=RESPONDING_BATCH,
        help="utterances that the authors' procedure takes at a time",
    )


if __name__ == "__main__":
    parser = arguments(__doc__)
    add_arguments(parser)
    run(BENCHMARKS, parser.parse_args())
