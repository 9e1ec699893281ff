"""What a classifier said about a part of the data.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch

from speechbrain_relm.epitome.data import IGNORED
from speechbrain_relm.epitome.measures import (
    agreement,
    confusion_matrix,
    expected_calibration_error,
    rationale_f1,
)


class Kept:
    """What the figures of one mechanism and stage need.

    Example
    -------
    >>> kept = Kept()
    >>> levels, words = torch.eye(3)[:2] * 9, torch.zeros(2, 1, 2)
    >>> labels = torch.full((2, 1), IGNORED)
    >>> kept.add(["b", "a"], levels, words, torch.tensor([0, 2]), labels)
    >>> kept.measure(["a", "b"])["confusion"]
    [[1, 0, 0], [0, 0, 0], [0, 1, 0]]
    """

    def __init__(self):
        self.ids, self.probabilities, self.levels = [], [], []
        self.predicted_words, self.true_words = [], []

    def add(self, ids, levels, words, targets, labels):
        """Keeps a batch's predictions and labels.

        Arguments
        ---------
        ids : list of str
            Of the pairs.
        levels : torch.Tensor
            Logits of the levels [B, 3].
        words : torch.Tensor
            Logits of the tokens [B, R, 2].
        targets : torch.Tensor
            True levels [B], -100 where unknown.
        labels : torch.Tensor
            Labels of the tokens [B, R].
        """
        annotated = targets != IGNORED
        self.ids += [i for i, known in zip(ids, annotated.tolist()) if known]
        self.probabilities.append(levels[annotated].float().softmax(-1).cpu())
        self.levels += targets[annotated].tolist()
        for level, row, chosen in zip(
            levels[annotated].argmax(-1).tolist(),
            labels[annotated].cpu(),
            words[annotated].argmax(-1).cpu(),
        ):
            known = row != IGNORED
            # Without empathy nothing shows it, as in the scorer.
            chosen = chosen if level else torch.zeros_like(chosen)
            self.predicted_words.append(chosen[known].tolist())
            self.true_words.append(row[known].tolist())

    def judged(self, order=None):
        """Gives the probabilities and the true levels.

        Arguments
        ---------
        order : iterable of str, optional
            Ids in the order of the file; batches have one of their own, in
            which responses of like length are neighbours.

        Returns
        -------
        probabilities : torch.Tensor
            [N, 3].
        levels : list of int
            True levels.
        """
        rows = range(len(self.ids))
        if order is not None:
            place = {name: i for i, name in enumerate(order)}
            rows = sorted(rows, key=lambda row: place[self.ids[row]])
        probabilities = torch.cat(self.probabilities)[list(rows)]
        return probabilities, [self.levels[row] for row in rows]

    def raw_calibration_error(self, temperature):
        """Computes the calibration error before a temperature.

        Arguments
        ---------
        temperature : float
            By which the logits have been divided.

        Returns
        -------
        float
            0..1.
        """
        probabilities, levels = self.judged()
        raw = (probabilities.clamp(min=1e-12).log() * temperature).softmax(-1)
        return expected_calibration_error(raw, levels)

    def measure(self, order=None):
        """Computes the figures.

        Arguments
        ---------
        order : iterable of str, optional
            See `judged`.

        Returns
        -------
        dict
            See `agreement`; confusion matrix (rows: true), calibration
            error, F1 of rationales by token and by span, number of pairs.
        """
        probabilities, levels = self.judged(order)
        predicted = probabilities.argmax(1).tolist()
        token_f1, iou_f1 = rationale_f1(self.predicted_words, self.true_words)
        return {
            **agreement(predicted, levels),
            "confusion": confusion_matrix(predicted, levels),
            "calibration_error": expected_calibration_error(
                probabilities, levels
            ),
            "rationale_token_f1": token_f1,
            "rationale_iou_f1": iou_f1,
            "pairs": len(levels),
        }
