"""A made corpus in the layout of ESD's English part.

Authors
 * The speechbrain_relm contributors 2026
"""

import random
from typing import NamedTuple

from speechbrain_relm.mini.language.sentences import everyday_sentences
from speechbrain_relm.mini.voices import (
    Utterance,
    corpus_settings,
    draw_delivery,
    render,
)
from speechbrain_relm.utils.files import make_once

# ESD's English part: the speakers' voices are of the real speakers' gender.
ESD_VOICES = ["m1", "m2", "m3", "m4", "f1", "f2", "f3", "f4", "f5", "m5"]
ESD_EMOTIONS = ["neutral", "angry", "happy", "sad"]
ESD_SENTENCES = 350
# Further voices, of which Whisper tiny.en gets more than half of the words: a
# listener that cannot understand a voice says nothing about how it listens.
# None speaks in the demo's corpora but en-us+steph; en-gb-x-rp+f3 also speaks
# to the small emotion encoder.
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

    @property
    def path(self):
        """Its WAV file in the corpus's folder."""
        speaker = f"{11 + self.speaker:04d}"
        # ESD numbers the takes of a speaker through, emotion by emotion.
        number = ESD_SENTENCES * ESD_EMOTIONS.index(self.emotion)
        number += self.sentence
        title = self.emotion.capitalize()
        return f"{speaker}/{title}/{speaker}_{number:06d}.wav"


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
        delivery = draw_delivery([take.emotion], rng)
        utterances.append(Utterance(take.path, take.text, take.voice, delivery))
        speaker, title, name = take.path.removesuffix(".wav").split("/")
        lines = transcripts.setdefault(f"{speaker}/{speaker}.txt", [])
        lines.append(f"{name}\t{take.text}\t{title}\n")

    def _build(temporary):
        render(utterances, temporary)
        for path, lines in transcripts.items():
            (temporary / path).write_text("".join(lines), encoding="utf-8")

    return make_once(folder, corpus_settings(name, seed, utterances), _build)
