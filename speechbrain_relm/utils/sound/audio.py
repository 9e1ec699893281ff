"""Audio files: which can be used, and how they are loaded.

A wav that training could not use is left out before any long work, once, with
a reason.

Authors
 * The speechbrain_relm contributors 2026
"""

import math
import os
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile as sf
import torch
from tqdm import tqdm

from speechbrain_relm.utils import limits
from speechbrain_relm.utils.disk.pointers import is_pointer
from speechbrain_relm.utils.sound.resampling import resampled
from speechbrain_relm.utils.sound.voice import silence, voiceless

# Programs that write a wav to a pipe put such a size where they know none.
STREAMED_BYTES = 0x7FFFF000
# What libsndfile says of a stream whose end it cannot see.
UNKNOWN_FRAMES = 2**63 - 1


class Recording(NamedTuple):
    """What a file holds, as far as it was read.

    `wav`, its mono samples [T] at `rate` Hz; `seconds`, how long the whole
    file says that it lasts; `cut`, what is missing of that, or `None`.
    """

    wav: torch.Tensor
    rate: int
    seconds: float
    cut: str = None


class Unusable(ValueError):
    """Carries the reason why a file cannot be used."""


def inspect_wav(path, min_duration=1.0, max_duration=30.0, speech_filter=None):
    """Reads a wav, header and samples, and says why it cannot be used.

    Any sampling rate and number of channels will do: `load_audio` resamples
    and averages. A file that is next to silent is of no use.

    Arguments
    ---------
    path : str
        The audio file.
    min_duration : float
        Shortest usable duration in seconds, inclusive.
    max_duration : float
        Longest usable duration in seconds, inclusive.
    speech_filter : str or None
        What else is of no use; see `voice.FILTERS`.

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
        # A little more than is usable, as no file of hours need be read.
        found = read_audio(path, max_duration + 0.1)
        if found.cut:
            raise Unusable(f"truncated: {found.cut}")
        _check_duration(found.seconds, min_duration, max_duration)
        wav = usable(found.wav)
        quiet = silence(wav) or voiceless(wav, found.rate, speech_filter)
        if quiet:
            raise Unusable(quiet)
        return found.seconds, None
    except Unusable as reason:
        return None, str(reason)
    except (OSError, sf.LibsndfileError) as err:
        return None, f"unreadable: {err}"


def mean_seconds(paths):
    """Averages the lengths of recordings, by their headers.

    Arguments
    ---------
    paths : list of pathlib.Path
        Audio files; what cannot be read, or does not say its length, as an
        MP3 may not, does not count.

    Returns
    -------
    float
        Seconds; NaN if nothing can be read.

    Example
    -------
    >>> path = getfixture("tmp_path") / "a.wav"
    >>> sf.write(path, np.zeros(16000), 16000)
    >>> mean_seconds([path, path.with_name("none.wav")])
    1.0
    """
    lengths = []
    for path in paths:
        with suppress(OSError, sf.LibsndfileError):
            # Nothing is ever read of a pipe.
            if path.is_file() and not is_pointer(path):
                header = sf.info(os.fsencode(path))
                if header.format != "MP3" and header.frames < UNKNOWN_FRAMES:
                    lengths.append(header.duration)
    return sum(lengths) / len(lengths) if lengths else math.nan


def _check_duration(seconds, shortest, longest):
    """Refuses durations out of bounds."""
    if seconds < shortest:
        raise Unusable(f"too short: {seconds:.2f} s of {shortest:g} s")
    if seconds > longest:
        raise Unusable(f"too long: {seconds:.2f} s of {longest:g} s")


def usable(wav):
    """Refuses samples that are no signal.

    Arguments
    ---------
    wav : torch.Tensor
        Samples.

    Returns
    -------
    torch.Tensor
        The same.

    Raises
    ------
    Unusable
        If there are none, or some are infinite, NaN or far beyond 1.

    Example
    -------
    >>> usable(torch.tensor([0.0, 20000.0]))
    Traceback (most recent call last):
    ...
    speechbrain_relm.utils.sound.audio.Unusable: unscaled samples: a peak of 20000...
    """
    if len(wav) == 0:
        raise Unusable("zero length")
    peak = wav.abs().max().item()
    if not math.isfinite(peak):
        raise Unusable("non-finite samples")
    if peak > limits.PEAK:
        raise Unusable(
            f"unscaled samples: a peak of {peak:.0f} where 1 is full scale"
        )
    return wav


def read_audio(path, seconds=limits.RECORDING_SECONDS):
    """Reads the beginning of an audio file, whatever its header claims.

    Arguments
    ---------
    path : str or pathlib.Path
        Any file that libsndfile reads.
    seconds : float
        How much of it is wanted.

    Returns
    -------
    Recording
        What was read.

    Raises
    ------
    Unusable
        If there is no file, or nothing in it, or no sampling rate of speech.
    OSError
        If it cannot be read.
    soundfile.LibsndfileError
        If it is no audio.

    Example
    -------
    >>> path = str(getfixture("tmpdir").join("a.wav"))
    >>> sf.write(path, np.zeros(16000), 16000)
    >>> found = read_audio(path, 0.5)
    >>> len(found.wav), found.seconds
    (8000, 1.0)
    """
    if not os.path.isfile(path):
        raise Unusable("missing")
    if os.path.getsize(path) == 0:
        raise Unusable("empty file")
    # Asked first: libmpg123 writes pages about one.
    if is_pointer(path):
        raise Unusable("a Git LFS pointer: run `git lfs pull` in its folder")
    cut = _bytes_cut_off(path)
    cut = f"the last {cut} bytes are not there" if cut else None
    with _opened(os.fsencode(path)) as file:
        rate, claimed = file.samplerate, file.frames
        lowest, highest = limits.SAMPLE_RATES
        if claimed == 0 or rate == 0:
            raise Unusable("zero length" if not cut else f"truncated: {cut}")
        if not lowest <= rate <= highest:
            raise Unusable(
                f"sampling rate: {rate} Hz is none of {lowest} to {highest}"
            )
        seconds = min(seconds, limits.RECORDING_SECONDS)
        wanted = math.ceil(seconds * rate)
        blocks = list(_mono_blocks(file, wanted))
    wav = torch.from_numpy(np.concatenate(blocks or [np.zeros(0, "float32")]))
    if claimed == UNKNOWN_FRAMES:
        claimed = len(wav)
    if len(wav) < min(claimed, wanted):
        cut = cut or f"{len(wav)} of {claimed} frames"
    return Recording(wav, rate, claimed / rate, cut)


@contextmanager
def _opened(path):
    """Opens a file for reading.

    Of an MP3 without a Xing header libsndfile guesses the length, and reads
    no further than that; what comes through a pipe it reads to its end.
    """
    with sf.SoundFile(path) as file:
        if file.format != "MP3":
            yield file
            return
    end, start = os.pipe()

    def feed():
        """Writes the file until nobody reads on."""
        try:
            with open(start, "wb") as pipe, open(path, "rb") as source:
                while block := source.read(2**16):
                    pipe.write(block)
        except BrokenPipeError:
            pass

    thread = threading.Thread(target=feed, daemon=True)
    thread.start()
    try:
        with sf.SoundFile(end) as file:
            yield file
    finally:
        thread.join()


def _mono_blocks(file, frames):
    """Averages the channels of so many frames, block by block."""
    size = max(1, limits.BLOCK_SAMPLES // file.channels)
    while frames > 0:
        block = file.read(min(size, frames), dtype="float32", always_2d=True)
        if not len(block):
            return
        frames -= len(block)
        yield block.mean(axis=1)


def printable(name):
    """Writes a file name out, whatever bytes it is made of.

    Arguments
    ---------
    name : str
        As `os.listdir` gives it.

    Returns
    -------
    str
        The same, if it is UTF-8; else with its other bytes as numbers.

    Example
    -------
    >>> print(printable(os.fsdecode(bytes([233]) + b".wav")))
    \\xe9.wav
    """
    return os.fsencode(name).decode("utf-8", "backslashreplace")


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


def reading_threads():
    """Makes threads in which many files are read at once.

    They are enough: libsndfile works outside Python's lock.

    Returns
    -------
    concurrent.futures.ThreadPoolExecutor
        The threads.

    Example
    -------
    >>> with reading_threads() as pool:
    ...     list(pool.map(len, ["a", "bc"]))
    [1, 2]
    """
    # In a forked process the first use of torch makes its own threads anew, and
    # of two first uses at once the second finds none: "Invalid thread pool!".
    torch.set_num_threads(torch.get_num_threads())
    return ThreadPoolExecutor()


def inspect_wavs(
    data_root, files, min_duration=1.0, max_duration=30.0, speech_filter=None
):
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
    speech_filter : str or None
        What else is of no use; see `voice.FILTERS`.

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
        if printable(file) != file:
            return None, "unexpected name: it is not UTF-8; rename the file"
        path = (root / file).resolve()
        if root not in path.parents:
            return None, "outside the data folder"
        return inspect_wav(str(path), min_duration, max_duration, speech_filter)

    durations, left_out = {}, {}
    with reading_threads() as pool:
        found = pool.map(inspect, files)
        bar = tqdm(found, total=len(files), desc="Reading audio", unit="file")
        for file, (duration, reason) in zip(files, bar):
            if reason is None:
                durations[file] = duration
            else:
                left_out[printable(file)] = reason
    return durations, left_out


def load_audio(path, sample_rate=16000, seconds=None):
    """Loads an audio file as the lobes take it.

    Arguments
    ---------
    path : str
        Any file that libsndfile reads.
    sample_rate : int
        Sampling rate of the result in Hz.
    seconds : float or None
        How much of it is wanted; `None` is all, of an hour at most.

    Returns
    -------
    torch.Tensor
        Mono float32 waveform [T], about -1 to 1.

    Raises
    ------
    ValueError
        If the file cannot be read, or holds no or non-finite samples, or
        lasts too long.

    Example
    -------
    >>> path = str(getfixture("tmpdir").join("stereo.wav"))
    >>> sf.write(path, np.zeros((4800, 2)), 48000)
    >>> load_audio(path).shape
    torch.Size([1600])
    """
    return load_recording(path, sample_rate, seconds).wav


def load_recording(path, sample_rate=16000, seconds=None):
    """Loads an audio file, and what it says of itself; see `load_audio`.

    Arguments
    ---------
    path : str
        Any file that libsndfile reads.
    sample_rate : int
        Sampling rate of the result in Hz.
    seconds : float or None
        How much of it is wanted.

    Returns
    -------
    Recording
        Resampled.

    Raises
    ------
    ValueError
        See `load_audio`.
    """
    advice = "restore the file or prepare the data again"
    try:
        # The filter looks a little beyond the end that is wanted.
        wanted = limits.RECORDING_SECONDS if seconds is None else seconds + 0.1
        found = read_audio(path, wanted)
        wav = usable(found.wav)
    except Unusable as reason:
        raise ValueError(f"{path}: {reason}; {advice}") from None
    except (OSError, sf.LibsndfileError) as err:
        raise ValueError(
            f"{path}: cannot be read as audio ({err}); {advice}"
        ) from err
    if seconds is None:
        length = math.floor(found.seconds)
        fix = "Cut it."
        limits.check(path, length, limits.RECORDING_SECONDS, "seconds", fix)
    wav = resampled(wav, found.rate, sample_rate)
    if seconds is not None:
        wav = wav[: round(seconds * sample_rate)]
    return found._replace(wav=wav, rate=sample_rate)
