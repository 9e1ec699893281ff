"""Sizes of the models that the paper uses, known without a download.

Authors
 * The speechbrain_relm contributors 2026
"""

import contextlib
from pathlib import Path

from transformers import (
    AutoConfig,
    RobertaConfig,
    Wav2Vec2Config,
    WhisperConfig,
)

from speechbrain_relm.utils.disk.downloads import read_json
from speechbrain_relm.utils.sources.hub import cached, settings_folder
from speechbrain_relm.utils.sources.qwen import qwen2_config

WHISPER_LARGE_V2 = {
    "d_model": 1280,
    "encoder_layers": 32,
    "encoder_attention_heads": 20,
    "encoder_ffn_dim": 5120,
    "decoder_layers": 32,
    "decoder_attention_heads": 20,
    "decoder_ffn_dim": 5120,
    "num_mel_bins": 80,
    "max_source_positions": 1500,
    "max_target_positions": 448,
    "vocab_size": 51865,
}
# wav2vec2-large-robust, pruned to its first 12 layers (Wagner et al. 2023).
WAV2VEC2_EMOTION = {
    "hidden_size": 1024,
    "num_hidden_layers": 12,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "conv_bias": True,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
}
# Of which the emotion encoder's training starts.
WAV2VEC2_ROBUST = {**WAV2VEC2_EMOTION, "num_hidden_layers": 24}
ROBERTA_BASE = {
    "vocab_size": 50265,
    "max_position_embeddings": 514,
    "type_vocab_size": 1,
    "layer_norm_eps": 1e-5,
}
QWEN_7B_CHAT = {
    "vocab_size": 151936,
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "intermediate_size": 22016,
    "kv_channels": 128,
    "seq_length": 8192,
    "layer_norm_epsilon": 1e-6,
    "rotary_emb_base": 10000,
}
EMOTION_MODEL = "audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim"
_KNOWN = {
    "openai/whisper-large-v2": lambda: WhisperConfig(**WHISPER_LARGE_V2),
    EMOTION_MODEL: lambda: Wav2Vec2Config(**WAV2VEC2_EMOTION),
    "facebook/wav2vec2-large-robust": lambda: Wav2Vec2Config(**WAV2VEC2_ROBUST),
    "roberta-base": lambda: RobertaConfig(**ROBERTA_BASE),
    "Qwen/Qwen-7B-Chat": lambda: qwen2_config(QWEN_7B_CHAT),
}


def architecture(source):
    """Finds a model's configuration.

    Arguments
    ---------
    source : str
        Hub id or folder. The paper's models are known here; for others that
        are not in the cache, the hub is asked for their `config.json`.

    Returns
    -------
    transformers.PretrainedConfig
        The configuration; that of a first-generation Qwen as Qwen2's.

    Example
    -------
    >>> architecture("Qwen/Qwen-7B-Chat").intermediate_size
    11008
    """
    folder = Path(source) if Path(source).is_dir() else cached(source)
    if folder is None and source in _KNOWN:
        return _KNOWN[source]()
    folder = folder or settings_folder(source)
    config = read_json(folder / "config.json")
    if config.get("model_type") == "qwen":
        return qwen2_config(config)
    with without_code(source):
        return AutoConfig.from_pretrained(folder, trust_remote_code=False)


@contextlib.contextmanager
def without_code(source):
    """Says in our words that a model wants code of its own to be run.

    What the library says is to let it run.

    Arguments
    ---------
    source : str
        Hub id or folder.

    Yields
    ------
    None

    Raises
    ------
    ValueError
        If the model is of no kind that transformers knows.

    Example
    -------
    >>> with without_code("some/model"):
    ...     raise ValueError("... set the option `trust_remote_code=True` ...")
    Traceback (most recent call last):
    ...
    ValueError: some/model brings Python code that would have to be run...
    """
    try:
        yield
    except ValueError as error:
        if "`trust_remote_code=True`" not in str(error):
            raise
        raise ValueError(
            f"{source} brings Python code that would have to be run "
            "(`auto_map` in its JSON files), which is never done: use a model "
            "that transformers itself knows."
        ) from None
