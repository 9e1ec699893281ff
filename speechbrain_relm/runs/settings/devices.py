"""Devices by name, checked as a command line is read.

Authors
 * The speechbrain_relm contributors 2026
"""

from argparse import ArgumentTypeError


def device(text):
    """Reads the name of a device of a command line.

    Arguments
    ---------
    text : str
        As typed.

    Returns
    -------
    str
        The same, if there is such a device here.

    Example
    -------
    >>> device("cpu")
    'cpu'
    """
    if text == "cpu":
        return text  # needs no look at what there is
    for problem in device_problems(text):
        raise ArgumentTypeError(problem.removeprefix("--device: "))
    return text


def device_problems(word):
    """Checks the name of a device.

    Arguments
    ---------
    word : str
        As typed.

    Returns
    -------
    list of str
        A line a problem.

    Example
    -------
    >>> device_problems("cpu"), device_problems("gpu")
    ([], ["--device: 'gpu' is no device: give cpu, or cuda as in cuda:0."])
    """
    import torch  # for which `--help` need not wait

    try:
        found = torch.device(word)
    except RuntimeError:
        return [
            f"--device: {word!r} is no device: give cpu, or cuda as in cuda:0."
        ]
    count = torch.cuda.device_count()
    if found.type == "cuda" and (found.index or 0) >= count:
        return [
            f"--device: {word} is not there: this machine has {count} GPUs."
        ]
    return []
