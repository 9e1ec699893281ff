"""People's ratings: the kit's files, agreement, and a truth that is known."""

import csv
import json
import random
from itertools import permutations

import numpy as np
import pytest
import soundfile

from speechbrain_relm.evaluation.__main__ import main
from speechbrain_relm.evaluation.chance.two_way import two_way_interval
from speechbrain_relm.evaluation.rating.agreement import krippendorff_alpha
from speechbrain_relm.evaluation.rating.items import SIDES
from speechbrain_relm.evaluation.rating.kit import make_kit
from speechbrain_relm.evaluation.rating.summary import read_ratings

# Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", example
# C: four observers, twelve units, and his results.
OBSERVERS = [
    "123321412...",
    "1233224125.3",
    ".3332342251.",
    "1233244125 1.".replace(" ", ""),
]
PRINTED = {"nominal": 0.743, "ordinal": 0.815, "interval": 0.849}
UNITS = [
    [int(value) for value in unit if value != "."] for unit in zip(*OBSERVERS)
]


@pytest.mark.parametrize("metric", PRINTED)
def test_alpha_is_krippendorffs_own(metric):
    """His worked example, as printed and from the definition, pair by pair."""
    found = krippendorff_alpha(UNITS, metric)
    assert round(found, 3) == PRINTED[metric]
    units = [unit for unit in UNITS if len(unit) > 1]
    values = [value for unit in units for value in unit]

    def far(one, two):
        """How far two ratings are apart."""
        if metric == "nominal":
            return one != two
        if metric == "interval":
            return (one - two) ** 2
        low, high = sorted((one, two))
        between = sum(low <= value <= high for value in values)
        ends = values.count(one) + values.count(two)
        return (between - ends / 2) ** 2 * (one != two)

    observed = sum(
        sum(far(*pair) for pair in permutations(unit, 2)) / (len(unit) - 1)
        for unit in units
    ) / len(values)
    pairs = [far(*pair) for pair in permutations(values, 2)]
    expected = sum(pairs) / len(pairs)
    assert found == pytest.approx(1 - observed / expected)


def test_alpha_of_nothing_to_agree_on():
    """Nobody shares a unit, or nothing varies."""
    assert krippendorff_alpha([[1], [2]]) is None
    assert krippendorff_alpha([[1, 1], [1, 1]]) is None
    with pytest.raises(ValueError, match="nominal, ordinal or interval"):
        krippendorff_alpha([[1, 2]], "ratio")


def test_interval_holds_what_it_says_over_items_and_people():
    """Both have habits; an interval by single ratings would not hold it."""
    draw, held, naive = np.random.default_rng(1), 0, 0
    items, people = np.indices((20, 15)).reshape(2, -1)
    for _ in range(150):
        values = 0.3 * draw.normal(size=20)[items]
        values += 0.3 * draw.normal(size=15)[people]
        values += draw.normal(size=len(items))
        low, high = two_way_interval(values, items, people)
        held += low <= 0 <= high
        reach = 1.96 * values.std() / np.sqrt(len(values))
        naive += abs(values.mean()) <= reach
    assert held / 150 >= 0.93 and naive / 150 < 0.75


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two finished runs of 30 sentences, and their corpus."""
    root = tmp_path_factory.mktemp("rated")
    (root / "corpus").mkdir()
    manifest, levels = {}, random.Random(3)
    for i in range(30):
        wav = root / "corpus" / f"u{i}.wav"
        soundfile.write(wav, [0.0, 0.1] * 1600, 16000)
        manifest[f"u{i}"] = {
            "wav": "{data_root}/" + wav.name,
            "duration": 0.2,
            "transcript": f"sentence {i}",
        }
    for name in ("Ours", "Theirs"):
        folder = root / name
        (folder / "manifests").mkdir(parents=True)
        (folder / "manifests/test.json").write_text(json.dumps(manifest))
        (folder / "recipe.yaml").write_text(
            f"data_folder: {root}/corpus\nmanifest_folder: x\n"
        )
        with open(folder / "responses.jsonl", "w") as file:
            for i in range(30):
                said = "Same." if i == 29 else f"</script> {name[0]}{i}"
                record = {
                    "id": f"u{i}",
                    "transcript": f"sentence {i}",
                    "emotion": ["sad", "angry"][i % 2],
                    "response": said,
                }
                file.write(json.dumps(record) + "\n")
        with open(folder / "scores.jsonl", "w") as file:
            for i in range(30):
                er = levels.randrange(3)
                record = {"id": f"u{i}", "ER": er, "Ex": 1}
                file.write(json.dumps(record) + "\n")
    return [f"{name}={root / name}" for name in ("Ours", "Theirs")]


def kit_of(runs, output, **options):
    """Makes a kit; gives its key and page."""
    page = make_kit(runs, output, **options)
    key = json.loads((output / "key.json").read_text())
    return key, page.read_text(encoding="utf-8")


def test_a_kit_is_blind_and_the_same_again(runs, tmp_path):
    """The page names no system, emotion or utterance, the key does."""
    key, page = kit_of(runs, tmp_path / "a", number=24, checks=3)
    assert not any(word in page for word in ("Ours", "Theirs", "sad", "u7"))
    assert "</script> O" not in page and page.count("</script>") == 2
    items = list(key["items"].values())
    rated = [item for item in items if not item["check"]]
    assert len(rated) == 24 and len(items) == 27
    assert key["answered_the_same"] == 1
    emotions = [item["emotion"] for item in rated]
    assert emotions.count("sad") == emotions.count("angry") == 12
    assert {item["systems"]["a"] for item in rated} == {"Ours", "Theirs"}
    for item in rated:
        for side in SIDES:
            assert f" {item['systems'][side][0]}" in item["texts"][side]
    assert kit_of(runs, tmp_path / "b", number=24, checks=3) == (key, page)
    assert kit_of(runs, tmp_path / "c", seed=2)[0] != key


def write(path, key, rater, points_of):
    """Writes a rater's CSV, in the page's form."""
    fields = "kit,kind,rater,trial,item,first,choice,rating_a,rating_b"
    with open(path, "w", newline="") as file:
        out = csv.DictWriter(file, fields.split(","), restval="")
        out.writeheader()
        for trial, (name, item) in enumerate(key["items"].items()):
            row = dict(kit=key["kit"], kind=key["kind"], rater=rater)
            row.update(trial=trial + 1, item=name, first="ab"[trial % 2])
            out.writerow({**row, **points_of(item)})
    return path


def simulated(kind, truth, draw):
    """Makes people whose mean preference of "Theirs" is known.

    Items and people differ; every tenth has none. On a scale "Theirs" has
    `truth` points more.
    """
    of_item = {}

    def person(habit):
        """What one rater says."""

        def points_of(item):
            """The points of an item."""
            if item["check"]:
                check = item["check"]
                asked = {f"rating_{s}": check[s] for s in SIDES if s in check}
                return asked or {"choice": check["choice"]}
            lean = of_item.setdefault(item["utterance"], draw.uniform(-1, 1))
            theirs = "ab"[item["systems"]["b"] == "Theirs"]
            ours = "ab"[theirs == "a"]
            if kind == "scale":
                first = draw.choice((2, 3))
                more = draw.random() < truth - 1 + 0.2 * (lean + habit)
                return {
                    f"rating_{ours}": first,
                    f"rating_{theirs}": first + 1 + more,
                }
            if draw.random() < 0.1:
                return {"choice": "tie"}
            likes = draw.random() < truth + 0.15 * (lean + habit)
            return {"choice": theirs if likes else ours}

        return points_of

    return person


@pytest.mark.parametrize("kind, truth", [("preference", 0.7), ("scale", 1.5)])
def test_the_reader_gives_a_known_truth_back(runs, tmp_path, kind, truth):
    """Sixteen people and one who does not look."""
    key, _ = kit_of(runs, tmp_path, kind=kind, number=28, checks=3)
    draw = random.Random(5)
    person = simulated(kind, truth, draw)
    paths = [
        write(tmp_path / f"{i}.csv", key, f"r{i}", person(draw.uniform(-1, 1)))
        for i in range(16)
    ]
    careless = {"choice": "tie", "rating_a": 1, "rating_b": 1}
    paths.append(write(tmp_path / "no.csv", key, "no", lambda _: careless))
    text = read_ratings(tmp_path / "key.json", paths, tmp_path)
    found = json.loads((tmp_path / "ratings.json").read_text())
    assert (found["raters"], found["ratings"]) == (16, 16 * 28)
    assert "Left out for it: no." in text
    wanted = truth if kind == "scale" else 2 * (0.9 * truth + 0.05) - 1
    low, high = found["difference"]["by_both"]
    assert low <= wanted <= high and 0 < low and high - low < 0.5
    for way in ("by_item", "by_rater"):
        one, other = found["difference"][way]
        assert low <= one < other <= high
    assert found["difference"]["p_by_item"] < 0.01
    assert found["shown_first"]["by_both"][0] < 0.5
    assert found["shown_first"]["by_both"][1] > 0.5
    # The levels were drawn, and Ex is everywhere the same.
    assert found["correlation"]["Ex"]["rho"] is None
    assert abs(found["correlation"]["ER"]["rho"]) < 0.5


def test_ratings_go_with_scores_where_they_do(runs, tmp_path):
    """Who always prefers the higher level correlates with it perfectly."""
    key, _ = kit_of(runs, tmp_path, number=28)

    def by_level(item):
        """Prefers the higher level."""
        if item["check"]:
            return {"choice": item["check"]["choice"]}
        a, b = (item["scores"][item["systems"][s]]["ER"] for s in SIDES)
        return {"choice": "tie" if a == b else "ab"[b > a]}

    paths = [
        write(tmp_path / f"{name}.csv", key, name, by_level) for name in "xy"
    ]
    read_ratings(tmp_path / "key.json", paths, tmp_path)
    found = json.loads((tmp_path / "ratings.json").read_text())
    assert found["correlation"]["ER"]["rho"] > 0.9
    assert found["alpha"] == {"nominal": 1.0, "ordinal": 1.0}


def test_bad_ratings_are_named(runs, tmp_path):
    """In a line, with the file, its line and the field."""
    key, _ = kit_of(runs, tmp_path, number=4)
    good = write(tmp_path / "a.csv", key, "x", lambda _: {"choice": "a"})
    place = str(tmp_path / "key.json")

    def said(*paths):
        """The one line that a wrong file ends in."""
        with pytest.raises(SystemExit) as stop:
            main(["ratings", place, *map(str, paths)])
        assert "\n" not in str(stop.value)
        return str(stop.value)

    assert "x rated item" in said(good, good)
    text = good.read_text()
    for old, new, part in (
        (key["kit"], "0000", "a.csv, line 2, kit: '0000' is not the key's"),
        (",a,,", ",left,,", "choice: 'left' is none of a, b, tie"),
        ("item 0", "thing 0", "item: the key has no 'thing 0"),
        (",x,", ",,", "rater: it is empty"),
    ):
        good.write_text(text.replace(old, new))
        assert part in said(good)
    good.write_text(text.replace(",a,,", ",tie,,"))
    assert "No rating is left of 1 raters" in said(good)
    (tmp_path / "key.json").write_text("{}")
    assert "name the key.json" in said(good)


def test_the_commands_say_what_comes_next(runs, tmp_path, capsys):
    """From runs to a page, from ratings to a table."""
    main(["kit", *runs, "--items", "6", "--output", str(tmp_path)])
    assert f"ratings {tmp_path / 'key.json'}" in capsys.readouterr().out
    key = json.loads((tmp_path / "key.json").read_text())
    person = simulated("preference", 0.7, random.Random(1))(0)
    path = write(tmp_path / "x.csv", key, "x", person)
    main(["ratings", str(tmp_path / "key.json"), str(path)])
    printed = capsys.readouterr().out
    assert "| Theirs |" in printed and str(tmp_path / "ratings.md") in printed
    with pytest.raises(SystemExit, match="Both runs are called a"):
        main(["kit", *(run.replace("Ours", "a", 1) for run in runs[:1] * 2)])
