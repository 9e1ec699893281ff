"""How well answers are read: emotion by prompt, flaws, likelihood.

    python benchmarks/reading.py [--llm SmolLM2-135M-Instruct]

prints, as tables of Markdown, the share of answers that `parse_emotion` reads
rightly, precision and recall of the detectors of flaws, and, of an LLM, how
often the likeliest class is the right one for sentences that are written:
by the bare labels, and by whole sentences less what they score without any.
"""

import argparse
import csv
from pathlib import Path

import torch

from speechbrain_relm.evaluation.listening.quality import detection
from speechbrain_relm.evaluation.listening_rows import in_brackets, short
from speechbrain_relm.evaluation.recognition import (
    MEASURES,
    recognition_figures,
)
from speechbrain_relm.lobes.chat_llm import ChatLLM
from speechbrain_relm.mini import models
from speechbrain_relm.runs.emotion.answers import parse_emotion
from speechbrain_relm.runs.emotion.likelihoods import EmotionLikelihoods
from speechbrain_relm.runs.listeners import TextListener

DATA = Path(__file__).resolve().parents[1] / "tests/data"
ANSWERS = {
    "written before the parser": "emotion_answers.csv",
    "written after it": "emotion_answers_after.csv",
}
RESPONSES = {
    "written before the detectors were mended": "flawed_responses.csv",
    "mended by it": "flawed_responses_2.csv",
    "unseen": "flawed_responses_unseen.csv",
}
EMOTIONS = ["neutral", "sad", "angry", "happy"]
# Section II-C.
INSTRUCTION = (
    "Please identify the emotion tone of the sentence provided below. Select "
    "from the following options: neutral, sad, angry, happy, or surprise.\n\n"
    "Sentence: "
)


def rows_of(name):
    """Reads a CSV of tests/data."""
    with open(DATA / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def print_answers():
    """Prints how many answers are read rightly."""
    print("| answers to the prompt | answers | read rightly |")
    print("| --- | ---: | ---: |")
    for title, name in ANSWERS.items():
        rows = rows_of(name)
        right = sum(
            parse_emotion(row["answer"], row["classes"].split())
            == (row["emotion"] or None)
            for row in rows
        )
        print(f"| {title} | {len(rows)} | {short(right / len(rows))} |")


def print_detectors():
    """Prints precision and recall of each detector."""
    print("\n| responses | flaw | have it | precision | recall |")
    print("| --- | --- | ---: | ---: | ---: |")
    for title, name in RESPONSES.items():
        rows = rows_of(name)
        shown = f"| {len(rows)} {title} |"
        for flaw, found in detection(rows).items():
            print(
                f"{shown} {flaw} | {found['n']} | "
                f"{short(found['precision'])} | {short(found['recall'])} |"
            )
            shown = "| |"


def print_likelihood(llm, size=8):
    """Prints how well an LLM's likelihoods recognize emotion in texts."""
    rows = rows_of("emotional_sentences.csv")
    likelihoods = EmotionLikelihoods(
        TextListener(llm), "You are a helpful assistant.", INSTRUCTION, EMOTIONS
    )
    rated = [
        likelihoods([row["sentence"] for row in rows[i : i + size]])
        for i in range(0, len(rows), size)
    ]
    labels = [row["emotion"] for row in rows]
    clusters = [row["sentence"] for row in rows]
    print(f"\n| {len(rows)} sentences | {' | '.join(MEASURES)} |")
    print("| --- |" + " --- |" * len(MEASURES))
    for title, scores in zip(("labels", "calibrated sentences"), zip(*rated)):
        heard = [EMOTIONS[i] for i in torch.cat(scores).argmax(1).tolist()]
        found = recognition_figures(heard, labels, clusters)
        cells = [in_brackets(found[measure]) for measure in MEASURES]
        print(f"| {title} | {' | '.join(cells)} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--llm", help="one of mini/models.py, or a folder")
    given = parser.parse_args()
    print_answers()
    print_detectors()
    if given.llm:
        folder = given.llm
        if not Path(folder).is_dir():
            folder = models.folder(folder)
        print_likelihood(ChatLLM(folder))
