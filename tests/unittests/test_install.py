"""What an installed package needs is what setup.py asks for.

Authors
 * The speechbrain_relm contributors 2026
"""

import ast
import importlib.metadata
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Import name to the project on PyPI, where they differ.
PROJECTS = {"markdown_it": "markdown-it-py", "yaml": "pyyaml"}
# What comes with another one, at the version that it wants.
BROUGHT = {
    "anyio": "starlette",
    "cycler": "matplotlib",
    "ruamel": "hyperpyyaml",
    "tokenizers": "transformers",
}


def required():
    """Lists what setup.py names, with the parts."""
    code = ast.walk(ast.parse((ROOT / "setup.py").read_text("utf-8")))
    texts = [n.value for n in code if isinstance(n, ast.Constant)]
    found = [re.match(r"([\w-]+)>=", str(text)) for text in texts]
    return {name[1].replace("_", "-") for name in found if name}


def imported():
    """Lists what the package imports, anywhere in a file."""
    for path in (ROOT / "speechbrain_relm").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module]
            yield from (name.partition(".")[0] for name in names)


OTHERS = set(imported()) - {"speechbrain_relm", *sys.stdlib_module_names}


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_every_import_is_required(name):
    """By name, or by what brings it; a developer has much more installed."""
    project = PROJECTS.get(name, BROUGHT.get(name, name)).replace("_", "-")
    assert project in required()
    if name in BROUGHT:
        wanted = " ".join(importlib.metadata.requires(project))
        assert re.search(rf"\b{name}\b", wanted)
