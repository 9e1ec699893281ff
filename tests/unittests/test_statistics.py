"""Paired tests, intervals and pooled runs, against what else gives them."""

import itertools
import json
import resource
import time

import numpy as np
import pytest
import torch
from scipy import stats

from speechbrain_relm.evaluation.__main__ import main
from speechbrain_relm.evaluation.chance.clusters import describe_clusters
from speechbrain_relm.evaluation.chance.resampling import ClusteredRatio
from speechbrain_relm.evaluation.chance.sign_flips import drawn_p, flip_p
from speechbrain_relm.evaluation.pooling import describe_pools, pool_runs
from speechbrain_relm.evaluation.runs import Run, read_run
from speechbrain_relm.evaluation.statistics import (
    cluster_interval,
    cluster_sign_flip,
    compare,
    holm,
    mean_and_deviation,
    signed_rank,
)
from speechbrain_relm.evaluation.tables.measured import score_cells
from speechbrain_relm.evaluation.tables.table import table_cells, to_markdown


def by_enumeration(numbers):
    """Goes through all signs: how often is the sum as far from zero?"""
    sizes = np.abs(numbers)
    signs = np.array(list(itertools.product((-1, 1), repeat=len(sizes))))
    observed = abs(np.sum(numbers))
    return np.mean(np.abs(signs @ sizes) >= observed - 1e-9)


def test_signed_rank_is_scipys_exact_test_without_ties():
    """Of any number below 50, with zeros dropped."""
    rng = np.random.default_rng(0)
    for count in range(1, 50):
        differences = rng.permutation(np.arange(1, count + 1)) / 8
        differences *= rng.choice([-1, 1], count, p=[0.35, 0.65])
        expected = stats.wilcoxon(differences, method="exact").pvalue
        given = np.concatenate([differences, np.zeros(5)])
        assert signed_rank(given) == pytest.approx(expected, rel=1e-9)


def test_signed_rank_with_ties_goes_through_all_signs():
    """Of levels, and of means over three seeds."""
    rng = np.random.default_rng(1)
    for count in range(2, 13):
        for unit in (1, 3):
            levels = rng.integers(-2 * unit, 2 * unit + 1, count) / unit
            other = levels[levels != 0]
            ranks = stats.rankdata(np.abs(other).round(9)) * np.sign(other)
            expected = by_enumeration(ranks) if len(other) else 1.0
            assert signed_rank(levels) == pytest.approx(expected)
    # 5/3 - 4/3 and 4/3 - 1 are a tie, whatever their last digits.
    assert signed_rank([5 / 3 - 4 / 3, 4 / 3 - 1, 1 - 4 / 3]) == 1.0


def test_scipys_permutations_agree():
    """Of random levels and numbers, and of the clusters' sums."""
    rng = np.random.default_rng(12)
    for _ in range(12):
        count = rng.integers(2, 10)
        differences = rng.integers(-2, 3, count) / rng.choice([1, 2, 7])
        differences[:2] = 1, -0.5
        expected = stats.wilcoxon(
            differences[differences != 0].round(9),
            method=stats.PermutationMethod(n_resamples=2**10),
        ).pvalue
        assert signed_rank(differences) == pytest.approx(expected)
        clusters = rng.integers(0, 4, count)
        clusters[:2] = 0, 1
        sums = [differences[clusters == c].sum() for c in set(clusters)]
        expected = stats.permutation_test(
            (sums,),
            np.sum,
            permutation_type="samples",
            n_resamples=np.inf,
        ).pvalue
        assert cluster_sign_flip(differences, clusters) == (
            pytest.approx(expected)
        )


def test_signed_rank_of_many_is_about_normal():
    """Exact where the sum has few values, scipy's approximation above."""
    rng = np.random.default_rng(2)
    levels = rng.choice([-2, -1, 0, 1, 2], 1500, p=[0.09, 0.1, 0.6, 0.11, 0.1])
    tied = stats.wilcoxon(levels[levels != 0], method="asymptotic").pvalue
    assert signed_rank(levels) == pytest.approx(tied, rel=0.02)
    values = rng.normal(0.02, 1, 3000)
    expected = stats.wilcoxon(values, method="asymptotic").pvalue
    assert signed_rank(values) == expected
    # Where all differ by one level it is the sign test: no normal curve.
    signs = np.repeat([1, -1], [32, 18])
    expected = stats.binomtest(18, 50).pvalue
    assert signed_rank(signs) == pytest.approx(expected)


def test_no_star_below_what_the_count_allows():
    """Five differences of one sign, and five clusters, are no evidence."""
    assert signed_rank([2] * 5 + [0] * 95) == 2 / 32
    assert cluster_sign_flip([2.0] * 500, np.arange(500) % 5) == 2 / 32
    assert cluster_sign_flip([2.0] * 600, np.arange(600) % 6) == 2 / 64


@pytest.mark.parametrize("draw", ["levels", "thirds", "any"])
def test_cluster_sign_flip_goes_through_all_signs(draw):
    """Of clusters of unlike size."""
    rng = np.random.default_rng(3)
    for count in (1, 2, 5, 10):
        clusters = np.repeat(np.arange(count), rng.integers(1, 6, count))
        differences = rng.integers(-2, 3, len(clusters)).astype(float)
        if draw == "thirds":
            differences /= 3
        if draw == "any":
            differences = rng.normal(size=len(clusters))
        sums = [differences[clusters == c].sum() for c in range(count)]
        assert cluster_sign_flip(
            differences, [f"s{c}" for c in clusters]
        ) == pytest.approx(by_enumeration(sums))


def test_drawn_flips_agree_with_the_exact_answer():
    """And are never 0, however clear the case is."""
    sums = np.random.default_rng(4).integers(-9, 12, 60).astype(float)
    sizes = np.abs(sums[sums != 0])
    drawn = drawn_p(sizes, abs(sums.sum()), seed=1)
    assert drawn == pytest.approx(flip_p(sums), abs=0.005)
    assert 0 < flip_p(np.ones(300)) <= 1e-12
    assert 0 < flip_p(np.random.default_rng(5).uniform(1, 2, 300)) <= 1e-4


def test_no_differences():
    """Nothing, or nothing but zeros, is no evidence."""
    for p in (signed_rank([]), signed_rank([0, 0.0])):
        assert p == 1.0
    for p in (cluster_sign_flip([], []), cluster_sign_flip([0, 0], "ab")):
        assert p == 1.0
    assert cluster_sign_flip([1, -1], "aa") == 1.0


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: cluster_interval([], []), "there are none"),
        (lambda: cluster_interval([1, 2, 3], "ab"), "3 values and 2 clusters"),
        (lambda: cluster_sign_flip([1], []), "1 values and 0 clusters"),
        (lambda: signed_rank([1, float("nan")]), "is nan: leave out"),
        (lambda: cluster_interval([float("inf")], "a"), "is inf: leave out"),
        (lambda: signed_rank([[1, 2], [3, 4]]), "One list of numbers"),
        (lambda: cluster_sign_flip(5, [1]), "One list of numbers"),
        (lambda: cluster_interval([1, 2], [1, float("nan")]), "Cluster 1 of"),
        (lambda: cluster_sign_flip([1, 2], [["a"], ["b"]]), "Cluster 0 of"),
        (lambda: cluster_interval([1, 2], "ab", confidence=95), "give 0.95"),
        (lambda: cluster_interval([1, 2], "ab", "x"), "values and 1 classes"),
        (lambda: cluster_interval([1, 3], "ab", limits=(0, 2)), "1.0 to 3.0"),
        (lambda: cluster_interval([1, 1], "ab", limits=(2, 0)), "1.0 to 1.0"),
        (lambda: cluster_sign_flip([1], {"u1": "a"}), "got a dict"),
        (lambda: signed_rank({1: 2}), "got a dict"),
        (lambda: signed_rank(x for x in [1]), "got a generator"),
        (lambda: signed_rank(["much"]), "could not convert"),
        (lambda: signed_rank([1, 1e300]), "Value 1 of 0 to 1 is 1e.300"),
        (lambda: signed_rank(np.ma.array([1, 2], mask=[0, 1])), "is nan"),
        (lambda: holm([0.01, float("nan")]), "p=nan is no p-value"),
    ],
)
def test_wrong_values(call, words):
    """Each in one line."""
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize(
    "kind",
    [
        list,
        np.array,
        torch.tensor,
        lambda given: torch.tensor(given, dtype=torch.bfloat16),
        lambda given: dict(enumerate(given)).values(),
    ],
)
def test_lists_arrays_and_tensors_are_alike(kind):
    """Of numbers and of clusters, which are told apart by their values."""
    numbers, clusters = [1, 2, 0, 1, 1, 3], [7, 7, 8, 8, 9, 9]
    assert cluster_sign_flip(kind(numbers), kind(clusters)) == 0.25
    assert cluster_interval(kind(numbers), kind(clusters)) == (
        cluster_interval(numbers, ["a", "a", "b", "b", "c", "c"])
    )
    assert signed_rank(kind(numbers)) == signed_rank(numbers)


def test_the_unit_of_differences_does_not_matter():
    """Shares of a billionth have the p of whole numbers."""
    differences = np.array([3, 1, -2, 5, 4, 6, 0])
    clusters = list("aabbcde")
    for unit in (1e-10, 1e-3, 1, 1e6, 1e30):
        assert signed_rank(differences * unit) == signed_rank(differences)
        assert cluster_sign_flip(differences * unit, clusters) == (
            cluster_sign_flip(differences, clusters)
        )
    # Ties of thirds stay ties, and p is never 0.
    for unit in (1, 1e9, 1e90):
        thirds = np.array([5 / 3 - 4 / 3, 4 / 3 - 1, 1 - 4 / 3]) * unit
        assert signed_rank(thirds) == 1.0
        assert cluster_sign_flip(thirds, "abc") == 1.0
        assert cluster_sign_flip(abs(thirds), "abc") == 0.25
    # What is left by rounding is no difference.
    assert signed_rank([0.1 + 0.2 - 0.3] * 9) == 1.0


def test_intervals_hold_the_mean_where_one_cluster_is_most_of_all():
    """One speaker of 200 turns and eleven of five: hardly two clusters."""
    rng = np.random.default_rng(10)
    clusters = np.repeat(np.arange(12), [200] + [5] * 11)
    held = 0
    for _ in range(100):
        values = rng.normal(size=12)[clusters] + rng.normal(size=len(clusters))
        low, high = cluster_interval(values, clusters)
        held += low <= 0 <= high
    assert held >= 93


def test_interval_of_few_clusters_is_students():
    """Of equal size: that of the clusters' means, by scipy."""
    rng = np.random.default_rng(6)
    values = rng.normal(size=(7, 20)) + rng.normal(size=(7, 1))
    means, clusters = values.mean(1), np.repeat(np.arange(7), 20)
    expected = stats.t.interval(
        0.95, 6, loc=means.mean(), scale=stats.sem(means)
    )
    found = cluster_interval(values.ravel(), clusters)
    assert found == pytest.approx(expected)


def test_interval_of_many_clusters_is_about_the_normal_one():
    """With the error that the delta method gives for unlike clusters."""
    rng = np.random.default_rng(7)
    sizes = rng.integers(1, 9, 800)
    clusters = np.repeat(np.arange(800), sizes)
    values = rng.normal(size=800)[clusters] + rng.normal(size=len(clusters))
    residuals = np.bincount(clusters, weights=values - values.mean())
    error = np.sqrt((residuals**2).sum() * 800 / 799) / len(values)
    low, high = cluster_interval(values, clusters)
    assert (low + high) / 2 == pytest.approx(values.mean())
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.06)
    assert cluster_interval(values, clusters) == (low, high)


def test_error_of_the_mean_of_class_means():
    """Against the jackknife, which leaves out cluster after cluster."""
    rng = np.random.default_rng(8)
    below = rng.integers(1, 6, (200, 3)).astype(float)
    above = rng.binomial(below.astype(int), [0.3, 0.6, 0.9]).astype(float)
    left = [
        np.mean((above.sum(0) - above[c]) / (below.sum(0) - below[c]))
        for c in range(200)
    ]
    jackknife = np.sqrt(199 / 200 * ((left - np.mean(left)) ** 2).sum())
    found = ClusteredRatio(above, below)
    assert found.error == pytest.approx(jackknife, rel=0.01)


def test_intervals_stay_where_values_can_be():
    """Shares are no less than none."""
    values = [1, *[0] * 29]
    low, high = cluster_interval(values, range(30), limits=(0, 1))
    assert low == 0 and 1 / 30 < high < 0.2
    assert cluster_interval(values, range(30))[0] < 0


def test_many_responses_in_bounded_memory():
    """31,000 clusters of one response: the most that there can be."""
    values = np.random.default_rng(9).integers(0, 3, 31_000)
    clusters = np.arange(31_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    cluster_interval(values, clusters)
    cluster_sign_flip(values - 1.0, clusters)
    signed_rank(values - 1)
    assert time.process_time() - start < 10
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 400_000  # KiB


def made_run(name, levels, prefix="u", scores=("ER", "Ex"), cluster=None):
    """Makes a run whose utterance i says sentence i // 4."""
    responses, scored = {}, {}
    for i, level in enumerate(levels):
        key = f"{prefix}{i}"
        responses[key] = {
            "id": key,
            "transcript": f"Sentence {prefix} {i // 4}.",
            "emotion": ("sad", "happy")[i % 2],
            "head_emotion": "sad",
            "response": "Oh no!",
            "finished": True,
        }
        if cluster:
            responses[key]["cluster"] = cluster(i)
        scored[key] = {"id": key, **dict.fromkeys(scores, level)}
    return Run(name, responses, scored)


def test_the_clustered_test_decides_over_stars():
    """One sentence in forty voices and another: no star, whatever the paper."""
    ours = made_run("A", [2] * 40 + [1] * 40, cluster=lambda i: f"s{i // 40}")
    theirs = made_run("B", [1] * 80, cluster=lambda i: f"s{i // 40}")
    cells = table_cells([ours, theirs], "B")
    test = cells[0].test
    assert test.p < 1e-11 and test.clustered_p == 1.0
    assert (test.nonzero, test.pairs, test.clusters) == (40, 80, 2)
    assert test.difference == 0.5
    markdown = to_markdown(cells)
    first = markdown.splitlines()[2]
    assert "p=1.000" in first and "\\*" not in first
    assert "Wilcoxon over responses (the paper's)" in markdown
    assert "A: 80 responses in 2 clusters." in describe_clusters([ours])[1]


def test_holm_is_over_the_clustered_tests():
    """Of two scores and two systems: four tests in the table."""
    rng = np.random.default_rng(10)
    runs = [
        made_run(name, rng.binomial(2, share, 80), scores=("ER", "IP"))
        for name, share in (("A", 0.8), ("B", 0.6), ("C", 0.4))
    ]
    cells = [cell for cell in table_cells(runs, "C") if cell.test]
    ps = [cell.test.clustered_p for cell in cells]
    assert len(ps) == 4
    for cell in cells:
        below = sum(p < cell.test.clustered_p for p in ps)
        assert cell.holm_p >= min((4 - below) * cell.test.clustered_p, 1)
    clusters = [i // 4 for i in range(80)]
    a, c = (list(run.utterance_means("ER").values()) for run in runs[::2])
    expected = cluster_sign_flip(np.subtract(a, c), clusters)
    assert cells[0].test.clustered_p == expected


def test_seeds_are_pooled():
    """Mean, deviation over seeds, and the test of each utterance's mean."""
    rng = np.random.default_rng(11)
    levels = rng.integers(0, 3, (3, 40))
    runs = [made_run("A", row) for row in levels]
    other = made_run("B", np.ones(40, dtype=int))
    cell = table_cells([*runs, other], "B")[0]
    assert cell.value == pytest.approx(levels.mean())
    assert cell.deviation == mean_and_deviation(levels.ravel().tolist())[1]
    assert cell.seed_deviation == pytest.approx(levels.mean(1).std(ddof=1))
    means, clusters = levels.mean(0), np.arange(40) // 4
    assert cell.interval == cluster_interval(means, clusters, limits=(0, 2))
    assert cell.test.clustered_p == cluster_sign_flip(means - 1, clusters)
    assert cell.test.p == signed_rank(means - 1) and cell.test.pairs == 40
    assert "± " in to_markdown([cell])
    said = describe_pools(pool_runs(runs))[0]
    assert "3 runs: 120 responses to 40 utterances, 3 to each" in said


def test_sessions_are_pooled():
    """Utterances that differ stand side by side; recognition is of all."""
    parts = [made_run("A", [2] * 8, "x"), made_run("A", [1] * 12, "y")]
    cells = {cell.metric: cell for cell in table_cells(parts)}
    cell = cells["Emotional Reaction (0-2)"]
    assert cell.value == pytest.approx(28 / 20) and cell.clusters == 5
    assert cell.seed_deviation is None  # each utterance comes once
    assert cells["UA by category head"].value == 0.5
    both = pool_runs([*parts, *parts])[0]
    assert len(both.responses) == 40 and len(both.clusters()) == 20
    assert score_cells(both)[0].seed_deviation == 0.0


def test_a_missing_mechanism_is_an_empty_cell():
    """Whichever run lacks it, and in examples too."""
    whole = made_run("A", [2] * 8, scores=("ER", "Ex", "IP"))
    bare = made_run("B", [1] * 8, scores=("ER",))
    for baseline in ("A", "B"):
        rows = to_markdown(table_cells([whole, bare], baseline)).splitlines()
        row = next(row for row in rows if row.startswith("| Exploration"))
        assert row.split(" | ")[2].startswith("—")


def write(folder, run):
    """Writes a run's two files."""
    folder.mkdir(parents=True)
    for name in ("responses", "scores"):
        lines = [json.dumps(r) + "\n" for r in getattr(run, name).values()]
        (folder / f"{name}.jsonl").write_text("".join(lines))
    return folder


def test_the_command_keeps_all_runs_of_a_name(tmp_path, capsys):
    """And shows a run that has no Ex; a folder of no clusters is said."""
    for seed in (1, 2):
        write(tmp_path / f"a/{seed}", made_run("", [seed] * 8))
    write(tmp_path / "b", made_run("", [0] * 8, scores=("ER",)))
    folders = [f"A={tmp_path / 'a/1'}", f"A={tmp_path / 'a/2'}"]
    line = ["table", *folders, f"B={tmp_path / 'b'}", "--baseline=B"]
    main([*line, f"--output={tmp_path / 'out'}"])
    printed = capsys.readouterr().out
    assert "| Emotional Reaction (0-2) | **1.500 (.516) ± .707 p=" in printed
    assert "A pools 2 runs" in printed and "name no cluster" in printed
    assert "B | Oh no! | — | 0 |" in printed
    main(["questions", f"B={tmp_path / 'b'}"])
    assert "Not all responses have an Ex." in capsys.readouterr().out
    assert read_run(tmp_path / "b").name == "b"


def test_differences_need_the_same_utterances_after_pooling():
    """Five sessions against four."""
    ours = [made_run("A", [2] * 4, str(n)) for n in range(5)]
    theirs = [made_run("B", [2] * 4, str(n)) for n in range(4)]
    with pytest.raises(ValueError, match="differ in 4 utterances"):
        table_cells([*ours, *theirs], "B")
    same = compare({"a": 1.0}, {"a": 1.0}, {"a": "x"})
    assert same.interval is None and same.clustered_p == 1.0


@pytest.mark.parametrize(
    "responses, scores, words",
    [
        ("", "", "has no responses"),
        ('{"id": "a"}', '{"id": "a", "ER": 1}', "a, response: it is no text"),
        (
            '{"id": "a", "response": ""}',
            '{"id": "a", "ER": null}',
            "a, ER: None",
        ),
        ('{"id": "a", "response": ""}', '{"id": "a", "ER": NaN}', "a, ER: nan"),
        ('{"id": "a", "response": ""}', '{"id": "a", "Ex": "2"}', "a, Ex: '2'"),
        ('{"id": "a", "response": ""}', '{"id": "a", "Ex": 3}', "a, Ex: 3"),
    ],
)
def test_runs_of_which_there_is_no_table(tmp_path, responses, scores, words):
    """One line says the file, the utterance and the field."""
    for name, text in (("responses", responses), ("scores", scores)):
        (tmp_path / f"{name}.jsonl").write_text(text and text + "\n")
    with pytest.raises(SystemExit, match=words) as stop:
        main(["table", str(tmp_path), f"--output={tmp_path / 'out'}"])
    assert "\n" not in str(stop.value)


def test_other_utterances_and_odd_names_are_said(tmp_path):
    """Without a baseline there is no test that refuses other utterances."""
    folder = write(tmp_path / "a", made_run("", [1] * 8))
    other = write(tmp_path / "b", made_run("", [1] * 8, prefix="v"))
    out = f"--output={tmp_path / 'out'}"
    with pytest.raises(SystemExit, match="B was tested on other utterances"):
        main(["table", f"$x_$={folder}", f"B={other}", out])
    for line, words in (
        ([f"A={folder}", f"A={other}/../a"], "is there twice"),
        ([f"A={folder}", "--gains=A"], "write SYSTEM:OTHER"),
    ):
        with pytest.raises(SystemExit, match=words):
            main(["table", *line, out])
    repeated = [made_run("A", [1] * 8), made_run("A", [1] * 4)]
    (line,) = describe_pools(pool_runs(repeated))
    assert "12 responses to 8 utterances, 1 or 2 to each" in line


def test_a_cluster_may_be_the_number_zero():
    """And is not taken for none."""
    run = made_run("A", [1] * 8)
    for place, record in enumerate(run.responses.values()):
        record["cluster"] = place // 4
    assert set(run.clusters().values()) == {"0", "1"}
    assert "8 responses in 2 clusters." in describe_clusters([run])[1]


def test_responses_of_no_words_are_clusters_of_their_own():
    """In what is said of them as in the interval."""
    run = made_run("A", [1] * 8)
    for record in run.responses.values():
        record["transcript"] = ""
    assert "8 responses in 8 clusters." in describe_clusters([run])[1]
    assert score_cells(run)[0].clusters == 8
    # The answers of two seeds to one of them are alike.
    pooled = pool_runs(
        [run, made_run("A", [2] * 8)._replace(responses=run.responses)]
    )[0]
    assert "16 responses in 8 clusters." in describe_clusters([pooled])[1]
