"""Texts to padded batches and tokens back to characters, for EPITOME.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch
from torch.nn.utils.rnn import pad_sequence

from speechbrain_relm.utils.records import make_batches
from speechbrain_relm.utils.text.as_written import encode_framed


def tokenize(tokenizer, texts, max_length):
    """Turns texts into token ids, cut after `max_length` tokens.

    Arguments
    ---------
    tokenizer : transformers.PreTrainedTokenizerFast
        The tokenizer.
    texts : list of str
        Texts; they may be empty.
    max_length : int
        Most tokens a text, special ones included.

    Returns
    -------
    ids : list of torch.Tensor
        Token ids of each text.
    offsets : list of list of tuple
        Characters (start, end) of each token; (0, 0) for special ones.

    Example
    -------
    >>> from speechbrain_relm.lobes.epitome import EmpathyScorer
    >>> scorer = EmpathyScorer(getfixture("scorer_folder"))
    >>> ids, offsets = tokenize(scorer.tokenizer, ["Hang in there."], 64)
    >>> offsets[0]
    [(0, 0), (0, 4), (5, 7), (8, 13), (13, 14), (0, 0)]
    """
    ids, offsets = encode_framed(tokenizer, texts, max_length)
    return [torch.tensor(row) for row in ids], offsets


def collate(rows):
    """Pads texts' token ids, or their states, to a batch.

    Arguments
    ---------
    rows : list of torch.Tensor
        Token ids [T] of each text, or states [T, D].

    Returns
    -------
    padded : torch.Tensor
        Token ids [B, T] or states [B, T, D]. Zeros pad, whatever token that
        is, for padding is masked.
    mask : torch.Tensor
        1 on what is real [B, T], 0 on padding, int64.

    Example
    -------
    >>> collate([torch.tensor([5, 6]), torch.tensor([7])])[1]
    tensor([[1, 1],
            [1, 0]])
    """
    mask = [row.new_ones(len(row), dtype=torch.long) for row in rows]
    padded = pad_sequence(rows, batch_first=True)
    return padded, pad_sequence(mask, batch_first=True)


@torch.no_grad()
def encode_posts(classifier, tokenizer, posts, max_length, batch_size=32):
    """Encodes distinct posts with a classifier's frozen encoder.

    Arguments
    ---------
    classifier : EpitomeClassifier
        The classifier.
    tokenizer : transformers.PreTrainedTokenizerFast
        Its tokenizer.
    posts : list of str
        Posts.
    max_length : int
        Most tokens a post, special ones included.
    batch_size : int
        Posts a batch.

    Returns
    -------
    dict of str to torch.Tensor
        The states of each post that are attended to [S, D].

    Example
    -------
    >>> from speechbrain_relm.lobes.epitome import EmpathyScorer
    >>> scorer = EmpathyScorer(getfixture("scorer_folder"))
    >>> classifier = scorer.classifiers["explorations"]
    >>> states = encode_posts(classifier, scorer.tokenizer, ["Hello."], 64)
    >>> states["Hello."].shape
    torch.Size([4, 16])
    """
    device = next(classifier.parameters()).device
    ids, _ = tokenize(tokenizer, posts, max_length)
    encoded = {}
    lengths = [len(row) for row in ids]
    for batch in make_batches(range(len(posts)), lengths, batch_size):
        tokens, mask = collate([ids[i] for i in batch])
        states, attended = classifier.encode_seekers(
            tokens.to(device), mask.to(device)
        )
        for i, state, keep in zip(batch, states, attended):
            encoded[posts[i]] = state[keep]
    return encoded


def spans_of(chosen, offsets):
    """Joins neighbouring chosen tokens into spans of characters.

    Arguments
    ---------
    chosen : list of bool
        Whether each token is part of a rationale.
    offsets : list of tuple
        Characters (start, end) of each token; empty for special ones.

    Returns
    -------
    list of tuple
        Spans (start, end), in order.

    Example
    -------
    >>> spans_of([1, 1, 1, 0, 1], [(0, 0), (0, 4), (5, 7), (8, 9), (9, 12)])
    [(0, 7), (9, 12)]
    """
    spans, extends = [], False
    for wanted, (start, end) in zip(chosen, offsets):
        wanted = bool(wanted) and end > start
        if wanted and extends:
            spans[-1] = (spans[-1][0], end)
        elif wanted:
            spans.append((start, end))
        extends = wanted
    return spans
