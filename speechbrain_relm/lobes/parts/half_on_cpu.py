"""Frozen half-precision layers on a CPU, at a usable speed.

Without instructions for bfloat16, a CPU has one product that torch does well:
a matrix with few vectors, forward. A backward pass through the output layer
of a 7B LLM, 152k rows of 4096, takes a minute a position; where oneDNN has a
kernel, one position makes it copy the whole matrix first. Here the matrix is
raised to float32 in blocks, as small as memory is wide, and a single vector
is multiplied from the right, which needs no copy.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch
from torch import nn
from torch.nn import functional as F

# Numbers raised to float32 at a time: 64 MB.
BLOCK = 2**24
# Vectors up to which torch's own forward is the faster.
FEW = 32


def has_half_products():
    """Tells whether this CPU has instructions for bfloat16.

    Returns
    -------
    bool
        Whether oneDNN uses them.

    Example
    -------
    >>> isinstance(has_half_products(), bool)
    True
    """
    return torch.ops.mkldnn._is_mkldnn_bf16_supported()


class HalfProduct(torch.autograd.Function):
    """`x @ weight.T` for a frozen weight of half precision, on a CPU.

    Sums are float32, as in torch's own kernels.

    Example
    -------
    >>> x = torch.ones(2, 3, dtype=torch.bfloat16, requires_grad=True)
    >>> weight = torch.full((4, 3), 0.5, dtype=torch.bfloat16)
    >>> product = HalfProduct.apply(x, weight)
    >>> product.sum().backward()
    >>> product[0, 0].item(), x.grad[0, 0].item()
    (1.5, 2.0)
    """

    @staticmethod
    def forward(ctx, x, weight):
        """Multiplies.

        Arguments
        ---------
        ctx : object
            Torch's context.
        x : torch.Tensor
            Input [N, H].
        weight : torch.Tensor
            [V, H].

        Returns
        -------
        torch.Tensor
            [N, V].
        """
        ctx.weight = weight
        if len(x) == 1:
            return torch.mv(weight, x[0])[None]
        if len(x) <= FEW or has_half_products():
            return F.linear(x, weight)
        full = x.float()
        return torch.cat(
            [(full @ rows.float().T).to(x.dtype) for rows in blocks(weight)],
            dim=1,
        )

    @staticmethod
    def backward(ctx, grad):
        """Multiplies by the weight itself.

        Arguments
        ---------
        ctx : object
            Torch's context.
        grad : torch.Tensor
            Gradient [N, V].

        Returns
        -------
        tuple
            Gradient [N, H] of the input; none of the weight.
        """
        weight = ctx.weight
        if len(grad) == 1:
            return torch.mv(weight.T, grad[0])[None], None
        if has_half_products():
            return grad @ weight, None
        total = grad.new_zeros(len(grad), weight.shape[1], dtype=torch.float32)
        parts = grad.split([len(rows) for rows in blocks(weight)], dim=1)
        for part, rows in zip(parts, blocks(weight)):
            total.addmm_(part.float(), rows.float())
        return total.to(grad.dtype), None


def blocks(weight):
    """Cuts a matrix into bands of rows.

    Arguments
    ---------
    weight : torch.Tensor
        [V, H].

    Returns
    -------
    tuple of torch.Tensor
        Views of at most `BLOCK` numbers, or of one row.

    Example
    -------
    >>> [len(band) for band in blocks(torch.zeros(5, BLOCK // 2))]
    [2, 2, 1]
    """
    return weight.split(max(BLOCK // weight.shape[1], 1))


class HalfLinear(nn.Linear):
    """`torch.nn.Linear`, whose frozen bfloat16 weight serves a CPU too.

    Example
    -------
    >>> layer = HalfLinear(3, 4, dtype=torch.bfloat16).requires_grad_(False)
    >>> layer(torch.ones(2, 5, 3)).dtype
    torch.bfloat16
    """

    def forward(self, x):
        """Applies the layer.

        Arguments
        ---------
        x : torch.Tensor
            [..., H].

        Returns
        -------
        torch.Tensor
            [..., V].
        """
        weight = self.weight
        if not fits(weight):
            return super().forward(x)
        rows = x.reshape(-1, x.shape[-1]).to(weight.dtype)
        product = HalfProduct.apply(rows, weight)
        if self.bias is not None:
            product = product + self.bias
        return product.view(*x.shape[:-1], -1)


def fits(weight):
    """Tells whether a weight is what this is for.

    Arguments
    ---------
    weight : torch.Tensor
        A layer's.

    Returns
    -------
    bool
        True for frozen bfloat16 on a CPU.

    Example
    -------
    >>> fits(torch.zeros(1, 1, dtype=torch.bfloat16)), fits(torch.zeros(1, 1))
    (True, False)
    """
    return (
        weight.dtype == torch.bfloat16
        and weight.device.type == "cpu"
        and not weight.requires_grad
    )


def serve_cpu(model):
    """Makes the linear layers of a model `HalfLinear`, where they stand.

    Arguments
    ---------
    model : torch.nn.Module
        E.g. an LLM; on a GPU, or in float32, nothing changes.

    Example
    -------
    >>> model = nn.Sequential(nn.Linear(1, 1))
    >>> serve_cpu(model)
    >>> type(model[0]).__name__
    'HalfLinear'
    """
    for layer in model.modules():
        # Not a quantized layer, nor anybody's own.
        if type(layer) is nn.Linear:
            layer.__class__ = HalfLinear
