"""The recordings that a run answered, for its pages.

Authors
 * The speechbrain_relm contributors 2026
"""

import contextlib
import re
from pathlib import Path

from ruamel.yaml import YAMLError

from speechbrain_relm.data.datasets import read_manifest
from speechbrain_relm.evaluation.pages.page import data_uri
from speechbrain_relm.utils.plain_yaml import read_plain
from speechbrain_relm.utils.sound.wav_bytes import wav_bytes
from speechbrain_relm.utils.text.reading import read_text

# Of a folder's name, in characters.
LONGEST = 4096
# Of a run's files, or of what they hold.
DAMAGED = (OSError, ValueError, KeyError, RecursionError, YAMLError)


def sound_uri(path):
    """Embeds a recording, as every browser plays it.

    Arguments
    ---------
    path : str
        The recording.

    Returns
    -------
    str
        Address of a 16-bit WAV of 16 kHz: what the systems heard, without
        a loss.

    Example
    -------
    >>> import soundfile
    >>> path = str(getfixture("tmp_path") / "a.wav")
    >>> soundfile.write(path, [0.0, 0.1] * 800, 16000)
    >>> sound_uri(path)[:22]
    'data:audio/wav;base64,'
    """
    return data_uri("audio/wav", wav_bytes(path))


def recordings_of_all(folders, data_folder=None):
    """Finds the test recordings of several finished runs, where they are.

    Arguments
    ---------
    folders : list of str or pathlib.Path
        Their output folders; answers from elsewhere have no recordings.
    data_folder : str or None
        See `recordings_of`.

    Returns
    -------
    dict
        Utterance id to the path of a file.

    Raises
    ------
    FileNotFoundError
        If a corpus is named that is not there.

    Example
    -------
    >>> recordings_of_all([getfixture("tmp_path")])
    {}
    """
    if data_folder is not None and not Path(data_folder).is_dir():
        raise FileNotFoundError(f"--data_folder: {data_folder} is no folder.")
    found = {}
    for folder in folders:
        # A table needs none: a corpus may be on another machine.
        with contextlib.suppress(*DAMAGED):
            found.update(recordings_of(folder, data_folder))
    return {i: path for i, path in found.items() if Path(path).is_file()}


def recordings_of(folder, data_folder=None):
    """Finds the test recordings of a finished run.

    Arguments
    ---------
    folder : str or pathlib.Path
        Its output folder.
    data_folder : str or None
        The corpus; `None` is where the run found it.

    Returns
    -------
    dict
        Utterance id to path, inside the data folder.

    Raises
    ------
    FileNotFoundError
        If the run's settings or its manifest are gone.
    ValueError
        If the manifest is none, or the settings name no folders.

    Example
    -------
    >>> recordings_of(getfixture("tmp_path"))
    Traceback (most recent call last):
    ...
    FileNotFoundError: .../recipe.yaml is missing: name the output folder...
    """
    folder = Path(folder)
    recipe = folder / "recipe.yaml"
    if not recipe.is_file():
        raise FileNotFoundError(
            f"{recipe} is missing: name the output folder of a recipe's run, "
            "which says where its recordings are."
        )
    settings, known = read_plain(read_text(recipe)), {}
    manifest = folder / "manifests" / "test.json"
    if not manifest.is_file():
        named = _named(settings, "manifest_folder", known)
        manifest = Path(named, "test.json")
    data_folder = data_folder or _named(settings, "data_folder", known)
    # Where the corpus was moved, each wav would be missed by itself.
    if not Path(data_folder).is_dir():
        raise FileNotFoundError(
            f"{data_folder}, the corpus of {folder}, is no folder: name it by "
            "--data_folder."
        )
    entries = read_manifest(manifest, data_folder, None)
    return {utterance: entry["wav"] for utterance, entry in entries.items()}


def _named(settings, name, known):
    """Reads a setting that names a folder, by way of what it refers to.

    HyperPyYAML would call whatever function an `!applyref` names, of a run
    that may be somebody else's.
    """
    if name not in known:
        known[name] = None  # until it is found, should it lead to itself
        value = settings.get(name) if isinstance(settings, dict) else None
        if getattr(value, "tag", None) == "!ref" and len(value) <= LONGEST:
            known[name] = re.sub(
                r"<(\w+)>", lambda ref: _named(settings, ref[1], known), value
            )
        elif type(value) in (str, int, float):
            known[name] = str(value)
    found = known[name]
    if found is None or len(found) > LONGEST:
        raise ValueError(
            f"recipe.yaml: {name} is no text: write the name of a folder."
        )
    return found
