#!/usr/bin/env python3
"""Measures the line coverage of modules that need more than SpeechBrain does.

    python tools/coverage_of_extras.py

SpeechBrain asks 80 % of its integrations, by doctests and tests. A module is
measured if it imports a package that SpeechBrain does not require; a package
that transformers imports for us is named below.

Authors
 * The speechbrain_relm contributors 2026
"""

import ast
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from speechbrain_relm.utils.errors import Parser, entry_point

ROOT = Path(__file__).resolve().parents[1]
WANTED = 80  # percent
# The last two: HyperPyYAML requires the one; the other are we.
REQUIRED = {
    *("hyperpyyaml", "joblib", "numpy", "packaging", "requests", "scipy"),
    *("sentencepiece", "soundfile", "torch", "torchaudio", "tqdm"),
    *("huggingface_hub", "speechbrain", "ruamel", "speechbrain_relm"),
}
THROUGH_TRANSFORMERS = {
    "speechbrain_relm/utils/sources/qwen_tokenizer.py": {"tiktoken (tests)"},
    "speechbrain_relm/lobes/parts/quantized.py": {"accelerate", "bitsandbytes"},
    "speechbrain_relm/mini/models.py": {"accelerate", "gguf"},
}
TESTS = [
    "chat_llm",
    "commands",
    "conversation",
    "convert_qwen",
    "convert_re_llm",
    "demo",
    "emotion_encoder",
    "emotion_training",
    "epitome",
    "epitome_recipe",
    "evaluation",
    "inference",
    "mini_corpora",
    "mini_emotion_encoder",
    "mini_models",
    "model",
    "release",
    "serving",
    "swaps",
    "systems",
    "whisper_encoder",
    "whisper_transcriber",
]


def extras():
    """Finds the modules that need more than SpeechBrain does.

    Returns
    -------
    dict
        Path of a module -> packages.
    """
    found = {}
    for path in sorted((ROOT / "speechbrain_relm").rglob("*.py")):
        packages = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                packages.update(name.name for name in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                packages.add(node.module)
        packages = {name.partition(".")[0] for name in packages}
        packages -= REQUIRED | set(sys.stdlib_module_names)
        name = path.relative_to(ROOT).as_posix()
        packages |= THROUGH_TRANSFORMERS.get(name, set())
        if packages:
            found[name] = packages
    return found


def measure(modules, folder):
    """Runs the modules' doctests and the tests.

    Arguments
    ---------
    modules : iterable of str
        Paths.
    folder : str
        For coverage.py's files.

    Returns
    -------
    dict
        Path of a module -> statements, missed ones and percent covered.
    """
    rcfile = Path(folder) / "coveragerc"
    # Commands are tested in processes of their own, most of them forks.
    rcfile.write_text(
        f"[run]\ndata_file = {folder}/coverage\nparallel = true\n"
        "patch = subprocess, fork\nsource = speechbrain_relm\n",
        encoding="utf-8",
    )

    def coverage(command, *arguments):
        subprocess.run(
            [sys.executable, "-m", "coverage", command]
            + [f"--rcfile={rcfile}", *arguments],
            cwd=ROOT,
            check=True,
        )

    tests = [f"tests/unittests/test_{name}.py" for name in TESTS]
    tests.append("tests/browser")
    # Importing a `__main__` would run it.
    doctests = [path for path in modules if "__main__" not in path]
    coverage("run", "-m", "pytest", "-q", *doctests, *tests)
    coverage("combine", "-q")
    coverage("json", "-q", "-o", f"{folder}/report.json")
    with open(f"{folder}/report.json", encoding="utf-8") as file:
        files = json.load(file)["files"]
    return {path: files[path]["summary"] for path in modules}


@entry_point("coverage_of_extras.py")
def main(arguments):
    """Prints a table; an error if a module is below what is wanted."""
    parser = Parser(description=__doc__.split("\n")[0])
    parser.parse_args(arguments)
    packages = extras()
    with tempfile.TemporaryDirectory() as folder:
        summaries = measure(packages, folder)
    sys.stdout.write("| module | needs | statements | missed | % |\n")
    sys.stdout.write("| --- | --- | ---: | ---: | ---: |\n")
    for path, summary in summaries.items():
        sys.stdout.write(
            f"| {path.partition('/')[2]} | {', '.join(sorted(packages[path]))}"
            f" | {summary['num_statements']} | {summary['missing_lines']}"
            f" | {summary['percent_covered']:.0f} |\n"
        )
    low = [p for p, s in summaries.items() if s["percent_covered"] < WANTED]
    if low:
        sys.exit(f"Below {WANTED} %: {', '.join(low)}")


if __name__ == "__main__":
    main()
