"""The conv adapter against the paper's numbers and plain convolutions."""

import torch
from torch.nn import functional as F

from speechbrain_relm.lobes.conv_adapter import ConvAdapter


def plain(adapter, feats):
    """Runs one utterance without any padding or mask."""
    x = feats.T[None]
    for conv in adapter.conv_layers:
        value, gate = F.conv1d(
            x, conv.weight, conv.bias, stride=2, padding=2
        ).chunk(2, dim=1)
        x = value * torch.sigmoid(gate)
    x = x[0].T
    inner = x @ adapter.fc1.weight.T
    inner = inner * 0.5 * (1 + torch.erf(inner / 2**0.5))
    x = x + inner @ adapter.fc2.weight.T
    x = (x - x.mean(-1, keepdim=True)) / (
        x.var(-1, unbiased=False, keepdim=True) + 1e-5
    ).sqrt()
    return x * adapter.layer_norm.weight + adapter.layer_norm.bias


def test_batch_equals_each_utterance_alone():
    """In a padded batch, with garbage in the padding."""
    torch.manual_seed(0)
    adapter = ConvAdapter(6, 8, bottleneck_size=4)
    lengths = [50, 33, 1]
    feats = torch.randn(3, 50, 6)
    embeddings, lens = adapter(feats, torch.tensor(lengths) / 50)
    for row, n in enumerate(lengths):
        expected = plain(adapter, feats[row, :n])
        # floor((n - 1) / 2 + 1), three times
        size = n
        for _ in range(3):
            size = (size - 1) // 2 + 1
        assert round(float(lens[row]) * embeddings.shape[1]) == size
        assert len(expected) == size
        assert torch.allclose(embeddings[row, :size], expected, atol=1e-5)
        assert not embeddings[row, size:].any()


def test_size_of_the_paper():
    """Kernel 5, stride 2, padding 2, bottleneck 512, no biases there."""
    adapter = ConvAdapter(input_size=1280 + 1024, output_size=4096)
    shapes = [tuple(conv.weight.shape) for conv in adapter.conv_layers]
    assert shapes == [(4608, 2304, 5), (4608, 2304, 5), (8192, 2304, 5)]
    assert adapter.fc1.weight.shape == (512, 4096)
    assert adapter.fc1.bias is None and adapter.fc2.bias is None
