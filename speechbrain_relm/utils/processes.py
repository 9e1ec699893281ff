"""The processes of a run, and each one's share of the work.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch
from speechbrain.utils.distributed import get_rank


def processes():
    """Counts the processes of a run.

    Returns
    -------
    int
        1 without `torchrun`.

    Example
    -------
    >>> processes()
    1
    """
    distributed = torch.distributed
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank():
    """Numbers this process among the run's.

    Returns
    -------
    int
        0 without `torchrun`.

    Example
    -------
    >>> rank()
    0
    """
    return get_rank() or 0


def gather(value):
    """Collects what every process has.

    Arguments
    ---------
    value : object
        This process's.

    Returns
    -------
    list
        One of each process, the same list on all.

    Example
    -------
    >>> gather({"a": 1})
    [{'a': 1}]
    """
    found = [value] * processes()
    if len(found) > 1:
        torch.distributed.all_gather_object(found, value)
    return found


def share(batches):
    """Takes this process's share of some batches.

    Arguments
    ---------
    batches : list
        All batches.

    Returns
    -------
    list
        Every N-th of them, with N processes.

    Example
    -------
    >>> share([[0, 1], [2]])
    [[0, 1], [2]]
    """
    return batches[rank() :: processes()]


def batches_per_epoch(sampler):
    """Counts the batches that each process has.

    Arguments
    ---------
    sampler : collections.abc.Sized
        The batches of all processes.

    Returns
    -------
    int
        As many for each; the last ones may repeat some.

    Example
    -------
    >>> batches_per_epoch([[0, 1], [2]])
    2
    """
    return -(-len(sampler) // processes())


def steps_per_epoch(sampler, accumulated):
    """Counts the optimizer's steps.

    Arguments
    ---------
    sampler : collections.abc.Sized
        The batches of all processes.
    accumulated : int
        Batches whose gradients are added up for a step; at the epoch's end
        it may be fewer.

    Returns
    -------
    int
        Steps.

    Example
    -------
    >>> steps_per_epoch([[0, 1], [2], [3, 4], [5], [6]], 2)
    3
    """
    return -(-batches_per_epoch(sampler) // accumulated)
