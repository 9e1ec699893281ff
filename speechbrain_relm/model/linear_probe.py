"""How much emotion is in the mean of an utterance's frames?

A multinomial logistic regression on what a frozen encoder hears: the least
that a category head behind the same encoder should reach. EPITOME's baselines
are such regressions as well.

Authors
 * The speechbrain_relm contributors 2026
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

# Weights of the penalty, beside the mean cross entropy; validation chooses.
STRENGTHS = (10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003)


class LinearProbe(NamedTuple):
    """Standardises features, and maps them to classes.

    `mean` and `scale` [C] of the features it was fit on, `weights` [C, K] and
    `bias` [K].
    """

    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    bias: np.ndarray

    def log_probabilities(self, features):
        """Gives the classes' log-probabilities.

        Arguments
        ---------
        features : numpy.ndarray
            Features [N, C].

        Returns
        -------
        numpy.ndarray
            [N, K].
        """
        inputs = (np.asarray(features, float) - self.mean) / self.scale
        return log_softmax(inputs @ self.weights + self.bias, axis=1)

    def cross_entropy(self, features, labels):
        """Measures how badly labels are predicted.

        Arguments
        ---------
        features : numpy.ndarray
            Features [N, C].
        labels : sequence of int
            Classes [N].

        Returns
        -------
        float
            Mean cross entropy, in nats.
        """
        found = self.log_probabilities(features)
        return -float(found[np.arange(len(labels)), labels].mean())


def fit_regression(features, labels, classes, strength, class_weights=None):
    """Fits a multinomial logistic regression.

    Minimises the mean cross entropy plus `strength` / 2 times the sum of the
    squared weights, the bias left alone, by L-BFGS.

    Arguments
    ---------
    features : numpy.ndarray or scipy.sparse.csr_array
        Features [N, C], taken as they are.
    labels : sequence of int
        Classes [N], 0 to `classes` - 1.
    classes : int
        How many there are (K).
    strength : float
        Weight of the penalty, above 0.
    class_weights : sequence of float or None
        Of the classes [K], in the mean; `None` weighs all alike.

    Returns
    -------
    weights : numpy.ndarray
        [C, K].
    bias : numpy.ndarray
        [K].

    Example
    -------
    >>> features = np.array([[0.0], [1.0], [3.0], [4.0]])
    >>> weights, bias = fit_regression(features, [0, 0, 1, 1], 2, 0.1)
    >>> (np.array([[1.5], [2.5]]) @ weights + bias).argmax(1).tolist()
    [0, 1]
    """
    size = features.shape[1]
    wanted = np.eye(classes)[np.asarray(labels)]
    if class_weights is None:
        class_weights = np.ones(classes)
    shares = wanted @ np.asarray(class_weights, float)[:, None]
    shares /= shares.sum()

    def loss(flat):
        """The objective and its gradient."""
        weights, bias = np.split(flat.reshape(size + 1, classes), [size])
        logits = features @ weights + bias
        entropy = -(shares * wanted * log_softmax(logits, axis=1)).sum()
        value = entropy + 0.5 * strength * (weights**2).sum()
        error = shares * (softmax(logits, axis=1) - wanted)
        slopes = [features.T @ error + strength * weights, error.sum(0)[None]]
        return value, np.concatenate(slopes).ravel()

    found = minimize(
        loss,
        np.zeros((size + 1) * classes),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 2000, "ftol": 1e-12, "gtol": 1e-7},
    ).x.reshape(size + 1, classes)
    return found[:-1], found[-1]


def fit_probe(features, labels, classes, strength):
    """Fits a logistic regression on standardised features.

    Arguments
    ---------
    features : numpy.ndarray
        Features [N, C].
    labels : sequence of int
        Classes [N], 0 to `classes` - 1.
    classes : int
        How many there are (K).
    strength : float
        Weight of the penalty, see `fit_regression`.

    Returns
    -------
    LinearProbe
        The fit.

    Example
    -------
    >>> features = np.array([[0.0], [1.0], [3.0], [4.0]])
    >>> probe = fit_probe(features, [0, 0, 1, 1], 2, 0.1)
    >>> probe.log_probabilities([[1.5], [2.5]]).argmax(1).tolist()
    [0, 1]
    """
    features = np.asarray(features, float)
    mean, scale = features.mean(0), features.std(0)
    scale[scale == 0] = 1.0  # what is the same everywhere tells nothing
    inputs = (features - mean) / scale
    found = fit_regression(inputs, labels, classes, strength)
    return LinearProbe(mean, scale, *found)


def choose_probe(train, valid, classes, strengths=STRENGTHS):
    """Fits one probe a strength, and keeps the best in validation.

    Arguments
    ---------
    train : tuple
        Features [N, C] and labels [N].
    valid : tuple
        The same of other utterances.
    classes : int
        How many classes there are.
    strengths : sequence of float
        See `fit_probe`.

    Returns
    -------
    probe : LinearProbe
        That of the lowest cross entropy in validation, which tells more
        than the accuracy where utterances are few.
    strength : float
        Its strength.

    Example
    -------
    >>> train = np.array([[0.0], [1.0], [3.0], [4.0]]), [0, 0, 1, 1]
    >>> choose_probe(train, train, 2, [1.0, 0.01])[1]
    0.01
    """
    probes = [fit_probe(*train, classes, strength) for strength in strengths]
    losses = [probe.cross_entropy(*valid) for probe in probes]
    best = int(np.argmin(losses))
    return probes[best], float(strengths[best])
