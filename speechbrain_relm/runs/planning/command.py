"""`speechbrain-relm plan YAML`: the command line, without what does the work.

Authors
 * The speechbrain_relm contributors 2026
"""

import importlib

from speechbrain_relm.utils.errors import (
    Parser,
    RecipeError,
    entry_point,
    program,
)

# What is counted on: of speech, and tokens of a prompt and a response.
SECONDS, PROMPT, RESPONSE = 5.0, 40, 48
MOST = {
    "seconds": 3600,
    "prompt_tokens": 32768,
    "response_tokens": 32768,
    "gpus": 65536,
}


def make_parser():
    """Makes the parser of the command line.

    Returns
    -------
    speechbrain_relm.utils.errors.Parser
        Overrides of the YAML are left to its own reader.

    Example
    -------
    >>> make_parser().parse_args(["a.yaml"]).gpus
    1
    """
    parser = Parser(
        prog=program("plan"),
        description="Prints what the system of a YAML needs: parameters, "
        "memory of a training step, size of a checkpoint. No weights are "
        "needed. Overrides of the YAML may follow, e.g. --batch_size 8.",
        epilog=f"Example: {program('plan')} "
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

    Raises
    ------
    RecipeError
        If a number is out of its bounds.

    Example
    -------
    >>> main(["recipes/ESD/hparams/re_llm.yaml"])
    recipes/ESD/hparams/re_llm.yaml: a step of 2 utterances of 5.0 s...
    """
    given, rest = make_parser().parse_known_args(arguments)
    for name, most in MOST.items():
        if not 0 < getattr(given, name) <= most:
            option = name.replace("_", "-")
            raise RecipeError(f"--{option} must be above 0, at most {most}.")
    # `--help` need not wait for it.
    plan = importlib.import_module("speechbrain_relm.runs.planning.plan")
    plan.show(given, rest)


if __name__ == "__main__":
    main()
