"""No post in two parts, and what a scorer's figures are.

Authors
 * The speechbrain_relm contributors 2026
"""

import csv
import importlib.util
import json
import random
import re
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from speechbrain_relm.epitome.annotations import COLUMNS, FILES, Pair
from speechbrain_relm.epitome.baselines import tf_idf, word_regression
from speechbrain_relm.epitome.data import draw_fold, join_annotations
from speechbrain_relm.epitome.identity import name_posts
from speechbrain_relm.epitome.kept import Kept
from speechbrain_relm.epitome.measures import (
    accuracy_and_f1,
    batch_macro_f1,
    expected_calibration_error,
    fit_temperature,
)
from speechbrain_relm.lobes.epitome_classifier import LevelHead
from speechbrain_relm.lobes.parts.epitome_folder import MECHANISMS

SCRIPT = Path(__file__).parents[2] / "recipes/EPITOME/epitome_prepare.py"
spec = importlib.util.spec_from_file_location("epitome_prepare", SCRIPT)
prepare = importlib.util.module_from_spec(spec)
spec.loader.exec_module(prepare)

POST = "The café – my   only one – closed, number {}."
# How the three files write the same text, and which one has lost a word.
WRITINGS = {
    "emotional_reactions": lambda text: text,
    "explorations": lambda text: (
        "  " + unicodedata.normalize("NFD", text).replace(" ", "\u00a0")
    ),
    "interpretations": lambda text: (
        text.replace("   ", "\r\n").replace("only", "on\u200bly") + " \ufeff"
    ),
}


def write(folder, pairs):
    """Writes three files that differ in white space and Unicode."""
    folder.mkdir()
    for mechanism, file in FILES.items():
        write_as = WRITINGS[mechanism]
        with open(folder / file, "w", encoding="utf-8", newline="") as stream:
            out = csv.writer(stream)
            out.writerow(COLUMNS)
            for number, (post_id, response_id, post, level) in enumerate(pairs):
                texts = [write_as(post), write_as(f"Oh,   so  {number}? Yes.")]
                shown = "Yes." if level else ""
                out.writerow([post_id, response_id, *texts, level, shown])
    return folder


@pytest.fixture
def pairs():
    """Posts with several responses: by ids, by texts alone, by both."""
    rng, made = random.Random(0), []
    for number in range(60):
        for response in range(rng.randint(1, 3)):
            post_id, text = f"s{number}", POST.format(number)
            if number % 3 == 0:
                # The id alone says that it is the same post.
                text = text.replace(
                    "closed", ["shut", "left", "ended"][response]
                )
            if number % 3 == 1:
                # Only the text says so.
                post_id = ["", f"other{number}", f"s{number}"][response]
            made.append((post_id, f"r{number}-{response}", text, number % 3))
    return made


def number_of(entry):
    """Tells the number of the post, which is in its text."""
    return int(re.search(r"number (\d+)", entry["seeker"]).group(1))


def parts_of(folder):
    """Reads what the preparation wrote."""
    return {
        part: json.loads((folder / f"{part}.json").read_text("utf-8"))
        for part in ("train", "valid", "test")
    }


def test_no_post_is_in_two_parts(pairs, tmp_path):
    """In every fold; the folds' tests are all pairs, each once and whole."""
    data, tested = write(tmp_path / "data", pairs), []
    for fold in range(5):
        target = tmp_path / str(fold)
        prepare.prepare_epitome(data, target, test_fold=fold)
        parts = parts_of(target)
        posts = [
            {number_of(entry) for entry in of_part.values()}
            for of_part in parts.values()
        ]
        assert sum(map(len, posts)) == len(set.union(*posts)) == 60
        entries = [e for part in parts.values() for e in part.values()]
        # Each pair once, with what all three mechanisms say.
        assert len(entries) == len(pairs)
        for entry in entries:
            assert set(entry["levels"]) == set(MECHANISMS)
            for spans in entry["spans"].values():
                shown = [entry["response"][a:b] for a, b in spans]
                assert shown == ["Yes."] * bool(entry["levels"]["explorations"])
        tested += [e["pair_ids"][1] for e in parts["test"].values()]
    assert sorted(tested) == sorted(response for _, response, *_ in pairs)


def test_posts_of_a_test_folder_are_not_learned_from(pairs, tmp_path):
    """Nor are those that it writes otherwise, or has under the same id."""
    data = write(tmp_path / "data", pairs)
    others = [
        ("", "x1", POST.format(7).replace("   ", " \t "), 0),
        ("s9", "x2", "Quite another text, number 9.", 1),
    ]
    test = write(tmp_path / "test", others)
    prepare.prepare_epitome(data, tmp_path / "m", test_folder=test)
    parts = parts_of(tmp_path / "m")
    learned = {
        number_of(e)
        for part in ("train", "valid")
        for e in parts[part].values()
    }
    assert learned == set(range(60)) - {7, 9}
    assert len(parts["test"]) == 2


def test_ids_of_other_pairs_are_told(tmp_path):
    """The same ids for other words are no pair."""
    annotations = {
        "explorations": [Pair("I fell.", "Why? How?", 0, [], ("a", "b"))],
        "interpretations": [Pair("I won.", "That is nice.", 0, [], ("a", "b"))],
    }
    with pytest.raises(ValueError, match="interpretations, sp_id a, rp_id b"):
        join_annotations(annotations)
    with pytest.raises(ValueError, match="test_fold 5 is none of 5"):
        draw_fold("abcdefgh", 5, 5, 1)
    with pytest.raises(ValueError, match="too few for 5"):
        draw_fold("abc", 5, 0, 1)


def test_batch_macro_f1_by_hand():
    """Two batches: F1 of 0 and 1 is 2/3 each; then only level 2 is there."""
    predictions, labels = [0, 0, 1, 2, 2], [0, 1, 1, 2, 2]
    assert batch_macro_f1(predictions, labels, size=3) == pytest.approx(
        (2 / 3 + 1) / 2
    )
    # A level that is never found costs less than in the whole.
    rare = [0] * 64
    labels = [0] * 63 + [2]
    assert accuracy_and_f1(rare, labels)[1] == pytest.approx(63 / 127)
    assert batch_macro_f1(rare, labels) == pytest.approx((1 + 31 / 63) / 2)


def test_figures_are_in_the_order_of_the_file():
    """Batches come by length, the released measure by the file."""
    kept, rng = Kept(), random.Random(0)
    order = [f"test_{i}" for i in range(100)]
    levels = [rng.randrange(3) for _ in order]
    logits = torch.randn(100, 3, generator=torch.Generator().manual_seed(0))
    rows = list(range(100))
    rng.shuffle(rows)
    for start in range(0, 100, 10):
        batch = rows[start : start + 10]
        kept.add(
            [order[row] for row in batch],
            logits[batch],
            torch.zeros(10, 2, 2),
            torch.tensor([levels[row] for row in batch]),
            torch.zeros(10, 2, dtype=torch.long),
        )
    figures = kept.measure(order)
    expected = batch_macro_f1(logits.argmax(1).tolist(), levels)
    assert figures["batch_macro_f1"] == pytest.approx(expected)
    assert kept.measure()["batch_macro_f1"] != pytest.approx(expected)
    assert kept.measure()["macro_f1"] == pytest.approx(figures["macro_f1"])
    raw = expected_calibration_error((3 * logits).softmax(1), levels)
    assert kept.raw_calibration_error(3.0) == pytest.approx(raw, abs=1e-5)


def test_temperature_calibrates():
    """Logits that are three times too large are found out and set right."""
    generator = torch.Generator().manual_seed(0)
    true = torch.randn(4000, 3, generator=generator)
    labels = torch.multinomial(true.softmax(1), 1, generator=generator)
    labels = labels.squeeze(1).tolist()
    told = (3 * true).softmax(1)
    temperature = fit_temperature(told, labels)
    assert temperature == pytest.approx(3, rel=0.1)
    head = LevelHead(3, 0.0)
    states = torch.randn(5, 3)
    before = head(states)
    head.soften(temperature)
    torch.testing.assert_close(head(states), before / temperature)
    softened = (3 * true / temperature).softmax(1)
    assert expected_calibration_error(softened, labels) < 0.03
    assert expected_calibration_error(told, labels) > 0.15


def test_word_regression_is_the_least_loss():
    """By scipy, from the formula; counts by hand."""
    rng = random.Random(1)
    words = "oh dear why how sorry what dog a".split()
    texts = [" ".join(rng.choices(words, k=6)) for _ in range(60)]
    levels = [min(t.count("why") + t.count("sorry"), 2) for t in texts]
    x = tf_idf(texts, [])[0].toarray()
    # Words of one letter are none.
    assert x.shape == (60, 7)
    counted = np.array(
        [[t.split().count(w) for w in sorted(words) if w != "a"] for t in texts]
    )
    idf = np.log(61 / (1 + (counted > 0).sum(0))) + 1
    expected = counted * idf
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(x, expected, atol=1e-6)
    y = np.array(levels)
    weight = 60 / (3 * np.bincount(y, minlength=3))

    def loss(flat):
        """Computes scikit-learn's loss of a balanced regression, C = 1."""
        w, b = flat[:21].reshape(7, 3), flat[21:]
        z = x @ w + b
        likely = z[np.arange(60), y] - np.log(np.exp(z).sum(1))
        return -(weight[y] * likely).sum() + (w**2).sum() / 2

    best = minimize(loss, np.zeros(24), options={"maxiter": 1000}).x
    predicted = (x @ best[:21].reshape(7, 3) + best[21:]).argmax(1)
    assert word_regression(texts, levels, texts) == predicted.tolist()


@pytest.mark.parametrize(
    "other, ids",
    [
        ("i’m “late” &amp;amp; tired", ("", "")),
        ('I&amp;#39;m "late" &amp; tired', ("", "")),
        ("Something else.", (" ABC", "")),
    ],
)
def test_posts_written_in_other_ways_are_one(other, ids):
    """Quotes, case and doubly escaped entities are no other post."""
    first = {"seeker": 'I\'m "late" & tired', "pair_ids": ("abc", "")}
    second = {"seeker": other, "pair_ids": ids}
    name_posts([first], [second])
    assert first["post"] == second["post"]
