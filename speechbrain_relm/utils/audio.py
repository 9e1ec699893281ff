"""Audio files: which can be used, and how they are loaded.

A wav that training could not use is left out before any long work, once, with
a reason.

Authors
 * The speechbrain_relm contributors 2026
"""

import os
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile as sf
import torch
import torchaudio
from tqdm import tqdm

# Programs that write a wav to a pipe put such a size where they know none.
STREAMED_BYTES = 0x7FFFF000


def inspect_wav(path, min_duration=1.0, max_duration=30.0):
    """Reads a wav, header and samples, and says why it cannot be used.

    Any sampling rate and number of channels will do: `load_audio` resamples
    and averages. A file whose samples are all zero is of no use ("silent").

    Arguments
    ---------
    path : str
        The audio file.
    min_duration : float
        Shortest usable duration in seconds, inclusive.
    max_duration : float
        Longest usable duration in seconds, inclusive.

    Returns
    -------
    duration : float or None
        Seconds, `None` if the file cannot be used.
    reason : str or None
        Why it cannot be used, as `kind` or `kind: detail`, else `None`.

    Example
    -------
    >>> inspect_wav("no_such_file.wav")
    (None, 'missing')
    """
    try:
        return _usable_duration(path, min_duration, max_duration), None
    except _Unusable as reason:
        return None, str(reason)
    except (OSError, sf.LibsndfileError) as err:
        return None, f"unreadable: {err}"


class _Unusable(Exception):
    """Carries the reason why a wav cannot be used."""


def _usable_duration(path, min_duration, max_duration):
    """Returns the seconds of a wav, or raises `_Unusable`."""
    if not os.path.isfile(path):
        raise _Unusable("missing")
    if os.path.getsize(path) == 0:
        raise _Unusable("empty file")
    cut = _bytes_cut_off(path)
    if cut:
        raise _Unusable(f"truncated: the last {cut} bytes are not there")
    info = sf.info(path)
    if info.frames == 0 or info.samplerate == 0:
        raise _Unusable("zero length")
    duration = info.frames / info.samplerate
    # Before the samples are read: a recording of hours need not be.
    if duration < min_duration:
        raise _Unusable(f"too short: {duration:.2f} s of {min_duration:g} s")
    if duration > max_duration:
        raise _Unusable(f"too long: {duration:.2f} s of {max_duration:g} s")
    samples, _ = sf.read(path, dtype="float32", always_2d=True)
    if len(samples) < info.frames:
        raise _Unusable(f"truncated: {len(samples)} of {info.frames} frames")
    mono = samples.mean(axis=1)
    if not np.isfinite(mono).all():
        raise _Unusable("non-finite samples")
    if not mono.any():
        raise _Unusable("silent")
    return duration


def _bytes_cut_off(path):
    """Counts the bytes of samples that a RIFF header promises in vain.

    libsndfile reads a truncated wav without a word, so the sizes are compared
    here. Files of another format count as whole.
    """
    with open(path, "rb") as wav:
        kind = wav.read(12)
        if kind[:4] not in (b"RIFF", b"RIFX") or kind[8:] != b"WAVE":
            return 0
        layout = "<4sI" if kind[:4] == b"RIFF" else ">4sI"
        while True:
            header = wav.read(8)
            if len(header) < 8:
                return 0
            name, length = struct.unpack(layout, header)
            if name == b"data":
                break
            wav.seek(length + length % 2, os.SEEK_CUR)
        if length >= STREAMED_BYTES:
            return 0
        return max(0, wav.tell() + length - os.path.getsize(path))


def inspect_wavs(data_root, files, min_duration=1.0, max_duration=30.0):
    """Inspects many wavs in parallel, with a progress bar.

    Arguments
    ---------
    data_root : str
        Folder that the paths start from. A file that a symbolic link places
        outside it is left out.
    files : list of str
        Paths relative to `data_root`.
    min_duration : float
        Shortest usable duration in seconds, inclusive.
    max_duration : float
        Longest usable duration in seconds, inclusive.

    Returns
    -------
    durations : dict
        Relative path -> seconds, for the usable files, in the given order.
    left_out : dict
        Relative path -> reason, for the others.

    Example
    -------
    >>> inspect_wavs(".", ["no_such_file.wav"])
    ({}, {'no_such_file.wav': 'missing'})
    """
    root = Path(data_root).resolve()

    def inspect(file):
        """Inspects one file, unless it lies elsewhere."""
        path = (root / file).resolve()
        if root not in path.parents:
            return None, "outside the data folder"
        return inspect_wav(str(path), min_duration, max_duration)

    durations, left_out = {}, {}
    # Threads are enough: libsndfile works outside Python's lock.
    with ThreadPoolExecutor() as pool:
        found = pool.map(inspect, files)
        bar = tqdm(found, total=len(files), desc="Reading audio", unit="file")
        for file, (duration, reason) in zip(files, bar):
            if reason is None:
                durations[file] = duration
            else:
                left_out[file] = reason
    return durations, left_out


def load_audio(path, sample_rate=16000):
    """Loads an audio file as the lobes take it.

    Arguments
    ---------
    path : str
        Any file that libsndfile reads.
    sample_rate : int
        Sampling rate of the result in Hz.

    Returns
    -------
    torch.Tensor
        Mono float32 waveform [T], about -1 to 1.

    Raises
    ------
    ValueError
        If the file cannot be read, or holds no or non-finite samples.

    Example
    -------
    >>> path = str(getfixture("tmpdir").join("stereo.wav"))
    >>> sf.write(path, np.zeros((4800, 2)), 48000)
    >>> load_audio(path).shape
    torch.Size([1600])
    """
    try:
        samples, rate = sf.read(path, dtype="float32", always_2d=True)
    except (OSError, sf.LibsndfileError) as err:
        raise ValueError(
            f"{path}: cannot be read as audio ({err}); restore the file or "
            "prepare the data again"
        ) from err
    wav = torch.from_numpy(samples).mean(dim=1)
    if len(wav) == 0 or not torch.isfinite(wav).all():
        raise ValueError(
            f"{path}: holds no samples, or non-finite ones; restore the file "
            "or prepare the data again"
        )
    return torchaudio.functional.resample(wav, rate, sample_rate)
