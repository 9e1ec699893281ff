"""A recording as the bytes of a WAV that every player and server takes.

Authors
 * The speechbrain_relm contributors 2026
"""

import io

import soundfile

from speechbrain_relm.utils.sound.audio import load_audio

SAMPLE_RATE = 16000


def wav_bytes(path):
    """Packs a recording as the systems hear it, without a loss.

    Arguments
    ---------
    path : str
        Any file that libsndfile reads.

    Returns
    -------
    bytes
        A WAV of 16 kHz, 16 bits and one channel; what is louder than full
        scale is clipped.

    Raises
    ------
    ValueError
        See `load_audio`.

    Example
    -------
    >>> path = str(getfixture("tmp_path") / "a.wav")
    >>> soundfile.write(path, [0.0, 0.1] * 800, 16000)
    >>> wav_bytes(path)[:4]
    b'RIFF'
    """
    stream = io.BytesIO()
    wav = load_audio(path, SAMPLE_RATE).numpy()
    soundfile.write(stream, wav, SAMPLE_RATE, "PCM_16", format="WAV")
    return stream.getvalue()
