"""The modality adapter: speech frames to LLM embeddings (Eq. 3).

Authors
 * The speechbrain_relm contributors 2026
"""

from torch import nn
from torch.nn import functional as F

from speechbrain_relm.utils.lengths import counts_from_relative, valid_mask


class ConvAdapter(nn.Module):
    """Three strided gated convolutions and a bottleneck: 8 frames become 1.

    Section III-A: convolutions of stride 2, kernel 5 and padding 2, then a
    residual bottleneck of 512 hidden units and a layer normalization. No
    convolution looks beyond an utterance's own end, so its embeddings are the
    same in any batch.

    Arguments
    ---------
    input_size : int
        Channels of a speech frame, C + E with an emotion encoder.
    output_size : int
        Embedding size H of the LLM.
    bottleneck_size : int
        Hidden units of the bottleneck.
    layers : int
        Convolutions, each halving the length.
    kernel_size : int
        Odd kernel size; the padding is half of it.

    Example
    -------
    >>> import torch
    >>> adapter = ConvAdapter(input_size=6, output_size=8, bottleneck_size=4)
    >>> feats, lens = torch.randn(2, 40, 6), torch.tensor([1.0, 0.5])
    >>> embeddings, lens = adapter(feats, lens)
    >>> embeddings.shape, lens
    (torch.Size([2, 5, 8]), tensor([1.0000, 0.6000]))
    """

    lens_on_host = True  # it makes its masks where the frames are

    def __init__(
        self,
        input_size,
        output_size,
        bottleneck_size=512,
        layers=3,
        kernel_size=5,
    ):
        super().__init__()
        # Only the last one changes the channels, as in the authors' checkpoint;
        # Section III-A does not say.
        sizes = [input_size] * layers + [output_size]
        # Each layer gives twice its output: a value and a gate.
        self.conv_layers = nn.ModuleList(
            nn.Conv1d(
                size_in,
                2 * size_out,
                kernel_size,
                stride=2,
                padding=kernel_size // 2,
            )
            for size_in, size_out in zip(sizes, sizes[1:])
        )
        # No biases, and Xavier's initialization, as in the released code.
        self.fc1 = nn.Linear(output_size, bottleneck_size, bias=False)
        self.fc2 = nn.Linear(bottleneck_size, output_size, bias=False)
        self.layer_norm = nn.LayerNorm(output_size)
        nn.init.xavier_uniform_(self.fc1.weight)
        nn.init.xavier_uniform_(self.fc2.weight)

    def forward(self, feats, lens=None):
        """Turns speech frames into LLM embeddings.

        Arguments
        ---------
        feats : torch.Tensor
            Fused speech frames [B, T', C+E].
        lens : torch.Tensor or None
            Relative lengths [B], on the host or with the frames.

        Returns
        -------
        embeddings : torch.Tensor
            [B, T'', H], T'' = ceil(T' / 8), zero where padded.
        lens : torch.Tensor
            Relative lengths [B] of the embeddings, where `lens` are.
        """
        if lens is None:
            lens = feats.new_ones(len(feats))
        counts = counts_from_relative(lens, feats.shape[1])
        hidden = feats.to(self.fc1.weight.dtype).transpose(1, 2)
        for conv in self.conv_layers:
            # The released convolutions see what the batch's padding holds.
            mask = valid_mask(counts, hidden.shape[2], hidden.device)
            hidden = hidden * mask.unsqueeze(1)
            hidden = F.glu(conv(hidden), dim=1)
            # (n - 1) // 2 + 1 frames of n.
            counts = (counts + 1) // 2
        hidden = hidden.transpose(1, 2)
        hidden = hidden + self.fc2(F.gelu(self.fc1(hidden)))
        mask = valid_mask(counts, hidden.shape[1], hidden.device).unsqueeze(-1)
        return self.layer_norm(hidden) * mask, counts / hidden.shape[1]
