"""Each step gets what it reads of a YAML, and no other model is built."""

import pytest

from speechbrain_relm.runs.experiment import read_settings
from speechbrain_relm.runs.needs import NEEDS, needed_sources, needed_yaml
from speechbrain_relm.runs.planning.command import main
from speechbrain_relm.runs.systems import TABLE_1, effective_yaml

ESD = "recipes/ESD/hparams/re_llm.yaml"
MINI = "recipes/ESD/hparams/re_llm_mini.yaml"


def read(yaml, steps, **changes):
    """The YAML to build for some steps, as plain values; its models."""
    text = effective_yaml(yaml, {"data_folder": "none", **changes})
    settings = read_settings(text, {})
    built = read_settings(needed_yaml(text, steps), {})
    return settings, built, needed_sources(text, settings, steps)


@pytest.mark.parametrize("yaml", [ESD, MINI])
@pytest.mark.parametrize("step", NEEDS)
def test_plain_settings_stay(yaml, step):
    """Prompts and numbers are there whatever the steps."""
    settings, built, _ = read(yaml, [step])
    assert settings.keys() == built.keys()
    for name in (
        "response_settings",
        "recognition_settings",
        "expected_response_settings",
        "emotions",
        "loss_weights",
        "train_loader",
    ):
        assert built[name] == settings[name]


@pytest.mark.parametrize(
    "step, models",
    [
        ("prepare", []),
        ("attributes", ["emotion_source"]),
        ("expected_responses", ["llm_source"]),
        ("score", []),
        (
            "fit",
            ["emotion_source", "init_from", "llm_source", "whisper_source"],
        ),
        ("report", []),
    ],
)
def test_models_of_a_step(step, models):
    """Only these are looked up and loaded."""
    _, built, sources = read(ESD, [step])
    assert list(sources) == models
    if step != "fit":
        assert built["modules"] is None and built["checkpointer"] is None
    assert (built["empathy_scorer"] is None) == (step != "score")


def test_an_unknown_step_needs_everything():
    """A recipe's own step is not guessed at."""
    settings, built, _ = read(ESD, ["prepare", "dance"])
    assert built == settings


@pytest.mark.parametrize("system", TABLE_1)
def test_every_system_has_a_plan(system, capsys):
    """Those that do not train answer."""
    main([ESD, "--system", system])
    said = capsys.readouterr().out
    trains = "fit" in read(ESD, None, system=system)[0]["steps"]
    assert ("memory of a training step" in said) == trains
    assert ("memory of answering" in said) != trains


@pytest.mark.parametrize(
    "yaml",
    [
        "LibriSpeech/hparams/align.yaml",
        "EPITOME/hparams/roberta_base.yaml",
        "MSP-Podcast/hparams/emotion_encoder.yaml",
    ],
)
def test_other_recipes_have_a_plan(yaml, capsys):
    """Of the paper's models nothing is downloaded."""
    main([f"recipes/{yaml}"])
    assert "memory of a training step" in capsys.readouterr().out
