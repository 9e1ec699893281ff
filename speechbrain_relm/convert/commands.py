"""The converters: each checks everything, says what it needs, and writes.

Authors
 * The speechbrain_relm contributors 2026
"""

import sys

from huggingface_hub.utils import enable_progress_bars
from speechbrain.utils.logger import get_logger
from transformers.utils import logging as transformers_logging

from speechbrain_relm.convert.epitome import convert_epitome
from speechbrain_relm.convert.re_llm_folder import SpeechLLMFolder
from speechbrain_relm.utils.disk.locks import locked
from speechbrain_relm.utils.files import whole_folder
from speechbrain_relm.utils.sources.hub import model_folder
from speechbrain_relm.utils.sources.preflight import (
    Need,
    disk_problems,
    downloads,
    look_at_all,
    refuse,
)
from speechbrain_relm.utils.sources.stock import convert_qwen, state_needs

logger = get_logger(__name__)


def convert_blsp_emo(source, target):
    """Converts a BLSP-Emo checkpoint to folders of our lobes.

    Arguments
    ---------
    source : pathlib.Path
        Released folder.
    target : pathlib.Path
        An empty folder.

    Raises
    ------
    OSError
        If a file is missing or the disk too full.
    ValueError
        If a file is damaged or of another model.
    """
    _convert_speech_llm(source, target, with_emotion=False)


def convert_start(source, target):
    """Converts what training starts from of a BLSP-Emo, without its LLM.

    The LLM is Qwen-7B-Chat unchanged, which `llm_source` names already.

    Arguments
    ---------
    source : pathlib.Path
        Released folder.
    target : pathlib.Path
        An empty folder.

    Raises
    ------
    OSError
        If a file is missing or the disk too full.
    ValueError
        If a file is damaged or of another model.
    """
    _write_speech_llm(source, target, with_emotion=False, with_llm=False)


def convert_re_llm(source, target):
    """Converts a RE-LLM checkpoint to folders of our lobes.

    Arguments
    ---------
    source : pathlib.Path
        Released folder.
    target : pathlib.Path
        An empty folder.

    Raises
    ------
    OSError
        If a file is missing or the disk too full.
    ValueError
        If a file is damaged or of another model.
    """
    _convert_speech_llm(source, target, with_emotion=True)


def _write_speech_llm(source, target, **parts):
    """Converts some parts of a checkpoint."""
    folder = SpeechLLMFolder(source, **parts)
    state_needs(folder.transfer, folder.folders(target), target)
    folder.write(target)
    return folder


def _convert_speech_llm(source, target, with_emotion):
    """Converts a checkpoint with or without the emotion encoder."""
    folder = _write_speech_llm(source, target, with_emotion=with_emotion)
    report = folder.report()
    if report["unused"]:
        logger.info("Left out, as no system uses them: %s.", report["unused"])
    if not report["tokenizer"]:
        logger.warning(
            "%s has no qwen.tiktoken, so llm/ has no tokenizer: give the "
            "recipe the converted Qwen as llm_source.",
            source,
        )


CONVERTERS = {
    "qwen": convert_qwen,
    "blsp-emo": convert_blsp_emo,
    "epitome": convert_epitome,
    "re-llm": convert_re_llm,
}


def convert(kind, source, target, **options):
    """Converts a released folder to a new one.

    Arguments
    ---------
    kind : str
        A key of `CONVERTERS`.
    source : pathlib.Path
        Released folder.
    target : pathlib.Path
        The new folder, made whole or not at all.
    **options
        Of the converter.

    Raises
    ------
    FileExistsError
        If the target exists.
    OSError
        If a file is missing or the disk too full.
    ValueError
        If a file is damaged or of another model.
    """
    with locked(target):
        if target.exists():
            raise FileExistsError(
                f"{target} exists and is left alone: name a folder that does "
                "not exist yet, or delete it."
            )
        resume = kind != "epitome"  # small, and written at once
        with whole_folder(target, resume) as fresh:
            CONVERTERS[kind](source, fresh, **options)


def convert_asked(given):
    """Converts what a command line names, after a look at model and disk.

    Arguments
    ---------
    given : argparse.Namespace
        Of the command `convert`: `kind`, `source`, `target`, and `backbone`
        of an EPITOME checkpoint.
    """
    transformers_logging.disable_progress_bar()
    enable_progress_bars()  # of downloads
    options = {k: v for k, v in vars(given).items() if k == "backbone"}
    # Files of a kind of their own, small: that converter looks by itself.
    asked = {} if given.kind == "epitome" else {"source": given.source}
    found = look_at_all(asked)
    size = sum(one.size for one in found)
    written = Need("conversion", str(given.target), size)
    refuse(found, disk_problems([*downloads(found), written]))
    convert(given.kind, model_folder(given.source), given.target, **options)
    sys.stdout.write(f"{given.target}\n")
