"""A finished run is a release, which loads anywhere on these base models."""

import hashlib
import json
import re
import shutil

import pytest
import ruamel.yaml
import torch
from hyperpyyaml import load_hyperpyyaml
from recipe_runs import BRIEF, SCRIPT, command, run
from safetensors.torch import load_file, save_file

from speechbrain_relm.inference.re_llm import EmpatheticListener
from speechbrain_relm.mini import models
from speechbrain_relm.mini.esd import make_esd
from speechbrain_relm.release.folder import inference_yaml
from speechbrain_relm.release.model_card import base_rows
from speechbrain_relm.runs.experiment import read_settings
from speechbrain_relm.runs.systems import effective_yaml
from speechbrain_relm.utils.records import read_records
from speechbrain_relm.utils.sources.base_models import (
    base_model,
    checksum,
    describe,
)
from tests import tiny_models

LORA = """\
llm: !new:speechbrain.nnet.adapters.AdaptedModel
    model_to_adapt: !ref <chat_llm>
    adapter_class: !name:speechbrain.nnet.adapters.LoRA
    target_layers: ["*_proj"]
    adapter_kwargs: {rank: 2}
"""
YAML = SCRIPT.parent / "hparams" / "re_llm_mini.yaml"


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_sources):
    """The ESD recipe on tiny models, to its last step."""
    work = tmp_path_factory.mktemp("esd")
    corpus = make_esd(work / "ESD", speakers=1, sentences=4)
    folder = work / "run"
    # What a random LLM says has every flaw.
    settings = {"expected_response_flaws": "[]", "number_of_epochs": 1, **BRIEF}
    run(command(YAML, folder, corpus, tiny_sources, **settings))
    return folder


def test_a_release_answers_as_the_run_did(finished, tmp_path):
    """Copied elsewhere: the same responses and emotions, word by word."""
    elsewhere = tmp_path / "copied"
    shutil.copytree(finished / "release", elsewhere)
    listener = EmpatheticListener.from_hparams(
        elsewhere, savedir=tmp_path / "saved"
    )
    responses = read_records(finished / "responses.jsonl")
    manifest = json.loads((finished / "manifests/test.json").read_text())
    assert set(manifest) == set(responses)
    for utterance, record in responses.items():
        wav = manifest[utterance]["wav"].replace(
            "{data_root}", str(finished.parent / "ESD")
        )
        assert listener.respond_file(wav) == record["response"]
        emotion = listener.classify_file(wav)
        assert emotion.label == record["head_emotion"]
        assert emotion.head == pytest.approx(
            record["head_probabilities"], abs=1e-5
        )
        likeliest = max(emotion.likelihood, key=emotion.likelihood.get)
        assert likeliest == record["calibrated_emotion"]
        assert emotion.attributes["valence"] == pytest.approx(
            record["valence"], abs=1e-5
        )


def test_flipped_weights_are_named(finished, tmp_path):
    """A file that was copied badly, or by a bad disk."""
    release = tmp_path / "release"
    shutil.copytree(finished / "release", release)
    content = bytearray((release / "model.ckpt").read_bytes())
    content[-9] ^= 4
    (release / "model.ckpt").write_bytes(content)
    with pytest.raises(ValueError, match="model.ckpt is not as it was made"):
        EmpatheticListener.from_hparams(release)
    (release / "INPUTS.json").unlink()
    EmpatheticListener.from_hparams(release)


def test_it_holds_the_trained_tensors_only(finished):
    """Those of the best checkpoint; an inference YAML; a filled-in card."""
    release = finished / "release"
    assert {path.name for path in release.iterdir()} == {
        "INPUTS.json",
        "README.md",
        "hyperparams.yaml",
        "model.ckpt",
    }
    ours = load_file(release / "model.ckpt")
    (best,) = finished.glob("save/CKPT*/model.ckpt")
    theirs = load_file(best)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert not any("speech_encoder" in name for name in ours)  # frozen
    settings = read_settings((release / "hyperparams.yaml").read_text(), {})
    for name in ("opt_class", "checkpointer", "data_folder", "scorer_source"):
        assert name not in settings
    card = (release / "README.md").read_text()
    table = (finished / "table.md").read_text()
    row = next(x for x in table.splitlines() if "Emotional Reaction" in x)
    assert row in card
    for said in (
        "held-out accuracy of 0.500",
        "| train | 8 | 1 |",
        "of synthetic voices",
        "free for research",
        "neutral, sad, angry, happy",
        checksum(f"{settings['llm_source']}/model.safetensors"),
        f"{(release / 'model.ckpt').stat().st_size / 1e6:.1f} MB",
    ):
        assert said in card, said
    assert not re.search(r"\{\w*\}", card.replace("{data_root}", ""))


def test_other_base_weights_are_an_error(
    release_folder, llama_folder, tmp_path
):
    """That names the model, both checksums and the fix."""
    settings = read_settings(
        open(f"{release_folder}/hyperparams.yaml", encoding="utf-8").read(), {}
    )
    base = settings["llm_source"]
    changed = tmp_path / "changed"
    shutil.copytree(base, changed)
    weights = changed / "model.safetensors"
    tensors = load_file(weights)
    tensors["model.norm.weight"][0] += 1
    save_file(tensors, weights, {"format": "pt"})
    overrides = {"llm_source": str(changed)}
    with pytest.raises(ValueError) as error:
        EmpatheticListener.from_hparams(release_folder, overrides=overrides)
    for said in (
        "llm_source",
        base,
        checksum(weights),
        checksum(f"{base}/model.safetensors"),
        'overrides={"llm_source": FOLDER}',
    ):
        assert said in str(error.value)
    # The same weights elsewhere are as good.
    moved = tmp_path / "moved"
    shutil.copytree(base, moved)
    overrides = {"llm_source": str(moved), "response_style": "Be brief."}
    listener = EmpatheticListener.from_hparams(
        release_folder, overrides=overrides
    )
    assert listener.asking().system.endswith("Be brief.")
    with pytest.raises(OSError, match="llm_source: .*trained with .*qwen"):
        EmpatheticListener.from_hparams(
            release_folder, overrides={"llm_source": str(tmp_path / "none")}
        )


def test_weights_of_several_files(qwen_folder, tmp_path):
    """Each is looked at; one that is missing is named."""
    tensors = load_file(f"{qwen_folder}/model.safetensors")
    half = len(tensors) // 2
    items = list(tensors.items())
    save_file(dict(items[:half]), tmp_path / "model-00001.safetensors")
    save_file(dict(items[half:]), tmp_path / "model-00002.safetensors")
    base = describe(str(tmp_path))
    assert len(base["sha256"]) == 2 and base["revision"] is None
    call = ("llm_source", str(tmp_path), "Q", base["sha256"])
    assert base_model(*call) == str(tmp_path)
    (tmp_path / "model-00002.safetensors").unlink()
    with pytest.raises(ValueError, match="00002.safetensors is missing"):
        base_model(*call)


def test_checksums_are_computed_once(tmp_path, monkeypatch):
    """As long as the file stays what it is."""
    monkeypatch.setenv("SPEECHBRAIN_RELM_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "weights.bin"
    file.write_bytes(bytes(2**24))
    first = checksum(file)
    # The zeros' digest, from coreutils' sha256sum.
    assert first[:8] == "080acf35"
    (kept,) = (tmp_path / "cache" / "checksums").iterdir()
    other = "0" * len(first)
    text = kept.read_text().partition("\n")[2].replace(first, other)
    digest = hashlib.sha256(text.encode()).hexdigest()
    kept.write_text(f"{digest}\n{text}")
    assert checksum(file) == other
    file.write_bytes(bytes(2**24 + 1))
    assert checksum(file) not in (other, first)


def test_frozen_tensors_of_a_start_are_not_lost(
    whisper_folder, emotion_folder, qwen_folder, tmp_path
):
    """A frozen Whisper that came with `init_from` comes again."""
    bases = whisper_folder, emotion_folder, qwen_folder
    free = {"speech_encoder": {"freeze": False}}
    start = tiny_models.save_release(tmp_path / "start", *bases, **free)
    tensors = load_file(start / "model.ckpt")
    name = next(n for n in tensors if "speech_encoder" in n and "bias" in n)
    tensors[name] += 0.5
    save_file(tensors, start / "model.ckpt")
    folder = tiny_models.save_release(
        tmp_path / "release", *bases, init_from=str(start)
    )
    assert name not in load_file(folder / "model.ckpt")
    listener = EmpatheticListener.from_hparams(folder)
    model = listener.mods.model
    assert torch.equal(model.state_dict()[name], tensors[name])
    # What was trained wins over the start.
    trained = load_file(folder / "model.ckpt")
    assert all(torch.equal(model.state_dict()[n], trained[n]) for n in trained)


SETTINGS = """\
emotions: [sad]
response_system: ''
response_style: ''
response_instruction: 'after <sad>'
response_settings: {}
recognition_system: ''
recognition_instruction: ''
recognition_sentence: 'It is {emotion}.'
recognition_settings: {}
continuation_system: ''
continuation_from_text: ''
continuation_examples: {}
# A comment
emotion_encoder: null
unused: !ref <emotions>
"""
LOBE = "speechbrain_relm.lobes.whisper_encoder.WhisperSpeechEncoder"


def test_swapped_lobes_come_along(whisper_folder):
    """An object's own source is recorded and checked too."""
    text = SETTINGS + f"model: !new:{LOBE}\n  source: {whisper_folder}\n"
    released, bases = inference_yaml(text, {})
    assert list(bases) == ["model_source"]
    assert bases["model_source"]["source"] == whisper_folder
    assert "source: !ref <checked_model_source>" in released
    assert "unused" not in released and "A comment" not in released
    loaded = load_hyperpyyaml(released)
    assert loaded["modules"]["model"].output_size == 16


def test_a_model_that_is_made_anywhere(whisper_folder):
    """It is made again, not looked for where it was; others are refused."""
    call = "!apply:speechbrain_relm.mini.models.folder [whisper-tiny.en]"
    text = SETTINGS + (
        f"whisper_source: {call}\nmodel: !new:{LOBE}\n"
        "  source: !ref <whisper_source>\n"
    )
    here = models.folder("whisper-tiny.en")
    released, bases = inference_yaml(text, {"whisper_source": here})
    assert f"whisper_source: {call}" in released
    assert base_rows(bases)[0].count("| MIT |") == 1
    assert load_hyperpyyaml(released)["modules"]["model"].output_size == 384
    with pytest.raises(ValueError, match="whisper_source: .*whisper_folder"):
        load_hyperpyyaml(released, {"whisper_source": whisper_folder})


@pytest.mark.parametrize(
    "changes",
    [
        {"system": "re_llm_no_enc"},
        {"system": "blsp_emo_ft"},
        {"heads": None},
        ruamel.yaml.YAML().load(LORA),
        {"chat_llm": {"bits": 4}},
    ],
)
def test_other_systems_too(
    whisper_folder, emotion_folder, qwen_folder, tmp_path, changes
):
    """Less of it, with SpeechBrain's LoRA, or with a base of four bits."""
    bases = whisper_folder, emotion_folder, qwen_folder
    folder = tiny_models.save_release(tmp_path / "release", *bases, **changes)
    listener = EmpatheticListener.from_hparams(folder)
    kinds = {p.dtype for p in listener.mods.parameters()}
    assert (torch.uint8 in kinds) == ("chat_llm" in changes)
    torch.manual_seed(3)
    wavs = torch.randn(2, 20000)
    single = [listener.respond_batch(wav[None], torch.ones(1)) for wav in wavs]
    assert listener.respond_batch(wavs, torch.ones(2)) == sum(single, [])
    assert "".join(listener.stream(wavs[0])) == single[0][0]
    emotion = listener.classify_batch(wavs, torch.ones(2))[1]
    assert (emotion.head is None) == ("heads" in changes)
    assert emotion.label in listener.hparams.emotions


def test_which_systems_have_a_release():
    """Those that learn."""
    for number in range(1, 9):
        changes = {"system": str(number), "data_folder": "x"}
        steps = read_settings(effective_yaml(str(YAML), changes), {})["steps"]
        assert (steps[-1] == "release") == ("fit" in steps)
