"""Trains and measures the classifier of one mechanism of EPITOME.

Authors
 * The speechbrain_relm contributors 2026
"""

import math
import random
from typing import NamedTuple

import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm

from speechbrain_relm.lobes.epitome_classifier import LEVELS
from speechbrain_relm.lobes.epitome_text import collate, tokenize

# The label of what has no label: special tokens and padding.
IGNORED = -100


class Example(NamedTuple):
    """A pair, ready for a classifier.

    Arguments
    ---------
    seeker : torch.Tensor
        States of the post [S, D].
    ids : torch.Tensor
        Token ids of the response [R].
    words : torch.Tensor
        1 on the tokens of a rationale, 0 on the others, -100 where that is
        unknown [R].
    level : int
        0 to 2.

    Example
    -------
    >>> Example(torch.zeros(2, 8), torch.ones(3), torch.zeros(3), 0).level
    0
    """

    seeker: torch.Tensor
    ids: torch.Tensor
    words: torch.Tensor
    level: int


def _word_labels(pair, offsets):
    """Labels each token of a response as part of a rationale or not.

    A level above 0 whose rationale is not given says nothing about tokens.
    """
    unknown = pair.level > 0 and not pair.spans
    return torch.tensor(
        [
            IGNORED
            if unknown or start == end
            else int(any(start < e and s < end for s, e in pair.spans))
            for start, end in offsets
        ]
    )


def make_examples(pairs, seekers, tokenizer, max_length):
    """Makes pairs ready for a classifier.

    Arguments
    ---------
    pairs : list of Pair
        The pairs.
    seekers : dict of str to torch.Tensor
        The states of each post, as `encode_posts` gives them.
    tokenizer : transformers.PreTrainedTokenizerFast
        The tokenizer.
    max_length : int
        Most tokens a response.

    Returns
    -------
    list of Example
        One for each pair.

    Example
    -------
    >>> from speechbrain_relm.lobes.epitome import EmpathyScorer
    >>> scorer = EmpathyScorer(getfixture("scorer_folder"))
    >>> classifier = scorer.classifiers["explorations"]
    >>> from speechbrain_relm.lobes.epitome_text import encode_posts
    >>> from speechbrain_relm.mini.epitome_csv import Pair
    >>> posts = encode_posts(classifier, scorer.tokenizer, ["Oh."], 64)
    >>> pairs = [Pair("Oh.", "Why?", 2, [(0, 4)]), Pair("Oh.", "I see.", 0, [])]
    >>> examples = make_examples(pairs, posts, scorer.tokenizer, 64)
    >>> examples[0].words.tolist()
    [-100, 1, 1, -100]
    """
    responses = [pair.response for pair in pairs]
    ids, offsets = tokenize(tokenizer, responses, max_length)
    return [
        Example(
            seekers[pair.seeker], row, _word_labels(pair, spans), pair.level
        )
        for pair, row, spans in zip(pairs, ids, offsets)
    ]


def batches(examples, size, rng=None):
    """Yields lists of examples whose responses are of like length.

    Arguments
    ---------
    examples : list of Example
        The examples.
    size : int
        Examples a batch.
    rng : random.Random, optional
        Shuffles; by default the examples keep their order.

    Yields
    ------
    list of Example
        A batch.

    Example
    -------
    >>> [len(batch) for batch in batches(list("abc"), 2)]
    [2, 1]
    """
    if rng is not None:
        # A little noise makes other neighbours in every epoch.
        length = lambda example: len(example.ids) + rng.uniform(0, 8)
        examples = sorted(examples, key=length)
    parts = [examples[i : i + size] for i in range(0, len(examples), size)]
    if rng is not None:
        rng.shuffle(parts)
    yield from parts


def classify(classifier, batch):
    """Runs a classifier on a batch of examples.

    Arguments
    ---------
    classifier : EpitomeClassifier
        The classifier.
    batch : list of Example
        The examples.

    Returns
    -------
    levels : torch.Tensor
        Logits of the levels [B, 3].
    words : torch.Tensor
        Logits of each token being part of a rationale or not [B, R, 2].

    Example
    -------
    >>> from speechbrain_relm.lobes.epitome import EmpathyScorer
    >>> scorer = EmpathyScorer(getfixture("scorer_folder"))
    >>> classifier = scorer.classifiers["explorations"]
    >>> from speechbrain_relm.lobes.epitome_text import encode_posts
    >>> from speechbrain_relm.mini.epitome_csv import Pair
    >>> posts = encode_posts(classifier, scorer.tokenizer, ["Oh."], 64)
    >>> pairs = [Pair("Oh.", "Why?", 2, [(0, 4)]), Pair("Oh.", "I see.", 0, [])]
    >>> examples = make_examples(pairs, posts, scorer.tokenizer, 64)
    >>> [logits.shape for logits in classify(classifier, examples)]
    [torch.Size([2, 3]), torch.Size([2, 5, 2])]
    """
    seekers, attended = collate([example.seeker for example in batch])
    ids, mask = collate([example.ids for example in batch])
    device = seekers.device
    return classifier.classify(
        seekers, attended.bool(), ids.to(device), mask.to(device)
    )


def epitome_loss(levels, words, batch, weights, rationale_weight):
    """Adds the losses of the levels and of the rationales.

    Arguments
    ---------
    levels : torch.Tensor
        Logits of the levels [B, 3].
    words : torch.Tensor
        Logits of each token [B, R, 2].
    batch : list of Example
        The examples.
    weights : torch.Tensor
        Weights of the levels [3].
    rationale_weight : float
        Weight of the rationales' loss, the mean over labelled tokens.

    Returns
    -------
    torch.Tensor
        The loss, a scalar.

    Example
    -------
    >>> batch = [Example(None, None, torch.tensor([-100, 1]), 2)]
    >>> levels, words = torch.zeros(1, 3), torch.zeros(1, 2, 2)
    >>> epitome_loss(levels, words, batch, torch.ones(3), 0.5)
    tensor(1.4452)
    """
    device = levels.device
    target = torch.tensor([example.level for example in batch], device=device)
    labels = pad_sequence(
        [example.words for example in batch],
        batch_first=True,
        padding_value=IGNORED,
    ).to(device)
    known = (labels != IGNORED).sum().clamp(min=1)
    rationales = cross_entropy(
        words.transpose(1, 2), labels, ignore_index=IGNORED, reduction="sum"
    )
    loss = cross_entropy(levels, target, weights)
    return loss + rationale_weight * rationales / known


def level_weights(examples):
    """Weighs rare levels more, by the square root of how rare they are.

    Arguments
    ---------
    examples : list of Example
        The training set.

    Returns
    -------
    torch.Tensor
        Weights [3].

    Example
    -------
    >>> level_weights([Example(None, None, None, n) for n in (0,) * 4 + (1, 2)])
    tensor([0.7071, 1.4142, 1.4142])
    """
    levels = torch.tensor([example.level for example in examples])
    counts = torch.bincount(levels, minlength=LEVELS).clamp(min=1)
    return (len(levels) / (LEVELS * counts)).sqrt()


def autocast(device):
    """Computes in bfloat16 within a `with` block where that is faster.

    Arguments
    ---------
    device : torch.device
        Where the computation runs.

    Returns
    -------
    torch.autocast
        On CPUs without matrix units for bfloat16 it changes nothing: there
        bfloat16 is ten times slower than float32.

    Example
    -------
    >>> with autocast(torch.device("cpu")):
    ...     (torch.ones(2, 2) @ torch.ones(2, 2)).shape
    torch.Size([2, 2])
    """
    units = torch.cpu.get_capabilities().get("amx_bf16", False)
    enabled = device.type == "cuda" or units
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


def train_classifier(classifier, examples, settings, title):
    """Trains the classifier of one mechanism.

    Arguments
    ---------
    classifier : EpitomeClassifier
        It is trained in place.
    examples : list of Example
        The training set.
    settings : dict
        As `speechbrain_relm.mini.epitome.TRAINING`.
    title : str
        Of the progress bar.

    Example
    -------
    >>> from speechbrain_relm.lobes.epitome import EmpathyScorer
    >>> scorer = EmpathyScorer(getfixture("scorer_folder"))
    >>> classifier = scorer.classifiers["explorations"]
    >>> from speechbrain_relm.lobes.epitome_text import encode_posts
    >>> from speechbrain_relm.mini.epitome_csv import Pair
    >>> posts = encode_posts(classifier, scorer.tokenizer, ["Oh."], 64)
    >>> pairs = [Pair("Oh.", "Why?", 2, [(0, 4)]), Pair("Oh.", "I see.", 0, [])]
    >>> examples = make_examples(pairs, posts, scorer.tokenizer, 64)
    >>> from speechbrain_relm.mini.epitome import TRAINING
    >>> _ = classifier.requires_grad_(True)
    >>> train_classifier(classifier, examples, TRAINING, "explorations")
    """
    rng = random.Random(settings["seed"])
    # Half the parameters, of which the data holds few: they stay as they are.
    embeddings = classifier.responder_encoder.get_input_embeddings()
    embeddings.requires_grad_(False)
    learned = [p for p in classifier.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learned, settings["learning_rate"])
    size, epochs = settings["batch_size"], settings["epochs"]
    steps = epochs * math.ceil(len(examples) / size)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    weights = level_weights(examples).to(learned[0].device)
    classifier.train()
    with tqdm(total=steps, desc=f"training: {title}") as progress:
        for _ in range(epochs):
            for batch in batches(examples, size, rng):
                with autocast(weights.device):
                    levels, words = classify(classifier, batch)
                loss = epitome_loss(
                    levels.float(),
                    words.float(),
                    batch,
                    weights,
                    settings["rationale_weight"],
                )
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                progress.update()
                progress.set_postfix(loss=f"{loss.item():.3f}")
    classifier.eval()


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
    pairs = list(zip(predictions, labels))
    scores = []
    for level in {*predictions, *labels}:
        both = pairs.count((level, level))
        either = predictions.count(level) + labels.count(level)
        scores.append(2 * both / either)
    accuracy = sum(p == t for p, t in pairs) / len(pairs)
    return accuracy, sum(scores) / len(scores)


@torch.no_grad()
def measure(classifier, training, held_out, batch_size=32):
    """Measures a classifier on held-out pairs, beside the majority level.

    Arguments
    ---------
    classifier : EpitomeClassifier
        The classifier.
    training : list of Example
        What it was trained on, for the majority level.
    held_out : list of Example
        What it is measured on.
    batch_size : int
        Examples a batch.

    Returns
    -------
    dict
        `accuracy`, `macro_f1`, `majority_accuracy`, `majority_macro_f1`, all
        0..1, and the number of `pairs`.

    Example
    -------
    >>> from speechbrain_relm.lobes.epitome import EmpathyScorer
    >>> scorer = EmpathyScorer(getfixture("scorer_folder"))
    >>> classifier = scorer.classifiers["explorations"]
    >>> from speechbrain_relm.lobes.epitome_text import encode_posts
    >>> from speechbrain_relm.mini.epitome_csv import Pair
    >>> posts = encode_posts(classifier, scorer.tokenizer, ["Oh."], 64)
    >>> pairs = [Pair("Oh.", "Why?", 2, [(0, 4)]), Pair("Oh.", "I see.", 0, [])]
    >>> examples = make_examples(pairs, posts, scorer.tokenizer, 64)
    >>> measure(classifier, examples, examples)["pairs"]
    2
    """
    classifier.eval()
    predictions = [
        level
        for batch in batches(held_out, batch_size)
        for level in classify(classifier, batch)[0].argmax(-1).tolist()
    ]
    labels = [example.level for example in held_out]
    seen = [example.level for example in training]
    majority = [max(set(seen), key=seen.count)] * len(labels)
    accuracy, f1 = accuracy_and_f1(predictions, labels)
    baseline, baseline_f1 = accuracy_and_f1(majority, labels)
    return {
        "accuracy": round(accuracy, 4),
        "macro_f1": round(f1, 4),
        "majority_accuracy": round(baseline, 4),
        "majority_macro_f1": round(baseline_f1, 4),
        "pairs": len(labels),
    }
