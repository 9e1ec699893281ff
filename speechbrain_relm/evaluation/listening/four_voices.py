"""Answers to the same words in each emotion, for people to read.

> python -m speechbrain_relm.evaluation.listening.four_voices results/demo/re_llm_mini

Authors
 * The speechbrain_relm contributors 2026
"""

import sys
from pathlib import Path

from speechbrain_relm.evaluation.listening.same_words import (
    HEARD,
    parallel_takes,
)
from speechbrain_relm.evaluation.listening_rows import is_known
from speechbrain_relm.evaluation.runs import read_figures
from speechbrain_relm.utils.errors import Parser, entry_point
from speechbrain_relm.utils.records import read_records
from speechbrain_relm.utils.text.wording import normalised

MEASURES = {
    "tone_fit": "tone fit",
    "content_fit": "content fit",
    "flawed_share": "flawed",
}


def first_in_all_emotions(responses):
    """Picks a sentence that one speaker says in the most emotions.

    Arguments
    ---------
    responses : dict
        Utterance id to a record with `transcript`, `emotion`, `response`. As
        in ESD, ids begin with the speaker and an underscore.

    Returns
    -------
    list of dict
        A record of each emotion, in their alphabetical order. Of several
        sentences the first one by its words is taken, whatever was answered.

    Example
    -------
    >>> said = {"transcript": "I fell.", "response": "Oh."}
    >>> responses = {f"1_{e}": {**said, "emotion": e} for e in ("sad", "happy")}
    >>> [record["emotion"] for record in first_in_all_emotions(responses)]
    ['happy', 'sad']
    """
    entries = {
        utterance: {**record, "speaker": utterance.partition("_")[0]}
        for utterance, record in sorted(responses.items())
    }

    def order(takes):
        """The most emotions first, then the words."""
        records = [entries[i] for i in takes]
        emotions = {record["emotion"] for record in records}
        words = normalised(records[0]["transcript"])
        return -len(emotions), words, records[0]["speaker"]

    chosen = min(parallel_takes(entries), key=order, default=[])
    of_emotion = {}
    for utterance in chosen:
        record = entries[utterance]
        of_emotion.setdefault(record["emotion"], record)
    return [of_emotion[emotion] for emotion in sorted(of_emotion)]


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
    records, lines = first_in_all_emotions(responses), []
    if records:
        lines.append(f'"{records[0]["transcript"]}"')
    for record in records:
        heard = next(record[field] for field in HEARD if field in record)
        lines.append(
            f"  said {record['emotion']} (heard {heard}): {record['response']}"
        )
    figures = read_figures(folder / "listening.json")
    for name, title in MEASURES.items() if figures else ():
        found, chance = figures[name], figures["chance"].get(name)
        of = "" if chance is None else f", by chance {chance:.2f}"
        if is_known(found):
            interval = ""
            if found["low"] is not None:  # more than one sentence
                interval = f" [{found['low']:.2f}, {found['high']:.2f}]"
            lines.append(f"{title} {found['value']:.2f}{interval}{of}")
    return "\n".join(lines) + "\n"


@entry_point("four_voices")
def main(arguments):
    """Prints them.

    Arguments
    ---------
    arguments : list of str, optional
        Command line, by default the one of the process.

    Example
    -------
    >>> main(["no/such/run"])
    Traceback (most recent call last):
    ...
    SystemExit: four_voices: no/such/run/responses.jsonl: No such file or...
    """
    parser = Parser(
        prog="python -m speechbrain_relm.evaluation.listening.four_voices",
        description=__doc__.splitlines()[0],
    )
    parser.add_argument("folder", help="output folder of a finished run")
    sys.stdout.write(describe(parser.parse_args(arguments).folder))


if __name__ == "__main__":
    main()
