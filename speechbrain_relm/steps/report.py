"""The report of a run: Table I's row, a figure, examples as in Table II.

Authors
 * The speechbrain_relm contributors 2026
"""

import csv
import io
from collections import Counter
from pathlib import Path

from speechbrain_relm.evaluation.statistics import (
    compare,
    mean_and_deviation,
)
from speechbrain_relm.files import write_atomically
from speechbrain_relm.metrics import unweighted_accuracy
from speechbrain_relm.records import read_records

METRICS = {
    "ER": "Emotional Reaction (0-2)",
    "Ex": "Exploration (0-2)",
    "IP": "Interpretation (0-2)",
}


def summarize(folder, baseline=None):
    """Computes a run's numbers from its records.

    Arguments
    ---------
    folder : str or pathlib.Path
        Output folder with `responses.jsonl` and `scores.jsonl`.
    baseline : str or pathlib.Path or None
        Output folder of the run to test against.

    Returns
    -------
    list of dict
        Rows with `metric`, `value`, `deviation` and `note`.
    """
    folder = Path(folder)
    responses = read_records(folder / "responses.jsonl")
    scores = read_records(folder / "scores.jsonl")
    other = read_records(Path(baseline) / "scores.jsonl") if baseline else None
    rows = []
    for short, title in METRICS.items():
        if any(short not in record for record in scores.values()):
            continue
        ours = {i: record[short] for i, record in scores.items()}
        value, deviation = mean_and_deviation(list(ours.values()))
        note = ""
        if other is not None:
            test = compare(ours, {i: r[short] for i, r in other.items()})
            note = (
                f"Wilcoxon p={test.p:.3f} against {Path(baseline).name}, "
                f"{test.pairs} pairs, {test.ties:.0%} ties"
            )
        rows.append(_row(title, value, deviation, note))
    labels = [record["emotion"] for record in responses.values()]
    by_head = [record["head_emotion"] for record in responses.values()]
    by_prompt = [record["ser_emotion"] for record in responses.values()]
    unread = sum(emotion is None for emotion in by_prompt) / len(by_prompt)
    cut = sum(not r["finished"] for r in responses.values()) / len(labels)
    empty = sum(not r["response"] for r in responses.values()) / len(labels)
    words = [len(record["response"].split()) for record in responses.values()]
    rows += [
        _row("UA by the category head", unweighted_accuracy(by_head, labels)),
        _row(
            "UA by the recognition prompt",
            unweighted_accuracy(by_prompt, labels),
            note=f"{unread:.0%} of the answers name no single emotion",
        ),
        _row("Response length (words)", *mean_and_deviation(words)),
        _row("Responses cut by the token limit", cut),
        _row("Empty responses", empty),
    ]
    return rows


def _row(metric, value, deviation=None, note=""):
    return {
        "metric": metric,
        "value": value,
        "deviation": deviation,
        "note": note,
    }


def write_report(folder, title, remarks, scorer_metrics, baseline=None):
    """Writes `table.md`, `table.csv` and `figure.png`.

    Arguments
    ---------
    folder : str or pathlib.Path
        Output folder of the run.
    title : str
        Heading: corpus and system.
    remarks : list of str
        What a reader must know of these numbers.
    scorer_metrics : dict
        Held-out accuracy and macro-F1 of the empathy scorer, per mechanism.
    baseline : str or None
        Output folder of the run to test against.

    Returns
    -------
    pathlib.Path
        Path of `table.md`.
    """
    folder = Path(folder)
    rows = summarize(folder, baseline)
    responses = read_records(folder / "responses.jsonl")
    scores = read_records(folder / "scores.jsonl")
    counts = Counter(record["emotion"] for record in responses.values())
    lines = [
        f"# {title}",
        "",
        f"{len(responses)} test utterances: "
        + ", ".join(f"{n} {emotion}" for emotion, n in sorted(counts.items())),
        "",
        "| metric | mean (standard deviation) | |",
        "| --- | --- | --- |",
    ]
    lines += [f"| {r['metric']} | {_value(r)} | {r['note']} |" for r in rows]
    lines += ["", "## What the numbers are worth", ""]
    lines += [f"- {remark}" for remark in remarks]
    lines += [
        f"- The scorer of {mechanism.replace('_', ' ')} has a held-out "
        f"accuracy of {m['accuracy']:.3f} and a macro-F1 of "
        f"{m['macro_f1']:.3f}."
        for mechanism, m in scorer_metrics.items()
    ]
    lines += ["", "## Examples", ""]
    lines += _examples(responses, scores)
    _write_csv(folder / "table.csv", rows)
    draw_figure(folder / "figure.png", title, responses, scores)
    write_atomically(folder / "table.md", "\n".join(lines) + "\n")
    return folder / "table.md"


def _value(row):
    if row["deviation"] is None:
        return f"{row['value']:.3f}"
    return f"{row['value']:.3f} ({row['deviation']:.3f})"


def _write_csv(path, rows):
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, buffer.getvalue())


def _examples(responses, scores, per_emotion=3):
    """Shows responses in the form of Table II, some of each emotion."""
    lines = [
        "| label | heard | transcript | response | ER | Ex |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    shown = Counter()
    for utterance, record in responses.items():
        shown[record["emotion"]] += 1
        if shown[record["emotion"]] > per_emotion:
            continue
        texts = [
            record[field].replace("|", "\\|").replace("\n", " ")
            for field in ("transcript", "response")
        ]
        lines.append(
            f"| {record['emotion']} | {record['head_emotion']} | "
            + " | ".join(texts)
            + f" | {scores[utterance]['ER']} | {scores[utterance]['Ex']} |"
        )
    return lines


def draw_figure(path, title, responses, scores):
    """Draws the levels of ER and Ex, and the confusions of the head.

    Arguments
    ---------
    path : pathlib.Path
        The PNG.
    title : str
        Heading.
    responses : dict
        Response records.
    scores : dict
        Score records.
    """
    # Only here: a training process needs no plotting library.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for offset, short in enumerate(("ER", "Ex")):
        levels = Counter(record[short] for record in scores.values())
        shares = [levels[level] / len(scores) for level in (0, 1, 2)]
        left.bar([x + 0.4 * offset - 0.2 for x in range(3)], shares, 0.4)
    left.set(xticks=range(3), xlabel="level", ylabel="share of responses")
    left.legend([METRICS["ER"], METRICS["Ex"]])
    emotions = list(next(iter(responses.values()))["head_probabilities"])
    pairs = Counter(
        (record["emotion"], record["head_emotion"])
        for record in responses.values()
    )
    matrix = [[pairs[t, p] for p in emotions] for t in emotions]
    right.imshow(matrix, cmap="Blues")
    right.set_xticks(range(len(emotions)), emotions)
    right.set_yticks(range(len(emotions)), emotions)
    right.set(xlabel="heard", ylabel="label")
    for row, values in enumerate(matrix):
        for column, value in enumerate(values):
            right.text(column, row, value, ha="center", va="center")
    figure.suptitle(title)
    temporary = path.with_name(f".{path.name}")
    figure.savefig(temporary, format="png", dpi=150)
    temporary.replace(path)
