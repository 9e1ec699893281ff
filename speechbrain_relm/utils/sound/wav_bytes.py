"""Recordings as wav files in memory, for who plays or sends them.

Authors
 * The speechbrain_relm contributors 2026
"""

import io

import soundfile

from speechbrain_relm.utils.sound.audio import load_audio

SAMPLE_RATE = 16000


def wav_bytes(path):
    """Writes what the systems hear of a recording as a wav file.

    Arguments
    ---------
    path : str
        Any file that libsndfile reads.

    Returns
    -------
    bytes
        A wav of 16 kHz, 16 bits and one channel, which every browser and any
        server takes; samples beyond -1 to 1 are clipped.

    Example
    -------
    >>> path = str(getfixture("tmp_path") / "a.wav")
    >>> soundfile.write(path, [0.0, 0.1] * 800, 16000)
    >>> soundfile.info(io.BytesIO(wav_bytes(path))).subtype
    'PCM_16'
    """
    file = io.BytesIO()
    wav = load_audio(path, SAMPLE_RATE).numpy()
    soundfile.write(file, wav, SAMPLE_RATE, "PCM_16", format="WAV")
    return file.getvalue()
