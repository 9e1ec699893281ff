"""What a reviewer needs to run a training again, at the head of its log.

Authors
 * The speechbrain_relm contributors 2026
"""

import os
import platform
import sys

import speechbrain
import torch
import transformers
from speechbrain.utils.distributed import if_main_process
from speechbrain.utils.logger import get_logger

from speechbrain_relm.lobes.parts.batch_effect import TOLERANCE, batch_effect
from speechbrain_relm.lobes.parts.half_on_cpu import has_half_products
from speechbrain_relm.model.prompting import evaluating
from speechbrain_relm.model.trained import trainable_parameters
from speechbrain_relm.utils.processes import processes
from speechbrain_relm.utils.sources.base_models import describe

logger = get_logger(__name__)

# Parameters from which a CPU is a matter of days.
MANY = 500e6


def log_start(brain, hparams):
    """Logs what training starts from and with.

    Arguments
    ---------
    brain : speechbrain_relm.training.brain.RELLMBrain
        With its model built.
    hparams : dict
        The loaded YAML; its sources are the settings that end in `_source`.
    """
    if not if_main_process():
        return
    logger.info("Versions: %s.", named(versions()))
    logger.info(
        "Device: %s, %d processes; precision: training %s, evaluation %s.",
        device_name(brain.device),
        processes(),
        brain.precision,
        brain.eval_precision,
    )
    names = sorted(n for n in hparams if n.endswith("_source"))
    for name in [*names, "init_from"]:
        if hparams.get(name):
            logger.info("%s: %s.", name, origin(hparams[name]))
    if not hparams.get("init_from"):
        logger.info("init_from: nothing; what is trained is as drawn.")
    for name, part in brain.model.named_children():
        learned = sum(p.numel() for p in trainable_parameters(part).values())
        size = sum(p.numel() for p in part.parameters())
        logger.info("%s: %d of %d parameters trained.", name, learned, size)


def versions():
    """Lists the versions that matter.

    Returns
    -------
    dict
        Package to version.

    Example
    -------
    >>> list(versions())[:4]
    ['python', 'torch', 'transformers', 'speechbrain']
    """
    # This package by whatever name: laid upstream, it is SpeechBrain itself.
    own = sys.modules[__name__.split(".")[0]]
    packages = (torch, transformers, speechbrain, own)
    return {
        "python": platform.python_version(),
        **{package.__name__: package.__version__ for package in packages},
    }


def named(values):
    """Writes names and values in a row.

    Arguments
    ---------
    values : dict
        Names to values.

    Returns
    -------
    str
        The row.

    Example
    -------
    >>> named({"a": 1, "b": "x"})
    'a 1, b x'
    """
    return ", ".join(f"{name} {value}" for name, value in values.items())


def device_name(device):
    """Describes a device.

    Arguments
    ---------
    device : str
        SpeechBrain's, e.g. "cuda:0".

    Returns
    -------
    str
        Its name.

    Example
    -------
    >>> device_name("cpu").startswith("cpu, ")
    True
    """
    if torch.device(device).type == "cuda":
        return f"{device}, {torch.cuda.get_device_name(device)}"
    return f"{device}, {torch.get_num_threads()} threads of {os.cpu_count()}"


def origin(source):
    """Describes a source so that it can be told from any other.

    Arguments
    ---------
    source : str
        Hub id, folder or file.

    Returns
    -------
    str
        Its name, revision and the digests of its weights.

    Example
    -------
    >>> folder = getfixture("qwen_folder")
    >>> origin(folder).replace(folder, "x").rsplit(" ", 1)[0]
    'x, model.safetensors SHA-256'
    """
    try:
        found = describe(source)
    except OSError as error:
        return f"{source} ({error})"
    revision = found["revision"]
    parts = [found["source"]]
    parts += [f"revision {revision}"] if revision else []
    parts += [f"{n} SHA-256 {digest}" for n, digest in found["sha256"].items()]
    return ", ".join(parts)


def warn_without_gpu(brain):
    """Says if there is no GPU, and what will be slow.

    Arguments
    ---------
    brain : speechbrain_relm.training.brain.RELLMBrain
        The brain.
    """
    if torch.device(brain.device).type != "cpu" or brain.model is None:
        return
    size = sum(p.numel() for p in brain.model.parameters())
    half = any(p.dtype == torch.bfloat16 for p in brain.model.parameters())
    say = logger.warning if size > MANY else logger.info
    slow = not has_half_products()
    say(
        "No GPU: expected responses, training and responses run on %d CPU "
        "threads with %.1f billion parameters%s%s%s.",
        torch.get_num_threads(),
        size / 1e9,
        ", in bfloat16, which this CPU has no instructions for"
        if half and slow
        else "",
        ": days rather than hours" if size > MANY else "",
        "; what is trained is far faster with --precision=fp32"
        if slow and brain.precision == "bf16"
        else "",
    )


def warn_if_unlike(encoder, device):
    """Says if an encoder's frames depend on the rest of the batch.

    Arguments
    ---------
    encoder : torch.nn.Module
        A speech encoder.
    device : torch.device or str
        Where it is.
    """
    with evaluating(encoder):
        effect = batch_effect(encoder, device)
    if effect > TOLERANCE:
        logger.warning(
            "%s hears an utterance differently beside a longer one, by up to "
            "%.2g standard deviations of its frames: losses and responses "
            "depend on which utterances share a batch. A batch_size and "
            "generation_batch_size of 1 avoid it.",
            type(encoder).__name__,
            effect,
        )
