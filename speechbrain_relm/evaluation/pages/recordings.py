"""The recordings that a run answered, for its pages.

Authors
 * The speechbrain_relm contributors 2026
"""

import contextlib
from pathlib import Path

from hyperpyyaml import resolve_references
from ruamel.yaml import YAMLError

from speechbrain_relm.data.datasets import read_manifest
from speechbrain_relm.evaluation.pages.page import data_uri
from speechbrain_relm.utils.plain_yaml import read_plain
from speechbrain_relm.utils.sound.wav_bytes import wav_bytes
from speechbrain_relm.utils.text.reading import read_text


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
        with contextlib.suppress(OSError, ValueError, KeyError, YAMLError):
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
        If the manifest is none.

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
    settings = read_plain(resolve_references(read_text(recipe)).read())
    manifest = folder / "manifests" / "test.json"
    if not manifest.is_file():
        manifest = Path(settings["manifest_folder"], "test.json")
    data_folder = data_folder or settings["data_folder"]
    # Where the corpus was moved, each wav would be missed by itself.
    if not Path(data_folder).is_dir():
        raise FileNotFoundError(
            f"{data_folder}, the corpus of {folder}, is no folder: name it by "
            "--data_folder."
        )
    entries = read_manifest(manifest, data_folder, None)
    return {utterance: entry["wav"] for utterance, entry in entries.items()}
