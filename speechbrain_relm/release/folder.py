"""A finished run as a release: a folder that `EmpatheticListener` loads.

It holds the trained tensors, an inference YAML cut out of the run's own, and
a model card. Base models are named with the checksums of their weights.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
import shutil
from pathlib import Path

from speechbrain.utils.logger import get_logger

from speechbrain_relm.model.trained import trainable_parameters
from speechbrain_relm.release.needed import NEEDED
from speechbrain_relm.release.opening import MADE, read_release
from speechbrain_relm.training.initialization import start_names
from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.files import sha256, whole_folder
from speechbrain_relm.utils.plain_yaml import (
    is_source,
    literal,
    name_sources,
    referred_to,
    settings_of,
)
from speechbrain_relm.utils.provenance.digests import checksum, file_digests
from speechbrain_relm.utils.provenance.stamps import (
    content,
    differences,
    old_name,
    read_stamp,
    write_stamp,
)
from speechbrain_relm.utils.sources.base_models import describe

logger = get_logger(__name__)

# The name that SpeechBrain expects, in safetensors format.
WEIGHTS = "model.ckpt"

_HEAD = """\
# Made by the recipe's step 'release', for speechbrain_relm.inference.re_llm.
# Base models elsewhere: overrides={"llm_source": FOLDER}, and so on.
"""
_TAIL = """\
modules:
    model: !ref <model>
    emotion_encoder: !ref <emotion_encoder>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        model: !ref <model>
"""


def write_release(folder, text, hparams, weights, write_card):
    """Writes the release of a trained system.

    Arguments
    ---------
    folder : str or pathlib.Path
        The folder to make, or to make anew.
    text : str
        The run's YAML.
    hparams : dict
        The same, loaded; of `model` the outline is enough.
    weights : str or pathlib.Path
        What `model.save_trained` wrote: the trained tensors.
    write_card : callable
        Base models (setting to description) and size in bytes to the text of
        the model card.

    Returns
    -------
    pathlib.Path
        The folder.
    """
    model, folder = hparams["model"], Path(folder)
    start = start_is_needed(model, hparams.get("init_from"))
    needed = [*NEEDED, "__start"] if start else NEEDED
    inference, bases = inference_yaml(text, hparams, needed)
    size = Path(weights).stat().st_size
    files = {
        "hyperparams.yaml": inference,
        "README.md": write_card(bases, size),
    }
    inputs = {"weights": content(checksum(weights), weights), **files}
    if folder.exists() and not _is_to_be_made(folder, inputs):
        return folder
    with whole_folder(folder) as partial:
        shutil.copyfile(weights, partial / WEIGHTS)
        for name, text in files.items():
            (partial / name).write_text(text, encoding="utf-8")
        made = {f.name: sha256(f) for f in sorted(partial.iterdir())}
        write_stamp(partial, {**inputs, MADE: made})
    try:
        read_release(folder)
    except ValueError as error:
        logger.warning("Others can open this release only so: %s", error)
    total = sum(file.stat().st_size for file in folder.iterdir())
    logger.info(
        "%s is a release: %.1f MB, %d trained tensors; base models: %s.",
        folder,
        total / 1e6,
        len(trainable_parameters(model)),
        ", ".join(base["source"] for base in bases.values()),
    )
    return folder


def _is_to_be_made(folder, inputs):
    """Puts a release of another run aside; False if it is this run's."""
    before = read_stamp(folder)
    made = (before or {}).pop(MADE, {})
    there = [name for name in made if (folder / name).is_file()]
    edited = before is None or file_digests(folder, there) != made
    if not edited and not differences(before, inputs):
        return False
    aside = old_name(folder, before)
    folder.rename(aside)
    logger.warning(
        "%s %s: it is kept as %s.",
        folder,
        "was edited" if edited else "is of another run",
        aside.name,
    )
    return True


def trained_weights(folder, checkpointer, choosing):
    """Names the trained tensors of a finished run.

    Arguments
    ---------
    folder : pathlib.Path
        Its output folder.
    checkpointer : speechbrain.utils.checkpoints.Checkpointer or None
        Its checkpoints; `None` if it trains nothing.
    choosing : callable
        Gives what chooses the best one, e.g. `{"min_key": "loss"}`.

    Returns
    -------
    pathlib.Path
        The file in the best checkpoint, which need not be loaded.

    Raises
    ------
    RecipeError
        If there is nothing that learned, or no report of it.

    Example
    -------
    >>> trained_weights(getfixture("tmp_path"), None, dict)
    Traceback (most recent call last):
    ...
    speechbrain_relm.utils.errors.RecipeError: ... has no trained model to release...
    """
    checkpoint = None
    if checkpointer is not None:
        checkpoint = checkpointer.find_checkpoint(**choosing())
    if checkpoint is None:
        raise RecipeError(
            f"{folder} has no trained model to release: run the step 'fit', "
            "or leave 'release' out of `steps`."
        )
    if not (folder / "table.csv").is_file():
        raise RecipeError(
            f"{folder / 'table.csv'} is missing, which the model card shows: "
            "run the step 'report'."
        )
    return checkpoint.paramfiles["model"]


def start_is_needed(model, source):
    """Tells whether a start gave the model tensors that it did not train.

    Arguments
    ---------
    model : speechbrain_relm.model.re_llm.RELLM
        The trained model.
    source : str or None
        Where its training started.

    Returns
    -------
    bool
        Whether a release has to start there too.

    Example
    -------
    >>> start_is_needed(None, None)
    False
    """
    if source is None:
        return False
    names = {name for name, _ in model.named_parameters()}
    return bool(names & start_names(source) - set(trainable_parameters(model)))


def inference_yaml(text, hparams, needed=NEEDED):
    """Cuts what inference needs out of a run's YAML.

    Arguments
    ---------
    text : str
        The run's YAML.
    hparams : dict
        The same, loaded.
    needed : sequence of str
        Settings to keep, with all that they refer to.

    Returns
    -------
    inference : str
        The YAML of the release.
    bases : dict
        Base model's setting to its description.
    """
    blocks = name_sources(settings_of(text))
    reached = referred_to(needed, blocks)
    kept = [name for name in blocks if name in reached]
    live = {
        name: hparams[name] if name in hparams else literal(blocks[name])
        for name in kept
        if is_source(name)
    }
    bases = {n: describe(source) for n, source in live.items() if source}
    written = [_HEAD]
    for name in kept:
        block = blocks[name]
        if name in bases:
            if "!apply:" not in block:  # such a one is made on any machine
                block = f"{name}: {json.dumps(bases[name]['source'])}\n"
            block += checking(name, bases[name])
        else:
            for base in bases:
                block = block.replace(f"<{base}>", f"<checked_{base}>")
        written.append(block)
    return "".join([*written, _TAIL]), bases


def checking(name, base):
    """Writes the look at a base model's weights.

    Arguments
    ---------
    name : str
        Its setting.
    base : dict
        Its description.

    Returns
    -------
    str
        Lines of YAML.
    """
    lines = [
        f"checked_{name}: !apply:speechbrain_relm.utils.sources.base_models.base_model",
        f"    name: {name}",
        f"    source: !ref <{name}>",
        f"    trained_with: {json.dumps(base['source'])}",
        f"    revision: {json.dumps(base['revision'])}",
        "    sha256:",
    ]
    lines += [
        f"        {json.dumps(file)}: {json.dumps(checksum)}"
        for file, checksum in base["sha256"].items()
    ]
    return "\n".join(lines) + "\n"
