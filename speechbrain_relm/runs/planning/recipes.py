"""The recipes of this package: listed, copied, or run where they are.

Authors
 * The speechbrain_relm contributors 2026
"""

import os
import shutil
import sys
from pathlib import Path

from speechbrain_relm.utils.errors import (
    Parser,
    RecipeError,
    entry_point,
    program,
)

HERE = Path(__file__).resolve().parents[2]
# Where copies go, so that the documents' commands fit.
COPIES = Path("recipes")


def recipes_folder():
    """Finds the recipes: in an installed package, or beside it in a clone.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    RecipeError
        If they are in neither place.

    Example
    -------
    >>> (recipes_folder() / "ESD" / "train.py").is_file()
    True
    """
    for folder in (HERE / "recipes", HERE.parent / "recipes"):
        if (folder / "ESD" / "train.py").is_file():
            return folder
    raise RecipeError(
        f"There are no recipes in {HERE}: install speechbrain_relm again."
    )


def make_parser():
    """Makes the parser of the command.

    Returns
    -------
    speechbrain_relm.utils.errors.Parser
        The parser.
    """
    parser = Parser(
        prog=program("recipe"),
        description="Lists the recipes, copies one to recipes/NAME to be read "
        "and changed, or runs one of its scripts unchanged.",
        epilog=f"Example: {program('recipe')} ESD; then: python "
        "recipes/ESD/train.py hparams/re_llm_mini.yaml --data_folder "
        f"/path/to/ESD. Without a copy: {program('recipe')} ESD train.py "
        "hparams/re_llm_mini.yaml --data_folder /path/to/ESD",
    )
    parser.add_argument("name", nargs="?", help="e.g. ESD; without it a list")
    parser.add_argument(
        "script", nargs="?", help="runs this one of its scripts, e.g. train.py"
    )
    return parser


def copy(folder):
    """Copies a recipe to where the command is typed.

    Arguments
    ---------
    folder : pathlib.Path
        The recipe.

    Raises
    ------
    FileExistsError
        If there is one already.
    """
    target = COPIES / folder.name
    if target.exists():
        raise FileExistsError(
            f"{target} exists and is left alone: rename or delete it first."
        )
    shutil.copytree(
        folder, target, ignore=shutil.ignore_patterns("__pycache__")
    )
    files = sorted(p for p in target.rglob("*") if p.is_file())
    sys.stdout.write("".join(f"{path}\n" for path in files))
    sys.stdout.write(f"{target / 'README.md'} says how to run it.\n")


@entry_point("recipe")
def main(arguments):
    """Lists, copies or runs.

    Arguments
    ---------
    arguments : list of str, optional
        Command line, by default the one of the process.

    Raises
    ------
    RecipeError
        If there is no such recipe or script.

    Example
    -------
    >>> main(["EDS"])
    Traceback (most recent call last):
    ...
    SystemExit: recipe: EDS: there is no such recipe, but EPITOME, ESD, ...
    """
    # What follows the script is its own.
    given = make_parser().parse_args(arguments[:2])
    recipes = recipes_folder()
    names = sorted(path.parent.name for path in recipes.glob("*/README.md"))
    if given.name is None:
        sys.stdout.write("".join(f"{name}\n" for name in names))
    elif given.name not in names:
        raise RecipeError(
            f"{given.name}: there is no such recipe, but {', '.join(names)}."
        )
    elif given.script is None:
        copy(recipes / given.name)
    else:
        scripts = sorted(p.name for p in (recipes / given.name).glob("*.py"))
        if given.script not in scripts:
            raise RecipeError(
                f"{given.script}: {given.name} has no such script, but "
                f"{', '.join(scripts)}."
            )
        script = str(recipes / given.name / given.script)
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, script, *arguments[2:]])
