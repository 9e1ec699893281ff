"""A text encoder that tells how alike sentences are.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch
from torch import nn

from speechbrain_relm.lobes.parts.epitome_text import collate, tokenize
from speechbrain_relm.utils.lengths import masked_mean
from speechbrain_relm.utils.sources.pretrained import (
    load_text_encoder,
    load_tokenizer,
)


class SentenceEncoder(nn.Module):
    """Embeds texts by the mean of a text encoder's last states.

    Arguments
    ---------
    source : str
        Hub id or folder of an encoder made for that, e.g. MiniLM.
    batch_size : int
        Texts a batch.

    Example
    -------
    >>> from speechbrain_relm.mini import models
    >>> encoder = SentenceEncoder(str(models.folder("all-MiniLM-L6-v2")))
    >>> hello, hi, rain = encoder(["Hello.", "Hi there.", "It rained."])
    >>> hello.shape
    torch.Size([384])
    >>> bool(hello @ hi > hello @ rain)
    True
    """

    def __init__(self, source, batch_size=64):
        super().__init__()
        self.tokenizer = load_tokenizer(source)
        self.model = load_text_encoder(source)
        self.batch_size = batch_size
        self.eval()

    @torch.no_grad()
    def forward(self, texts):
        """Embeds texts.

        Arguments
        ---------
        texts : list of str
            N texts; what is longer than the encoder can read is cut.

        Returns
        -------
        torch.Tensor
            Embeddings [N, D] of length 1.
        """
        found = []
        for start in range(0, len(texts), self.batch_size):
            ids, _ = tokenize(
                self.tokenizer,
                texts[start : start + self.batch_size],
                self.model.config.max_position_embeddings,
            )
            ids, mask = (part.to(self.model.device) for part in collate(ids))
            states = self.model(ids, attention_mask=mask).last_hidden_state
            found.append(masked_mean(states, mask.bool()))
        return nn.functional.normalize(torch.cat(found), dim=-1)
