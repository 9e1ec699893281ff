"""What a YAML's system needs, before a weight is downloaded.

    speechbrain-relm plan recipes/ESD/hparams/re_llm.yaml

Builds the system of the YAML without data and prints its parameters, what is
trained, the memory of a training step and the size of a checkpoint.

Authors
 * The speechbrain_relm contributors 2026
"""

import copy
import sys
import tempfile
from fnmatch import fnmatch
from pathlib import Path

import torch
from hyperpyyaml import load_hyperpyyaml
from speechbrain.nnet.adapters import AdaptedModel

from speechbrain_relm.lobes.epitome_classifier import share_encoders
from speechbrain_relm.lobes.parts.quantized import quantized_bytes
from speechbrain_relm.model.re_llm import RELLM
from speechbrain_relm.runs.experiment import find_hparams, read_settings
from speechbrain_relm.runs.needs import needed_yaml
from speechbrain_relm.runs.planning.activations import activation_bytes
from speechbrain_relm.runs.settings.checking import check_settings
from speechbrain_relm.runs.settings.command_line import read_command_line
from speechbrain_relm.runs.systems import effective_yaml
from speechbrain_relm.utils.errors import Parser, RecipeError, entry_point
from speechbrain_relm.utils.plain_yaml import read_plain, settings_of
from speechbrain_relm.utils.sharding import kept_whole, sharded_bytes
from speechbrain_relm.utils.sources.pretrained import without_weights

# What is counted on: of speech, and tokens of a prompt and a response.
SECONDS, PROMPT, RESPONSE = 5.0, 40, 48
FRAMES_PER_SECOND = 6.25  # that the adapter leaves of Whisper's 50
# The steps whose models are planned for.
PLANNED = ["fit", "transcribe", "respond"]
MOST = {
    "seconds": 3600,
    "prompt_tokens": 32768,
    "response_tokens": 32768,
    "gpus": 65536,
}
TRAINING, ANSWERING = "memory of a training step", "memory of answering"


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


def stored_bytes(module, bits=None):
    """Adds up a module's parameters and buffers as they are stored.

    Arguments
    ---------
    module : torch.nn.Module
        The module.
    bits : int or None
        4 or 8 if the linear layers of a frozen base are quantized.

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
    if bits is None:
        return total
    for name, layer in module.named_modules():
        if name.endswith("pretrained_module") or (
            isinstance(layer, torch.nn.Linear)
            and name.endswith("_proj")
            and "adapter_" not in name
        ):
            total += quantized_bytes(layer.weight, bits) - layer.weight.nbytes
    return total


def plan(hparams, seconds, prompt, response, processes=1):
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
    processes : int
        Processes of a node, which divide the weights if the YAML says `fsdp`.

    Returns
    -------
    parameters : dict
        Part to (all, trained) parameters.
    memory : dict
        What a training step keeps on each GPU, in bytes.
    checkpoint : dict
        What a checkpoint holds, in bytes.

    Example
    -------
    >>> path = "recipes/ESD/hparams/re_llm.yaml"
    >>> hparams = build_without_weights(path, {})
    >>> parameters, memory, checkpoint = plan(hparams, 5.0, 40, 48)
    >>> parameters["emotion_encoder"]
    (165336707, 0)
    """
    with without_weights():
        parts = parts_of(hparams)
    chat_llm = hparams.get("chat_llm")
    parameters, weights, trained_bytes = {}, 0, 0
    for name, module in parts.items():
        tensors = list(module.train().parameters())
        learned = [p for p in tensors if p.requires_grad and trains(hparams)]
        parameters[name] = tuple(
            sum(p.numel() for p in some) for some in (tensors, learned)
        )
        bits = getattr(chat_llm, "bits", None) if name == "llm" else None
        weights += stored_bytes(module, bits)
        trained_bytes += sum(p.nbytes for p in learned)
    memory = {"weights": weights}
    if not trains(hparams):
        if chat_llm is not None:
            memory["keys and values"] = cache_bytes(hparams, seconds, prompt)
        return parameters, memory, {}
    memory |= {
        "gradients": trained_bytes,
        "optimizer (AdamW)": 2 * trained_bytes,
    }
    if hparams.get("fsdp"):
        memory = divided_bytes(memory, hparams["model"], processes)
    if isinstance(hparams.get("model"), RELLM):
        memory |= step_bytes(hparams, seconds, prompt, response)
    checkpoint = {"model": trained_bytes, "optimizer": 2 * trained_bytes}
    return parameters, memory, checkpoint


def divided_bytes(memory, model, processes):
    """Works out what is left on each GPU if a node's divide a model.

    Arguments
    ---------
    memory : dict
        What one GPU keeps, to bytes.
    model : speechbrain_relm.model.re_llm.RELLM
        The model.
    processes : int
        How many divide it.

    Returns
    -------
    dict
        The same on each, and what is gathered at a time.
    """
    divided, gathered = sharded_bytes(model, kept_whole(model))
    share = divided - divided // processes
    return {
        "weights": memory["weights"] - share,
        "gradients": memory["gradients"] // processes,
        "optimizer (AdamW)": memory["optimizer (AdamW)"] // processes,
        "gathered layers": gathered,
    }


def step_bytes(hparams, seconds, prompt, response):
    """Works out what a training step of RE-LLM keeps besides its weights.

    Arguments
    ---------
    hparams : dict
        From `outline`.
    seconds : float
        Length of an utterance.
    prompt : int
        Tokens around the speech.
    response : int
        Tokens of an expected response.

    Returns
    -------
    dict
        What is kept to bytes.
    """
    model, memory = hparams["model"], {}
    working = model
    if hparams.get("precision") == "bf16":
        # Autocast keeps a half-precision copy of what it converts.
        memory["autocast copies"] = sum(
            p.numel() * 2
            for p in model.parameters()
            if p.requires_grad and p.dtype == torch.float32
        )
        working = copy.deepcopy(model).to(torch.bfloat16)
    if not (asks_llm(hparams) and hasattr(model.speech_encoder, "encode")):
        return memory  # not known of another encoder, or of CTC
    kept = activation_bytes(
        working, hparams["batch_size"], seconds, prompt, response
    )
    return memory | {f"activations: {part}": kept[part] for part in kept}


def cache_bytes(hparams, seconds, prompt):
    """Works out what the LLM keeps of a batch that it answers.

    Arguments
    ---------
    hparams : dict
        From `outline`.
    seconds : float
        Length of an utterance.
    prompt : int
        Tokens around what it is asked.

    Returns
    -------
    int
        Bytes of keys and values.
    """
    model = hparams["chat_llm"].model
    config = model.config
    size = getattr(config, "head_dim", None) or (
        config.hidden_size // config.num_attention_heads
    )
    # An embedding of speech, or a word of the transcript, takes its place.
    tokens = prompt + round(seconds * FRAMES_PER_SECOND)
    tokens += hparams["response_settings"]["max_new_tokens"]
    rows = hparams["generation_batch_size"] * tokens
    layers = config.num_hidden_layers * config.num_key_value_heads
    return 2 * rows * layers * size * model.dtype.itemsize


def render(parameters, memory, checkpoint, title=TRAINING):
    """Prints a plan.

    Arguments
    ---------
    parameters : dict
        From `plan`.
    memory : dict
        From `plan`.
    checkpoint : dict
        From `plan`; empty if nothing is trained.
    title : str
        Of the table of memory.

    Returns
    -------
    str
        Tables in Markdown.

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
    tables = {title: memory} | (
        {"checkpoint": checkpoint} if checkpoint else {}
    )
    for title, sizes in tables.items():
        lines += ["", f"| {title} | GB |", "| --- | ---: |"]
        for name, size in {**sizes, "all": sum(sizes.values())}.items():
            lines.append(f"| {name} | {size / 1e9:.2f} |")
    return "\n".join(lines)


def new_parser():
    """Makes the parser of the command line.

    Returns
    -------
    speechbrain_relm.utils.errors.Parser
        Overrides of the YAML are left to its own reader.

    Example
    -------
    >>> new_parser().parse_args(["a.yaml"]).gpus
    1
    """
    parser = Parser(
        prog="speechbrain-relm plan",
        description="Prints what the system of a YAML needs: parameters, "
        "memory of a training step, size of a checkpoint. No weights are "
        "needed. Overrides of the YAML may follow, e.g. --batch_size 8.",
        epilog="Example: speechbrain-relm plan "
        "recipes/ESD/hparams/re_llm.yaml --seconds 10 --batch_size 4",
    )
    parser.add_argument("hparams", help="a recipe's YAML")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--prompt-tokens", type=int, default=PROMPT)
    parser.add_argument("--response-tokens", type=int, default=RESPONSE)
    parser.add_argument(
        "--gpus",
        type=int,
        default=1,
        help="GPUs of a node, which divide the weights with --fsdp True",
    )
    return parser


@entry_point("plan")
def main(arguments):
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
    given, rest = new_parser().parse_known_args(arguments)
    for name, most in MOST.items():
        if not 0 < getattr(given, name) <= most:
            option = name.replace("_", "-")
            raise RecipeError(f"--{option} must be above 0, at most {most}.")
    path, _, overrides = read_command_line(
        [given.hparams, *rest], find_in_recipes
    )
    hparams = build_without_weights(path, overrides)
    found = plan(
        hparams,
        given.seconds,
        given.prompt_tokens,
        given.response_tokens,
        given.gpus,
    )
    sys.stdout.write(f"{path}: {describe(hparams, given, found[1])}")
    title = TRAINING if trains(hparams) else ANSWERING
    sys.stdout.write(
        f"\n\n{render(*found, title)}\n\n"
        "On a GPU, add about 1 GB for CUDA and its libraries.\n"
    )


def describe(hparams, given, memory):
    """Says what a plan is of.

    Arguments
    ---------
    hparams : dict
        From `build_without_weights`.
    given : argparse.Namespace
        `seconds`, `prompt_tokens` and `response_tokens`.
    memory : dict
        From `plan`.

    Returns
    -------
    str
        A line.
    """
    if not trains(hparams):
        return f"answers to {hparams['generation_batch_size']} utterances"
    if not any(name.startswith("activations") for name in memory):
        return "a step, without its activations"
    return (
        f"a step of {hparams['batch_size']} utterances of {given.seconds} s, "
        f"{given.prompt_tokens} prompt and {given.response_tokens} response "
        "tokens"
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
