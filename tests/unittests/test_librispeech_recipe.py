"""The alignment recipe: its data, its measures, and what starts from it."""

import json
import os
import re
import sys
from itertools import combinations

import pytest
import soundfile
import torch
from hyperpyyaml import load_hyperpyyaml
from recipe_runs import ROOT, command, kill_when, lines, run
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from speechbrain_relm.data.datasets import (
    load_batch,
    read_manifest,
    speech_dataset,
)
from speechbrain_relm.mini.librispeech import make_librispeech
from speechbrain_relm.model.losses import response_kl
from speechbrain_relm.runs.alignment import measure
from speechbrain_relm.runs.experiment import build
from speechbrain_relm.runs.systems import effective_yaml
from speechbrain_relm.training.brain import RELLMBrain
from speechbrain_relm.utils.records import read_records
from tests import tiny_models

RECIPE = ROOT / "recipes" / "LibriSpeech"
YAML = RECIPE / "hparams" / "align_mini.yaml"
ESD_YAML = ROOT / "recipes" / "ESD" / "hparams" / "re_llm_mini.yaml"
UTTERANCES = 60
SETS = {"train": "train-clean-100", "valid": "dev-clean", "test": "test-clean"}

sys.path.insert(0, str(RECIPE))
from librispeech_prepare import prepare_librispeech  # noqa: E402


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A small made corpus."""
    folder = tmp_path_factory.mktemp("libri") / "LibriSpeech"
    return make_librispeech(folder, UTTERANCES)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, whisper_folder, qwen_folder):
    """Sources of the tiny models."""
    bert = str(tmp_path_factory.mktemp("bert"))
    return {
        "whisper_source": whisper_folder,
        "llm_source": qwen_folder,
        "sentence_source": tiny_models.save_bert(bert),
    }


def align(folder, corpus, tiny, **overrides):
    """Builds the command line of a short run."""
    overrides = {"batch_size": 9, "ckpt_interval_steps": 4, **overrides}
    arguments = command(YAML, folder, corpus, tiny, **overrides)
    arguments[1] = str(RECIPE / "train.py")
    return arguments


@pytest.fixture(scope="module")
def finished(tmp_path_factory, corpus, tiny):
    """A run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("run") / "finished"
    return folder, run(align(folder, corpus, tiny))


def link(corpus, folder):
    """Makes a corpus whose files can be changed, out of links."""
    for path in corpus.rglob("*.*"):
        target = folder / path.relative_to(corpus)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(path, target)
    return folder


def bare(sentence):
    """Leaves the words of a sentence, in small letters."""
    return re.sub(r"[.,!?]", "", sentence).lower()


def test_the_manifests_say_what_was_put_in(corpus, tmp_path):
    """Every utterance, with its words, speaker and duration."""
    prepare_librispeech(corpus, tmp_path, ["train-clean-100"], min_duration=0)
    truth = json.loads((corpus / "truth.json").read_text())
    found = {}
    for split, part in SETS.items():
        manifest = json.loads((tmp_path / f"{split}.json").read_text())
        assert set(manifest) == {
            i for i, entry in truth.items() if entry["set"] == part
        }
        found.update(manifest)
    assert len(found) == UTTERANCES
    for utterance, entry in found.items():
        spoken = truth[utterance]
        path = corpus / spoken["flac"]
        info = soundfile.info(path)
        assert (info.format, info.samplerate) == ("FLAC", 16000)
        text = entry["transcript"]
        assert entry == {
            "wav": f"{{data_root}}/{spoken['flac']}",
            "duration": info.duration,
            "speaker": spoken["speaker"],
            "transcript": text,
        }
        assert text.lower() == bare(spoken["sentence"])
        assert text[0].isupper()
        for word, written in zip(text.split(), spoken["sentence"].split()):
            if re.match(r"I\b", written):
                assert word == bare(written).capitalize()
    assert json.loads((tmp_path / "left_out.json").read_text()) == {}


def test_the_sets_share_neither_sentences_nor_voices(tmp_path):
    """In a corpus large enough for every voice to speak."""
    folder = make_librispeech(tmp_path / "made", 300)
    truth = json.loads((folder / "truth.json").read_text()).values()
    assert len({bare(entry["sentence"]) for entry in truth}) == 300
    variants = {
        part: {e["voice"].split("+")[1] for e in truth if e["set"] == part}
        for part in SETS.values()
    }
    for one, other in combinations(variants.values(), 2):
        assert one and other and not one & other


def test_what_cannot_be_used_is_left_out(corpus, tmp_path):
    """Named with its reason; a line may not name a file elsewhere."""
    folder = link(corpus, tmp_path / "LibriSpeech")
    chapters = sorted(folder.glob("train-clean-100/*/*"))[:4]
    bad = [min(chapter.glob("*.flac")) for chapter in chapters]
    # Broken: a link out of the corpus, an empty file, a file that is gone.
    for path in bad[:3]:
        path.unlink()
    outside = tmp_path / "outside.flac"
    soundfile.write(outside, torch.randn(32000).numpy() / 9, 16000)
    bad[0].symlink_to(outside)
    bad[1].touch()
    texts = next(bad[3].parent.glob("*.trans.txt"))
    others = texts.read_text().partition("\n")[2]
    texts.unlink()  # the corpus has it by another link
    texts.write_text(f"{bad[3].stem}\n../../../../outside SOME WORDS\n{others}")
    manifests = tmp_path / "manifests"
    prepare_librispeech(folder, manifests, ["train-clean-100"])
    left_out = json.loads((manifests / "left_out.json").read_text())
    reasons = ["outside", "empty file", "missing", "no transcript"]
    for path, reason in zip(bad, reasons):
        name = str(path.relative_to(folder))
        assert left_out.pop(name).startswith(reason)
    assert all(why.startswith("too short") for why in left_out.values())
    train = json.loads((manifests / "train.json").read_text())
    assert not {path.stem for path in bad} & set(train)
    assert "outside" not in "".join(train)


@pytest.mark.parametrize(
    "sets, message",
    [
        (["train-other-500"], "train_sets: .* has no train-other-500; it has"),
        ([], "train_sets: .* has no set"),
        (["test-clean"], "test-clean is asked for twice"),
    ],
)
def test_wrong_sets_are_refused(sets, message, corpus, tmp_path):
    """The message names the option and what there is."""
    with pytest.raises(ValueError, match=message):
        prepare_librispeech(corpus, tmp_path, sets)


def test_a_wrong_folder_is_refused(tmp_path):
    """No folder, or one of something else."""
    with pytest.raises(FileNotFoundError, match="is no folder"):
        prepare_librispeech(tmp_path / "none", tmp_path)
    (tmp_path / "0011").mkdir()
    with pytest.raises(ValueError, match="not LibriSpeech .*like ESD"):
        prepare_librispeech(tmp_path, tmp_path)


def test_every_step_leaves_what_it_says(finished):
    """Answers for all, measures for the test set, an adapter to start from."""
    folder, printed = finished
    sizes = {
        split: len(json.loads((folder / f"manifests/{split}.json").read_text()))
        for split in SETS
    }
    assert sizes == {"train": UTTERANCES - 6, "valid": 3, "test": 3}
    expected = read_records(folder / "expected_responses.jsonl")
    assert len(expected) == sizes["train"] + sizes["valid"]
    figures = json.loads((folder / "alignment.json").read_text())["test"]
    for when in ("before", "after"):
        records = read_records(folder / f"alignment/test_{when}.jsonl").values()
        tokens = sum(record["tokens"] for record in records)
        total = sum(record["kl"] * record["tokens"] for record in records)
        assert figures[when]["utterances"] == len(records) == sizes["test"]
        assert figures[when]["kl"] == pytest.approx(total / tokens)
    log = (folder / "train_log.txt").read_text()
    assert "response_kl" in log and "UA" not in log
    assert f"table:   {folder / 'table.md'}\n" in printed
    assert f"--init_from {folder / 'aligned'} " in printed
    tensors = load_file(folder / "aligned/model.ckpt")
    assert all(name.startswith("adapter.") for name in tensors)


def mid_epoch(folder):
    """Tells whether a checkpoint was saved between two epochs' ends."""
    return any(
        "brain_intra_epoch_ckpt" in meta.read_text()
        for meta in folder.glob("save/*/CKPT.yaml")
    )


def mid_measure(folder):
    """Tells whether one of two batches was measured after the training."""
    return lines(folder / "alignment/test_after.jsonl") == 2


def test_killed_twice_it_ends_the_same(tmp_path, finished, corpus, tiny):
    """kill -9, then the same command: the figures of the undisturbed run."""
    folder = tmp_path / "run"
    arguments = align(folder, corpus, tiny)
    kill_when(arguments, lambda: mid_epoch(folder))
    kill_when(arguments, lambda: mid_measure(folder))
    run(arguments)
    for name in ("alignment.json", "train_log.txt", "aligned/model.ckpt"):
        expected = (finished[0] / name).read_bytes()
        assert (folder / name).read_bytes() == expected, name


def test_other_speech_can_be_measured_on(finished, corpus, tiny):
    """Later too, and nothing that is done is done again."""
    folder, _ = finished
    files = [*folder.rglob("*.jsonl"), folder / "train_log.txt"]
    before = [file.read_bytes() for file in files]
    where = {"manifest": folder / "manifests/valid.json", "data_folder": corpus}
    written = ", ".join(f"{name}: {value}" for name, value in where.items())
    measure_on = f"{{dev: {{{written}}}}}"
    printed = run(align(folder, corpus, tiny, measure_on=measure_on))
    assert [file.read_bytes() for file in files] == before
    assert "Going into epoch" not in printed
    figures = json.loads((folder / "alignment.json").read_text())
    assert set(figures) == {"test", "dev"}
    assert figures["dev"]["after"]["utterances"] == 3
    assert "| dev | 3 | before |" in (folder / "table.md").read_text()


@pytest.fixture
def aligned(finished):
    """The finished run's YAML, loaded, with the model that it exported."""
    folder, _ = finished
    hparams = build(folder / "recipe.yaml")
    hparams["model"].load_trained(folder / "aligned/model.ckpt")
    return hparams


def test_the_divergence_is_that_of_its_formula(finished, aligned, qwen_folder):
    """Each utterance alone, through transformers, in float64."""
    folder, model = finished[0], aligned["model"].eval()
    tokenizer = AutoTokenizer.from_pretrained(qwen_folder)
    llm = AutoModelForCausalLM.from_pretrained(qwen_folder).eval()
    entries = read_manifest(
        folder / "manifests/test.json", aligned["data_folder"], None
    )
    expected = read_records(folder / "alignment/test_text.jsonl")
    records = read_records(folder / "alignment/test_after.jsonl")

    chat = [
        {"role": "system", "content": aligned["continuation_system"]},
        {"role": "user", "content": "CONTENT"},
    ]
    before, after = tokenizer.apply_chat_template(
        chat, tokenize=False, add_generation_prompt=True
    ).split("CONTENT")

    def ids(text):
        """Tokenizes."""
        found = tokenizer(text, add_special_tokens=False, return_tensors="pt")
        return found["input_ids"]

    def logits(embeddings, count):
        """Scores the last `count` tokens."""
        with torch.no_grad():
            found = llm(inputs_embeds=embeddings).logits[0]
        return found[-count - 1 : -1].double().log_softmax(-1)

    embed = llm.get_input_embeddings()
    instruction = aligned["continuation_from_text"]
    for utterance, record in records.items():
        answer = expected[utterance]
        response = ids(answer["response"])
        if answer["finished"]:
            response = torch.cat([response, ids("<|im_end|>")], dim=1)
        transcript = entries[utterance]["transcript"]
        text = ids(before), ids(instruction + transcript), ids(after)
        wav = torch.tensor(soundfile.read(entries[utterance]["wav"])[0])
        with torch.no_grad():
            speech = model.encode_speech(wav[None].float(), torch.ones(1))
            heard = torch.cat(
                [
                    embed(ids(before)),
                    embed(ids(instruction)),
                    speech.embeddings,
                    embed(ids(after)),
                    embed(response),
                ],
                dim=1,
            )
            read = embed(torch.cat([*text, response], dim=1))
        count = response.shape[1]
        ours, theirs = logits(heard, count), logits(read, count)
        kl = (theirs.exp() * (theirs - ours)).sum(1).mean()
        assert record["tokens"] == count
        assert record["kl"] == pytest.approx(float(kl), rel=1e-3, abs=1e-5)
        assert record["first"] == int(ours[0].argmax())
        assert record["text_first"] == int(theirs[0].argmax())


def test_the_divergence_falls_where_it_is_learned(finished, aligned, tmp_path):
    """A few utterances, learned by heart."""
    folder, model = finished[0], aligned["model"]
    brain = RELLMBrain(
        modules=aligned["modules"],
        hparams=aligned,
        instruction=aligned["continuation_from_speech"],
        loss_weights=aligned["loss_weights"],
        lr_schedule=None,
        train_logger=None,
    )
    instruction = aligned["continuation_from_text"]
    entries = read_manifest(
        folder / "manifests/test.json", aligned["data_folder"], None
    )
    responses = read_records(folder / "alignment/test_text.jsonl")

    def mean_kl(when):
        """Measures."""
        records = measure(
            brain,
            entries,
            responses,
            tmp_path / f"{when}.jsonl",
            {"model": when},
            dict.fromkeys(entries, ""),
            instruction,
            {"max_new_tokens": 2},
            2,
        )
        return sum(r["kl"] for r in records.values()) / len(records)

    before = mean_kl("before")
    dataset = speech_dataset(
        entries, model.llm, responses=responses, instruction=instruction
    )
    batch = load_batch(dataset, list(entries))
    optimizer = torch.optim.Adam(model.adapter.parameters(), 1e-2)
    system = aligned["continuation_system"]
    for _ in range(40):
        predictions = model(
            *batch.sig,
            None,
            model.llm.split_prompt(system, instruction),
            *batch.response_ids,
            model.llm.split_prompt(system, ""),
            *batch.text_ids,
        )
        optimizer.zero_grad()
        response_kl(predictions.logits, predictions.teacher_logits).backward()
        optimizer.step()
    assert mean_kl("after") < 0.7 * before


@pytest.mark.parametrize("source", ["aligned", "save/CKPT*"])
def test_esd_without_emotion_encoder_starts_from_it(
    source, finished, tiny, tmp_path
):
    """The same adapter, tensor by tensor."""
    model = esd_model(finished[0], source, tiny, tmp_path, emotion_encoder=None)
    for name, tensor in load_file(finished[0] / "aligned/model.ckpt").items():
        assert torch.equal(model.get_parameter(name), tensor), name


def test_esd_with_emotion_encoder_starts_from_it(
    finished, tiny, emotion_folder, tmp_path
):
    """What is heard is the same, whatever the emotion embedding says."""
    source = emotion_folder
    model = esd_model(
        finished[0],
        "aligned",
        tiny,
        tmp_path,
        emotion_source=source,
        init_adapter="widened",
    )
    narrow = load_file(finished[0] / "aligned/model.ckpt")
    first = model.adapter.conv_layers[0]
    weight = narrow["adapter.conv_layers.0.weight"]
    channels, rows = weight.shape[1], weight.shape[0] // 2
    assert first.weight.shape[1] > channels
    assert torch.equal(first.weight[:rows, :channels], weight[:rows])
    assert not first.weight[:rows, channels:].any()
    assert torch.equal(model.adapter.fc1.weight, narrow["adapter.fc1.weight"])


def esd_model(folder, source, tiny, tmp_path, **overrides):
    """Builds ESD's model, started from a run of this recipe."""
    settings = {
        "data_folder": str(tmp_path),
        "output_folder": str(tmp_path / "run"),
        "whisper_source": tiny["whisper_source"],
        "llm_source": tiny["llm_source"],
        "init_from": str(next(folder.glob(source))),
        "scorer_source": None,
        "empathy_scorer": None,
        **overrides,
    }
    if "emotion_source" not in settings:
        settings.update(emotion_source=None, emotion_model=None)
    return load_hyperpyyaml(effective_yaml(str(ESD_YAML), settings))["model"]
