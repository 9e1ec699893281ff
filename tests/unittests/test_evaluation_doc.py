"""What docs/evaluation.md derives follows from its tables and our data.

A figure in the text may be off by its rounding only. What the reading of
answers and the detectors give is compared line by line in `test_texts.py`.
"""

import csv
import re
from pathlib import Path

import pytest
import yaml
from scipy.stats import spearmanr

from speechbrain_relm.evaluation.chance import resampling, sign_flips
from speechbrain_relm.evaluation.listening_rows import in_brackets
from speechbrain_relm.evaluation.recognition import (
    MEASURES,
    recognition_figures,
)
from speechbrain_relm.evaluation.statistics import (
    cluster_interval,
    cluster_sign_flip,
    signed_rank,
)
from speechbrain_relm.evaluation.tables.paper import (
    ABSTRACT_ACCURACY_GAINS,
    ABSTRACT_GAINS,
    CLAIMED_GAINS,
    CORPORA,
    EMOTIONAL_REACTION,
    EXPLORATION,
    UNWEIGHTED_ACCURACY,
)
from speechbrain_relm.lobes.parts.epitome_topic import NEAREST
from speechbrain_relm.mini.annotations.pairs import compose
from speechbrain_relm.runs.emotion.answers import parse_emotion

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests/data"
TEXT = (ROOT / "docs/evaluation.md").read_text(encoding="utf-8")
PRINTED = {"ER": EMOTIONAL_REACTION, "Ex": EXPLORATION}
# The names of systems in the paper's claims.
MODELS = {"Text + LLM": 1, "Text + LLM + emo_label": 3, "RE-LLM": 6}
SCALES = ("er", "ex")
TENTHS = "none one two three four five six seven eight nine ten".split()


def section(heading, text=TEXT):
    """Gives what stands below a heading."""
    start = text.index(f"## {heading}\n")
    return re.split(r"\n##+ ", text[start:])[0]


def table(text, first=""):
    """Reads the first table whose head begins so: rows of cells."""
    rows, inside = [], False
    for line in text.splitlines():
        if line.startswith(f"| {first}") and not rows:
            inside = True
        if not line.startswith("|"):
            inside = False
        if inside:
            rows.append([c.strip() for c in line[1:-1].split("|")])
    assert rows, first
    return rows[2:]


def numbers(text):
    """Lists the numbers of a text."""
    return [float(n) for n in re.findall(r"(?<![\w.])-?\d*\.?\d+", text)]


def data(name):
    """Reads a CSV of tests/data."""
    with open(DATA / name, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def close(shown, value):
    """Tells whether a printed number is a value, rounded."""
    return abs(float(shown) - value) <= (
        0.5001 * 10.0 ** -len(shown.partition(".")[2])
    )


def worth(row, scale):
    """The level that an answer is worth."""
    return (int(row[f"{scale}_low"]) + int(row[f"{scale}_high"])) / 2


def mean(values):
    """Averages."""
    return sum(values) / len(values)


ANSWERS = data("known_answers.csv")


def test_the_table_of_known_answers():
    """Mean levels of each kind, from the level of each answer."""
    rows = table(section("The small scorer", TEXT), "kind")
    kinds = list(dict.fromkeys(row["kind"] for row in ANSWERS))
    assert [row[0] for row in rows] == kinds
    for kind, count, *cells in rows:
        of_kind = [row for row in ANSWERS if row["kind"] == kind]
        assert int(count) == len(of_kind)
        expected = []
        for scale in SCALES:
            expected.append(mean([worth(row, scale) for row in of_kind]))
            for when in ("before", "now"):
                column = f"{scale}_{when}"
                expected.append(mean([int(r[column]) for r in of_kind]))
        assert all(map(close, cells, expected)), kind


def test_what_is_said_of_known_answers():
    """How many are fooled, right, and in which order."""
    nonsense, honest = ANSWERS[:30], ANSWERS[30:]
    assert not any(worth(row, scale) for row in nonsense for scale in SCALES)
    fooled, right, order = {}, {}, {}
    for when in ("before", "now"):
        fooled[when] = sum(
            any(int(row[f"{scale}_{when}"]) for scale in SCALES)
            for row in nonsense
        )
        for scale in SCALES:
            levels = [int(row[f"{scale}_{when}"]) for row in honest]
            right[scale, when] = sum(
                int(row[f"{scale}_low"]) <= level <= int(row[f"{scale}_high"])
                for row, level in zip(honest, levels)
            )
            order[scale, when] = spearmanr(
                [worth(row, scale) for row in honest], levels
            )[0]
    text = section("The small scorer")
    assert fooled["now"] == 0 and (
        f"Of the 30 nonsensical answers, {fooled['before']} had a level above "
        "0 on either scale before, and none has now." in text
    )
    assert (
        f"right in {right['er', 'before']} (ER) and {right['ex', 'before']} "
        f"(Ex) of 30 before, {right['er', 'now']} and {right['ex', 'now']} now"
    ) in text
    assert (
        f"is {order['er', 'before']:.2f} and {order['ex', 'before']:.2f} "
        f"before, {order['er', 'now']:.2f} and {order['ex', 'now']:.2f} now."
    ) in text


def test_the_material_of_the_small_scorer():
    """How many pairs, and how many of them are nonsense."""
    pairs, text = compose(), section("The small scorer")
    (shown,) = re.findall(r"about ([\d,]+) pairs", text)
    assert round(len(pairs), -2) == int(shown.replace(",", ""))
    assert f"{len(compose(held_out=True))} held-out pairs" in text
    assert f"a cosine below {NEAREST:.2f}".replace("0.", ".") in text


def gain(score, corpus, system, other):
    """The relative gain in percent by the printed means."""
    row = PRINTED[score][corpus]
    return 100 * (row[system - 1][0] / row[other - 1][0] - 1)


def cut(value):
    """Cuts decimals off, as the paper does."""
    return int(100 * value + 1e-9) / 100


def test_the_claims_that_do_not_follow():
    """All others do; and from what these two would."""
    text = section("The paper's own table")
    odd = [
        claim
        for claim in CLAIMED_GAINS
        if cut(gain(*claim[:4])) != pytest.approx(claim[4])
    ]
    assert len(CLAIMED_GAINS) == 20 and "claims twenty relative" in text
    assert len(odd) == 2 and "Eighteen follow" in text
    for claim, row in zip(odd, table(text, "claim")):
        score, corpus, system, other, claimed = claim
        said, means, they_give, instead = row
        named = re.match(r"(\w+) of (.+) over (.+) on ([\w-]+): ", said)
        assert named.groups()[0::3] == (score, corpus)
        assert [MODELS[name] for name in named.groups()[1:3]] == [system, other]
        assert said.endswith(f": {claimed:.2f} %")
        row = PRINTED[score][corpus]
        ours, theirs = row[system - 1][0], row[other - 1][0]
        assert means == f"{ours:.3f}, {theirs:.3f}"
        assert they_give == f"{cut(gain(*claim[:4])):.2f} %"
        from_it = 100 * (numbers(instead)[0] / theirs - 1)
        assert cut(from_it) == pytest.approx(claimed)
    assert "1.856, which is printed for Model 7 on IEMOCAP" in text
    assert EMOTIONAL_REACTION["IEMOCAP"][6][0] == 1.856


def test_the_gains_of_the_abstract():
    """They follow, over different systems; what they are over the others."""
    text, others = section("The paper's own table"), {4: 5, 5: 4}
    assert "repeats six of the twenty and adds two" in text
    for score, corpus, system, other, claimed in ABSTRACT_GAINS:
        assert cut(gain(score, corpus, system, other)) == claimed
        assert (score, corpus, system) not in [
            c[:3] for c in CLAIMED_GAINS if c[3] == other
        ]
        assert f"{claimed} %" in text
        instead = gain(score, corpus, system, others[other])
        assert f"is {instead:.2f} %" in text
    points = {
        model: [
            100 * (row[5] - row[model - 1])
            for row in (UNWEIGHTED_ACCURACY[corpus] for corpus in CORPORA)
        ]
        for model in (4, 5)
    }
    claimed = [ABSTRACT_ACCURACY_GAINS[corpus] for corpus in CORPORA]
    assert points[4] == pytest.approx(claimed)
    assert "({}, {} and {} % on IEMOCAP, ESD and MSP".format(*claimed) in text
    assert "they are {:.1f}, {:.1f} and {:.1f}.".format(*points[5]) in text


def study():
    """The table of two equal systems: name to its five shares."""
    rows = table(section("Intervals and tests", TEXT), "two equal systems")
    return {name: [float(cell) for cell in cells] for name, *cells in rows}


def test_the_study_of_two_equal_systems():
    """Its rows are the benchmark's; what is said of them is in them."""
    shares, text = study(), section("Intervals and tests")
    source = (ROOT / "benchmarks/statistics_study.py").read_text("utf-8")
    assert list(shares) == re.findall(r'^    "(.+)": Study', source, re.M)
    independent = "ESD, answers that have nothing in common"
    for name, (paper, ours, *covered) in shares.items():
        few = re.match(r"([468]) ", name)
        assert ours < 0.05 if few else 0.03 <= ours <= 0.07
        assert covered[1] > 0.93 or "mostly 0" in name and few
        assert covered[2] > 0.93
        assert paper < 0.07 if name == independent else paper > 0.1
    most = max(paper for paper, *_ in shares.values())
    assert f"in up to {TENTHS[round(10 * most)]} of ten studies" in text
    assert shares["4 sentences"][1] == 0 and "four can never be" in text
    held = shares["8 sentences, Exploration (mostly 0)"][3]
    assert f"in {TENTHS[round(10 * held)]} of ten only" in text


def test_what_is_said_of_intervals_and_tests():
    """The numbers that are settings, and the smallest p."""
    text = section("Intervals and tests")
    assert f"over clusters, {resampling.RESAMPLES} resamples" in text
    assert f"Below {TENTHS[resampling.FEWEST]} clusters" in text
    assert f"for up to {sign_flips.ENUMERATED} clusters" in text
    assert f"from {sign_flips.DRAWS:,} drawn ones" in text
    least = {
        count: f"{cluster_sign_flip([1] * count, range(count)):.3f}"[1:]
        for count in (5, 6)
    }
    assert f"cannot give less than {least[5]}, six {least[6]}:" in text
    # The three names can be called as they are shown there.
    code = re.search(r"```python\n(.+?)```", text, re.S).group(1)
    names = {"values": [1, 0, 2], "clusters": "abb", "differences": [1, 0, 2]}
    exec(compile(code, "docs/evaluation.md", "exec"), names)
    assert names["p"] == signed_rank([1, 0, 2])
    assert (names["low"], names["high"]) == cluster_interval([1, 0, 2], "abb")


def test_what_the_parser_gets_wrong():
    """As many answers as the table leaves, and these."""
    text, rows = section("Emotion by prompt"), data("emotion_answers_after.csv")
    wrong = [
        row["answer"].lower()
        for row in rows
        if parse_emotion(row["answer"], row["classes"].split())
        != (row["emotion"] or None)
    ]
    told = re.search(r"What it gets wrong there: (.+)\n", text).group(1)
    quoted = re.findall(r'"(.+?)"', told)
    assert len(wrong) == len(quoted)
    for words in quoted:
        assert any(words in answer for answer in wrong), words


def test_the_likelihoods():
    """From what SmolLM2 took each sentence for; macro-F1 by hand."""
    rows, text = data("emotional_sentences.csv"), section("Emotion by prompt")
    true = [row["emotion"] for row in rows]
    clusters = [row["sentence"] for row in rows]
    found = table(text, f"{len(rows)} sentences")
    for (_, *cells), field in zip(found, ("by_labels", "by_sentences")):
        heard = [row[field] for row in rows]
        figures = recognition_figures(heard, true, clusters)
        assert cells == [in_brackets(figures[m]) for m in MEASURES]
        recalls, scores = [], []
        for emotion in set(true):
            both = list(zip(true, heard)).count((emotion, emotion))
            recalls.append(both / true.count(emotion))
            either = true.count(emotion) + heard.count(emotion)
            scores.append(2 * both / either)
        assert close(cells[0].split()[0], mean(recalls))
        assert close(cells[2].split()[0], mean(scores))
    pairs = [(row["emotion"], row["by_sentences"]) for row in rows]
    wrong = [true for true, heard in pairs if true != heard]
    assert wrong.count("neutral") == 10 == true.count("neutral")
    assert "ten neutral ones, of which it calls none neutral" in text
    assert pairs.count(("neutral", "happy")) == 7 and "(seven are happy" in text
    assert wrong.count("sad") == 2 == len(wrong) - 10
    assert "two of the sad ones" in text
    most = [row["by_labels"] for row in rows].count("neutral")
    assert f"The bare labels call {most} of the forty neutral." in text


def test_what_is_said_of_the_detectors():
    """Nothing good is flagged, and three in ten of two flaws are missed."""
    text = section("Flaws")
    rows = table(text, "responses")
    assert all(float(row[3]) == 1 for row in rows)
    unseen = {row[1]: float(row[4]) for row in rows[-5:]}
    missed = {flaw: 1 - recall for flaw, recall in unseen.items() if recall < 1}
    assert set(missed) == {"refused", "role"}
    assert {round(10 * share) for share in missed.values()} == {3}
    assert "three in ten refusals and stray answers" in text


def test_the_speed_is_that_of_the_page_on_speed():
    """Row by row, and the median ratio fits the times."""
    speed = (ROOT / "docs/speed.md").read_text(encoding="utf-8")
    measured = table(speed, "benchmark")
    measured = [row for row in measured if row[0].startswith("EPITOME/")]
    shown = table(section("Speed"), "|")
    assert len(shown) == len(measured) == 3
    for ours, theirs in zip(shown, measured):
        assert ours[1].split(" a ")[0] == theirs[1]
        assert ours[2:] == theirs[2:4]
        ratio, low, high = numbers(ours[3])
        assert low <= ratio <= high
        quotient = numbers(ours[1])[0] / numbers(ours[2])[0]
        assert quotient == pytest.approx(ratio, rel=0.03)


EPITOME = (ROOT / "recipes/EPITOME/README.md").read_text(encoding="utf-8")


def test_the_tables_of_the_epitome_recipe():
    """Macro-F1 is the mean over levels, an effect that over mechanisms."""
    first = table(EPITOME, "| | accuracy")
    scorers = [row for row in first if "this scorer" in row[1]]
    levels = table(EPITOME, "| F1 of level 0")
    for of_one, row in zip(scorers, levels, strict=True):
        assert of_one[0] == row[0]
        expected = mean(numbers(row[1]))
        assert numbers(of_one[3])[0] == pytest.approx(expected, abs=0.0055)
    effects = table(EPITOME, "setting |")
    ts = [float(row[-1]) for row in effects]
    assert ts == sorted(ts, reverse=True)
    for *_, er, ex, ip, together, _ in effects:
        expected = mean([float(x) for x in (er, ex, ip)])
        assert float(together) == pytest.approx(expected, abs=0.00101)
    assert "The first five, those with t of 1 or more," in EPITOME
    assert [t >= 1 for t in ts] == [True] * 5 + [False] * 10


def test_the_settings_of_the_epitome_recipe():
    """Those that are chosen are in the YAML."""
    path = ROOT / "recipes/EPITOME/hparams/minilm.yaml"
    plain = re.sub(r"!\S+", "", path.read_text(encoding="utf-8"))
    settings = yaml.safe_load(plain)
    chosen = {row[0]: row[1] for row in table(EPITOME, "setting |")[:5]}
    assert {name: text.split(" → ")[1] for name, text in chosen.items()} == {
        "epochs": str(settings["number_of_epochs"]),
        "learning rate": "2e-4",
        "tokens of a response": str(settings["max_length"]),
        "responses' word embeddings": "trained",
        "ordinal loss": f"{settings['ordinal_weight']:.0f}",
    }
    assert settings["lr"] == 2e-4 and settings["train_embeddings"]
