"""What a classifier of empathy must beat.

Authors
 * The speechbrain_relm contributors 2026
"""

import math
import re
from collections import Counter

import torch
from scipy.sparse import csr_array

from speechbrain_relm.epitome.data import level_weights
from speechbrain_relm.epitome.measures import agreement
from speechbrain_relm.lobes.epitome_classifier import LEVELS
from speechbrain_relm.model.linear_probe import fit_probe, fit_regression

# scikit-learn's default C of a logistic regression.
STRENGTH = 1.0
# Of the penalty on frozen embeddings.
EMBEDDINGS_STRENGTH = 2e-3


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
    features : scipy.sparse.csr_array
        [N, V], each row of length 1.
    test_features : scipy.sparse.csr_array
        [M, V].

    Example
    -------
    >>> tf_idf(["Oh no no!", "Oh dear."], ["No, dear."])[1].toarray().round(4)
    array([[0.7071, 0.7071, 0.    ]])
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
    rows, columns, values = [], [], []
    for row, words in enumerate(counts):
        known = {w: n * rarity[w] for w, n in words.items() if w in column}
        length = math.hypot(*known.values())
        rows += [row] * len(known)
        columns += [column[word] for word in known]
        values += [value / length for value in known.values()]
    return csr_array((values, (rows, columns)), (len(counts), len(column)))


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
    weights, bias = fit_regression(
        features,
        levels,
        LEVELS,
        1 / (STRENGTH * len(levels)),
        level_weights(levels, power=1.0),
    )
    return (test_features @ weights + bias).argmax(1).tolist()


def embedding_regression(features, levels, test_features):
    """Predicts levels from embeddings of posts and responses.

    Arguments
    ---------
    features : numpy.ndarray
        [N, C] of the training part.
    levels : list of int
        Its levels.
    test_features : numpy.ndarray
        [M, C] of the test part.

    Returns
    -------
    list of int
        Its predicted levels.

    Example
    -------
    >>> embedding_regression([[0.0], [0.1], [5.0]], [0, 0, 2], [[4.9]])
    [2]
    """
    probe = fit_probe(features, levels, LEVELS, EMBEDDINGS_STRENGTH)
    return probe.log_probabilities(test_features).argmax(1).tolist()


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
        "regression": embedding_regression(
            _mean_states(brain, known["train"]),
            levels["train"],
            _mean_states(brain, known["test"]),
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


def _mean_states(brain, entries):
    """Embeds pairs: the mean states of post and response."""
    pairs = [(entry["seeker"], entry["response"]) for entry in entries]
    brain.encode_posts(text for pair in pairs for text in pair)
    states = [
        torch.cat([brain.posts[text].mean(0) for text in pair])
        for pair in pairs
    ]
    return torch.stack(states).float().cpu().numpy()
