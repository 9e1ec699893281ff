"""Expected responses with example turns, and what they can teach."""

import json

import pytest
import torch

from speechbrain_relm.data.datasets import shown_before, speech_dataset
from speechbrain_relm.evaluation.listening.judge import Judge
from speechbrain_relm.lobes.chat_llm import ChatLLM
from speechbrain_relm.model.prompting import answer_texts
from speechbrain_relm.runs.steps.expected_responses import expect_responses
from speechbrain_relm.runs.steps.targets import check_targets

EXAMPLES = {
    "sad": [["I fell.", "Oh no, I'm sorry."]],
    "happy": [["I fell.", "How funny!"], ["It rains.", "Lovely!"]],
}
SETTINGS = {"max_new_tokens": 6}


@pytest.fixture(scope="module")
def llm(qwen_folder):
    """A tiny LLM."""
    torch.manual_seed(0)
    return ChatLLM(qwen_folder)


@pytest.fixture(scope="module")
def entries():
    """Two sentences, each in two emotions by two speakers."""
    return {
        f"{speaker}_{emotion}_{i}": {"transcript": text, "emotion": emotion}
        for speaker in "ab"
        for emotion in EXAMPLES
        for i, text in enumerate(["The train leaves.", "My keys are gone."])
    }


def expect(llm, entries, folder, examples, flaws=()):
    """Runs Step 1."""
    return expect_responses(
        llm,
        entries,
        folder / "expected_responses.jsonl",
        "cpu",
        {"examples": examples, "flaws": flaws},
        "",
        "Say as {emotion}: ",
        SETTINGS,
        3,
        examples,
        flaws,
    )


def test_each_emotion_has_its_own_examples(llm, entries, tmp_path):
    """As if each prompt were written out and asked alone."""
    records = expect(llm, entries, tmp_path, EXAMPLES)
    assert set(records) == set(entries)
    for utterance, record in records.items():
        emotion = entries[utterance]["emotion"]
        text = f"Say as {emotion}: {entries[utterance]['transcript']}"
        rendered = "".join(
            f"<|im_start|>user\n{user}<|im_end|>\n"
            f"<|im_start|>assistant\n{reply}<|im_end|>\n"
            for user, reply in EXAMPLES[emotion]
        )
        pieces = llm.split_prompt("", "", EXAMPLES[emotion]).before
        assert rendered in llm.tokenizer.decode(pieces)
        alone = answer_texts(
            llm, "", [text], "cpu", EXAMPLES[emotion], **SETTINGS
        )
        assert record["response"] == alone[0].text


def test_other_examples_are_asked_anew(llm, entries, tmp_path):
    """What stands before the sentence decides the answer."""
    with_examples = expect(llm, entries, tmp_path, EXAMPLES)
    without = expect(llm, entries, tmp_path, {})
    assert (tmp_path / "expected_responses.old.jsonl").is_file()
    assert {i: r["response"] for i, r in with_examples.items()} != {
        i: r["response"] for i, r in without.items()
    }


def test_flawed_answers_are_left_out(llm, entries, tmp_path):
    """Six tokens cut every answer of this LLM."""
    records = expect(llm, entries, tmp_path, {}, flaws=["cut"])
    assert all(record["refused"] for record in records.values())


def test_targets_without_emotion_are_named(llm, entries, tmp_path, caplog):
    """The transcript itself, whatever the emotion."""
    records = {
        utterance: {
            "id": utterance,
            **entry,
            "response": entry["transcript"],
            "finished": True,
            "refused": False,
        }
        for utterance, entry in entries.items()
    }
    judge = Judge(llm, "cpu", "tiny", "", "", {}, list(EXAMPLES), 4, 1)
    caplog.set_level("INFO")
    figures = check_targets(judge, records, tmp_path, 2)
    assert figures["transcript_share"]["value"] == 1.0
    assert figures["identical_share"]["value"] == 1.0
    # The same response in each emotion: exactly chance.
    assert figures["tone_fit"]["value"] == 0.5
    path = tmp_path / "expected_responses.json"
    assert json.loads(path.read_text("utf-8")) == figures
    warnings = [r for r in caplog.records if r.levelname == "WARNING"]
    assert len(warnings) == 3
    assert all("continuation_examples" in r.getMessage() for r in warnings)


def test_the_divergence_has_the_examples_before_it(llm, entries):
    """The text LLM is asked as it was in Step 1, token by token."""
    responses = dict.fromkeys(entries, {"response": "Oh.", "finished": True})
    shown = {e: shown_before(llm, "Kind.", EXAMPLES[e]) for e in EXAMPLES}
    dataset = speech_dataset(
        {name: {**entry, "wav": ""} for name, entry in entries.items()},
        llm,
        responses=responses,
        instruction="A {emotion} one: ",
        limit=7,
        shown=shown,
    )
    dataset.set_output_keys(["id", "text_ids"])
    prompt = llm.split_prompt("Kind.", "")
    for item in dataset:
        entry = entries[item["id"]]
        text = f"A {entry['emotion']} one: {entry['transcript']}"
        asked = llm.split_prompt("Kind.", "", EXAMPLES[entry["emotion"]])
        # The examples are no part of the text, which is cut where it is long.
        wanted = asked.before + llm.encode(text)[:7]
        assert prompt.before + item["text_ids"].tolist() == wanted
        assert prompt.after == asked.after
