"""Tiny random models of the real architectures, in Hugging Face folders."""

import json
from pathlib import Path

import torch
from hyperpyyaml import load_hyperpyyaml
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertModel,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Wav2Vec2Config,
    Wav2Vec2Model,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

# Imports of ours stand where they are used: upstream, this file comes with the
# first pull request that needs it, and they with later ones.

# Of SmolLM2's 49,152 tokens: to score the others took most of a run's time.
TOKENS = 4096

LLM_SIZES = {
    "vocab_size": TOKENS,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}

WAV2VEC2_SIZES = {
    "hidden_size": 16,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": [8] * 7,
    "conv_bias": True,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
}

SMALL_BERT = BertConfig(
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=16,
    initializer_range=0.5,
)


def save_whisper(folder):
    """A whole Whisper of two small layers, with a real tokenizer."""
    from speechbrain_relm.mini import models

    torch.manual_seed(0)
    source = models.folder("whisper-tiny.en")
    config = WhisperConfig.from_pretrained(source)
    config.update(
        {
            "d_model": 16,
            "encoder_layers": 2,
            "encoder_attention_heads": 2,
            "encoder_ffn_dim": 32,
            "decoder_layers": 1,
            "decoder_attention_heads": 2,
            "decoder_ffn_dim": 16,
        }
    )
    WhisperForConditionalGeneration(config).save_pretrained(folder)
    WhisperFeatureExtractor().save_pretrained(folder)
    AutoTokenizer.from_pretrained(
        source, trust_remote_code=False
    ).save_pretrained(folder)
    return folder


def save_emotion_encoder(folder):
    """An emotion encoder in the released format."""
    from speechbrain_relm.lobes.emotion_encoder import EmotionRegressor

    torch.manual_seed(1)
    config = Wav2Vec2Config(
        **WAV2VEC2_SIZES,
        num_hidden_layers=2,
        # Were it ever in training mode, these would show.
        hidden_dropout=0.5,
        mask_time_prob=0.5,
    )
    EmotionRegressor(config).save_pretrained(folder)
    return folder


def save_wav2vec2(folder):
    """A wav2vec 2.0 encoder that normalizes by layer, of three layers."""
    torch.manual_seed(4)
    config = Wav2Vec2Config(**WAV2VEC2_SIZES, num_hidden_layers=3)
    Wav2Vec2Model(config).save_pretrained(folder)
    return folder


def save_bert(folder):
    """A text encoder of one small layer, with MiniLM's tokenizer."""
    from speechbrain_relm.mini import models

    torch.manual_seed(5)
    BertModel(SMALL_BERT).save_pretrained(folder)
    source = models.folder("all-MiniLM-L6-v2")
    AutoTokenizer.from_pretrained(
        source, trust_remote_code=False
    ).save_pretrained(folder)
    return folder


def save_tokenizer(folder, count=TOKENS):
    """SmolLM2's byte pair encoding before its last merges were learned."""
    from speechbrain_relm.mini import models

    source = models.folder("SmolLM2-135M-Instruct")
    AutoTokenizer.from_pretrained(
        source, trust_remote_code=False
    ).save_pretrained(folder)
    path = Path(folder, "tokenizer.json")
    whole = json.loads(path.read_text(encoding="utf-8"))
    bpe = whole["model"]
    # Its tokens are numbered as they were learned, one a merge.
    bpe["merges"] = bpe["merges"][: count - len(bpe["vocab"])]
    bpe["vocab"] = {t: i for t, i in bpe["vocab"].items() if i < count}
    path.write_text(json.dumps(whole), encoding="utf-8")
    return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)


def save_llm(model, folder):
    """Saves a random LLM with a real tokenizer and chat template."""
    tokenizer = save_tokenizer(folder)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(folder)
    return folder


def save_qwen(folder):
    """A Qwen2 of two small layers."""
    torch.manual_seed(2)
    config = Qwen2Config(**LLM_SIZES, initializer_range=0.2)
    return save_llm(Qwen2ForCausalLM(config), folder)


def save_llama(folder):
    """A Llama of two small layers."""
    torch.manual_seed(3)
    config = LlamaConfig(**LLM_SIZES, initializer_range=0.2)
    return save_llm(LlamaForCausalLM(config), folder)


def save_empathy_scorer(folder):
    """Empathy scorers on a small BERT, with MiniLM's tokenizer."""
    from speechbrain_relm.lobes.epitome_classifier import EpitomeClassifier
    from speechbrain_relm.lobes.parts.epitome_folder import save_scorer
    from speechbrain_relm.mini import models

    torch.manual_seed(6)
    save_scorer(
        folder,
        {
            name: EpitomeClassifier(SMALL_BERT)
            for name in ("emotional_reactions", "explorations")
        },
        AutoTokenizer.from_pretrained(models.folder("all-MiniLM-L6-v2")),
        64,
        {"emotional_reactions": {"accuracy": 0.5, "macro_f1": 0.25}},
    )
    return folder


# What a recipe's YAML takes, and who makes it.
SOURCES = {
    "whisper_source": save_whisper,
    "emotion_source": save_emotion_encoder,
    "llm_source": save_qwen,
    "scorer_source": save_empathy_scorer,
}


def save_bases(folder):
    """The models that a release is based on, for `save_release`."""
    return (
        save_whisper(str(folder / "whisper")),
        save_emotion_encoder(str(folder / "emotion")),
        save_qwen(str(folder / "llm")),
    )


def save_release(folder, whisper, emotion, qwen, **changes):
    """A release of the mini YAML on tiny models, weights as drawn."""
    from speechbrain_relm.release.folder import write_release
    from speechbrain_relm.runs.systems import effective_yaml

    root = Path(__file__).resolve().parents[1]
    overrides = {
        "data_folder": "unused",
        "output_folder": str(Path(folder).with_name("run")),
        "whisper_source": whisper,
        "emotion_source": emotion,
        "llm_source": qwen,
        "scorer_source": None,
        "empathy_scorer": None,
        "adapter": {"bottleneck_size": 8},
        "speech_examples": [],
        "response_settings": {"max_new_tokens": 12, "sentences": None},
        **changes,
    }
    yaml = root / "recipes/ESD/hparams/re_llm_mini.yaml"
    text = effective_yaml(str(yaml), overrides)
    hparams = load_hyperpyyaml(text)
    torch.manual_seed(7)
    for name, parameter in hparams["model"].named_parameters():
        if "adapter_up_proj" in name:  # the LoRA's, zero at the start
            torch.nn.init.normal_(parameter, std=0.1)
    weights = Path(folder).with_name(f"{Path(folder).name}.ckpt")
    hparams["model"].save_trained(weights)
    write_release(
        folder, text, hparams, weights, lambda bases, size: "A tiny one."
    )
    return folder
