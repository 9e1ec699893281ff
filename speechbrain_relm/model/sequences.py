"""Prompt, speech and response laid out in one sequence, without gaps.

Padding stands only at an end of the row, never between its parts, so a
token's position, and with it every number computed from it, is the same
alone and in any batch. One row:

    before | speech | after | response | padding      (training)
    padding | before | speech | after                 (generation)

Authors
 * The speechbrain_relm contributors 2026
"""

from typing import NamedTuple

import torch

from speechbrain_relm.utils.lengths import valid_mask

PADDING, PROMPT, SPEECH, RESPONSE = range(4)


class Part(NamedTuple):
    """One part of every row, ragged in length.

    `values` holds token ids [B, S], best on the host, or embeddings [B, S, H]
    for speech; `counts` the valid length of each row [B], best on the host;
    `role` is one of PROMPT, SPEECH and RESPONSE.
    """

    values: torch.Tensor
    counts: torch.Tensor
    role: int


class Sequence(NamedTuple):
    """A packed batch.

    `inputs_embeds` [B, L, H]; `position_ids` [B, L]; `attention_mask`,
    `speech_mask` and `predicts_response` are boolean masks [B, L], the last
    one true where the next token belongs to the response; `targets` [N] are
    those tokens, row by row. The last two masks, in which positions are
    searched, stay on the host; the rest is where the LLM is.
    """

    inputs_embeds: torch.Tensor
    attention_mask: torch.Tensor
    position_ids: torch.Tensor
    speech_mask: torch.Tensor
    predicts_response: torch.Tensor
    targets: torch.Tensor


def prompt_part(ids, batch_size, device):
    """Repeats the same prompt tokens for every row.

    Arguments
    ---------
    ids : list of int
        Token ids.
    batch_size : int
        Rows B.
    device : torch.device
        Where to put them.

    Returns
    -------
    Part
        A part with the role PROMPT.

    Example
    -------
    >>> prompt_part([5, 6], 2, "cpu").values
    tensor([[5, 6],
            [5, 6]])
    """
    values = torch.tensor(ids, dtype=torch.long, device=device)
    return Part(
        values.expand(batch_size, -1),
        torch.full((batch_size,), len(ids), device=device),
        PROMPT,
    )


def ragged_part(ids, device):
    """Makes a part of texts of different lengths.

    Arguments
    ---------
    ids : list of list of int
        Token ids of each row.
    device : torch.device
        Where to put them.

    Returns
    -------
    Part
        A part with the role PROMPT.

    Example
    -------
    >>> part = ragged_part([[5, 6], [7]], "cpu")
    >>> part.values, part.counts
    (tensor([[5, 6],
            [7, 0]]), tensor([2, 1]))
    """
    rows = [torch.tensor(row, dtype=torch.long) for row in ids]
    values = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    counts = torch.tensor([len(row) for row in ids])
    return Part(values.to(device), counts.to(device), PROMPT)


def pack(parts, embed, left_pad=False):
    """Lays the parts of each row side by side.

    Arguments
    ---------
    parts : list of Part
        In the order of the sequence.
    embed : callable
        Token ids [B, L] to embeddings [B, L, H].
    left_pad : bool
        Padding before the row (generation) or after it (training).

    Returns
    -------
    Sequence
        The packed batch.

    Example
    -------
    >>> embed = torch.nn.Embedding(10, 2)
    >>> before = prompt_part([1, 2], 2, "cpu")
    >>> speech = Part(torch.ones(2, 3, 2), torch.tensor([3, 1]), SPEECH)
    >>> ids = torch.tensor([[7, 8], [9, 0]])
    >>> response = Part(ids, torch.tensor([2, 1]), RESPONSE)
    >>> sequence = pack([before, speech, response], embed)
    >>> sequence.attention_mask.int()
    tensor([[1, 1, 1, 1, 1, 1, 1],
            [1, 1, 1, 1, 0, 0, 0]], dtype=torch.int32)
    >>> sequence.speech_mask[1].nonzero().squeeze(1), sequence.targets
    (tensor([2]), tensor([7, 8, 9]))
    """
    # All that is counted and searched is on the host: on a GPU each size that
    # has to be known would be a wait.
    counts = torch.stack([part.counts.cpu() for part in parts])
    total = counts.sum(0)
    batch_size, width = len(total), int(total.max())
    starts = counts.cumsum(0) - counts
    if left_pad:
        starts = starts + (width - total)

    ids = counts.new_zeros(batch_size, width)
    roles = counts.new_zeros(batch_size, width)
    speech = []
    for part, count, start in zip(parts, counts, starts):
        steps = part.values.shape[1]
        rows, columns = valid_mask(count, steps).nonzero(as_tuple=True)
        source, columns = rows * steps + columns, columns + start[rows]
        roles[rows, columns] = part.role
        if part.role == SPEECH:
            speech.append((part.values, source, rows * width + columns))
        else:
            ids[rows, columns] = part.values.cpu().flatten()[source]

    inputs_embeds = embed(ids)
    for values, source, target in speech:
        inputs_embeds = place(inputs_embeds, values, source, target)
    attention_mask = roles != PADDING
    is_response = roles == RESPONSE
    predicts_response = torch.zeros_like(is_response)
    # A token is predicted one position before it. The released KL reads the
    # logits at the tokens, and so never compares the first.
    predicts_response[:, :-1] = is_response[:, 1:]
    # The released code counts padding as positions, and has it between speech
    # and response: its loss depends on the batch's longest utterance.
    position_ids = (attention_mask.cumsum(1) - 1).clamp(min=0)
    attention_mask, position_ids, targets = (
        tensor.to(inputs_embeds.device, non_blocking=True)
        for tensor in (attention_mask, position_ids, ids[is_response])
    )
    return Sequence(
        inputs_embeds,
        attention_mask,
        position_ids,
        roles == SPEECH,
        predicts_response,
        targets,
    )


def place(embeddings, values, source, target):
    """Puts rows of one batch of embeddings into another.

    Arguments
    ---------
    embeddings : torch.Tensor
        [B, L, H].
    values : torch.Tensor
        [B, S, H].
    source : torch.Tensor
        Which of the B * S rows, on the host [N].
    target : torch.Tensor
        Which of the B * L rows they replace, on the host [N].

    Returns
    -------
    torch.Tensor
        [B, L, H].

    Example
    -------
    >>> row = torch.tensor([1])
    >>> place(torch.zeros(1, 3, 1), torch.ones(1, 2, 1), row, row).flatten()
    tensor([0., 1., 0.])
    """
    device = embeddings.device
    source, target = (
        index.to(device, non_blocking=True) for index in (source, target)
    )
    rows = values.flatten(0, 1).index_select(0, source).to(embeddings.dtype)
    flat = embeddings.flatten(0, 1)
    return flat.index_copy(0, target, rows).view_as(embeddings)
