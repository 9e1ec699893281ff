"""A new adapter that starts from the frames' mean and spread."""

import numpy as np
import pytest
import torch
from torch import nn

from speechbrain_relm.lobes.conv_adapter import ConvAdapter
from speechbrain_relm.lobes.parts import standardising
from speechbrain_relm.lobes.parts.standardising import (
    frame_statistics,
    standardise,
    start_as_averages,
)
from speechbrain_relm.runs.steps.fit import check_start
from speechbrain_relm.utils.errors import RecipeError


class Listener:
    """Gives frames to an adapter, padded, as a model's listener does."""

    def __init__(self, adapter, frames):
        self.model, self.frames = nn.Module(), frames
        self.model.adapter = adapter

    def encode(self, entries):
        """Runs the adapter on the utterances' frames."""
        rows = [self.frames[i] for i in entries]
        lens = torch.tensor([float(len(row)) for row in rows])
        feats = nn.utils.rnn.pad_sequence(
            rows, batch_first=True, padding_value=99.0
        )
        return self.model.adapter(feats, lens / lens.max())


def test_it_is_as_if_the_frames_were_standardised():
    """The statistics are numpy's, and padding is in none of them."""
    torch.manual_seed(0)
    spread, mean = torch.tensor([0.05, 1.0, 6.0]), torch.tensor([0.0, 7.0, -3])
    frames = {
        str(n): torch.randn(n, 3) * spread + mean for n in (40, 24, 33, 57)
    }
    adapter = ConvAdapter(3, 8, 4)
    entries = {name: {"duration": len(f)} for name, f in frames.items()}
    found = frame_statistics(Listener(adapter, frames), entries, 3)
    everything = torch.cat(list(frames.values())).double().numpy()
    assert found[0].numpy() == pytest.approx(everything.mean(0))
    assert found[1].numpy() == pytest.approx(everything.std(0))

    feats = frames["57"].T[None]
    first = adapter.conv_layers[0]
    scaled = (feats - found[0][:, None]) / found[1][:, None]
    before = first(scaled.float())[..., 1:-1]
    standardise(adapter, *found)
    after = first(feats)[..., 1:-1]  # beside it is padding
    assert np.allclose(before.detach(), after.detach(), atol=1e-4)


def test_processes_share_the_frames(monkeypatch):
    """What each has heard of its own is put together, the same for all."""
    torch.manual_seed(0)
    frames = {str(n): torch.randn(n, 3) for n in (40, 24, 33, 57, 16)}
    adapter = ConvAdapter(3, 8, 4)
    entries = {name: {"duration": len(f)} for name, f in frames.items()}

    def measured():
        """Measures by batches of two."""
        return frame_statistics(Listener(adapter, frames), entries, 2)

    alone, found = measured(), []
    monkeypatch.setattr(
        standardising, "gather", lambda x: found.append(x) or [x]
    )
    for rank in (0, 1):
        monkeypatch.setattr(standardising, "share", lambda b: b[rank::2])
        assert not torch.allclose(measured()[0], alone[0])
    monkeypatch.setattr(standardising, "gather", lambda x: found)
    together = measured()
    assert all(torch.allclose(*both) for both in zip(alone, together))


@pytest.mark.parametrize("size", [12, 6, 4])
def test_it_starts_as_the_mean_of_eight_frames(size):
    """Of all channels; of their turned ones where the LLM has fewer."""
    torch.manual_seed(0)
    adapter, frames = ConvAdapter(6, size, 4), torch.randn(1, 64, 6)
    adapter.layer_norm = nn.Identity()
    for conv in adapter.conv_layers:
        nn.init.zeros_(conv.weight)  # what was drawn is noise
    start_as_averages(adapter)
    with torch.no_grad():
        found = adapter(frames)[0][0]
    means = frames[0].view(8, 8, 6).mean(1)
    if size < 6:
        # A rotation keeps what lies in its rows.
        weight = adapter.conv_layers[-1].weight[:size, :, 3]
        turn = weight / weight.norm(dim=1, keepdim=True)
        means = means @ turn.detach().T
        assert np.allclose(
            turn.detach() @ turn.detach().T, np.eye(size), atol=1e-5
        )
    assert np.allclose(found[:, : min(size, 6)], means, atol=1e-5)
    assert not found[:, 6:].any()


def test_a_drawn_part_stays():
    """Else units that start alike would learn alike."""
    adapter = ConvAdapter(6, 8, 4)
    start_as_averages(adapter)
    for conv in adapter.conv_layers:
        rows = conv.weight.detach().flatten(1)
        assert len(torch.unique(rows, dim=0)) == len(rows)


def test_what_it_is_not_for():
    """A channel that never changes is no division by zero; the rest is said."""
    adapter = ConvAdapter(2, 8, 4)
    standardise(adapter, torch.zeros(2), torch.tensor([0.0, 1.0]))
    assert torch.isfinite(adapter.conv_layers[0].weight).all()
    with pytest.raises(RecipeError, match="not for Linear"):
        standardise(nn.Linear(2, 2), torch.zeros(2), torch.ones(2))
    with pytest.raises(RecipeError, match="not for Linear"):
        start_as_averages(nn.Linear(2, 2))
    wanted = {"init_adapter": "standardised", "steps": ["fit"]}
    with pytest.raises(RecipeError, match="take fresh"):
        check_start(nn.Linear(2, 2), wanted)
    check_start(None, wanted)  # a system of text
    check_start(nn.Linear(2, 2), {**wanted, "init_adapter": "fresh"})
    check_start(nn.Linear(2, 2), {**wanted, "steps": ["report"]})
