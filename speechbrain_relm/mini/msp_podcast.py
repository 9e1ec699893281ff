"""A made MSP-Podcast with everything odd that copies of the real one have.

To make one by hand:
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

from speechbrain_relm.dimensions import DIMENSIONS
from speechbrain_relm.files import make_once
from speechbrain_relm.mini.corpora import (
    MSP_CLASSES,
    MSP_COLUMNS,
    _msp_row,
    _settings,
)
from speechbrain_relm.mini.voices import dimensions, render

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

    def build(temporary):
        """Speaks and writes the corpus."""
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

    settings = _settings(f"MSP-Podcast {version} with oddities", seed, drawn)
    return make_once(folder, settings, build)
