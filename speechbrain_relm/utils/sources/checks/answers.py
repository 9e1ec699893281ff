"""What a model hub says of a model, or why it says nothing.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
import time

from huggingface_hub import HfApi, constants, is_offline_mode
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import validate_repo_id

from speechbrain_relm.utils.errors import first_line

ANSWER_WITHIN = 10  # seconds, else the hub is down
SILENCE = 60  # seconds in which a hub that did not answer is not asked again
_SILENT = {}  # such a hub to the end of that time, and what was not had


class Unreachable(OSError):
    """The hub does not answer; what is in the cache may do."""


def is_hub_id(source):
    """Tells whether a source can be meant as a hub id.

    Arguments
    ---------
    source : str
        A source that is no folder here.

    Returns
    -------
    bool
        Whether the hub can be asked for it.

    Example
    -------
    >>> is_hub_id("openai/whisper-large-v2"), is_hub_id("/data/models/qwen")
    (True, False)
    """
    try:
        validate_repo_id(str(source))
    except HFValidationError:
        return False
    return True


def ask(source, revision=None):
    """Asks the hub about a model, and whether it may be downloaded.

    Arguments
    ---------
    source : str
        Hub id.
    revision : str or None
        A commit, branch or tag.

    Returns
    -------
    huggingface_hub.hf_api.ModelInfo
        With the sizes of its files.

    Raises
    ------
    Unreachable
        If the hub does not answer.
    OSError
        If there is no such model, or it may not be downloaded.
    """
    if not is_hub_id(source):
        raise OSError(f"{source} is no folder: check the path.")
    if is_offline_mode():
        raise Unreachable(f"{source} is no folder, and HF_HUB_OFFLINE is set.")
    until, kind = _SILENT.get(constants.ENDPOINT, (0, None))
    if time.monotonic() < until:
        raise _no_answer(source, kind)
    try:
        api = HfApi()
        info = api.model_info(
            source,
            revision=revision,
            files_metadata=True,
            timeout=ANSWER_WITHIN,
        )
        # Whoever may not download a gated model may read about it.
        if info.gated:
            api.auth_check(source)
        return info
    except HfHubHTTPError as error:
        raise _refusal(source, revision, error)
    # An address, a token or a proxy that is none: of no one kind of error.
    except Exception as error:
        raise _no_hub(source, error)


def _refusal(source, revision, error):
    """Makes an error of what the hub says."""
    hub = constants.ENDPOINT
    page, status = f"{hub}/{source}", error.response.status_code
    if isinstance(error, GatedRepoError):
        return OSError(
            f"{source} is gated: ask for access on {page}, then log in with "
            "`hf auth login` (or set HF_TOKEN)."
        )
    if isinstance(error, RevisionNotFoundError):
        return OSError(f"{source} has no revision {revision}: see {page}.")
    if isinstance(error, RepositoryNotFoundError):
        return OSError(
            f"{source} is no folder, and {hub} has no such model: check the "
            "name; for a private one, log in with `hf auth login`."
        )
    if status in (401, 403):
        return OSError(
            f"{source} may not be downloaded ({status}): see {page}, and log "
            "in with `hf auth login`."
        )
    return Unreachable(
        f"{source} is no folder, and {hub} answers {status}: try again later, "
        "or give a folder."
    )


def _no_hub(source, error):
    """Makes an error of what is no answer of a hub's."""
    kind, hub = type(error).__name__, constants.ENDPOINT
    if isinstance(error, (json.JSONDecodeError, KeyError, TypeError)):
        return Unreachable(
            f"{source} is no folder, and {hub} answers like no model hub (the "
            "login page of a network?): open it in a browser, or give a folder."
        )
    if isinstance(error, HTTPError) and kind != "UnsupportedProtocol":
        # A network that swallows what is sent takes its time for each model.
        _SILENT[hub] = time.monotonic() + SILENCE, kind
        return _no_answer(source, kind)
    return Unreachable(
        f"{source} is no folder, and {hub} cannot be asked ({kind}: "
        f"{first_line(error)}): check HF_ENDPOINT, HF_TOKEN and the proxies "
        "of the environment, or give a folder."
    )


def _no_answer(source, kind):
    """Makes the error of a hub that does not answer."""
    return Unreachable(
        f"{source} is no folder, and {constants.ENDPOINT} does not answer "
        f"({kind}): check the network, or give a folder."
    )
