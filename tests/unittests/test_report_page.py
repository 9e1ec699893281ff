"""The report as a page and its plots, from the files of a run."""

import json
import shutil
from html.parser import HTMLParser

import matplotlib.image
import numpy as np
import pytest
import soundfile

from speechbrain_relm.evaluation.pages.drawn import corpus_points
from speechbrain_relm.evaluation.pages.recordings import recordings_of_all
from speechbrain_relm.evaluation.pages.report import to_html
from speechbrain_relm.evaluation.pages.table import write_table
from speechbrain_relm.evaluation.plots.clouds import emotion_map
from speechbrain_relm.evaluation.plots.confusions import confusions_figure
from speechbrain_relm.evaluation.plots.curves import curves_figure, read_curves
from speechbrain_relm.evaluation.plots.phrases import openings
from speechbrain_relm.evaluation.plots.theme import draw
from speechbrain_relm.evaluation.runs import read_run
from speechbrain_relm.runs.steps.report import write_report

EMOTIONS = ("angry", "happy", "neutral", "sad")
LOG = (
    "epoch: 1, lr: 1.00e-04 - train loss: 4.35, train response_nll: 2.63 - "
    "valid loss: 4.14, valid UA: 2.50e-01\n"
    "epoch: 2, lr: 1.00e-04 - train loss: nan, train response_nll: 2.00 - "
    "valid loss: 3.14, valid UA: 5.00e-01\n"
    "Epoch loaded: 2 - test loss: 3.00\n"
)
BAD = "<img src=x onerror=alert(1)> ![p](http://x/y.png) | \"'&"


class Reader(HTMLParser):
    """Collects a page's tags, texts, and what it would load."""

    def __init__(self, page):
        """Reads the page."""
        super().__init__()
        self.tags, self.texts, self.loads, self.rows = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        """Takes note of a tag."""
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "srcset", "href", "data"):
                self.loads.append(value)
        if tag == "tr":
            self.rows.append([])

    def handle_data(self, data):
        """Takes note of a text."""
        self.texts.append(data)
        if self.rows:
            self.rows[-1].append(data)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The files of a finished run whose texts are hostile."""
    folder = tmp_path_factory.mktemp("run")
    draw_from = np.random.default_rng(1)
    (folder / "train_log.txt").write_text(LOG)
    wavs = {}
    with open(folder / "responses.jsonl", "w") as responses, open(
        folder / "scores.jsonl", "w"
    ) as scores:
        for i in range(16):
            emotion, name = EMOTIONS[i % 4], f"u{i}"
            chances = draw_from.dirichlet(np.ones(4)).tolist()
            wavs[name] = str(folder / f"{name}.wav")
            soundfile.write(wavs[name], [0.0, 0.1] * 800, 16000)
            record = {
                "id": name,
                "transcript": f"{BAD} {i}",
                "emotion": emotion,
                "response": f"I'm so sorry. Why {BAD}?",
                "head_emotion": EMOTIONS[int(np.argmax(chances))],
                "head_probabilities": dict(zip(EMOTIONS, chances)),
                "arousal": 0.4,
                "dominance": 0.5,
                "valence": 0.6,
            }
            responses.write(json.dumps(record) + "\n")
            spans = {"ER": [[0, 13]], "Ex": [[14, 30]]}
            score = {"id": name, "ER": 2, "Ex": 1, "rationales": spans}
            scores.write(json.dumps(score) + "\n")
    title = f"Title {BAD}"
    points = [("sad", 0.1 * i, 0.5) for i in range(8)]
    write_report(folder, title, ["**Small.**"], points=points, wavs=wavs)
    return folder


def test_the_page_is_one_file_and_texts_are_texts(run):
    """It would load nothing, has no tag of a text's, and plays the voices."""
    page = Reader((run / "report.html").read_text(encoding="utf-8"))
    assert all(x.startswith(("data:", "#")) for x in page.loads)
    kinds = [x.split(";")[0] for x in page.loads]
    # Light and dark of six plots; three recordings of each emotion.
    assert kinds.count("data:image/png") == 12 == page.tags.count("img") * 2
    assert kinds.count("data:audio/wav") == 12
    assert "script" not in page.tags and page.tags.count("h1") == 1
    assert f"Title {BAD}" in "".join(page.texts)
    assert any(text.startswith(f"{BAD} 0") for text in page.texts)


def test_page_and_markdown_say_the_same(run):
    """Each row of the Markdown's tables is a row of the page."""
    text = (run / "table.md").read_text(encoding="utf-8")
    page = Reader((run / "report.html").read_text(encoding="utf-8"))
    rows = [" ".join("".join(row).split()) for row in page.rows]
    before = text.split("## Examples")[0]
    lines = [x for x in before.splitlines() if x.startswith("|")]
    lines = [x for x in lines if "---" not in x]
    assert len(lines) > 10
    for line in lines:
        cells = [c.strip().strip("*") for c in line.strip("|").split("|")]
        wanted = "".join(" ".join(cells).replace("\\", "").split())
        assert any(
            wanted == "".join(row.split())[: len(wanted)] for row in rows
        )


def test_a_table_of_runs_is_a_page_too(run, tmp_path):
    """Of one file: its voices, and both answers under each."""
    other = tmp_path / "other"
    shutil.copytree(run, other)
    entries = {
        path.stem: {"wav": f"{{data_root}}/{path.name}", "duration": 0.1}
        for path in run.glob("*.wav")
    }
    for entry in entries.values():
        entry["transcript"] = "Oh!"
    (tmp_path / "test.json").write_text(json.dumps(entries))
    (run / "recipe.yaml").write_text(
        f"manifest_folder: {tmp_path}\ndata_folder: {run}\n"
    )
    runs = [read_run(f"A {BAD}={run}"), read_run(f"B={other}")]
    wavs = recordings_of_all([run, other])
    write_table(tmp_path / "table", runs, None, [], wavs)
    text = (tmp_path / "table" / "table.html").read_text(encoding="utf-8")
    page = Reader(text)
    assert all(x.startswith(("data:", "#")) for x in page.loads)
    kinds = [x.split(";")[0] for x in page.loads]
    # The scores, and of each run what it takes for what, light and dark.
    assert kinds.count("data:image/png") == 6 == page.tags.count("img") * 2
    assert kinds.count("data:audio/wav") == 12
    assert "script" not in page.tags and page.tags.count("h1") == 1
    answers = [row for row in page.rows if row[0] in (f"A {BAD}", "B")]
    assert len(answers) >= 2 * 12


@pytest.mark.parametrize(
    "line",
    [
        "x: !applyref:os.system ['touch MARK']",
        "data_folder: !applyref:os.system ['touch MARK']",
        "x: !include:OTHER",
        "data_folder: !ref <data_folder>",
        "data_folder: [a]",
        '{"a":&a [*a]}',
        "- a",
    ],
)
def test_a_run_of_somebody_else_calls_nothing(line, tmp_path):
    """Whatever its settings are, a table of it only lacks recordings."""
    mark, other = tmp_path / "mark", tmp_path / "other.yaml"
    other.write_text(f"y: !applyref:os.system ['touch {mark}']\n")
    line = line.replace("MARK", str(mark)).replace("OTHER", str(other))
    (tmp_path / "recipe.yaml").write_text(line + "\n")
    assert recordings_of_all([tmp_path]) == {}
    assert not mark.exists()


def test_folders_are_found_by_references(tmp_path):
    """As the recipes' YAMLs write them."""
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "a.wav").touch()
    entry = {"wav": "{data_root}/a.wav", "duration": 1.0, "transcript": "Oh!"}
    (tmp_path / "7" / "test.json").write_text(json.dumps({"a": entry}))
    (tmp_path / "recipe.yaml").write_text(
        "x: !applyref:os.system ['false']\nseed: 7\n"
        f"shared_folder: !ref {tmp_path}/<seed>\n"
        "manifest_folder: !ref <shared_folder>\n"
        "data_folder: !ref <manifest_folder>\n"
    )
    wav = str(tmp_path / "7" / "a.wav")
    assert recordings_of_all([tmp_path]) == {"a": wav}


def test_plots_are_drawn_light_and_dark(run):
    """Each in both, on grounds that differ."""
    names = {path.name for path in (run / "plots").iterdir()}
    plots = "scores training confusion phrases plane map".split()
    assert names == {f"{p}{t}.png" for p in plots for t in ("", ".dark")}
    for plot in plots:
        light, dark = (
            matplotlib.image.imread(run / "plots" / f"{plot}{theme}.png")
            for theme in ("", ".dark")
        )
        assert light.shape == dark.shape
        assert light[0, 0, :3].min() > 0.9 and dark[0, 0, :3].max() < 0.2


def test_curves_are_the_logs(tmp_path):
    """What is not finite is left out, and other lines are no epochs."""
    curves = read_curves(LOG)
    assert curves["loss"] == {
        "train": [(1, 4.35)],
        "valid": [(1, 4.14), (2, 3.14)],
    }
    assert curves["UA"] == {"valid": [(1, 0.25), (2, 0.5)]}
    assert "lr" not in curves and read_curves("nothing: here\n") == {}
    axis = curves_figure(curves).axes[0]
    drawn = {
        line.get_label(): line.get_xydata().tolist() for line in axis.lines
    }
    assert drawn == {"train": [[1, 4.35]], "valid": [[1, 4.14], [2, 3.14]]}
    draw(tmp_path / "one", lambda: curves_figure(read_curves(LOG[:80])))


def test_phrases_are_the_rationales(run):
    """By their first three words, counted by emotion."""
    found = openings(read_run(run), "ER")
    assert found == {"i'm so sorry": dict.fromkeys(EMOTIONS, 4)}


def test_the_map_keeps_what_varies_most():
    """Against the eigenvectors of the covariance, and no probability of 0."""
    rng = np.random.default_rng(2)
    chances = rng.dirichlet(np.ones(4), 30)
    records = [
        {"emotion": "sad", "head_probabilities": dict(zip(EMOTIONS, row))}
        for row in chances.tolist()
    ]
    points, shares = emotion_map(records)
    logits = np.log(chances) - np.log(chances).mean(1, keepdims=True)
    values = np.sort(np.linalg.eigvalsh(np.cov(logits.T)))[::-1]
    places = np.array([point[1:] for point in points])
    assert np.allclose(places.var(0, ddof=1), values[:2])
    assert np.allclose(shares, values[:2] / values.sum(), atol=1e-3)
    records[0]["head_probabilities"] = {"a": 1.0, "b": 0.0, "c": 0.0, "d": 0.0}
    assert np.isfinite([p[1:] for p in emotion_map(records)[0]]).all()
    assert len(emotion_map(records[:1])[0]) == 1


def test_confusions_show_the_counts():
    """Row by row, with those of no answer last."""
    figure = confusions_figure({"prompt": (["sad", None, "sad"], ["sad"] * 3)})
    assert [text.get_text() for text in figure.axes[0].texts] == ["2", "1"]


def test_pseudo_labels_fill_in_only_what_lacks():
    """A corpus's own labels stay."""
    own = {"emotion": "sad", "valence": 0.1, "arousal": 0.2}
    none = {"emotion": "sad", "valence": None, "arousal": None}
    pseudo = {"valence": 0.8, "arousal": 0.9}
    found = corpus_points(
        {"a": own, "b": none, "c": none}, {"a": pseudo, "b": pseudo}
    )
    assert found == [("sad", 0.1, 0.2), ("sad", 0.8, 0.9)]


def test_markdown_makes_no_tags():
    """HTML and pictures are shown as they are written."""
    shown = Reader(to_html("<script>x</script> ![a](http://b/c.png)"))
    assert set(shown.tags) <= {"p", "a"} and "img" not in shown.tags
