"""The training losses (Eqs. 5, 9, 10 of the paper).

Authors
 * The speechbrain_relm contributors 2026
"""

import torch
from torch.nn import functional as F

# A large vocabulary's scores of so many tokens stay in a CPU's cache.
ROWS = 64


def at_least_float32(tensor):
    """Raises half precision to float32 and leaves float64 alone.

    Arguments
    ---------
    tensor : torch.Tensor
        Any floating tensor.

    Returns
    -------
    torch.Tensor
        The tensor in float32 or float64.

    Example
    -------
    >>> at_least_float32(torch.zeros(1, dtype=torch.bfloat16)).dtype
    torch.float32
    """
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def mean_by_rows(loss, *rows):
    """Averages a loss over rows, a few at a time.

    Over a vocabulary a loss is several passes over memory, unless what one
    pass leaves is still at hand for the next.

    Arguments
    ---------
    loss : callable
        Some rows of each tensor to the sum of their losses.
    *rows : torch.Tensor
        Of the same length N.

    Returns
    -------
    torch.Tensor
        The mean over all N rows.

    Example
    -------
    >>> mean_by_rows(torch.sum, torch.arange(100.0))
    tensor(49.5000)
    """
    pieces = zip(*(tensor.split(ROWS) for tensor in rows))
    return sum(loss(*piece) for piece in pieces) / len(rows[0])


def response_nll(logits, targets):
    """Negative log-likelihood of the expected response (Eq. 5).

    Arguments
    ---------
    logits : torch.Tensor
        Scores [N, V] of the response tokens.
    targets : torch.Tensor
        Response tokens [N].

    Returns
    -------
    torch.Tensor
        Mean over all response tokens of the batch, in nats.

    Example
    -------
    >>> response_nll(torch.zeros(3, 4), torch.tensor([0, 1, 2]))
    tensor(1.3863)
    """
    # Section II-B.2 calls it a KL divergence, but Eq. 5 is a likelihood, and so
    # is the loss that the released code trains with.
    return mean_by_rows(
        lambda scores, tokens: F.cross_entropy(
            at_least_float32(scores), tokens, reduction="sum"
        ),
        logits,
        targets,
    )


def response_kl(logits, teacher_logits, temperature=2.0):
    """Divergence of the speech LLM from the text LLM, per response token.

    KL(softmax(teacher / T) || softmax(student / T)): what the paper's text
    calls its loss, and BLSP trains its adapter with.

    Arguments
    ---------
    logits : torch.Tensor
        Scores [N, V] given the speech.
    teacher_logits : torch.Tensor
        Scores [N, V] of the text LLM given the transcript.
    temperature : float
        T, above 0.

    Returns
    -------
    torch.Tensor
        Mean over the response tokens, in nats, at least 0.

    Example
    -------
    >>> response_kl(torch.zeros(1, 2), torch.zeros(1, 2))
    tensor(0.)
    """
    # Without the factor T^2 of Hinton et al. (2015), as in the released code.
    return mean_by_rows(
        lambda ours, theirs: F.kl_div(
            F.log_softmax(at_least_float32(ours) / temperature, dim=-1),
            F.log_softmax(at_least_float32(theirs) / temperature, dim=-1),
            reduction="sum",
            log_target=True,
        ),
        logits,
        teacher_logits,
    )


def category_loss(logits, labels):
    """Cross entropy of the emotion classes (Eq. 9).

    Arguments
    ---------
    logits : torch.Tensor
        Class scores [B, categories].
    labels : torch.Tensor
        Class indices [B].

    Returns
    -------
    torch.Tensor
        Mean over the utterances, in nats.

    Example
    -------
    >>> category_loss(torch.zeros(2, 4), torch.tensor([0, 3]))
    tensor(1.3863)
    """
    # Eq. 9 sums this over the utterances and averages the other: here both are
    # means, so that their weights in Eq. 10 hold for any batch size.
    return F.cross_entropy(at_least_float32(logits), labels)


def dimension_loss(predictions, targets):
    """Mean squared error of arousal, dominance and valence (Eq. 9).

    Arguments
    ---------
    predictions : torch.Tensor
        Predicted dimensions [B, 3].
    targets : torch.Tensor
        Labels [B, 3] in 0..1; NaN where an utterance has none.

    Returns
    -------
    torch.Tensor
        Mean over labelled entries; 0 (with a gradient of 0) if none is.

    Example
    -------
    >>> targets = torch.tensor([[0.5, 0.5, float("nan")]])
    >>> dimension_loss(torch.tensor([[0.5, 0.7, 0.9]]), targets)
    tensor(0.0200)
    """
    labelled = ~targets.isnan()
    error = at_least_float32(predictions) - targets.nan_to_num()
    return (error.square() * labelled).sum() / labelled.sum().clamp(min=1)
