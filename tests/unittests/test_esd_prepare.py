"""Tests of the ESD preparation on small made copies of the corpus.

Authors
 * The speechbrain_relm contributors 2026
"""

import importlib.util
import json
import logging
import runpy
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from recipe_runs import replaces

from speechbrain_relm.data.esd import DOWNLOAD, parse_line
from speechbrain_relm.runs.steps.report import describe_repeats
from speechbrain_relm.utils.text.wording import normalised

SCRIPT = Path(__file__).parents[2] / "recipes" / "ESD" / "esd_prepare.py"
spec = importlib.util.spec_from_file_location("esd_prepare", SCRIPT)
esd = importlib.util.module_from_spec(spec)
spec.loader.exec_module(esd)

OFFSETS = {"Neutral": 0, "Angry": 350, "Happy": 700, "Sad": 1050}
EVERY = {name: range(1, 9) for name in OFFSETS}


def sine(seconds=1.0, rate=16000):
    """Makes a 200-Hz sine."""
    return 0.3 * np.sin(2 * np.pi * 200 * np.arange(int(seconds * rate)) / rate)


def make_esd(
    root,
    speakers=("0011", "0012"),
    sentences=EVERY,
    below=None,
    encoding="utf-8",
):
    """Makes a copy of ESD: emotion folder -> numbers of its sentences."""
    for speaker in speakers:
        lines = []
        for emotion, numbers in sentences.items():
            folder = root / speaker / emotion
            for number in numbers:
                place = folder / below[number % 3] if below else folder
                place.mkdir(parents=True, exist_ok=True)
                name = f"{speaker}_{number + OFFSETS[emotion]:06d}"
                sf.write(str(place / f"{name}.wav"), sine(), 16000)
                lines.append(f"{name}\tSentence number {number}.\t{emotion}")
        text = "\n".join(lines) + "\n"
        (root / speaker / f"{speaker}.txt").write_text(text, encoding=encoding)
    return root


@pytest.fixture
def copy(tmp_path):
    """A small copy of ESD: 2 speakers, 4 emotions, 8 sentences."""
    return make_esd(tmp_path / "esd")


def prepare(root, **kwargs):
    """Prepares a copy; returns split -> id -> entry, and what was left out."""
    out = root.parent / "manifests"
    esd.prepare_esd(str(root), str(out), **kwargs)
    names = ("train", "valid", "test", "left_out")
    found = {
        name: json.loads((out / f"{name}.json").read_text(encoding="utf-8"))
        for name in names
    }
    left_out = found.pop("left_out")
    return found, left_out


def merged(splits):
    """Joins the splits."""
    return {k: v for entries in splits.values() for k, v in entries.items()}


def sentences_of(entries):
    """Tells the sentences by their text, which the copy numbers."""
    return {entry["transcript"] for entry in entries.values()}


def test_manifests(copy):
    """Every field, and no sentence in two splits."""
    splits, left_out = prepare(copy)
    assert left_out == {}
    assert merged(splits)["0011_000351"] == {
        "wav": "{data_root}/0011/Angry/0011_000351.wav",
        "duration": 1.0,
        "speaker": "0011",
        "emotion": "angry",
        "transcript": "Sentence number 1.",
        "cluster": "sentence 1",
        "arousal": None,
        "dominance": None,
        "valence": None,
    }
    sizes = {split: len(sentences_of(e)) for split, e in splits.items()}
    assert sizes == {"train": 5, "valid": 1, "test": 2}
    assert len(merged(splits)) == 64 == sum(map(len, splits.values()))
    texts = [sentences_of(entries) for entries in splits.values()]
    assert len(set.union(*texts)) == sum(map(len, texts)) == 8
    for entries in splits.values():
        counts = Counter(entry["emotion"] for entry in entries.values())
        assert len(counts) == 4 and len(set(counts.values())) == 1


def test_full_copy_split():
    """105 of 350 sentences for testing, in all voices and emotions."""
    entries = [
        {
            "id": f"{speaker}_{number + offset:06d}",
            "emotion": emotion.lower(),
            "transcript": f"Sentence {number}",
        }
        for speaker in esd.ENGLISH_SPEAKERS
        for emotion, offset in OFFSETS.items()
        for number in range(1, 351)
    ]
    splits = esd._split_entries(entries, True, 0.3, 0.1, 1234)
    assert len(splits["test"]) == 105 * 40
    assert len(splits["valid"]) == 24 * 40
    assert len(splits["train"]) == 221 * 40
    for split, number in (("test", 105), ("valid", 24), ("train", 221)):
        assert len(sentences_of(splits[split])) == number
    assert sum(map(len, splits.values())) == 14000


def test_layouts_agree(tmp_path):
    """The wavs may lie one folder deeper, and the root one level down."""
    flat, _ = prepare(make_esd(tmp_path / "a" / "esd"))
    deep, _ = prepare(
        make_esd(tmp_path / "b" / "esd", below=("train", "test", "evaluation"))
    )
    outer = tmp_path / "c" / "esd"
    make_esd(outer / "Emotional Speech Dataset (ESD)")
    nested, _ = prepare(outer)
    assert {s: list(e) for s, e in flat.items()} == {
        s: list(e) for s, e in deep.items()
    }
    assert {s: list(e) for s, e in flat.items()} == {
        s: list(e) for s, e in nested.items()
    }
    for root, splits in (
        (tmp_path / "b" / "esd", deep),
        (outer, nested),
    ):
        for entry in merged(splits).values():
            path = entry["wav"].replace("{data_root}", str(root))
            assert Path(path).is_file()


def test_partial_copy(tmp_path, caplog):
    """Every emotion reaches every split; what is missing is counted."""
    sentences = {**EVERY, "Neutral": range(1, 5)}
    for seed in range(5):
        root = make_esd(tmp_path / str(seed) / "esd", ["0011"], sentences)
        with caplog.at_level(logging.WARNING):
            splits, _ = prepare(root, seed=seed)
        for entries in splits.values():
            assert len({e["emotion"] for e in entries.values()}) == 4
    assert "13972 of 14000 wavs are missing" in caplog.text
    assert "0012" in caplog.text


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gbk", "cp1252"],
)
def test_encodings(copy, encoding):
    """A text with a curly apostrophe survives each encoding."""
    path = copy / "0011" / "0011.txt"
    text = path.read_text(encoding="utf-8")
    text = text.replace("Sentence number 1.", "It\u2019s number one.")
    path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    entry = merged(prepare(copy)[0])["0011_000351"]
    assert entry["transcript"] == "It\u2019s number one."


def test_latin_1(copy):
    """Accents are not taken for ideographs."""
    path = copy / "0011" / "0011.txt"
    text = path.read_text(encoding="utf-8")
    text = text.replace("Sentence number 1.", "D\xe9j\xe0 vu, \xe9t\xe9.")
    path.write_bytes(text.encode("latin-1"))
    entry = merged(prepare(copy)[0])["0011_000001"]
    assert entry["transcript"] == "D\xe9j\xe0 vu, \xe9t\xe9."


@pytest.mark.parametrize(
    "line, text, label",
    [
        ("0011_000351\tPut it down.\tAngry", "Put it down.", "angry"),
        ("0011_000351 Put it down. Angry", "Put it down.", "angry"),
        ("  0011_000351   Put  it down.   Angry  \t ", "Put it down.", "angry"),
        ("0011_000351\tPut it\tdown.\t\tAngry", "Put it down.", "angry"),
        ("0011_000351 Put it\tdown.\tAngry", "Put it down.", "angry"),
        ("0011_000351\tPut\xa0it down. Angry", "Put it down.", "angry"),
        ("0011_000351\tPut it down.\tVery bored", "Put it down.", "very bored"),
        ("0011_000351 Put it down.", "Put it down.", None),
        ("0011_000351\tSad sad\tSad", "Sad sad", "sad"),
        ("0011_000351\t\tAngry", "", "angry"),
        ("0011_000351", "", None),
    ],
)
def test_lines(line, text, label):
    """Any white space, with the emotion or without."""
    assert parse_line(line) == ("0011_000351", text, label)


def test_blank_lines_and_case(copy):
    """Blank lines, folders in lower case and .WAV make no difference."""
    before, _ = prepare(copy)
    path = copy / "0012" / "0012.txt"
    text = path.read_text(encoding="utf-8").replace("\n", "\n \n\n")
    path.write_text(text, encoding="utf-8")
    (copy / "0012" / "Happy").rename(copy / "0012" / "happy")
    wav = copy / "0012" / "Sad" / "0012_001051.wav"
    wav.rename(wav.with_suffix(".WAV"))
    after, left_out = prepare(copy)
    assert not left_out
    assert {s: list(e) for s, e in before.items()} == {
        s: list(e) for s, e in after.items()
    }


def test_bad_wavs(copy):
    """Each kind is left out by its reason; odd formats are kept."""
    folder = copy / "0011" / "Sad"
    whole = (folder / "0011_001051.wav").read_bytes()
    kinds = {}

    def put(number, kind, samples=None, rate=16000, content=None):
        """Replaces a wav."""
        path = folder / f"0011_{number:06d}.wav"
        if content is None:
            sf.write(str(path), samples, rate, subtype="FLOAT")
        else:
            path.write_bytes(content)
        kinds[f"0011/Sad/{path.name}"] = kind

    broken = sine()
    broken[100] = np.nan
    put(1051, "empty file", content=b"")
    put(1052, "truncated", content=whole[:-5000])
    put(1053, "zero length", np.zeros(0))
    put(1054, "non-finite samples", broken)
    put(1055, "too short", sine(0.2))
    put(1056, "too long", sine(60))
    put(1057, "silent", np.zeros(16000))
    folder = copy / "0011" / "Happy"
    put(701, None, np.stack([sine(1.5, 48000)] * 2, 1), 48000)

    splits, left_out = prepare(copy)
    kept = merged(splits)
    assert kept["0011_000701"]["duration"] == 1.5
    expected = {k: v for k, v in kinds.items() if v}
    assert {k: v.split(":")[0] for k, v in left_out.items()} == {
        k.replace("/Happy/", "/Sad/"): v for k, v in expected.items()
    }
    assert len(kept) == 64 - 7


def test_left_out_by_name(copy, tmp_path, caplog):
    """Wavs without transcript, of another speaker, twice, or linked in."""
    path = copy / "0011" / "0011.txt"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(lines[1:]), encoding="utf-8")
    (copy / "0012" / "0012.txt").unlink()
    sad = copy / "0011" / "Sad"
    sf.write(str(sad / "0012_001051.wav"), sine(), 16000)
    sf.write(str(sad / "take.wav"), sine(), 16000)
    (sad / "train").mkdir()
    sf.write(str(sad / "train" / "0011_001051.wav"), sine(), 16000)
    (sad / "._0011_001051.wav").write_bytes(b"from macOS")
    outside = tmp_path / "outside.wav"
    sf.write(str(outside), sine(), 16000)
    (sad / "0011_001052.wav").unlink()
    (sad / "0011_001052.wav").symlink_to(outside)
    with caplog.at_level(logging.WARNING):
        splits, left_out = prepare(copy)
    kinds = Counter(reason.split(":")[0] for reason in left_out.values())
    assert kinds == {
        "no transcript": 33,
        "unexpected name": 2,
        "duplicate": 1,
        "outside the data folder": 1,
    }
    assert "33 no transcript" in caplog.text
    assert "0011/Neutral/0011_000001.wav" in left_out
    assert len(merged(splits)) == 30


def test_folders(copy, caplog):
    """Surprise is passed over in silence, an unknown emotion is named."""
    for name, number in (("Surprise", 1401), ("Bored", 1751)):
        folder = copy / "0011" / name
        folder.mkdir()
        sf.write(str(folder / f"0011_{number:06d}.wav"), sine(), 16000)
    with caplog.at_level(logging.WARNING):
        splits, left_out = prepare(copy)
    assert len(merged(splits)) == 64 and not left_out
    assert "0011/Bored" in caplog.text and "Surprise" not in caplog.text


def test_folder_beats_label(copy, caplog):
    """The folder tells the emotion where the text says another."""
    path = copy / "0011" / "0011.txt"
    text = path.read_text(encoding="utf-8").replace("\tAngry", "\tSad", 3)
    path.write_text(text, encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        splits, _ = prepare(copy)
    assert "3 transcript(s) name another emotion" in caplog.text
    assert merged(splits)["0011_000351"]["emotion"] == "angry"


def say(copy, text_of):
    """Rewrites the copy's transcripts: sentence number to text."""
    for path in copy.glob("*/*.txt"):
        text = path.read_text(encoding="utf-8")
        for number in range(1, 9):
            text = text.replace(f"Sentence number {number}.", text_of(number))
        path.write_text(text, encoding="utf-8")


def test_repeated_texts(copy):
    """Texts under several numbers, typed in two ways, are in one split."""
    say(copy, lambda n: f"TEXT  {n % 4}!" if n > 4 else f"Text {n % 4}.")
    splits, _ = prepare(copy)
    said = {k: set(map(normalised, sentences_of(e))) for k, e in splits.items()}
    assert not said["test"] & (said["train"] | said["valid"])
    assert len(set.union(*said.values())) == 4
    # And count as one in intervals and tests.
    entries = merged(splits).values()
    pairs = {(normalised(e["transcript"]), e["cluster"]) for e in entries}
    assert len(pairs) == 4 == len({cluster for _, cluster in pairs})


def test_a_single_text(copy):
    """Nothing can keep it out of the test: the report says so."""
    say(copy, lambda n: "Oh.")
    splits, _ = prepare(copy)
    said = describe_repeats(splits["train"], splits["test"])
    assert said.startswith("16 of the 16 test utterances (100%) say")


def test_skips_and_redoes(copy):
    """Nothing is done twice, unless a file or a setting changes."""
    prepare(copy)
    manifest = copy.parent / "manifests" / "train.json"
    redone = replaces(manifest, prepare, copy)
    assert not redone()
    sf.write(str(copy / "0011/Sad/0011_001051.wav"), sine(2.0), 16000)
    assert redone() and not redone()
    (copy / "0012/Sad/0012_001051.wav").unlink()
    assert redone() and not redone()
    text = copy / "0011/0011.txt"
    text.write_text(text.read_text("utf-8") + "\n", encoding="utf-8")
    assert redone() and not redone()
    assert redone(seed=5) and not redone(seed=5)
    manifest.with_name("test.json").unlink()
    assert redone(seed=5)


def test_skip_prep(tmp_path):
    """Nothing is read, nothing is written."""
    esd.prepare_esd("/no/such", str(tmp_path / "m"), skip_prep=True)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    "folders, found",
    [
        (["Session1", "Session2"], "IEMOCAP"),
        (["Labels", "Audios"], "MSP-Podcast"),
        (["0001", "0002"], "0001"),
        ([], "folders"),
    ],
)
def test_wrong_corpus(tmp_path, folders, found):
    """The error says what the folder holds and where ESD is."""
    for name in folders:
        (tmp_path / name).mkdir()
    with pytest.raises(ValueError) as error:
        esd.prepare_esd(str(tmp_path), str(tmp_path / "m"))
    message = str(error.value)
    for part in (str(tmp_path), found, "0011/Neutral", DOWNLOAD):
        assert part in message
    assert "\n" not in message and not (tmp_path / "m").exists()


def test_no_folder(tmp_path):
    """The error names the folder and where ESD is."""
    with pytest.raises(FileNotFoundError) as error:
        esd.prepare_esd(str(tmp_path / "none"), str(tmp_path / "m"))
    assert str(tmp_path / "none") in str(error.value)
    assert DOWNLOAD in str(error.value)


def test_wrong_options(copy):
    """Speakers that YAML read as numbers, classes that ESD lacks."""
    with pytest.raises(ValueError, match='"0011"'):
        prepare(copy, speakers=[9, 10])
    with pytest.raises(ValueError, match="emotions: .'bored'."):
        prepare(copy, emotions=["sad", "bored"])


def test_too_little(tmp_path):
    """Copies that cannot train and test anything."""
    few = make_esd(tmp_path / "a" / "esd", sentences={"Sad": [1, 2]})
    with pytest.raises(ValueError, match="2 parallel sentence"):
        prepare(few)
    some = make_esd(tmp_path / "b" / "esd", sentences={"Sad": range(1, 9)})
    with pytest.raises(ValueError, match="train split has no neutral"):
        prepare(some)
    assert merged(prepare(some, emotions=["sad"])[0])
    for wav in some.rglob("*.wav"):
        wav.write_bytes(b"")
    with pytest.raises(ValueError, match="16 empty file"):
        prepare(some, emotions=["sad"])


def test_command(copy, monkeypatch):
    """The script runs alone, and fails in one line."""
    target = copy.parent / "m"
    monkeypatch.setattr("sys.argv", [str(SCRIPT), str(copy), str(target)])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    assert (target / "INPUTS.json").is_file()
    monkeypatch.setattr("sys.argv", [str(SCRIPT), "/no/such", str(target)])
    with pytest.raises(
        SystemExit, match="prepare.py: data_folder /no/such is no"
    ):
        runpy.run_path(str(SCRIPT), run_name="__main__")


def test_voices_and_sentences_of_the_test(copy):
    """Heard in the test only, as asked."""
    splits, _ = prepare(copy, test_speakers=["0012"], test_sentences=[7, 8])
    test, rest = splits["test"], {**splits["train"], **splits["valid"]}
    assert {entry["speaker"] for entry in test.values()} == {"0012"}
    assert {entry["speaker"] for entry in rest.values()} == {"0011"}
    numbers = {int(text.split()[-1][:-1]) for text in sentences_of(test)}
    assert numbers == {7, 8}
    assert not sentences_of(rest) & sentences_of(test)
    with pytest.raises(ValueError, match=r"test_sentences: \[1, 350\]"):
        prepare(copy, test_sentences=[1, 350])


def test_takes_of_one_text(tmp_path):
    """By takes, numbers that repeat a text come to both sides, none twice."""
    root = make_esd(tmp_path / "esd")
    for path in root.glob("*/*.txt"):
        lines = path.read_text(encoding="utf-8").splitlines()
        rows = [line.split("\t") for line in lines]
        path.write_text(
            "\n".join(
                "\t".join([name, f"Text {int(name[-1]) % 2}.", emotion])
                for name, _, emotion in rows
            ),
            encoding="utf-8",
        )
    by_text, _ = prepare(root)
    assert not sentences_of(by_text["train"]) & sentences_of(by_text["test"])
    by_take, _ = prepare(root, split="takes")
    assert sentences_of(by_take["train"]) == sentences_of(by_take["test"])
    # Both texts in about equal parts.
    said = Counter(int(name[-1]) % 2 for name in by_take["test"])
    assert abs(said[0] - said[1]) <= max(said.values()) / 2
    assert len(merged(by_take)) == sum(map(len, by_take.values()))
    tested = {int(name[-1]) for name in by_take["test"]}
    assert not tested & {int(name[-1]) for name in by_take["train"]}
    with pytest.raises(ValueError, match="split: 'voices' is none of"):
        prepare(root, split="voices")
