"""Tests of Table I's systems: what each changes, and the table of them all.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
from pathlib import Path

import pytest
import torch
from recipe_runs import BRIEF, ROOT, SCRIPT, command, run
from tiny_speech_llms import save_qwen2_audio

from speechbrain_relm.evaluation.__main__ import main as evaluate
from speechbrain_relm.evaluation.tables.table_csv import read_csv
from speechbrain_relm.lobes.chat_llm import ChatLLM
from speechbrain_relm.mini.esd import make_esd
from speechbrain_relm.model.prompting import answer_texts
from speechbrain_relm.runs.experiment import read_settings
from speechbrain_relm.runs.listeners import TextListener
from speechbrain_relm.runs.systems import TABLE_1, effective_yaml
from speechbrain_relm.runs.table_runs import parse
from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.records import read_records

YAML = SCRIPT.parent / "hparams" / "re_llm_mini.yaml"
RECOGNIZE = "Please identify the emotion tone. Sentence: "


def settings_of(system, **overrides):
    """The plain settings of a system."""
    overrides = {"system": system, "data_folder": "x", **overrides}
    return read_settings(effective_yaml(str(YAML), overrides), {})


@pytest.mark.parametrize(
    "number, encoder, dimension, fit",
    [(4, False, 0, False), (5, False, 0, True), (6, True, 1, True)]
    + [(7, True, 0, True), (8, False, 1, True)],
)
def test_speech_systems_differ_as_in_table_1(number, encoder, dimension, fit):
    """In emotion encoder, dimension loss and training, and nothing else."""
    settings, ours = settings_of(number), settings_of("re_llm")
    assert (settings["emotion_encoder"] is not None) == encoder
    assert settings["loss_weights"]["dimension"] == dimension
    assert ("fit" in settings["steps"]) == fit
    changed = {key for key in ours if settings[key] != ours[key]}
    named = {"system", "system_title", "experiment_name", "report_title"}
    named |= {"output_folder", "shared_folder", "manifest_folder"}
    named |= {"save_folder", "train_log", "checkpointer", "train_logger"}
    named |= {"embedding_folder", "frame_folder"}
    assert changed - named <= {
        "steps",
        "loss_weights",
        "emotion_encoder",
        "emotion_model",
        "emotion_source",
        "adapter",
        "heads",
        "model",
        "modules",
        "__start",
    }


@pytest.mark.parametrize("system", TABLE_1[:3])
def test_text_systems_hold_no_speech_encoder(system):
    """And train nothing."""
    settings = settings_of(system)
    for part in ("speech_encoder", "emotion_model", "adapter", "model"):
        assert settings[part] is None
    assert "fit" not in settings["steps"]


def test_the_command_line_wins_over_the_system():
    """And may put an object where there was none."""
    settings = settings_of(
        "text_llm", system_title="Mine", listener={"text": "{emotion}"}
    )
    assert settings["system_title"] == "Mine"
    assert settings["listener"]["text"] == "{emotion}"


def test_unknown_systems_and_settings(tmp_path):
    """Naming what there is."""
    with pytest.raises(RecipeError, match="6 re_llm"):
        settings_of("re_lm")
    mine = tmp_path / "mine.yaml"
    mine.write_text("based_on: re_llm\nlearning_rate: 1\n")
    with pytest.raises(RecipeError, match="learning_rate is no setting"):
        settings_of(str(mine))


def test_text_listener_reads_the_label_first(qwen_folder):
    """Its answers are the text LLM's to the same words."""
    llm = ChatLLM(qwen_folder)
    listener = TextListener(llm, "<{emotion}> {transcript}")
    entries = {"a": {"emotion": "sad", "transcript": "I fell."}}
    heard = listener.encode(entries)
    settings = {"max_new_tokens": 4}
    assert listener.answer(heard, "Be kind.", "", **settings) == answer_texts(
        llm, "Be kind.", ["<sad> I fell."], "cpu", **settings
    )
    # Independently: the labels' log-probabilities from the whole text.
    labels = ["sad", "neutral"]
    rated = listener.log_likelihoods(heard, "Be kind.", RECOGNIZE, labels)[0]
    for label, value in zip(labels, rated):
        chat = [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": RECOGNIZE + heard[0]},
        ]
        prompt = llm.tokenizer.apply_chat_template(
            chat, add_generation_prompt=True, tokenize=False
        )
        before = llm.tokenizer(prompt, add_special_tokens=False)["input_ids"]
        after = llm.tokenizer(label, add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            logits = llm.model(torch.tensor([before + after])).logits[0]
        chosen = logits.log_softmax(-1)[len(before) - 1 : -1]
        expected = sum(chosen[i, token] for i, token in enumerate(after))
        torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-4)


def test_text_listener_reads_a_text_once(qwen_folder, monkeypatch):
    """Texts that recur are read once, unless their answers are drawn."""
    llm = ChatLLM(qwen_folder)
    listener = TextListener(llm)
    heard = ["I fell.", "Oh.", "I fell.", "It rains.", "Oh."]
    labels, settings = ["sad", "neutral"], {"max_new_tokens": 4}
    expected = answer_texts(llm, "Be kind.", heard, "cpu", **settings)
    rows, ask = [], TextListener.ask

    def count(self, texts, *rest):
        rows.append(len(texts))
        return ask(self, texts, *rest)

    monkeypatch.setattr(TextListener, "ask", count)
    assert listener.answer(heard, "Be kind.", "", **settings) == expected
    rated = listener.log_likelihoods(heard, "Be kind.", "", labels)
    assert rated.shape == (5, 2)
    torch.testing.assert_close(rated[[0, 1]], rated[[2, 4]])
    alone = listener.log_likelihoods(heard[3:4], "Be kind.", "", labels)
    torch.testing.assert_close(rated[3], alone[0], rtol=1e-4, atol=1e-4)
    drawn = listener.answer(heard, "", "", do_sample=True, **settings)
    assert len(drawn) == 5
    assert rows == [3, 3, 1, 5]


@pytest.fixture(scope="module")
def qwen2_audio_folder(tmp_path_factory):
    """A tiny random Qwen2-Audio with its processor."""
    return save_qwen2_audio(str(tmp_path_factory.mktemp("qwen2_audio")))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Two voices, four emotions, six sentences."""
    folder = tmp_path_factory.mktemp("esd") / "ESD"
    return make_esd(folder, speakers=2, sentences=6)


@pytest.mark.parametrize(
    "recipe,options,folder",
    [
        ("ESD", [], "ESD/table_re_llm_mini/1986"),
        ("ESD", ["--seed=3"], "ESD/table_re_llm_mini/3"),
        (
            "IEMOCAP",
            ["--test_session=1"],
            "IEMOCAP/table_re_llm_mini_session1/1986",
        ),
    ],
)
def test_each_table_has_a_folder_of_its_own(recipe, options, folder):
    """Of seed and session, as single runs have."""
    found = parse(
        ["hparams/re_llm_mini.yaml", *options], ROOT / "recipes" / recipe
    )
    assert found[2] == Path("results") / folder
    assert found[3] == options


def test_table_of_nine_systems(
    tmp_path,
    corpus,
    tiny_sources,
    qwen2_audio_folder,
):
    """One command, shared steps made once, resumed; corpora joined."""
    ninth = tmp_path / "qwen2_audio_tiny.yaml"
    ninth.write_text(
        "based_on: qwen2_audio\n"
        f"listener:\n    source: {qwen2_audio_folder}\n    dtype: float32\n"
    )
    folder = tmp_path / "table"
    arguments = command(
        YAML,
        folder,
        corpus,
        tiny_sources,
        systems=f"1,2,3,4,5,6,7,8,{ninth}",
        number_of_epochs=1,
        **BRIEF,
        generation_batch_size=16,
    )
    arguments[1] = str(SCRIPT.parent / "table.py")
    printed = run(arguments)
    cells = read_csv(folder / "table.csv")
    assert len({cell.system for cell in cells}) == 9
    assert any(cell.metric == "Word error rate" for cell in cells)
    tested = {cell.system for cell in cells if cell.test}
    assert "BLSP-Emo (w/ ft.)" not in tested and "RE-LLM" in tested
    seconds = json.loads((folder / "seconds.json").read_text())
    assert list(seconds) == [*TABLE_1, "qwen2_audio_tiny"]
    assert "without sharing" in printed
    # What several systems need was made once, by one of them.
    shared = {path.name for path in (folder / "shared").glob("*.jsonl")}
    assert shared == {
        "attributes.jsonl",
        "expected_likelihoods.jsonl",
        "expected_responses.jsonl",
        "transcripts.jsonl",
    }
    assert not list(folder.glob("**/expected_responses.old.jsonl"))
    for system in TABLE_1[:3]:
        records = read_records(folder / system / "responses.jsonl").values()
        assert not any("head_emotion" in record for record in records)
    # Again: everything is there already.
    logs = {path: path.read_bytes() for path in folder.glob("*/train_log.txt")}
    assert len(logs) == 4
    run(arguments)
    assert all(path.read_bytes() == text for path, text in logs.items())
    assert read_csv(folder / "table.csv") == cells

    joined = tmp_path / "joined"
    evaluate(["join", f"ESD={folder}", f"B={folder}", f"--output={joined}"])
    metrics = {cell.metric for cell in read_csv(joined / "table.csv")}
    assert {"ESD: UA by prompt", "B: UA by prompt"} <= metrics
