"""The paper's own command, with its own ids, from an empty cache to its end."""

import subprocess
import sys

import pytest
from hub_models import BLSP_EMO, UNREAD, WHISPER, hub_environment, paper_models
from hub_server import served
from recipe_runs import BRIEF, ROOT, SCRIPT

from speechbrain_relm.mini.esd import make_esd

STEPS = ("attributes", "expected_responses", "scores", "responses")


def call(arguments, environment):
    """Runs a command; returns its exit status and all that it printed."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def finished(tmp_path_factory, scorer_folder):
    """All eight steps, then the hub is gone."""
    work = tmp_path_factory.mktemp("paper")
    corpus = make_esd(work / "ESD", speakers=1, sentences=4)
    models = paper_models(work)
    command = [SCRIPT, "hparams/re_llm.yaml", f"--data_folder={corpus}"]
    command += [f"--output_folder={work / 'run'}", "--device=cpu"]
    command += [f"--scorer_source={scorer_folder}", "--number_of_epochs=1"]
    # So few words of a random LLM are as good as 256.
    command += [f"--{name}={value}" for name, value in BRIEF.items()]
    with served(models) as hub:
        status, said = call(command, hub_environment(hub.url, work))
        assert status == 0, said[-4000:]
        yield work, hub, said, command


def test_every_step_left_its_result(finished):
    """From the manifests to the release."""
    run = finished[0] / "run"
    for name in STEPS:
        assert (run / f"{name}.jsonl").stat().st_size
    assert (run / "table.md").is_file() and (run / "release").is_dir()


def test_only_what_is_read_was_downloaded(finished):
    """One weight format, no code, nothing of training; no second LLM."""
    work, hub, said, _ = finished
    sent = set(hub.sent)
    assert f"{WHISPER}/model.safetensors" in sent
    assert not [name for name in sent if name.endswith((*UNREAD, ".py"))]
    assert f"{WHISPER}/pytorch_model.bin" not in sent
    asked = [path for _, path, _ in hub.log]
    assert not [path for path in asked if "discussions" in path]
    (start,) = (work / "ours/converted").glob("blsp-emo-*")
    assert {p.name for p in start.iterdir() if p.is_dir()} == {
        "trained",
        "whisper",
    }
    # Said before anything was done.
    for line in (f"| init_from | {BLSP_EMO} |", "| llm_source | Qwen/Qwen-7B"):
        assert said.index(line) < said.index("reads 0.0")


def test_the_log_is_of_the_run(finished):
    """What libraries say to their own makers is not in it."""
    log = (finished[0] / "run/log.txt").read_text()
    steps = [line for line in log.splitlines() if " - DEBUG - " in line]
    assert not [s for s in steps if " - speechbrain" not in s], steps[-1]


def test_the_card_names_what_training_started_from(finished):
    """With its terms."""
    card = (finished[0] / "run/release/README.md").read_text()
    assert f"started from [{BLSP_EMO}]" in card
    assert "apache-2.0" in card and "Tongyi Qianwen" in card


def test_the_release_answers_offline(finished):
    """The hub is not asked for anything any more."""
    work, hub, _, _ = finished
    wav = next((work / "ESD").rglob("*.wav"))
    before = len(hub.log)
    status, said = call(
        [
            "-m",
            "speechbrain_relm",
            "respond",
            work / "run/release",
            wav,
            "--emotion",
        ],
        hub_environment(hub.url, work, HF_HUB_OFFLINE="1"),
    )
    assert status == 0, said[-3000:]
    assert "category head: " in said and len(hub.log) == before


def test_a_release_alone_loads_no_weights(finished):
    """Asked for by itself it comes again, the same, with the hub down."""
    work, hub, _, command = finished
    weights = work / "run/release/model.ckpt"
    before = weights.read_bytes()
    weights.unlink()
    hub.status = 503
    status, said = call(
        [*command, "--steps=[release]"], hub_environment(hub.url, work)
    )
    hub.status = None
    assert status == 0, said[-3000:]
    assert "going on with what is in the cache" in said
    assert weights.read_bytes() == before
