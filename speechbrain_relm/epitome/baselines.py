"""What a classifier of empathy must beat.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch
from torch.nn.functional import cross_entropy

from speechbrain_relm.epitome.measures import accuracy_and_f1
from speechbrain_relm.lobes.epitome_classifier import LEVELS


def majority(train_levels, test_levels):
    """Always says the commonest level of the training part.

    Arguments
    ---------
    train_levels : list of int
        Levels of the training part.
    test_levels : list of int
        Levels of the test part.

    Returns
    -------
    tuple of float
        Accuracy and macro-F1.

    Example
    -------
    >>> majority([0, 0, 1], [0, 1])
    (0.5, 0.3333333333333333)
    """
    commonest = max(set(train_levels), key=train_levels.count)
    return accuracy_and_f1([commonest] * len(test_levels), test_levels)


def logistic_regression(features, levels, test_features, penalty=1e-3):
    """Fits a multinomial logistic regression.

    Arguments
    ---------
    features : torch.Tensor
        [N, D] of the training part.
    levels : list of int
        Its levels.
    test_features : torch.Tensor
        [M, D].
    penalty : float
        Weight of the squared norm, beside the mean cross entropy.

    Returns
    -------
    list of int
        M predicted levels.

    Example
    -------
    >>> x = torch.tensor([[0.0], [0.1], [5.0], [5.1]])
    >>> logistic_regression(x, [0, 0, 2, 2], x)
    [0, 0, 2, 2]
    """
    mean, deviation = features.mean(0), features.std(0) + 1e-6
    features, test_features = (
        (x - mean) / deviation for x in (features, test_features)
    )
    targets = torch.tensor(levels, device=features.device)
    weight = features.new_zeros(features.shape[1], LEVELS, requires_grad=True)
    bias = features.new_zeros(LEVELS, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=300, line_search_fn="strong_wolfe"
    )

    def closure():
        """Computes the loss and its gradient."""
        optimizer.zero_grad()
        loss = cross_entropy(features @ weight + bias, targets)
        loss = loss + penalty * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    with torch.no_grad():
        return (test_features @ weight + bias).argmax(1).tolist()


def measure_baselines(brain, entries, mechanism):
    """Measures both baselines on the test part.

    The regression sees the mean states that the frozen seeker encoder, the
    pretrained backbone, gives to post and response.

    Arguments
    ---------
    brain : speechbrain_relm.epitome.training.EpitomeBrain
        With the frozen encoder.
    entries : dict
        "train" and "test" to annotated pairs.
    mechanism : str
        Whose levels.

    Returns
    -------
    dict
        `majority_accuracy`, `majority_macro_f1`, `regression_accuracy`,
        `regression_macro_f1`.
    """
    features, levels = {}, {}
    for part in ("train", "test"):
        of_part = [
            entry
            for entry in entries[part].values()
            if mechanism in entry["levels"]
        ]
        texts = [(entry["seeker"], entry["response"]) for entry in of_part]
        brain.encode_posts(text for pair in texts for text in pair)
        features[part] = torch.stack(
            [
                torch.cat([brain.posts[text].mean(0) for text in pair])
                for pair in texts
            ]
        ).float()
        levels[part] = [entry["levels"][mechanism] for entry in of_part]
    predicted = logistic_regression(
        features["train"], levels["train"], features["test"]
    )
    figures = {}
    for name, (accuracy, macro_f1) in {
        "majority": majority(levels["train"], levels["test"]),
        "regression": accuracy_and_f1(predicted, levels["test"]),
    }.items():
        figures[f"{name}_accuracy"] = accuracy
        figures[f"{name}_macro_f1"] = macro_f1
    return figures
