"""Tells kindness about something else from an answer.

EPITOME's bi-encoder learns the form of a response; whether its content is
that of the post takes more annotations than a small set has. A sentence
encoder knows it without any: the frozen seeker encoder, where it is one.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch
from torch import nn
from torch.nn.functional import normalize

# A response about the post's subject is nearer to it than this (cosine).
NEAREST = 0.25


class TopicCheck(nn.Module):
    """Finds responses that name a subject which is not the post's.

    A linear layer tells responses that name a subject ("I'm so sorry about
    your keys.") from those that name none ("I'm so sorry!"), which fit any
    post.

    Arguments
    ---------
    size : int
        Width D of the sentence embeddings.

    Example
    -------
    >>> check = TopicCheck(2)
    >>> _ = check.named.weight.data.fill_(1.0)
    >>> _ = check.named.bias.data.fill_(0.0)
    >>> keys, train = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> check(torch.stack([keys, keys]), torch.stack([keys, train]))
    tensor([False,  True])
    """

    def __init__(self, size):
        super().__init__()
        self.named = nn.Linear(size, 1)

    def forward(self, posts, responses):
        """Compares responses with their posts.

        Arguments
        ---------
        posts : torch.Tensor
            Embeddings of the posts [N, D], of length 1.
        responses : torch.Tensor
            Embeddings of the responses [N, D], of length 1.

        Returns
        -------
        torch.Tensor
            Whether each response is off-topic [N].
        """
        names_one = self.named(responses).squeeze(-1) > 0
        return names_one & ((posts * responses).sum(-1) < NEAREST)


def embed(states):
    """Averages a text's token states to a sentence embedding.

    Arguments
    ---------
    states : torch.Tensor
        States [T, D] of a frozen encoder.

    Returns
    -------
    torch.Tensor
        Its embedding [D], of length 1.

    Example
    -------
    >>> embed(torch.tensor([[3.0, 0.0], [3.0, 8.0]]))
    tensor([0.6000, 0.8000])
    """
    return normalize(states.mean(0), dim=0)


def fit_topic_check(with_subject, without, decay=3e-4):
    """Fits the layer that tells whether a response names a subject.

    Arguments
    ---------
    with_subject : torch.Tensor
        Embeddings [N, D] of responses that name one.
    without : torch.Tensor
        Embeddings [M, D] of responses that name none.
    decay : float
        Weight of the squared norm. Both sides count the same in all.

    Returns
    -------
    TopicCheck
        The fitted check.

    Example
    -------
    >>> check = fit_topic_check(torch.eye(2)[:1], torch.eye(2)[1:])
    >>> (check.named(torch.eye(2)) > 0).flatten()
    tensor([ True, False])
    """
    check = TopicCheck(with_subject.shape[1])
    nn.init.zeros_(check.named.weight)
    nn.init.zeros_(check.named.bias)
    loss_of = nn.functional.softplus
    optimizer = torch.optim.LBFGS(
        check.parameters(), max_iter=200, line_search_fn="strong_wolfe"
    )

    def _closure():
        optimizer.zero_grad()
        loss = loss_of(-check.named(with_subject)).mean()
        loss = (loss + loss_of(check.named(without)).mean()) / 2
        loss = loss + decay * check.named.weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(_closure)
    return check.requires_grad_(False)
