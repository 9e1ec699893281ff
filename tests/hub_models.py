"""The paper's models under their own ids, at tiny widths, for a local hub."""

import os
import shutil

import released_folders
import torch
from released_model import CONFIG
from transformers import (
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

from tests import tiny_models

WHISPER = "openai/whisper-large-v2"
EMOTION = "audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim"
QWEN = "Qwen/Qwen-7B-Chat"
BLSP_EMO = "cwang621/blsp-emo"
# What the released repositories have besides, and nobody here reads.
UNREAD = ("tf_model.h5", "flax_model.msgpack", "training_args.bin")
UNREAD += ("checkpoint-100/model.safetensors", "onnx/model.onnx")


def paper_models(folder):
    """Writes the four models of `recipes/ESD/hparams/re_llm.yaml`.

    Arguments
    ---------
    folder : pathlib.Path
        An empty folder.

    Returns
    -------
    dict
        Hub id to a folder.
    """
    models = {
        WHISPER: folder / "whisper",
        EMOTION: folder / "emotion",
        QWEN: folder / "qwen",
        BLSP_EMO: folder / "blsp",
    }
    save_whisper(models[WHISPER])
    tiny_models.save_emotion_encoder(models[EMOTION])
    released_folders.write_qwen(models[QWEN])
    released_folders.write_blsp_emo(models[BLSP_EMO], rank=16)
    for path in models.values():
        for name in UNREAD:
            (path / name).parent.mkdir(exist_ok=True)
            (path / name).write_bytes(b"not to be read" * 100)
    # Two formats of the same weights: one is enough.
    for name in (WHISPER, EMOTION):
        shutil.copy(
            models[name] / "model.safetensors",
            models[name] / "pytorch_model.bin",
        )
    card = "---\nlicense: apache-2.0\n---\n# BLSP-Emo\n"
    (models[BLSP_EMO] / "README.md").write_text(card)
    return models


def save_whisper(folder):
    """A Whisper whose encoder has the sizes of the tiny BLSP-Emo's."""
    torch.manual_seed(9)
    config = WhisperConfig(
        **CONFIG["whisper"],
        decoder_layers=1,
        decoder_attention_heads=2,
        decoder_ffn_dim=8,
    )
    WhisperForConditionalGeneration(config).save_pretrained(folder)
    WhisperFeatureExtractor().save_pretrained(folder)


def hub_environment(url, home, **more):
    """The environment of a process that knows this hub alone.

    Arguments
    ---------
    url : str
        The hub's address.
    home : pathlib.Path
        For the hub's cache and ours.
    **more
        Other variables.

    Returns
    -------
    dict
        The environment.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("HF_HUB_OFFLINE", "HF_TOKEN", "HF_HUB_CACHE")
    }
    return {
        **environment,
        "HF_ENDPOINT": url,
        "HF_HOME": str(home / "hf"),
        "HF_HUB_DISABLE_XET": "1",
        "SPEECHBRAIN_RELM_CACHE": str(home / "ours"),
        "OMP_NUM_THREADS": "1",
        **more,
    }


def cut_short(path):
    """Takes the last bytes of a file, as a cut download leaves it."""
    path.write_bytes(path.read_bytes()[:-5])


def as_pointer(path):
    """Puts in a file's place what Git leaves without Git LFS."""
    path.write_text(
        "version https://git-lfs.github.com/spec/v1\n"
        f"oid sha256:{'0' * 64}\nsize 999\n"
    )
