"""What is wrong with a model's folder, found without reading its tensors.

Authors
 * The speechbrain_relm contributors 2026
"""

import zipfile

from safetensors.torch import load_file

from speechbrain_relm.utils.disk.downloads import (
    check_file,
    check_weights,
    read_json,
)
from speechbrain_relm.utils.sources.checks.numbers import (
    check_kinds,
    check_numbers,
)
from speechbrain_relm.utils.sources.weights import (
    PART_OF,
    missing_weights,
    outline,
    weights_among,
)

# One of them is a tokenizer's vocabulary.
TOKENIZERS = ("tokenizer.json", "*.model", "vocab.*", "*.tiktoken")
# Settings beside `config.json`, whose errors transformers tells without a name.
SETTINGS = (
    "tokenizer_config.json",
    "special_tokens_map.json",
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
)
# Types of models that a message names.
SHOWN = 3


def check_folder(folder, kinds=(), indexed=False):
    """Makes sure that a model's folder is whole, by headers and sizes.

    Arguments
    ---------
    folder : pathlib.Path
        With `config.json` and weights.
    kinds : sequence of str
        Types of models that it can be, any by default.
    indexed : bool
        Whether weights in several files must have a list of them, as
        transformers wants.

    Raises
    ------
    OSError
        If a file is missing.
    ValueError
        If a file is damaged, two hold the same tensor, a weight is of
        integers, or the model is of another kind.

    Example
    -------
    >>> from pathlib import Path
    >>> check_folder(Path(getfixture("wav2vec2_folder")))
    >>> check_folder(getfixture("tmp_path"))
    Traceback (most recent call last):
    ...
    FileNotFoundError: ...config.json is missing: download the released ...
    """
    config = read_json(folder / "config.json")
    if kinds and config.get("model_type") not in kinds:
        raise ValueError(
            f"{folder} is a model of the type {config.get('model_type')!r} "
            "(config.json): name one of the type "
            f"{' or '.join(sorted(kinds)[:SHOWN])}"
            f"{', or the like' if len(kinds) > SHOWN else ''}."
        )
    _check_settings(folder)
    for name in missing_weights(folder):
        check_file(folder / name)
    names = weights_among(path.name for path in folder.iterdir())
    _refuse_both(folder, names)
    found = {}
    for name in names:
        check_weights(folder / name)
        if name.endswith("bin") and not zipfile.is_zipfile(folder / name):
            continue  # torch's old format would have to be read
        for tensor, shape in outline(folder / name).items():
            if tensor in found and PART_OF.search(name):
                raise ValueError(
                    f"{folder}: '{tensor}' is both in {found[tensor][0]} and "
                    f"in {name}: remove what is left of another download."
                )
            found[tensor] = name, shape
    if "quantization_config" not in config:
        shapes = {tensor: shape for tensor, (_, shape) in found.items()}
        check_kinds(shapes, folder)
    if PART_OF.search(names[0]):
        homes = {tensor: name for tensor, (name, _) in found.items()}
        _check_index(folder, names[0], homes, indexed)


def _check_settings(folder):
    """Reads the settings that are there, which must be mappings."""
    for path in (folder / name for name in SETTINGS):
        if path.exists() and not isinstance(read_json(path), dict):
            raise ValueError(
                f"{path} holds no settings: download the released folder whole."
            )


def _refuse_both(folder, names):
    """Refuses a folder that holds its weights whole and in pieces."""
    kind = names[0].rpartition(".")[2]
    beside = [
        path.name
        for path in folder.glob(f"*.{kind}")
        if PART_OF.search(path.name)
    ]
    if beside and not PART_OF.search(names[0]):
        raise ValueError(
            f"{folder} holds its weights twice, in {names[0]} and in "
            f"{min(beside)}: remove what is left of another download."
        )


def _check_index(folder, first, homes, indexed):
    """Compares weights in several files with the list of them."""
    stem, kind = first.partition("-")[0], first.rpartition(".")[2]
    path = folder / f"{stem}.{kind}.index.json"
    if not indexed and not path.is_file():
        return
    listed = read_json(path).get("weight_map", {})
    wrong = {t for t in {*listed, *homes} if listed.get(t) != homes.get(t)}
    if homes and wrong:
        raise ValueError(
            f"{path} does not fit the files that it lists: '{min(wrong)}' is "
            "elsewhere or missing: download the released folder whole."
        )


def check_tokenizer(folder):
    """Makes sure that a folder has a tokenizer.

    Arguments
    ---------
    folder : pathlib.Path
        The folder.

    Raises
    ------
    OSError
        If it has none.
    ValueError
        If its file is empty or cut.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "tokenizer.json").write_text('{"version": "1.0", ')
    >>> check_tokenizer(folder)
    Traceback (most recent call last):
    ...
    ValueError: ...tokenizer.json is cut short: download it again.
    """
    files = [file for kind in TOKENIZERS for file in folder.glob(kind)]
    if not files:
        raise FileNotFoundError(
            f"{folder} has no tokenizer (e.g. {TOKENIZERS[0]}): download the "
            "released folder whole."
        )
    _check_settings(folder)
    for file in files:
        check_file(file)
        if file.suffix == ".json":
            with open(file, "rb") as stream:
                stream.seek(-min(64, file.stat().st_size), 2)
                if not stream.read().rstrip().endswith((b"}", b"]")):
                    raise ValueError(f"{file} is cut short: download it again.")


def check_template(folder):
    """Makes sure that an LLM's folder has a chat template.

    Arguments
    ---------
    folder : pathlib.Path
        With a tokenizer.

    Raises
    ------
    ValueError
        If it has none.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "tokenizer_config.json").write_text("{}")
    >>> check_template(folder)
    Traceback (most recent call last):
    ...
    ValueError: ... has no chat template: use the instruction-tuned model...
    """
    if any(folder.glob("*.tiktoken")):  # a first-generation Qwen's is known
        return
    settings = folder / "tokenizer_config.json"
    kept = read_json(settings) if settings.is_file() else {}
    beside = ("chat_template.jinja", "chat_template.json")
    if not kept.get("chat_template") and not any(
        (folder / name).is_file() for name in beside
    ):
        raise ValueError(
            f"{folder} has no chat template: use the instruction-tuned model, "
            "or add chat_template.jinja."
        )


def read_tensors(path):
    """Reads a safetensors file of trained tensors.

    Arguments
    ---------
    path : str or pathlib.Path
        The file, of any ending.

    Returns
    -------
    dict
        Names to tensors.

    Raises
    ------
    OSError
        If it is missing.
    ValueError
        If it is damaged or of another format, or its tensors hold integers
        or what is no number.

    Example
    -------
    >>> import torch
    >>> from safetensors.torch import save_file
    >>> path = getfixture("tmp_path") / "model.ckpt"
    >>> save_file({"a": torch.ones(2)}, path)
    >>> read_tensors(path)
    {'a': tensor([1., 1.])}
    >>> torch.save({"a": torch.ones(2)}, path)
    >>> read_tensors(path)
    Traceback (most recent call last):
    ...
    ValueError: ...model.ckpt is truncated or no weight file (its header ...
    """
    check_weights(path)
    tensors = load_file(path)
    check_kinds(tensors, path)
    check_numbers(tensors.items(), path)
    return tensors
