"""Wavs: headers that claim too much, damage, and sounds that are no speech."""

import os
import shutil
import struct

import numpy as np
import soundfile as sf
import torch
from fuzzing import Area, Case

from speechbrain_relm.utils.sound.audio import inspect_wav, load_audio

SECONDS = 1.5
RATES = (8000, 11025, 16000, 22050, 24000, 44100, 48000)
FORMATS = {
    "wav": ("WAV", "PCM_16"),
    "float.wav": ("WAV", "FLOAT"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
# Where the rate stands in a WAV as soundfile writes it.
WAV_RATE, WAV_CHANNELS = 24, 22


def spoken(rate, seconds=SECONDS):
    """A sound that swells like syllables."""
    time = np.arange(int(seconds * rate)) / rate
    loudness = np.sin(2 * np.pi * 2 * time) ** 2
    return 0.5 * loudness * np.sin(2 * np.pi * 200 * time)


def write(folder, ending, samples, rate):
    """Writes a file in one of the formats."""
    kind, subtype = FORMATS[ending]
    path = folder / f"speech.{ending}"
    sf.write(path, samples, rate, format=kind, subtype=subtype)
    return path


def make(random, folder, shared):
    """One file, well or ill, and how it is opened."""
    kind = random.choice(KINDS)
    path, what, right = kind(random, folder)
    name = path.name.encode("utf-8", "backslashreplace").decode()
    # What loads single files has no filter of sounds.
    if random.random() < 0.5 and kind is not nothing_said:
        return Case(f"load {what}", (name,), lambda: load(path), right)

    def inspected():
        """The file as a recipe looks at it."""
        duration, reason = inspect_wav(str(path), 0.3, 30.0, "steady")
        if reason:
            raise ValueError(f"{name} is left out: {reason}")
        return load(path) if duration else None

    return Case(f"inspect {what}", (name,), inspected, right)


def load(path):
    """The signal as a data loader gets it."""
    return load_audio(path, seconds=30)


def lasts(seconds, slack=0.2):
    """Whether a signal is one, and lasts as long as it should."""

    def right(wav):
        """Looks at the signal."""
        short = abs(len(wav) / 16000 - seconds) <= slack
        return torch.isfinite(wav).all() and short

    return right


def well(random, folder):
    """A good file of any format, rate and number of channels."""
    ending, rate = random.choice([*FORMATS]), random.choice(RATES)
    channels = random.choice([1, 1, 2])
    samples = np.stack([spoken(rate)] * channels, 1)
    path = write(folder, ending, samples, rate)
    return path, f"{ending} {rate} Hz {channels} channels", lasts(SECONDS)


def odd_rate(random, folder):
    """A WAV with another sampling rate in its header."""
    path = write(folder, "wav", spoken(16000), 16000)
    rate = random.choice(
        [random.randrange(2**32), random.randrange(10**5), 0, 1, 16001]
        + [44101, 15999, 7919, 48001, 767999, 2**31]
    )
    raw = bytearray(path.read_bytes())
    struct.pack_into("<I", raw, WAV_RATE, rate)
    path.write_bytes(raw)
    usable = 4000 <= rate <= 768000
    seconds = SECONDS * 16000 / rate if usable else 0
    what = f"a header with {rate} Hz"
    if not usable or seconds < 0.3:
        return path, what, lasts(seconds, 0.01) if usable else None
    return path, what, lasts(seconds)


def cut(random, folder):
    """A file that ends too early."""
    ending = random.choice([*FORMATS])
    path = write(folder, ending, spoken(16000), 16000)
    raw = path.read_bytes()
    size = random.randrange(len(raw))
    path.write_bytes(raw[:size])
    return path, f"{ending} of {size}/{len(raw)} bytes", is_signal


def is_signal(wav):
    """What can be read of a damaged file, finite and bounded."""
    return len(wav) <= 30 * 16000 and bool(torch.isfinite(wav).all())


def flipped(random, folder):
    """Other bytes anywhere, most of them in the header."""
    ending = random.choice([*FORMATS])
    path = write(folder, ending, spoken(16000), 16000)
    raw = bytearray(path.read_bytes())
    count = random.choice([1, 2, 8, 64])
    for _ in range(count):
        end = len(raw) if random.random() < 0.3 else min(len(raw), 120)
        raw[random.randrange(end)] = random.randrange(256)
    path.write_bytes(raw)
    return path, f"{ending} with {count} other bytes", is_signal


def huge_flac(random, folder):
    """A FLAC header that claims many frames."""
    path = write(folder, "flac", spoken(16000), 16000)
    raw = bytearray(path.read_bytes())
    frames = random.choice([2**36 - 1, 2**35, 10**9, 0])
    # STREAMINFO: 20 bits of rate, 3 of channels, 5 of depth, 36 of frames.
    (fields,) = struct.unpack_from(">Q", raw, 18)
    fields = (fields >> 36 << 36) | frames
    struct.pack_into(">Q", raw, 18, fields)
    path.write_bytes(raw)
    return path, f"a FLAC header with {frames} frames", is_signal


def channels(random, folder):
    """A WAV that claims many channels."""
    path = write(folder, "wav", spoken(16000), 16000)
    raw = bytearray(path.read_bytes())
    number = random.choice([0, 3, 255, 1024, 1025, 65535])
    struct.pack_into("<H", raw, WAV_CHANNELS, number)
    path.write_bytes(raw)
    return path, f"a header with {number} channels", is_signal


def no_xing(random, folder):
    """An MP3 whose first frame, which says how long it is, is gone."""
    path = write(folder, "mp3", spoken(16000), 16000)
    raw = path.read_bytes()
    second = raw.index(raw[:2], 4)
    path.write_bytes(raw[second:])
    return path, "an MP3 without a Xing header", lasts(SECONDS)


def nothing_said(random, folder):
    """Silence, a tone, noise: refused where a recipe filters them."""
    time = np.arange(24000) / 16000
    noise = np.random.RandomState(random.randrange(1000)).randn(24000)
    sounds = {
        "silence": 0 * time,
        "a whisper of 1e-4": 1e-4 * np.sin(2000 * time),
        "NaN": np.where(time > 1, np.nan, spoken(16000)),
        "inf": np.where(time > 1, np.inf, spoken(16000)),
        "unscaled samples": 20000 * spoken(16000),
        "a tone": 0.3 * np.sin(2000 * time),
        "noise": 0.1 * noise,
    }
    what = random.choice([*sounds])
    path = write(folder, "float.wav", sounds[what], 16000)
    return path, what, None


def no_audio(random, folder):
    """What is no audio at all, under such a name."""
    path = folder / "speech.wav"
    contents = {
        "text": b"no audio at all" * 100,
        "zeros": bytes(1000),
        "nothing": b"",
        "RIFF alone": b"RIFF",
        "a picture": b"\x89PNG\r\n\x1a\n" + bytes(200),
        "noise": random.randbytes(3000),
    }
    what = random.choice([*contents, "missing", "a folder", "a pipe"])
    if what in contents:
        path.write_bytes(contents[what])
    elif what == "a folder":
        path.mkdir()
    elif what == "a pipe":
        os.mkfifo(path)
    return path, f"{what} as speech.wav", None


def odd_name(random, folder):
    """A good file with a name that is hard to print."""
    names = [b"\xe9t\xe9.wav", b"a\nb.wav", b"-rf.wav", b"a b'\".wav", "日.wav"]
    name = random.choice(names)
    path = folder / os.fsdecode(name)
    shutil.move(write(folder, "wav", spoken(16000), 16000), path)
    return path, f"the name {name!r}", lasts(SECONDS)


KINDS = (well, odd_rate, cut, flipped, huge_flac, channels, no_xing)
KINDS += (nothing_said, no_audio, odd_name)
AREAS = [Area("wavs", make)]
