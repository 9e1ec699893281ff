"""What a result was made from: said, compared, refused, never mixed."""

import os
import shutil
from pathlib import Path

import pytest
from recipe_runs import ROOT

from speechbrain_relm.__main__ import main as command_line
from speechbrain_relm.evaluation.__main__ import main as evaluation
from speechbrain_relm.evaluation.runs import Run, read_run, write_figures
from speechbrain_relm.evaluation.tables.alike import check_alike, results_of
from speechbrain_relm.runs.provenance import declared
from speechbrain_relm.runs.provenance.dry_run import fit_verdict
from speechbrain_relm.runs.provenance.fits import Fit
from speechbrain_relm.runs.provenance.inputs import Inputs
from speechbrain_relm.runs.steps.report import check_report
from speechbrain_relm.runs.systems import effective_yaml
from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.plain_yaml import settings_of
from speechbrain_relm.utils.provenance.digests import file_digests
from speechbrain_relm.utils.provenance.kept import as_line, as_record
from speechbrain_relm.utils.provenance.stamps import (
    content,
    differences,
    fingerprint,
    told,
    write_stamp,
)
from speechbrain_relm.utils.records import work_through
from speechbrain_relm.utils.sources.base_models import source_content

CORPORA = ("ESD", "IEMOCAP", "MSP-Podcast")
YAML = ROOT / "recipes/ESD/hparams/re_llm_mini.yaml"


def inputs_with(tiny_sources, **overrides):
    """Reads the ESD recipe's YAML with some overrides."""
    text = effective_yaml(
        str(YAML), {"data_folder": "ESD", **tiny_sources, **overrides}
    )
    return Inputs(text)


def test_a_file_is_read_again_if_it_changed(tmp_path, monkeypatch):
    """Even where its size and its time are the same as before."""
    monkeypatch.setenv("SPEECHBRAIN_RELM_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "a.wav"
    file.write_bytes(b"one")
    os.utime(file, (1, 1))
    before = file_digests(tmp_path, ["a.wav"])
    monkeypatch.setattr(
        "speechbrain_relm.utils.provenance.digests.sha256", None
    )
    assert file_digests(tmp_path, ["a.wav"]) == before  # nothing is read
    monkeypatch.undo()
    file.write_bytes(b"two")
    os.utime(file, (1, 1))
    assert file_digests(tmp_path, ["a.wav"]) != before


def test_a_model_is_its_content(qwen_folder, tmp_path):
    """Moved it is the same; with another number or token it is not."""
    moved = tmp_path / "moved"
    shutil.copytree(qwen_folder, moved)
    before, after = source_content(qwen_folder), source_content(str(moved))
    assert fingerprint(before) == fingerprint(after) and before != after
    for name in ("model.safetensors", "tokenizer.json", "config.json"):
        content = (moved / name).read_bytes()
        (moved / name).write_bytes(content[:-9] + b"\n" + content[-8:])
        assert fingerprint(source_content(str(moved))) != fingerprint(before)
        (moved / name).write_bytes(content)


@pytest.mark.parametrize(
    "name, value, said",
    [
        ("lr", 0.5, "lr was 0.0002, is 0.5"),
        ("seed", 7, "seed was 1986, is 7"),
        ("emotions", ["sad", "angry"], "emotions was"),
        ("llm", {"adapter_kwargs": {"rank": 8}}, "llm.adapter_kwargs.rank was"),
        ("chat_llm", {"dtype": "bfloat16"}, "chat_llm.dtype was"),
        ("emotion_encoder", None, "emotion_encoder was"),
        ("continuation_system", "Hm.", "continuation_system was"),
        ("split_seed", 9, "split_seed was 1234, is 9"),
        ("loss_weights", {"category": 0.5}, "loss_weights.category was 1"),
    ],
)
def test_a_fit_is_refused_with_what_changed(
    name, value, said, tiny_sources, tmp_path
):
    """In one line, with the setting's name and both values."""
    before = inputs_with(tiny_sources).of("fit")
    Fit(tmp_path, before, 2).begin({})
    (tmp_path / "CKPT+1").mkdir()
    Fit(tmp_path, before, 2).check()
    other = Fit(
        tmp_path, inputs_with(tiny_sources, **{name: value}).of("fit"), 2
    )
    with pytest.raises(RecipeError) as error:
        other.check()
    assert said in str(error.value) and "--restart" in str(error.value)
    assert "\n" not in str(error.value)
    assert fit_verdict(other).startswith("refused: ")


def test_free_settings_change_nothing(tiny_sources):
    """Places, workers, and the batches of generation."""
    free = {
        "generation_batch_size": 3,
        "output_folder": "elsewhere",
        "train_loader": {"num_workers": 2},
        "log_interval_steps": 1,
        "data_folder": "moved",
    }
    other = inputs_with(tiny_sources, **free)
    for step in ("fit", *declared.NAMED):
        if step != "measure":
            assert inputs_with(tiny_sources).of(step) == other.of(step)


def test_prompts_of_the_answers_leave_the_fit_alone(tiny_sources):
    """They are asked for after it."""
    before, other = (
        inputs_with(tiny_sources),
        inputs_with(tiny_sources, response_style="!"),
    )
    assert before.of("fit") == other.of("fit")
    found = differences(before.of("respond"), other.of("respond"))
    assert told(found) == 'response_style was "", is "!"'
    assert before.of("score") == other.of("score")


def test_epochs_may_grow_only(tmp_path):
    """And a fit that grew is another than one that was long at once."""
    Fit(tmp_path, {}, 2).begin({})
    (tmp_path / "CKPT+1").mkdir()
    Fit(tmp_path, {}, 3).begin({})
    assert "[\n    2,\n    3\n  ]" in (tmp_path / "INPUTS.json").read_text()
    with pytest.raises(RecipeError, match="number_of_epochs was 3, is 2"):
        Fit(tmp_path, {}, 2).check()


def test_checkpoints_of_nobody_knows_what(tmp_path):
    """They may be another experiment's, and are not deleted as incomplete."""
    (tmp_path / "CKPT+1").mkdir()
    with pytest.raises(RecipeError, match="another experiment's"):
        Fit(tmp_path, {}, 2).check()


def test_restart_keeps_what_was_there(tmp_path):
    """Under a name of its own, as often as one likes."""
    for _ in range(2):
        save = tmp_path / "save"
        Fit(save, {"lr": 1}, 2).begin({})
        (save / "CKPT+1").mkdir()
        Fit(save, {"lr": 1}, 2).put_aside([save])
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 2 and names[1] == f"{names[0]}-2"


@pytest.mark.parametrize("corpus", CORPORA)
def test_every_name_that_is_declared_is_a_setting(corpus):
    """A setting that was renamed would be forgotten."""
    folder = ROOT / "recipes" / corpus / "hparams"
    names = {
        name
        for file in folder.glob("re_llm*.yaml")
        for name in settings_of(file.read_text(encoding="utf-8"))
    }
    other = {"sentence_encoder", "sentence_source", "measure_on"}
    other |= {"emotions_file", "transcripts_folder"}
    named = {
        n
        for step in declared.NAMED
        if step != "measure"
        for n in declared.NAMED[step]
    }
    assert {*named, *declared.AFTER_FIT, *declared.FREE} - names <= other


def run_of(folder, scorer, said="I fell."):
    """Makes a scored run of one response, by the command."""
    folder.mkdir()
    csv = folder / "said.csv"
    csv.write_text(f"id,transcript,response\na,{said},Oh no!\n")
    evaluation(["score", str(csv), str(folder / "run"), "--scorer", scorer])
    return str(folder / "run")


def test_a_table_never_mixes(tmp_path, scorer_folder, capsys):
    """The odd one is named: another scorer, another transcript."""
    runs = [run_of(tmp_path / name, scorer_folder) for name in "ab"]
    named = [f"{name}={run}" for name, run in zip("AB", runs)]
    output = ["--output", str(tmp_path / "table")]
    evaluation(["table", *named, *output])
    printed = capsys.readouterr().out
    assert (
        "- Test set `" in printed and "- A: responses and scores `" in printed
    )

    other = run_of(tmp_path / "c", scorer_folder, said="I sang.")
    with pytest.raises(SystemExit, match="C has another transcript of a than"):
        evaluation(["table", *named, f"C={other}", *output])

    scorer = tmp_path / "scorer"
    shutil.copytree(scorer_folder, scorer)
    config = scorer / "config.json"
    config.write_text(config.read_text() + "\n")
    other = run_of(tmp_path / "d", str(scorer))
    with pytest.raises(SystemExit, match="D was scored by another scorer"):
        evaluation(["table", *named, f"D={other}", *output])


def test_a_runs_own_responses_are_not_replaced(tmp_path, scorer_folder):
    """Others' go to a folder of their own; a changed CSV is kept aside."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "responses.jsonl").write_text('{"id": "a", "response": "Oh!"}\n')
    csv = tmp_path / "other.csv"
    csv.write_text("id,transcript,response\na,I fell.,Oh no!\n")
    asked = ["--scorer", scorer_folder]
    with pytest.raises(SystemExit, match="name another folder"):
        evaluation(["score", str(csv), str(own), *asked])
    evaluation(["score", str(csv), str(tmp_path / "run"), *asked])
    csv.write_text("id,transcript,response\na,I fell.,Really?\n")
    evaluation(["score", str(csv), str(tmp_path / "run"), *asked])
    run = read_run(tmp_path / "run")
    assert run.responses["a"]["response"] == "Really?"
    assert "Oh no!" in (tmp_path / "run/responses.old.jsonl").read_text()


def test_scores_of_other_responses_are_refused(tmp_path, scorer_folder):
    """Edited responses are to be scored again."""
    path = run_of(tmp_path / "a", scorer_folder)
    file = tmp_path / "a/run/responses.jsonl"
    text = file.read_text()
    file.write_text(text.replace("Oh no!", "Oh yes!"))
    with pytest.raises(ValueError, match="line 1: .* changed since it was"):
        read_run(path)
    (record,) = map(as_record, text.encode().splitlines())
    for field in ("response", "transcript"):
        file.write_text(as_line({**record, field: "Oh yes!"}))
        with pytest.raises(ValueError, match="scores are of other responses"):
            read_run(path)


@pytest.mark.parametrize("name", ["responses", "scores"])
def test_records_without_their_stamp_are_refused(name, tmp_path, scorer_folder):
    """Nobody would know which scorer it was."""
    path = run_of(tmp_path / "a", scorer_folder)
    stamp = tmp_path / f"a/run/{name}.inputs.json"
    text = stamp.read_text()
    for spoilt in (None, text[:9], text.replace("{", '{"seed": 2,', 1)):
        stamp.unlink() if spoilt is None else stamp.write_text(spoilt)
        with pytest.raises(ValueError, match=f"{name}.inputs.json is"):
            read_run(path)
    stamp.write_text(text)
    read_run(path)


@pytest.mark.parametrize("name", ["listening", "same_words"])
def test_figures_of_other_responses_are_refused(name, tmp_path, scorer_folder):
    """As when the prompt changed, and the step did not run again."""
    path = run_of(tmp_path / "a", scorer_folder)
    responses = read_run(path).responses
    write_figures(tmp_path / f"a/run/{name}.json", {"n": 1}, responses)
    assert getattr(read_run(path), name) == {"n": 1}
    (record,) = responses.values()
    other = {"a": {**record, "response": "Oh yes!"}}
    write_figures(tmp_path / f"a/run/{name}.json", {"n": 1}, other)
    with pytest.raises(ValueError, match=f"{name}.json is of other responses"):
        read_run(path)


def test_a_probe_of_other_recordings_is_refused(tmp_path, scorer_folder):
    """It is held against the head that heard these."""
    path = run_of(tmp_path / "a", scorer_folder)
    file = tmp_path / "a/run/responses.jsonl"
    (record,) = read_run(path).responses.values()
    record["from"]["audio"], record["emotion"] = "12", "sad"
    file.write_text(as_line(record))
    for audio in ("12", "34"):
        heard = content(fingerprint({"a": [audio, "sad"]}), "1 utterance")
        work_through(
            tmp_path / "a/run/probe.jsonl",
            [["a"]],
            lambda ids: [{"id": i, "probe_emotion": "sad"} for i in ids],
            {"test": heard},
            "probe",
        )
        if audio == "12":
            assert read_run(path).is_probed()
    with pytest.raises(ValueError, match="probe.jsonl is of other recordings"):
        read_run(path)


def seed_of(digest, **inputs):
    """Makes a run of a system that was trained."""
    made = {"checkpoint": content(digest, "CKPT"), "fit": digest, **inputs}
    said = {"a": {"id": "a", "response": "Oh!", "transcript": "I fell."}}
    return Run("A", said, {"a": {"ER": 1}}, {"responses": made})


def test_only_repetitions_are_pooled():
    """No copy of a run, and no other experiment."""
    check_alike([seed_of("1"), seed_of("2", init_from="aligned/2")])
    with pytest.raises(ValueError, match="A have the same trained weights"):
        check_alike([seed_of("1"), seed_of("2"), seed_of("1")])
    runs = [seed_of(n, response_system=f"Say {n}.") for n in "12"]
    with pytest.raises(ValueError, match='response_system was "Say 1.", is'):
        check_alike(runs)


def test_a_report_of_other_answers_is_not_released(tmp_path, scorer_folder):
    """Its model card would show their figures."""
    run = Path(run_of(tmp_path / "a", scorer_folder))
    weights = tmp_path / "model.ckpt"
    weights.touch()
    (run / "table.csv").touch()
    write_stamp(run / "table.csv", {"results": results_of(read_run(run))})
    check_report(run, weights)
    write_stamp(run / "table.csv", {"results": "0"})
    with pytest.raises(RecipeError, match="run the step 'report' again"):
        check_report(run, weights)


def test_a_table_does_not_replace_a_runs_own(tmp_path, scorer_folder):
    """Nor do several tables that are joined."""
    run = run_of(tmp_path / "a", scorer_folder)
    for asked in (["table", run], ["join", f"ESD={run}"]):
        with pytest.raises(SystemExit, match="whose own table this one would"):
            evaluation([*asked, "--output", run])


@pytest.mark.parametrize("name", ["responses.jsonl", "table.csv"])
def test_answers_to_recordings_replace_nothing_else(
    name, tmp_path, release_folder
):
    """Whatever the file that was named by mistake holds."""
    path = tmp_path / name
    path.write_text('{"id": "a"}\n')
    write_stamp(path, {"seed": 1})
    with pytest.raises(SystemExit, match="name another"):
        command_line(
            ["respond", release_folder, "a.wav", "--output", str(path)]
        )
    assert path.read_text() == '{"id": "a"}\n'


def test_a_dry_run_counts_what_a_fit_makes_stale(tmp_path):
    """Restarted, or gone on with for more epochs."""
    fit = Fit(tmp_path / "save", {"lr": 0.1}, 2)
    fit.begin({})
    (tmp_path / "save" / "CKPT+1").mkdir()
    assert "number_of_epochs" not in fit_verdict(fit)
    assert fit_verdict(fit, restart=True).startswith("done anew")
    longer = Fit(tmp_path / "save", {"lr": 0.1}, 3)
    assert fit_verdict(longer).endswith("number_of_epochs grows")
