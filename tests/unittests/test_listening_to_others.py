"""Other systems' responses: read as published, and whether they listen."""

import json

import numpy as np
import pytest
import yaml

from speechbrain_relm.__main__ import main
from speechbrain_relm.evaluation.external import read_responses
from speechbrain_relm.evaluation.runs import read_run
from speechbrain_relm.runs.judging.prompts import PROMPTS, read_prompts

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
    "columns, words",
    [
        ("transcript,response\nI fell.,Oh!", "2, emotion: it is missing"),
        (
            "transcript,response,emotion\nI fell.,Oh!,bored",
            "examples: none has the name 'bored'",
        ),
    ],
)
def test_emotions_the_judge_needs(tmp_path, qwen_folder, columns, words):
    """One line says what to do."""
    path = tmp_path / "other.csv"
    path.write_text(columns + "\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=words):
        main(["listen", str(path), str(tmp_path), "--judge", qwen_folder])


def test_every_emotion_has_its_own_turns():
    """A word names one emotion; all have replies to the same sentences."""
    examples = read_prompts()["examples"]
    names = [name for example in examples for name in example["names"]]
    assert len(names) == len(set(names))
    said = {tuple(u for u, _ in example["turns"]) for example in examples}
    assert len(said) == 1
    replies = [reply for e in examples for _, reply in e["turns"]]
    assert len(replies) == len(set(replies))


@pytest.mark.parametrize("change", ["system", "examples", "[", "turns"])
def test_wrong_prompts(tmp_path, change):
    """What is missing is said, with the form."""
    prompts = yaml.safe_load(PROMPTS.read_text(encoding="utf-8"))
    if change == "turns":
        prompts["examples"][0]["turns"] = ["one"]
    prompts.pop(change, None)
    text = change if change == "[" else yaml.safe_dump(prompts)
    path = tmp_path / "prompts.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="does not say how to ask the judge"):
        read_prompts(path)
