"""A made corpus in the layout of IEMOCAP, with the oddities of the real one.

Five sessions of two speakers each, with voices of their own. `truth.json`
tells what was put in, so that what a recipe reads from it can be checked.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
import random
from math import ceil, floor

import numpy as np
import soundfile

from speechbrain_relm.mini.language.sentences import MOST, everyday_sentences
from speechbrain_relm.mini.voices import (
    DELIVERIES,
    SAMPLE_RATE,
    Utterance,
    corpus_settings,
    dimensions,
    draw_delivery,
    render,
)
from speechbrain_relm.utils.files import make_once

# By session: its speakers' voices.
VOICES = {
    speaker: [f"en-us+{speaker.lower()}{n}" for n in range(1, 6)]
    for speaker in "FM"
}
# The letter says who wears the markers of the motion capture.
DIALOGS = ("F_impro01", "M_impro02", "F_script01_1", "M_script02_1")
SPLIT_DIALOGS = {(3, "M_impro02"): "a", (5, "M_script02_1"): "b"}
# What each label sounds like; "xxx", no majority, mixes any two emotions.
DELIVERED = {
    "neu": ["neutral"],
    "ang": ["angry"],
    "sad": ["sad"],
    "exc": ["happy"],
    "hap": ["happy"],
    "fru": ["angry", "sad"],
    "xxx": list(DELIVERIES),
}
# Labels of the turns of a dialog, before they are shuffled.
CYCLE = "neu ang sad exc hap neu fru ang sad neu exc xxx".split()
# The classes that a recipe makes of the labels, others being unused.
CLASSES = {"neu": "neutral", "ang": "angry", "sad": "sad"}
CLASSES.update({"hap": "happy", "exc": "happy"})
NAMES = {"neu": "Neutral state", "ang": "Anger", "sad": "Sadness"}
NAMES.update({"hap": "Happiness", "exc": "Excited", "fru": "Frustration"})

# One turn each: what is odd -> the kind of reason to leave it out. `None` are
# kept, those in UNRATED without dimensions; "" are nowhere to be seen.
ODDITIES = {
    "overlapping turn": None,
    "transcription without times": None,
    "ratings off the scale": None,
    "ratings unreadable": None,
    "no ratings": None,
    "labelled twice": "labelled twice",
    "conflicting labels": "conflicting labels",
    "unknown label": "unknown label",
    "overlapping speech": "overlapping speech",
    "no wav": "missing",
    "no transcription": "no transcript",
    "empty transcription": "no transcript",
    "truncated wav": "truncated",
    "short wav": "too short",
    "long wav": "too long",
    "not evaluated": "",
}
UNRATED = {
    "ratings off the scale": "[5.5000, 5.0000, 2.0000]",
    "ratings unreadable": "[2.5000, , n/a]",
    "no ratings": "",
}
EVALUATION_HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
MACOS = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X"


def make_iemocap(folder, utterances_per_dialog=12, seed=1):
    """Makes a corpus in the layout of IEMOCAP, five sessions of four dialogs.

    `truth.json` in it has three parts. `utterances` maps each usable id to
    `wav` (relative to the folder), `session` (1 to 5), `speaker`, `emotion`,
    `transcript`, `arousal`, `dominance` and `valence` (0 to 1, or null).
    `left_out` maps the wav of what a recipe must refuse to the kind of
    reason. `oddities` maps what is odd to the id that has it.

    Arguments
    ---------
    folder : str or pathlib.Path
        Where the corpus goes; it corresponds to `IEMOCAP_full_release`.
    utterances_per_dialog : int
        How many turns a dialog has besides the odd ones; of twelve, ten are
        of the four classes.
    seed : int
        Of all that is drawn.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    ValueError
        If the dialogs are too short to hold the four classes.

    Example
    -------
    >>> folder = make_iemocap(getfixture("tmp_path") / "IEMOCAP", 4)
    >>> (folder / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt").is_file()
    True
    """
    if utterances_per_dialog < 4:
        raise ValueError(
            f"utterances_per_dialog={utterances_per_dialog}: ask for at least "
            "4, one for each class."
        )
    turns = _draw_turns(utterances_per_dialog, random.Random(seed))

    def _build(temporary):
        spoken = [turn for turn in turns if turn["odd"] != "no wav"]
        render([_utterance(turn) for turn in spoken], temporary)
        for turn in spoken:
            _spoil(temporary / turn["wav"], turn["odd"])
        for dialog in dict.fromkeys(turn["dialog"] for turn in turns):
            _write_dialog(
                temporary, [t for t in turns if t["dialog"] == dialog]
            )
        truth = json.dumps(_truth(turns), indent=2)
        (temporary / "truth.json").write_text(truth, encoding="utf-8")

    return make_once(folder, corpus_settings("IEMOCAP", seed, turns), _build)


def _draw_turns(utterances_per_dialog, rng):
    """Draws all turns: the odd ones follow the others, dialog by dialog."""
    dialogs = [(session, tail) for session in range(1, 6) for tail in DIALOGS]
    odd_ones = {key: [] for key in dialogs}
    # Neighbours go to different sessions.
    for number, odd in enumerate(ODDITIES):
        odd_ones[dialogs[number * 7 % len(dialogs)]].append(odd)
    texts = everyday_sentences(MOST)
    rng.shuffle(texts)
    script = {tail: list(texts) for tail in DIALOGS if "script" in tail}
    for lines in script.values():
        rng.shuffle(lines)
    turns = []
    for session, tail in dialogs:
        labels = [CYCLE[i % 12] for i in range(utterances_per_dialog)]
        rng.shuffle(labels)
        labels = [(label, "") for label in labels]
        # Odd turns are of a class that is used, so that they are looked at.
        labels += [("sad", odd) for odd in odd_ones[session, tail]]
        # Each session acts the same script, but improvises its own words.
        lines = script.get(tail) or rng.sample(texts, len(labels))
        dialog = f"Ses{session:02d}{tail}"
        dialog += SPLIT_DIALOGS.get((session, tail), "")
        for number, ((label, odd), text) in enumerate(zip(labels, lines)):
            turns.append(_turn(dialog, number, label, odd, text, rng))
    return turns


def _turn(dialog, number, label, odd, text, rng):
    """Draws how a turn is spoken, and sums it up in JSON's types."""
    session, speaker = int(dialog[3:5]), "FM"[number % 2]
    counted = f"XX{number}" if odd == "overlapping speech" else f"{number:03d}"
    utterance = f"{dialog}_{speaker}{counted}"
    emotions = DELIVERED[label]
    if label == "xxx":
        emotions = rng.sample(emotions, 2)
    delivery = draw_delivery(emotions, rng)
    # From 1 to 5, and halves, as the mean of two evaluators is.
    scale = [round(2 + 8 * value) / 2 for value in dimensions(delivery)]
    wav = f"Session{session}/sentences/wav/{dialog}/{utterance}.wav"
    return {
        "id": utterance,
        "dialog": dialog,
        "speaker": speaker,
        "label": label,
        "odd": odd,
        "text": text,
        "wav": wav,
        "voice": VOICES[speaker][session - 1],
        "delivery": delivery,
        "scale": scale,
    }


def _utterance(turn):
    """Tells the synthesizer what to speak."""
    return Utterance(turn["wav"], turn["text"], turn["voice"], turn["delivery"])


def _spoil(wav, odd):
    """Makes a wav odd, if that is what its turn is to be."""
    if odd == "truncated wav":
        wav.write_bytes(wav.read_bytes()[:-4000])
    elif odd in ("short wav", "long wav"):
        samples, _ = soundfile.read(wav, dtype="int16")
        seconds = 0.1 if odd == "short wav" else 36
        samples = np.resize(samples, int(seconds * SAMPLE_RATE))
        soundfile.write(wav, samples, SAMPLE_RATE, subtype="PCM_16")


def _write_dialog(root, turns):
    dialog, session = turns[0]["dialog"], root / f"Session{turns[0]['id'][4]}"
    evaluation, transcription, clock = EVALUATION_HEADER, [], 5.0
    for turn in turns:
        wav = root / turn["wav"]
        seconds = soundfile.info(wav).duration if wav.is_file() else 2.0
        # An overlapping turn starts before the other speaker has ended.
        clock += -0.4 if turn["odd"] == "overlapping turn" else 0.6
        times = (clock, clock + seconds)
        clock += seconds
        evaluation += _evaluation(turn, times)
        transcription += _transcription(turn, times)
    folder = session / "dialog" / "EmoEvaluation"
    forms = folder / "Categorical"
    said = session / "dialog" / "transcriptions"
    for place in (
        forms,
        folder / "Attribute",
        folder / "Self-evaluation",
        said,
    ):
        place.mkdir(parents=True, exist_ok=True)
    # Opinions of one evaluator: not the label, even where they look like it.
    opinion = (
        EVALUATION_HEADER + f"[0.0 - 1.0]\t{turns[0]['id']}\toth\t[1, 1, 1]\n"
    )
    files = {
        folder / f"{dialog}.txt": evaluation,
        forms / f"{dialog}_e2_cat.txt": f"{turns[0]['id']} :Other; ()\n",
        folder / "Attribute" / f"{dialog}_e2_atr.txt": opinion,
        folder / "Self-evaluation" / f"{dialog}.txt": opinion,
        # Files from Windows end their lines otherwise.
        said / f"{dialog}.txt": ("\r\n" if "M_" in dialog else "\n").join(
            [*transcription, ""]
        ),
    }
    for file, text in files.items():
        file.write_bytes(text.encode("utf-8"))
    for place in (folder, said):
        (place / f"._{dialog}.txt").write_bytes(MACOS)
    wav = root / turns[0]["wav"]
    wav.with_name(f"._{wav.name}").write_bytes(MACOS)


def _evaluation(turn, times):
    """Writes the label of a turn and the two opinions behind it."""
    arousal, dominance, valence = turn["scale"]
    odd, label = turn["odd"], turn["label"]
    scale = f"[{valence:.4f}, {arousal:.4f}, {dominance:.4f}]"
    scale = UNRATED.get(odd, scale)
    labels = {
        "labelled twice": [label, label],
        "conflicting labels": [label, "neu"],
        "unknown label": ["bored"],
        "not evaluated": [],
    }.get(odd, [label])
    text = ""
    for label in labels:
        text += f"[{times[0]:.4f} - {times[1]:.4f}]\t{turn['id']}\t{label}"
        text += f"\t{scale}\n"
        name = NAMES.get(label, "Other")
        text += f"C-E2:\t{name};\t()\nC-E4:\t{name};\t()\n"
        for evaluator, whole in (("E2", floor), ("E3", ceil)):
            v, a, d = (whole(x) for x in (valence, arousal, dominance))
            text += f"A-{evaluator}:\tval {v}; act {a}; dom  {d};\t()\n"
        text += "\n"
    return text


def _transcription(turn, times):
    """Writes what a turn says, with a noise of the other speaker at times."""
    start, end = (f"{time:08.4f}" for time in times)
    line = f"{turn['id']} [{start}-{end}]: {turn['text']}"
    if turn["odd"] == "transcription without times":
        line = f"{turn['id']}: {turn['text']}"
    if turn["odd"] == "empty transcription":
        line = f"{turn['id']} [{start}-{end}]: "
    lines = [] if turn["odd"] == "no transcription" else [line]
    if turn["id"].endswith("000"):
        lines += ["M: [LAUGHTER]", f"{turn['dialog']}_MXX9: Yes. No."]
    return lines


def _truth(turns):
    """Tells what a recipe must find, from what was put in."""
    truth = {"utterances": {}, "left_out": {}, "oddities": {}}
    for turn in turns:
        odd = turn["odd"]
        if odd:
            truth["oddities"][odd] = turn["id"]
        kind = ODDITIES.get(odd)
        if kind:
            truth["left_out"][turn["wav"]] = kind
        if kind is not None or turn["label"] not in CLASSES:
            continue
        scale = [(rating - 1) / 4 for rating in turn["scale"]]
        if odd in UNRATED:
            scale = [None] * 3
        truth["utterances"][turn["id"]] = {
            "wav": turn["wav"],
            "session": int(turn["id"][4]),
            "speaker": turn["id"][:5] + turn["speaker"],
            "emotion": CLASSES[turn["label"]],
            "transcript": turn["text"],
            **dict(zip(("arousal", "dominance", "valence"), scale)),
        }
    return truth
