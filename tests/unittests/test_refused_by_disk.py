"""A disk that is full, or a place that cannot be written."""

import os
import resource
from pathlib import Path

import forked
import pytest
import torch

from speechbrain_relm.lobes.parts.epitome_folder import _write
from speechbrain_relm.runs.table_runs import run_table
from speechbrain_relm.utils.disk.journal import Journal
from speechbrain_relm.utils.disk.locks import take
from speechbrain_relm.utils.errors import one_way_out, said
from speechbrain_relm.utils.files import write_atomically
from speechbrain_relm.utils.records import work_through

ESD = Path(__file__).resolve().parents[2] / "recipes" / "ESD"


def write_on_a_full_disk(folder, told):
    """Tells how each kind of write ends where no file may be long."""
    writes = {
        "text": lambda path: write_atomically(path, "a" * 100),
        "weights": lambda path: _write({"a": torch.ones(99)}, path),
        "records": lambda path: work_through(
            path, [["1"]], lambda _: [{"id": "1", "a": "a" * 99}], {}, "work"
        ),
        "journal": lambda path: Journal(path, "a").note(
            path.with_name("b"), "c" * 99, 1
        ),
    }
    ends = []
    # Progress goes to a file of pytest's, which is longer already.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    # No file of this process may be longer than 64 bytes: as a full disk,
    # writes end in the middle.
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
    for name, write in writes.items():
        try:
            with one_way_out(name):
                write(folder / name)
        except SystemExit as end:
            ends.append(end.code)
    told.send(ends)


def test_a_full_disk_is_told_with_the_file_and_what_to_do(tmp_path):
    """In one line, whoever writes."""
    context = forked.context()
    told, theirs = context.Pipe(duplex=False)
    process = context.Process(
        target=write_on_a_full_disk, args=(tmp_path, theirs)
    )
    process.start()
    theirs.close()
    lines = told.recv()
    process.join()
    assert len(lines) == 4
    for name, line in zip("text weights records journal".split(), lines):
        assert line.startswith(f"{name}: {tmp_path}/{name}"), line
        assert "make room there and give the same command again" in line


def test_a_place_without_locks_is_no_place_that_another_has():
    """Waiting for it would take for ever."""
    with pytest.raises(OSError) as error:
        take(Path("/proc/.answers.lock"))
    assert "/proc/.answers.lock" in said(error.value)


def test_a_table_says_what_its_systems_would_do(tmp_path, capsys):
    """And does nothing, for `--dry_run` is no setting."""
    given = []
    words = ["hparams/re_llm_mini.yaml", "--dry_run", "--systems=1,3"]
    words.append(f"--output_folder={tmp_path / 'table'}")
    assert run_table(given.append, words, ESD) is None
    assert ["--dry_run" in line for line in given] == [True, True]
    assert capsys.readouterr().out.count("# text_llm") == 2
    assert not (tmp_path / "table").exists()
