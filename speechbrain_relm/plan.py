"""What a YAML's system needs, before a weight is downloaded.

    python -m speechbrain_relm.plan recipes/ESD/hparams/re_llm.yaml

Builds the system of the YAML without data and prints its parameters, what is
trained, the memory of a training step and the size of a checkpoint.

Authors
 * The speechbrain_relm contributors 2026
"""

import argparse
import copy
import sys
import tempfile
from pathlib import Path

import speechbrain as sb
import torch
from hyperpyyaml import load_hyperpyyaml

from speechbrain_relm.activations import activation_bytes
from speechbrain_relm.errors import RecipeError
from speechbrain_relm.experiment import find_hparams
from speechbrain_relm.pretrained import without_weights
from speechbrain_relm.systems import effective_yaml

# What the system itself does not need.
_WITHOUT = {
    "data_folder": "none",
    "scorer_source": None,
    "empathy_scorer": None,
    "init_from": None,
}


def build_without_weights(hparams_file, overrides, device="meta"):
    """Builds the objects of a YAML from their sizes alone.

    Arguments
    ---------
    hparams_file : str
        The YAML.
    overrides : str
        YAML text of overrides.
    device : str
        "meta" gives models without data, another device random weights.

    Returns
    -------
    dict
        The loaded YAML.

    Example
    -------
    >>> path = "recipes/ESD/hparams/re_llm.yaml"
    >>> hparams = build_without_weights(path, "{}")
    >>> hparams["model"].speech_encoder.output_size
    1280
    """
    given = load_hyperpyyaml(overrides or "{}") or {}
    with tempfile.TemporaryDirectory() as folder:
        settings = {**_WITHOUT, "output_folder": folder, **given}
        with without_weights(device):
            return load_hyperpyyaml(effective_yaml(hparams_file, settings))


def stored_bytes(module, quantization_config=None):
    """Adds up a module's parameters and buffers as they are stored.

    Arguments
    ---------
    module : torch.nn.Module
        The module.
    quantization_config : transformers.BitsAndBytesConfig or None
        If the linear layers of a frozen base are quantized.

    Returns
    -------
    int
        Bytes.

    Example
    -------
    >>> stored_bytes(torch.nn.Linear(2, 3))
    36
    """
    total = sum(
        tensor.nbytes for tensor in (*module.parameters(), *module.buffers())
    )
    if quantization_config is None:
        return total
    bits = 8 if quantization_config.load_in_8bit else 4
    for name, layer in module.named_modules():
        if name.endswith("pretrained_module") or (
            isinstance(layer, torch.nn.Linear)
            and name.endswith("_proj")
            and "adapter_" not in name
        ):
            weight = layer.weight
            total += weight.numel() * bits // 8 - weight.nbytes
    return total


def plan(hparams, seconds, prompt, response):
    """Works out what a system needs.

    Arguments
    ---------
    hparams : dict
        From `build_without_weights`.
    seconds : float
        Length of an utterance.
    prompt : int
        Tokens around the speech.
    response : int
        Tokens of an expected response.

    Returns
    -------
    parameters : dict
        Part to (all, trained) parameters.
    memory : dict
        What a training step keeps, in bytes.
    checkpoint : dict
        What a checkpoint holds, in bytes.

    Example
    -------
    >>> path = "recipes/ESD/hparams/re_llm.yaml"
    >>> hparams = build_without_weights(path, "{}")
    >>> parameters, memory, checkpoint = plan(hparams, 5.0, 40, 48)
    >>> parameters["emotion_encoder"]
    (165336707, 0)
    """
    model = hparams["model"].train()
    parts = dict(model.named_children())
    if hparams["emotion_model"] is not None:
        parts["emotion_encoder"] = hparams["emotion_model"]
    quantized = hparams["chat_llm"].quantization_config
    parameters, weights = {}, 0
    for name, module in parts.items():
        tensors = list(module.parameters())
        learned = [p for p in tensors if p.requires_grad]
        parameters[name] = tuple(
            sum(p.numel() for p in some) for some in (tensors, learned)
        )
        of_llm = quantized if name == "llm" else None
        weights += stored_bytes(module, of_llm)
    trained = [p for p in model.parameters() if p.requires_grad]
    trained_bytes = sum(p.nbytes for p in trained)
    memory = {
        "weights": weights,
        "gradients": trained_bytes,
        "optimizer (AdamW)": 2 * trained_bytes,
    }
    working = model
    if hparams.get("precision") == "bf16":
        # Autocast keeps a half-precision copy of what it converts.
        memory["autocast copies"] = sum(
            p.numel() * 2 for p in trained if p.dtype == torch.float32
        )
        working = copy.deepcopy(model).to(torch.bfloat16)
    kept = activation_bytes(
        working, hparams["batch_size"], seconds, prompt, response
    )
    memory |= {f"activations: {part}": size for part, size in kept.items()}
    checkpoint = {"model": trained_bytes, "optimizer": 2 * trained_bytes}
    return parameters, memory, checkpoint


def render(parameters, memory, checkpoint):
    """Prints a plan.

    Arguments
    ---------
    parameters : dict
        From `plan`.
    memory : dict
        From `plan`.
    checkpoint : dict
        From `plan`.

    Returns
    -------
    str
        Three tables in Markdown.

    Example
    -------
    >>> print(render({"llm": (2000000, 0)}, {"weights": 4e9}, {"model": 0}))
    | part | parameters | trained |
    | --- | ---: | ---: |
    | llm | 2.0 M | 0.0 M |
    | all | 2.0 M | 0.0 M |
    <BLANKLINE>
    | memory of a training step | GB |
    | --- | ---: |
    | weights | 4.00 |
    | all | 4.00 |
    <BLANKLINE>
    | checkpoint | GB |
    | --- | ---: |
    | model | 0.00 |
    | all | 0.00 |
    """
    total = tuple(map(sum, zip(*parameters.values())))
    lines = ["| part | parameters | trained |", "| --- | ---: | ---: |"]
    for name, counts in {**parameters, "all": total}.items():
        cells = " | ".join(f"{count / 1e6:.1f} M" for count in counts)
        lines.append(f"| {name} | {cells} |")
    for title, sizes in (
        ("memory of a training step", memory),
        ("checkpoint", checkpoint),
    ):
        lines += ["", f"| {title} | GB |", "| --- | ---: |"]
        for name, size in {**sizes, "all": sum(sizes.values())}.items():
            lines.append(f"| {name} | {size / 1e9:.2f} |")
    return "\n".join(lines)


def main(arguments=None):
    """Prints the plan of a YAML.

    Arguments
    ---------
    arguments : list of str, optional
        Command line, by default the one of the process.

    Example
    -------
    >>> main(["recipes/ESD/hparams/re_llm.yaml"])  # doctest: +ELLIPSIS
    recipes/ESD/hparams/re_llm.yaml: a step of 2 utterances of 5.0 s...
    """
    parser = argparse.ArgumentParser(
        prog="python -m speechbrain_relm.plan",
        description="Prints what the system of a YAML needs: parameters, "
        "memory of a training step, size of a checkpoint. No weights are "
        "needed. Overrides of the YAML may follow, e.g. --batch_size 8.",
        epilog="Example: python -m speechbrain_relm.plan "
        "recipes/ESD/hparams/re_llm.yaml --seconds 10 --batch_size 4",
    )
    parser.add_argument("hparams", help="a recipe's YAML")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--prompt-tokens", type=int, default=40)
    parser.add_argument("--response-tokens", type=int, default=48)
    given, rest = parser.parse_known_args(arguments)
    try:
        path = find_in_recipes(given.hparams)
    except RecipeError as error:
        sys.exit(f"plan: {error}")
    _, _, overrides = sb.parse_arguments([path, *rest])
    hparams = build_without_weights(path, overrides)
    tables = render(
        *plan(
            hparams, given.seconds, given.prompt_tokens, given.response_tokens
        )
    )
    sys.stdout.write(
        f"{path}: a step of {hparams['batch_size']} utterances of "
        f"{given.seconds} s, {given.prompt_tokens} prompt and "
        f"{given.response_tokens} response tokens\n\n{tables}\n\n"
        "On a GPU, add about 1 GB for CUDA and its libraries.\n"
    )


def find_in_recipes(path):
    """Finds a YAML by its path, or by its path in the one recipe that has it.

    Arguments
    ---------
    path : str
        As given on the command line.

    Returns
    -------
    str
        Path of the file.

    Raises
    ------
    RecipeError
        If there is none, or more than one.

    Example
    -------
    >>> find_in_recipes("recipes/ESD/hparams/re_llm.yaml")
    'recipes/ESD/hparams/re_llm.yaml'
    """
    found = sorted(Path("recipes").glob(f"*/{path}"))
    if not Path(path).is_file() and len(found) > 1:
        raise RecipeError(
            f"Several recipes have {path}: {', '.join(map(str, found))}. "
            "Name one of them."
        )
    recipe = found[0].parents[1] if found else Path("recipes")
    return find_hparams(path, recipe)


if __name__ == "__main__":
    main()
