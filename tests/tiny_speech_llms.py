"""Tiny random speech LLMs of others, in folders as released ones are.

Authors
 * The speechbrain_relm contributors 2026
"""

import tempfile

import torch
from transformers import (
    Qwen2_5OmniConfig,
    Qwen2_5OmniForConditionalGeneration,
    Qwen2AudioConfig,
    Qwen2AudioForConditionalGeneration,
    Qwen2AudioProcessor,
    WhisperFeatureExtractor,
)

from tests import tiny_models

AUDIO = ["<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>"]
HEARS = {
    "d_model": 16,
    "encoder_layers": 1,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 16,
}
WRITES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "intermediate_size": 16,
}
# As Qwen2.5-Omni writes its turns, without pictures.
OMNI_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'audio' %}<|audio_bos|><|AUDIO|><|audio_eos|>"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}"
    "<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make_tokenizer():
    """SmolLM2's, with tokens that stand around speech."""
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = tiny_models.save_tokenizer(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": AUDIO})
    tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def save_qwen2_audio(folder):
    """Saves a Qwen2-Audio with its processor."""
    tokenizer = make_tokenizer()
    config = Qwen2AudioConfig(
        audio_config=HEARS,
        text_config={**WRITES, "vocab_size": len(tokenizer)},
        audio_token_index=tokenizer.convert_tokens_to_ids(AUDIO[0]),
    )
    torch.manual_seed(0)
    Qwen2AudioForConditionalGeneration(config).save_pretrained(folder)
    Qwen2AudioProcessor(
        WhisperFeatureExtractor(feature_size=128), tokenizer
    ).save_pretrained(folder)
    return folder


def save_qwen2_5_omni(folder):
    """Saves a whole Qwen2.5-Omni that does not speak."""
    tokenizer = make_tokenizer()
    tokenizer.chat_template = OMNI_TEMPLATE
    audio, begin, end = tokenizer.convert_tokens_to_ids(AUDIO)
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2]}
    thinker = {
        "audio_config": {**HEARS, "output_dim": 16, "num_mel_bins": 128},
        "vision_config": {
            "depth": 1,
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_heads": 2,
            "out_hidden_size": 16,
        },
        "text_config": {
            **WRITES,
            "vocab_size": len(tokenizer),
            "rope_parameters": {**rope, "rope_theta": 1e6},
        },
        "audio_token_index": audio,
        "audio_start_token_id": begin,
        "audio_end_token_id": end,
        "vision_start_token_id": begin,  # never there
    }
    config = Qwen2_5OmniConfig(
        enable_audio_output=False, thinker_config=thinker
    )
    torch.manual_seed(0)
    Qwen2_5OmniForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=128).save_pretrained(folder)
    return folder
