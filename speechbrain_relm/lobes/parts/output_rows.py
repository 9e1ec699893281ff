"""An LLM's output layer at the positions that are asked for, no others.

Over a vocabulary of 152k, logits of a whole prompt would be most of the work.

Authors
 * The speechbrain_relm contributors 2026
"""

import contextlib
import threading


@contextlib.contextmanager
def only_positions(layer, wanted):
    """Feeds a layer only the wanted positions, inside a `with` block.

    Arguments
    ---------
    layer : torch.nn.Module
        The LLM's output layer.
    wanted : torch.Tensor or None
        Boolean mask [B, L], or `None` for no selection.

    Yields
    ------
    None

    Example
    -------
    >>> import torch
    >>> layer = torch.nn.Linear(4, 9)
    >>> with only_positions(layer, torch.tensor([[True, False, True]])):
    ...     layer(torch.zeros(1, 3, 4)).shape
    torch.Size([2, 9])
    """
    if wanted is None:
        yield
        return
    # Two requests served at once share the layer.
    thread = threading.get_ident()
    index = wanted.flatten().nonzero().squeeze(1)

    def _select(module, inputs):
        if threading.get_ident() != thread:
            return None
        rows = inputs[0].flatten(0, 1)
        return (rows.index_select(0, index.to(rows.device, non_blocking=True)),)

    hook = layer.register_forward_pre_hook(_select)
    try:
        yield
    finally:
        hook.remove()
