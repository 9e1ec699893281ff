"""Tests of what the corpora share: audio checks, splits, manifests.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
import logging
import os
import struct
import threading
import time

import numpy as np
import pytest
import soundfile as sf
import torch

from speechbrain_relm.data.corpus import resolve_wav, split_groups
from speechbrain_relm.data.manifests import (
    manifest_inputs,
    manifests_are_current,
    manifests_verdict,
    report_left_out,
    write_manifests,
)
from speechbrain_relm.utils.files import locked
from speechbrain_relm.utils.sound.audio import (
    inspect_wav,
    inspect_wavs,
    load_audio,
    reading_threads,
)

ALL = ("neutral", "sad", "angry", "happy")


def sine(seconds, rate=16000, freq=440.0):
    """Makes a sine of amplitude 0.5."""
    return 0.5 * np.sin(
        2 * np.pi * freq * np.arange(int(seconds * rate)) / rate
    )


def write(path, samples, rate=16000, **kwargs):
    """Writes a wav and returns its path as text."""
    sf.write(str(path), samples, rate, **kwargs)
    return str(path)


class TestInspectWav:
    """Usable files give seconds, the others a reason."""

    def test_usable(self, tmp_path):
        """Rates, channels, sample formats and bounds (inclusive)."""
        stereo = np.stack([sine(1.5, 48000), sine(1.5, 48000)], 1)
        floats = write(tmp_path / "f.wav", sine(1.0), subtype="FLOAT")
        assert inspect_wav(write(tmp_path / "a.wav", sine(1.0)))[0] == 1.0
        assert inspect_wav(write(tmp_path / "b.wav", sine(30)))[0] == 30.0
        assert inspect_wav(floats) == (1.0, None)
        path = write(tmp_path / "s.wav", stereo, 48000)
        assert inspect_wav(path) == (1.5, None)

    @pytest.mark.parametrize(
        "seconds, kind", [(0.2, "too short"), (60, "too long")]
    )
    def test_duration(self, tmp_path, seconds, kind):
        """Durations out of bounds, unless the bounds are wider."""
        path = write(tmp_path / "a.wav", sine(seconds))
        duration, reason = inspect_wav(path)
        assert duration is None and reason.startswith(kind)
        assert inspect_wav(path, 0.1, 100) == (seconds, None)

    def test_broken(self, tmp_path, capfd):
        """Files that are absent, hold nothing, or are no audio."""
        empty, text = tmp_path / "empty.wav", tmp_path / "text.wav"
        empty.write_bytes(b"")
        text.write_text("no audio at all", encoding="utf-8")
        nothing = write(tmp_path / "zero.wav", np.zeros(0))
        assert inspect_wav(str(tmp_path / "none.wav")) == (None, "missing")
        assert inspect_wav(str(tmp_path)) == (None, "missing")
        assert inspect_wav(str(empty)) == (None, "empty file")
        assert inspect_wav(nothing) == (None, "zero length")
        assert inspect_wav(str(text))[1].startswith("unreadable: ")
        pulled = "a Git LFS pointer: run `git lfs pull` in its folder"
        for path in (text, text.with_suffix(".mp3")):
            path.write_text("version https://git-lfs.github.com/spec/v1\noid")
            assert inspect_wav(str(path)) == (None, pulled)
        assert capfd.readouterr().err == ""

    @pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
    @pytest.mark.parametrize("missing", [1, 1000, 20000])
    def test_truncated(self, tmp_path, subtype, missing):
        """Exactly the missing bytes are counted."""
        whole = write(tmp_path / "a.wav", sine(2.0), subtype=subtype)
        content = open(whole, "rb").read()
        cut = tmp_path / "cut.wav"
        # FLOAT files may end with a chunk after the samples.
        end = content.index(b"data") + 8
        end += struct.unpack("<I", content[end - 4 : end])[0]
        cut.write_bytes(content[: end - missing])
        reason = inspect_wav(str(cut))[1]
        assert reason == f"truncated: the last {missing} bytes are not there"

    def test_truncated_header(self, tmp_path):
        """A file that ends within its header, or right after it."""
        content = open(write(tmp_path / "a.wav", sine(2.0)), "rb").read()
        cut = tmp_path / "cut.wav"
        for size in (3, 11, 20, 40):
            cut.write_bytes(content[:size])
            assert inspect_wav(str(cut))[1].startswith("unreadable: ")
        cut.write_bytes(content[:44])
        assert inspect_wav(str(cut))[1].startswith("truncated: ")

    def test_chunks_around_the_samples(self, tmp_path):
        """Chunks before (of odd size) and after the samples do no harm."""
        content = open(write(tmp_path / "a.wav", sine(2.0)), "rb").read()
        odd = b"note" + struct.pack("<I", 3) + b"abc\0"
        body = content[8:36] + odd + content[36:] + odd
        path = tmp_path / "b.wav"
        path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
        assert inspect_wav(str(path)) == (2.0, None)

    def test_streamed_size(self, tmp_path):
        """A size that says "unknown", as pipes leave it, is no truncation."""
        content = open(write(tmp_path / "a.wav", sine(2.0)), "rb").read()
        path = tmp_path / "b.wav"
        path.write_bytes(content[:40] + b"\xff" * 4 + content[44:])
        assert inspect_wav(str(path)) == (2.0, None)

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_non_finite(self, tmp_path, value):
        """One such sample in one channel is enough."""
        samples = np.stack([sine(2.0), sine(2.0)], 1)
        samples[777, 1] = value
        path = write(tmp_path / "a.wav", samples, subtype="FLOAT")
        assert inspect_wav(path) == (None, "non-finite samples")
        with pytest.raises(ValueError, match="a.wav: .*non-finite"):
            load_audio(path)

    def test_silent(self, tmp_path):
        """All samples zero or nearly so; a click makes the difference."""
        samples = np.zeros(16000, dtype="int16")
        path = write(tmp_path / "a.wav", samples)
        assert inspect_wav(path) == (None, "silent")
        samples[5] = 1
        reason = inspect_wav(write(path, samples))[1]
        assert reason == "too quiet: a peak of -90 dB of full scale"
        samples[5] = 100
        assert inspect_wav(write(path, samples)) == (1.0, None)


def test_threads_of_a_forked_process():
    """All use torch for the first time at once, which it does not survive."""
    torch.set_num_threads(torch.get_num_threads())  # what the forks lose

    def in_threads():
        """Adds in six threads at once."""
        together = threading.Barrier(6)

        def total(length):
            together.wait()
            return float(torch.ones(length).add(1).sum())

        with reading_threads() as pool:
            return list(pool.map(total, [10**5] * 6))

    for _ in range(8):  # nearly all of them failed
        process = os.fork()
        if not process:
            ended = 1
            try:
                ended = 0 if in_threads() == [2e5] * 6 else 2
            finally:
                os._exit(ended)
        assert os.waitpid(process, 0)[1] == 0


def test_inspect_wavs(tmp_path):
    """Many files, in their order, and none from elsewhere."""
    root = tmp_path / "root"
    root.mkdir()
    for i in range(20):
        write(root / f"{i}.wav", sine(1 + i / 10))
    write(tmp_path / "elsewhere.wav", sine(1))
    os.symlink(tmp_path / "elsewhere.wav", root / "link.wav")
    files = [f"{i}.wav" for i in range(20)]
    durations, left_out = inspect_wavs(
        str(root), files + ["link.wav", "../elsewhere.wav", "no.wav"]
    )
    assert list(durations) == files
    assert durations["7.wav"] == 1.7
    assert left_out == {
        "link.wav": "outside the data folder",
        "../elsewhere.wav": "outside the data folder",
        "no.wav": "missing",
    }


class TestLoadAudio:
    """The waveform is the one that was written."""

    def test_resamples_and_averages(self, tmp_path):
        """A sine in one of two channels at 48 kHz comes back halved."""
        samples = np.stack([sine(1.0, 48000), np.zeros(48000)], 1)
        wav = load_audio(write(tmp_path / "a.wav", samples, 48000))
        assert wav.shape == (16000,) and wav.dtype == torch.float32
        expected = torch.from_numpy(sine(1.0) / 2).float()
        inner = slice(200, -200)  # the filter rings at the ends
        assert torch.allclose(wav[inner], expected[inner], atol=2e-3)

    def test_same_rate_is_exact(self, tmp_path):
        """Nothing is resampled where nothing need be."""
        samples = sine(0.1).astype("float32")
        path = write(tmp_path / "a.wav", samples, subtype="FLOAT")
        assert torch.equal(load_audio(path), torch.from_numpy(samples))

    def test_errors_name_the_file(self, tmp_path):
        """Absent and empty files."""
        (tmp_path / "e.wav").write_bytes(b"")
        empty = write(tmp_path / "z.wav", np.zeros(0))
        for path in (empty, str(tmp_path / "e.wav"), str(tmp_path / "n.wav")):
            with pytest.raises(ValueError, match=os.path.basename(path)):
                load_audio(path)


class TestSplitGroups:
    """Proportions, seeds, and labels on both sides."""

    def test_full_copy(self):
        """7:3 of 350 sentences, then 10 % of the 245 others."""
        signatures = dict.fromkeys(range(1, 351), ALL)
        test, rest = split_groups(signatures, 0.3, seed=1)
        assert len(test) == 105 and len(rest) == 245
        assert sorted(test + rest) == list(range(1, 351))
        valid, train = split_groups(dict.fromkeys(rest, ALL), 0.1, seed=1)
        assert len(valid) in (24, 25)
        assert sorted(valid + train) == rest

    def test_seed(self):
        """The same seed draws the same, whatever the order of the groups."""
        groups = dict.fromkeys(range(50), ALL)
        backwards = dict.fromkeys(reversed(range(50)), ALL[::-1])
        assert split_groups(groups, 0.3, 7) == split_groups(backwards, 0.3, 7)
        assert split_groups(groups, 0.3, 7) != split_groups(groups, 0.3, 8)

    def test_every_group_can_be_drawn(self):
        """Over the seeds the draw is about uniform."""
        counts = np.zeros(10)
        for seed in range(300):
            drawn, _ = split_groups(dict.fromkeys(range(10), ALL), 0.3, seed)
            counts[drawn] += 1
        assert counts.sum() == 900 and counts.min() > 60

    def test_buckets_give_their_proportion(self):
        """A class that half of the sentences lack is still split 7:3."""
        signatures = {n: ALL if n < 60 else ALL[1:] for n in range(100)}
        test, _ = split_groups(signatures, 0.3, seed=3)
        assert sum(n < 60 for n in test) == 18 and len(test) == 30

    def test_ties_go_to_the_richest(self):
        """One of two equal buckets: the one with more labels."""
        signatures = {n: ALL if n > 2 else ALL[:3] for n in range(6)}
        drawn, _ = split_groups(signatures, 1 / 6, seed=0)
        assert len(drawn) == 1 and drawn[0] > 2

    @pytest.mark.parametrize("seed", range(20))
    def test_repeated_texts_stay_together(self, seed):
        """Six texts in three takes each, one class absent from half of them."""
        signatures = {n: ALL if n < 9 else ALL[1:] for n in range(18)}
        texts = {n: f"text {n % 6}" for n in signatures}
        test, rest = split_groups(signatures, 0.3, seed, texts)
        assert len(test) == 6 and sorted(test + rest) == list(range(18))
        assert not {texts[n] for n in test} & {texts[n] for n in rest}

    def test_one_text_is_torn(self):
        """There is nothing else to do; and texts of one take change nothing."""
        groups = dict.fromkeys(range(10), ALL)
        whole = split_groups(groups, 0.3, 1)
        assert split_groups(groups, 0.3, 1, dict.fromkeys(groups, "x")) == whole
        assert split_groups(groups, 0.3, 1, {n: n for n in groups}) == whole

    @pytest.mark.parametrize("seed", range(20))
    def test_kinds_are_spread(self, seed):
        """Two scenes in four takes each, one class absent from half of them."""
        signatures = {n: ALL if n < 4 else ALL[1:] for n in range(8)}
        scenes = {n: "dogs" if n % 4 < 2 else "kids" for n in range(8)}
        test, rest = split_groups(signatures, 0.3, seed, kinds=scenes)
        assert {scenes[n] for n in test} == {"dogs", "kids"}
        left = {n: signatures[n] for n in rest}
        valid, train = split_groups(left, 0.1, seed, kinds=scenes)
        assert len(valid) == 1 and valid[0] < 4
        # The class that is rarest was seen in both scenes.
        assert {scenes[n] for n in train if n < 4} == {"dogs", "kids"}

    @pytest.mark.parametrize("seed", range(100))
    def test_labels_reach_both_sides(self, seed):
        """On random partial copies, if two groups hold the label at all."""
        random = np.random.RandomState(seed)
        density = random.uniform(0.2, 0.9)
        signatures = {
            n: tuple(label for label in ALL if random.rand() < density)
            for n in range(random.randint(10, 40))
        }
        signatures = {n: labels for n, labels in signatures.items() if labels}
        sides = split_groups(signatures, 0.3, seed)
        for label in ALL:
            if sum(label in labels for labels in signatures.values()) > 1:
                for side in sides:
                    assert any(label in signatures[n] for n in side)

    def test_exchange_for_a_rare_label(self):
        """Proportion alone would give the rare label no share."""
        signatures = dict.fromkeys(range(23), ("sad",))
        signatures.update({23: ("happy",), 24: ("happy",)})
        drawn, rest = split_groups(signatures, 0.1, seed=0)
        assert len(drawn) == 2 and len({23, 24} & set(drawn)) == 1
        # Where only one side can have it, that is the undrawn one.
        signatures.pop(24)
        assert 23 in split_groups(signatures, 0.1, seed=0)[1]

    @pytest.mark.parametrize("number, ratio", [(1, 0.3), (5, 0.0), (5, 1.0)])
    def test_impossible(self, number, ratio):
        """Nothing to split, or a side without a share."""
        with pytest.raises(ValueError, match="cannot split"):
            split_groups(dict.fromkeys(range(number), ALL), ratio, 0)

    def test_at_least_one_each(self):
        """Extreme ratios leave no side empty."""
        groups = dict.fromkeys(range(3), ALL)
        assert len(split_groups(groups, 0.01, 0)[0]) == 1
        assert len(split_groups(groups, 0.99, 0)[1]) == 1


class TestResolveWav:
    """Paths stay in the data folder."""

    def test_inside(self, tmp_path):
        """With the placeholder, or replaced, or over an inner `..`."""
        root = str(tmp_path)
        for wav in ("{data_root}/x/a.wav", f"{root}/b/../x/a.wav"):
            path = resolve_wav({"id": "a", "wav": wav}, root)
            assert path == str(tmp_path.resolve() / "x" / "a.wav")

    def test_linked_root(self, tmp_path):
        """The data folder itself may be a link."""
        (tmp_path / "real").mkdir()
        os.symlink(tmp_path / "real", tmp_path / "link")
        entry = {"id": "a", "wav": f"{tmp_path}/link/a.wav"}
        path = resolve_wav(entry, str(tmp_path / "link"))
        assert path == str(tmp_path.resolve() / "real" / "a.wav")

    @pytest.mark.parametrize(
        "wav",
        [
            "{data_root}/../secret.wav",
            "{data_root}/link.wav",
            "{data_root}2/a.wav",
            "{data_root}",
            "/etc/passwd",
            "a.wav",
        ],
    )
    def test_outside(self, tmp_path, wav):
        """The error names the entry and the path."""
        root = tmp_path / "root"
        root.mkdir()
        os.symlink(tmp_path / "secret.wav", root / "link.wav")
        with pytest.raises(ValueError) as error:
            resolve_wav({"id": "utt7", "wav": wav}, str(root))
        assert "utt7" in str(error.value) and wav in str(error.value)


class TestManifests:
    """Fingerprints, reports, checks."""

    splits = {
        s: {f"{s}-{e}": {"emotion": e} for e in ALL}
        for s in ("train", "valid", "test")
    }

    def test_inputs(self, tmp_path):
        """Settings, names and content count; folder and times do not."""
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "x").write_bytes(b"1")
        files = ["x", "dangling"]
        first = manifest_inputs({"seed": 1}, str(tmp_path / "a"), files)
        (tmp_path / "a").rename(tmp_path / "b")
        root, file = str(tmp_path / "b"), tmp_path / "b" / "x"
        assert first == manifest_inputs({"seed": 1}, root, files[::-1])
        assert first != manifest_inputs({"seed": 2}, root, files)
        assert first != manifest_inputs({"seed": 1}, root, ["x"])
        os.utime(file, (1, 1))
        assert first == manifest_inputs({"seed": 1}, root, files)
        # Another content of the same size and time.
        file.write_bytes(b"2")
        os.utime(file, (1, 1))
        assert first != manifest_inputs({"seed": 1}, root, files)

    def test_write(self, tmp_path):
        """What is written can be read and leaves nothing else behind."""
        folder = str(tmp_path)
        report_left_out(folder, {}, 12)
        write_manifests(folder, self.splits, ALL, {"seed": 1})
        for split, entries in self.splits.items():
            text = (tmp_path / f"{split}.json").read_text(encoding="utf-8")
            assert json.loads(text) == entries
        assert manifests_are_current(folder, {"seed": 1})
        assert not manifests_are_current(folder, {"seed": 2})
        assert manifests_verdict(folder, {"seed": 1}) == "reused"
        verdict = manifests_verdict(folder, {"seed": 2})
        assert verdict == "done again: seed was 1, is 2"
        assert not list(tmp_path.glob("*.tmp"))
        (tmp_path / "INPUTS.json").write_bytes(b"\xff{")
        assert not manifests_are_current(folder, {"seed": 1})

    def test_half_done_is_not_current(self, tmp_path):
        """An interrupted preparation is not mistaken for the previous one."""
        folder = str(tmp_path)
        report_left_out(folder, {}, 12)
        write_manifests(folder, self.splits, ALL, {"seed": 1})
        report_left_out(folder, {}, 12)
        assert not manifests_are_current(folder, {"seed": 1})
        (aside,) = tmp_path.glob("old-*")
        assert manifests_are_current(aside, {"seed": 1})

    def test_empty_split_or_class(self, tmp_path):
        """Train and test need each class, validation only something."""
        for split in ("train", "valid", "test"):
            splits = {**self.splits, split: {}}
            with pytest.raises(ValueError, match=f"the {split} split"):
                write_manifests(str(tmp_path), splits, ALL, {})
        splits = {**self.splits, "test": {"a": {"emotion": "sad"}}}
        with pytest.raises(ValueError, match="test split has no neutral and"):
            write_manifests(str(tmp_path), splits, ALL, {})
        assert not list(tmp_path.iterdir())
        splits = {**self.splits, "valid": {"a": {"emotion": "sad"}}}
        write_manifests(str(tmp_path), splits, ALL, {})

    def test_report(self, tmp_path, caplog):
        """Reasons are counted, files named, and all of them written."""
        left_out = {f"{i}.wav": f"too short: 0.{i} s" for i in range(8)}
        left_out["z.wav"] = "silent"
        with caplog.at_level(logging.WARNING):
            report_left_out(str(tmp_path), left_out, 1)
        for part in ("9 file(s)", "8 too short", "1 silent"):
            assert part in caplog.text
        assert "0.wav (too short: 0.0 s), z.wav (silent)" in caplog.text
        text = (tmp_path / "left_out.json").read_text(encoding="utf-8")
        assert json.loads(text) == left_out
        with pytest.raises(ValueError, match="no usable.*8 too short"):
            report_left_out(str(tmp_path), left_out, 0)

    def test_lock(self, tmp_path):
        """The second waits until the first has left."""
        order = []

        def second():
            """Enters as soon as it may."""
            with locked(str(tmp_path / "new")):
                order.append("second")

        with locked(str(tmp_path / "new")):
            thread = threading.Thread(target=second)
            thread.start()
            time.sleep(0.1)
            order.append("first")
        thread.join()
        assert order == ["first", "second"]
