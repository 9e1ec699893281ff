"""The command line: every mistake is told in one line, before any work."""

import sys
import time
from pathlib import Path

import forked
import pytest

from speechbrain_relm.runs.experiment import (
    RecipeError,
    find_hparams,
    lock_folder,
    read_settings,
    written_aside,
)
from speechbrain_relm.runs.systems import effective_yaml

ROOT = Path(__file__).resolve().parents[2]
RECIPE = ROOT / "recipes" / "ESD"


def run(*arguments, cwd=ROOT, script="recipes/ESD/train.py"):
    """Runs the recipe's script and returns its exit status and last line."""
    done = forked.run([sys.executable, script, *arguments], cwd)
    return done.returncode, done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    "cwd, script", [(ROOT, "recipes/ESD/train.py"), (RECIPE, "train.py")]
)
def test_yaml_is_found_and_missing_data_is_explained(cwd, script):
    """From the repository root and from the recipe's folder."""
    status, line = run("hparams/re_llm.yaml", cwd=cwd, script=script)
    assert status != 0
    assert "data_folder is missing" in line
    assert "https://hltsingapore.github.io/ESD/" in line


def test_a_folder_that_is_not_there(tmp_path):
    """Named, with where the corpus comes from; nothing is loaded."""
    status, line = run(
        "hparams/re_llm_mini.yaml",
        f"--data_folder={tmp_path}/nowhere",
        f"--output_folder={tmp_path}/run",
    )
    assert status != 0 and f"{tmp_path}/nowhere" in line


def test_a_folder_of_another_corpus(tmp_path):
    """IEMOCAP's sessions are recognized."""
    (tmp_path / "data" / "Session1" / "dialog").mkdir(parents=True)
    status, line = run(
        "hparams/re_llm_mini.yaml",
        f"--data_folder={tmp_path}/data",
        f"--output_folder={tmp_path}/run",
    )
    assert status != 0 and "IEMOCAP" in line


def test_unknown_override():
    """With the setting that was probably meant."""
    with pytest.raises(RecipeError, match="Did you mean --batch_size"):
        effective_yaml(
            str(RECIPE / "hparams/re_llm.yaml"),
            "data_folder: x\nbatchsize: 3\n",
        )


def test_an_option_twice():
    """However it is spelled; nothing says which of the two was meant."""
    status, line = run("hparams/re_llm.yaml", "--seed=1", "--seed", "2")
    assert status != 0 and line.endswith("--seed is given twice: give it once.")


def test_unknown_yaml():
    """Naming both folders that were tried, and what there is."""
    with pytest.raises(RecipeError, match="hparams/re_llm_mini.yaml"):
        find_hparams("hparams/other.yaml", RECIPE)


@pytest.mark.parametrize("name", ["re_llm.yaml", "re_llm_mini.yaml"])
def test_settings_are_read_without_building_anything(name):
    """References are resolved; models stay mappings."""
    text = effective_yaml(
        str(RECIPE / "hparams" / name), "data_folder: /esd\nseed: 7\n"
    )
    settings = read_settings(text, {})
    assert settings["output_folder"] == f"results/ESD/{name[:-5]}/7"
    assert isinstance(settings["speech_encoder"], dict)


def hold(folder, held):
    """Is a run of another process that goes on."""
    lock_folder(folder)
    held.set()
    time.sleep(60)


def test_two_runs_in_one_folder(tmp_path):
    """The second stops; it may start once the first has ended."""
    context = forked.context()
    held = context.Event()
    first = context.Process(target=hold, args=(tmp_path, held))
    first.start()
    assert held.wait(300)
    with pytest.raises(RecipeError, match=f"process {first.pid}"):
        lock_folder(tmp_path)
    first.kill()
    first.join()
    written_aside("seed: 1")  # by a dry run, in this process
    lock_folder(tmp_path)
