"""What a classifier of empathy learns from a batch.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch
from torch.nn.functional import cross_entropy

from speechbrain_relm.epitome.data import IGNORED
from speechbrain_relm.lobes.epitome_classifier import LEVELS


def ordinal_loss(logits, targets, weights=None):
    """Tells near misses from far ones, which cross entropy does not.

    The squared earth mover's distance between the predicted levels and the
    true one (Hou et al. 2017): that of their cumulative distributions.

    Arguments
    ---------
    logits : torch.Tensor
        Of the levels [B, 3].
    targets : torch.Tensor
        Levels [B].
    weights : torch.Tensor, optional
        Of the levels [3].

    Returns
    -------
    torch.Tensor
        The loss, a scalar: the mean weighted by the targets' weights.

    Example
    -------
    >>> sure = torch.tensor([[0.0, 0.0, 99.0]])
    >>> [ordinal_loss(sure, torch.tensor([level])).item() for level in range(3)]
    [2.0, 1.0, 0.0]
    """
    below = torch.arange(LEVELS - 1, device=logits.device)
    told = logits.softmax(-1).cumsum(-1)[:, :-1]
    true = (targets.unsqueeze(-1) <= below).to(told)
    distances = (told - true).square().sum(-1)
    if weights is None:
        return distances.mean()
    weights = weights[targets]
    return (distances * weights).sum() / weights.sum()


def epitome_loss(
    levels, words, targets, word_targets, weights, share, ordinal=0.0
):
    """Adds the losses of the levels and of the rationales.

    Arguments
    ---------
    levels : torch.Tensor
        Logits of the levels [B, 3].
    words : torch.Tensor
        Logits of each token being none or part of a rationale [B, R, 2].
    targets : torch.Tensor
        Levels [B], -100 where unknown.
    word_targets : torch.Tensor
        1 on rationales, 0 elsewhere, -100 where unknown [B, R].
    weights : torch.Tensor
        Weights of the levels [3].
    share : float
        Weight of the rationales' loss, the mean over labelled tokens.
    ordinal : float
        Weight of the levels' ordinal loss, beside their cross entropy.

    Returns
    -------
    torch.Tensor
        The loss, a scalar.

    Example
    -------
    >>> levels, words = torch.zeros(1, 3), torch.zeros(1, 2, 2)
    >>> targets, labels = torch.tensor([2]), torch.tensor([[-100, 1]])
    >>> epitome_loss(levels, words, targets, labels, torch.ones(3), 0.5)
    tensor(1.4452)
    """
    known = (word_targets != IGNORED).sum().clamp(min=1)
    rationales = cross_entropy(
        words.transpose(1, 2),
        word_targets,
        ignore_index=IGNORED,
        reduction="sum",
    )
    # EPITOME's lambda_RE; its lambda_EI, of the levels, is 1.
    loss = share * rationales / known
    annotated = targets != IGNORED
    if not annotated.any():
        return loss
    levels, targets = levels[annotated], targets[annotated]
    loss = loss + cross_entropy(levels, targets, weights)
    if ordinal:
        loss = loss + ordinal * ordinal_loss(levels, targets, weights)
    return loss
