"""How well an empathy classifier agrees with annotators.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch
from scipy.optimize import minimize_scalar
from torch.nn.functional import cross_entropy

from speechbrain_relm.lobes.epitome_classifier import LEVELS

CALIBRATION_BINS = 10

# Pairs in a test batch of EPITOME's released code.
RELEASED_BATCH = 32


def confusion_matrix(predictions, labels):
    """Counts how often each level is taken for each.

    Arguments
    ---------
    predictions : list of int
        Predicted levels.
    labels : list of int
        True levels.

    Returns
    -------
    list of list of int
        Rows are true levels, columns predicted ones.

    Example
    -------
    >>> confusion_matrix([0, 0, 1, 2], [0, 1, 1, 2])
    [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    """
    pairs = list(zip(labels, predictions))
    return [
        [pairs.count((true, predicted)) for predicted in range(LEVELS)]
        for true in range(LEVELS)
    ]


def accuracy_and_f1(predictions, labels):
    """Computes the accuracy and the macro-averaged F1.

    Arguments
    ---------
    predictions : list of int
        Predicted levels.
    labels : list of int
        True levels.

    Returns
    -------
    accuracy : float
        0..1.
    macro_f1 : float
        Mean F1 over the levels that occur on either side, 0..1.

    Example
    -------
    >>> accuracy_and_f1([0, 0, 1, 2], [0, 1, 1, 2])
    (0.75, 0.7777777777777777)
    """
    matrix = confusion_matrix(predictions, labels)
    scores = []
    for level in range(LEVELS):
        either = sum(matrix[level]) + sum(row[level] for row in matrix)
        if either:
            scores.append(2 * matrix[level][level] / either)
    hits = sum(matrix[level][level] for level in range(LEVELS))
    return hits / len(labels), sum(scores) / len(scores)


def batch_macro_f1(predictions, labels, size=RELEASED_BATCH):
    """Computes what EPITOME's released code reports as macro-F1.

    The mean over test batches of each batch's macro-F1, in which levels that
    a batch has on neither side do not count. A rare level that is never
    found costs a third of the macro-F1, but of this one only where it is.

    Arguments
    ---------
    predictions : list of int
        Predicted levels, in the order of the file.
    labels : list of int
        True levels.
    size : int
        Pairs a batch.

    Returns
    -------
    float
        0..1.

    Example
    -------
    >>> batch_macro_f1([0, 0, 0, 0], [0, 0, 0, 1], size=2)
    0.6666666666666666
    """
    scores = [
        accuracy_and_f1(
            predictions[start : start + size], labels[start : start + size]
        )[1]
        for start in range(0, len(labels), size)
    ]
    return sum(scores) / len(scores)


def agreement(predictions, labels):
    """Computes all figures of predicted levels.

    Arguments
    ---------
    predictions : list of int
        Predicted levels, in the order of the file.
    labels : list of int
        True levels.

    Returns
    -------
    dict
        `accuracy`, `macro_f1` and `batch_macro_f1`, each 0..1.

    Example
    -------
    >>> agreement([0, 1], [0, 1])
    {'accuracy': 1.0, 'macro_f1': 1.0, 'batch_macro_f1': 1.0}
    """
    accuracy, macro_f1 = accuracy_and_f1(predictions, labels)
    return {
        "accuracy": accuracy,
        "macro_f1": macro_f1,
        "batch_macro_f1": batch_macro_f1(predictions, labels),
    }


def fit_temperature(probabilities, labels):
    """Finds by what to divide logits, so that confidence is accuracy.

    Arguments
    ---------
    probabilities : torch.Tensor
        Of the levels [N, 3], on pairs that were not learned from.
    labels : list of int
        True levels.

    Returns
    -------
    float
        The temperature of the least negative log-likelihood (Guo et al.
        2017), from 0.25 to 4: a small part that is all right or all wrong
        says no more.

    Example
    -------
    >>> sure = torch.tensor([[0.99, 0.01, 0.0]] * 4)
    >>> round(fit_temperature(sure, [0, 0, 0, 1]), 1)
    4.0
    """
    logits = probabilities.double().clamp(min=1e-12).log()
    targets = torch.tensor(labels)

    def loss(power):
        """Computes the negative log-likelihood at 2 to a power."""
        return float(cross_entropy(logits / 2**power, targets))

    return float(2 ** minimize_scalar(loss, bounds=(-2, 2)).x)


def expected_calibration_error(probabilities, labels):
    """Compares confidence with accuracy, in ten bins of confidence.

    Arguments
    ---------
    probabilities : torch.Tensor
        Of the levels [N, 3].
    labels : list of int
        True levels.

    Returns
    -------
    float
        Mean distance between a bin's mean confidence and its accuracy,
        weighted by the bin's size, 0..1.

    Example
    -------
    >>> sure = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    >>> expected_calibration_error(sure, [0, 1])
    0.5
    """
    confidence, predicted = probabilities.max(1)
    right = (predicted == torch.tensor(labels)).float()
    bins = (
        (confidence * CALIBRATION_BINS).long().clamp(max=CALIBRATION_BINS - 1)
    )
    error = 0.0
    for i in bins.unique():
        inside = bins == i
        gap = (confidence[inside].mean() - right[inside].mean()).abs()
        error += float(gap) * int(inside.sum()) / len(labels)
    return error


def rationale_f1(predicted, true):
    """Measures rationales token by token, and as spans.

    Arguments
    ---------
    predicted : list of list of bool
        For each response, whether each token was taken for a rationale.
    true : list of list of bool
        Whether it is one.

    Returns
    -------
    token_f1 : float
        Mean over responses of the F1 of their tokens; 1 where neither side
        has any, 0..1.
    iou_f1 : float
        F1 over spans; a predicted span counts if its intersection with a
        true one is at least half of their union (DeYoung et al. 2020), 0..1.

    Example
    -------
    >>> rationale_f1([[1, 1, 0, 0, 1]], [[1, 1, 1, 0, 0]])
    (0.6666666666666666, 0.6666666666666666)
    """
    token_scores, hits, found, wanted = [], 0, 0, 0
    for ours, theirs in zip(predicted, true):
        both = sum(a and b for a, b in zip(ours, theirs))
        either = sum(map(bool, ours)) + sum(map(bool, theirs))
        token_scores.append(2 * both / either if either else 1.0)
        ours, theirs = _runs(ours), _runs(theirs)
        hits += sum(any(_iou(a, b) >= 0.5 for b in theirs) for a in ours)
        found, wanted = found + len(ours), wanted + len(theirs)
    iou = 2 * hits / (found + wanted) if found + wanted else 1.0
    return sum(token_scores) / len(token_scores), iou


def _runs(flags):
    """Lists the runs of true flags as sets of positions."""
    runs, run = [], set()
    for i, flag in enumerate([*flags, False]):
        if flag:
            run.add(i)
        elif run:
            runs.append(run)
            run = set()
    return runs


def _iou(first, second):
    """Divides intersection by union."""
    return len(first & second) / len(first | second)
