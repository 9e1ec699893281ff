"""The embedded default: small real models and made corpora, cached once."""

import os
from pathlib import Path


def cache_folder():
    """Names the folder in which the small models and corpora are kept.

    Returns
    -------
    pathlib.Path
        ``$SPEECHBRAIN_RELM_CACHE``, or ``~/.cache/speechbrain_relm``.

    Example
    -------
    >>> cache_folder().is_absolute()
    True
    """
    default = Path.home() / ".cache" / "speechbrain_relm"
    return Path(os.environ.get("SPEECHBRAIN_RELM_CACHE", default)).resolve()
