"""Answers to the same words in each emotion, for people to read.

> python -m speechbrain_relm.evaluation.four_voices results/demo/re_llm_mini

Authors
 * The speechbrain_relm contributors 2026
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

from speechbrain_relm.evaluation.wording import normalised
from speechbrain_relm.records import read_records

MEASURES = {
    "tone_fit": "tone fit",
    "content_fit": "content fit",
    "flawed_share": "flawed",
}


def same_words_examples(responses, speakers, count=1):
    """Picks sentences that one speaker says in every emotion.

    Arguments
    ---------
    responses : dict
        Utterance id to a record with `transcript`, `emotion`, `response`.
    speakers : dict
        Utterance id to its speaker.
    count : int
        Sentences at most. The first ones by their words are taken, whatever
        was answered.

    Returns
    -------
    list of list of dict
        The records of each sentence, by emotion.

    Example
    -------
    >>> said = {"transcript": "I fell.", "response": "Oh."}
    >>> responses = {e: {**said, "emotion": e} for e in ("sad", "happy")}
    >>> found = same_words_examples(responses, {"sad": "a", "happy": "a"})
    >>> [record["emotion"] for record in found[0]]
    ['happy', 'sad']
    """
    groups = defaultdict(dict)
    for utterance in sorted(responses):
        record = responses[utterance]
        key = normalised(record["transcript"]), speakers[utterance]
        groups[key].setdefault(record["emotion"], record)
    most = max((len(group) for group in groups.values()), default=0)
    whole = [g for _, g in sorted(groups.items()) if len(g) == most > 1]
    return [[group[e] for e in sorted(group)] for group in whole[:count]]


def describe(folder):
    """Writes what a run answered to the same words, and the measures.

    Arguments
    ---------
    folder : str or pathlib.Path
        Output folder of a finished run.

    Returns
    -------
    str
        Lines of text.
    """
    folder = Path(folder)
    responses = read_records(folder / "responses.jsonl")
    # ESD's ids begin with the speaker.
    speakers = {utterance: utterance.split("_")[0] for utterance in responses}
    lines = []
    for records in same_words_examples(responses, speakers):
        lines.append(f'"{records[0]["transcript"]}"')
        for record in records:
            heard = record.get("head_emotion", record["likelihood_emotion"])
            lines.append(
                f"  said {record['emotion']} (heard {heard}): "
                f"{record['response']}"
            )
    path = folder / "listening.json"
    if path.is_file():
        figures = json.loads(path.read_text(encoding="utf-8"))
        chance = figures["chance"]
        for name, title in MEASURES.items():
            found = figures[name]
            of = f", by chance {chance[name]:.2f}" if name in chance else ""
            lines.append(
                f"{title} {found['value']:.2f} "
                f"[{found['low']:.2f}, {found['high']:.2f}]{of}"
            )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(describe(sys.argv[1]))
