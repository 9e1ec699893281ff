"""A run's models from their sizes alone, before a weight is downloaded.

Authors
 * The speechbrain_relm contributors 2026
"""

import tempfile
from fnmatch import fnmatch

import torch
from hyperpyyaml import load_hyperpyyaml
from speechbrain.nnet.adapters import AdaptedModel

from speechbrain_relm.lobes.epitome_classifier import share_encoders
from speechbrain_relm.model.re_llm import RELLM
from speechbrain_relm.runs.experiment import read_settings
from speechbrain_relm.runs.needs import needed_yaml
from speechbrain_relm.runs.settings.checking import check_settings
from speechbrain_relm.runs.systems import effective_yaml
from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.plain_yaml import read_plain, settings_of
from speechbrain_relm.utils.sources.pretrained import without_weights

# The steps whose models are planned for.
PLANNED = ["fit", "transcribe", "respond"]


def build_without_weights(hparams_file, overrides, device="meta"):
    """Builds the objects of a YAML from their sizes alone.

    Arguments
    ---------
    hparams_file : str
        The YAML.
    overrides : dict
        Setting to value.
    device : str
        "meta" gives models without data, another device random weights.

    Returns
    -------
    dict
        The loaded YAML.

    Raises
    ------
    RecipeError
        If its values cannot work.

    Example
    -------
    >>> path = "recipes/ESD/hparams/re_llm.yaml"
    >>> hparams = build_without_weights(path, {})
    >>> hparams["model"].speech_encoder.output_size
    1280
    """
    with tempfile.TemporaryDirectory() as folder:
        settings = {"data_folder": "none", "output_folder": folder, **overrides}
        text = effective_yaml(hparams_file, settings)
        check_settings(read_settings(text, {}), hparams_file)
        return outline(text, device)


def outline(text, device="meta"):
    """Builds a run's models from their sizes alone.

    Arguments
    ---------
    text : str
        The run's YAML.
    device : str
        See `build_without_weights`.

    Returns
    -------
    dict
        The loaded YAML; what models do not need is null.

    Raises
    ------
    RecipeError
        If the LLM has no layers as those that are to be adapted.
    """
    text = needed_yaml(text, PLANNED)
    # A tokenizer has no size, and would be downloaded.
    without = {n: None for n in ("tokenizer",) if n in settings_of(text)}
    with without_weights(device):
        hparams = load_hyperpyyaml(text, without)
    check_target_layers(hparams.get("llm"), text)
    return hparams


def check_target_layers(llm, text):
    """Refuses an adapter that would adapt nothing, and so learn nothing.

    Arguments
    ---------
    llm : torch.nn.Module or None
        The LLM of a run.
    text : str
        The run's YAML.

    Raises
    ------
    RecipeError
        If a pattern of `target_layers` matches no layer.

    Example
    -------
    >>> check_target_layers(None, "")
    """
    if not isinstance(llm, AdaptedModel):
        return
    layers = {
        name: layer
        for name, layer in llm.adapted_model.named_modules()
        if name in llm.replace_layers or isinstance(layer, torch.nn.Linear)
    }
    for pattern in read_plain(text)["llm"].get("target_layers", []):
        if not any(fnmatch(name, pattern) for name in layers):
            kinds = dict.fromkeys(
                name.rpartition(".")[2]
                for name in layers
                if "adapter_" not in name and "pretrained" not in name
            )
            raise RecipeError(
                f"llm: target_layers: {pattern!r} matches no layer of the LLM, "
                f"whose layers end in {', '.join(kinds)}."
            )


def trains(hparams):
    """Tells whether a run trains.

    Arguments
    ---------
    hparams : dict
        From `outline`.

    Returns
    -------
    bool
        Whether it does, or only answers.

    Example
    -------
    >>> trains({"steps": ["respond"]}), trains({})
    (False, True)
    """
    return "fit" in hparams.get("steps", ["fit"])


def asks_llm(hparams):
    """Tells whether a run's LLM is run, or lends its embedding table only.

    Arguments
    ---------
    hparams : dict
        From `outline`.

    Returns
    -------
    bool
        False for the alignment by words, which makes its own `modules`.

    Example
    -------
    >>> asks_llm({"modules": {"model": None}}), asks_llm({"model": None})
    (True, False)
    """
    return "modules" in hparams


def parts_of(hparams):
    """Names the models of a run.

    Arguments
    ---------
    hparams : dict
        From `outline`.

    Returns
    -------
    dict
        Part to module.
    """
    model = hparams.get("model")
    if isinstance(model, RELLM):
        parts = dict(model.named_children())
        parts["emotion_encoder"] = hparams.get("emotion_model")
        if not asks_llm(hparams):
            parts["llm"] = model.llm.model.get_input_embeddings()
    elif model is not None:
        parts = {"emotion encoder": model}
    elif "trainings" in hparams:
        together = [hparams["classifier"]() for _ in hparams["trainings"][0]]
        share_encoders(together)
        parts = {"classifiers": torch.nn.ModuleList(together)}
    else:
        parts = {"llm": hparams.get("chat_llm") or hparams["listener"]}
        if hparams.get("transcriber") is not None:
            parts["transcriber"] = hparams["transcriber"]()
    return {name: part for name, part in parts.items() if part is not None}
