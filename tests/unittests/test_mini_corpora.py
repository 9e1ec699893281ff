"""Tests of the made corpora and of the voices that speak them.

Authors
 * The speechbrain_relm contributors 2026
"""

import csv
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import espeakng_loader
import numpy as np
import pytest
import soundfile
from recipe_runs import run

from speechbrain_relm.mini.esd import ESD_VOICES, esd_voices, make_esd
from speechbrain_relm.mini.language.sentences import (
    everyday_sentences,
    read_sentences,
)
from speechbrain_relm.mini.msp_podcast import MSP_SPEAKERS, make_msp_podcast
from speechbrain_relm.mini.voices import (
    DELIVERIES,
    RATINGS,
    check_voice,
    dimensions,
    synthesize,
)
from speechbrain_relm.utils.disk import leftovers
from speechbrain_relm.utils.disk.leftovers import HOST, of_this_process
from speechbrain_relm.utils.files import make_once

FIRST_IDS = {"Neutral": 1, "Angry": 351, "Happy": 701, "Sad": 1051}


@pytest.fixture(scope="module")
def esd(tmp_path_factory):
    """An ESD-like corpus of two speakers and three sentences."""
    return make_esd(tmp_path_factory.mktemp("esd") / "ESD", 2, 3, seed=5)


@pytest.fixture(scope="module")
def msp(tmp_path_factory):
    """An MSP-Podcast-like corpus of 35 utterances."""
    return make_msp_podcast(tmp_path_factory.mktemp("msp") / "MSP", 35, seed=5)


def content(folder):
    """Reads every file below a folder, by its relative name."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(f.relative_to(folder)): f.read_bytes() for f in files}


def voiced_pitch(samples, rate):
    """Measures the fundamental of each voiced frame by autocorrelation."""
    found, width = [], int(0.04 * rate)
    low, high = rate // 350, rate // 60
    loud = 0.3 * np.std(samples)
    for start in range(0, len(samples) - width, width // 2):
        frame = samples[start : start + width]
        frame = frame - np.mean(frame)
        scores = np.correlate(frame, frame, "full")[width - 1 :]
        # Fewer samples overlap at longer lags.
        scores = scores / np.arange(width, 0, -1) * width
        lag = low + int(np.argmax(scores[low:high]))
        if np.std(frame) > loud and scores[lag] > 0.8 * scores[0]:
            found.append(rate / lag)
    return np.array(found)


def test_sentences_are_distinct_short_and_stable():
    texts = everyday_sentences(350)
    assert len(set(texts)) == 350
    assert all(4 <= len(text.split()) <= 10 for text in texts)
    assert texts[:60] == everyday_sentences(60)
    for count in (0, 351):
        with pytest.raises(ValueError, match=str(count)):
            everyday_sentences(count)


def test_esd_has_the_files_of_the_real_layout(esd):
    expected = {"MADE.json"}
    for speaker in ("0011", "0012"):
        expected.add(f"{speaker}/{speaker}.txt")
        expected |= {
            f"{speaker}/{emotion}/{speaker}_{first + i:06d}.wav"
            for emotion, first in FIRST_IDS.items()
            for i in range(3)
        }
    assert set(content(esd)) == expected


def test_esd_transcripts_are_parallel_over_emotions(esd):
    texts = everyday_sentences(3)
    for speaker in ("0011", "0012"):
        text = (esd / speaker / f"{speaker}.txt").read_text(encoding="utf-8")
        assert [line.split("\t") for line in text.splitlines()] == [
            [f"{speaker}_{first + i:06d}", texts[i], emotion]
            for emotion, first in FIRST_IDS.items()
            for i in range(3)
        ]


def test_msp_podcast_has_the_files_of_the_real_layout(msp):
    with open(
        msp / "Labels/labels_consensus.csv", encoding="utf-8", newline=""
    ) as handle:
        rows = list(csv.DictReader(handle))
    assert list(rows[0]) == [
        "FileName", "EmoClass", "EmoAct", "EmoVal", "EmoDom", "SpkrID",
        "Gender", "Split_Set",
    ]  # fmt: skip
    assert len(rows) == 35
    names = [row["FileName"] for row in rows]
    assert all(re.fullmatch(r"MSP-PODCAST_\d{4}_\d{4}\.wav", n) for n in names)
    assert sorted(names) == sorted(os.listdir(msp / "Audios"))
    texts = [name.replace(".wav", ".txt") for name in names]
    assert sorted(texts) == sorted(os.listdir(msp / "Transcripts"))
    said = (msp / "Transcripts" / texts[0]).read_text(encoding="utf-8").strip()
    assert said in everyday_sentences(350)
    for row in rows:
        assert row["EmoClass"] in set("NAHSX")
        assert row["Gender"] in ("Male", "Female")
        for name in ("EmoAct", "EmoVal", "EmoDom"):
            assert 1 <= float(row[name]) <= 7
    assert {row["EmoClass"] for row in rows} == set("NAHSX")
    splits = [row["Split_Set"] for row in rows]
    assert {split: splits.count(split) for split in set(splits)} == {
        "Train": 25, "Development": 5, "Test1": 5
    }  # fmt: skip


def test_msp_podcast_tests_on_voices_unheard_in_training():
    variants = {}
    for split, gender, voice in MSP_SPEAKERS:
        check_voice(voice)
        variants.setdefault(split, set()).add(voice.split("+")[1])
        assert gender == {"m": "Male", "f": "Female"}[voice.split("+")[1][0]]
    assert not variants["Train"] & variants["Development"]
    assert not variants["Test1"] & (variants["Train"] | variants["Development"])


@pytest.mark.parametrize("corpus", ["esd", "msp"])
def test_wavs_are_16_khz_mono_pcm_and_not_clipped(corpus, request):
    for file in request.getfixturevalue(corpus).rglob("*.wav"):
        info = soundfile.info(file)
        assert (info.samplerate, info.channels) == (16000, 1)
        assert info.subtype == "PCM_16"
        samples, _ = soundfile.read(file)
        assert 0.02 < np.abs(samples).max() < 1
        assert 0.5 < info.duration < 6


def test_one_seed_gives_one_corpus_bit_by_bit(esd, msp, tmp_path):
    assert content(make_esd(tmp_path / "a", 2, 3, seed=5)) == content(esd)
    again = make_msp_podcast(tmp_path / "b", 35, seed=5)
    assert content(again) == content(msp)
    other = make_esd(tmp_path / "c", 2, 3, seed=6)
    wav = "0011/Sad/0011_001051.wav"
    assert (other / wav).read_bytes() != (esd / wav).read_bytes()


def test_a_complete_corpus_is_kept_and_a_changed_one_remade(tmp_path):
    folder = make_esd(tmp_path / "esd", 1, 1)
    wav = folder / "0011/Sad/0011_001051.wav"
    before = wav.stat().st_mtime_ns
    make_esd(folder, 1, 1)
    assert wav.stat().st_mtime_ns == before
    make_esd(folder, 1, 1, seed=2)
    assert wav.stat().st_mtime_ns != before
    (folder / "MADE.json").unlink()
    with pytest.raises(FileExistsError, match="esd"):
        make_esd(folder, 1, 1)
    assert wav.is_file()


def test_what_was_added_to_a_corpus_is_kept(tmp_path, caplog):
    """A folder that somebody worked in is put aside, not deleted."""
    folder = tmp_path / "made"

    def build(temporary):
        """Makes a file."""
        (temporary / "a.txt").write_text("a", encoding="utf-8")

    make_once(folder, {"seed": 1}, build)
    make_once(folder, {"seed": 2}, build)
    assert not (tmp_path / "made.old").exists()
    (folder / "notes").mkdir()
    (folder / "notes" / "mine.txt").write_text("mine", encoding="utf-8")
    make_once(folder, {"seed": 3}, build)
    assert (tmp_path / "made.old/notes/mine.txt").read_text() == "mine"
    assert "kept as made.old" in caplog.text
    assert not (folder / "notes").exists()


def test_left_overs_of_killed_processes_are_cleared_up(tmp_path):
    """Of a folder, and of one that was made whole inside its making."""
    mine = f".made.partial.{of_this_process()}"
    gone = f".made.partial.99999999@{HOST}"
    for name in (gone, f".{gone}.partial.99999999@{HOST}", mine):
        (tmp_path / name).mkdir()
    (tmp_path / ".made.partial").mkdir()  # to go on with
    make_once(tmp_path / "made", {"seed": 1}, lambda folder: None, resume=True)
    assert {path.name for path in tmp_path.iterdir()} >= {mine, "made"}
    assert not [path for path in tmp_path.iterdir() if "9999" in path.name]


def test_another_process_clears_up_first(tmp_path, monkeypatch):
    """As the processes of one run do that follow a killed run."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    left = tmp_path / f"relm-a1b2c3d4.99999999@{HOST}"
    left.mkdir()

    def gone_meanwhile(path):
        """Tells what it was, when the other has removed it."""
        path.rmdir()
        return True

    monkeypatch.setattr(leftovers, "is_left_over", gone_meanwhile)
    folder = leftovers.use_temporary_folder()
    assert list(tmp_path.iterdir()) == [folder]


def test_a_failed_corpus_leaves_nothing(tmp_path):
    def build(temporary):
        (temporary / "half.wav").write_bytes(b"")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        make_once(tmp_path / "corpus", {}, build)
    assert not list(tmp_path.iterdir())


def test_too_many_speakers_are_refused(tmp_path):
    with pytest.raises(ValueError, match="speakers=11"):
        make_esd(tmp_path / "esd", speakers=11)
    with pytest.raises(ValueError, match="utterances=0"):
        make_msp_podcast(tmp_path / "msp", utterances=0)


def test_emotions_differ_in_sound_as_the_literature_says(esd):
    pitch, spread, loudness, duration = {}, {}, {}, {}
    for emotion in FIRST_IDS:
        values = []
        for file in sorted(esd.glob(f"*/{emotion}/*.wav")):
            samples, rate = soundfile.read(file)
            hertz = voiced_pitch(samples, rate)
            deviation = np.log(hertz).std()
            rms = np.sqrt(np.mean(samples**2))
            values.append([np.median(hertz), deviation, rms, len(samples)])
        means = np.mean(values, axis=0)
        pitch[emotion], spread[emotion] = means[:2]
        loudness[emotion], duration[emotion] = means[2:]
    assert pitch["Happy"] > pitch["Angry"] > pitch["Sad"]
    assert min(spread["Angry"], spread["Happy"]) > 2 * spread["Sad"]
    assert loudness["Angry"] > loudness["Neutral"] > 1.5 * loudness["Sad"]
    assert (
        duration["Angry"]
        < duration["Happy"]
        < duration["Neutral"]
        < duration["Sad"]
    )


def test_labels_follow_from_the_delivery():
    for emotion, delivery in DELIVERIES.items():
        rated = dimensions(delivery)
        assert np.abs(np.subtract(rated, RATINGS[emotion])).max() < 0.08
        # Loudness is inaudible once signals are normalized.
        assert rated == dimensions(delivery._replace(volume=100))
    between = np.mean([DELIVERIES["neutral"], DELIVERIES["angry"]], axis=0)
    low, middle, high = (
        dimensions(delivery)[0]
        for delivery in (DELIVERIES["neutral"], between, DELIVERIES["angry"])
    )
    assert low + 0.1 < middle < high - 0.1


def test_unknown_voices_are_refused():
    for voice in [f"en-us+{variant}" for variant in ESD_VOICES]:
        check_voice(voice)
    for voice in ("en-us+m99", "en-us", "en-us+../../lang/af", "xx+m1"):
        with pytest.raises(ValueError, match="eSpeak NG"):
            synthesize("Hello.", voice)


def test_voice_data_at_a_long_path_are_read(tmp_path):
    folder = tmp_path / ("x" * 100) / ("y" * 100)
    folder.mkdir(parents=True)
    data = folder / "espeak-ng-data"
    data.symlink_to(espeakng_loader.get_data_path())
    code = (
        "import espeakng_loader as e, sys; d = sys.argv[1];"
        "e.get_data_path = lambda: d;"
        "from speechbrain_relm.mini.voices import synthesize;"
        "sys.exit(len(synthesize('Hello.', 'en-us+f2')) < 5000)"
    )
    assert len(str(data)) > 160
    subprocess.run([sys.executable, "-c", code, str(data)], check=True)


def test_the_command_makes_a_corpus(tmp_path):
    command = "-m speechbrain_relm.mini.corpora esd --speakers 1 --sentences 1"
    folder = tmp_path / "corpus"
    run([sys.executable, *command.split(), "--seed", "3", str(folder)])
    expected = make_esd(Path(tmp_path) / "called", 1, 1, seed=3)
    assert content(folder) == content(expected)


def test_sentences_and_voices_of_ones_own(tmp_path):
    """The command speaks a file's sentences, in other voices by the seed."""
    file = tmp_path / "mine.txt"
    file.write_text("Où est le chat?\n\nThe soup is hot.\n", encoding="utf-8")
    seen = []
    for seed in ("2", "3"):
        folder = tmp_path / seed
        line = ["esd", str(folder), "--sentences_from", str(file)]
        command = [sys.executable, "-m", "speechbrain_relm.mini.corpora", *line]
        run([*command, "--speakers", "1", "--seed", seed])
        text = (folder / "0011" / "0011.txt").read_text(encoding="utf-8")
        assert text.startswith("0011_000001\tOù est le chat?\tNeutral\n")
        assert text.count("\n") == 8
        seen.append((folder / "0011/Sad/0011_001052.wav").read_bytes())
    assert seen[0] != seen[1]


def _gender(voice):
    """Reads the gender of an eSpeak NG voice; American English's is male."""
    folder = Path(espeakng_loader.get_data_path()) / "voices" / "!v"
    variant = (folder / voice.partition("+")[2]).read_text(encoding="utf-8")
    return "f" if "gender female" in variant else "m"


def test_voices_by_seed():
    """Of the speakers' gender, all different, none shared with a neighbour."""
    genders = [variant[0] for variant in ESD_VOICES]
    for seed in range(1, 20):
        voices, following = esd_voices(seed), esd_voices(seed + 1)
        assert [_gender(voice) for voice in voices] == genders
        assert len({*voices, *following}) == 20
        for voice in voices:
            check_voice(voice)


@pytest.mark.parametrize(
    "content, words",
    [
        (b"One.\n\xff\n", "line 2: not UTF-8"),
        (b"One.\none\n", "line 2: line 1 says it already"),
        (b"One.\n123\n", "line 2: there is no letter"),
        (b"a\x07b\n", "line 1: it has control characters"),
        (b"word " * 41, "line 1: 41 words"),
        (b"\n", "has 0 sentences: 1 to 350"),
        ("\n".join(f"Number {i}." for i in range(351)).encode(), "has 351"),
    ],
)
def test_bad_sentences_are_named(tmp_path, content, words):
    """The file, the line and what to do, in one line."""
    file = tmp_path / "mine.txt"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=words) as error:
        read_sentences(file)
    assert str(file) in str(error.value) and "\n" not in str(error.value)
