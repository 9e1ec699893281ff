"""A text encoder that tells how alike sentences are.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch
from torch import nn
from transformers import AutoModel, AutoTokenizer

from speechbrain_relm.utils.lengths import masked_mean
from speechbrain_relm.utils.sources.hub import model_folder


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
        folder, stock = model_folder(source), {"trust_remote_code": False}
        self.tokenizer = AutoTokenizer.from_pretrained(folder, **stock)
        self.model = AutoModel.from_pretrained(
            folder, use_safetensors=True, **stock
        )
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
            inputs = self.tokenizer(
                texts[start : start + self.batch_size],
                padding=True,
                truncation=True,
                max_length=self.model.config.max_position_embeddings,
                return_tensors="pt",
            ).to(self.model.device)
            states = self.model(**inputs).last_hidden_state
            mask = inputs["attention_mask"].bool()
            found.append(masked_mean(states, mask))
        return nn.functional.normalize(torch.cat(found), dim=-1)
