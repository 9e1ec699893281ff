"""What an answer to the recognition prompt names, and what the LLM rates."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from speechbrain_relm.evaluation.recognition import (
    confusion,
    recognition_figures,
)
from speechbrain_relm.evaluation.runs import Run
from speechbrain_relm.evaluation.statistics import cluster_interval
from speechbrain_relm.evaluation.tables.table import table_cells
from speechbrain_relm.lobes.chat_llm import ChatLLM
from speechbrain_relm.runs.emotion.answers import parse_emotion
from speechbrain_relm.runs.emotion.lexicon import (
    lexicon_of,
    options_of,
    read_lexicon,
)
from speechbrain_relm.runs.emotion.likelihoods import (
    EmotionLikelihoods,
    sentences_of,
)
from speechbrain_relm.runs.listeners import TextListener
from speechbrain_relm.runs.settings.together import together_problems

DATA = Path(__file__).resolve().parents[1] / "data"


def rows_of(name):
    """Rows of a CSV of ours."""
    with open(DATA / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    "name, least",
    [("emotion_answers.csv", 0.99), ("emotion_answers_after.csv", 0.95)],
)
def test_realistic_answers(name, least):
    """Written before the parser, and after it without a change to it."""
    rows = rows_of(name)
    assert len(rows) >= 150
    right = [
        parse_emotion(row["answer"], row["classes"].split())
        == (row["emotion"] or None)
        for row in rows
    ]
    assert sum(right) / len(right) >= least


@pytest.mark.parametrize(
    "answer, emotion",
    [
        ("Not happy.", None),
        ("The speaker sounds joyful", "happy"),
        ("frustrated", "angry"),
        ("The speaker is frustrated.", "angry"),
        ("calm", "neutral"),
        ("The tone is calm.", "neutral"),
        ("sadness", "sad"),
        ("The emotion is sadness.", "sad"),
        ("neutral, sad, angry, happy, or surprise", None),
        ("Sad or angry.", None),
        ("Sad/angry", None),
        ("Not happy but sad.", "sad"),
        ("The speaker isn’t angry.", None),
        ("Neither happy nor sad.", None),
        ("She sounds excited.", "happy"),
        ("He was surprised.", "surprise"),
        ("The speaker is unhappy.", "sad"),
        ("Angrily spoken.", "angry"),
        ("Options: sad, angry, happy. Answer: angry", "angry"),
        ("At first happy, but in the end sad.", "sad"),
        ("The tone is sad, not angry.", "sad"),
        ("No strong emotion.", "neutral"),
        ("I'm happy to help! What is the sentence?", None),
        ("I cannot tell.", None),
        ("", None),
        ("**Happy**", "happy"),
        ('{"emotion": "sad"}', "sad"),
        ("The sentence “I am so happy” sounds sad.", "sad"),
        ("<think>happy?</think>Neutral", "neutral"),
        ("Options: 1) angry 2) happy 3) neutral 4) sad", None),
        ("(a) angry (b) happy (c) sad", None),
        ("angry; happy; sad", None),
        ("Sad (80%), neutral (20%)", None),
        ("1) He sounds sad. 2) He is not angry.", "sad"),
        ("It could be sad, but it's more likely to be neutral.", "neutral"),
        ("It may be sad, but I would classify it as neutral.", "neutral"),
        ("I am an AI and have no feelings.", None),
        ("I'm hearing no strong emotion.", "neutral"),
        ("Matter-of-fact", "neutral"),
    ],
)
def test_answers_that_mislead(answer, emotion):
    """Denied, listed, inflected, quoted."""
    assert parse_emotion(answer) == emotion


def test_classes_of_ones_own(tmp_path):
    """By their names, by the package's words, by words of their own."""
    assert parse_emotion("I hear boredom.", ["bored", "keen"]) == "bored"
    assert parse_emotion("Happy.", ["joy", "anger"]) == "joy"
    assert parse_emotion("Happy.", ["happy", "joy"]) == "happy"
    assert parse_emotion("Excited.", ["excited", "happy"]) == "excited"
    assert parse_emotion("Happy.", ["bored", "keen"]) is None
    path = tmp_path / "words.yaml"
    path.write_text(
        "keen: {words: [eager], as_written: [raring to go]}\n"
        "flat_voice: {absent: [life]}\n"
    )
    classes = ["keen", "flat_voice"]
    for answer, name in (
        ("She sounds eagerly keen.", "keen"),
        ("He is raring to go!", "keen"),
        ("A flat voice.", "flat_voice"),
        ("There is no life in it.", "flat_voice"),
        ("He is not eager.", None),
    ):
        assert parse_emotion(answer, classes, str(path)) == name
    # The package's words stay for other classes.
    assert parse_emotion("Furious.", ["keen", "angry"], str(path)) == "angry"


@pytest.mark.parametrize(
    "text, reason",
    [
        ("- sad", "write each class"),
        ("sad: [blue]", "sad: give it lists"),
        ("sad: {words: blue}", "sad: give it lists"),
        ("sad: {word: [blue]}", "sad: give it lists"),
        ("sad: [", "no YAML"),
    ],
)
def test_a_lexicon_of_another_form_is_refused(text, reason, tmp_path):
    """In one line that names the file."""
    path = tmp_path / "words.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=reason) as error:
        read_lexicon(str(path))
    assert "words.yaml" in str(error.value) and "\n" not in str(error.value)
    settings = {
        "recognition_lexicon": str(path),
        "recognition_sentence": "It is sad.",
    }
    first, second = together_problems(settings)
    assert first.startswith("recognition_lexicon: ")
    assert second.startswith("recognition_sentence: ")
    with pytest.raises(FileNotFoundError, match="nowhere.yaml"):
        read_lexicon(str(tmp_path / "nowhere.yaml"))


def test_no_word_has_two_classes():
    """Of the classes that are asked for together."""
    names = options_of(
        ["neutral", "sad", "angry", "happy"], "sad, happy, or surprise"
    )
    assert names == ("neutral", "sad", "angry", "happy", "surprise")
    entries = read_lexicon()
    stems = lexicon_of(names).stems
    words = [word for name in names for word in entries[name]["words"]]
    assert len(words) == len(set(words))
    assert set(stems.values()) == set(names)


def test_ratings_against_whole_turns(qwen_folder):
    """The sentence's tokens after the question's, less those of no text."""
    llm = ChatLLM(qwen_folder)
    emotions = ["sad", "happy indeed"]
    likelihoods = EmotionLikelihoods(
        TextListener(llm), "Be kind.", "Tone? ", emotions, "{emotion}!"
    )
    labels, calibrated = likelihoods(["I fell.", "We won the game!"])

    def by_hand(text, answer):
        """By the whole conversation, one at a time."""
        prompt = llm.split_prompt("Be kind.", "")
        before = prompt.before + llm.encode("Tone? " + text) + prompt.after
        ids = llm.encode(answer)
        with torch.no_grad():
            logits = llm(llm.embed(torch.tensor([before + ids])))[0]
        rows = logits[len(before) - 1 : -1].log_softmax(-1)
        return float(rows.gather(1, torch.tensor(ids)[:, None]).sum())

    for row, text in enumerate(["I fell.", "We won the game!"]):
        for column, name in enumerate(emotions):
            wanted = by_hand(text, name)
            assert float(labels[row, column]) == pytest.approx(wanted, abs=1e-3)
            wanted = by_hand(text, f"{name}!") - by_hand("", f"{name}!")
            found = float(calibrated[row, column])
            assert found == pytest.approx(wanted, abs=1e-3)
    with pytest.raises(ValueError, match="recognition_sentence"):
        sentences_of(emotions, "It is sad.")


def made_run(seed, count=60):
    """Labels and what was recognized, some of it nothing or another class."""
    rng = np.random.default_rng(seed)
    names = ["angry", "happy", "sad"]
    labels = [names[i] for i in rng.integers(0, 3, count)]
    heard = [
        label if rng.random() < 0.6 else [*names, "surprise", None][k]
        for label, k in zip(labels, rng.integers(0, 5, count))
    ]
    return heard, labels, [str(i) for i in rng.integers(0, 12, count)]


def test_measures_by_counting():
    """UA, WA and macro-F1 from their definitions; intervals of the first two.

    Those are means over responses, so the interval of means is theirs.
    """
    heard, labels, clusters = made_run(3)
    found = recognition_figures(heard, labels, clusters)
    recalls, scores = [], []
    for name in sorted(set(labels)):
        hits = sum(h == name == t for h, t in zip(heard, labels))
        recall = hits / labels.count(name)
        precision = hits / heard.count(name)
        recalls.append(recall)
        scores.append(2 * precision * recall / (precision + recall))
    right = [h == t for h, t in zip(heard, labels)]
    assert found["UA"]["value"] == pytest.approx(np.mean(recalls))
    assert found["macro-F1"]["value"] == pytest.approx(np.mean(scores))
    assert found["WA"]["value"] == pytest.approx(np.mean(right))
    for name, classes in (("UA", labels), ("WA", None)):
        interval = cluster_interval(right, clusters, classes)
        ends = found[name]["low"], found[name]["high"]
        assert ends == pytest.approx(interval)
    table = confusion(heard, labels)
    assert list(table["sad"]) == ["angry", "happy", "sad", "surprise", "none"]
    for name, row in table.items():
        for other, count in row.items():
            other = None if other == "none" else other
            assert count == sum(
                h == other and t == name for h, t in zip(heard, labels)
            )


def test_the_interval_of_macro_f1_by_brute_force():
    """Clusters drawn one by one, F1 computed from the drawn responses."""
    heard, labels, clusters = made_run(5)
    members = {
        name: [i for i, c in enumerate(clusters) if c == name]
        for name in set(clusters)
    }
    rng = np.random.default_rng(9)
    drawn = []
    for _ in range(1500):
        chosen = rng.choice(sorted(members), len(members))
        rows = [i for name in chosen for i in members[name]]
        scores = []
        for name in set(labels):
            hits = sum(heard[i] == labels[i] == name for i in rows)
            size = sum((heard[i] == name) + (labels[i] == name) for i in rows)
            if size:
                scores.append(2 * hits / size)
        drawn.append(np.mean(scores))
    found = recognition_figures(heard, labels, clusters)["macro-F1"]
    # Twelve clusters: Student's 2.20 deviations at least, and not much more.
    reach = (found["high"] - found["low"]) / 2
    assert 2.0 < reach / np.std(drawn) < 2.9


def test_the_table_has_raw_and_calibrated():
    """A row each, with its interval, and nothing where a way is not there."""
    record = {"transcript": "Oh.", "response": "Oh?", "emotion": "sad"}
    record |= {"likelihood_emotion": "happy", "calibrated_emotion": "sad"}
    other = {**record, "transcript": "No."}
    run = Run("A", {"a": record, "b": other}, {i: {"ER": 1} for i in "ab"})
    cells = {cell.metric: cell for cell in table_cells([run])}
    assert cells["UA by label likelihood"].value == 0
    for measure in ("UA", "WA", "macro-F1"):
        cell = cells[f"{measure} by calibrated likelihood"]
        assert cell.value == 1 and cell.interval == (1, 1)
    assert "UA by prompt" not in cells
