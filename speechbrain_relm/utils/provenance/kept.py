"""Records of the inputs that are wanted; the others are kept aside.

A record holds what it is made from: the fingerprint of what all records of
its step depend on, and what it depends on by itself, as the utterance's
transcript. One that is wanted is reused, any other goes to `<name>.old.jsonl`,
which only grows; from there it comes back if it is wanted again.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
import re
import shutil
from collections import Counter
from zlib import crc32

from speechbrain.utils.logger import get_logger

from speechbrain_relm.utils.files import aside, write_atomically
from speechbrain_relm.utils.provenance.stamps import (
    differences,
    fingerprint,
    plain,
    read_stamp,
    told,
)
from speechbrain_relm.utils.text.reading import parse_json, read_lines

logger = get_logger(__name__)

# A record as it is written; one of somebody else's has no checksum.
_SEALED = re.compile(
    rb'(?P<record>.*), "crc": "(?P<crc>[0-9a-f]{8})"\}\s*', re.DOTALL
)
MARK = "from"  # a record's field
STEP = "step"  # in it, what all records of the step depend on


def wanted_marks(batches, inputs, of):
    """Lists what each record must be made from.

    Arguments
    ---------
    batches : list of list of str
        Utterance ids.
    inputs : dict
        What all records depend on.
    of : dict
        Utterance id to what its record depends on besides.

    Returns
    -------
    dict
        Utterance id to its record's `from`.

    Example
    -------
    >>> wanted_marks([["a"]], {}, {"a": {"audio": "12"}})["a"]["audio"]
    '12'
    """
    step = fingerprint(inputs)
    return {
        utterance: {STEP: step, **plain(of.get(utterance, {}))}
        for batch in batches
        for utterance in batch
    }


def is_wanted(record, wanted):
    """Tells whether a record is made from what it should be made from.

    Arguments
    ---------
    record : dict
        The record.
    wanted : dict
        From `wanted_marks`.

    Returns
    -------
    bool
        False for one that nobody asks for.

    Example
    -------
    >>> is_wanted({"id": "a"}, wanted_marks([["a"]], {}, {}))
    False
    """
    # Without a mark it is not wanted either where its id is not asked for.
    return record.get(MARK, 0) == wanted.get(record["id"])


def as_line(record):
    """Writes a record out.

    Arguments
    ---------
    record : dict
        The record.

    Returns
    -------
    str
        A line of a file of records.

    Example
    -------
    >>> as_line({"id": "a"})
    '{"id": "a", "crc": "af678071"}\\n'
    """
    text = json.dumps(record, ensure_ascii=False)
    return f'{text[:-1]}, "crc": "{crc32(text.encode()):08x}"}}\n'


def as_record(line):
    """Reads a record.

    Arguments
    ---------
    line : bytes
        A line of a file of records.

    Returns
    -------
    dict or None
        `None` from a line that is damaged, or was changed since `as_line`.

    Example
    -------
    >>> as_record(b'{"id": "a"}'), as_record(b'{"id": "a')
    ({'id': 'a'}, None)
    >>> line = as_line({"id": "a"})
    >>> as_record(line.encode()), as_record(line.replace("a", "b").encode())
    ({'id': 'a'}, None)
    """
    sealed = _SEALED.fullmatch(line)
    if sealed:
        line = sealed["record"] + b"}"
        if crc32(line) != int(sealed["crc"], 16):
            return None
    try:
        record = parse_json(line.decode("utf-8"))
        return record if isinstance(record["id"], str) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def whole_batches(records, batches):
    """Leaves out the last batch of a file if a kill tore it.

    A batch is done whole or worked again whole, so that its texts do not
    depend on where a kill came.

    Arguments
    ---------
    records : list of dict
        Of a file, in its order.
    batches : list of list of str
        Utterance ids.

    Returns
    -------
    list of dict
        The records without those of a torn batch.

    Example
    -------
    >>> whole_batches([{"id": "a"}, {"id": "b"}], [["a"], ["b", "c"]])
    [{'id': 'a'}]
    """
    last = next(
        (set(b) for b in batches if records and records[-1]["id"] in b), set()
    )
    if last <= {record["id"] for record in records}:
        return records
    end = len(records)
    while end and records[end - 1]["id"] in last:
        end -= 1
    return records[:end]


def keep_wanted(path, records, inputs, wanted):
    """Sorts out the records that are there.

    Arguments
    ---------
    path : pathlib.Path
        The file of records; its stamp is still that of the last run.
    records : list of dict
        All that are there, torn batches left out.
    inputs : dict
        What all records depend on.
    wanted : dict
        From `wanted_marks`.

    Returns
    -------
    dict
        Utterance id to the record that can be reused.
    """
    kept = {r["id"]: r for r in records if is_wanted(r, wanted)}
    odd = [r for r in records if kept.get(r["id"]) is not r]
    old = old_file(path)
    before = _read_all(old) if odd or len(kept) < len(wanted) else []
    back = {
        r["id"]: r
        for r in before
        if r["id"] not in kept and is_wanted(r, wanted)
    }
    if odd:
        _log(path, odd, inputs, wanted)
        # Before the file loses them.
        lines = dict.fromkeys(as_line(record) for record in [*before, *odd])
        write_atomically(old, "".join(lines))
    if back:
        logger.info("%s: %d records come back from %s.", path, len(back), old)
    return {**kept, **back}


def old_file(path):
    """Names the file of records that are kept aside.

    Arguments
    ---------
    path : pathlib.Path
        A file of records.

    Returns
    -------
    pathlib.Path
        The other.

    Example
    -------
    >>> from pathlib import Path
    >>> old_file(Path("scores.jsonl")).name
    'scores.old.jsonl'
    """
    return path.with_name(f"{path.stem}.old{path.suffix}")


def why(path, records, inputs, wanted):
    """Says why records that are there are not those that are wanted.

    Arguments
    ---------
    path : pathlib.Path
        The file of records.
    records : list of dict
        Those that are not wanted as they are.
    inputs : dict
        What all records depend on.
    wanted : dict
        From `wanted_marks`.

    Returns
    -------
    list of str
        A phrase for each reason.
    """
    gone = [r for r in records if r["id"] not in wanted]
    other = [r for r in records if r["id"] in wanted]
    phrases = []
    if gone:
        phrases.append(
            f"{len(gone)} are of utterances that are not asked for now "
            f"(first: {gone[0]['id']})"
        )
    if not other:
        return phrases
    before = read_stamp(path)
    if before is None:
        return [*phrases, "nobody knows what they were made from"]
    found = differences(before, inputs)
    if found:
        return [*phrases, told(found)]
    changed = [
        (r["id"], part)
        for r in other
        for part in differences(r.get(MARK) or {}, wanted[r["id"]])
    ]
    for name, count in Counter(part[0] for _, part in changed).items():
        first, part = next(c for c in changed if c[1][0] == name)
        phrases.append(f"of {count}, as {first}, {told([part])}")
    return phrases


def _log(path, odd, inputs, wanted):
    """Says that records are worked anew, and why."""
    logger.warning(
        "%s: %d records are no longer wanted: %s. They are kept in %s.",
        path,
        len(odd),
        "; ".join(why(path, odd, inputs, wanted)),
        old_file(path).name,
    )


def _read_all(path):
    """Reads records that are kept aside, several an utterance."""
    if not path.exists():
        return []
    found = [as_record(line) for _, line in read_lines(path)]
    if None in found:
        copy = aside(path)
        shutil.copy(path, copy)
        logger.warning(
            "%s: %d lines are damaged and left out; the file as it was is %s.",
            path,
            found.count(None),
            copy.name,
        )
    return [record for record in found if record is not None]
