"""Records of a long step: one JSON line an utterance, resumable, sharded.

A step works through a fixed list of batches. Whatever the number of
processes and whenever a run is killed, the batches stay the same, a finished
batch is never worked twice, and the file at the end is the same.

Each record says what it is made from (`provenance.kept`): those of other
inputs are worked anew, and what is no longer wanted is kept aside.

Authors
 * The speechbrain_relm contributors 2026
"""

import os
import shutil
from pathlib import Path

from speechbrain.utils.distributed import (
    ddp_barrier,
    if_main_process,
    run_on_main,
)
from speechbrain.utils.logger import get_logger
from tqdm import tqdm

from speechbrain_relm.utils.disk.locks import locked
from speechbrain_relm.utils.disk.refusals import naming
from speechbrain_relm.utils.files import aside, sync, write_atomically
from speechbrain_relm.utils.processes import processes, rank
from speechbrain_relm.utils.provenance.kept import (
    MARK,
    as_line,
    as_record,
    keep_wanted,
    wanted_marks,
    whole_batches,
)
from speechbrain_relm.utils.provenance.stamps import write_stamp
from speechbrain_relm.utils.text.reading import read_lines

logger = get_logger(__name__)


def read_records(path):
    """Reads a file of records; a last line torn by a kill is left out.

    Arguments
    ---------
    path : str or pathlib.Path
        A JSON-lines file.

    Returns
    -------
    dict
        Utterance id to record, in the order of the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a line that was written whole is no record, or two are of one
        utterance.

    Example
    -------
    >>> path = getfixture("tmp_path") / "a.jsonl"
    >>> _ = path.write_text('{"id": "x", "level": 2}\\n{"id": "y", "le')
    >>> read_records(path)
    {'x': {'id': 'x', 'level': 2}}
    """
    records, damaged = read_sound(path)
    for number, problem in damaged.items():
        raise ValueError(
            f"{path}, line {number}: {problem}. Delete the line, and its "
            "utterance is worked again."
        )
    return records


def read_sound(path):
    """Reads the sound lines of a file of records.

    Arguments
    ---------
    path : str or pathlib.Path
        A JSON-lines file.

    Returns
    -------
    records : dict
        Utterance id to record.
    damaged : dict
        Number of another line to what is wrong with it.

    Example
    -------
    >>> path = getfixture("tmp_path") / "a.jsonl"
    >>> _ = path.write_text('{"id": "x"}\\n{"id": "x"}\\n')
    >>> read_sound(path)[1]
    {2: "the id 'x' is in line 1 too"}
    """
    records, lines, damaged = {}, {}, {}
    for number, line in read_lines(path):
        record = as_record(line)
        if record is None and not line.endswith(b"\n"):
            logger.warning("%s, line %d is cut off: left out.", path, number)
        elif record is None:
            damaged[number] = (
                "not a JSON record of whole characters with a text as 'id', or "
                "changed since it was written"
            )
        elif record["id"] in records:
            first = lines[record["id"]]
            damaged[number] = f"the id {record['id']!r} is in line {first} too"
        else:
            records[record["id"]], lines[record["id"]] = record, number
    return records, damaged


def sound_records(path):
    """Reads what is sound in a file of records; a damaged one is kept aside.

    Arguments
    ---------
    path : pathlib.Path
        A JSON-lines file.

    Returns
    -------
    dict
        Utterance id to record.

    Example
    -------
    >>> path = getfixture("tmp_path") / "a.jsonl"
    >>> _ = path.write_text('{"id": "x"}\\nnonsense\\n')
    >>> sound_records(path)
    {'x': {'id': 'x'}}
    >>> (path.parent / "damaged.a.jsonl").exists()
    True
    """
    records, damaged = read_sound(path)
    if damaged:
        copy = aside(path)
        shutil.copy(path, copy)
        for number, problem in damaged.items():
            logger.warning(
                "%s, line %d: %s. Its utterance is worked again; the file as "
                "it was is %s.",
                path,
                number,
                problem,
                copy.name,
            )
    return records


def make_batches(ids, lengths, batch_size):
    """Groups utterances of like length, longest first.

    Arguments
    ---------
    ids : list of str
        Utterance ids.
    lengths : list of float
        Their lengths, in any unit.
    batch_size : int
        Utterances a batch.

    Returns
    -------
    list of list of str
        Batches of ids; the same for the same input.

    Example
    -------
    >>> make_batches(["a", "b", "c"], [1.0, 3.0, 2.0], 2)
    [['b', 'c'], ['a']]
    """
    order = sorted(zip(ids, lengths), key=lambda pair: (-pair[1], pair[0]))
    ordered = [utterance for utterance, _ in order]
    return [
        ordered[start : start + batch_size]
        for start in range(0, len(ordered), batch_size)
    ]


def work_through(path, batches, work, inputs, title, of=None):
    """Works through the batches that no earlier run finished.

    Call it on all processes: each takes its share of the batches. Another
    run that writes the same file is waited for.

    Arguments
    ---------
    path : str or pathlib.Path
        Where the records go, one JSON line each.
    batches : list of list of str
        Batches of utterance ids.
    work : callable
        Some ids of a batch to a list of records, dicts with an "id" each.
    inputs : dict
        What all records depend on; see `provenance.stamps`.
    title : str
        Name of the progress bar.
    of : dict or None
        Utterance id to a dict of what its record depends on besides.

    Returns
    -------
    dict
        Utterance id to record, in the order of `batches`.

    Example
    -------
    >>> path = getfixture("tmp_path") / "squares.jsonl"
    >>> def work(batch):
    ...     return [{"id": i, "square": int(i) ** 2} for i in batch]
    >>> records = work_through(path, [["1", "2"], ["3"]], work, {}, "squares")
    >>> records["3"]["square"]
    9
    """
    path = Path(path)
    wanted = wanted_marks(batches, inputs, of or {})
    with locked(path, by_run=True):
        return _work_through(path, batches, work, inputs, title, wanted)


def _work_through(path, batches, work, inputs, title, wanted):
    """Works through the batches, alone with the file."""
    run_on_main(_gather, args=[path, batches, inputs, wanted])
    done = read_records(path)
    # Before any process adds to the file: all must share out the same batches.
    ddp_barrier()
    pending = [[i for i in batch if i not in done] for batch in batches]
    pending = [batch for batch in pending if batch]
    shard = _shard(path, rank())
    bar = tqdm(
        total=len(batches),
        initial=len(batches) - len(pending),
        desc=title,
        dynamic_ncols=True,
        disable=not if_main_process(),
    )
    with bar, naming(shard), open(shard, "a", encoding="utf-8") as file:
        sync(path.parent)  # its name
        for index, batch in enumerate(pending):
            if index % processes() == rank():
                records = work(batch)
                for record in records:
                    record[MARK] = wanted[record["id"]]
                file.write("".join(as_line(record) for record in records))
                file.flush()
                os.fsync(file.fileno())
            bar.update()
    ddp_barrier()
    run_on_main(_gather, args=[path, batches, inputs, wanted])
    return read_records(path)


def _gather(path, batches, inputs, wanted):
    """Collects into one file what is wanted, and puts the rest aside."""
    shards = sorted(path.parent.glob(f"{path.stem}.rank*{path.suffix}"))
    found = []
    for file in [path, *shards]:
        if file.exists():
            found += whole_batches(list(sound_records(file).values()), batches)
    kept = keep_wanted(path, found, inputs, wanted)
    ordered = [kept[i] for batch in batches for i in batch if i in kept]
    write_atomically(path, "".join(as_line(record) for record in ordered))
    write_stamp(path, inputs)
    for shard in shards:
        shard.unlink()


def _shard(path, rank):
    """Names the file that a process writes."""
    return path if rank == 0 else path.with_suffix(f".rank{rank}{path.suffix}")
