"""Are tensors numbers of the right kind?

Authors
 * The speechbrain_relm contributors 2026
"""

import torch


def check_kinds(tensors, source):
    """Refuses weights of integers: a quantized model without its scales.

    Loaded as they are they would become numbers of another size, unnoticed.

    Arguments
    ---------
    tensors : dict
        Names to tensors; without data will do.
    source : str or pathlib.Path
        Where they are from, for the message.

    Raises
    ------
    ValueError
        If there are some.

    Example
    -------
    >>> check_kinds({"a.weight": torch.ones(2).bool()}, "folder")
    Traceback (most recent call last):
    ...
    ValueError: folder: 'a.weight' is of the type bool, which is no weight...
    """
    for name, tensor in tensors.items():
        if name.endswith(("weight", "bias")) and not tensor.is_floating_point():
            raise ValueError(
                f"{source}: '{name}' is of the type {str(tensor.dtype)[6:]}, "
                "which is no weight: get the model in float32, float16 or "
                "bfloat16."
            )


def check_numbers(tensors, source):
    """Refuses tensors with NaN or infinite values.

    Arguments
    ---------
    tensors : iterable of tuple
        Names and tensors.
    source : str or pathlib.Path
        Where they are from, for the message.

    Raises
    ------
    ValueError
        If there are some.

    Example
    -------
    >>> check_numbers([("a.weight", torch.tensor([1.0, torch.nan]))], "folder")
    Traceback (most recent call last):
    ...
    ValueError: folder: 'a.weight' holds NaN or infinite values: ...
    """
    # A sum shows them without a copy; all are looked at once, where on a GPU
    # each look would be a wait.
    sums = {
        name: tensor.detach().sum(
            dtype=torch.promote_types(tensor.dtype, torch.float32)
        )
        for name, tensor in tensors
        if tensor.is_floating_point()
        and tensor.device.type != "meta"
        and tensor.dtype.itemsize > 1
    }
    if (
        not sums
        or torch.stack([s.float() for s in sums.values()]).isfinite().all()
    ):
        return
    wrong = next(name for name, total in sums.items() if not total.isfinite())
    raise ValueError(
        f"{source}: '{wrong}' holds NaN or infinite values: the training "
        "failed, or the file is damaged; take another checkpoint."
    )
