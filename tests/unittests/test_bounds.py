"""Files that claim too much, sounds without speech, odd records and copies.

Authors
 * The speechbrain_relm contributors 2026
"""

import struct

import numpy as np
import pytest
import soundfile as sf
import torch
from scipy.signal import resample

from speechbrain_relm.data.datasets import with_words
from speechbrain_relm.data.msp_podcast import find_corpus, read_labels
from speechbrain_relm.runs.steps.fit import to_learn
from speechbrain_relm.utils import limits
from speechbrain_relm.utils.records import read_records
from speechbrain_relm.utils.sound.audio import inspect_wav, load_audio
from speechbrain_relm.utils.sound.resampling import resampled
from speechbrain_relm.utils.text.reading import read_table
from speechbrain_relm.utils.text.wording import words_of


def spoken(rate, seconds=1.5):
    """A sound that swells like syllables."""
    time = np.arange(int(seconds * rate)) / rate
    return np.sin(6.3 * time) ** 2 * np.sin(1257 * time) / 2


@pytest.mark.parametrize("rate", [44101, 16001, 47999])
def test_odd_rates_are_resampled_as_scipy_does(rate):
    """By a fraction near enough, not by gigabytes."""
    wav = resampled(torch.from_numpy(spoken(rate)).float(), rate, 16000)
    expected = resample(spoken(rate), len(wav))
    inner = slice(400, -400)
    error = np.abs(wav.numpy() - expected)[inner].max()
    assert len(wav) == pytest.approx(24000, abs=3) and error < 0.05


def test_a_flac_header_that_claims_hours(tmp_path):
    """It is refused, and no memory taken for them."""
    path = tmp_path / "a.flac"
    sf.write(path, spoken(16000), 16000)
    raw = bytearray(path.read_bytes())
    (fields,) = struct.unpack_from(">Q", raw, 18)
    struct.pack_into(">Q", raw, 18, fields >> 36 << 36 | 2**36 - 1)
    path.write_bytes(raw)
    # libsndfile looks for the end that the header promises.
    assert inspect_wav(str(path))[1].startswith("unreadable: ")
    with pytest.raises(ValueError, match="a.flac: cannot be read as audio"):
        load_audio(path, seconds=30)


def test_an_mp3_without_a_xing_header(tmp_path):
    """It is decoded to its end, whatever its first frames promise."""
    path = tmp_path / "a.mp3"
    sf.write(path, spoken(16000), 16000, format="MP3")
    raw = path.read_bytes()
    path.write_bytes(raw[raw.index(raw[:2], 4) :])
    seconds, reason = inspect_wav(str(path))
    assert reason is None and seconds == pytest.approx(1.5, abs=0.2)


@pytest.mark.parametrize(
    "samples, kind",
    [
        (0.3 * np.sin(np.arange(24000) / 8), "no speech"),
        (0.1 * np.random.RandomState(0).randn(24000), "no speech"),
        (1e-4 * spoken(16000), "too quiet"),
        (2e4 * spoken(16000), "unscaled samples"),
        (spoken(16000), "None"),
    ],
)
def test_sounds_without_speech(tmp_path, samples, kind):
    """Steady ones where a recipe filters them, faint ones always."""
    path = tmp_path / "a.wav"
    sf.write(path, samples, 16000, subtype="FLOAT")
    assert str(inspect_wav(str(path), 1, 30, "steady")[1]).startswith(kind)


@pytest.mark.parametrize(
    "content, words",
    [
        (b'{"id": "a"}\n{"id": "a"}\n', "line 2: the id 'a' is in line 1 too"),
        (b'{"id": 7}\n', "line 1: not a JSON record"),
        (b"[" * 10**5 + b"\n", "line 1: not a JSON record"),
        # Half a character, which no file could be written with.
        (b'{"id": "a", "b": "\\ud83d"}\n', "line 1: not a JSON record of who"),
        (b"x" * (limits.RECORD_BYTES + 1) + b"\n", "line 1: 16,777,217 bytes"),
    ],
)
def test_records(tmp_path, content, words):
    """By file and line."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"a.jsonl, {words}"):
        read_records(path)


def test_a_whole_last_record_needs_no_line_end(tmp_path):
    """Nor does a byte-order mark harm."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"id": "a"}\n{"id": "b"}')
    assert list(read_records(path)) == ["a", "b"]


@pytest.mark.parametrize(
    "content, words",
    [
        (b"a,b,a\n1,2,3\n", "line 1: the column 'a' is there twice"),
        (b"a;b\n1;2\n", "parted by semicolons"),
        (b'a,b\n1,"2\n3,4\n', "line 2: no row of a CSV"),
        (b"a,b\n1,\xe9\n", "line 2: the byte 0xe9 is not UTF-8"),
        ("a,b\n".encode("utf-16"), "line 1: this is UTF-16"),
    ],
)
def test_tables(tmp_path, content, words):
    """Nothing is dropped in silence."""
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words):
        read_table(path, ["a", "b"])


def test_msp_podcast_as_institutions_have_it(tmp_path):
    """Unpacked into folders of their own names, in small letters, as JSON."""
    root = tmp_path / "MSP" / "v1"
    for name in ("labels/labels", "audio", "Transcripts/Transcripts"):
        (root / name).mkdir(parents=True)
    table = root / "labels" / "labels" / "labels_consensus.json"
    table.write_text('{"a.wav": {"EmoClass": "N", "EmoAct": 4.5}}')
    found = find_corpus(tmp_path)
    assert found.table == table and found.audios == root / "audio"
    assert found.transcripts[-1] == root / "Transcripts" / "Transcripts"
    ((_, row),) = read_labels(table, ["FileName", "EmoClass", "EmoAct"])
    assert row == {"FileName": "a.wav", "EmoClass": "N", "EmoAct": "4.5"}


def test_turns_without_words_and_wide_letters():
    """The first teach nothing; the second say what plain ones say."""
    texts = {"a": "[LAUGHTER]", "b": "[BREATHING] Well."}
    kept = with_words({i: {"transcript": t} for i, t in texts.items()})
    assert list(kept) == ["b"]
    assert words_of("Ｗｅｌｌ，ｎｏ。") == ["well", "no"]


def test_a_fit_passes_over_turns_without_words():
    """No response is expected to them, so none is missing."""
    no_labels = {"arousal": None, "dominance": None, "valence": None}
    entries = {
        "a": {"transcript": "[LAUGHTER]", **no_labels},
        "b": {"transcript": "Well.", **no_labels},
    }
    responses = {"b": {"response": "Oh?", "refused": False}}
    assert list(to_learn("train", entries, responses, {}, False)) == ["b"]
