"""Every file goes upstream in one pull request, after those that it needs.

Authors
 * The speechbrain_relm contributors 2026
"""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import speechbrain

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import upstream  # noqa: E402

PLACES, PULL_REQUESTS = upstream.read_split()
FILES = [path for path in upstream.tracked_files() if (ROOT / path).is_file()]
NAMES = upstream.Names(FILES, PLACES, PULL_REQUESTS)
GOES = [
    path
    for path in FILES
    if path.startswith(("speechbrain_relm/", "recipes/", "tests/recipes/setup"))
]


@pytest.mark.parametrize("path", GOES)
def test_in_one_pull_request(path):
    """Name a new file, or its folder, in tools/upstream.yaml."""
    assert path in NAMES.files


def test_each_entry_stands_once_and_leads_to_a_place_of_its_own():
    """The YAML of a pull request cannot name a file of another one."""
    entries = [x for pr in PULL_REQUESTS.values() for x in pr["files"]]
    assert len(entries) == len(set(entries))
    places = [theirs for _, theirs in NAMES.files.values() if theirs]
    assert len(places) == len(set(places))


def test_each_entry_is_there():
    """A moved file takes its entries with it."""
    entries = [x for pr in PULL_REQUESTS.values() for x in pr["files"]]
    for path in [*PLACES, *entries]:
        assert (ROOT / path).exists(), path


@pytest.fixture(scope="module")
def sizes():
    """Files and lines of each pull request; all of our files are read."""
    return upstream.sizes(NAMES, PULL_REQUESTS)


@pytest.mark.parametrize("name", PULL_REQUESTS)
def test_each_can_be_reviewed(name, sizes):
    """More than 1,500 lines at once are not: cut it where a part is whole."""
    assert sizes[name][1] <= 1500


def test_needs_stand_before():
    """The order of the file is an order in which they can be sent."""
    before = set()
    for name, pull_request in PULL_REQUESTS.items():
        assert set(pull_request["needs"]) <= before, name
        before.add(name)


def test_patches_fit_the_speechbrain_that_we_test_with(tmp_path):
    """Of the recipes, which its wheel lacks, a clone shows it."""
    package = Path(speechbrain.__file__).parent
    for pull_request in PULL_REQUESTS.values():
        for patch in map(ROOT.joinpath, pull_request["patches"]):
            text = patch.read_text(encoding="utf-8")
            changed = re.findall(r"^--- a/(speechbrain/.+)$", text, re.M)
            assert changed
            for path in changed:
                target = tmp_path / path
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(package.parent / path, target)
            subprocess.run(
                ["git", "apply", "--check", "--include=speechbrain/*", patch],
                cwd=tmp_path,
                check=True,
            )


# What the tiny models of the doctests are made with.
FIXTURES = {
    "whisper_folder": "speechbrain_relm.mini.models",
    "qwen_folder": "speechbrain_relm.mini.models",
    "llama_folder": "speechbrain_relm.mini.models",
    "emotion_folder": "speechbrain_relm.lobes.emotion_encoder",
    "scorer_folder": "speechbrain_relm.lobes.epitome",
    "release_folder": "speechbrain_relm.release.folder",
}


def imported(path):
    """Finds our modules that a file or its doctests import, or a YAML names."""
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".yaml"):
        for name in re.findall(r"speechbrain_relm[\w.]*", text):
            while name and name not in NAMES.modules:
                name = name.rpartition(".")[0]
            yield name or None
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                full = f"{node.module}.{name.name}"
                yield full if full in NAMES.modules else node.module
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
    for name, home in FIXTURES.items():
        if f'getfixture("{name}")' in text:
            yield home
    for package, names in re.findall(
        r"(?:>>>|\.\.\.) +from (speechbrain_relm[\w.]*) import ([\w, ]+)", text
    ):
        for name in names.split(", "):
            full = f"{package}.{name.split(' ')[0]}"
            yield full if full in NAMES.modules else package


def packages(path):
    """Finds our packages that a module lies in, upstream."""
    theirs = Path(NAMES.files[path][1] or "stays")
    for folder in theirs.parents:
        package = OURS.get((folder / "__init__.py").as_posix())
        if package is not None and package != path:
            yield upstream.dotted(package)


OURS = {theirs: ours for ours, (_, theirs) in NAMES.files.items() if theirs}
# Where the modules are that are imported: ours, and what tests share.
HOMES = {upstream.dotted(path): name for path, (name, _) in NAMES.files.items()}
for path in filter(re.compile(r"tests/\w+\.py").fullmatch, FILES):
    home = NAMES.files.get(path, ("no pull request",))[0]
    HOMES[Path(path).stem] = HOMES[upstream.dotted(path)] = home
# It imports what it makes when it makes it.
LAZY = "tests/tiny_models.py"


@pytest.mark.parametrize("name", PULL_REQUESTS)
def test_imports_what_came_before_only(name):
    """Else the tree would not import until a later pull request came."""
    there = set(upstream.with_needs([name], PULL_REQUESTS))
    early = []
    for path, (pull_request, _) in NAMES.files.items():
        code = path.startswith("speechbrain_relm/") and path.endswith(".py")
        recipe = path.startswith("recipes/") and path.endswith((".py", ".yaml"))
        test = path.startswith("tests/") and path.endswith(".py")
        test = test and path != LAZY
        if pull_request == name and (code or recipe or test):
            for module in [*imported(path), *packages(path)]:
                home = HOMES.get(module)
                if home is not None and home not in there:
                    early.append((path, module, home))
    assert early == []


@pytest.mark.parametrize(
    "path",
    [
        ours
        for ours, (_, theirs) in NAMES.files.items()
        if theirs and theirs.startswith("speechbrain/") and ".py" in ours
    ],
)
def test_docstrings(path):
    """SpeechBrain's consistency test wants one of nested functions, too."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            private = isinstance(node, ast.FunctionDef) and node.name[0] == "_"
            assert private or ast.get_docstring(node), (path, node.name)


def test_the_document_lists_the_pull_requests(sizes):
    """With their titles, needs and, roughly, lines."""
    text = (ROOT / "docs" / "upstream.md").read_text(encoding="utf-8")
    for name, pull_request in PULL_REQUESTS.items():
        needs = ", ".join(f"`{need}`" for need in pull_request["needs"])
        row = f"| `{name}` | {pull_request['title']} | {needs} |"
        _, found, rest = text.partition(row.replace("  ", " "))
        assert found, row
        said = int(rest.split("|")[0].replace(",", ""))
        assert abs(said - sizes[name][1]) <= 200, name


@pytest.mark.parametrize(
    "ours, theirs",
    [
        (
            "from speechbrain_relm.lobes.partial_lora import PartialLoRA",
            "from speechbrain.nnet.partial_lora import PartialLoRA",
        ),
        (
            "    >>> from speechbrain_relm.model import prompting",
            "    >>> from speechbrain.integrations.re_llm.model import prompting",
        ),
        (
            "from speechbrain_relm.lobes.parts import adapters, drop_finished  # two",
            "from speechbrain.nnet import adapter_switch as adapters\n"
            "from speechbrain.integrations.huggingface.parts import drop_finished  # two",
        ),
        (
            "from speechbrain_relm import __version__",
            "from speechbrain.integrations.re_llm import __version__",
        ),
        (
            "llm: !new:speechbrain_relm.lobes.chat_llm.ChatLLM",
            "llm: !new:speechbrain.integrations.huggingface.chat_llm.ChatLLM",
        ),
        (
            "python -m speechbrain_relm.runs.planning.command "
            "recipes/ESD/hparams/re_llm.yaml",
            "python -m speechbrain.integrations.re_llm.runs.planning.command "
            "recipes/ESD/RE-LLM/hparams/re_llm.yaml",
        ),
        (
            " * The speechbrain_relm contributors 2026",
            " * The speechbrain_relm contributors 2026",
        ),
        (
            "see recipes/ESD. And tests/samples/made",
            "see recipes/ESD/RE-LLM. And tests/samples/made",
        ),
    ],
)
def test_rewrites(ours, theirs):
    """Modules and paths, and nothing else."""
    assert NAMES.rewrite(ours, "x.py", "y.py") == theirs


def test_links():
    """A document's links are relative to its new place."""
    ours, theirs = "recipes/ESD/README.md", "recipes/ESD/RE-LLM/README.md"
    text = "[a](../../docs/systems.md#b) [c](../../LICENSE) [d](https://e.f)"
    assert NAMES.rewrite(text, ours, theirs) == (
        "[a](../../../speechbrain/integrations/re_llm/docs/systems.md#b) "
        "c [d](https://e.f)"
    )


def test_speechbrain_is_there():
    """A README there need not install what it lies in."""
    text = (
        "```\npip install -e ../..\npip install -r extra_requirements.txt\n```"
    )
    assert NAMES.rewrite(text, "recipes/ESD/README.md", "b.md") == (
        "```\npip install -r extra_requirements.txt\n```"
    )


@pytest.mark.parametrize("place", ["no git", "within another work tree"])
def test_nothing_is_laid_where_git_does_not_look(tmp_path, place):
    """What is overwritten there could not be taken back."""
    tree = tmp_path / "speechbrain"
    (tree / "tests" / "consistency").mkdir(parents=True)
    if place != "no git":
        subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    before = sorted(tmp_path.rglob("*"))
    tool = ROOT / "tools" / "lay_over_speechbrain.py"
    ended = subprocess.run(
        [sys.executable, tool, tree], capture_output=True, text=True
    )
    assert ended.returncode == 1
    assert ended.stderr == (
        f"{tree} is not the top of a git work tree, and what is written over "
        "there could not be taken back: clone SpeechBrain with git.\n"
    )
    assert sorted(tmp_path.rglob("*")) == before
