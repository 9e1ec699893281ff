"""Whatever is wrong with a model is said in one line, before anything."""

import importlib.util
import os
import shutil
import socket
import sys
import types

import huggingface_hub.constants as hub_constants
import pytest
import soundfile
from filelock import FileLock
from hub_models import EMOTION, QWEN, WHISPER, as_pointer, cut_short
from hub_server import served
from huggingface_hub.utils import close_session
from recipe_runs import SCRIPT

from speechbrain_relm.__main__ import main
from speechbrain_relm.mini.esd import make_esd
from speechbrain_relm.runs.experiment import explain
from speechbrain_relm.utils.sources import hub, preflight
from speechbrain_relm.utils.sources.checks import answers
from speechbrain_relm.utils.sources.preflight import Need, disk_problems


@pytest.fixture(scope="module")
def models(tmp_path_factory, whisper_folder, emotion_folder, qwen_folder):
    """Tiny models under the paper's ids."""
    work = tmp_path_factory.mktemp("models")
    found = {WHISPER: whisper_folder, EMOTION: emotion_folder}
    found[QWEN] = qwen_folder
    copies = {
        name: shutil.copytree(source, work / name.replace("/", "_"))
        for name, source in found.items()
    }
    for copy in copies.values():
        (copy / "tf_model.h5").write_bytes(b"nobody reads it")
    return copies


@pytest.fixture
def local(models, tmp_path, monkeypatch):
    """A hub with them, of which this process knows; an empty cache."""
    for cached in (hub._downloaded, hub.settings_folder):
        cached.cache_clear()
    with served(models) as running:
        monkeypatch.setattr(hub_constants, "ENDPOINT", running.url)
        template = running.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(
            hub_constants, "HUGGINGFACE_CO_URL_TEMPLATE", template
        )
        monkeypatch.setattr(hub_constants, "HF_HUB_CACHE", tmp_path / "cache")
        monkeypatch.setenv("SPEECHBRAIN_RELM_CACHE", str(tmp_path / "ours"))
        yield running
    for cached in (hub._downloaded, hub.settings_folder):
        cached.cache_clear()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A few utterances."""
    return make_esd(
        tmp_path_factory.mktemp("corpus") / "ESD", speakers=1, sentences=4
    )


def refused(command, *arguments):
    """Runs a command that must end in one line a problem; returns them."""
    with pytest.raises(SystemExit) as stopped:
        command(*arguments)
    said = str(stopped.value)
    assert "Traceback" not in said
    return said.splitlines()


@pytest.fixture
def train(tmp_path, corpus, monkeypatch):
    """The ESD recipe's command line; what it is refused for."""
    spec = importlib.util.spec_from_file_location("esd_train", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr(sys, "argv", [str(SCRIPT)])
    # What SpeechBrain does to the process's logging is no matter here.
    nothing = types.SimpleNamespace(
        create_experiment_directory=lambda **_: None
    )
    monkeypatch.setattr(script, "sb", nothing)

    def run(**changes):
        """Runs it."""
        run.count += 1
        folder = tmp_path / f"run{run.count}"
        settings = {
            "data_folder": corpus,
            "output_folder": folder,
            "init_from": "null",
            "device": "cpu",
            **changes,
        }
        found = refused(
            explain,
            script.main,
            ["hparams/re_llm.yaml"]
            + [f"--{k}={v}" for k, v in settings.items()],
        )
        # Nothing was begun.
        assert not (folder / "manifests").exists()
        return found

    run.count = 0
    return run


def test_the_hub_is_down(local, train):
    """A line a model, at once; then by nobody listening."""
    local.status = 503
    lines = train()
    assert len(lines) == 3
    assert all("answers 503" in line for line in lines)


def test_nobody_listens(local, train, monkeypatch):
    """The network is named, and what else one can do."""
    monkeypatch.setattr(hub_constants, "ENDPOINT", "http://127.0.0.1:9")
    (line,) = train(steps="[expected_responses]")
    assert line.startswith("train.py: llm_source: Qwen/Qwen-7B-Chat is no")
    assert "does not answer (ConnectError)" in line and "folder" in line


def test_a_login_page_is_no_hub(local, train):
    """Of a network that lets nobody out before."""
    local.login = True
    lines = train()
    assert len(lines) == 3
    assert all("answers like no model hub" in line for line in lines)


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("HF_TOKEN", "gehört mir", "(UnicodeEncodeError: "),
        ("HTTP_PROXY", "http://proxy:port", "(InvalidURL: "),
    ],
)
def test_a_token_or_a_proxy_that_is_none(
    local, train, monkeypatch, name, value, words
):
    """Where to look is said; nothing of the program's is wrong."""
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv(name, value)
    close_session()
    (line,) = train(steps="[expected_responses]")
    close_session()
    assert words in line and "check HF_ENDPOINT, HF_TOKEN and the pro" in line


def test_a_network_that_swallows_all_is_asked_once(local, train, monkeypatch):
    """Else each model would take its time, twice."""
    monkeypatch.setattr(answers, "ANSWER_WITHIN", 0.2)
    monkeypatch.setattr(answers, "SILENCE", 3600)  # on a busy machine, too
    asked, ask = [], answers.HfApi.model_info

    def model_info(api, source, **how):
        """Counts."""
        asked.append(source)
        return ask(api, source, **how)

    monkeypatch.setattr(answers.HfApi, "model_info", model_info)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr(hub_constants, "ENDPOINT", url)
        lines = train()
    assert len(asked) == 1
    assert len(lines) == 3
    assert all("does not answer (ReadTimeout)" in line for line in lines)


def test_gated_unknown_and_wrong_path_at_once(local, train):
    """Three problems, three lines, each with what to do."""
    local.gated.add(QWEN)
    lines = train(emotion_source="nobody/nothing", whisper_source="/no/path")
    assert len(lines) == 3
    assert "no such model: check the name" in lines[0]
    assert f"ask for access on {local.url}/{QWEN}" in lines[1]
    assert "hf auth login" in lines[1]
    assert "/no/path is no folder: check the path" in lines[2]


def damaged(models, tmp_path, name, damage):
    """A copy of a model with damaged weights."""
    folder = shutil.copytree(models[name], tmp_path / "damaged")
    damage(folder / "model.safetensors")
    return folder


@pytest.mark.parametrize(
    "damage, words",
    [
        (cut_short, "model.safetensors is truncated or no weight file"),
        (as_pointer, "model.safetensors is a Git LFS pointer"),
        (lambda path: path.unlink(), "model.safetensors is missing"),
        (
            lambda path: path.rename(path.with_name("pytorch_model.bin")),
            "pytorch_model.bin is truncated or no weight file (its header",
        ),
        (
            lambda path: path.with_name("config.json").unlink(),
            "config.json is missing",
        ),
        (
            lambda path: path.with_name("tokenizer.json").unlink(),
            "has no tokenizer",
        ),
    ],
)
def test_damaged_folders(local, train, models, tmp_path, damage, words):
    """Found without reading the weights."""
    folder = damaged(models, tmp_path, QWEN, damage)
    lines = train(llm_source=folder)
    assert len(lines) == 1 and words in lines[0]


def test_a_full_disk(local, train, monkeypatch):
    """What is wanted, where, and what is free."""
    usage = types.SimpleNamespace(free=10**6)
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda _: usage)
    (line,) = train()
    for said in ("downloads ", "checkpoints ", "release ", "MB are free"):
        assert said in line


def test_disks_are_added_up_one_by_one(tmp_path, monkeypatch):
    """Two needs that fit alone do not fit together."""
    usage = types.SimpleNamespace(free=5)
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda _: usage)
    needs = [Need("a", tmp_path, 3), Need("b", tmp_path / "new", 3)]
    assert disk_problems(needs[:1]) == []
    assert len(disk_problems(needs)) == 1


def test_cached_models_need_no_network(local, caplog):
    """Once whole in the cache, a model is found with the hub gone."""
    before = hub.model_folder(QWEN)
    hub._downloaded.cache_clear()
    local.status = 503
    assert hub.model_folder(QWEN) == before
    with caplog.at_level("WARNING"):
        found = preflight.look_at_all({"llm_source": QWEN})
    assert found[0].problem is None and "(cached)" in found[0].revision
    assert "going on with what is in the cache" in caplog.text
    # A part of it is not enough.
    (before / "model.safetensors").unlink()
    (one,) = preflight.look_at_all({"llm_source": QWEN})
    assert (
        "503" in one.problem and "model.safetensors is missing" in one.problem
    )


def test_a_part_in_the_cache_is_no_obstacle(local):
    """Files that were never wanted are not asked for."""
    from huggingface_hub import snapshot_download

    from speechbrain_relm.utils.sources.base_models import describe

    snapshot_download(QWEN, allow_patterns=["config.json"])
    folder = hub.model_folder(QWEN)
    assert not (folder / "tf_model.h5").exists()
    found = describe(QWEN)
    assert found["revision"] == folder.name
    assert list(found["sha256"]) == ["model.safetensors"]


def test_a_cut_connection_goes_on_where_it_was(local, models, tmp_path):
    """In the middle of a file; huggingface_hub keeps 10 MB at a time."""
    size, chunk = 25 * 2**20, 10 * 2**20
    folder = tmp_path / "large"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(bytes(size))
    local.models["a/large"] = folder
    key = "a/large/model.safetensors"
    local.cut[key], local.cut_once = 11 * 2**20, True
    found = hub.model_folder("a/large")
    assert (found / "model.safetensors").stat().st_size == size
    assert local.sent[key] == 11 * 2**20 + size - chunk


def test_what_killed_downloads_left_is_removed(local, tmp_path):
    """Not what somebody is downloading, whatever the locks are worth."""
    name, cache = f"models--{QWEN.replace('/', '--')}", tmp_path / "cache"
    blobs = cache / name / "blobs"
    blobs.mkdir(parents=True)
    locks = cache / ".locks" / name
    locks.mkdir(parents=True)
    for part in ("left", "held", "new"):
        path = blobs / f"{part}.8f274399.incomplete"
        path.write_bytes(b"half")
        if part != "new":
            os.utime(path, (1, 1))
    with FileLock(locks / "held.lock"):
        preflight.look_at_all({"llm_source": QWEN})
    found = {path.name.partition(".")[0] for path in blobs.iterdir()}
    assert found == {"held", "new"}


def recorded(folder):
    """A recording that can be read."""
    path = str(folder / "speech.wav")
    soundfile.write(path, [0.0, 0.1] * 800, 16000)
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        ["convert", "qwen", "nobody/nothing", "TARGET"],
        [
            "plan",
            "recipes/ESD/hparams/re_llm.yaml",
            "--llm_source=nobody/nothing",
        ],
        ["respond", "nobody/nothing", "SPEECH"],
        ["chat", "nobody/nothing"],
    ],
)
@pytest.mark.parametrize("down", [True, False])
def test_other_commands(local, tmp_path, arguments, down):
    """An id that nobody has, and a hub that is down."""
    local.status = 503 if down else None
    paths = {"TARGET": str(tmp_path / "new"), "SPEECH": recorded(tmp_path)}
    (line,) = refused(main, [paths.get(word, word) for word in arguments])
    assert "nobody/nothing" in line
    assert ("answers 503" if down else "no such model") in line
    assert not (tmp_path / "new").exists()


def test_convert_refuses_what_is_gated_or_too_large(
    local, tmp_path, monkeypatch
):
    """Before the download."""
    local.gated.add(QWEN)
    (line,) = refused(main, ["convert", "qwen", QWEN, str(tmp_path / "new")])
    assert "is gated: ask for access" in line
    local.gated.clear()
    usage = types.SimpleNamespace(free=10)
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda _: usage)
    (line,) = refused(main, ["convert", "qwen", QWEN, str(tmp_path / "new")])
    assert "downloads" in line and "are free" in line
    assert not local.sent


@pytest.mark.parametrize("command", ["respond", "chat"])
def test_a_release_whose_base_is_damaged(
    local, release_folder, models, tmp_path, command
):
    """Named by its setting."""
    folder = damaged(models, tmp_path, QWEN, cut_short)
    release = shutil.copytree(release_folder, tmp_path / "release")
    yaml = release / "hyperparams.yaml"
    text = yaml.read_text()
    for line in text.splitlines():
        if line.startswith("llm_source:"):
            text = text.replace(line, f'llm_source: "{folder}"')
    yaml.write_text(text)
    said = [recorded(tmp_path)] * (command == "respond")
    (line,) = refused(main, [command, str(release), *said])
    assert "llm_source: " in line and "is truncated" in line
