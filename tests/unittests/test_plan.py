"""The plan against real steps, and gradient checkpointing."""

import re

import pytest
import torch
from speechbrain.nnet.adapters import AdaptedModel

from speechbrain_relm.lobes.chat_llm import ChatLLM
from speechbrain_relm.lobes.conv_adapter import ConvAdapter
from speechbrain_relm.lobes.emotion_heads import EmotionHeads
from speechbrain_relm.lobes.partial_lora import PartialLoRA
from speechbrain_relm.lobes.parts.chat_template import Prompt
from speechbrain_relm.lobes.whisper_encoder import WhisperSpeechEncoder
from speechbrain_relm.model.re_llm import RELLM
from speechbrain_relm.runs.planning.activations import (
    KeptBytes,
    activation_bytes,
)
from speechbrain_relm.runs.planning.command import main
from speechbrain_relm.utils.sources.pretrained import without_weights
from tests.tiny_models import TOKENS

EMOTION_SIZE, BATCH, SECONDS, PROMPT, RESPONSE = 8, 3, 2.0, 40, 30
# All that the loss keeps, in float32; it would hide what the layers keep.
LOGITS = 4 * BATCH * RESPONSE * TOKENS


def build(whisper_folder, qwen_folder, checkpointing=False, **how):
    """Builds a tiny system, in training mode."""
    torch.manual_seed(3)
    speech_encoder = WhisperSpeechEncoder(
        whisper_folder, gradient_checkpointing=checkpointing, **how
    )
    chat_llm = ChatLLM(qwen_folder, gradient_checkpointing=checkpointing)
    size = chat_llm.embedding_size
    llm = AdaptedModel(
        chat_llm,
        PartialLoRA,
        target_layers=["*_proj"],
        adapter_kwargs={"rank": 4},
    )
    for name, parameter in llm.named_parameters():
        if "adapter_up_proj" in name:
            torch.nn.init.normal_(parameter)
    channels = speech_encoder.output_size + EMOTION_SIZE
    return RELLM(
        speech_encoder,
        ConvAdapter(channels, size, 16),
        EmotionHeads(size, 4),
        llm,
    ).train()


def step(model):
    """One real forward; returns its loss."""
    torch.manual_seed(4)
    predictions = model(
        torch.randn(BATCH, int(SECONDS * 16000)),
        torch.ones(BATCH),
        torch.randn(BATCH, EMOTION_SIZE),
        Prompt([1] * (PROMPT - 5), [2] * 5),
        torch.randint(0, 1000, (BATCH, RESPONSE)),
        torch.ones(BATCH),
    )
    return torch.nn.functional.cross_entropy(
        predictions.logits, predictions.targets
    )


@pytest.mark.parametrize(
    "how",
    [
        {"pad_to_30s": True},
        {"pad_to_30s": False},
        {"freeze": True},
        {"checkpointing": True},
    ],
)
def test_activations_as_in_a_real_step(whisper_folder, qwen_folder, how):
    """Within 15 %, whatever is trained and however long Whisper hears."""
    model = build(whisper_folder, qwen_folder, **how)
    with KeptBytes(model) as real:
        step(model)
    with without_weights():
        twin = build(whisper_folder, qwen_folder, **how)
    planned = activation_bytes(twin, BATCH, SECONDS, PROMPT, RESPONSE)
    assert planned.pop("logits") == 3 * LOGITS
    assert sum(planned.values()) == pytest.approx(real.total - LOGITS, rel=0.15)


def test_gradient_checkpointing(whisper_folder, qwen_folder):
    """The same loss and gradients, with less kept."""
    plain = build(whisper_folder, qwen_folder)
    saving = build(whisper_folder, qwen_folder, checkpointing=True)
    kept, losses = [], []
    for model in (plain, saving):
        with KeptBytes(model) as count:
            loss = step(model)
        loss.backward()
        kept.append(count.total)
        losses.append(loss.item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    for (name, ours), theirs in zip(
        plain.named_parameters(), saving.parameters()
    ):
        if ours.grad is not None and ours.grad.abs().max() > 0:
            torch.testing.assert_close(
                theirs.grad, ours.grad, rtol=1e-4, atol=1e-6, msg=name
            )
    assert kept[1] - LOGITS < 0.5 * (kept[0] - LOGITS)


def test_paper_size(capsys):
    """Parameters of the true architectures; nothing is downloaded."""
    main(["recipes/ESD/hparams/re_llm.yaml", "--batch_size", "4"])
    printed = capsys.readouterr().out
    assert "a step of 4 utterances of 5.0 s" in printed
    # 7721.3 M of Qwen-7B, and 40.0 M of LoRA: 32 layers of (q, k, v, o: 8192
    # inputs and outputs; gate, up, down: 15104) times rank 16.
    lora = 32 * 16 * (4 * 8192 + 3 * 15104)
    assert f"| llm | {(7721324544 + lora) / 1e6:.1f} M |" in printed
    assert "| speech_encoder | 636.8 M |" in printed


def rows(capsys, *overrides):
    """The memory of a step in the paper's YAML, row by row."""
    main(["recipes/ESD/hparams/re_llm.yaml", *overrides])
    table = re.findall(
        r"\| ([a-z ()A-Z]+) \| ([\d.]+) \|", capsys.readouterr().out
    )
    return {name: float(size) for name, size in reversed(table)}


def test_divided_among_four(capsys):
    """Of all that is in the model a fourth, and what is whole at a time."""
    found = rows(capsys, "--fsdp", "True", "--gpus", "4")
    learned = 4 * (634.9 + 204.8 + 40.0) / 1e3
    model = learned + (4 * 1.9 + 2 * 7721.3) / 1e3
    outside = 4 * 165.3 / 1e3  # the emotion encoder
    assert found["weights"] == pytest.approx(model / 4 + outside, abs=0.02)
    assert found["gradients"] == pytest.approx(learned / 4, abs=0.01)
    assert found["optimizer (AdamW)"] == pytest.approx(learned / 2, abs=0.02)
    # The adapter with its gradient; input and output table of the LLM.
    gathered = (8 * 204.8 + 2 * 2 * 151936 * 4096 / 1e6) / 1e3
    assert found["gathered layers"] == pytest.approx(gathered, abs=0.1)


def test_a_base_of_four_bits(capsys):
    """Half a byte a weight of the linear layers, and the scales."""
    plain = rows(capsys)["weights"]
    linear = 32 * (4 * 4096**2 + 3 * 4096 * 11008) / 1e9
    saved = linear * (2 - 4.127 / 8)
    found = rows(capsys, "--chat_llm", "{bits: 4}")["weights"]
    assert found == pytest.approx(plain - saved, abs=0.02)


def test_unknown_yaml():
    """One line."""
    with pytest.raises(SystemExit, match="plan: There is no YAML"):
        main(["hparams/missing.yaml"])


def test_an_alignment_that_runs_no_llm(capsys):
    """Its embedding table alone is counted: 151936 tokens by 4096."""
    main(["recipes/LibriSpeech/hparams/words.yaml"])
    printed = capsys.readouterr().out
    assert "a step, without its activations" in printed
    assert "| llm | 622.3 M | 0.0 M |" in printed
    assert "| adapter | " in printed


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--chat_llm", "{bits: 3}"], "chat_llm: bits: 3 is not 4 or 8"),
        (["--chat_llm", "{bits: 4}", "--fsdp", "True"], "use one of the two"),
        (["--chat_llm", "5"], "chat_llm: 5 is not an object of the YAML"),
        (["--batch_size", "0"], "batch_size: 0 is not a whole number above 0"),
        (["--system", "9"], "system: there is no '9'"),
        (
            ["--llm", "{target_layers: [q_prj]}"],
            "'q_prj' matches no layer of the LLM, whose layers end in q_proj",
        ),
        (["--gpus", "0"], "--gpus must be above 0"),
        (["--seconds", "-3"], "--seconds must be above 0"),
    ],
)
def test_what_cannot_work_is_said_in_one_line(options, line):
    """Before any model is outlined."""
    with pytest.raises(SystemExit) as error:
        main(["recipes/ESD/hparams/re_llm.yaml", *options])
    assert line in str(error.value) and "\n" not in str(error.value)
