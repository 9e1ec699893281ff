"""Emotional speech from eSpeak NG, which PyPI's espeakng-loader brings.

The library keeps state from one utterance to the next, so the second corpus
spoken by a process differs a little from the first. `render` hence speaks in a
process of its own: one list of utterances, one set of files.
That process runs this module, which therefore imports neither torch nor
SpeechBrain.

Authors
 * The speechbrain_relm contributors 2026
"""

import contextlib
import ctypes
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from functools import lru_cache
from math import gcd
from pathlib import Path
from typing import NamedTuple

import espeakng_loader
import numpy as np
import soundfile
from scipy.signal import resample_poly
from tqdm import tqdm

ESPEAK_RATE = 22050  # Hz, what every voice used here is synthesized at
SAMPLE_RATE = 16000  # Hz, what corpora are saved at

# eSpeak NG copies the path of its data into a buffer of 160 characters.
LONGEST_DATA_PATH = 140

# From speak_lib.h.
SYNCHRONOUS, DO_NOT_EXIT = 2, 0x8000
RATE, VOLUME, PITCH, PITCH_RANGE = 1, 2, 3, 4
UTF8 = 1
CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class Delivery(NamedTuple):
    """How an utterance is spoken, in the units of `Utterance`.

    Arguments
    ---------
    rate : float
        Words a minute.
    pitch : float
        Pitch relative to the voice, 0 to 99.
    pitch_range : float
        How far the pitch moves, 0 to 99.
    volume : float
        Loudness, 0 to 200.

    Example
    -------
    >>> Delivery(175, 50, 50, 100).rate
    175
    """

    rate: float
    pitch: float
    pitch_range: float
    volume: float


# After the literature's findings on acted and natural speech (Scherer 2003;
# Juslin and Laukka 2003): anger fast, loud and wide in pitch; happiness quick,
# high and wide; sadness slow, low, narrow and soft. The volumes are
# low enough for the loudest syllables of the loudest voices not to be clipped.
DELIVERIES = {
    "neutral": Delivery(rate=165, pitch=45, pitch_range=45, volume=60),
    "angry": Delivery(rate=225, pitch=55, pitch_range=75, volume=85),
    "happy": Delivery(rate=195, pitch=80, pitch_range=85, volume=75),
    "sad": Delivery(rate=120, pitch=25, pitch_range=15, volume=36),
}
JITTER = Delivery(rate=14, pitch=7, pitch_range=9, volume=5)  # deviations

# Arousal, dominance and valence of each emotion's typical delivery.
RATINGS = {
    "neutral": (0.45, 0.50, 0.55),
    "angry": (0.85, 0.80, 0.20),
    "happy": (0.75, 0.65, 0.85),
    "sad": (0.20, 0.25, 0.25),
}


def draw_delivery(emotions, rng):
    """Draws one delivery of an emotion, or of several mixed evenly.

    Arguments
    ---------
    emotions : sequence of str
        Keys of `DELIVERIES`.
    rng : random.Random
        The source of the jitter.

    Returns
    -------
    Delivery
        Whole numbers, as eSpeak NG takes them.

    Example
    -------
    >>> import random
    >>> draw_delivery(["sad"], random.Random(0)).rate < 150
    True
    """
    typical = np.mean([DELIVERIES[emotion] for emotion in emotions], axis=0)
    drawn = [round(rng.gauss(*pair)) for pair in zip(typical, JITTER)]
    low, high = (80, 0, 0, 20), (300, 99, 99, 100)
    return Delivery(*(min(max(v, a), b) for v, a, b in zip(drawn, low, high)))


def dimensions(delivery):
    """Derives the dimensional labels from how an utterance is spoken.

    They are the mean of the emotions' typical dimensions, each weighted by how
    near its typical delivery is in rate, pitch and pitch range, which stay
    audible after loudness is normalized.

    Arguments
    ---------
    delivery : Delivery
        How the utterance is spoken.

    Returns
    -------
    tuple of float
        Arousal, dominance and valence, 0 to 1.

    Example
    -------
    >>> arousal, dominance, valence = dimensions(DELIVERIES["sad"])
    >>> arousal < 0.3 and valence < 0.4
    True
    """
    typical = np.array(list(DELIVERIES.values()))
    # Distances in twice the jitter, so that the jitter moves the labels.
    apart = (typical - np.array(delivery)) / np.array(JITTER) / 2
    weights = np.exp(-np.square(apart[:, :3]).sum(1) / 2)
    labels = np.array([RATINGS[emotion] for emotion in DELIVERIES])
    values = weights @ labels / weights.sum()
    return tuple(float(value) for value in values.round(4))


class Utterance(NamedTuple):
    """One utterance to be spoken.

    Arguments
    ---------
    path : str
        Name of its wav, relative to the folder of the corpus.
    text : str
        What is said.
    voice : str
        An eSpeak NG language and variant, such as "en-us+f2".
    delivery : Delivery
        How it is said.

    Example
    -------
    >>> how = Delivery(175, 50, 50, 100)
    >>> Utterance("a.wav", "Hello.", "en-us+m1", how).voice
    'en-us+m1'
    """

    path: str
    text: str
    voice: str
    delivery: Delivery


def check_voice(voice):
    """Refuses a voice variant that eSpeak NG does not have.

    eSpeak NG itself takes an unknown variant and speaks with the plain voice.

    Arguments
    ---------
    voice : str
        A language, a plus sign, and a variant.

    Raises
    ------
    ValueError
        If the variant is missing or has no file.

    Example
    -------
    >>> check_voice("en-us+f2")
    >>> check_voice("en-us+m99")
    Traceback (most recent call last):
    ...
    ValueError: eSpeak NG has no voice 'en-us+m99'...
    """
    variants = Path(espeakng_loader.get_data_path()) / "voices" / "!v"
    variant = voice.partition("+")[2]
    if variant not in {file.name for file in variants.iterdir()}:
        raise ValueError(
            f"eSpeak NG has no voice {voice!r}: write a language, a plus sign "
            f"and the name of a file in {variants}, such as 'en-us+f2'."
        )


@lru_cache(maxsize=None)
def _library():
    """Loads and starts eSpeak NG, once a process.

    Returns
    -------
    ctypes.CDLL
        The library, ready for synchronous synthesis.

    Raises
    ------
    RuntimeError
        If eSpeak NG does not start.
    """
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    data = espeakng_loader.get_data_path()
    if len(data) > LONGEST_DATA_PATH:
        # Voices are read whenever one is chosen, so the short link lives as
        # long as the library.
        library.link_folder = tempfile.TemporaryDirectory(prefix="espeak-")
        link = Path(library.link_folder.name) / "espeak-ng-data"
        link.symlink_to(data)
        data = str(link)
    rate = library.espeak_Initialize(
        SYNCHRONOUS, 0, data.encode("utf-8"), DO_NOT_EXIT
    )
    if rate != ESPEAK_RATE:
        raise RuntimeError(
            f"eSpeak NG did not start (answer {rate}) with the voice data in "
            f"{data}: reinstall espeakng-loader."
        )
    # Breathy voices have noise, which the library seeds from the clock.
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))
    return library


def synthesize(text, voice, rate=175, pitch=50, pitch_range=50, volume=100):
    """Speaks one text.

    Arguments
    ---------
    text : str
        What is said.
    voice : str
        An eSpeak NG language and variant, such as "en-us+f2".
    rate : int
        Words a minute, 80 to 450.
    pitch : int
        Pitch relative to the voice, 0 to 99.
    pitch_range : int
        How far the pitch moves, 0 to 99.
    volume : int
        Loudness, 0 to 200.

    Returns
    -------
    numpy.ndarray
        Samples [T], int16 at 22.05 kHz.

    Raises
    ------
    ValueError
        If eSpeak NG does not have the voice.

    Example
    -------
    >>> samples = synthesize("Good morning.", "en-us+f2", rate=200)
    >>> samples.dtype, 0.3 < len(samples) / ESPEAK_RATE < 2
    (dtype('int16'), True)
    """
    check_voice(voice)
    library, chunks = _library(), []

    def keep(samples, count, events):
        """Keeps what the library spoke so far."""
        if samples and count:
            chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    callback = CALLBACK(keep)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(voice.encode("utf-8")) != 0:
        raise ValueError(f"eSpeak NG does not speak the language of {voice!r}.")
    settings = ((RATE, rate), (PITCH, pitch))
    settings += ((PITCH_RANGE, pitch_range), (VOLUME, volume))
    for parameter, value in settings:
        library.espeak_SetParameter(parameter, int(value), 0)
    data = text.encode("utf-8")
    size = ctypes.c_size_t(len(data) + 1)
    library.espeak_Synth(data, size, 0, 0, 0, UTF8, None, None)
    library.espeak_Synchronize()
    return np.concatenate(chunks) if chunks else np.zeros(0, np.int16)


def render(utterances, folder):
    """Speaks a list of utterances in a process of its own.

    Arguments
    ---------
    utterances : list of Utterance
        What to speak; the same list gives the same files, bit by bit.
    folder : str or pathlib.Path
        Where the wavs go: 16 kHz, mono, 16-bit PCM.

    Raises
    ------
    RuntimeError
        If the process fails; its own message is on the standard error.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> how = DELIVERIES["happy"]
    >>> hello = Utterance("a/b.wav", "Hello.", "en-us+m1", how)
    >>> render([hello], folder)
    >>> soundfile.info(folder / "a/b.wav").samplerate
    16000
    """
    for voice in {utterance.voice for utterance in utterances}:
        check_voice(voice)
    command = [sys.executable, "-m", "speechbrain_relm.mini.voices"]
    with subprocess.Popen([*command, folder], stdin=subprocess.PIPE) as speaker:
        # If it ends before it has read all, its exit code says why.
        with contextlib.suppress(BrokenPipeError):
            speaker.stdin.write(json.dumps(utterances).encode() + b"\n")
            speaker.stdin.flush()
        code = speaker.wait()
    if code != 0:
        raise RuntimeError(
            f"eSpeak NG could not speak the corpus into {folder} (exit code "
            f"{code}): see the message above."
        )


def corpus_settings(name, seed, rows):
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

    Example
    -------
    >>> corpus_settings("ESD", 1, [["a", "b"]])["items"]
    1
    """
    digest = hashlib.sha256(json.dumps(rows).encode("utf-8")).hexdigest()
    return {"corpus": name, "seed": seed, "items": len(rows), "sha256": digest}


def _render_here(utterances, folder):
    """Speaks a list of utterances in this process.

    Arguments
    ---------
    utterances : list of Utterance
        What to speak.
    folder : pathlib.Path
        Where the wavs go.
    """
    step = gcd(SAMPLE_RATE, ESPEAK_RATE)
    name = folder.name.partition(".partial")[0].lstrip(".")
    for utterance in tqdm(utterances, f"speaking {name}", unit="wav"):
        delivery = Delivery(*utterance.delivery)
        samples = synthesize(utterance.text, utterance.voice, *delivery)
        samples = samples / 32768.0
        samples = resample_poly(
            samples, SAMPLE_RATE // step, ESPEAK_RATE // step
        )
        file = folder / utterance.path
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, samples, SAMPLE_RATE, subtype="PCM_16")


def _end_with_parent():
    """Ends this process when the one that wants the corpus is gone.

    Its end of the pipe is open as long as it lives, however it is killed.
    """
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


if __name__ == "__main__":
    wanted = [Utterance(*fields) for fields in json.loads(sys.stdin.readline())]
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _render_here(wanted, Path(sys.argv[1]))
