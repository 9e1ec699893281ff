"""Long steps: killed, resumed, changed, shared among processes."""

import json
import subprocess
import sys
import textwrap

import pytest

from speechbrain_relm.utils.provenance.stamps import read_stamp
from speechbrain_relm.utils.records import (
    make_batches,
    read_records,
    work_through,
)

BATCHES = [["a", "b"], ["c", "d"], ["e"]]


def worker(log):
    """Makes a step that notes each batch it works."""

    def work(batch):
        """Notes the batch."""
        log.append(list(batch))
        return [{"id": i, "text": f"{i} in {''.join(batch)}"} for i in batch]

    return work


def test_finished_batches_are_not_worked_again(tmp_path):
    """After a kill in the middle of a line, only the torn batch is redone."""
    path, log = tmp_path / "r.jsonl", []
    whole = work_through(path, BATCHES, worker([]), {}, "t")
    lines = path.read_text().splitlines(keepends=True)
    # b's line was being written when the process was killed.
    path.write_text("".join(lines[2:4]) + lines[0] + lines[1][:9])
    again = work_through(path, BATCHES, worker(log), {}, "t")
    assert log == [["a", "b"], ["e"]]
    assert again == whole and list(again) == ["a", "b", "c", "d", "e"]
    log.clear()
    work_through(path, BATCHES, worker(log), {}, "t")
    assert log == []


def test_other_settings_put_the_old_records_aside(tmp_path):
    """They are neither mixed with the new ones nor lost."""
    path, log = tmp_path / "r.jsonl", []
    work_through(path, BATCHES, worker([]), {"limit": 1}, "t")
    old = path.read_text()
    work_through(path, BATCHES, worker(log), {"limit": 2}, "t")
    assert len(log) == 3
    assert (tmp_path / "r.old.jsonl").read_text() == old
    # The old setting again: nothing is worked, nothing is lost.
    work_through(path, BATCHES, worker(log), {"limit": 1}, "t")
    assert len(log) == 3 and path.read_text() == old
    aside = (tmp_path / "r.old.jsonl").read_text().splitlines()
    assert len(aside) == 10


def test_a_record_kept_aside_may_hold_any_letter(tmp_path):
    """Some end a line for Python, not for JSON."""
    path, text = tmp_path / "r.jsonl", "one\u2028two\x85"

    def work(ids):
        """Says the same of all."""
        return [{"id": i, "text": text} for i in ids]

    for limit in (1, 2, 1):
        records = work_through(path, BATCHES, work, {"limit": limit}, "t")
    assert {record["text"] for record in records.values()} == {text}


@pytest.mark.parametrize("name", ["answers.txt", "answers"])
def test_a_file_of_records_may_have_any_name(name, tmp_path):
    """What it is made from lies beside it."""
    path, log = tmp_path / name, []
    for limit in (1, 2, 2):
        work_through(path, BATCHES, worker(log), {"limit": limit}, "t")
    assert len(log) == 6 and read_stamp(path) == {"limit": 2}


def test_one_changed_utterance_is_worked_alone(tmp_path, caplog):
    """The others stay; the log says what it was and is."""
    path, log = tmp_path / "r.jsonl", []
    of = {i: {"transcript": f"Say {i}."} for i in "abcde"}
    work_through(path, BATCHES, worker([]), {}, "t", of)
    before = read_records(path)
    of["d"] = {"transcript": "Say it."}
    with caplog.at_level("WARNING"):
        after = work_through(path, BATCHES, worker(log), {}, "t", of)
    assert log == [["d"]]
    assert {i: r for i, r in after.items() if i != "d"} == {
        i: r for i, r in before.items() if i != "d"
    }
    wanted = 'of 1, as d, transcript was "Say d.", is "Say it."'
    assert wanted in caplog.text


def test_records_of_fewer_utterances_are_not_lost(tmp_path):
    """An utterance that goes and comes again is not worked again."""
    path, log = tmp_path / "r.jsonl", []
    whole = work_through(path, BATCHES, worker([]), {}, "t")
    fewer = work_through(path, BATCHES[:1], worker(log), {}, "t")
    assert list(fewer) == ["a", "b"]
    assert work_through(path, BATCHES, worker(log), {}, "t") == whole
    assert log == []


def test_records_of_a_failed_run_stay(tmp_path):
    """An error in the third batch costs neither of the first two."""
    path, log = tmp_path / "r.jsonl", []

    def fails(batch):
        """Fails at the last batch."""
        if batch == ["e"]:
            raise RuntimeError("out of memory")
        return worker(log)(batch)

    with pytest.raises(RuntimeError):
        work_through(path, BATCHES, fails, {}, "t")
    assert list(read_records(path)) == ["a", "b", "c", "d"]


def test_a_damaged_line_is_named(tmp_path):
    """A whole line that is no record did not come from a kill."""
    path = tmp_path / "r.jsonl"
    path.write_text('{"id": "a"}\nnonsense\n')
    with pytest.raises(ValueError, match="line 2"):
        read_records(path)


def test_batches_are_sorted_by_length_and_stable():
    """The same batches for the same input, whatever its order."""
    ids, lengths = list("abcde"), [1.0, 5.0, 3.0, 3.0, 2.0]
    batches = make_batches(ids, lengths, 2)
    assert batches == [["b", "c"], ["d", "e"], ["a"]]
    backwards = make_batches(ids[::-1], lengths[::-1], 2)
    assert backwards == batches


def test_processes_share_the_work(tmp_path):
    """Two processes leave the file that one would."""
    script = tmp_path / "step.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, sys, time
            from speechbrain.utils.distributed import ddp_init_group
            from speechbrain_relm.utils import records

            ddp_init_group({"distributed_backend": "gloo"})
            rank = os.environ["RANK"]
            read = records.read_records
            # The second process reads late, the first works at once.
            late = lambda path: (time.sleep(0.5 * int(rank)), read(path))[1]
            records.read_records = late
            batches = [[f"{i}{s}" for s in "ab"] for i in range(5)]
            work = lambda batch: [{"id": i, "size": len(batch)} for i in batch]
            log = open(f"{sys.argv[1]}/rank{rank}.log", "w")
            logged = lambda batch: (log.write(batch[0]), work(batch))[1]
            path = f"{sys.argv[1]}/two.jsonl"
            records.work_through(path, batches, logged, {}, "t")
            """
        ),
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    subprocess.run(
        [*command, "--nproc_per_node=2", script, tmp_path],
        check=True,
        timeout=120,
    )
    ids = [f"{i}{s}" for i in range(5) for s in "ab"]
    lines = (tmp_path / "two.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ids
    assert (tmp_path / "rank0.log").read_text() == "0a2a4a"
    assert (tmp_path / "rank1.log").read_text() == "1a3a"
    assert not list(tmp_path.glob("two.rank*"))
