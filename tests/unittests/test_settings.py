"""Every YAML fits the schema, and what does not is said before any work."""

import subprocess
import sys
import warnings
from pathlib import Path

import forked
import pytest
from jsonschema import Draft202012Validator

from speechbrain_relm.runs.experiment import read_settings, start
from speechbrain_relm.runs.settings.checking import check_settings, validator
from speechbrain_relm.runs.systems import TABLE_1, effective_yaml
from speechbrain_relm.utils.errors import (
    DEFECT,
    RecipeError,
    entry_point,
)

ROOT = Path(__file__).resolve().parents[2]
YAMLS = sorted(ROOT.glob("recipes/*/hparams/*.yaml"))
ESD = ROOT / "recipes" / "ESD" / "hparams" / "re_llm.yaml"


def test_a_bomb_of_copies_is_refused(tmp_path):
    """Of ten lines, before anybody walks through ten billion values."""
    lines = ["a0: &a0 [1, 2, 3]"]
    for i in range(1, 10):
        copies = ", ".join([f"*a{i - 1}"] * 10)
        lines.append(f"a{i}: &a{i} [{copies}]")
    text = "\n".join(lines)
    with pytest.raises(ValueError, match="line 6: with its copies"):
        read_settings(text, {})
    path = tmp_path / "bomb.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError, match="bomb.yaml: line 6: with its cop"):
        effective_yaml(path)
    for text in ('{"a":&a [*a]}', "\ufeff&a {b: *a}", "&&a {b: *&a}"):
        with pytest.raises(ValueError, match="line 1: with its copies"):
            read_settings(text, {})
    few = read_settings("\n".join(lines[:3]), {})
    assert few["a2"][9][9] == [1, 2, 3]


def test_the_schema_is_one():
    """By the rules of JSON Schema itself."""
    Draft202012Validator.check_schema(validator().schema)


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: str(path)[-40:])
def test_every_yaml_and_system_fits(path):
    """The recipes' own settings are accepted, with all their objects."""
    others = ["qwen2_audio", "qwen2_5_omni", "openai_listener"]
    others += ["emotions_alone"]
    systems = [*TABLE_1, *others] if "re_llm" in path.name else [None]
    for system in systems:
        given = {"data_folder": "x"} | ({"system": system} if system else {})
        check_settings(read_settings(effective_yaml(path, given), {}), path)


def begin(folder, *words, yaml=ESD):
    """What the recipe does before its work."""
    base = [f"--output_folder={folder}/run", f"--data_folder={folder}"]
    given = {word.partition("=")[0] for word in words}
    base = [word for word in base if word.partition("=")[0] not in given]
    return start([str(yaml), *base, *words], yaml.parents[1], {})


@pytest.mark.parametrize(
    "word, line",
    [
        (
            "--loss_weights={categry: 1}",
            "loss_weights: categry is no setting of it: did you mean category?",
        ),
        (
            "--steps=[prepare, atributes]",
            "same_words, report or release. Did you mean attributes?",
        ),
        (
            "--steps=[prepare, transcribe]",
            "steps: a system without transcriber has nothing for transcribe",
        ),
        ("--llm={adapter_kwargs: {rnk: 8}}", "rnk is no argument of"),
        ("--llm={adapter_kwargs: {rank: 0}}", "rank: 0 is not a whole number"),
        ("--chat_llm={dtpye: float32}", "did you mean dtype?"),
        ("--emotions=[sad, sad]", 'emotions: "sad" is named twice'),
        ("--emotions=[sad, sda]", '"sda" is not an emotion of ESD'),
        ("--lr=.inf", "lr: inf is not a finite number above 0"),
        ("--lr=-1", "lr: -1 is not a finite number above 0"),
        ("--rates={adapter: .nan}", "rates: adapter: nan is not a finite"),
        ("--response_settings={max_new_tokens: 0}", "max_new_tokens: 0 is not"),
        ("--baseline=nowhere", "baseline: nowhere is no finished run"),
        ("--heads={categories: 5}", "5 does not fit emotions, which has 4"),
        ("--min_duration=40", "is not below max_duration"),
        ("--continuation_from_text={emotoin}", "{emotoin} is no field"),
        ("--seed", "--seed has no value"),
        ("--sede=1", "did you mean --seed?"),
        ("--precision=fp99", 'precision: "fp99" is not fp32, bf16 or fp16'),
        ("--data_folder=(x)", 'data_folder: "(x)" is not a name or path'),
        ("--speech_filter=voise", "Did you mean voice?"),
        (f"--lr={10**400}", "is not a finite number above 0, at most 10"),
    ],
)
def test_what_cannot_work_is_named(word, line, tmp_path):
    """In one line, and no folder is made."""
    with pytest.raises(RecipeError) as error:
        begin(tmp_path, word)
    assert line in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_a_setting_of_the_yaml_is_missing(tmp_path):
    """What is there in its place is named, too."""
    text = ESD.read_text(encoding="utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(
        text.replace("\nrecognition_system:", "\nrecogniton_system:")
    )
    with pytest.raises(RecipeError, match="did you mean recognition_system?"):
        begin(tmp_path, yaml=path)


@pytest.mark.parametrize(
    "typed", ["/x/ESD #2", "123", "null", "1e-3", "a: b", "a=b", "true", "0019"]
)
def test_text_arrives_as_typed(typed, tmp_path):
    """However it is given; where null means something, it is null."""
    for words in ([f"--data_folder={typed}"], ["--data_folder", typed]):
        path = begin(
            tmp_path, *words, f"--output_folder={tmp_path}/{len(words)}"
        )
        assert path[2]["data_folder"] == typed
    for name in ("init_from", "speech_filter"):
        assert begin(tmp_path, f"--{name}=null")[2][name] is None


def test_a_dry_run_and_then_the_run_itself(tmp_path):
    """In one process; a name may be that of the flag."""
    name = ["--experiment_name", "dry_run"]
    for flags in (["--dry_run"], [], ["--restart"]):
        path, _, settings = begin(tmp_path, *name, *flags)
        assert settings["experiment_name"] == "dry_run"
        assert settings["dry_run"] == (flags == ["--dry_run"])
        assert Path(path).is_relative_to(tmp_path) != settings["dry_run"]


def test_a_setting_is_one_in_the_yaml_of_the_run(tmp_path):
    """Also where SpeechBrain has an option of that name."""
    path, run_opts, settings = begin(
        tmp_path, "--grad_accumulation_factor=3", "--debug"
    )
    assert settings["grad_accumulation_factor"] == 3
    assert "grad_accumulation_factor: 3" in Path(path).read_text()
    assert run_opts["debug"] and "grad_accumulation_factor" not in (
        run_opts.overridden_args
    )


def test_an_unexpected_error_is_one_line_and_a_log(capsys, tmp_path):
    """That says where it came from and where to report it."""

    @entry_point("main")
    def main(arguments):
        """Warns, and fails as nobody expects."""
        warnings.warn("It will be renamed.", FutureWarning)
        return {}["missing"]

    with pytest.raises(SystemExit) as stopped:
        main([])
    assert stopped.value.code == DEFECT
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("main: KeyError: 'missing'") and "report it" in line
    log = Path(line.rpartition(" with ")[2].rstrip("."))
    assert "Traceback" in log.read_text(encoding="utf-8")
    log.unlink()
    with pytest.raises(KeyError), pytest.warns(FutureWarning):
        main(["--debug"])


@pytest.mark.parametrize(
    "script, words, status",
    [
        ("recipes/ESD/train.py", [], 1),
        ("recipes/EPITOME/train.py", ["hparams/minilm.yaml", "--lr=0"], 1),
        ("recipes/ESD/esd_prepare.py", ["nowhere", "nowhere"], 1),
        ("recipes/ESD/esd_prepare.py", ["--seed"], 2),
        ("tools/demo_figures.py", ["nowhere", "--command=x"], 1),
    ],
)
def test_every_script_ends_in_one_line(script, words, status, tmp_path):
    """And an exit status; the first says nothing of its imports either."""
    command = [sys.executable, str(ROOT / script), *words]
    if words:
        done = forked.run(command, cwd=tmp_path)
    else:
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path
        )
    assert done.returncode == status, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
