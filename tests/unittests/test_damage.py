"""What a disk spoilt is named, and the run goes on from what is sound.

Authors
 * The speechbrain_relm contributors 2026
"""

import pytest
import torch
from speechbrain.utils.epoch_loop import EpochCounter

from speechbrain_relm.data.encoder_cache import EncoderCache
from speechbrain_relm.data.manifests import (
    manifests_are_current,
    report_left_out,
    write_manifests,
)
from speechbrain_relm.training.checkpoints import CompleteCheckpointer
from speechbrain_relm.utils.provenance import digests
from speechbrain_relm.utils.provenance.digests import file_digests
from speechbrain_relm.utils.provenance.kept import as_line, as_record
from speechbrain_relm.utils.records import work_through

DAMAGES = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    # Into the lowest bit, so that a letter or a digit becomes another one.
    "flipped": lambda content: changed(content, lambda byte: byte ^ 1),
    "not UTF-8": lambda content: changed(content, lambda byte: 0xFF),
}


def changed(content, change):
    """Changes the byte in the middle."""
    middle = len(content) // 2
    new = bytes([change(content[middle])])
    return content[:middle] + new + content[middle + 1 :]


@pytest.fixture(params=DAMAGES)
def spoil(request):
    """Damages a file, in each of the ways."""

    def damage(path):
        """Writes over it."""
        before = path.read_bytes()
        path.write_bytes(DAMAGES[request.param](before))
        assert path.read_bytes() != before

    return damage


def checkpointer(folder, value):
    """Makes a checkpointer of a module that holds one value."""
    module = torch.nn.Linear(2, 2)
    torch.nn.init.constant_(module.weight, value)
    counter = EpochCounter(9)
    counter.current = value
    found = CompleteCheckpointer(
        folder, recoverables={"model": module, "counter": counter}
    )
    return found, module


@pytest.mark.parametrize(
    "name", ["model.ckpt", "counter.ckpt", "CKPT.yaml", "COMPLETE"]
)
def test_a_checkpoint(name, spoil, tmp_path, caplog):
    """It is put aside, and the one before it is loaded."""
    for value in (1, 2):
        saver, _ = checkpointer(tmp_path, value)
        newest = saver.save_checkpoint(name=str(value), meta={"n": value})
    spoil(newest.path / name)
    loader, module = checkpointer(tmp_path, 0)
    assert loader.recover_if_possible().meta["n"] == 1
    assert (module.weight == 1).all()
    # A sum that was changed in a mark names the file that it is of.
    named = newest.path if name == "COMPLETE" else newest.path / name
    assert f"{named}" in caplog.text and "put aside" in caplog.text
    aside = tmp_path / f"damaged.{newest.path.name}"
    assert {file.name for file in aside.iterdir()} == {
        "model.ckpt",
        "counter.ckpt",
        "CKPT.yaml",
        "COMPLETE",
    }


def test_each_byte_of_a_mark(tmp_path):
    """None of them, changed, makes a checkpoint be deleted or loaded."""
    saver, _ = checkpointer(tmp_path, 1)
    saver.save_checkpoint(name="1")
    newest = saver.save_checkpoint(name="2")
    mark = newest.path / "COMPLETE"
    content = mark.read_bytes()
    for i in range(0, len(content), 5):
        byte = bytes([content[i] ^ 1])
        mark.write_bytes(content[:i] + byte + content[i + 1 :])
        loader, _ = checkpointer(tmp_path, 0)
        assert [p.path.name for p in loader.list_checkpoints()] == ["CKPT+1"]
        aside = tmp_path / "damaged.CKPT+2"
        aside.rename(newest.path)


@pytest.mark.parametrize("name", ["train.json", "left_out.json"])
def test_a_manifest(name, spoil, tmp_path, caplog):
    """It is put aside, and made anew."""
    splits = {
        split: {f"{split}{i}": {"emotion": "sad"} for i in range(9)}
        for split in ("train", "valid", "test")
    }
    made = {}
    for _ in range(2):
        assert not manifests_are_current(tmp_path, {"seed": 1})
        report_left_out(tmp_path, {"a.wav": "silent"}, num_usable=27)
        write_manifests(tmp_path, splits, ["sad"], {"seed": 1})
        assert manifests_are_current(tmp_path, {"seed": 1})
        content = (tmp_path / name).read_bytes()
        assert made.setdefault(name, content) == content
        spoil(tmp_path / name)
    assert f"{name} is not as it was written" in caplog.text
    assert (tmp_path / f"damaged.{name}").is_file()


def work(batch):
    """Works on nothing but names."""
    return [{"id": i, "text": f"“{i}” is what was said."} for i in batch]


BATCHES = [["a", "b"], ["c", "d"], ["e"]]


def test_records(spoil, tmp_path, caplog, request):
    """What is sound is kept, the rest worked again."""
    path = tmp_path / "r.jsonl"
    work_through(path, BATCHES, work, {"seed": 1}, "t")
    before = path.read_bytes()
    spoil(path)
    spoilt, asked = path.read_bytes(), []

    def counting(batch):
        """Notes what is asked for."""
        asked.extend(batch)
        return work(batch)

    work_through(path, BATCHES, counting, {"seed": 1}, "t")
    if asked:
        assert path.read_bytes() == before
    if 0 < len(asked) < 5:
        assert str(path) in caplog.text
    copy = tmp_path / "damaged.r.jsonl"
    if copy.exists():
        assert copy.read_bytes() == spoilt


def test_each_bit_of_a_record():
    """Whatever flips, it is the same record, none, or one that nobody asks."""
    record = {"id": "a", "text": "é", "level": 12, "from": {"step": "1f"}}
    line = as_line(record).encode()
    assert as_record(line) == record
    for place in range(8 * len(line)):
        other = bytearray(line)
        other[place // 8] ^= 1 << place % 8
        found = as_record(bytes(other))
        # In the checksum's own name: what it guards is whole.
        assert found is None or {n: found.get(n) for n in record} == record


def test_records_that_are_kept_aside(spoil, tmp_path):
    """They are no reason to stop, and what is sound of them comes back."""
    path = tmp_path / "r.jsonl"
    for seed in (1, 2):
        work_through(path, BATCHES, work, {"seed": seed}, "t")
    spoil(tmp_path / "r.old.jsonl")
    records = work_through(path, BATCHES, work, {"seed": 1}, "t")
    assert list(records) == list("abcde")


@pytest.mark.parametrize("suffix", [".keys", ".float32"])
def test_what_was_heard(suffix, spoil, tmp_path, caplog):
    """A signal whose numbers are not as they were written is heard again."""

    class Encoder(torch.nn.Module):
        """Two numbers of each signal."""

        output_size, heard = 2, 0

        def frame_counts(self, lens, samples):
            """Gives one frame a signal."""
            return torch.ones(len(lens), dtype=int)

        def forward(self, wavs, wav_lens):
            """Counts what it hears."""
            Encoder.heard += len(wavs)
            return wavs[:, None, :2]

    wavs, keys = torch.rand(6, 8), list("abcdef")
    kept = EncoderCache(Encoder(), tmp_path)(keys, wavs, torch.ones(6))
    spoil(next(tmp_path.rglob(f"*{suffix}")))
    found = EncoderCache(Encoder(), tmp_path)(keys, wavs, torch.ones(6))
    assert found.equal(kept) and Encoder.heard > 6


def test_sums_of_files(spoil, tmp_path, monkeypatch, caplog):
    """They are read again: a wrong one would be another input."""
    monkeypatch.setenv("SPEECHBRAIN_RELM_CACHE", str(tmp_path / "cache"))
    names = [f"{i}.wav" for i in range(9)]
    for name in names:
        (tmp_path / name).write_text(name)
    before = file_digests(tmp_path, names)
    place = digests._place(str(tmp_path.resolve()))
    spoil(place)
    assert file_digests(tmp_path, names) == before
    assert f"{place} is damaged" in caplog.text


@pytest.mark.parametrize("stamped", ["manifests", "records"])
def test_a_stamp(stamped, spoil, tmp_path):
    """Manifests are made anew; records know by themselves."""
    if stamped == "records":
        path = tmp_path / "r.jsonl"
        work_through(path, BATCHES, work, {"seed": "one"}, "t")
        spoil(tmp_path / "r.inputs.json")
        again = []
        work_through(path, BATCHES, again.append, {"seed": "one"}, "t")
        assert again == []
        return
    splits = {s: {f"{s}1": {"emotion": "sad"}} for s in ("train", "valid")}
    splits["test"] = {"test1": {"emotion": "sad"}}
    report_left_out(tmp_path, {}, num_usable=3)
    write_manifests(tmp_path, splits, ["sad"], {"seed": 1})
    spoil(tmp_path / "INPUTS.json")
    assert not manifests_are_current(tmp_path, {"seed": 1})
