"""Tests of the MSP-Podcast preparation on made corpora with known truth.

Authors
 * The speechbrain_relm contributors 2026
"""

import csv
import importlib.util
import json
import logging
import random
import runpy
import shutil
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from recipe_runs import replaces

from speechbrain_relm.data.msp_podcast import HOMEPAGE
from speechbrain_relm.mini import models
from speechbrain_relm.mini.msp_podcast import (
    ODDITIES,
    VERSIONS,
    make_msp_podcast_with_oddities,
)
from speechbrain_relm.model.metrics import word_error_rate

RECIPE = Path(__file__).parents[2] / "recipes" / "MSP-Podcast"
SPLITS = ("train", "valid", "test")
COLUMNS = ["FileName", "EmoClass", "EmoAct", "EmoVal", "EmoDom"]
COLUMNS += ["SpkrID", "Gender", "Split_Set"]


def load(name):
    """Loads a script of the recipe."""
    spec = importlib.util.spec_from_file_location(name, RECIPE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


msp = load("msp_podcast_prepare")
whisper = load("transcribe_missing")


@pytest.fixture(scope="module", params=list(VERSIONS))
def odd(request, tmp_path_factory):
    """A corpus with each oddity, in the layout of a release."""
    folder = tmp_path_factory.mktemp("odd") / "MSP"
    return make_msp_podcast_with_oddities(folder, version=request.param)


def line(number, split="Train", letter=None, speaker=None, act=4.0):
    """Makes a line of the table."""
    name = f"MSP-PODCAST_0001_{number:04d}.wav"
    speaker = number % 5 + 10 * len(split) if speaker is None else speaker
    letter = letter or "NASH"[number % 4]
    return [name, letter, act, 2.5, 7, speaker, "Female", split]


def write_table(root, rows, columns=COLUMNS):
    """Writes the table of labels."""
    path = root / "Labels" / "labels_consensus.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def make_copy(root, rows):
    """Makes a corpus of sines."""
    write_table(root, rows)
    for part in ("Audios", "Transcripts"):
        (root / part).mkdir()
    wav = 0.3 * np.sin(2 * np.pi * 200 * np.arange(16000) / 16000)
    for name, *_ in rows:
        sf.write(root / "Audios" / name, wav, 16000)
        text = (root / "Transcripts" / name).with_suffix(".txt")
        text.write_text(f"What {name} says.\n", encoding="utf-8")
    return root


def usual_rows():
    """Lists the lines of a small corpus: 60, 12 and 24 utterances."""
    rows = [line(number) for number in range(60)]
    rows += [line(number, "Development") for number in range(60, 72)]
    return rows + [line(number, "Test1") for number in range(72, 96)]


@pytest.fixture
def copy(tmp_path):
    """A small corpus without anything odd."""
    return make_copy(tmp_path / "msp", usual_rows())


def prepare(root, out=None, **settings):
    """Prepares a copy; returns split -> id -> entry, and what was left out."""
    out = out or root.parent / "manifests"
    msp.prepare_msp_podcast(str(root), str(out), **settings)
    return read(out, *SPLITS), *read(out, "left_out").values()


def read(out, *names):
    """Reads manifests and the like."""
    return {
        name: json.loads((out / f"{name}.json").read_text(encoding="utf-8"))
        for name in names
    }


def test_manifests_are_the_truth(odd, tmp_path, caplog):
    """Every oddity as stated, in the layouts of two releases."""
    truth = json.loads((odd / "truth.json").read_text(encoding="utf-8"))
    with caplog.at_level(logging.INFO):
        splits, left_out = prepare(
            odd,
            tmp_path / "m",
            train_size=None,
            test_size=None,
            valid_ratio=1.0,
            min_duration=0.3,
        )
    for split, expected in truth["entries"].items():
        assert set(splits[split]) == set(expected)
        for utterance, entry in expected.items():
            found = splits[split][utterance]
            # Who speaks, or in which podcast where that is not known.
            speaker, cluster = entry["speaker"], found.pop("cluster")
            if speaker.startswith("Unknown"):
                speaker = utterance.rpartition("_")[0]
            assert cluster == speaker
            assert list(found) == list(entry)
            for dimension in ("arousal", "dominance", "valence"):
                rating, wanted = found.pop(dimension), entry.pop(dimension)
                assert rating == (wanted and pytest.approx(wanted, abs=1e-9))
            assert found == entry
    kinds = {wav: why.split(":")[0] for wav, why in left_out.items()}
    assert kinds == truth["left_out"]
    assert set(kinds.values()) == {why for why in ODDITIES.values() if why}
    lacking = read(tmp_path / "m", "missing_transcripts")
    lacking = lacking["missing_transcripts"]
    assert set(lacking) == set(truth["missing_transcripts"])
    assert all((odd / wav[len("{data_root}/") :]).is_file() for wav in
               lacking.values())  # fmt: skip
    seen = set().union(*splits.values())
    assert not seen & set(truth["not_asked"]) and truth["not_asked"]
    assert "ratings that are not 1 to 7" in caplog.text
    speakers = [e["speaker"] for s in splits.values() for e in s.values()]
    unknown = [name for name in speakers if name.startswith("Unknown")]
    assert len(unknown) == len(set(unknown)) > 1


def test_sample_is_a_seeded_draw_of_the_asked_sizes(copy):
    """The same for a seed, whatever the order of the lines."""
    whole, _ = prepare(copy, train_size=None, test_size=None)
    assert {s: len(e) for s, e in whole.items()} == {
        "train": 60, "valid": 6, "test": 24
    }  # fmt: skip
    sizes = {"train_size": 30, "test_size": 10, "valid_ratio": 0.2}
    first, left_out = prepare(copy, **sizes)
    assert [len(first[s]) for s in SPLITS] == [30, 6, 10] and not left_out
    rows = usual_rows()
    random.Random(3).shuffle(rows)
    write_table(copy, rows)
    assert prepare(copy, **sizes)[0] == first
    columns = random.Random(4).sample(range(8), 8)
    rows = [[row[k] for k in columns] for row in rows]
    write_table(copy, rows, [COLUMNS[k] for k in columns])
    assert prepare(copy, **sizes)[0] == first
    other, _ = prepare(copy, **sizes, seed=5)
    assert set(other["train"]) != set(first["train"])
    # One more keeps those drawn before, and the other splits.
    more, _ = prepare(copy, **{**sizes, "train_size": 31})
    assert set(first["train"]) < set(more["train"])
    assert more["test"] == first["test"]
    # A plain draw, not a stratified one: the classes come as they come.
    drawn = []
    for seed in range(20):
        splits, _ = prepare(copy, train_size=30, seed=seed)
        drawn.append(Counter(e["emotion"] for e in splits["train"].values()))
    assert len({tuple(sorted(d.items())) for d in drawn}) > 10
    assert 6.5 < np.mean([d["sad"] for d in drawn]) < 8.5


def test_only_drawn_wavs_are_read_and_bad_ones_replaced(copy, caplog):
    """The next in the order takes the place."""
    sizes = {"train_size": 20, "test_size": 10, "valid_ratio": 0.2}
    first, _ = prepare(copy, **sizes)
    drawn = list(first["train"])
    (copy / "Audios" / f"{drawn[0]}.wav").write_bytes(b"")
    (copy / "Audios" / f"{drawn[1]}.wav").unlink()
    (copy / "Transcripts" / f"{drawn[2]}.txt").unlink()
    undrawn = {f"MSP-PODCAST_0001_{n:04d}" for n in range(60)} - set(drawn)
    more, _ = prepare(copy, **{**sizes, "train_size": 23})
    assert len(more["train"]) == 23
    spare = set(more["train"]) - set(drawn)
    for utterance in undrawn - spare:
        (copy / "Audios" / f"{utterance}.wav").write_bytes(b"never read")
    second, left_out = prepare(copy, **sizes)
    assert len(second["train"]) == 20
    assert set(drawn[3:]) < set(second["train"]) <= set(more["train"])
    assert sorted(why.split(":")[0] for why in left_out.values()) == [
        "empty file", "missing", "no transcript"
    ]  # fmt: skip
    assert (second["valid"], second["test"]) == (first["valid"], first["test"])
    with caplog.at_level(logging.WARNING):
        prepare(copy, train_size=50, test_size=99)
    assert "test: 99 utterances are asked for, but only 24" in caplog.text


def test_without_development_speakers_are_held_out(tmp_path, caplog):
    """Nobody is heard on both sides; the unknown stay in training."""
    rows = [line(n, speaker=n % 9 or "Unknown") for n in range(90)]
    rows += [line(n, "Test1") for n in range(90, 110)]
    root = make_copy(tmp_path / "msp", rows)
    with caplog.at_level(logging.WARNING):
        splits, _ = prepare(root, train_size=60, valid_ratio=0.25)
    assert "2 speaker(s) of Train with 20 utterances" in caplog.text
    speakers = {s: {e["speaker"] for e in splits[s].values()} for s in SPLITS}
    assert len(splits["train"]) == 60 and len(splits["valid"]) == 15
    assert len(speakers["valid"]) == 2
    assert not speakers["valid"] & speakers["train"]
    assert any(name.startswith("Unknown") for name in speakers["train"])
    write_table(
        root, [line(n, speaker="Unknown") for n in range(90)] + rows[90:]
    )
    with pytest.raises(ValueError, match="no Development set"):
        prepare(root)


def test_without_transcripts_whisper_fills_in(odd, tmp_path, monkeypatch):
    """The list is the plain draw; what is transcribed fills the sample."""
    root = shutil.copytree(odd, tmp_path / "MSP")
    wanted, out = tmp_path / "texts", tmp_path / "manifests"
    settings = {"train_size": 12, "test_size": 14, "min_duration": 0.3}
    shutil.rmtree(root / "Transcripts")
    with pytest.raises(ValueError, match="transcribe_missing.py"):
        prepare(root, **settings)
    lacking = read(out, "missing_transcripts")["missing_transcripts"]
    # Also the one for validation, a tenth of 12.
    assert len(lacking) == 27
    source = str(models.folder("whisper-tiny.en"))
    argv = [str(RECIPE / "transcribe_missing.py"), str(root), str(out)]
    argv += [str(wanted), "--whisper", source, "--device", "cpu"]
    # All but two are there from an earlier, killed run.
    wanted.mkdir()
    fresh = list(lacking)[:2]
    for utterance in list(lacking)[2:]:
        (wanted / f"{utterance}.txt").write_text("so", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", argv)
    runpy.run_path(argv[0], run_name="__main__")
    assert {p.stem for p in wanted.glob("*.txt")} == set(lacking)
    splits, _ = prepare(root, **settings, transcripts_folder=str(wanted))
    entries = {**splits["train"], **splits["valid"], **splits["test"]}
    assert set(entries) == set(lacking)
    assert [len(splits[s]) for s in SPLITS] == [12, 1, 14]
    truth = json.loads((odd / "truth.json").read_text(encoding="utf-8"))
    truth = {
        k: e for part in truth["entries"].values() for k, e in part.items()
    }
    known = [utterance for utterance in fresh if utterance in truth]
    heard = [entries[utterance]["transcript"] for utterance in known]
    said = [truth[utterance]["transcript"] for utterance in known]
    assert known and word_error_rate(heard, said) < 0.7
    assert all(e["transcript"] == "so" for u, e in entries.items()
               if u not in fresh)  # fmt: skip
    assert whisper.transcribe_missing(root, out, wanted, source) == 0


def test_transcripts_of_the_corpus_come_first(copy, tmp_path):
    """Unless they are empty; any encoding will do."""
    texts = tmp_path / "texts"
    texts.mkdir()
    for number in (0, 1, 2):
        file = texts / f"MSP-PODCAST_0001_{number:04d}.txt"
        file.write_text("Heard.", encoding="utf-8")
    own = copy / "Transcripts"
    (own / "MSP-PODCAST_0001_0001.txt").write_text(" \n", encoding="utf-8")
    (own / "MSP-PODCAST_0001_0002.txt").unlink()
    (own / "MSP-PODCAST_0001_0003.txt").write_bytes(
        "Café  \r\n now".encode("cp1252")
    )
    splits, left_out = prepare(copy, transcripts_folder=str(texts))
    said = [
        splits["train"][f"MSP-PODCAST_0001_{n:04d}"]["transcript"]
        for n in range(4)
    ]
    assert said == [
        "What MSP-PODCAST_0001_0000.wav says.", "Heard.", "Heard.", "Café now"
    ]  # fmt: skip
    assert not left_out
    with pytest.raises(FileNotFoundError, match="transcripts_folder"):
        prepare(copy, transcripts_folder=str(tmp_path / "none"))


@pytest.mark.parametrize(
    "number, column, value, found",
    [
        (3, "EmoVal", "high", "line 5: EmoVal 'high' is no number"),
        (3, "EmoAct", "", "line 5: EmoAct '' is no number"),
        (3, "FileName", "../x.wav", "line 5: FileName '../x.wav'"),
        (3, "FileName", "/etc/x.wav", "line 5: FileName '/etc/x.wav'"),
        (3, "FileName", "..wav", "line 5: FileName '..wav'"),
        (9, "FileName", line(3)[0], "line 11.*is in line 5 too"),
    ],
)
def test_damaged_lines(copy, number, column, value, found):
    """The error names file, line, column and value."""
    rows = usual_rows()
    rows[number][COLUMNS.index(column)] = value
    path = write_table(copy, rows)
    with pytest.raises(ValueError, match=f"{path}, {found}"):
        prepare(copy)


def test_other_partitions_need_no_labels(copy):
    """The labels of Test3 are hidden, those of other classes unused."""
    rows = usual_rows() + [line(n, "Test3", "N", "", "") for n in (200, 201)]
    rows += [line(202, "Train", "O", act="?")]
    write_table(copy, rows)
    splits, _ = prepare(copy)
    assert len(splits["train"]) == 60


def test_missing_column_and_set(copy):
    """The error names what is absent."""
    write_table(copy, [r[:7] for r in usual_rows()], COLUMNS[:7])
    with pytest.raises(ValueError, match="no column Split_Set among"):
        prepare(copy)
    write_table(copy, usual_rows()[:72])
    with pytest.raises(ValueError, match="Split_Set Test1"):
        prepare(copy)


def test_links_do_not_lead_out(copy, tmp_path):
    """A wav that a link places elsewhere is left out."""
    outside = tmp_path / "outside.wav"
    wav = copy / "Audios" / line(0)[0]
    wav.rename(outside)
    wav.symlink_to(outside)
    _, left_out = prepare(copy)
    assert left_out == {f"Audios/{wav.name}": "outside the data folder"}


def test_a_list_that_leads_out_is_refused(copy, tmp_path):
    """Neither are wavs read nor transcripts written elsewhere."""
    listing = tmp_path / "missing_transcripts.json"
    for utterance, wav, found in (
        ("../a", "{data_root}/Audios/a.wav", "no file name"),
        ("a", "{data_root}/../a.wav", "leads out"),
    ):
        listing.write_text(json.dumps({utterance: wav}), encoding="utf-8")
        with pytest.raises(ValueError, match=found):
            whisper.transcribe_missing(copy, tmp_path, tmp_path / "texts")


def test_layouts(copy, caplog):
    """One level down, small letters, macOS's files, a wav in two folders."""
    first, _ = prepare(copy)
    outer = copy.parent / "outer"
    (copy / "Labels").rename(copy / "labels")
    copy.rename(outer / "v1") if outer.mkdir() is None else None
    audios = outer / "v1" / "Audios"
    (audios / "a").mkdir()
    name = line(0)[0]
    shutil.copy(audios / name, audios / "a" / name)
    (audios / f"._{name}").write_bytes(b"from macOS")
    with caplog.at_level(logging.WARNING):
        nested, left_out = prepare(outer)
    assert {s: list(e) for s, e in first.items()} == {
        s: list(e) for s, e in nested.items()
    }
    assert not left_out and "in two folders" in caplog.text
    wav = nested["train"][name[:-4]]["wav"]
    assert wav == "{data_root}/v1/Audios/" + name
    (audios / line(1)[0]).unlink()
    _, left_out = prepare(outer)
    assert left_out == {f"v1/Audios/{line(1)[0]}": "missing"}


def test_skips_and_redoes(copy):
    """Nothing is done twice, unless a file or a setting changes."""
    prepare(copy)
    manifest = copy.parent / "manifests" / "train.json"
    redone = replaces(manifest, prepare, copy)
    assert not redone()
    (copy / "Audios" / line(0)[0]).unlink()
    assert redone() and not redone()
    text = copy / "Transcripts" / "MSP-PODCAST_0001_0001.txt"
    text.write_text("Otherwise.", encoding="utf-8")
    assert redone() and not redone()
    write_table(copy, usual_rows()[1:])
    assert redone() and not redone()
    assert redone(train_size=7) and not redone(train_size=7)
    manifest.with_name("missing_transcripts.json").unlink()
    assert redone(train_size=7)
    msp.prepare_msp_podcast("/no/such", "/no/such", skip_prep=True)


@pytest.mark.parametrize(
    "folders, found",
    [
        (["Session1", "Session2"], "IEMOCAP"),
        (["0011", "0012"], "ESD"),
        (["Labels", "Audios"], "Labels"),
        ([], "folders"),
    ],
)
def test_wrong_corpus(tmp_path, folders, found):
    """The error says what the folder holds and where the corpus is."""
    for name in folders:
        (tmp_path / name).mkdir()
    with pytest.raises(ValueError) as error:
        msp.prepare_msp_podcast(str(tmp_path), str(tmp_path / "m"))
    message = str(error.value)
    for part in (str(tmp_path), found, "labels_consensus.csv", HOMEPAGE):
        assert part in message
    assert "\n" not in message and not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    "settings, found",
    [
        ({"emotions": ["sad", "bored"]}, "emotions: .'bored'."),
        ({"emotions": []}, "emotions"),
        ({"train_size": 0}, "train_size: 0"),
        ({"valid_ratio": 0}, "valid_ratio: 0"),
    ],
)
def test_wrong_options(copy, settings, found):
    """The error names the setting."""
    with pytest.raises(ValueError, match=found):
        prepare(copy, **settings)


def test_command(copy, monkeypatch):
    """The script runs alone, and fails in one line."""
    script, target = str(RECIPE / "msp_podcast_prepare.py"), copy.parent / "m"
    monkeypatch.setattr("sys.argv", [script, str(copy), str(target)])
    runpy.run_path(script, run_name="__main__")
    assert (target / "INPUTS.json").is_file()
    monkeypatch.setattr("sys.argv", [script, "/no/such", str(target)])
    with pytest.raises(
        SystemExit, match="prepare.py: data_folder /no/such is no"
    ):
        runpy.run_path(script, run_name="__main__")


def test_made_corpus_refuses_what_it_cannot_make(tmp_path):
    """A release unknown, or too few utterances to have each oddity."""
    with pytest.raises(ValueError, match="version='9'"):
        make_msp_podcast_with_oddities(tmp_path / "a", version="9")
    with pytest.raises(ValueError, match="utterances=20"):
        make_msp_podcast_with_oddities(tmp_path / "a", 20)
