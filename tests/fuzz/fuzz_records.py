"""Records, manifests and tables of runs, and what others write like them."""

import csv
import io
import json

from fuzz_labels import bytes_changed, lines_changed, respaced, sentence
from fuzzing import Area, Case

from speechbrain_relm.data.datasets import read_manifest
from speechbrain_relm.epitome.annotations import read_pairs
from speechbrain_relm.evaluation.external import read_responses
from speechbrain_relm.evaluation.runs import read_run
from speechbrain_relm.evaluation.tables.table import table_cells
from speechbrain_relm.evaluation.tables.table_csv import read_csv, to_csv

NUMBER = 8
BAD = (7, -1, float("nan"), float("inf"), "2", None, True, [], {}, 1e400)
DIMENSIONS = ("arousal", "dominance", "valence")


def as_lines(records):
    """Writes JSON lines."""
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def make_run(random, folder):
    """A finished run."""
    responses, scores = [], []
    for number in range(NUMBER):
        labels = dict.fromkeys(DIMENSIONS, 0.5)
        responses.append(
            {
                "id": f"u{number}",
                "transcript": sentence(random),
                "response": sentence(random),
                "emotion": random.choice(["sad", "happy"]),
                "ser_emotion": random.choice(["sad", "happy", None]),
                "labels": labels,
                **labels,
            }
        )
        level = {s: random.randrange(3) for s in ("ER", "Ex", "IP")}
        scores.append({"id": f"u{number}", **level})
    found = {"responses.jsonl": responses, "scores.jsonl": scores}
    for name, records in found.items():
        (folder / name).write_bytes(as_lines(records))
    name = random.choice([*found])

    def opened():
        """Makes Table I of it."""
        run = read_run(folder)
        return table_cells([run]), run

    def same(value):
        """Whether every record is there, as it was."""
        found = value[1]
        kept = list(found.responses.values()), list(found.scores.values())
        return kept == (responses, scores)

    return folder / name, found[name], opened, same


def make_manifest(random, folder):
    """A manifest."""
    entries = {
        f"u{number}": {
            "wav": f"{{data_root}}/u{number}.wav",
            "duration": 1.5,
            "transcript": sentence(random),
            "emotion": "sad",
            **dict.fromkeys(DIMENSIONS, 0.5),
        }
        for number in range(NUMBER)
    }
    path = folder / "train.json"
    path.write_text(json.dumps(entries, indent=1), encoding="utf-8")

    def same(value):
        """Whether every entry is there, as it was."""
        return [e["transcript"] for e in value.values()] == [
            e["transcript"] for e in entries.values()
        ]

    opened = lambda: read_manifest(path, folder, ["sad"])  # noqa: E731
    return path, None, opened, same


def make_csv(random, folder):
    """Responses of another system, or annotated pairs."""
    texts = [(sentence(random), sentence(random)) for _ in range(NUMBER)]
    if random.random() < 0.5:
        rows = [["transcript", "response"], *map(list, texts)]
        read = read_responses
        plain = lambda found: [  # noqa: E731
            (r["transcript"].strip(), r["response"].strip())
            for r in found.values()
        ]
    else:
        columns = "sp_id,rp_id,seeker_post,response_post,level,rationales"
        rows = [columns.split(",")]
        rows += [[i, i, *pair, "0", ""] for i, pair in enumerate(texts)]
        read = read_pairs
        plain = lambda found: [p[:2] for p in found]  # noqa: E731
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    path = folder / "texts.csv"
    path.write_text(buffer.getvalue(), encoding="utf-8")
    same = lambda found: plain(found) == texts  # noqa: E731
    return path, None, lambda: read(path), same


def make_table(random, folder):
    """A table.csv."""
    _, _, opened, _ = make_run(random, folder)
    cells = opened()[0]
    path = folder / "table.csv"
    path.write_text(to_csv(cells), encoding="utf-8")
    same = lambda found: found == cells  # noqa: E731
    return path, None, lambda: read_csv(path), same


def field_changed(random, records, path):
    """Another value in one field of one record."""
    records = json.loads(json.dumps(records))
    record = random.choice(records)
    name = random.choice([*record])
    value = random.choice(BAD)
    record[name] = value
    path.write_bytes(as_lines(records))
    return f"{name}: {value!r}"


def marked(random, raw):
    """A byte-order mark, other line ends, an old encoding, a huge line."""
    how = random.choice(["mark", "ends", "latin", "utf-16", "deep", "huge"])
    text = raw.decode()
    changed = {
        "mark": lambda: b"\xef\xbb\xbf" + raw,
        "ends": lambda: text.replace("\n", "\r\n").encode(),
        "latin": lambda: text.replace("e", "é").encode("latin-1"),
        "utf-16": lambda: text.encode("utf-16"),
        "deep": lambda: b"[" * 10**5 + raw,
        "huge": lambda: raw + b"x" * (2**24 + 2) + b"\n",
    }
    return f"{how}", changed[how]()


def again(random, raw):
    """A line or a column for the second time, or a cell too many."""
    lines = raw.splitlines(keepends=True)
    how = random.choice(["line", "column", "cell"])
    if how == "line":
        lines.append(random.choice(lines[1:]))
    elif how == "column" and lines[0].count(b","):
        name = lines[0].split(b",")[0]
        lines[0] = lines[0].rstrip(b"\n") + b"," + name + b"\n"
        lines[1:] = [line.rstrip(b"\n") + b",x\n" for line in lines[1:]]
    else:
        lines[-1] = lines[-1].rstrip(b"\n") + b",x\n"
    return f"a second {how}", b"".join(lines)


MAKERS = (make_run, make_manifest, make_csv, make_table)
CHANGES = (respaced, lines_changed, bytes_changed, marked, again)


def make(random, folder, shared):
    """One file with something changed."""
    maker = random.choice(MAKERS)
    path, records, opened, same = maker(random, folder)
    names = (path.name, str(folder))
    if records and random.random() < 0.5:
        what = field_changed(random, records, path)
        # What the reader does not know may be anything.
        return Case(f"{path.name} {what}", names, opened, lambda value: True)
    change = random.choice(CHANGES)
    what, raw = change(random, path.read_bytes())
    path.write_bytes(raw)
    harmless = change in (respaced, marked)
    # Other letters in a text are a text too, if they are all there.
    right = same if harmless else lambda value: value is not None
    return Case(f"{path.name} {what}", names, opened, right)


AREAS = [Area("records", make)]
