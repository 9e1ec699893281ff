"""Lobes swapped in the YAML alone, each trained for a few steps."""

import re

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml
from recipe_runs import SCRIPT, prepared_esd
from speechbrain.integrations.huggingface.wav2vec2 import Wav2Vec2
from transformers import (
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Model,
    WavLMConfig,
    WavLMModel,
)

from speechbrain_relm.lobes.parts.batch_effect import TOLERANCE, batch_effect
from speechbrain_relm.model.re_llm import RELLM
from speechbrain_relm.model.trained import trainable_parameters
from speechbrain_relm.runs.recipe import Recipe
from speechbrain_relm.runs.systems import effective_yaml
from speechbrain_relm.training.brain import RELLMBrain

YAML = SCRIPT.parent / "hparams" / "re_llm_mini.yaml"
SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "feat_extract_norm": "layer",
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """One voice, four emotions, four sentences, and its manifests."""
    folder = tmp_path_factory.mktemp("esd")
    return prepared_esd(folder, speakers=1, sentences=4)


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """Random wav2vec 2.0 and WavLM folders."""
    torch.manual_seed(7)
    folders = {}
    for name, model in (
        ("wav2vec2", Wav2Vec2Model(Wav2Vec2Config(**SIZES))),
        ("wavlm", WavLMModel(WavLMConfig(**SIZES))),
    ):
        folders[name] = str(tmp_path_factory.mktemp(name))
        model.save_pretrained(folders[name])
        Wav2Vec2FeatureExtractor().save_pretrained(folders[name])
    return folders


def replace_block(text, key, block):
    """Puts a block in the place of a top-level key's, as a user would."""
    pattern = rf"^{key}:.*\n(?:[ #].*\n)*"
    changed, count = re.subn(pattern, lambda _: block, text, flags=re.M)
    assert count == 1
    return changed


LORA = """\
llm: !new:speechbrain.nnet.adapters.AdaptedModel
    model_to_adapt: !ref <chat_llm>
    adapter_class: !name:speechbrain.nnet.adapters.LoRA
    target_layers: ["*_proj"]
    adapter_kwargs:
        rank: 4
"""

SWAPS = {
    "WavLM": (
        "speech_encoder",
        "speech_encoder: !new:speechbrain.integrations.huggingface.wavlm.WavLM\n"
        "    source: {wavlm}\n"
        "    save_path: !ref <save_folder>/wavlm\n",
    ),
    "Wav2Vec2": (
        "speech_encoder",
        "speech_encoder: "
        "!new:speechbrain.integrations.huggingface.wav2vec2.Wav2Vec2\n"
        "    source: {wav2vec2}\n"
        "    save_path: !ref <save_folder>/wav2vec2\n",
    ),
    "Llama": ("llm_source", "llm_source: {llama}\n"),
    "SpeechBrain's LoRA": ("llm", LORA),
    "no adapter": ("llm", "llm: !ref <chat_llm>\n"),
    "no emotion encoder": ("emotion_encoder", "emotion_encoder: null\n"),
    "divergence": (
        "loss_weights",
        "loss_weights:\n    response_nll: 0.0\n    response_kl: 1.0\n"
        "    category: 1.0\n    dimension: 1.0\n",
    ),
    "standardised": ("init_adapter", "init_adapter: standardised\n"),
    "emotions alone": (
        "loss_weights",
        "loss_weights:\n    response_nll: 0.0\n    response_kl: 0.0\n"
        "    category: 1.0\n    dimension: 1.0\n",
    ),
}


@pytest.mark.parametrize("swap", SWAPS)
def test_swap(
    swap,
    tmp_path,
    corpus,
    encoders,
    tiny_sources,
    llama_folder,
):
    """The other lobe trains and answers; nothing else is changed."""
    text = YAML.read_text(encoding="utf-8")
    for key, value in tiny_sources.items():
        text = replace_block(text, key, f"{key}: {value}\n")
    key, block = SWAPS[swap]
    text = replace_block(
        text, key, block.format(llama=llama_folder, **encoders)
    )
    yaml = tmp_path / "swap.yaml"
    yaml.write_text(text, encoding="utf-8")

    text = effective_yaml(
        str(yaml),
        {
            "data_folder": str(corpus / "ESD"),
            "manifest_folder": str(corpus / "manifests"),
            "output_folder": str(tmp_path / "run"),
            "number_of_epochs": 2,
            "warmup_steps": 1,
            "batch_size": 3,
            "lr": 0.01,
            "generation_batch_size": 8,
        },
    )
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.yaml").write_text(text, encoding="utf-8")
    hparams = load_hyperpyyaml(text)
    brain = RELLMBrain(
        modules=hparams["modules"],
        opt_class=hparams["opt_class"],
        hparams=hparams,
        run_opts={"device": "cpu", "noprogressbar": True},
        checkpointer=hparams["checkpointer"],
        instruction=hparams["continuation_from_speech"],
        loss_weights=hparams["loss_weights"],
        lr_schedule=hparams["lr_schedule"],
        train_logger=hparams["train_logger"],
    )
    recipe = Recipe(hparams, brain)
    before = {
        k: v.clone() for k, v in trainable_parameters(brain.model).items()
    }
    recipe.label_attributes(8)
    recipe.expect_responses(
        "", hparams["continuation_from_text"], {"max_new_tokens": 4}
    )
    training = recipe.training(
        hparams["sampler"], hparams["train_loader"], hparams["valid_loader"]
    )
    brain.fit(hparams["epoch_counter"], **training)
    # Every part that trains has moved, the swapped one with it.
    moved = {
        name.split(".")[0]
        for name, value in trainable_parameters(brain.model).items()
        if not torch.equal(value, before[name])
    }
    expected = {"adapter", "heads"}
    if "speech_encoder" in key:
        expected.add("speech_encoder")
    if swap not in ("no adapter", "emotions alone"):
        expected.add("llm")
    assert moved == expected
    log = (tmp_path / "run" / "train_log.txt").read_text()
    assert "nan" not in log and len(log.splitlines()) == 2
    ask = ("", "", {"max_new_tokens": 4})
    recipe.respond(None, ask, ask)
    recipe.score_empathy(hparams["empathy_scorer"])
    assert recipe.report("A swap", [], None).is_file()


def test_a_frozen_lobe_of_speechbrain_does_not_drop_out(encoders, tmp_path):
    """In training either; and one that mixes a batch is named."""
    encoder = Wav2Vec2(encoders["wav2vec2"], str(tmp_path), freeze=True)
    model = RELLM(encoder, torch.nn.Linear(16, 8), None, torch.nn.Identity())
    model.train()
    wavs, lens = torch.randn(1, 8000), torch.ones(1)
    assert model.adapter.training
    assert torch.equal(encoder(wavs, lens), encoder(wavs, lens))
    # Its norm is over the whole batch's length, padding included.
    assert batch_effect(encoder, "cpu") > TOLERANCE
