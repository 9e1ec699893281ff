"""What a classifier of empathy must beat.

Authors
 * The speechbrain_relm contributors 2026
"""

import math
import re
from collections import Counter

import torch
from torch.nn.functional import cross_entropy

from speechbrain_relm.epitome.data import level_weights
from speechbrain_relm.epitome.measures import agreement
from speechbrain_relm.lobes.epitome_classifier import LEVELS

# scikit-learn's default C of a logistic regression.
STRENGTH = 1.0


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
    list of int
        Predicted levels of the test part.

    Example
    -------
    >>> majority([0, 0, 1], [0, 1])
    [0, 0]
    """
    commonest = max(set(train_levels), key=train_levels.count)
    return [commonest] * len(test_levels)


def logistic_regression(
    features, levels, test_features, penalty=1e-3, weights=None
):
    """Fits a multinomial logistic regression.

    Arguments
    ---------
    features : torch.Tensor
        [N, D] of the training part; it may be sparse.
    levels : list of int
        Its levels.
    test_features : torch.Tensor
        [M, D].
    penalty : float
        Weight of the squared norm, beside the mean cross entropy.
    weights : torch.Tensor, optional
        Of the levels [3].

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
    targets = torch.tensor(levels, device=features.device)
    weight = torch.zeros(
        features.shape[1], LEVELS, device=features.device, requires_grad=True
    )
    bias = torch.zeros(LEVELS, device=features.device, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias],
        max_iter=300,
        tolerance_grad=1e-6,
        line_search_fn="strong_wolfe",
    )

    def closure():
        """Computes the loss and its gradient."""
        optimizer.zero_grad()
        loss = cross_entropy(features @ weight + bias, targets, weights)
        loss = loss + penalty * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    with torch.no_grad():
        return (test_features @ weight + bias).argmax(1).tolist()


def tf_idf(texts, test_texts):
    """Counts words, rare ones for more, as scikit-learn does by default.

    Arguments
    ---------
    texts : list of str
        N texts of the training part, whose words are counted.
    test_texts : list of str
        M other texts.

    Returns
    -------
    features : torch.Tensor
        [N, V], sparse, each row of length 1.
    test_features : torch.Tensor
        [M, V], sparse.

    Example
    -------
    >>> tf_idf(["Oh no no!", "Oh dear."], ["No, dear."])[1].to_dense()
    tensor([[0.7071, 0.7071, 0.0000]])
    """
    counts, others = (
        [Counter(re.findall(r"\b\w\w+\b", text.lower())) for text in of_part]
        for of_part in (texts, test_texts)
    )
    found = Counter(word for row in counts for word in row)
    column = {word: i for i, word in enumerate(sorted(found))}
    rarity = {
        word: math.log((1 + len(texts)) / (1 + count)) + 1
        for word, count in found.items()
    }
    return _sparse(counts, column, rarity), _sparse(others, column, rarity)


def _sparse(counts, column, rarity):
    """Makes a sparse matrix of weighted counts, its rows of length 1."""
    places, values = [], []
    for i, words in enumerate(counts):
        known = {w: n * rarity[w] for w, n in words.items() if w in column}
        length = math.hypot(*known.values())
        places += [(i, column[word]) for word in known]
        values += [value / length for value in known.values()]
    return torch.sparse_coo_tensor(
        torch.tensor(places, dtype=torch.long).reshape(-1, 2).T,
        torch.tensor(values),
        (len(counts), len(column)),
        check_invariants=True,
    ).coalesce()


def word_regression(texts, levels, test_texts):
    """Predicts levels from the words of responses alone.

    Logistic regression on TF-IDF; a level weighs by the inverse of its
    count, without which the rare levels are never said.

    Arguments
    ---------
    texts : list of str
        Responses of the training part.
    levels : list of int
        Their levels.
    test_texts : list of str
        Responses of the test part.

    Returns
    -------
    list of int
        Their predicted levels.

    Example
    -------
    >>> texts = ["How? Why?", "Why? Why?", "I see that."]
    >>> word_regression(texts, [2, 2, 0], ["But why?"])
    [2]
    """
    features, test_features = tf_idf(texts, test_texts)
    return logistic_regression(
        features,
        levels,
        test_features,
        penalty=1 / (2 * STRENGTH * len(levels)),
        weights=level_weights(levels, power=1.0),
    )


def measure_baselines(brain, entries, mechanism):
    """Measures the baselines on the test part.

    The regression on frozen embeddings sees the mean states that the
    pretrained backbone gives to post and response.

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
        `majority_`, `regression_` and `words_`, each with `accuracy`,
        `macro_f1` and `batch_macro_f1`.
    """
    known = {
        part: [e for e in entries[part].values() if mechanism in e["levels"]]
        for part in ("train", "test")
    }
    levels = {
        part: [entry["levels"][mechanism] for entry in of_part]
        for part, of_part in known.items()
    }
    responses = {
        part: [entry["response"] for entry in of_part]
        for part, of_part in known.items()
    }
    predicted = {
        "majority": majority(levels["train"], levels["test"]),
        "regression": logistic_regression(
            *_mean_states(brain, known, levels["train"])
        ),
        "words": word_regression(
            responses["train"], levels["train"], responses["test"]
        ),
    }
    return {
        f"{name}_{figure}": value
        for name, of_one in predicted.items()
        for figure, value in agreement(of_one, levels["test"]).items()
    }


def _mean_states(brain, known, levels):
    """Embeds both parts' pairs, to mean 0 and deviation 1 in training."""
    features = {}
    for part, of_part in known.items():
        texts = [(entry["seeker"], entry["response"]) for entry in of_part]
        brain.encode_posts(text for pair in texts for text in pair)
        features[part] = torch.stack(
            [
                torch.cat([brain.posts[text].mean(0) for text in pair])
                for pair in texts
            ]
        ).float()
    mean = features["train"].mean(0)
    deviation = features["train"].std(0) + 1e-6
    train, test = ((x - mean) / deviation for x in features.values())
    return train, levels, test
