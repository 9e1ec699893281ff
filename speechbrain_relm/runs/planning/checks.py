"""What `train.py`, `respond` and `chat` ask before they do anything.

Authors
 * The speechbrain_relm contributors 2026
"""

from pathlib import Path

import torch
from speechbrain.utils.distributed import run_on_main
from speechbrain.utils.logger import get_logger

from speechbrain_relm.convert.commands import convert_start
from speechbrain_relm.data.corpus import SPLITS
from speechbrain_relm.lobes.parts.quantized import (
    missing_packages,
    needs_packages,
)
from speechbrain_relm.release.folder import WEIGHTS
from speechbrain_relm.release.opening import read_release
from speechbrain_relm.runs.needs import needed_sources
from speechbrain_relm.runs.planning.command import PROMPT, RESPONSE, SECONDS
from speechbrain_relm.runs.planning.figures import plan
from speechbrain_relm.runs.planning.outline import outline
from speechbrain_relm.utils.disk.downloads import check_weights, read_json
from speechbrain_relm.utils.files import FINGERPRINT, cache_folder
from speechbrain_relm.utils.limits import gigabytes
from speechbrain_relm.utils.plain_yaml import read_plain
from speechbrain_relm.utils.sharding import node_size
from speechbrain_relm.utils.sources import hub
from speechbrain_relm.utils.sources.preflight import (
    Need,
    disk_problems,
    downloads,
    look_at_all,
    refuse,
)
from speechbrain_relm.utils.sources.qwen import qwen2_config
from speechbrain_relm.utils.sources.qwen_folder import llm_outline
from speechbrain_relm.utils.sources.stock import conversion_of, convert_qwen

logger = get_logger(__name__)

# The best checkpoint, the last one, and the one that is being written.
CHECKPOINTS = 3
# The plan is right within 15 %: what is further off cannot work.
TOLERANCE = 1.15


def check_run(hparams_file, settings, run_opts):
    """Asks everything that can be asked before a run.

    Arguments
    ---------
    hparams_file : str
        The YAML of the run, from `speechbrain_relm.runs.experiment.start`.
    settings : dict
        Its plain values.
    run_opts : dict
        SpeechBrain's run options.

    Raises
    ------
    RecipeError
        With a line a problem: models, disks, memory of the GPU.
    """
    text = Path(hparams_file).read_text(encoding="utf-8")
    run_on_main(_check_run, args=[text, settings, run_opts])


def _check_run(text, settings, run_opts):
    """The same, on the main process."""
    steps = settings.get("steps")
    found = look_at_all(needed_sources(text, settings, steps))
    refuse(found, smaller_problems(settings))
    needs, problems = downloads(found) + conversions(found), []
    if loads_by_itself(text):
        logger.info("Of SpeechBrain's own lobes no memory is planned.")
    elif steps is None or "fit" in steps:
        hparams = outline(text)
        _, memory, checkpoint = plan(
            hparams, SECONDS, PROMPT, RESPONSE, node_size()
        )
        needs += kept_by_training(settings, sum(checkpoint.values()))
        needs += kept_by_caches(settings, hparams)
        problems = memory_problems(sum(memory.values()), device_of(run_opts))
    for need in needs:
        logger.info("%s: %s in %s.", *_shown(need))
    refuse(found, disk_problems(needs) + problems)


def smaller_problems(settings):
    """Looks at what makes a model smaller: quantized, or divided.

    Arguments
    ---------
    settings : dict
        The run's plain values.

    Returns
    -------
    list of str
        A line for what cannot work.

    Example
    -------
    >>> smaller_problems({"fsdp": True})
    ['fsdp: True divides the weights among processes: start them with ...']
    """
    problems = []
    bits = (settings.get("chat_llm") or {}).get("bits")
    if bits is not None and missing_packages():
        problems.append(needs_packages(bits))
    if settings.get("fsdp") and not torch.distributed.is_initialized():
        problems.append(
            "fsdp: True divides the weights among processes: start them with "
            "torchrun --standalone --nproc_per_node=GPUS."
        )
    return problems


def loads_by_itself(text):
    """Tells whether a YAML has lobes that cannot be built without weights.

    Arguments
    ---------
    text : str
        The YAML.

    Returns
    -------
    bool
        Whether one of SpeechBrain's interfaces to Hugging Face is in it.

    Example
    -------
    >>> loads_by_itself("a: !new:speechbrain.integrations.huggingface.x.X")
    True
    """
    return "!new:speechbrain.integrations.huggingface" in text


def _shown(need):
    """A need as the log shows it."""
    return need.what, gigabytes(need.size), need.folder


def conversions(found):
    """Says what conversions will write.

    Arguments
    ---------
    found : list of speechbrain_relm.utils.sources.preflight.Found
        The models.

    Returns
    -------
    list of Need
        Nothing, or the conversions.

    Example
    -------
    >>> conversions([])
    []
    """
    size = 0
    for one in found:
        if Path(one.source).is_file():
            continue  # a checkpoint of ours
        folder = hub.settings_folder(one.source)
        if not (folder / "config.json").is_file():
            continue
        config = read_json(folder / "config.json")
        if one.name == "init_from" and "qwen_config" in config:
            convert, written = convert_start, one.size - _llm_bytes(config)
        elif config.get("model_type") == "qwen":
            convert, written = convert_qwen, one.size
        else:
            continue
        target, _ = conversion_of(folder, convert)
        if one.missing or not (target / FINGERPRINT).is_file():
            size += max(0, written)
    folder = str(cache_folder() / "converted")
    return [Need("conversions", folder, size)] if size else []


def _llm_bytes(config):
    """Works out what the LLM of a released speech LLM takes, in bytes."""
    tensors = llm_outline(qwen2_config(config["qwen_config"])).values()
    return sum(2 * tensor.numel() for tensor in tensors)


def kept_by_training(settings, checkpoint):
    """Says what training will write, beyond what an earlier run left.

    Arguments
    ---------
    settings : dict
        The run's plain values.
    checkpoint : int
        Bytes of a checkpoint, of which a third are the trained tensors.

    Returns
    -------
    list of Need
        Checkpoints and release.

    Example
    -------
    >>> kept_by_training({"output_folder": "results/new"}, 3)
    [Need(what='checkpoints', folder='results/new', size=9)]
    """
    folder = settings["output_folder"]
    size = CHECKPOINTS * checkpoint - bytes_in(Path(folder, "save"))
    needs = [Need("checkpoints", folder, max(0, size))]
    if "release" in settings.get("steps", ()):
        needs.append(Need("release", folder, checkpoint // 3))
    return needs


def kept_by_caches(settings, hparams):
    """Says what kept frames will take, where a frozen encoder's are kept.

    Arguments
    ---------
    settings : dict
        The run's plain values.
    hparams : dict
        The models' outline.

    Returns
    -------
    list of Need
        Nothing, or the frames of all that is learned from. Before the corpus
        is prepared nobody knows how much that is: the log has the rate.

    Example
    -------
    >>> kept_by_caches({"frame_folder": None}, {})
    []
    """
    folder = settings.get("frame_folder")
    if folder is None:
        return []
    # Float32, 50 frames a second.
    rate = 4 * 50 * hparams["model"].speech_encoder.output_size
    manifests = [
        Path(settings["manifest_folder"]) / f"{split}.json" for split in SPLITS
    ]
    if not all(path.is_file() for path in manifests):
        logger.info("Kept frames: %.3f GB an hour of speech.", rate * 3600e-9)
        return []
    seconds = sum(
        entry["duration"]
        for path in manifests
        for entry in read_json(path).values()
    )
    size = max(0, round(rate * seconds) - bytes_in(folder))
    return [Need("kept frames", folder, size)]


def bytes_in(folder):
    """Adds up the files of a folder.

    Arguments
    ---------
    folder : str or pathlib.Path
        The folder, which may not be there yet.

    Returns
    -------
    int
        Bytes.

    Example
    -------
    >>> bytes_in("no/such/folder")
    0
    """
    files = (path for path in Path(folder).rglob("*") if path.is_file())
    return sum(file.stat().st_size for file in files)


def device_of(run_opts):
    """Names the device that SpeechBrain will take.

    Arguments
    ---------
    run_opts : dict
        SpeechBrain's run options.

    Returns
    -------
    torch.device
        The device.

    Example
    -------
    >>> device_of({"device": "cpu"})
    device(type='cpu')
    """
    usual = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(run_opts.get("device") or usual)


def memory_problems(wanted, device):
    """Compares a training step's memory with the device's.

    Arguments
    ---------
    wanted : int
        Bytes, as planned.
    device : torch.device
        Where training runs.

    Returns
    -------
    list of str
        Nothing, or the line that says what to do.

    Example
    -------
    >>> memory_problems(10**18, torch.device("cpu"))
    []
    """
    if device.type != "cuda":
        logger.info("A training step takes about %.2f GB.", wanted / 1e9)
        return []
    has = torch.cuda.get_device_properties(device).total_memory
    logger.info(
        "A training step takes about %.2f GB of the GPU's %.2f GB.",
        wanted / 1e9,
        has / 1e9,
    )
    if wanted <= TOLERANCE * has:
        return []
    return [
        f"memory: a training step takes about {wanted / 1e9:.1f} GB, but "
        f"{torch.cuda.get_device_name(device)} has {has / 1e9:.1f}: give a "
        "smaller --batch_size, gradient_checkpointing, a base of four bits or "
        "--fsdp True (docs/speed.md, On cards of 24 GB)."
    ]


def check_release(folder, trust_code=False):
    """Asks everything that can be asked before a release is loaded.

    Arguments
    ---------
    folder : str or pathlib.Path
        The release.
    trust_code : bool
        Whether its YAML may call any Python.

    Raises
    ------
    RecipeError
        With a line a problem.
    OSError
        If a file is missing.
    ValueError
        If its YAML wants more than a release needs, or its tensors are cut.
    """
    if trust_code:
        path = Path(folder) / "hyperparams.yaml"
        text = path.read_text(encoding="utf-8")
    else:
        text = read_release(folder)
    settings = read_plain(text)
    check_weights(Path(folder) / WEIGHTS)
    found = look_at_all(needed_sources(text, settings))
    refuse(found, smaller_problems(settings))
    refuse(found, disk_problems(downloads(found) + conversions(found)))
