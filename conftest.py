"""Tiny models of the real architectures, in Hugging Face folders."""

import pytest
import torch
from transformers import (
    AutoTokenizer,
    BertConfig,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Wav2Vec2Config,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperModel,
)

from speechbrain_relm.lobes.emotion_encoder import EmotionRegressor
from speechbrain_relm.lobes.epitome import save_scorer
from speechbrain_relm.lobes.epitome_classifier import EpitomeClassifier
from speechbrain_relm.mini import models

LLM_SIZES = {
    "vocab_size": 49152,  # SmolLM2's, whose tokenizer they take
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


@pytest.fixture(scope="session")
def whisper_folder(tmp_path_factory):
    """A random Whisper of two small layers."""
    folder = str(tmp_path_factory.mktemp("whisper"))
    torch.manual_seed(0)
    config = WhisperConfig(
        d_model=16,
        encoder_layers=2,
        encoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_layers=1,
        decoder_attention_heads=2,
        decoder_ffn_dim=16,
    )
    WhisperModel(config).save_pretrained(folder)
    WhisperFeatureExtractor().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def emotion_folder(tmp_path_factory):
    """A random emotion encoder in the released format."""
    folder = str(tmp_path_factory.mktemp("emotion"))
    torch.manual_seed(1)
    config = Wav2Vec2Config(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=[8] * 7,
        conv_bias=True,
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        # Were it ever in training mode, these would show.
        hidden_dropout=0.5,
        mask_time_prob=0.5,
    )
    EmotionRegressor(config).save_pretrained(folder)
    return folder


def save_llm(model, folder):
    """Saves a random LLM with a real tokenizer and chat template."""
    source = models.folder("SmolLM2-135M-Instruct")
    tokenizer = AutoTokenizer.from_pretrained(source)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def qwen_folder(tmp_path_factory):
    """A random Qwen2 of two small layers."""
    torch.manual_seed(2)
    model = Qwen2ForCausalLM(Qwen2Config(**LLM_SIZES, initializer_range=0.2))
    return save_llm(model, str(tmp_path_factory.mktemp("qwen")))


@pytest.fixture(scope="session")
def llama_folder(tmp_path_factory):
    """A random Llama of two small layers."""
    torch.manual_seed(3)
    model = LlamaForCausalLM(LlamaConfig(**LLM_SIZES, initializer_range=0.2))
    return save_llm(model, str(tmp_path_factory.mktemp("llama")))


@pytest.fixture(scope="session")
def scorer_folder(tmp_path_factory):
    """Random empathy scorers on a small BERT, with MiniLM's tokenizer."""
    torch.manual_seed(6)
    config = BertConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        initializer_range=0.5,
    )
    folder = tmp_path_factory.mktemp("scorer")
    save_scorer(
        folder,
        {
            name: EpitomeClassifier(config)
            for name in ("emotional_reactions", "explorations")
        },
        AutoTokenizer.from_pretrained(models.folder("all-MiniLM-L6-v2")),
        64,
        {"emotional_reactions": {"accuracy": 0.5, "macro_f1": 0.25}},
    )
    return str(folder)


@pytest.fixture
def utterances():
    """Three signals of different length, and the batch that holds them."""
    torch.manual_seed(4)
    wavs = [0.1 * torch.randn(n) for n in (20480, 36800, 16161)]
    batch = torch.nn.utils.rnn.pad_sequence(wavs, batch_first=True)
    lens = torch.tensor([len(wav) / batch.shape[1] for wav in wavs])
    return wavs, batch, lens
