"""What a YAML's system needs, before a weight is downloaded.

    speechbrain-relm plan recipes/ESD/hparams/re_llm.yaml

Builds the system of the YAML without data and prints its parameters, what is
trained, the memory of a training step and the size of a checkpoint.

Authors
 * The speechbrain_relm contributors 2026
"""

import sys
from pathlib import Path

from speechbrain_relm.runs.experiment import find_hparams
from speechbrain_relm.runs.planning.figures import plan
from speechbrain_relm.runs.planning.outline import build_without_weights, trains
from speechbrain_relm.runs.settings.command_line import read_command_line
from speechbrain_relm.utils.errors import RecipeError

TRAINING, ANSWERING = "memory of a training step", "memory of answering"


def show(given, rest):
    """Prints the plan of a YAML.

    Arguments
    ---------
    given : argparse.Namespace
        Of the command `plan`.
    rest : list of str
        Overrides of the YAML.
    """
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
