"""Partial LoRA against the formula, SpeechBrain's LoRA, and a clock."""

import threading

import pytest
import torch
from speechbrain.nnet.adapters import AdaptedModel, LoRA
from torch import nn

from speechbrain_relm.lobes.partial_lora import PartialLoRA, speech_positions
from speechbrain_relm.lobes.parts.adapters import adapters_off


@pytest.fixture
def layer():
    """A layer whose update is not zero."""
    torch.manual_seed(0)
    layer = PartialLoRA(nn.Linear(6, 5), rank=3, alpha=12)
    nn.init.normal_(layer.adapter_up_proj.weight)
    return layer


def test_update_is_masked(layer):
    """Position by position: W x + b, and the update where speech is."""
    x = torch.randn(2, 4, 6)
    mask = torch.tensor([[0, 1, 1, 0], [1, 0, 0, 0]]).bool()
    with speech_positions(mask):
        output = layer(x)
    base, down, up = (
        layer.pretrained_module,
        layer.adapter_down_proj.weight,
        layer.adapter_up_proj.weight,
    )
    for b in range(2):
        for t in range(4):
            expected = base.weight @ x[b, t] + base.bias
            if mask[b, t]:
                expected = expected + 12 / 3 * (up @ (down @ x[b, t]))
            assert torch.allclose(output[b, t], expected, atol=1e-5)


def test_full_mask_is_speechbrains_lora(layer):
    """With speech everywhere it is an ordinary LoRA."""
    lora = LoRA(layer.pretrained_module, rank=3, alpha=12)
    lora.load_state_dict(layer.state_dict())
    x = torch.randn(2, 4, 6)
    with speech_positions(torch.ones(2, 4).bool()):
        assert torch.allclose(layer(x), lora(x), atol=1e-5)


def test_text_costs_nothing(layer):
    """Neither text prompts nor decoded tokens reach the update."""
    layer.adapter_down_proj.register_forward_hook(
        lambda *_: pytest.fail("the update was worked out")
    )
    x = torch.randn(2, 4, 6)
    expected = layer.pretrained_module(x)
    assert torch.equal(layer(x), expected)
    with speech_positions(torch.ones(2, 4).bool()):
        assert torch.allclose(layer(x[:, :1]), expected[:, :1])
        with speech_positions(None):
            assert torch.equal(layer(x), expected)


def test_only_speech_positions_are_worked_out(layer):
    """The update's input has as many rows as there are speech positions."""
    rows = []
    layer.adapter_down_proj.register_forward_hook(
        lambda module, inputs, output: rows.append(len(inputs[0]))
    )
    mask = torch.tensor([[0, 1, 1, 0], [1, 0, 0, 0]]).bool()
    with speech_positions(mask):
        layer(torch.randn(2, 4, 6))
    assert rows == [3]


def test_a_wrong_mask_is_refused(layer):
    """A mask of another input is a mistake, not to be broadcast."""
    with speech_positions(torch.ones(2, 5).bool()):
        with pytest.raises(ValueError, match="shape"):
            layer(torch.randn(2, 4, 6))


def test_mask_ends_with_its_block(layer):
    """Also if the block fails."""
    x = torch.randn(1, 4, 6)
    with pytest.raises(RuntimeError):
        with speech_positions(torch.ones(1, 4).bool()):
            raise RuntimeError
    assert torch.equal(layer(x), layer.pretrained_module(x))


def test_threads_do_not_share_masks(layer):
    """Another thread's request is text while this one's is speech."""
    x, seen = torch.randn(1, 4, 6), []
    with speech_positions(torch.ones(1, 4).bool()):
        thread = threading.Thread(target=lambda: seen.append(layer(x)))
        thread.start()
        thread.join()
    assert torch.equal(seen[0], layer.pretrained_module(x))


def test_bfloat16_base_keeps_a_float32_update():
    """The output has the base's type, the update's gradient its own."""
    layer = PartialLoRA(nn.Linear(6, 5).bfloat16(), rank=3)
    with speech_positions(torch.ones(1, 2).bool()):
        output = layer(torch.randn(1, 2, 6).bfloat16())
    output.float().sum().backward()
    assert output.dtype == torch.bfloat16
    assert layer.adapter_up_proj.weight.grad.dtype == torch.float32
    assert layer.pretrained_module.weight.grad is None


@pytest.mark.parametrize(
    "adapter, settings",
    [(PartialLoRA, {"rank": 2}), (LoRA, {"rank": 2})],
)
def test_adapters_off(adapter, settings):
    """The pretrained model answers inside the block, and only there."""
    base = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    x = torch.randn(1, 3, 4)
    expected = base(x)
    model = AdaptedModel(
        base, adapter, target_layers=["[02]"], adapter_kwargs=settings
    )
    for layer in (base[0], base[2]):
        nn.init.ones_(layer.adapter_up_proj.weight)
    with speech_positions(torch.ones(1, 3).bool()):
        with adapters_off(model):
            assert torch.equal(model(x), expected)
        assert not torch.allclose(model(x), expected)
