"""Answers that are decoded together; each joins and leaves when it likes.

Hugging Face's `generate` starts and ends a batch as one, and its continuous
batching takes token ids only, where speech comes as embeddings.

Authors
 * The speechbrain_relm contributors 2026
"""

from typing import NamedTuple

import torch
from torch.nn.functional import pad
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from speechbrain_relm.lobes.partial_lora import speech_positions
from speechbrain_relm.lobes.parts.chat_template import Prompt
from speechbrain_relm.model.prompting import read_before
from speechbrain_relm.model.sequences import pack, prompt_part


class Asked(NamedTuple):
    """What the LLM has to read before it answers.

    `before`, tokens that many questions start with; `parts`, what follows
    them, of one row each (see `speechbrain_relm.model.sequences`).
    """

    before: list
    parts: list


class Read(NamedTuple):
    """Rows that were read.

    `layers`, keys and values [B, heads, P, size] each; `mask` [B, P], false at
    padding; `logits` [B, V] of the next token.
    """

    layers: list
    mask: torch.Tensor
    logits: torch.Tensor


class Rows:
    """Rows of one batch that grow by a token a step.

    Arguments
    ---------
    llm : torch.nn.Module
        A `ChatLLM`, bare or adapted.

    Raises
    ------
    ValueError
        If the LLM keeps something else than keys and values of its tokens.

    Example
    -------
    >>> from speechbrain_relm.lobes.chat_llm import ChatLLM
    >>> rows = Rows(ChatLLM(getfixture("qwen_folder")).eval())
    >>> rows.join([Asked([1, 2], [prompt_part([3], 1, "cpu")])])
    >>> rows.join([Asked([1], [prompt_part([5, 6, 7], 1, "cpu")])])
    >>> rows.step(rows.logits.argmax(-1))
    >>> rows.leave([1])
    >>> len(rows), rows.mask.int().tolist()
    (1, [[1, 1, 1, 1, 1]])
    """

    def __init__(self, llm):
        kinds = {
            type(layer)
            for layer in DynamicCache(config=llm.model.config).layers
        }
        if not kinds <= {DynamicLayer, DynamicSlidingWindowLayer}:
            raise ValueError(
                f"{llm.source}: an LLM that keeps more than keys and values "
                "cannot answer several questions at once."
            )
        self.llm = llm
        self.past = self.mask = self.logits = None

    def __len__(self):
        """Counts the rows.

        Returns
        -------
        int
            How many there are.
        """
        return 0 if self.mask is None else len(self.mask)

    @torch.no_grad()
    def join(self, asked):
        """Reads questions, and adds a row for each.

        Arguments
        ---------
        asked : list of Asked
            The questions.
        """
        new = read_together(self.llm, asked)
        if len(self):
            new = side_by_side(
                Read(self._layers(), self.mask, self.logits), new
            )
        self.past = DynamicCache(new.layers)
        self.mask, self.logits = new.mask, new.logits

    def _layers(self):
        """Lists keys and values of each layer."""
        return [(layer.keys, layer.values) for layer in self.past.layers]

    @torch.no_grad()
    def step(self, ids):
        """Adds a token to each row, and finds the next one's logits.

        Arguments
        ---------
        ids : torch.Tensor
            A token for each row [B].
        """
        self.mask = pad(self.mask, (0, 1), value=True)
        self.logits = self.llm(
            self.llm.embed(ids[:, None]),
            self.mask,
            self.mask.sum(1, keepdim=True) - 1,
            past=self.past,
        )[:, -1]

    def leave(self, stay):
        """Drops rows, and the padding that only they needed.

        Arguments
        ---------
        stay : list of int
            The rows that stay.
        """
        if len(stay) == len(self):
            return
        if not stay:
            self.past = self.mask = self.logits = None
            return
        rows = torch.tensor(stay, device=self.mask.device)
        self.mask, self.logits = self.mask[rows], self.logits[rows]
        empty = int((self.mask.cumsum(1) == 0).sum(1).min())
        self.mask = self.mask[:, empty:]
        self.past = DynamicCache(
            [
                tuple(part[rows, :, empty:] for part in layer)
                for layer in self._layers()
            ]
        )


def read_together(llm, asked):
    """Reads questions in one batch.

    Arguments
    ---------
    llm : torch.nn.Module
        A `ChatLLM`, bare or adapted.
    asked : list of Asked
        The questions.

    Returns
    -------
    Read
        A row for each.
    """
    pasts = [read_before(llm, Prompt(a.before, []), 1)[0] for a in asked]
    parts = [a.parts for a in asked]
    kept = all(past is not None for past in pasts)
    if kept:
        past, before = known_together(pasts)
    else:  # then all is read here
        parts = [[prompt_part(a.before, 1, "cpu"), *a.parts] for a in asked]
        past, before = DynamicCache(), None
    embeds, mask, speech = beside([pack(row, llm.embed) for row in parts])
    device, length = embeds.device, mask.shape[1]
    if kept:
        mask = torch.cat([before, mask], dim=1)
    last = torch.zeros(len(asked), length, dtype=torch.bool)
    last[:, -1] = True
    positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -length:]
    with speech_positions(speech, device):
        logits = llm(embeds, mask, positions, wanted=last, past=past)
    layers = [(layer.keys, layer.values) for layer in past.layers]
    return Read(layers, mask, logits)


def known_together(pasts):
    """Puts what was read of each row into one cache, padded on the left.

    Arguments
    ---------
    pasts : list of transformers.Cache
        Of one row each.

    Returns
    -------
    past : transformers.DynamicCache
        Of all rows.
    mask : torch.Tensor
        [B, P], false at padding.
    """
    rows = []
    for past in pasts:
        layers = [(layer.keys, layer.values) for layer in past.layers]
        keys = layers[0][0]
        mask = keys.new_ones(1, keys.shape[2]).bool()
        rows.append(Read(layers, mask, keys.new_zeros(1, 0)))
    found = side_by_side(*rows)
    return DynamicCache(found.layers), found.mask


def side_by_side(*batches):
    """Joins batches, the shorter ones padded on the left.

    Keys know their positions already, so padding moves none of them.

    Arguments
    ---------
    *batches : Read
        Rows.

    Returns
    -------
    Read
        All of them.

    Example
    -------
    >>> def rows(size):
    ...     keys = torch.zeros(1, 2, size, 4)
    ...     mask = torch.ones(1, size).bool()
    ...     return Read([(keys, keys)], mask, torch.zeros(1, 9))
    >>> joined = side_by_side(rows(1), rows(3))
    >>> joined.layers[0][0].shape, joined.mask.int().tolist()
    (torch.Size([2, 2, 3, 4]), [[0, 0, 1], [1, 1, 1]])
    """
    widths = [batch.mask.shape[1] for batch in batches]
    missing = [max(widths) - width for width in widths]
    layers = [
        tuple(
            torch.cat([pad(x, (0, 0, n, 0)) for x, n in zip(parts, missing)])
            for parts in zip(*layer)
        )
        for layer in zip(*(batch.layers for batch in batches))
    ]
    masks = [pad(b.mask, (n, 0)) for b, n in zip(batches, missing)]
    logits = torch.cat([batch.logits for batch in batches])
    return Read(layers, torch.cat(masks), logits)


def beside(sequences):
    """Makes one batch of rows, padded on the left.

    Arguments
    ---------
    sequences : list of speechbrain_relm.model.sequences.Sequence
        Of one row each.

    Returns
    -------
    inputs_embeds : torch.Tensor
        [B, L, H].
    attention_mask : torch.Tensor
        [B, L].
    speech_mask : torch.Tensor
        [B, L], on the host.
    """
    lengths = [s.inputs_embeds.shape[1] for s in sequences]
    missing = [max(lengths) - length for length in lengths]
    pairs = list(zip(sequences, missing))
    return (
        torch.cat([pad(s.inputs_embeds, (0, 0, n, 0)) for s, n in pairs]),
        torch.cat([pad(s.attention_mask, (n, 0)) for s, n in pairs]),
        torch.cat([pad(s.speech_mask, (n, 0)) for s, n in pairs]),
    )
