"""Models by hub id: which files are wanted, and the folder that has them.

All of the project loads from folders. A hub id becomes one here, once, so
that no library asks for files that nobody reads, twice, or in two revisions.

Authors
 * The speechbrain_relm contributors 2026
"""

import functools
import glob
import json
import time
from fnmatch import fnmatch
from pathlib import Path

from huggingface_hub import (
    HfApi,
    constants,
    hf_hub_download,
    is_offline_mode,
    snapshot_download,
    try_to_load_from_cache,
)
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
from speechbrain_relm.utils.sources.weights import NOT_WEIGHTS, series_of

# The first kind that a model has is what is loaded.
WEIGHTS = (
    "model.safetensors",
    "model-*-of-*.safetensors",
    "*.safetensors",
    "pytorch_model.bin",
    "pytorch_model-*-of-*.bin",
    "*.bin",
    "*.ckpt",
)
# Settings, tokenizers and what a model card needs; no code.
_BESIDE = ("*.json", "*.txt", "*.model", "*.tiktoken", "*.jinja", "*.yaml")
_BESIDE += ("README.md", "LICENSE*")
# What every model of ours and of transformers' has, one of them.
SETTINGS = ("config.json", "hyperparams.yaml")
# What our converter leaves of a speech LLM: `init_from` reads these folders.
CONVERSION = "conversion.json"
START = ("trained", "whisper")
ANSWER_WITHIN = 10  # seconds, else the hub is down
SILENCE = 60  # seconds in which a hub that did not answer is not asked again
_SILENT = {}  # such a hub to the end of that time, and what was not had


class Unreachable(OSError):
    """The hub does not answer; what is in the cache may do."""


def weights_among(names):
    """Picks the weights of one format.

    Arguments
    ---------
    names : iterable of str
        Names of files, without folders.

    Returns
    -------
    list of str
        Those that are loaded, without an index.

    Example
    -------
    >>> weights_among(["model.safetensors", "pytorch_model.bin", "a.json"])
    ['model.safetensors']
    >>> weights_among(["training_args.bin", "model-1-of-1.bin"])
    ['model-1-of-1.bin']
    """
    names = sorted(n for n in names if not n.startswith(NOT_WEIGHTS))
    for pattern in WEIGHTS:
        found = [name for name in names if fnmatch(name, pattern)]
        if found:
            return found
    return []


def wanted(paths):
    """Picks what a model is loaded from.

    Arguments
    ---------
    paths : iterable of str
        Paths of a repository's files.

    Returns
    -------
    list of str
        Weights in one format, settings and tokenizer, which may have a
        folder of its own; nothing of training or of other frameworks.

    Example
    -------
    >>> wanted(
    ...     [
    ...         "config.json",
    ...         "model.safetensors",
    ...         "model.fp32.safetensors",
    ...         "tf_model.h5",
    ...         "onnx/model.safetensors",
    ...         "modeling_qwen.py",
    ...         "pytorch_model.bin.index.json",
    ...         "trainer_state.json",
    ...     ]
    ... )
    ['config.json', 'model.safetensors']
    >>> wanted(path for path in ["tokenizer/vocab.txt", "a/b.json", "c.bin"])
    ['c.bin', 'tokenizer/vocab.txt']
    """
    paths = sorted(paths)
    weights = weights_among(path for path in paths if "/" not in path)
    kinds = {name.rpartition(".")[2] for name in weights if "-of-" in name}
    indexes = tuple(f".{kind}.index.json" for kind in kinds)
    kept = []
    for path in paths:
        folder, _, name = path.rpartition("/")
        if folder not in ("", "tokenizer") or name == "trainer_state.json":
            continue
        if name.endswith(".index.json"):
            beside = name.endswith(indexes)
        else:
            beside = any(fnmatch(name, pattern) for pattern in _BESIDE)
        if beside or path in weights:
            kept.append(path)
    return kept


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
        info = HfApi().model_info(
            source,
            revision=revision,
            files_metadata=True,
            timeout=ANSWER_WITHIN,
        )
        # Whoever may not download a gated model may read about it.
        if info.gated:
            HfApi().auth_check(source)
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


def cached(source, revision=None):
    """Finds what the cache has of a model, without any network.

    Arguments
    ---------
    source : str
        Hub id.
    revision : str or None
        A commit, branch or tag.

    Returns
    -------
    pathlib.Path or None
        The folder; some of its files may be missing.

    Example
    -------
    >>> cached("nobody/has-this") is None
    True
    """
    if not is_hub_id(source):
        return None
    for name in SETTINGS:
        file = try_to_load_from_cache(str(source), name, revision=revision)
        if isinstance(file, str):
            return Path(file).parent
    return None


def missing_weights(folder):
    """Lists the weight files that a folder should have and has not.

    Arguments
    ---------
    folder : pathlib.Path
        The folder.

    Returns
    -------
    list of str
        Their names.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "model-00001-of-00002.safetensors").write_text("")
    >>> missing_weights(folder)
    ['model-00002-of-00002.safetensors']
    """
    found = weights_among(path.name for path in folder.iterdir())
    if not found:
        return [WEIGHTS[0]]
    whole = {part for name in found for part in series_of(name)}
    return sorted(whole.difference(found))


@functools.lru_cache(maxsize=None)
def _downloaded(source, revision):
    """Downloads what is wanted and missing."""
    try:
        info = ask(source, revision)
    except Unreachable:
        folder = cached(source, revision)
        if folder is None or missing_weights(folder):
            raise
        return folder
    names = wanted(file.rfilename for file in info.siblings)
    try:
        return Path(
            snapshot_download(
                source,
                revision=revision,
                allow_patterns=[glob.escape(name) for name in names],
            )
        )
    except (OSError, HTTPError) as error:
        raise OSError(
            f"{source}: the download stopped ({first_line(error)}). Start "
            "again: files that are whole are kept."
        )


def model_folder(source, revision=None):
    """Names the folder of a model, downloaded if it is not here.

    Arguments
    ---------
    source : str
        Hub id or folder.
    revision : str or None
        Of a hub id: a commit, branch or tag.

    Returns
    -------
    pathlib.Path
        The folder. Of a download it has what `wanted` picks.

    Raises
    ------
    OSError
        If there is no such model, or the hub does not give it.

    Example
    -------
    >>> folder = getfixture("wav2vec2_folder")
    >>> str(model_folder(folder)) == folder
    True
    """
    if Path(source).is_dir():
        return Path(source)
    return _downloaded(str(source), revision)


def model_name(folder):
    """Names a model by its folder.

    Arguments
    ---------
    folder : pathlib.Path
        From `model_folder`.

    Returns
    -------
    str
        The folder's name; in the hub's cache, the model's.

    Example
    -------
    >>> model_name(Path("models--Qwen--Qwen-7B-Chat/snapshots/8d24619b"))
    'Qwen-7B-Chat'
    """
    if folder.parent.name == "snapshots":
        return folder.parents[1].name.rpartition("--")[2]
    return folder.name


@functools.lru_cache(maxsize=None)
def settings_folder(source):
    """Names a folder with a model's `config.json`; weights may be missing.

    Arguments
    ---------
    source : str
        Hub id or folder.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    OSError
        If there is no such model, or the hub does not give it.

    Example
    -------
    >>> settings_folder("/no/folder")
    Traceback (most recent call last):
    ...
    OSError: /no/folder is no folder: check the path.
    """
    folder = Path(source) if Path(source).is_dir() else cached(source)
    if folder is None:
        ask(source)
        folder = Path(hf_hub_download(source, SETTINGS[0])).parent
    return folder


def weight_files(source, revision=None):
    """Finds the files that hold a model's weights.

    Arguments
    ---------
    source : str
        Hub id, folder or file.
    revision : str or None
        Of a hub id: the commit.

    Returns
    -------
    folder : pathlib.Path
        Where they are.
    names : list of str
        Their paths in it.

    Raises
    ------
    OSError
        If there is no such source, or it has no weights.

    Example
    -------
    >>> weight_files(getfixture("wav2vec2_folder"))[1]
    ['model.safetensors']
    """
    path = Path(source)
    if path.is_file():
        return path.parent, [path.name]
    folder = model_folder(source, revision)
    rooms = START if (folder / CONVERSION).is_file() else [""]
    found = [
        f"{room}/{name}".lstrip("/")
        for room in rooms
        for name in weights_among(f.name for f in (folder / room).iterdir())
    ]
    if not found:
        raise OSError(f"{folder} holds no weights.")
    return folder, found
