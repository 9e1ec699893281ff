"""A finished run as a release: a folder that `EmpatheticListener` loads.

It holds the trained tensors, an inference YAML cut out of the run's own, and
a model card. Base models are named with the checksums of their weights.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
import re
import shutil
from pathlib import Path

from speechbrain.utils.logger import get_logger

from speechbrain_relm.base_models import describe
from speechbrain_relm.files import whole_folder
from speechbrain_relm.initialization import start_names
from speechbrain_relm.model import trained
from speechbrain_relm.plain_yaml import read_plain

logger = get_logger(__name__)

# The name that SpeechBrain expects, in safetensors format.
WEIGHTS = "model.ckpt"
# What the interface needs; whatever these refer to comes along.
NEEDED = (
    "emotions",
    "response_system",
    "response_steering",
    "response_instruction",
    "response_settings",
    "recognition_system",
    "recognition_instruction",
    "emotion_encoder",
    "model",
)
_REFERENCE = re.compile(r"<([A-Za-z_]\w*)[^<>\n]*>")

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
    with whole_folder(folder) as partial:
        shutil.copyfile(weights, partial / WEIGHTS)
        size = (partial / WEIGHTS).stat().st_size
        for name, content in (
            ("hyperparams.yaml", inference),
            ("README.md", write_card(bases, size)),
        ):
            (partial / name).write_text(content, encoding="utf-8")
    total = sum(file.stat().st_size for file in folder.iterdir())
    logger.info(
        "%s is a release: %.1f MB, %d trained tensors; base models: %s.",
        folder,
        total / 1e6,
        len(trained(model)),
        ", ".join(base["source"] for base in bases.values()),
    )
    return folder


def start_is_needed(model, source):
    """Tells whether a start gave the model tensors that it did not train.

    Arguments
    ---------
    model : speechbrain_relm.model.RELLM
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
    return bool(names & start_names(source) - set(trained(model)))


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


def settings_of(text):
    """Splits a YAML into its settings.

    Arguments
    ---------
    text : str
        The YAML, as `speechbrain_relm.systems.effective_yaml` writes it.

    Returns
    -------
    dict
        Setting to its lines, comments on lines of their own left out.

    Example
    -------
    >>> settings_of("# Title\\na: 1\\nb:\\n- 2\\n")
    {'a': 'a: 1\\n', 'b': 'b:\\n- 2\\n'}
    """
    blocks, name = {}, None
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        start = re.match(r"(\w+):", line)
        name = start.group(1) if start else name
        blocks[name] = blocks.get(name, "") + line + "\n"
    return blocks


def referred_to(names, blocks):
    """Collects settings and whatever they refer to.

    Arguments
    ---------
    names : iterable of str
        Settings.
    blocks : dict
        From `settings_of`.

    Returns
    -------
    set of str
        These and all that they refer to.

    Example
    -------
    >>> blocks = {"a": "a: !ref <b>\\n", "b": "b: 1\\n", "c": "c: 2\\n"}
    >>> sorted(referred_to(["a"], blocks))
    ['a', 'b']
    """
    kept, todo = set(), list(names)
    while todo:
        name = todo.pop()
        if name not in kept:
            kept.add(name)
            todo += [n for n in _REFERENCE.findall(blocks[name]) if n in blocks]
    return kept


def name_sources(blocks):
    """Gives a source that is written inside an object a setting of its own.

    Arguments
    ---------
    blocks : dict
        From `settings_of`.

    Returns
    -------
    dict
        The same with these settings, each before its object.

    Example
    -------
    >>> block = "encoder: !new:WavLM\\n    source: microsoft/wavlm-large\\n"
    >>> for block in name_sources({"encoder": block}).values():
    ...     print(block, end="")
    encoder_source: microsoft/wavlm-large
    encoder: !new:WavLM
        source: !ref <encoder_source>
    """
    found = {}
    for name, block in blocks.items():
        inside = re.search(r"^( +source: )(?!!|null)(.*)$", block, re.M)
        if inside:
            before, value = inside.groups()
            found[f"{name}_source"] = f"{name}_source: {value}\n"
            block = block.replace(
                inside.group(), f"{before}!ref <{name}_source>"
            )
        found[name] = block
    return found


def is_source(name):
    """Tells whether a setting names a base model.

    Arguments
    ---------
    name : str
        The setting.

    Returns
    -------
    bool
        Whether it does.

    Example
    -------
    >>> is_source("llm_source"), is_source("llm")
    (True, False)
    """
    return name == "init_from" or name.endswith("_source")


def literal(block):
    """Reads the value of a plain setting.

    Arguments
    ---------
    block : str
        Its line.

    Returns
    -------
    object
        The value.

    Example
    -------
    >>> literal("llm_source: Qwen/Qwen-7B-Chat  # a hub id")
    'Qwen/Qwen-7B-Chat'
    """
    (value,) = read_plain(block).values()
    return value


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
        f"checked_{name}: !apply:speechbrain_relm.base_models.base_model",
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
