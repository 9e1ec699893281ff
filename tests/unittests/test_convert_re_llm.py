"""Released BLSP-Emo and RE-LLM checkpoints, and starting from them."""

import json
import sys
from pathlib import Path

import pytest
import torch
from forked import run
from released_folders import write_blsp_emo, write_weights
from released_model import CONFIG, H, adapter, qwen, write_golden
from safetensors.torch import load_file, save_file
from speechbrain.nnet.adapters import AdaptedModel
from torch.nn import functional as F
from transformers import WhisperConfig, WhisperFeatureExtractor
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from speechbrain_relm.convert.__main__ import main
from speechbrain_relm.lobes.chat_llm import ChatLLM
from speechbrain_relm.lobes.conv_adapter import ConvAdapter
from speechbrain_relm.lobes.emotion_heads import EmotionHeads
from speechbrain_relm.lobes.partial_lora import PartialLoRA
from speechbrain_relm.lobes.parts.chat_template import Prompt
from speechbrain_relm.lobes.whisper_encoder import WhisperSpeechEncoder
from speechbrain_relm.model import losses
from speechbrain_relm.model.re_llm import RELLM
from speechbrain_relm.training.initialization import start_from

EMOTION_SIZE = 6
TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def blsp_emo(tmp_path_factory):
    """A tiny BLSP-Emo, released and converted, and its tensors."""
    folder = tmp_path_factory.mktemp("blsp")
    tensors = write_blsp_emo(folder / "released", shards=2)
    main(["blsp-emo", str(folder / "released"), str(folder / "ours")])
    return folder / "released", folder / "ours", tensors


def build(folder, emotion_size=EMOTION_SIZE, categories=5):
    """Builds a RE-LLM around a converted BLSP-Emo."""
    torch.manual_seed(7)
    sizes = json.loads((folder / "conversion.json").read_text())
    llm = AdaptedModel(
        ChatLLM(folder / "llm"),
        PartialLoRA,
        target_layers=sizes["lora"].pop("target_layers"),
        adapter_kwargs=sizes["lora"],
    )
    speech_encoder = WhisperSpeechEncoder(folder / "whisper", pad_to_30s=True)
    return RELLM(
        speech_encoder,
        ConvAdapter(
            speech_encoder.output_size + emotion_size, H, **sizes["adapter"]
        ),
        EmotionHeads(H, categories),
        llm,
    ).eval()


def released_loss(tensors, wav, before, after, response, category):
    """BLSP-Emo's own loss of one utterance, in plain torch."""
    whisper = WhisperEncoder(WhisperConfig(**CONFIG["whisper"])).eval()
    room = "whisper_model."
    whisper.load_state_dict(
        {
            name.removeprefix(room): tensor
            for name, tensor in tensors.items()
            if name.startswith(room)
        }
    )
    mel = WhisperFeatureExtractor()(
        wav.numpy(), sampling_rate=16000, return_tensors="pt"
    ).input_features
    frames = whisper(mel).last_hidden_state[0, : -(-len(wav) // 320)]
    own = {
        name.replace("adapter.", "w2v2cat_adapter.", 1): tensor
        for name, tensor in tensors.items()
        if name.startswith("adapter.")
    }
    speech = adapter(own, frames)
    embed = tensors["qwen_model.model.transformer.wte.weight"]
    embeds = torch.cat([embed[before], speech, embed[after], embed[response]])
    mask = torch.zeros(len(embeds))
    mask[len(before) : len(before) + len(speech)] = 1
    logits = qwen(tensors, embeds, mask)[-len(response) - 1 : -1]
    ce = F.cross_entropy(logits, torch.tensor(response))
    heard = tensors["hidden2emotion.weight"] @ speech.mean(0)
    return ce + F.cross_entropy(heard, torch.tensor(category))


def our_loss(model, wav, before, after, response, category, emotion):
    """The first loss of our training, of the same utterance."""
    predictions = model(
        wav[None],
        torch.ones(1),
        emotion,
        Prompt(before, after),
        torch.tensor([response]),
        torch.ones(1),
    )
    return losses.response_nll(
        predictions.logits, predictions.targets
    ) + losses.category_loss(
        predictions.speech.category_logits, torch.tensor([category])
    )


EXAMPLE = ([3, 5, 7], [11, 13], [17, 19, 23], 2)


def test_widened_start_is_blsp_emo(blsp_emo):
    """Whatever the emotion, the first loss is BLSP-Emo's; then it learns."""
    _, ours, tensors = blsp_emo
    wav = 0.1 * torch.randn(9000)
    with torch.no_grad():
        expected = released_loss(tensors, wav, *EXAMPLE)
    model = build(ours)
    start_from(model, ours, "widened")
    for scale in (0.0, 3.0):
        emotion = scale * torch.randn(1, EMOTION_SIZE)
        loss = our_loss(model, wav, *EXAMPLE, emotion)
        assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    loss.backward()
    last = model.adapter.conv_layers[-1].weight.grad
    assert last[:, -EMOTION_SIZE:].abs().max() > 0
    first = model.adapter.conv_layers[0].weight
    torch.optim.SGD(model.adapter.parameters(), 0.1).step()
    changed = our_loss(model, wav, *EXAMPLE, emotion)
    changed.backward()
    assert first.grad[:, -EMOTION_SIZE:].abs().max() > 0


def test_fresh_start_keeps_everything_but_the_adapter(blsp_emo):
    """Encoder, heads and LoRA are BLSP-Emo's; the adapter as drawn."""
    _, ours, tensors = blsp_emo
    model, drawn = build(ours), build(ours).adapter.state_dict()
    start_from(model, ours)
    for name, tensor in model.adapter.state_dict().items():
        assert torch.equal(tensor, drawn[name])
    assert torch.equal(
        model.heads.category.weight, tensors["hidden2emotion.weight"]
    )
    assert torch.equal(
        model.speech_encoder.encoder.conv1.weight,
        tensors["whisper_model.conv1.weight"],
    )
    up = model.llm.adapted_model.model.model.layers[1].mlp.down_proj
    name = "qwen_model.model.transformer.h.1.mlp.c_proj.lora_B.default.weight"
    assert torch.equal(up.adapter_up_proj.weight, tensors[name])


def test_same_channels_and_other_classes(blsp_emo):
    """Without emotion encoder the adapter fits; four classes start fresh."""
    _, ours, tensors = blsp_emo
    model = build(ours, emotion_size=0, categories=4)
    start_from(model, ours)
    assert torch.equal(model.adapter.fc1.weight, tensors["adapter.fc1.weight"])
    assert model.heads.category.weight.shape == (4, H)


def test_starting_from_the_released_folder_and_a_checkpoint(
    blsp_emo, tmp_path, monkeypatch
):
    """Converted once; what a run saved starts another."""
    monkeypatch.setenv("SPEECHBRAIN_RELM_CACHE", str(tmp_path / "cache"))
    released, ours, tensors = blsp_emo
    model = build(ours)
    start_from(model, str(released), "widened")
    model.save_trained(tmp_path / "model.ckpt")
    again = build(ours)
    start_from(again, tmp_path)
    for name, tensor in again.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name]), name


def test_wrong_starts(blsp_emo, tmp_path):
    """Each refused with the tensor's name or the choices."""
    _, ours, _ = blsp_emo
    model = build(ours)
    with pytest.raises(ValueError, match="'zeros' is none of"):
        start_from(model, ours, "zeros")
    save_file({"adapter.x": torch.ones(1)}, tmp_path / "model.ckpt")
    with pytest.raises(ValueError, match="has not .first: adapter.x"):
        start_from(model, tmp_path)
    save_file({"adapter.fc1.weight": torch.ones(1)}, tmp_path / "model.ckpt")
    with pytest.raises(ValueError, match="adapter.fc1.weight has shape"):
        start_from(model, tmp_path)
    with pytest.raises(OSError, match="is no folder"):
        start_from(model, "missing-folder-1")


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda t: t.pop("adapter.fc2.weight"), "fc2.weight is missing"),
        (
            lambda t: t.pop(
                "qwen_model.model.transformer.h.0.mlp.w1.lora_A.default.weight"
            ),
            "up_proj.adapter_down_proj.weight is missing",
        ),
        (lambda t: t.update({"extra.weight": torch.ones(1)}), "extra.weight"),
        (
            lambda t: t.update({"hidden2emotion.weight": torch.ones(4, H)}),
            "heads.category.weight has shape",
        ),
        (
            lambda t: t.update({"w2v2.classifier.dense.bias": torch.ones(1)}),
            "re-llm",
        ),
    ],
)
def test_unknown_missing_and_misshapen_tensors(
    blsp_emo, tmp_path, change, words
):
    """An error that names the tensor."""
    released, _, tensors = blsp_emo
    tensors = dict(tensors)
    change(tensors)
    write_weights(tmp_path, tensors)
    (tmp_path / "config.json").write_text(
        (released / "config.json").read_text()
    )
    with pytest.raises(SystemExit, match=words):
        main(["blsp-emo", str(tmp_path), str(tmp_path / "ours")])


@pytest.mark.parametrize("ending", ["bin", "safetensors"])
def test_conformance_of_two_shards(tmp_path, ending):
    """A whole RE-LLM through the converter, split and in either format."""
    golden = tmp_path / "golden"
    write_golden(golden)
    tensors = load_file(golden / "checkpoint.safetensors")
    (golden / "checkpoint.safetensors").unlink()
    # torch's older names of the weight norm.
    for new, old in (("original0", "weight_g"), ("original1", "weight_v")):
        name = "w2v2.wav2vec2.encoder.pos_conv_embed.conv."
        tensors[f"{name}{old}"] = tensors.pop(
            f"{name}parametrizations.weight.{new}"
        )
    write_weights(golden, tensors, ending, shards=2)
    done = run([sys.executable, TESTS / "conformance.py", golden])
    assert done.stdout.splitlines()[-1] == "34 agree, 0 do not", done.stderr
