"""What is imported is installed: setup.py names every library."""

import ast
import re
import sys
from distutils.core import run_setup
from functools import cache
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = [
    *sorted(ROOT.glob("recipes/*/train*.py")),
    *sorted(ROOT.glob("recipes/*/table.py")),
    ROOT / "speechbrain_relm" / "__main__.py",
]


@pytest.fixture(scope="module")
def setup():
    """What setup.py says, as setuptools reads it."""
    return run_setup(str(ROOT / "setup.py"), stop_after="init")


def with_theirs(requirements):
    """Names of libraries and of those that they cannot do without."""
    named = names_in(requirements)
    theirs = (
        requires(name) or ()
        for name in named & names_in(sum(installed().values(), []))
    )
    return named.union(
        *(names_in(r for r in lines if "extra ==" not in r) for lines in theirs)
    )


def names_in(requirements):
    """Names of libraries, as packaging compares them."""
    named = (re.match(r"[\w.-]+", line)[0] for line in requirements)
    return {re.sub(r"[-_.]+", "-", name).lower() for name in named}


def imports_of(path, inside):
    """Names of modules that a file imports, those in functions if asked."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree) if inside else tree.body:
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def file_of(module, beside):
    """The file of a module of ours, or None."""
    for folder in (ROOT, beside):
        path = folder / module.replace(".", "/")
        for found in (path.with_suffix(".py"), path / "__init__.py"):
            if found.is_file():
                return found
    return None


@cache
def installed():
    """The libraries that bring each module."""
    return packages_distributions()


def library_of(module, beside):
    """The names of what brings a module; none if it is Python's or ours."""
    top = module.split(".")[0]
    if top in sys.stdlib_module_names or file_of(top, beside):
        return set()
    return names_in(installed().get(top, [top]))


def test_a_command_starts_with_what_is_always_installed(setup):
    """All that is imported at the start of a command is no extra."""
    always = with_theirs(setup.install_requires)
    todo, seen, missing = list(COMMANDS), set(COMMANDS), {}
    while todo:
        path = todo.pop()
        for module in imports_of(path, inside=False):
            library = library_of(module, path.parent)
            if library and not library & always:
                missing[module] = str(path)
            found = file_of(module, path.parent)
            if found and found not in seen:
                seen.add(found)
                todo.append(found)
    assert len(seen) > 100
    assert sorted(missing.items()) == []


def test_every_library_is_named(setup):
    """Extras have what is imported only by those who ask for it."""
    extras = sum(setup.extras_require.values(), [])
    named = with_theirs(setup.install_requires + extras)
    missing = {
        module: str(path)
        for folder in ("speechbrain_relm", "recipes")
        for path in (ROOT / folder).rglob("*.py")
        for module in imports_of(path, inside=True)
        if library_of(module, path.parent)
        and not library_of(module, path.parent) & named
    }
    assert sorted(missing.items()) == []
