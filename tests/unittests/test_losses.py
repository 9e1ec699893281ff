"""Losses and measures against closed forms."""

import math

import pytest
import torch

from speechbrain_relm.evaluation.statistics import compare, mean_and_deviation
from speechbrain_relm.model import losses
from speechbrain_relm.model.metrics import unweighted_accuracy


def test_response_nll_is_eq_5():
    """The mean of -log p over the response tokens."""
    logits = torch.tensor([[0.0, math.log(3.0)], [0.0, 0.0]])
    loss = losses.response_nll(logits, torch.tensor([1, 0]))
    expected = -(math.log(3 / 4) + math.log(1 / 2)) / 2
    assert float(loss) == pytest.approx(expected, rel=1e-6)


def test_response_kl_by_hand():
    """sum p log(p / q) at temperature 2, and which side the teacher is."""
    student = torch.tensor([[0.0, 2 * math.log(4.0)]])
    teacher = torch.tensor([[0.0, 0.0]])
    expected = 0.5 * math.log(0.5 / 0.2) + 0.5 * math.log(0.5 / 0.8)
    loss = losses.response_kl(student, teacher, temperature=2.0)
    assert float(loss) == pytest.approx(expected, rel=1e-6)


def test_dimension_loss_ignores_missing_labels():
    """And a batch without any label gives zero, with a gradient."""
    predictions = torch.rand(2, 3, requires_grad=True)
    targets = torch.full((2, 3), float("nan"))
    loss = losses.dimension_loss(predictions, targets)
    loss.backward()
    assert loss == 0 and not predictions.grad.any()
    full = torch.rand(2, 3)
    expected = float(((predictions.detach() - full) ** 2).mean())
    assert float(losses.dimension_loss(predictions, full)) == pytest.approx(
        expected, rel=1e-6
    )


def test_unweighted_accuracy_by_hand():
    """Recalls 2/3 and 0/1; what was not recognized is wrong."""
    labels = ["sad", "sad", "sad", "angry"]
    predictions = ["sad", "sad", None, "happy"]
    assert unweighted_accuracy(predictions, labels) == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="as many"):
        unweighted_accuracy(["sad"], labels)


def test_wilcoxon_by_enumeration():
    """The exact two-sided p of 6 untied differences, all 64 sign patterns."""
    differences = [1, 2, 3, -4, 5, 6]
    ours = {str(i): d for i, d in enumerate(differences)}
    test = compare(ours, dict.fromkeys(ours, 0))
    ranks = range(1, 7)
    observed = sum(r for r, d in zip(ranks, differences) if d > 0)
    sums = [
        sum(r for bit, r in enumerate(ranks) if pattern >> bit & 1)
        for pattern in range(64)
    ]
    mean = sum(ranks) / 2
    extreme = sum(abs(s - mean) >= abs(observed - mean) for s in sums)
    assert test.p == pytest.approx(extreme / 64)
    assert test.pairs == 6 and test.ties == 0


def test_paired_test_needs_the_same_utterances():
    """Naming the first that differs."""
    with pytest.raises(ValueError, match="first: b"):
        compare({"a": 1}, {"a": 1, "b": 2})
    assert mean_and_deviation([0, 1, 2]) == (1.0, 1.0)
