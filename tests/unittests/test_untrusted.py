"""Nothing that is opened runs code: models' folders and releases."""

import ast
import json
import pydoc
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
import transformers
from speechbrain.integrations.huggingface.wav2vec2 import Wav2Vec2
from transformers import dynamic_module_utils

from speechbrain_relm.__main__ import main
from speechbrain_relm.demo.__main__ import main as serve
from speechbrain_relm.inference.epitome import EmpathyScoring
from speechbrain_relm.inference.re_llm import EmpatheticListener
from speechbrain_relm.lobes.chat_llm import ChatLLM
from speechbrain_relm.lobes.emotion_encoder import DimensionalEmotionEncoder
from speechbrain_relm.lobes.epitome import EmpathyScorer
from speechbrain_relm.lobes.epitome_classifier import new_encoder
from speechbrain_relm.lobes.parts.epitome_folder import save_scorer
from speechbrain_relm.lobes.sentence_encoder import SentenceEncoder
from speechbrain_relm.lobes.speech_llms.qwen2_audio import Qwen2AudioListener
from speechbrain_relm.lobes.whisper_encoder import WhisperSpeechEncoder
from speechbrain_relm.lobes.whisper_transcriber import WhisperTranscriber
from speechbrain_relm.release.listed import LISTED
from speechbrain_relm.release.opening import open_release, read_release
from speechbrain_relm.training.initialization import read_start
from speechbrain_relm.utils.sources.architectures import architecture
from speechbrain_relm.utils.sources.preflight import look
from speechbrain_relm.utils.sources.pretrained import load_tokenizer
from tests import tiny_models

ROOT = Path(__file__).resolve().parents[2]
AUTO = ("AutoConfig", "AutoModel", "AutoModelForCausalLM", "AutoProcessor")
AUTO += ("AutoTokenizer", "AutoFeatureExtractor")


@pytest.fixture
def mark(tmp_path):
    """What code that runs leaves behind."""
    return tmp_path / "mark"


@pytest.fixture
def yes(monkeypatch):
    """A standard input that says yes to everything."""
    with subprocess.Popen(["yes"], stdout=subprocess.PIPE, text=True) as said:
        monkeypatch.setattr(sys, "stdin", said.stdout)
        yield
        said.kill()


def with_code(source, folder, mark, kind):
    """A copy whose settings name classes of a Python file beside them."""
    shutil.copytree(source, folder)
    (folder / "own.py").write_text(
        f"open({str(mark)!r}, 'w').close()\nclass Own: pass\n"
    )
    for name in ("config", "tokenizer_config", "preprocessor_config"):
        path = folder / f"{name}.json"
        settings = json.loads(path.read_text()) if path.is_file() else {}
        settings["auto_map"] = dict.fromkeys(AUTO, "own.Own")
        settings["auto_map"]["AutoTokenizer"] = ["own.Own", "own.Own"]
        if kind == "unknown":
            settings.update(model_type="own", tokenizer_class="Own")
        path.write_text(json.dumps(settings))
    (folder / "custom_generate").mkdir()
    shutil.copy(folder / "own.py", folder / "custom_generate/generate.py")
    return str(folder)


LOADS = {
    "llm": (ChatLLM, "qwen_folder"),
    "llm's tokenizer": (load_tokenizer, "qwen_folder"),
    "config": (architecture, "qwen_folder"),
    "emotion encoder": (DimensionalEmotionEncoder, "emotion_folder"),
    "whisper encoder": (WhisperSpeechEncoder, "whisper_folder"),
    "whisper": (WhisperTranscriber, "whisper_folder"),
    "its tokenizer": (load_tokenizer, "whisper_folder"),
    "sentence encoder": (SentenceEncoder, "bert_folder"),
    "backbone": (new_encoder, "bert_folder"),
    "qwen2-audio": (Qwen2AudioListener, "qwen_folder"),
    "speechbrain's": (lambda f: Wav2Vec2(f, f + "/kept"), "wav2vec2_folder"),
}


@pytest.fixture(scope="module")
def bert_folder(tmp_path_factory):
    """A tiny text encoder."""
    return tiny_models.save_bert(str(tmp_path_factory.mktemp("bert")))


@pytest.fixture(scope="module")
def wav2vec2_folder(tmp_path_factory):
    """A tiny speech encoder."""
    folder = str(tmp_path_factory.mktemp("wav2vec2"))
    return tiny_models.save_wav2vec2(folder)


def test_these_folders_would_run_code(qwen_folder, tmp_path, mark, yes):
    """Where nothing forbids it: transformers asks, and is told yes."""
    folder = with_code(qwen_folder, tmp_path / "model", mark, "unknown")
    dynamic_module_utils.TIME_OUT_REMOTE_CODE = 15
    try:
        with pytest.raises(AttributeError):  # of a class that is none
            transformers.AutoConfig.from_pretrained(folder)
    finally:
        dynamic_module_utils.TIME_OUT_REMOTE_CODE = 0
    assert mark.exists()


@pytest.mark.parametrize("kind", ["unknown", "known"])
@pytest.mark.parametrize("name", LOADS)
def test_no_load_runs_code(name, kind, request, tmp_path, mark, yes):
    """A kind that transformers knows is loaded; another is refused."""
    load, fixture = LOADS[name]
    source = request.getfixturevalue(fixture)
    folder = with_code(source, tmp_path / "model", mark, kind)
    if kind == "known" and name not in ("qwen2-audio", "speechbrain's"):
        load(folder)
    else:
        with pytest.raises((OSError, ValueError)) as refused:
            load(folder)
        if name not in ("qwen2-audio", "speechbrain's"):
            said = str(refused.value)
            assert folder in said and "\n" not in said
            assert "trust_remote_code" not in said
    assert not mark.exists()


def test_nor_does_a_scorer(scorer_folder, tmp_path, mark, yes):
    """Its tokenizer is one of transformers', whatever its settings say."""
    folder = tmp_path / "scorer"
    shutil.copytree(scorer_folder, folder)
    shutil.rmtree(folder / "tokenizer")
    source = f"{scorer_folder}/tokenizer"
    with_code(source, folder / "tokenizer", mark, "unknown")
    with pytest.raises(ValueError, match="brings Python code"):
        EmpathyScorer(folder)
    settings = json.loads((folder / "config.json").read_text())
    settings["backbone"]["auto_map"] = {"AutoModel": "own.Own"}
    (folder / "config.json").write_text(json.dumps(settings))
    shutil.rmtree(folder / "tokenizer")
    shutil.copytree(source, folder / "tokenizer")
    EmpathyScorer(folder)
    assert not mark.exists()


# Calls of others' loaders, and what each must say.
CAREFUL = {
    "from_pretrained": ("trust_remote_code", False),
    "from_config": ("trust_remote_code", False),
    "from_hub": ("trust_remote_code", False),
}
OWNERS = ("os", "yaml", "builtins")
NEVER = ("eval", "exec", "system", "popen", "unsafe_load", "foreign_class")


@pytest.mark.parametrize("room", ["speechbrain_relm", "recipes", "tools"])
def test_every_load_says_so(room):
    """In the source, so that no other can be added."""
    found = 0
    for path in sorted((ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            owner = getattr(getattr(node.func, "value", None), "id", "")
            given = {
                word.arg: getattr(word.value, "value", None)
                for word in node.keywords
            }
            where = f"{path}:{node.lineno}"
            if called in CAREFUL:
                name, value = CAREFUL[called]
                assert given.get(name, ...) is value, where
                found += 1
            if (owner, called) == ("torch", "load") or called == "_unpickle":
                safe = given.get("weights_only") is True
                assert safe or None in given or not node.keywords, where
            assert owner != "pickle" or called != "load", where
            by_name = isinstance(node.func, ast.Name) or owner in OWNERS
            assert not (by_name and called in NEVER), where
            assert given.get("shell") is not True, where
    assert found or room != "speechbrain_relm"
    for path in (ROOT / room).rglob("*.yaml"):
        assert "from_pretrained" not in path.read_text(encoding="utf-8"), path


# Each would leave a mark, were it built by HyperPyYAML's own loader.
BAD = {
    "apply": "x: !apply:os.system ['touch MARK']",
    "new": "x: !new:subprocess.Popen [[touch, MARK]]",
    "applyref": "x: !applyref:os.system ['touch MARK']",
    "python": "x: !!python/object/apply:os.system ['touch MARK']",
    "python_new": "x: !!python/object/new:subprocess.Popen [[touch, MARK]]",
    "tuple": "x: (!!python/object/apply:os.system ['touch MARK'])",
    "quoted": "x: \"(!!python/object/apply:os.system ['touch MARK'])\"",
    "long_tag": "x: !<!apply:os.system> ['touch MARK']",
    "handle": "%TAG ! !apply:os.\n---\nx: !system ['touch MARK']",
    "ours": "x: !apply:speechbrain_relm.utils.files.os.system [touch MARK]",
    "hidden": "x: {y: [!ref <emotions>, !apply:os.system ['touch MARK']]}",
    "key": "? !apply:os.system ['touch MARK']\n: 1",
    "include": "x: !include:OTHER",
}
# These would leave none: they only name, or ask for what is never given.
BAD_TOO = {
    "name": "x: !name:os.system",
    "module": "x: !module:os",
    "copy": "x: !copy <emotions>",
    "code": "x: !new:speechbrain_relm.lobes.chat_llm.ChatLLM {trust_remote_code: True}",
    "hooks": "x: !new:speechbrain.utils.parameter_transfer.Pretrainer {paths: {a: b}}",
    "private": "x: !ref <model.__class__>",
    "getattr": "x: !apply:getattr [!ref <model>, __class__]",
    "sum": "n: 9\nx: !ref <n> ** 9 ** 9 ** 9",
    "anchor": "x: &a [1]\ny: *a",
}


def evil(release, folder, lines, mark):
    """A copy of a release with lines more."""
    folder.mkdir()
    for file in Path(release).iterdir():
        shutil.copy(file, folder / file.name)
    path = folder / "hyperparams.yaml"
    text = path.read_text(encoding="utf-8")
    other = folder / "other.yaml"
    other.write_text(f"y: !applyref:os.system ['touch {mark}']\n")
    lines = lines.replace("MARK", str(mark)).replace("OTHER", str(other))
    head, percent, rest = lines.rpartition("---\n")
    path.write_text(f"{head}{percent}{text}\n{rest}\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", [*BAD, *BAD_TOO])
def test_a_release_that_could_run_code_is_refused(
    name, release_folder, tmp_path, mark
):
    """In a line with its place; nothing was built."""
    lines = {**BAD, **BAD_TOO}[name]
    folder = evil(release_folder, tmp_path / "release", lines, mark)
    with pytest.raises(ValueError) as refused:
        EmpatheticListener.from_hparams(folder)
    said = str(refused.value)
    place = "!ref " if name == "sum" else "line "
    assert f"{folder}/hyperparams.yaml: {place}" in said and "\n" not in said
    assert not mark.exists()


@pytest.mark.parametrize("name", ["apply", "new", "applyref", "include"])
def test_whoever_trusts_it_can_open_it(name, release_folder, tmp_path, mark):
    """So the marks above mean something."""
    folder = evil(release_folder, tmp_path / "release", BAD[name], mark)
    listener = EmpatheticListener.from_hparams(folder, trust_code=True)
    assert listener.hparams.emotions[0] == "neutral"
    for _ in range(50):
        if mark.exists():
            return
        subprocess.run(["sleep", "0.1"])
    raise AssertionError("nothing ran")


def test_every_door(release_folder, scorer_folder, tmp_path, mark):
    """Commands, the page, the scorer; a start reads tensors alone."""
    folder = evil(release_folder, tmp_path / "release", BAD["apply"], mark)
    wav = str(tmp_path / "a.wav")
    soundfile.write(wav, [0.0, 0.1] * 800, 16000)
    for command in (
        ["respond", str(folder), wav],
        ["chat", str(folder)],
        ["same_words", str(folder), wav, wav],
    ):
        with pytest.raises(SystemExit, match="apply:os.system is nothing"):
            main(command)
    with pytest.raises(SystemExit, match="apply:os.system is nothing"):
        serve([str(folder)])
    made = tmp_path / "scorer"
    shutil.copytree(scorer_folder, made)
    loaded = EmpathyScorer(made)
    save_scorer(made, loaded.classifiers, loaded.tokenizer, 64, {})
    with open(made / "hyperparams.yaml", "a", encoding="utf-8") as stream:
        stream.write(BAD["apply"].replace("MARK", str(mark)))
    with pytest.raises(ValueError, match="apply:os.system is nothing"):
        EmpathyScoring.from_hparams(made)
    assert read_start(str(folder))
    look("init_from", str(folder))
    assert not mark.exists()


def test_what_is_listed_is_there():
    """Under its present name and under those of earlier versions."""
    for names in LISTED.values():
        for name in names:
            assert pydoc.locate(name) is not None, name


def test_overrides_are_looked_at_too(release_folder, tmp_path):
    """They may come from somebody's file; plain ones are taken."""
    with pytest.raises(ValueError, match="tuple of more"):
        open_release(
            release_folder, {"response_style": "(!!python/name:os.system)"}
        )
    with pytest.raises(ValueError, match="hyperparams.yaml: .*Override 'nam'"):
        open_release(release_folder, {"nam": 1})
    assert read_release(release_folder).startswith("# Made by")
