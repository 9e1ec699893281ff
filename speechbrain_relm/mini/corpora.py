"""Made corpora, spoken by eSpeak NG, in the layouts of the licensed ones.

To make one by hand:
> python -m speechbrain_relm.mini.corpora esd FOLDER --speakers 10 --sentences 12
or with sentences of your own, in voices that the seed picks:
> python -m speechbrain_relm.mini.corpora esd FOLDER --sentences_from FILE --seed 2

Authors
 * The speechbrain_relm contributors 2026
"""

import argparse
import csv
import hashlib
import json
import random
import sys
from pathlib import Path
from typing import NamedTuple

from speechbrain_relm.files import make_once
from speechbrain_relm.mini.iemocap import make_iemocap
from speechbrain_relm.mini.librispeech import make_librispeech
from speechbrain_relm.mini.sentences import (
    MOST,
    everyday_sentences,
    read_sentences,
)
from speechbrain_relm.mini.voices import (
    DELIVERIES,
    Utterance,
    dimensions,
    draw_delivery,
    render,
)


def _settings(name, seed, rows):
    """Sums up a corpus: any change of what is said or how changes the digest.

    Arguments
    ---------
    name : str
        Which corpus.
    seed : int
        Its seed.
    rows : list
        All that is written or spoken, in JSON's types.

    Returns
    -------
    dict
        Settings for `make_once`.
    """
    digest = hashlib.sha256(json.dumps(rows).encode("utf-8")).hexdigest()
    return {"corpus": name, "seed": seed, "items": len(rows), "sha256": digest}


# ESD's English part: the speakers' voices are of the real speakers' gender.
ESD_VOICES = ["m1", "m2", "m3", "m4", "f1", "f2", "f3", "f4", "f5", "m5"]
ESD_EMOTIONS = ["neutral", "angry", "happy", "sad"]
ESD_SENTENCES = 350
# Further voices, of which Whisper tiny.en gets more than half of the words and
# which no other made corpus trains on: a listener that cannot understand a
# voice says nothing about how it listens.
OTHER_MEN = [
    f"en-us+{variant}"
    for variant in (
        "Henrique sandro edward grandpa klatt Michael Hugo iven rob Storm "
        "Gene quincy pedro david ed Reed john paul Denis robert"
    ).split()
]
OTHER_WOMEN = """
en-gb-x-rp+f3 en-us-nyc+f5 en-gb-x-rp+steph en-us-nyc+f2 en-us+steph
en-gb-x-rp+f4 en-us-nyc+f3 en-gb-x-rp+f5 en-us-nyc+steph en-us+anika
""".split()


def esd_voices(seed):
    """Picks the voices of the ten speakers.

    Arguments
    ---------
    seed : int
        1 for American English in the plain variants; each other one has
        voices of its own, of which a neighbouring seed has none.

    Returns
    -------
    list of str
        Names for eSpeak NG, in the order of the speakers.

    Example
    -------
    >>> esd_voices(1)[:2]
    ['en-us+m1', 'en-us+m2']
    >>> set(esd_voices(2)) & {*esd_voices(1), *esd_voices(3)}
    set()
    """
    if seed == 1:
        return [f"en-us+{variant}" for variant in ESD_VOICES]
    others = {}
    for gender, voices in {"m": OTHER_MEN, "f": OTHER_WOMEN}.items():
        # Half of the speakers are men; each seed goes on in the circle.
        start = seed * len(ESD_VOICES) // 2 % len(voices)
        others[gender] = iter([*voices[start:], *voices[:start]])
    return [next(others[variant[0]]) for variant in ESD_VOICES]


def make_esd(folder, speakers=10, sentences=350, seed=1):
    """Makes a corpus in the layout of ESD's English part, without surprise.

    Arguments
    ---------
    folder : str or pathlib.Path
        Where the corpus goes.
    speakers : int
        How many of the speakers 0011 to 0020, 1 to 10.
    sentences : int or list of str
        How many of our 350 parallel sentences, or up to 350 of one's own.
    seed : int
        Of the voices, and of the jitter in how each utterance is spoken.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    ValueError
        If there are not so many speakers or sentences.

    Example
    -------
    >>> folder = make_esd(getfixture("tmp_path") / "ESD", 1, 1)
    >>> (folder / "0011/Sad/0011_001051.wav").is_file()
    True
    """
    if not 1 <= speakers <= len(ESD_VOICES):
        raise ValueError(
            f"speakers={speakers}: ask for 1 to {len(ESD_VOICES)} speakers."
        )
    texts = sentences
    if isinstance(sentences, int):
        texts = everyday_sentences(sentences)
    if len(texts) > ESD_SENTENCES:
        raise ValueError(
            f"{len(texts)} sentences: ESD has {ESD_SENTENCES} at most."
        )
    takes = [
        EsdTake(number, voice, emotion, index, text)
        for number, voice in enumerate(esd_voices(seed)[:speakers])
        for emotion in ESD_EMOTIONS
        for index, text in enumerate(texts, start=1)
    ]
    return speak_esd(folder, "ESD", seed, takes)


class EsdTake(NamedTuple):
    """One take of a corpus in ESD's layout.

    `speaker`, 0 to 9 for 0011 to 0020, and the `voice` that speaks for it;
    `emotion`; `sentence`, its number among the parallel ones, and its `text`.
    """

    speaker: int
    voice: str
    emotion: str
    sentence: int
    text: str


def speak_esd(folder, name, seed, takes):
    """Speaks takes and writes them in the layout of ESD's English part.

    Arguments
    ---------
    folder : str or pathlib.Path
        Where the corpus goes.
    name : str
        What the corpus is called where it is remembered.
    seed : int
        Of the jitter in how each take is spoken.
    takes : list of EsdTake
        The takes, in the order in which the jitter is drawn.

    Returns
    -------
    pathlib.Path
        The folder.

    Example
    -------
    >>> take = EsdTake(0, "en-us+m1", "sad", 1, "I fell.")
    >>> folder = speak_esd(getfixture("tmp_path") / "ESD", "mine", 1, [take])
    >>> (folder / "0011/Sad/0011_001051.wav").is_file()
    True
    """
    rng, utterances, transcripts = random.Random(seed), [], {}
    for take in takes:
        speaker, title = f"{11 + take.speaker:04d}", take.emotion.capitalize()
        # ESD numbers the takes of a speaker through, emotion by emotion.
        before = ESD_SENTENCES * ESD_EMOTIONS.index(take.emotion)
        utterance = f"{speaker}_{before + take.sentence:06d}"
        utterances.append(
            Utterance(
                f"{speaker}/{title}/{utterance}.wav",
                take.text,
                take.voice,
                draw_delivery([take.emotion], rng),
            )
        )
        lines = transcripts.setdefault(f"{speaker}/{speaker}.txt", [])
        lines.append(f"{utterance}\t{take.text}\t{title}\n")

    def build(temporary):
        """Speaks and writes the corpus."""
        render(utterances, temporary)
        for path, lines in transcripts.items():
            (temporary / path).write_text("".join(lines), encoding="utf-8")

    return make_once(folder, _settings(name, seed, utterances), build)


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
MSP_COLUMNS = ["FileName", "EmoClass", "EmoAct", "EmoVal", "EmoDom"]
MSP_COLUMNS += ["SpkrID", "Gender", "Split_Set"]


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
    text = rng.choice(everyday_sentences(MOST))
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

    def build(temporary):
        """Speaks and writes the corpus."""
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

    return make_once(folder, _settings("MSP-Podcast", seed, drawn), build)


def main():
    """Makes one corpus, as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    corpora = parser.add_subparsers(dest="corpus", required=True)
    esd = corpora.add_parser("esd", help="in the layout of ESD's English part")
    esd.add_argument("--speakers", type=int, default=10)
    said = esd.add_mutually_exclusive_group()
    said.add_argument("--sentences", type=int, default=ESD_SENTENCES)
    said.add_argument(
        "--sentences_from", help="a text file with sentences, one a line"
    )
    msp = corpora.add_parser("msp-podcast", help="in that of MSP-Podcast")
    msp.add_argument("--utterances", type=int, default=1400)
    msp.add_argument(
        "--oddities", action="store_true", help="with odd lines and files"
    )
    iemocap = corpora.add_parser("iemocap", help="in that of IEMOCAP")
    iemocap.add_argument("--utterances_per_dialog", type=int, default=12)
    libri = corpora.add_parser("librispeech", help="in that of LibriSpeech")
    libri.add_argument("--utterances", type=int, default=5000)
    demo = corpora.add_parser("demo", help="the demo's, in that of ESD")
    demo.add_argument("--sentences", type=int, default=270)
    demo.add_argument("--test_sentences", type=int, default=12)
    for command in (esd, msp, iemocap, libri, demo):
        command.add_argument("folder")
        command.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    try:
        make(args)
    except (OSError, ValueError) as error:
        sys.exit(f"corpora: {error}")


def make(args):
    """Makes the corpus that was asked for.

    Arguments
    ---------
    args : argparse.Namespace
        The command line.
    """
    if args.corpus == "esd":
        sentences = args.sentences
        if args.sentences_from is not None:
            sentences = read_sentences(args.sentences_from, ESD_SENTENCES)
        make_esd(args.folder, args.speakers, sentences, args.seed)
    elif args.corpus == "iemocap":
        make_iemocap(args.folder, args.utterances_per_dialog, args.seed)
    elif args.corpus == "librispeech":
        make_librispeech(args.folder, args.utterances, args.seed)
    elif args.corpus == "demo":
        # It builds on this module.
        from speechbrain_relm.mini.demo_corpus import make_demo

        make_demo(args.folder, args.sentences, args.test_sentences, args.seed)
    elif args.oddities:
        # It builds on this module.
        from speechbrain_relm.mini import msp_podcast

        msp_podcast.make_msp_podcast_with_oddities(
            args.folder, args.utterances, args.seed
        )
    else:
        make_msp_podcast(args.folder, args.utterances, args.seed)


if __name__ == "__main__":
    main()
