"""Released checkpoints by hub id or folder, converted once into the cache.

Authors
 * The speechbrain_relm contributors 2026
"""

import hashlib

from speechbrain_relm.convert.commands import convert_qwen
from speechbrain_relm.convert.weights import read_json
from speechbrain_relm.files import cache_folder, make_once
from speechbrain_relm.hub import model_folder, model_name, wanted
from speechbrain_relm.pretrained import building_without_weights

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
