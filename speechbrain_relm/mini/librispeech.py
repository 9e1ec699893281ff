"""A made corpus in LibriSpeech's layout: transcribed speech without labels.

> python -m speechbrain_relm.mini.corpora librispeech FOLDER --utterances 5000

Authors
 * The speechbrain_relm contributors 2026
"""

import json
import random
from pathlib import Path

from speechbrain_relm.mini.language.grammar import spoken_sentences
from speechbrain_relm.mini.voices import (
    DELIVERIES,
    Utterance,
    corpus_settings,
    draw_delivery,
    render,
)
from speechbrain_relm.utils.files import make_once

# No voice is in two sets, so that dev and test are heard for the first time.
# Of eSpeak NG's variants, those of which Whisper tiny.en understands at least
# about half of the words: from a voice that it does not, nobody learns words.
# In other accents than the American it gets fewer, and with five accents the
# same number of utterances taught a word error rate of .45 in place of .33
# (three epochs from an adapter as drawn).
VOICES = {
    "train-clean-100": "m1 m2 m3 m4 m5 m8 f1 f3 f4 f5 Mario max steph victor",
    "dev-clean": "m6 Andrea",
    "test-clean": "m7 f2",
}
SHARES = {"dev-clean": 0.05, "test-clean": 0.05}  # the rest is for training
IN_A_CHAPTER = 20


def make_librispeech(folder, utterances=5000, seed=1):
    """Makes a corpus in LibriSpeech's layout.

    Arguments
    ---------
    folder : str or pathlib.Path
        Where the corpus goes: the sets `train-clean-100`, `dev-clean` and
        `test-clean`, which share neither sentences nor voices, and
        `truth.json`, which maps each utterance id to its set, speaker, voice,
        emotion and the sentence as it was spoken; and `emotions.csv`.
    utterances : int
        How many, at least 3: 90 % for training, each with a sentence of its
        own.
    seed : int
        Of all that is drawn.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    ValueError
        If there are too few or too many utterances.

    Example
    -------
    >>> folder = make_librispeech(getfixture("tmp_path") / "LibriSpeech", 3)
    >>> sorted(path.suffix for path in folder.glob("test-clean/*/*/*"))
    ['.flac', '.txt']
    """
    if utterances < 3:
        raise ValueError(f"utterances={utterances}: ask for at least three.")
    rng = random.Random(seed)
    sentences = spoken_sentences(utterances, seed)
    sizes = {s: max(round(p * utterances), 1) for s, p in SHARES.items()}
    sizes = {"train-clean-100": utterances - sum(sizes.values()), **sizes}
    spoken, truth, start = [], {}, 0
    for part, size in sizes.items():
        _draw_set(part, sentences[start : start + size], rng, spoken, truth)
        start += size

    def _build(temporary):
        render(spoken, temporary)
        for path, lines in _transcripts(truth).items():
            text = "".join(f"{line}\n" for line in lines)
            (temporary / path).write_text(text, encoding="utf-8")
        rows = [f"{name},{e['emotion']}\n" for name, e in truth.items()]
        (temporary / "emotions.csv").write_text(
            "".join(["utterance,emotion\n", *rows]), encoding="utf-8"
        )
        (temporary / "truth.json").write_text(
            json.dumps(truth, indent=2), encoding="utf-8"
        )

    settings = corpus_settings("LibriSpeech", seed, spoken)
    return make_once(folder, settings, _build)


def _draw_set(part, sentences, rng, spoken, truth):
    """Draws how the sentences of a set are spoken, and by whom.

    Arguments
    ---------
    part : str
        Name of the set.
    sentences : list of str
        Its sentences.
    rng : random.Random
        The source of chance.
    spoken : list of Utterance
        Receives what to speak.
    truth : dict
        Receives utterance id to what is said.
    """
    voices = [f"en-us+{variant}" for variant in VOICES[part].split()]
    rng.shuffle(voices)
    # Ids in the manner of LibriSpeech, other ones in each set.
    first = 1000 * (1 + list(VOICES).index(part))
    for number, sentence in enumerate(sentences):
        turn, index = divmod(number, len(voices))
        speaker, chapter = first + index, 10 * (first + index)
        chapter += turn // IN_A_CHAPTER
        name = f"{speaker}-{chapter}-{turn % IN_A_CHAPTER:04d}"
        path = f"{part}/{speaker}/{chapter}/{name}.flac"
        emotion = rng.choice(list(DELIVERIES))
        delivery = draw_delivery([emotion], rng)
        spoken.append(Utterance(path, sentence, voices[index], delivery))
        truth[name] = {
            "set": part,
            "speaker": str(speaker),
            "voice": voices[index],
            "sentence": sentence,
            "emotion": emotion,
            "flac": path,
        }


def _transcripts(truth):
    """Lists each chapter's file of transcripts, as LibriSpeech writes them."""
    files = {}
    for name, entry in truth.items():
        chapter = Path(entry["flac"]).parent
        path = chapter / f"{entry['speaker']}-{chapter.name}.trans.txt"
        kept = (c for c in entry["sentence"].upper() if c not in ".,!?")
        files.setdefault(path, []).append(f"{name} {''.join(kept)}")
    return files
