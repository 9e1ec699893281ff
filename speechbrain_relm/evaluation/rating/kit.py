"""A page on which people rate the answers of two runs, and its key.

The page names no system: the key does, and stays with whoever asks.

Authors
 * The speechbrain_relm contributors 2026
"""

import random
from pathlib import Path

from speechbrain_relm.data.corpus import as_json
from speechbrain_relm.evaluation.pages.page import json_block, make_page
from speechbrain_relm.evaluation.pages.recordings import (
    recordings_of,
    sound_uri,
)
from speechbrain_relm.evaluation.rating.items import (
    add_checks,
    choose_items,
    different,
)
from speechbrain_relm.evaluation.runs import read_run
from speechbrain_relm.evaluation.tables.alike import check_alike
from speechbrain_relm.utils.files import write_atomically
from speechbrain_relm.utils.provenance.stamps import SHORT, fingerprint

HERE = Path(__file__).resolve().parent
# What is asked, by kind of rating.
QUESTIONS = {
    "preference": "Which answer would feel better to the speaker?",
    "scale": "How well does each answer meet how the speaker feels?",
}
PAGE, KEY = "kit.html", "key.json"


def make_kit(
    folders,
    output,
    kind="preference",
    number=24,
    checks=3,
    seed=1,
    question=None,
    data_folder=None,
):
    """Writes `kit.html` for the raters and `key.json` for who asks them.

    Arguments
    ---------
    folders : list of str
        Output folders of two finished runs, NAME=FOLDER.
    output : str or pathlib.Path
        Receives both files.
    kind : str
        "preference" or "scale".
    number : int
        Utterances.
    checks : int
        Tests of attention among them.
    seed : int
        Of all that is drawn; a rater's own order follows from it and the
        rater's name.
    question : str or None
        What is asked; by default that of `QUESTIONS`.
    data_folder : str or None
        The corpus, if it is no longer where the runs found it.

    Returns
    -------
    pathlib.Path
        Path of the page.

    Raises
    ------
    ValueError
        If the runs have one name, or cannot be compared.
    OSError
        If a run or a recording is missing.
    """
    runs = [read_run(folder) for folder in folders]
    if runs[0].name == runs[1].name:
        raise ValueError(
            f"Both runs are called {runs[0].name}: give names, as in "
            "RE-LLM=results/ESD/re_llm/1986."
        )
    check_alike(runs)
    items = choose_items(runs, number, seed)
    items = add_checks(items, checks, kind, seed)
    # An item's place tells nothing: neither its emotion nor that it tests.
    random.Random(seed).shuffle(items)
    items = {f"item {i + 1:02}": item for i, item in enumerate(items)}
    question = question or QUESTIONS[kind]
    key = {
        "kind": kind,
        "question": question,
        "seed": seed,
        "systems": [run.name for run in runs],
        "made_from": {run.name: run.made_from() for run in runs},
        "answered_the_same": len(runs[0].responses) - len(different(runs)),
        "items": {name: item._asdict() for name, item in items.items()},
    }
    key = {"kit": fingerprint(key)[:SHORT], **key}
    folder = folders[0].rpartition("=")[2]
    wavs = recordings_of(folder, data_folder)
    page = rating_page(key, items, wavs)
    write_atomically(Path(output, KEY), as_json(key))
    write_atomically(Path(output, PAGE), page)
    return Path(output, PAGE)


def rating_page(key, items, wavs):
    """Makes the page: recordings and texts, and no names.

    Arguments
    ---------
    key : dict
        What the key says of all items.
    items : dict
        Name to `Item`.
    wavs : dict
        Utterance id to path.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    ValueError
        If a recording is not in the manifest, or cannot be read.
    """
    shown = []
    for name, item in items.items():
        if item.utterance not in wavs:
            raise ValueError(
                f"The run's test manifest has no {item.utterance}, which it "
                "answered: run the recipe's step 'respond' again."
            )
        sound = sound_uri(wavs[item.utterance])
        shown.append({"id": name, "sound": sound, **item.texts})
    told = {name: key[name] for name in ("kit", "kind", "question", "seed")}
    body = (HERE / "kit.html").read_text(encoding="utf-8")
    return make_page(
        "Two answers to a voice",
        body + json_block("kit", {**told, "items": shown}),
        (HERE / "kit.css").read_text(encoding="utf-8"),
        (HERE / "kit.js").read_text(encoding="utf-8"),
    )
