"""Released checkpoints by hub id or folder, converted once into the cache.

Authors
 * The speechbrain_relm contributors 2026
"""

import hashlib
import shutil

from speechbrain.utils.logger import get_logger

from speechbrain_relm.utils.disk.downloads import read_json
from speechbrain_relm.utils.files import cache_folder, make_once
from speechbrain_relm.utils.limits import gigabytes
from speechbrain_relm.utils.sources.hub import model_folder, model_name, wanted
from speechbrain_relm.utils.sources.pretrained import building_without_weights
from speechbrain_relm.utils.sources.qwen_folder import plan_qwen, write_qwen

logger = get_logger(__name__)

# To be raised when a converter changes what it writes.
CONVERSION = 2


def stock_llm(source):
    """Names an LLM that stock transformers loads.

    Arguments
    ---------
    source : str
        Hub id or folder of a causal LM.

    Returns
    -------
    str
        Its folder, or, for a first-generation Qwen, the folder it was
        converted to.

    Example
    -------
    >>> folder = getfixture("qwen_folder")
    >>> stock_llm(folder) == folder
    True
    """
    if building_without_weights():
        return source
    folder = model_folder(source)
    # Read as a plain dict: the class it names would be remote code.
    if read_json(folder / "config.json").get("model_type") != "qwen":
        return str(folder)
    return str(converted(folder, convert_qwen))


def converted(source, convert):
    """Converts a released checkpoint once.

    Arguments
    ---------
    source : str or pathlib.Path
        Hub id or folder.
    convert : callable
        One of `speechbrain_relm.convert.commands`: source and empty target
        folder.

    Returns
    -------
    pathlib.Path
        The converted folder, in the cache.

    Raises
    ------
    OSError
        If the source is no folder and the hub does not have it.
    """
    folder = model_folder(source)
    target, settings = conversion_of(folder, convert)
    return make_once(
        target, settings, lambda fresh: convert(folder, fresh), resume=True
    )


def conversion_of(folder, convert):
    """Names the folder of a conversion, which may not be there yet.

    Arguments
    ---------
    folder : pathlib.Path
        The released folder.
    convert : callable
        See `converted`.

    Returns
    -------
    target : pathlib.Path
        In the cache.
    settings : dict
        All that decides its content.

    Example
    -------
    >>> folder = model_folder(getfixture("qwen_folder"))
    >>> conversion_of(folder, convert_qwen)[0].parent.name
    'converted'
    """
    files = [
        (
            name,
            (folder / name).stat().st_size,
            int((folder / name).stat().st_mtime),
        )
        for name in wanted(path.name for path in folder.iterdir())
    ]
    settings = {
        "source": str(folder.resolve()),
        "converter": convert.__name__,
        "version": CONVERSION,
        "files": [list(file) for file in files],
    }
    digest = hashlib.sha256(str(settings).encode()).hexdigest()[:12]
    name = f"{model_name(folder)}-{digest}"
    return cache_folder() / "converted" / name, settings


def convert_qwen(source, target):
    """Converts a first-generation Qwen to a stock Qwen2.

    Arguments
    ---------
    source : pathlib.Path
        Released folder.
    target : pathlib.Path
        An empty folder.

    Raises
    ------
    OSError
        If a file is missing or the disk too full.
    ValueError
        If a file is damaged or of another model.
    """
    transfer, config = plan_qwen(source)
    state_needs(transfer, ["llm"], target)
    write_qwen(source, target, transfer, config)


def state_needs(transfer, lobes, target):
    """Says what a conversion reads, writes and needs, before it starts.

    Arguments
    ---------
    transfer : speechbrain_relm.utils.sources.streamed.Transfer
        What is converted.
    lobes : iterable of str
        The lobes that are written.
    target : pathlib.Path
        Where to.

    Raises
    ------
    OSError
        If the disk has less space than that.
    """
    weights, written = transfer.weights, transfer.bytes_of(lobes)
    free = shutil.disk_usage(target).free
    logger.info(
        "%s: reads %s in %d files, writes %s (%s are free), takes at most "
        "about %s of memory.",
        weights.folder,
        gigabytes(weights.total),
        len(weights.shards),
        gigabytes(written),
        gigabytes(free),
        gigabytes(weights.largest_shard),
    )
    if written > free:
        raise OSError(
            f"The conversion writes {gigabytes(written)}, but only "
            f"{gigabytes(free)} are free beside {target.parent}: name a "
            "target on another disk."
        )
