"""Whether a recording holds speech at all.

A system answers silence, a tone or the noise of a street as it answers speech.
How loud a sound is, and whether it stays the same as speech never does, is
asked always and costs nothing; whether somebody speaks is asked of a detector
of voices, Silero VAD (`pip install speechbrain_relm[voice]`), where wanted.

Authors
 * The speechbrain_relm contributors 2026
"""

import functools
import threading

import torch

from speechbrain_relm.utils.sound.resampling import resampled

# What a recipe can leave out: what stays the same, or what holds no voice.
FILTERS = ("steady", "voice")
# Under -60 dB of full scale nobody is heard.
QUIET = 1e-3
# Frames of 50 ms, whose loudness goes up and down by less than 1 dB in white
# noise and by nothing in a tone. In speech it does by 4.7 dB at least in 6456
# takes of RAVDESS, Emo-DB and nEMO: none of them is left out.
FRAME, STEADY = 0.05, 2.0
# Seconds below which a vowel may be all there is.
SHORTEST = 1.0
# Seconds of voice without which nothing was said.
VOICED = 0.1
SILERO_RATE = 16000
# It remembers what it heard, so one thread at a time asks it.
_ASKING = threading.Lock()


def silence(wav):
    """Says if a sound is too quiet to be heard.

    Arguments
    ---------
    wav : torch.Tensor
        Signal [T].

    Returns
    -------
    str or None
        A reason, as `kind` or `kind: detail`.

    Example
    -------
    >>> silence(torch.zeros(16000)), silence(torch.full((16000,), 5e-4))
    ('silent', 'too quiet: a peak of -66 dB of full scale')
    >>> silence(torch.ones(16000))
    """
    peak = wav.abs().max() if len(wav) else torch.zeros(())
    if peak == 0:
        return "silent"
    if peak >= QUIET:
        return None
    return f"too quiet: a peak of {20 * peak.log10():.0f} dB of full scale"


def loudness_range(wav, rate):
    """Measures how far the loudness goes up and down.

    Arguments
    ---------
    wav : torch.Tensor
        Signal [T].
    rate : int
        Its sampling rate in Hz.

    Returns
    -------
    float
        Standard deviation of the frames' loudness in dB.

    Example
    -------
    >>> tone = torch.sin(torch.arange(16000) / 8)
    >>> round(loudness_range(tone, 16000), 1)
    0.0
    """
    size = max(2, round(FRAME * rate))
    frames = wav.unfold(0, min(size, len(wav)), max(1, size // 2))
    # What rumbles below speech says nothing about it.
    frames = frames[:, 1:] - 0.97 * frames[:, :-1]
    loudness = 10 * frames.square().mean(1).clamp_min(1e-10).log10()
    return loudness.std(correction=0).item()


def voiceless(wav, rate, which="steady"):
    """Says if a sound is no speech.

    Arguments
    ---------
    wav : torch.Tensor
        Signal [T].
    rate : int
        Its sampling rate in Hz.
    which : str or None
        One of `FILTERS`; `None` lets all pass.

    Returns
    -------
    str or None
        A reason, as `kind: detail`.

    Raises
    ------
    ValueError
        If there is no such filter.

    Example
    -------
    >>> generator = torch.Generator().manual_seed(0)
    >>> noise = 0.1 * torch.randn(16000, generator=generator)
    >>> voiceless(noise, 16000)
    'no speech: a tone or a noise that stays the same'
    """
    if which is None:
        return None
    if which not in FILTERS:
        raise ValueError(
            f"speech_filter: {which!r} is none of {', '.join(FILTERS)}, null"
        )
    if len(wav) >= SHORTEST * rate and loudness_range(wav, rate) < STEADY:
        return "no speech: a tone or a noise that stays the same"
    if which == "voice" and voiced_seconds(wav, rate) < VOICED:
        return "no speech: no voice in it"
    return None


def voiced_seconds(wav, rate):
    """Measures how long somebody speaks, by Silero VAD.

    Arguments
    ---------
    wav : torch.Tensor
        Signal [T].
    rate : int
        Its sampling rate in Hz.

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    ValueError
        If Silero VAD is not installed.
    """
    wav = resampled(wav, rate, SILERO_RATE)
    with _ASKING:
        spans, model = _silero()
        found = spans(wav, model, sampling_rate=SILERO_RATE)
    return sum(span["end"] - span["start"] for span in found) / SILERO_RATE


@functools.lru_cache(maxsize=1)
def _silero():
    """Loads the detector, which its package brings along."""
    try:
        from silero_vad import get_speech_timestamps, load_silero_vad
    except ImportError:
        raise ValueError(
            "speech_filter: voice needs Silero VAD: pip install "
            "speechbrain_relm[voice], or say 'steady'"
        ) from None
    return get_speech_timestamps, load_silero_vad()
