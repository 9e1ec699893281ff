"""The two auxiliary tasks: emotion classes and dimensions (Eqs. 7, 8).

Authors
 * The speechbrain_relm contributors 2026
"""

from torch import nn

from speechbrain_relm.utils.dimensions import DIMENSIONS
from speechbrain_relm.utils.precision import at_precision


class EmotionHeads(nn.Module):
    """Linear classifier and regressor on the pooled speech embedding.

    Arguments
    ---------
    input_size : int
        Size H of the pooled embedding.
    categories : int
        Number of emotion classes.

    Example
    -------
    >>> import torch
    >>> heads = EmotionHeads(input_size=8, categories=4)
    >>> logits, attributes = heads(torch.randn(2, 8))
    >>> logits.shape, attributes.shape
    (torch.Size([2, 4]), torch.Size([2, 3]))
    """

    def __init__(self, input_size, categories=4):
        super().__init__()
        # No biases, as in the released code, whose classes are five, with
        # surprise (Eq. 7: four), and whose regressor has dominance last.
        self.category = nn.Linear(input_size, categories, bias=False)
        self.dimension = nn.Linear(input_size, len(DIMENSIONS), bias=False)

    def forward(self, pooled):
        """Classifies and regresses.

        Arguments
        ---------
        pooled : torch.Tensor
            Mean speech embedding of each utterance [B, H] (Eq. 6).

        Returns
        -------
        category_logits : torch.Tensor
            Class scores [B, categories] (Eq. 7).
        attributes : torch.Tensor
            Arousal, dominance, valence [B, 3], trained to 0..1 (Eq. 8).
        """
        # A few numbers an utterance: half precision would save nothing.
        with at_precision("fp32", pooled.device):
            return self.category(pooled), self.dimension(pooled)
