"""Other systems' responses: read as published, and whether they listen."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from speechbrain_relm.__main__ import main
from speechbrain_relm.evaluation.external import read_any, read_responses
from speechbrain_relm.evaluation.listening_rows import describe_listening
from speechbrain_relm.evaluation.runs import read_run
from speechbrain_relm.runs.judging.prompts import (
    PROMPTS,
    examples_of,
    read_prompts,
)

SAID = ["It is late.", "We won.", "The door is open."]
EMOTIONS = ["anger", "fear", "joy", "sadness"]
EMOCF = "audio_inputs.jsonl_system_tone_aware_reply"


def write_emocf(path, reply):
    """Two actors say each sentence in four emotions."""
    records = [
        {
            "filename": f"{actor}_{number}_{emotion}.wav",
            "emotion": emotion,
            "sentence": sentence,
            "expected_emotions": EMOTIONS,
            "prediction": reply(sentence, emotion),
        }
        for actor in ("5ea7", "67ac")
        for number, sentence in enumerate(SAID)
        for emotion in EMOTIONS
    ]
    lines = [json.dumps(record) + "\n" for record in records]
    path.write_text("".join(lines), encoding="utf-8")
    return records


def test_emocf_is_read_as_distributed(tmp_path):
    """Each reply with its words, emotion and actor."""
    path = tmp_path / EMOCF
    records = write_emocf(path, lambda sentence, emotion: f"{emotion}!")
    found = read_responses(path)
    assert [r["response"] for r in found.values()] == [
        r["prediction"] for r in records
    ]
    assert found["67ac_1_joy"] == {
        "id": "67ac_1_joy",
        "transcript": "We won.",
        "response": "joy!",
        "emotion": "joy",
        "speaker": "67ac",
    }


def test_sd_evals_references_come_once(tmp_path):
    """Recordings of one sentence and emotion share them."""
    target = [{"reply": "Oh no."}, {"reply": "Why?"}]
    entries = [
        {"utt_id": f"u{i}", "transcript": t, "info": e, "target": target}
        for i, (t, e) in enumerate(
            [("Late.", "sad"), ("Late.", "sad"), ("Late.", "happy")]
        )
    ]
    path = tmp_path / "test-emo.json"
    path.write_text(json.dumps(entries), encoding="utf-8")
    found = read_responses(path)
    assert [*found] == ["u0-1", "u0-2", "u2-1", "u2-2"]
    assert found["u2-2"]["emotion"] == "happy"


@pytest.mark.parametrize(
    "name, text, words",
    [
        (EMOCF, "{", "line 1: no JSON"),
        (EMOCF, "[1]", "line 1, filename: there is no such text"),
        (
            EMOCF,
            '{"filename": "a_b_joy.wav", "emotion": "joy", "sentence": "Oh."}',
            "line 1, prediction: there is no such text",
        ),
        ("test-emo.json", "{}", "holds no list"),
        ("test-emo.json", '[{"utt_id": 1}]', "entry 1, utt_id"),
        (
            "test-emo.json",
            '[{"utt_id": "a", "transcript": "Oh.", "info": "sad"}]',
            "entry 1, target: it is no list",
        ),
        (
            "test-emo.json",
            '[{"utt_id": "a", "transcript": "Oh.", "info": "sad", '
            '"target": ["b"]}]',
            "entry 1, target 1, reply",
        ),
    ],
)
def test_damaged_reply_sets(tmp_path, name, text, words):
    """Each names the file, the place and the field."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=words) as error:
        read_responses(path)
    assert str(path) in str(error.value)


def listened(tmp_path, qwen_folder, reply):
    """Runs the command, and gives what it leaves for a table."""
    path, folder = tmp_path / EMOCF, tmp_path / "run"
    write_emocf(path, reply)
    main(["listen", str(path), str(folder), "--judge", qwen_folder])
    return folder


def test_same_reply_to_every_voice_is_at_chance(
    tmp_path, qwen_folder, scorer_folder, capsys
):
    """Exactly; its figures are rows of the table."""
    folder = listened(
        tmp_path, qwen_folder, lambda sentence, _: f"Oh {sentence}"
    )
    found = json.loads((folder / "same_words.json").read_text())
    assert found["tone_fit"]["value"] == pytest.approx(1 / 4)
    assert found["identical_share"]["value"] == 1.0
    assert found["identical_share"]["n"] == 2 * 3 * 6
    assert found["swaps"]["speech_frames"] is None
    both = found["swaps"]["both"]
    assert both["follows_other"]["value"] == pytest.approx(1 / 4)
    shown = capsys.readouterr().out
    assert "| tone fit (chance .250) | .250" in shown
    source = str(tmp_path / EMOCF)
    main(["score", source, str(folder), "--scorer", scorer_folder])
    run = read_run(folder)
    assert run.listening["tone_fit"]["n"] == 24
    assert "Identical for the same words" in capsys.readouterr().out


def test_prior_and_rivals_are_the_measures(tmp_path, qwen_folder):
    """Tone fit by its definition, from the likelihoods that are kept."""
    folder = listened(
        tmp_path, qwen_folder, lambda sentence, emotion: f"{emotion} {sentence}"
    )
    rows = (folder / "likelihoods.jsonl").read_text().splitlines()
    rows = {r["id"]: r for r in map(json.loads, rows)}
    scores = np.array([[r["tone"][e] for e in EMOTIONS] for r in rows.values()])
    own = np.array([EMOTIONS.index(i.split("_")[2]) for i in rows])
    fits = (scores - scores.mean(0)).argmax(1) == own
    found = json.loads((folder / "listening.json").read_text())
    assert found["tone_fit"]["value"] == pytest.approx(fits.mean())


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("a.csv", "transcript,response\nI fell.,Oh!", "2, emotion: it is"),
        (
            "a.csv",
            "transcript,response,emotion\nI fell.,Oh!,bored\nI fell.,A,cross",
            "emotion: the judge has no example turns of bored, cross, only",
        ),
        (
            "a.csv",
            "transcript,response,emotion\nI fell.,Oh!,joy\nI fell.,A,Happy",
            "emotion: Happy and joy are one to the judge",
        ),
        ("a.jsonl", '{"transcript": "A", "emotion": "sad"}', "1, response: it"),
        ("a.jsonl", '{"response": "A", "emotion": "sad"}', "1, transcript: it"),
        ("a.jsonl", "", "has no responses"),
        ("a.jsonl", "{", "line 1: no JSON"),
        ("a.jsonl", "[]", "line 1: no JSON object"),
        (
            "a.jsonl",
            '{"transcript": "A", "response": "B", "emotion": ["sad"]}',
            "1, emotion: it is no text",
        ),
        (
            "a.jsonl",
            '{"transcript": "A", "response": "B", "finished": "no"}',
            "1, finished: 'no' is neither",
        ),
        (
            "a.jsonl",
            '{"transcript": " ", "response": "B"}',
            "1, transcript: it is empty",
        ),
    ],
)
def test_what_the_judge_needs(tmp_path, name, text, words):
    """One line says what to do, before any model is loaded."""
    path, folder = tmp_path / name, tmp_path / "run"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit, match=words) as error:
        main(["listen", str(path), str(folder), "--judge", "no/such"])
    assert str(path) in str(error.value) and not folder.exists()


def test_emocf_by_another_name(tmp_path):
    """Its fields tell it; a text may hold any separator that JSON allows."""
    path = tmp_path / "renamed.jsonl"
    write_emocf(path, lambda sentence, emotion: "Oh.\u2028No.\x85")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("\\u2028", "\u2028"), encoding="utf-8")
    found = read_any(path)
    assert len(found) == 24
    assert {r["response"] for r in found.values()} == {"Oh.\u2028No.\x85"}


def test_what_changed_leaves_nothing_stale(
    tmp_path, qwen_folder, scorer_folder
):
    """Without speakers no old comparison stays, nor after other words."""
    folder = listened(tmp_path, qwen_folder, lambda sentence, _: sentence)
    assert (folder / "same_words.json").is_file()
    path = tmp_path / "now.csv"
    path.write_text(
        "transcript,response,emotion\nI fell.,Oh!,sad\nI won.,Great!,joy\n",
        encoding="utf-8",
    )
    main(["listen", str(path), str(folder), "--judge", qwen_folder])
    assert not (folder / "same_words.json").exists()
    path.write_text(path.read_text().replace("Oh!", "Oh no!"))
    main(["score", str(path), str(folder), "--scorer", scorer_folder])
    assert read_run(folder).listening is None


def test_a_table_names_different_judges(
    tmp_path, qwen_folder, llama_folder, scorer_folder
):
    """Fits by another judge, or another question, are not the same measure."""
    path = tmp_path / "other.csv"
    path.write_text(
        "transcript,response,emotion\nI fell.,Oh!,sad\nI won.,Great!,joy\n",
        encoding="utf-8",
    )
    runs = []
    for judge in (qwen_folder, llama_folder):
        folder = tmp_path / str(len(runs))
        main(["listen", str(path), str(folder), "--judge", judge])
        main(["score", str(path), str(folder), "--scorer", scorer_folder])
        runs.append(read_run(folder))
    assert "do not compare" in describe_listening(runs)[-1]
    (line,) = [x for x in describe_listening(runs[:1]) if "Judge of" in x]
    assert Path(qwen_folder).name in line
    assert "do not compare" not in describe_listening([runs[0]] * 2)[-1]


def test_a_table_names_the_judge_of_the_same_words(
    tmp_path, qwen_folder, llama_folder, scorer_folder
):
    """Also where the other fits of that run have another one."""
    folders = []
    for judge in (qwen_folder, llama_folder):
        folders.append(tmp_path / str(len(folders)))
        folders[-1].mkdir()
        listened(folders[-1], judge, lambda sentence, _: sentence)
    folders = [folder / "run" for folder in folders]
    for name in ("same_words.json", "same_words.inputs.json"):
        shutil.copy(folders[1] / name, folders[0] / name)
    source = str(tmp_path / "0" / EMOCF)
    main(["score", source, str(folders[0]), "--scorer", scorer_folder])
    lines = describe_listening([read_run(folders[0])])
    assert "do not compare" in lines[-1]
    for judge in (qwen_folder, llama_folder):
        assert sum(Path(judge).name in line for line in lines) == 1


def test_every_emotion_has_its_own_turns():
    """A word names one emotion; all have replies to the same sentences."""
    examples = read_prompts()["examples"]
    names = [name for example in examples for name in example["names"]]
    assert len(names) == len(set(names))
    said = {tuple(u for u, _ in example["turns"]) for example in examples}
    assert len(said) == 1
    replies = [reply for e in examples for _, reply in e["turns"]]
    assert len(replies) == len(set(replies))


@pytest.mark.parametrize(
    "change, words",
    [
        ("[", "line 1: no YAML"),
        ("[]", "fields: give system, instruction, examples"),
        ({"system": None}, "system: give a text"),
        ({"more": 1}, "fields: give"),
        ({"instruction": "{oops}"}, "instruction: {oops} stands for nothing"),
        ({"instruction": "{emotion.x}"}, "{emotion.x} stands for nothing"),
        ({"instruction": "{emotion"}, "instruction: .* is written twice"),
        ({"examples": "sad"}, "examples: give a list"),
        ({"examples": [{"names": ["sad"]}]}, "number 1: give names and turns"),
        (
            {"examples": [{"names": "sad", "turns": []}]},
            "number 1, names: give a list of texts",
        ),
        (
            {"examples": [{"names": ["sad"], "turns": ["ab"]}]},
            "number 1, turns: give .sentence, reply.",
        ),
        (
            {"examples": [{"names": ["sad", "Sad"], "turns": []}]},
            "'sad' is there twice",
        ),
    ],
)
def test_wrong_prompts(tmp_path, change, words):
    """The file and the field are named."""
    text = change
    if isinstance(change, dict):
        prompts = yaml.safe_load(PROMPTS.read_text(encoding="utf-8"))
        text = yaml.safe_dump({**prompts, **change})
    path = tmp_path / "prompts.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=words) as error:
        read_prompts(path)
    assert str(path) in str(error.value)


def test_an_instruction_in_place_of_examples():
    """It must name the emotion, and not in braces that are meant."""
    prompts = {"system": "", "instruction": "Be {emotion}.", "examples": []}
    assert examples_of(["bored"], prompts, "a.csv") == {"bored": []}
    prompts["instruction"] = "Be {{emotion}}."
    with pytest.raises(ValueError, match="no example turns of bored"):
        examples_of(["bored"], prompts, "a.csv")
