"""A made MSP-Podcast, tidy, or odd as copies of the real one are.

To make an odd one by hand:
> python -m speechbrain_relm.mini.corpora msp-podcast FOLDER --oddities

Authors
 * The speechbrain_relm contributors 2026
"""

import csv
import json
import random
from itertools import cycle
from pathlib import Path

import soundfile

from speechbrain_relm.mini.language.sentences import MOST, everyday_sentences
from speechbrain_relm.mini.voices import (
    DELIVERIES,
    Utterance,
    corpus_settings,
    dimensions,
    draw_delivery,
    render,
)
from speechbrain_relm.utils.dimensions import DIMENSIONS
from speechbrain_relm.utils.files import make_once

# No variant is in two sets, so that no test voice is heard in training.
MSP_VOICES = {
    ("Train", "Male"): ["m1", "m2", "m3", "m4", "m5", "m8"],
    ("Train", "Female"): ["f1", "f2", "f3"],
    ("Development", "Male"): ["m6"],
    ("Development", "Female"): ["f4"],
    ("Test1", "Male"): ["m7"],
    ("Test1", "Female"): ["f5"],
}
# Each voice speaks with each accent, as a speaker of its own.
MSP_SPEAKERS = [
    (split, gender, f"{accent}+{variant}")
    for (split, gender), variants in MSP_VOICES.items()
    for variant in variants
    for accent in ("en-us", "en-gb-x-rp", "en-gb-scotland", "en-029")
]
MSP_SPLITS = ["Train"] * 5 + ["Development", "Test1"]
MSP_CLASSES = {
    "N": ["neutral"],
    "A": ["angry"],
    "H": ["happy"],
    "S": ["sad"],
}
TEXTS = everyday_sentences(MOST)
MSP_COLUMNS = ["FileName", "EmoClass", "EmoAct", "EmoVal", "EmoDom"]
MSP_COLUMNS += ["SpkrID", "Gender", "Split_Set"]

# How releases differ: the table's name, its columns, the name of the
# validation set, and whether the wavs lie in sub-folders of Audios.
VERSIONS = {
    "1.8": (
        "labels_concensus.csv",
        ["FileName", "SpkrID", "Gender", "EmoClass"]
        + ["EmoVal", "EmoAct", "EmoDom", "Split_Set"],
        "Validation",
        True,
    ),
    "1.12": ("labels_consensus.csv", MSP_COLUMNS, "Development", False),
}

# What happens to an utterance, and the kind of reason it is left out for:
# None where it stays, "" where it is not asked for.
ODDITIES = {
    "missing wav": "missing",
    "empty wav": "empty file",
    "truncated wav": "truncated",
    "missing transcript": "no transcript",
    "empty transcript": "no transcript",
    "untidy transcript": None,
    "unknown speaker": None,
    "rating above 7": None,
    "rating below 1": None,
    "another class": "",
    "another partition": "",
}
OTHER_CLASSES = "UFDCO"  # surprise, fear, disgust, contempt, other


def _spoil(fields, oddity, rng):
    """Changes a line of the table as an oddity wants it."""
    if oddity == "unknown speaker":
        fields["SpkrID"] = "Unknown"
    elif oddity == "rating above 7":
        fields["EmoAct"] = 7.5
    elif oddity == "rating below 1":
        fields["EmoDom"] = 0.25
    elif oddity == "another class":
        fields["EmoClass"] = rng.choice(OTHER_CLASSES)
    elif oddity == "another partition":
        fields["Split_Set"] = "Test2"


def _damage(folder, wav, oddity, text):
    """Writes an utterance's transcript and damages its files."""
    path = folder / wav
    if oddity == "missing wav":
        path.unlink()
    elif oddity == "empty wav":
        path.write_bytes(b"")
    elif oddity == "truncated wav":
        path.write_bytes(path.read_bytes()[:-4000])
    if oddity == "missing transcript":
        return
    if oddity == "empty transcript":
        text = ""
    elif oddity == "untidy transcript":
        text = "\ufeff\r\n  " + text.replace(" ", "  ") + " \r\n\r\n"
    file = folder / "Transcripts" / Path(wav).with_suffix(".txt").name
    with open(file, "w", encoding="utf-8", newline="") as handle:
        handle.write(text)


def _draw(utterances, seed, version):
    """Draws all utterances: (what to speak, line of the table, oddity)."""
    _, _, development, nested = VERSIONS[version]
    rng, drawn = random.Random(seed), []
    odd = random.Random(seed + 1)
    oddities = cycle(ODDITIES)
    usual = 0
    for number in range(utterances):
        spoken, row = _msp_row(number, rng)
        fields, oddity = dict(zip(MSP_COLUMNS, row)), None
        if fields["EmoClass"] in MSP_CLASSES:
            usual += 1
            # Two of three utterances have nothing odd.
            oddity = next(oddities) if usual % 3 == 0 else None
        if fields["Split_Set"] == "Development":
            fields["Split_Set"] = development
        _spoil(fields, oddity, odd)
        if nested:
            path = f"Audios/part{number % 3 + 1}/{fields['FileName']}"
            spoken = spoken._replace(path=path)
        drawn.append((spoken, fields, oddity))
    return drawn


def _truth(drawn, folder):
    """Sums up what a prepare script must find; all wavs are whole yet."""
    truth = {"entries": {"train": {}, "valid": {}, "test": {}}}
    truth.update(left_out={}, missing_transcripts=[], not_asked=[])
    splits = {"Train": "train", "Test1": "test"}
    for spoken, fields, oddity in drawn:
        utterance = Path(spoken.path).stem
        why = ODDITIES.get(oddity)
        if fields["EmoClass"] not in MSP_CLASSES or why == "":
            truth["not_asked"].append(utterance)
            continue
        if why:
            wav = spoken.path
            if oddity == "missing wav":
                # Nothing tells the sub-folder that it would be in.
                wav = f"Audios/{Path(wav).name}"
            truth["left_out"][wav] = why
            if why == "no transcript":
                truth["missing_transcripts"].append(utterance)
            continue
        info = soundfile.info(folder / spoken.path)
        speaker = str(fields["SpkrID"])
        if oddity == "unknown speaker":
            speaker = f"Unknown_{utterance}"
        rated = dimensions(spoken.delivery)
        if oddity in ("rating above 7", "rating below 1"):
            rated = None, None, None
        split = splits.get(fields["Split_Set"], "valid")
        truth["entries"][split][utterance] = {
            "wav": "{data_root}/" + spoken.path,
            "duration": info.frames / info.samplerate,
            "speaker": speaker,
            "emotion": MSP_CLASSES[fields["EmoClass"]][0],
            "transcript": spoken.text,
            **dict(zip(DIMENSIONS, rated)),
        }
    return truth


def make_msp_podcast_with_oddities(
    folder, utterances=210, seed=1, version="1.12"
):
    """Makes a corpus in the layout of MSP-Podcast with odd lines and files.

    One in three utterances of the four classes has an oddity of `ODDITIES`,
    in turn. `truth.json` says what must become of each utterance: `entries`
    (train, valid, test: id -> manifest entry), `left_out` (wav -> kind of
    reason), `missing_transcripts` (ids) and `not_asked` (ids of other classes
    and partitions). It comes from what was put in, not from reading it back,
    and knows no limits on the duration: all of them last 0.5 to 6 s.

    Arguments
    ---------
    folder : str or pathlib.Path
        Where the corpus goes.
    utterances : int
        How many lines the table has.
    seed : int
        Of all that is drawn.
    version : str
        Key of `VERSIONS`: whose layout.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    ValueError
        If there is no such version, or too few utterances for each oddity.

    Example
    -------
    >>> folder = getfixture("tmp_path") / "MSP"
    >>> folder = make_msp_podcast_with_oddities(folder, 56, version="1.8")
    >>> (folder / "Labels/labels_concensus.csv").is_file()
    True
    """
    if version not in VERSIONS:
        raise ValueError(f"version={version!r}: not among {list(VERSIONS)}.")
    drawn = _draw(utterances, seed, version)
    absent = set(ODDITIES) - {oddity for _, _, oddity in drawn}
    if absent:
        raise ValueError(
            f"utterances={utterances}: too few to have a {min(absent)}, ask "
            "for more."
        )
    table, columns, _, _ = VERSIONS[version]

    def _build(temporary):
        render([spoken for spoken, _, _ in drawn], temporary)
        for part in ("Labels", "Transcripts"):
            (temporary / part).mkdir()
        truth = json.dumps(_truth(drawn, temporary), indent=2) + "\n"
        (temporary / "truth.json").write_text(truth, encoding="utf-8")
        with open(
            temporary / "Labels" / table, "w", encoding="utf-8", newline=""
        ) as handle:
            writer = csv.DictWriter(handle, columns)
            writer.writeheader()
            writer.writerows(fields for _, fields, _ in drawn)
        for spoken, _, oddity in drawn:
            _damage(temporary, spoken.path, oddity, spoken.text)
        # As macOS leaves them; and a wav of the set whose labels are hidden.
        (temporary / "Audios" / "._hidden.wav").write_bytes(b"from macOS")
        (temporary / "Audios" / "MSP-PODCAST_9999_0001.wav").write_bytes(b"")

    settings = corpus_settings(
        f"MSP-Podcast {version} with oddities", seed, drawn
    )
    return make_once(folder, settings, _build)


def _msp_row(number, rng):
    """Draws one utterance of the MSP-Podcast-like corpus.

    Arguments
    ---------
    number : int
        Counts the utterances from 0.
    rng : random.Random
        The source of chance.

    Returns
    -------
    utterance : Utterance
        What to speak.
    row : list
        Its line of `labels_consensus.csv`.
    """
    split = MSP_SPLITS[number % len(MSP_SPLITS)]
    speaker = rng.choice([s for s in MSP_SPEAKERS if s[0] == split])
    _, gender, voice = speaker
    # X is the corpus's letter for "no agreement": here two emotions, mixed.
    letter = rng.choices([*MSP_CLASSES, "X"], [2, 2, 2, 2, 3])[0]
    emotions = MSP_CLASSES.get(letter) or rng.sample(list(DELIVERIES), 2)
    delivery = draw_delivery(emotions, rng)
    # The corpus rates from 1 to 7.
    act, dom, val = (round(1 + 6 * x, 4) for x in dimensions(delivery))
    speaker_id = MSP_SPEAKERS.index(speaker) + 1
    name = f"MSP-PODCAST_{speaker_id:04d}_{number + 1:04d}.wav"
    text = rng.choice(TEXTS)
    row = [name, letter, act, val, dom, speaker_id, gender, split]
    return Utterance(f"Audios/{name}", text, voice, delivery), row


def make_msp_podcast(folder, utterances=1400, seed=1):
    """Makes a corpus in the layout of MSP-Podcast.

    Arguments
    ---------
    folder : str or pathlib.Path
        Where the corpus goes.
    utterances : int
        How many: five in seven are for training, with voices of their own.
    seed : int
        Of all that is drawn.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    ValueError
        If no utterance is asked for.

    Example
    -------
    >>> folder = make_msp_podcast(getfixture("tmp_path") / "MSP", 2)
    >>> (folder / "Labels/labels_consensus.csv").is_file()
    True
    """
    if utterances < 1:
        raise ValueError(f"utterances={utterances}: ask for at least one.")
    rng = random.Random(seed)
    drawn = [_msp_row(number, rng) for number in range(utterances)]
    spoken, rows = zip(*drawn)

    def _build(temporary):
        render(spoken, temporary)
        for part in ("Labels", "Transcripts"):
            (temporary / part).mkdir()
        table = temporary / "Labels/labels_consensus.csv"
        with open(table, "w", encoding="utf-8", newline="") as handle:
            csv.writer(handle).writerows([MSP_COLUMNS, *rows])
        for utterance in spoken:
            name = Path(utterance.path).with_suffix(".txt").name
            file = temporary / "Transcripts" / name
            file.write_text(utterance.text + "\n", encoding="utf-8")

    return make_once(
        folder, corpus_settings("MSP-Podcast", seed, drawn), _build
    )
