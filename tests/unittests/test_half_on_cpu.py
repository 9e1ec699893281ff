"""Frozen bfloat16 layers on a CPU: torch's numbers, and no slow shape."""

import time

import pytest
import torch
from torch.nn import functional as F

from speechbrain_relm.lobes.chat_llm import ChatLLM
from speechbrain_relm.lobes.parts import half_on_cpu
from speechbrain_relm.lobes.parts.half_on_cpu import HalfLinear


@pytest.mark.parametrize("rows", [1, 2, 40])
def test_as_exact_as_bfloat16_can_be(rows, monkeypatch):
    """Against float64, forward and backward, in several blocks."""
    monkeypatch.setattr(half_on_cpu, "BLOCK", 64 * 100)
    torch.manual_seed(0)
    layer = HalfLinear(64, 1000, dtype=torch.bfloat16).requires_grad_(False)
    x = torch.randn(1, rows, 64).bfloat16().requires_grad_(True)
    y = layer(x)
    grad = torch.randn_like(y)
    y.backward(grad)
    exact = x.detach().double().requires_grad_(True)
    weight, bias = layer.weight.double(), layer.bias.double()
    wanted = F.linear(exact, weight, bias)
    wanted.backward(grad.double())
    for found, right in ((y, wanted), (x.grad, exact.grad)):
        error = (found.double() - right).abs().max() / right.abs().max()
        assert error < 2**-7, (rows, error)


def test_a_backward_pass_costs_about_a_forward_pass():
    """Torch's own took 70 times as long, without bfloat16 instructions."""
    layer = HalfLinear(512, 32768, bias=False, dtype=torch.bfloat16)
    layer.requires_grad_(False)
    x = torch.randn(32, 512).bfloat16().requires_grad_(True)

    def seconds():
        start = time.process_time()
        y = layer(x)
        middle = time.process_time()
        y.backward(torch.ones_like(y))
        return middle - start, time.process_time() - middle

    seconds()
    forward, backward = map(min, zip(*(seconds() for _ in range(3))))
    assert backward < 8 * forward


def test_an_llm_in_bfloat16_learns_like_one_in_float32(qwen_folder):
    """The gradient of its input, through every layer."""
    grads = []
    for dtype in ("float32", "bfloat16"):
        llm = ChatLLM(qwen_folder, dtype=dtype)
        embeddings = llm.embed(torch.arange(40)[None]).float()
        embeddings.requires_grad_(True)
        llm(embeddings).float().log_softmax(-1)[..., 7].mean().backward()
        grads.append(embeddings.grad)
    cosine = F.cosine_similarity(*(grad.flatten() for grad in grads), dim=0)
    assert cosine > 0.99
