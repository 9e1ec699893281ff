"""Packing against lists joined one by one."""

import pytest
import torch

from speechbrain_relm.model.sequences import (
    RESPONSE,
    SPEECH,
    Part,
    pack,
    prompt_part,
    ragged_part,
)


@pytest.mark.parametrize("left_pad", [False, True])
def test_rows_are_joined_without_gaps(left_pad):
    """Every row is its parts in order; padding stands at one end only."""
    torch.manual_seed(0)
    embed = torch.nn.Embedding(50, 4)
    counts = [3, 1, 5]
    speech = torch.randn(3, 5, 4)
    texts = [[11, 12], [13], [14, 15, 16]]
    response = ragged_part(texts, "cpu")._replace(role=RESPONSE)
    sequence = pack(
        [
            prompt_part([1, 2], 3, "cpu"),
            Part(speech, torch.tensor(counts), SPEECH),
            prompt_part([3], 3, "cpu"),
            response,
        ],
        embed,
        left_pad,
    )
    width = sequence.inputs_embeds.shape[1]
    targets = []
    for row, (count, text) in enumerate(zip(counts, texts)):
        parts = [
            embed(torch.tensor([1, 2])),
            speech[row, :count],
            embed(torch.tensor([3, *text])),
        ]
        expected = torch.cat(parts)
        size = len(expected)
        at = slice(width - size, width) if left_pad else slice(0, size)
        assert torch.equal(sequence.inputs_embeds[row, at], expected)
        assert sequence.attention_mask[row].sum() == size
        assert sequence.attention_mask[row, at].all()
        assert sequence.position_ids[row, at].tolist() == list(range(size))
        here = sequence.speech_mask[row, at].nonzero().squeeze(1).tolist()
        assert here == list(range(2, 2 + count))
        asks = sequence.predicts_response[row, at].nonzero().squeeze(1)
        assert asks.tolist() == list(range(size - len(text) - 1, size - 1))
        targets += text
    assert sequence.targets.tolist() == targets


def test_gradients_reach_the_speech_only_where_it_is():
    """Padding of the speech batch gets no gradient."""
    embed = torch.nn.Embedding(9, 4)
    speech = torch.randn(2, 3, 4, requires_grad=True)
    part = Part(speech, torch.tensor([3, 1]), SPEECH)
    pack(
        [prompt_part([1], 2, "cpu"), part], embed
    ).inputs_embeds.sum().backward()
    assert speech.grad.sum(-1).tolist() == [[4, 4, 4], [4, 0, 0]]
