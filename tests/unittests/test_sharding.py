"""Weights divided among two processes learn what one process learns."""

import functools
import os

import forked
import pytest
import torch
from speechbrain.nnet.adapters import AdaptedModel
from torch import distributed

from speechbrain_relm.lobes.chat_llm import ChatLLM
from speechbrain_relm.lobes.conv_adapter import ConvAdapter
from speechbrain_relm.lobes.emotion_heads import EmotionHeads
from speechbrain_relm.lobes.partial_lora import PartialLoRA
from speechbrain_relm.lobes.parts.chat_template import Prompt
from speechbrain_relm.lobes.whisper_encoder import WhisperSpeechEncoder
from speechbrain_relm.model.re_llm import RELLM
from speechbrain_relm.model.trained import trainable_parameters
from speechbrain_relm.utils.sharding import (
    gather_for_good,
    gathered,
    is_divided,
    load_optimizer,
    save_optimizer,
    shard,
    sharded_bytes,
)

PROMPT = Prompt([1, 2, 3], [4, 5])


def build(whisper_folder, qwen_folder, checkpointing):
    """A tiny system that fine-tunes Whisper, on a bfloat16 LLM."""
    torch.manual_seed(3)
    encoder = WhisperSpeechEncoder(
        whisper_folder, gradient_checkpointing=checkpointing
    )
    chat_llm = ChatLLM(
        qwen_folder, "bfloat16", gradient_checkpointing=checkpointing
    )
    size = chat_llm.embedding_size
    llm = AdaptedModel(chat_llm, PartialLoRA, target_layers=["*_proj"])
    for name, parameter in llm.named_parameters():
        if "adapter_up_proj" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return RELLM(
        encoder,
        ConvAdapter(encoder.output_size, size, 16),
        EmotionHeads(size, 4),
        llm,
    ).train()


def batch(number):
    """Signals, lengths, no emotion, prompt, responses, lengths."""
    draw = torch.Generator().manual_seed(number)
    wavs = torch.randn(1, 8000 + 1600 * number, generator=draw)
    responses = torch.randint(0, 1000, (1, 6 + number), generator=draw)
    return wavs, torch.ones(1), None, PROMPT, responses, torch.ones(1)


def step(model, optimizer, batches, window):
    """A window's losses, and its step; gradients are averaged over it."""
    losses = []
    for number in batches:
        with torch.autocast("cpu", torch.bfloat16):
            predictions = model(*batch(number))
        loss = torch.nn.functional.cross_entropy(
            predictions.logits.float(), predictions.targets
        )
        loss = loss + predictions.speech.category_logits.square().mean()
        (loss / window).backward()
        losses.append(loss.item())
    norm = torch.nn.utils.clip_grad_norm_(
        trainable_parameters(model).values(), 1.0
    )
    optimizer.step()
    optimizer.zero_grad()
    return losses, gathered(norm).item()


def new_optimizer(model):
    """As the recipes' YAMLs make it."""
    return torch.optim.AdamW(
        trainable_parameters(model).values(), lr=1e-3, fused=True
    )


def whole(model):
    """Names to all that was learned."""
    tensors = trainable_parameters(model).items()
    return {name: gathered(value.detach()).clone() for name, value in tensors}


def one(build_model, steps):
    """One process, windows of four batches."""
    model = build_model()
    optimizer = new_optimizer(model)
    numbers = [range(4 * number, 4 * number + 4) for number in range(steps)]
    found = [step(model, optimizer, window, 4) for window in numbers]
    return found, whole(model)


def one_of_two(rank, folder, builders, steps):
    """Each process has two of the four, and goes on from a checkpoint."""
    os.environ |= {"RANK": str(rank), "LOCAL_WORLD_SIZE": "2"}
    distributed.init_process_group(
        "gloo", f"file://{folder}/store", rank=rank, world_size=2
    )
    results = [
        learn(rank, folder, build_model, steps) for build_model in builders
    ]
    torch.save(results, folder / f"{rank}.pt")
    distributed.barrier()
    distributed.destroy_process_group()


def learn(rank, folder, build_model, steps):
    """Losses and norms, what was learned, and the share of it that was here."""
    found = []
    for number in range(steps):
        # A new start each time: the checkpoint has all that is needed.
        model = build_model()
        total, _ = sharded_bytes(model)
        shard(model, "cpu")
        optimizer = new_optimizer(model)
        if number:
            model.load_trained(folder / "model")
            load_optimizer(optimizer, folder / "optimizer")
        mine = range(4 * number + rank, 4 * number + 4, 2)
        found.append(step(model, optimizer, mine, 2))
        model.save_trained(folder / "model")
        save_optimizer(optimizer, folder / "optimizer")
        distributed.barrier()
    here = sum(p.to_local().nbytes for p in model.parameters())
    learned = whole(model)
    gather_for_good(model)
    assert not any(is_divided(p) for p in model.parameters())
    if rank:  # alone: the other process does nothing
        with torch.no_grad():
            speech = model.eval().encode_speech(*batch(1)[:3])
        assert len(model.answer(speech, PROMPT, max_new_tokens=3)) == 1
    return found, learned, here / total


def test_two_learn_what_one_learns(whisper_folder, qwen_folder, tmp_path):
    """Losses, norms and tensors; half of the weights in each process."""
    builders = [
        functools.partial(build, whisper_folder, qwen_folder, checkpointing)
        for checkpointing in (False, True)
    ]
    forked.context()
    torch.multiprocessing.start_processes(
        one_of_two,
        (tmp_path, builders, 2),
        nprocs=2,
        start_method="forkserver",
    )
    parts = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    for build_model, *both in zip(builders, *parts):
        agree(one(build_model, 2), both)


def agree(expected, both):
    """What one process had, and what each of two had."""
    windows, tensors = expected
    for found, learned, share in both:
        norms = [norm for _, norm in found]
        assert norms == pytest.approx([norm for _, norm in windows], rel=1e-3)
        torch.testing.assert_close(learned, tensors, rtol=1e-4, atol=1e-5)
        assert share == pytest.approx(0.5, abs=0.01)
    for number, (losses, _) in enumerate(windows):
        first, second = (found[number][0] for found, *_ in both)
        mixed = [loss for pair in zip(first, second) for loss in pair]
        assert mixed == pytest.approx(losses, rel=1e-4)
