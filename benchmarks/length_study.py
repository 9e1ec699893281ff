#!/usr/bin/env python3
"""What shorter answers cost and gain: one release asked in three ways.

    python benchmarks/length_study.py results/ESD/re_llm/1986/release \\
        results/ESD/re_llm/1986/manifests/test.json /path/to/ESD \\
        results/EPITOME/minilm/1/scorer --output results/length

Answers the utterances of a manifest as the release does, with one sentence at
most, and with a wish for the style; scores all by EPITOME and prints a table.
Each way leaves a folder that the tables read as a finished run, so that
`speechbrain-relm table` gives deviations and tests. Killed, it goes on.

Authors
 * The speechbrain_relm contributors 2026
"""

import argparse
import logging
import random
import sys
from pathlib import Path

from speechbrain_relm.data.datasets import (
    load_batch,
    read_manifest,
    speech_dataset,
)
from speechbrain_relm.evaluation.runs import SCORES, read_run
from speechbrain_relm.evaluation.score import score_responses
from speechbrain_relm.inference.commands import load
from speechbrain_relm.lobes.epitome import EmpathyScorer
from speechbrain_relm.utils.files import write_atomically
from speechbrain_relm.utils.records import make_batches, work_through
from speechbrain_relm.utils.sources.base_models import source_content

# Folder to the way's title and what it changes.
WAYS = {
    "as_it_is": ("as it is", {}),
    "one_sentence": ("at most one sentence", {"sentences": 1}),
    "styled": (
        '"Answer briefly and end with a question."',
        {"style": "Answer briefly and end with a question."},
    ),
}


def answer(listener, entries, path, release, changes, batch_size):
    """Answers utterances in one way.

    Arguments
    ---------
    listener : speechbrain_relm.inference.re_llm.EmpatheticListener
        The listener.
    entries : dict
        Manifest entries.
    path : pathlib.Path
        Where the records go.
    release : str
        Folder or hub id of the release.
    changes : dict
        See `EmpatheticListener`.
    batch_size : int
        Utterances a batch.

    Returns
    -------
    dict
        Utterance id to a record with `response` and `finished`.
    """
    ask, model = listener.asking(**changes), listener.mods.model
    examples, settings = ask.apart()
    prompt = model.llm.split_prompt(ask.system, ask.instruction, examples)

    def work(ids):
        """Answers a batch."""
        batch = {i: entries[i] for i in ids}
        speech = listener.encode_batch(
            *load_batch(speech_dataset(batch), ids).sig
        )
        with listener.inference_ctx:
            found = model.answer(speech, prompt, **settings)
        return [
            {
                "id": i,
                "transcript": entry["transcript"],
                "emotion": entry["emotion"],
                "cluster": entry.get("cluster"),
                "response": said.text,
                "finished": said.finished,
            }
            for (i, entry), said in zip(batch.items(), found)
        ]

    lengths = [entry["duration"] for entry in entries.values()]
    batches = make_batches(list(entries), lengths, batch_size)
    asked = {"release": source_content(release), "asked": list(ask)}
    path.parent.mkdir(parents=True, exist_ok=True)
    return work_through(path, batches, work, asked, path.parent.name)


def row(title, run):
    """Sums up what one way of asking gave.

    Arguments
    ---------
    title : str
        Its name.
    run : speechbrain_relm.evaluation.runs.Run
        Its responses and scores.

    Returns
    -------
    str
        A row of the table.
    """
    records = list(run.responses.values())
    mean = lambda values: sum(values) / len(records)
    scores = [
        f"{mean(run.levels(score).values()):.3f}" if run.has(score) else "—"
        for score in SCORES
    ]
    texts = [record["response"] for record in records]
    cells = [
        title,
        str(len(records)),
        *scores,
        f"{mean([len(text.split()) for text in texts]):.1f}",
        f"{mean(['?' in text or '？' in text for text in texts]):.0%}",
        f"{mean([record['finished'] for record in records]):.0%}",
    ]
    return f"| {' | '.join(cells)} |"


HEAD = f"""\
| | n | {" | ".join(SCORES)} | words | with a question mark | finished |
| --- | {" | ".join(["---:"] * (len(SCORES) + 4))} |"""


def study(given):
    """Answers, scores and sums up.

    Arguments
    ---------
    given : argparse.Namespace
        See `parse`.

    Returns
    -------
    str
        The table in Markdown.
    """
    listener = load(given.release, given.device)
    entries = read_manifest(
        given.manifest, given.data_folder, listener.hparams.emotions
    )
    if given.utterances is not None and given.utterances < len(entries):
        chosen = random.Random(0).sample(sorted(entries), given.utterances)
        entries = {i: entries[i] for i in sorted(chosen)}
    scorer = EmpathyScorer(given.scorer).to(given.device)
    lines = [HEAD]
    for name, (title, changes) in WAYS.items():
        folder = given.output / name
        responses = answer(
            listener,
            entries,
            folder / "responses.jsonl",
            given.release,
            changes,
            given.batch_size,
        )
        score_responses(
            scorer,
            responses,
            folder / "scores.jsonl",
            {"scorer_source": source_content(given.scorer)},
        )
        lines.append(row(title, read_run(folder)))
    return "\n".join(lines)


def parse(arguments=None):
    """Reads the command line.

    Arguments
    ---------
    arguments : list of str, optional
        By default that of the process.

    Returns
    -------
    argparse.Namespace
        The settings.
    """
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("release", help="folder that the step 'release' left")
    parser.add_argument("manifest", help="a run's manifests/test.json")
    parser.add_argument("data_folder", help="the corpus")
    parser.add_argument("scorer", help="folder of an EPITOME scorer")
    parser.add_argument("--output", type=Path, default=Path("results/length"))
    parser.add_argument(
        "--utterances", type=int, help="a random draw of so many; or all"
    )
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--device", default="cpu")
    return parser.parse_args(arguments)


def main(arguments=None):
    """Prints the table, and leaves it in `table.md`.

    Arguments
    ---------
    arguments : list of str, optional
        Command line, by default the one of the process.
    """
    given = parse(arguments)
    logging.basicConfig(format="%(message)s")
    try:
        table = study(given)
    except (OSError, ValueError) as error:
        sys.exit(f"length_study: {error}")
    write_atomically(given.output / "table.md", table + "\n")
    sys.stdout.write(f"{table}\n\n{given.output / 'table.md'}\n")


if __name__ == "__main__":
    main()
