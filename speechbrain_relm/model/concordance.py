"""The concordance correlation coefficient (CCC): loss, figures and table.

Authors
 * The speechbrain_relm contributors 2026
"""

from speechbrain_relm.utils.dimensions import DIMENSIONS


def concordance(predicted, target):
    """Computes the concordance correlation coefficient of each dimension.

    Arguments
    ---------
    predicted : torch.Tensor
        Predictions [N, D].
    target : torch.Tensor
        Labels [N, D].

    Returns
    -------
    torch.Tensor
        Coefficients [D], -1 to 1; 0 where both are constant.

    Example
    -------
    >>> import torch
    >>> labels = torch.tensor([[0.0], [1.0]])
    >>> concordance(labels, labels), concordance(1 - labels, labels)
    (tensor([1.]), tensor([-1.]))
    """
    mean, target_mean = predicted.mean(0), target.mean(0)
    covariance = ((predicted - mean) * (target - target_mean)).mean(0)
    spread = predicted.var(0, unbiased=False) + target.var(0, unbiased=False)
    # The small number only matters where nothing varies.
    return 2 * covariance / (spread + (mean - target_mean).square() + 1e-12)


def concordance_loss(predicted, target):
    """Computes one minus the mean concordance over the dimensions.

    Arguments
    ---------
    predicted : torch.Tensor
        Predictions [N, D].
    target : torch.Tensor
        Labels [N, D].

    Returns
    -------
    torch.Tensor
        The loss, a scalar, 0 to 2.

    Example
    -------
    >>> import torch
    >>> labels = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    >>> concordance_loss(labels, labels)
    tensor(0.)
    """
    return 1 - concordance(predicted, target).mean()


def concordance_table(figures):
    """Renders the concordance of several sets as a Markdown table.

    Arguments
    ---------
    figures : dict
        Set to dimension to coefficient.

    Returns
    -------
    str
        The table.

    Example
    -------
    >>> figures = {"arousal": 0.75, "dominance": 0.5, "valence": 0.25}
    >>> print(concordance_table({"Test1": figures}))
    | CCC | arousal | dominance | valence | mean |
    |---|---|---|---|---|
    | Test1 | 0.750 | 0.500 | 0.250 | 0.500 |
    """
    lines = [
        f"| CCC | {' | '.join(DIMENSIONS)} | mean |",
        "|---" * (len(DIMENSIONS) + 2) + "|",
    ]
    for name, of_set in figures.items():
        values = [of_set[dimension] for dimension in DIMENSIONS]
        values.append(sum(values) / len(values))
        cells = " | ".join(f"{value:.3f}" for value in values)
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)
