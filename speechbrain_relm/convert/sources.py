"""Released checkpoints by hub id or folder, converted once into the cache.

Authors
 * The speechbrain_relm contributors 2026
"""

import hashlib
from pathlib import Path

from huggingface_hub import snapshot_download
from transformers import PretrainedConfig

from speechbrain_relm.convert.commands import convert_qwen
from speechbrain_relm.files import cache_folder, make_once
from speechbrain_relm.pretrained import building_without_weights

# No code among them.
FILES = ["*.json", "*.safetensors", "*.bin", "qwen.tiktoken"]

# To be raised when a converter changes what it writes.
CONVERSION = 1


def stock_llm(source):
    """Names an LLM that stock transformers loads.

    Arguments
    ---------
    source : str
        Hub id or folder of a causal LM.

    Returns
    -------
    str
        The source itself, or, for a first-generation Qwen, the folder it was
        converted to.

    Example
    -------
    >>> folder = getfixture("qwen_folder")
    >>> stock_llm(folder) == folder
    True
    """
    if building_without_weights():
        return source
    # Read as a plain dict: the class it names would be remote code.
    config, _ = PretrainedConfig.get_config_dict(source)
    if config.get("model_type") != "qwen":
        return source
    return str(converted(source, convert_qwen))


def converted(source, convert):
    """Converts a released checkpoint once.

    Arguments
    ---------
    source : str
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
    folder = released_folder(source)
    files = sorted(
        (path.name, path.stat().st_size, int(path.stat().st_mtime))
        for pattern in FILES
        for path in folder.glob(pattern)
    )
    settings = {
        "source": str(source),
        "converter": convert.__name__,
        "version": CONVERSION,
        "files": [list(file) for file in files],
    }
    digest = hashlib.sha256(str(settings).encode()).hexdigest()[:12]
    name = f"{Path(source).name}-{digest}"
    return make_once(
        cache_folder() / "converted" / name,
        settings,
        lambda target: convert(folder, target),
    )


def released_folder(source, *more):
    """Finds a released checkpoint on disk, or downloads it.

    Arguments
    ---------
    source : str
        Hub id or folder.
    *more : str
        Patterns of other files that are wanted from the hub.

    Returns
    -------
    pathlib.Path
        Its folder; of a download, weights and settings only, no code.

    Raises
    ------
    OSError
        If it is no folder and the hub does not have it.

    Example
    -------
    >>> folder = getfixture("qwen_folder")
    >>> str(released_folder(folder)) == str(folder)
    True
    """
    if Path(source).is_dir():
        return Path(source)
    try:
        patterns = [*FILES, *more]
        return Path(snapshot_download(str(source), allow_patterns=patterns))
    except (OSError, ValueError) as error:
        raise OSError(
            f"{source} is no folder, and the Hugging Face hub did not give it "
            f"({type(error).__name__}): check the name and the network, or "
            "download it elsewhere and give its folder."
        )
