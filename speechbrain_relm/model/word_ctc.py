"""What speech embeddings spell in the LLM's own tokens, learned by CTC.

An adapter whose embeddings lie near the LLM's token embeddings speaks a
language that the LLM can read. Connectionist temporal classification with the
LLM's embedding table as output layer teaches it that without running the LLM.

Authors
 * The speechbrain_relm contributors 2026
"""

import math

import torch
from torch import nn
from torch.nn import functional as F


class WordCTC(nn.Module):
    """CTC over the LLM's token embeddings and a learned blank.

    The score of a token is the cosine between its embedding and the speech
    embedding, times a learned scale.

    Arguments
    ---------
    table : torch.Tensor
        The LLM's embedding table [V, H]; kept as it is.
    token_ids : list of int
        The N tokens that can be spelled.
    scale : float
        Where the scale starts.

    Example
    -------
    >>> ctc = WordCTC(torch.eye(6), token_ids=[2, 4])
    >>> embeddings = 3 * torch.eye(6)[[2, 2, 4]].unsqueeze(0)
    >>> scores = ctc(embeddings)
    >>> scores.shape
    torch.Size([1, 3, 3])
    >>> ctc.spell(scores, torch.tensor([3]))
    [[2, 4]]
    """

    def __init__(self, table, token_ids, scale=16.0):
        super().__init__()
        token_ids = sorted(set(token_ids))
        chosen = table.detach()[token_ids].float()
        # Part of no checkpoint: the LLM has them.
        self.register_buffer(
            "tokens", F.normalize(chosen, dim=-1), persistent=False
        )
        self.register_buffer(
            "token_ids", torch.tensor(token_ids), persistent=False
        )
        self.blank = nn.Parameter(chosen.mean(0))
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))
        self.index = {token: i + 1 for i, token in enumerate(token_ids)}

    def forward(self, embeddings):
        """Scores the tokens at every speech embedding.

        Arguments
        ---------
        embeddings : torch.Tensor
            Speech embeddings [B, T'', H].

        Returns
        -------
        torch.Tensor
            Log-probabilities [B, T'', 1 + N]; the first is the blank's.
        """
        blank = F.normalize(self.blank, dim=0).unsqueeze(0)
        outputs = torch.cat([blank, self.tokens])
        cosines = F.normalize(embeddings.float(), dim=-1) @ outputs.T
        return (self.log_scale.exp() * cosines).log_softmax(-1)

    def loss(self, log_probs, counts, targets):
        """Negative log-likelihood of the spelled words (Graves et al. 2006).

        Arguments
        ---------
        log_probs : torch.Tensor
            From `forward`.
        counts : torch.Tensor
            Speech embeddings of each utterance [B].
        targets : list of list of int
            Token ids of each utterance; tokens that cannot be spelled are
            left out, and utterances too short for theirs give nothing.

        Returns
        -------
        torch.Tensor
            Mean over the tokens of the batch, in nats.
        """
        rows = [
            [self.index[t] for t in row if t in self.index] for row in targets
        ]
        lengths = torch.tensor([len(row) for row in rows])
        flat = torch.tensor([i for row in rows for i in row])
        total = F.ctc_loss(
            log_probs.transpose(0, 1),
            flat.to(log_probs.device),
            counts.cpu(),
            lengths,
            reduction="sum",
            # Speech with fewer embeddings than words would cost infinity.
            zero_infinity=True,
        )
        return total / max(int(lengths.sum()), 1)

    @torch.no_grad()
    def spell(self, log_probs, counts):
        """Reads the likeliest tokens, repetitions and blanks left out.

        Arguments
        ---------
        log_probs : torch.Tensor
            From `forward`.
        counts : torch.Tensor
            Speech embeddings of each utterance [B].

        Returns
        -------
        list of list of int
            Token ids of each utterance.
        """
        spelled = []
        ids = self.token_ids.tolist()
        for row, count in zip(log_probs.argmax(-1).tolist(), counts.tolist()):
            row = row[:count]
            spelled.append(
                [
                    ids[now - 1]
                    for before, now in zip([0, *row], row)
                    if now and now != before
                ]
            )
        return spelled


@torch.no_grad()
def start_at_table(layer_norm, table):
    """Starts a last normalization where the LLM's tokens lie.

    Arguments
    ---------
    layer_norm : torch.nn.LayerNorm
        The adapter's last layer; changed in place.
    table : torch.Tensor
        The LLM's embedding table [V, H].

    Example
    -------
    >>> norm = nn.LayerNorm(2)
    >>> start_at_table(norm, torch.tensor([[1.0, 2.0], [3.0, 2.0]]))
    >>> norm.bias.tolist()
    [2.0, 2.0]
    """
    table = table.detach().float()
    layer_norm.bias.copy_(table.mean(0))
    layer_norm.weight.copy_(table.std(0))
