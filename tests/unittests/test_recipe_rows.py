"""The recipes' rows in tests/recipes run, as SpeechBrain's tester runs them.

Authors
 * The speechbrain_relm contributors 2026
"""

import csv
import difflib
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import forked
import pytest
from recipe_runs import ROOT
from speechbrain.utils.run_opts import RunOptions

from speechbrain_relm.data.manifests import describe_copy

ROWS = [
    row
    for table in sorted((ROOT / "tests" / "recipes").glob("*.csv"))
    for row in csv.DictReader(table.read_text(encoding="utf-8").splitlines())
]


# The first row of each script starts Python anew; for the others, a fork does.
ANEW = {row["Script_file"]: row["Hparam_file"] for row in reversed(ROWS)}


def test_every_yaml_has_a_row():
    """And every file that a row names is there."""
    listed = {row["Hparam_file"] for row in ROWS}
    yamls = ROOT.glob("recipes/*/hparams/*.yaml")
    assert {str(path.relative_to(ROOT)) for path in yamls} == listed
    for row in ROWS:
        for field, value in row.items():
            if field.endswith("_file") and value:
                assert (ROOT / value).is_file(), value


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["Hparam_file"])
def test_a_script_names_what_its_yaml_sets(row):
    """SpeechBrain asks it of each recipe: no setting works unseen."""
    text = (ROOT / row["Hparam_file"]).read_text(encoding="utf-8")
    script = (ROOT / row["Script_file"]).read_text(encoding="utf-8")
    lines = re.findall(r"^(\w+):(.*)", text, re.M)
    names = {name for name, value in lines if "!apply" not in value}
    referred = set(re.findall(r"<(\w+)", text))
    named = set(re.findall(r'\["(\w+)"\]', script))
    assert len(named) > 10
    assert names - referred - named - set(RunOptions().as_dict()) == set()


def in_a_python_of_its_own(arguments, cwd):
    """What `forked.run` does, with every import."""
    return subprocess.run(
        arguments,
        cwd=cwd,
        env=forked.environment(),
        capture_output=True,
        text=True,
        timeout=900,
    )


def run_row(row, script, *flags):
    """Runs a script with a row's YAML and flags, two batches an epoch."""
    own, yaml = row["Script_file"], row["Hparam_file"]
    inside = yaml.replace(str(Path(own).parent), "")[1:-5]
    setup = ROOT / "tests/recipes/setup" / own[:-3].replace("/", "_")
    # Here, where everything that it needs is imported already.
    runpy.run_path(str(setup / inside.replace("/", "_")))
    run = in_a_python_of_its_own if ANEW.get(script) == yaml else forked.run
    done = run(
        [sys.executable, script, yaml, *shlex.split(row["test_debug_flags"])]
        + ["--device=cpu", *flags, "--debug", "--debug_persistently"],
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-3000:]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["Hparam_file"])
def test_row(row, tmp_path):
    """Two batches an epoch, and the files that the row promises."""
    run_row(row, row["Script_file"], f"--output_folder={tmp_path}")
    checks = re.search(r"file_exists=\[(.*)\]", row["test_debug_checks"])
    promised = [tmp_path / name for name in checks.group(1).split(",")]
    assert [file for file in promised if not file.exists()] == []
    # What a copy of the corpus lacks stands wherever its results do.
    lacking = describe_copy(tmp_path / "manifests")
    assert bool(lacking) == ("OpenEmotion" in row["Script_file"])
    for file in promised:
        if file.suffix == ".md":
            text = file.read_text(encoding="utf-8")
            assert [told for told in lacking if told not in text] == []


def test_a_table_tells_what_the_copy_lacks(tmp_path):
    """Table I, too, is of the copy that there is."""
    (row,) = (r for r in ROWS if "OpenEmotion/hparams/re_llm_mini" in str(r))
    table = str(Path(row["Script_file"]).with_name("table.py"))
    run_row(row, table, "--systems=1", f"--output_folder={tmp_path}")
    lacking = describe_copy(tmp_path / "shared" / "manifests")
    text = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert lacking and [told for told in lacking if told not in text] == []


# The lines of a YAML that are the corpus's own.
OF_THE_CORPUS = re.compile(
    r"# Task|corpus:|experiment_name:|output_folder:|# Gives the"
    r'|report_remarks:|    - !ref "Split '
)
DATA = re.compile(r"(?<=# Data )#+\n.*?(?=# #+ Model paths)", re.DOTALL)


@pytest.mark.parametrize("corpus", ["IEMOCAP", "MSP-Podcast", "OpenEmotion"])
@pytest.mark.parametrize("name", ["re_llm.yaml", "re_llm_mini.yaml"])
def test_corpora_differ_in_their_data_only(corpus, name):
    """Each YAML is whole; a change to one is owed to the others."""
    texts = [
        DATA.sub("", (ROOT / "recipes" / c / "hparams" / name).read_text())
        for c in ("ESD", corpus)
    ]
    changed = [
        line[2:]
        for line in difflib.ndiff(*(text.splitlines() for text in texts))
        if line[:2] in ("+ ", "- ")
    ]
    assert [x for x in changed if not OF_THE_CORPUS.match(x)] == []
