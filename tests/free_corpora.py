"""Small corpora in the layouts of the free ones.

Authors
 * The speechbrain_relm contributors 2026
"""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import soundfile as sf

from speechbrain_relm.data.open_emotion.ravdess import LABELS
from speechbrain_relm.mini.esd import make_esd

RATE = 48000


def write_noise(path, seconds=0.5, rate=RATE):
    """Writes an audible recording, and the folders above it.

    Arguments
    ---------
    path : pathlib.Path
        Where it goes.
    seconds : float
        How long it is.
    rate : int
        Hz.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.RandomState(len(path.name)).randn(int(seconds * rate))
    sf.write(path, 0.1 * noise, rate)


def write_all(folder, names):
    """Writes recordings of some names into a folder.

    Arguments
    ---------
    folder : pathlib.Path
        The folder.
    names : list of str
        Paths inside it.

    Returns
    -------
    pathlib.Path
        The folder.
    """
    for name in names:
        write_noise(folder / name)
    return folder


def speak_ravdess(folder, actors=2):
    """Makes speech in RAVDESS's layout: two statements in four emotions.

    Arguments
    ---------
    folder : str or pathlib.Path
        Where it goes.
    actors : int
        How many of Actor_01 and following, up to 10.

    Returns
    -------
    pathlib.Path
        The folder.
    """
    folder = Path(folder)
    said = ["Kids are talking by the door.", "Dogs are sitting by the door."]
    with tempfile.TemporaryDirectory() as temporary:
        made = make_esd(Path(temporary) / "ESD", actors, said)
        for wav in sorted(made.glob("*/*/*.wav")):
            actor = int(wav.stem[:4]) - 10
            emotion = LABELS.index(wav.parent.name.lower()) + 1
            statement = (int(wav.stem[5:]) - 1) % 350 + 1
            name = f"03-01-{emotion:02d}-01-{statement:02d}-01-{actor:02d}"
            target = folder / f"Actor_{actor:02d}" / f"{name}.wav"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(wav, target)
    return folder
