"""Reads tables and JSON that others wrote, and names what is wrong in them.

A spreadsheet puts a byte-order mark first, a comma too many at the end, or a
quote that nothing closes; a reader that takes no notice drops what follows.

Authors
 * The speechbrain_relm contributors 2026
"""

import codecs
import csv
import io
import itertools
import json
import math
import re
from collections import Counter
from pathlib import Path

from speechbrain_relm.utils import limits

# A JSON's way to write a surrogate, half of a character.
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_text(path, errors="strict"):
    """Reads a text in UTF-8, with or without a byte-order mark.

    Arguments
    ---------
    path : str or pathlib.Path
        The file.
    errors : str
        What is done about other bytes; see `bytes.decode`.

    Returns
    -------
    str
        The text, with the line ends that it has.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is too large, or in another encoding; the line is named.

    Example
    -------
    >>> path = getfixture("tmp_path") / "a.csv"
    >>> _ = path.write_bytes("a\\nÉté".encode("latin-1"))
    >>> read_text(path)
    Traceback (most recent call last):
    ...
    ValueError: .../a.csv, line 2: the byte 0xc9 is not UTF-8; save the file ...
    """
    path, fix = Path(path), "save the file as UTF-8"
    size = path.stat().st_size
    limits.check(path, size, limits.FILE_BYTES, "bytes", "Divide it.")
    raw = path.read_bytes()
    if raw.startswith(UTF16):
        raise ValueError(f"{path}, line 1: this is UTF-16; {fix}")
    try:
        return raw.decode("utf-8-sig", errors=errors)
    except UnicodeDecodeError as err:
        line = raw.count(b"\n", 0, err.start) + 1
        raise ValueError(
            f"{path}, line {line}: the byte {raw[err.start]:#x} is not UTF-8; "
            f"{fix}"
        ) from None


def decode(raw):
    """Decodes UTF-8, UTF-16, GBK or a Western 8-bit encoding.

    Arguments
    ---------
    raw : bytes
        A file.

    Returns
    -------
    str
        Its text.

    Example
    -------
    >>> decode("Où ?".encode("cp1252")), decode("Où ?".encode("utf-8"))
    ('Où ?', 'Où ?')
    """
    if raw.startswith(UTF16):
        return raw.decode("utf-16", errors="replace")
    if b"\x00" in raw[:2]:  # UTF-16 without its mark: "0" is 00 30 or 30 00
        order = "be" if raw[0] == 0 else "le"
        return raw.decode(f"utf-16-{order}", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        text = raw.decode("gbk")
        # Western quotes and accents, read as GBK, turn into ideographs.
        if not re.search(r"[\u4e00-\u9fff]", text):
            return text
    except UnicodeDecodeError:
        pass
    return raw.decode("cp1252", errors="replace")


def parse_json(text):
    """Reads JSON whose texts can be written again.

    Arguments
    ---------
    text : str
        The JSON.

    Returns
    -------
    object
        What it holds.

    Raises
    ------
    ValueError
        If it is no JSON, or a text in it has half a character (a lone
        surrogate), which would fail in the file that is written from it.

    Example
    -------
    >>> parse_json('["\\\\ud83d\\\\ude00"]')
    ['😀']
    >>> parse_json('["\\\\ud83d"]')
    Traceback (most recent call last):
    ...
    ValueError: '\\ud83d' is half a character
    """
    found = json.loads(text)
    if _HALF.search(text):  # else there is none
        try:
            json.dumps(found, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError as err:
            half = ascii(err.object[err.start])
            raise ValueError(f"{half} is half a character") from None
    return found


def read_json(path):
    """Reads a JSON file.

    Arguments
    ---------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    object
        What it holds.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is no JSON; the line is named.

    Example
    -------
    >>> path = getfixture("tmp_path") / "a.json"
    >>> _ = path.write_text('{"a": 1,\\n"b"}')
    >>> read_json(path)
    Traceback (most recent call last):
    ...
    ValueError: .../a.json, line 2: no JSON (Expecting ':' delimiter)...
    """
    text, fix = read_text(path), "correct it, or have it made again"
    try:
        return parse_json(text)
    except json.JSONDecodeError as err:
        raise ValueError(
            f"{path}, line {err.lineno}: no JSON ({err.msg}); {fix}"
        ) from None
    except (RecursionError, ValueError) as err:
        raise ValueError(
            f"{path}: no JSON that can be read ({err}); {fix}"
        ) from None


def read_json_lines(path, fix):
    """Reads a file that others wrote, a JSON a line.

    Arguments
    ---------
    path : str or pathlib.Path
        The file; empty lines count not.
    fix : str
        What to do about a line that is none.

    Yields
    ------
    number : int
        Of the line, from 1.
    value : object
        What the line holds.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If a line is no JSON.

    Example
    -------
    >>> path = getfixture("tmp_path") / "a.jsonl"
    >>> _ = path.write_text('{"a": 1}\\n\\n[')
    >>> for _, value in read_json_lines(path, "correct it"):
    ...     print(value)
    Traceback (most recent call last):
    ...
    ValueError: .../a.jsonl, line 3: no JSON (...); correct it.
    """
    # Not `splitlines`: JSON's texts may hold other separators than this.
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = parse_json(line)
        except (RecursionError, ValueError) as err:
            raise ValueError(
                f"{path}, line {number}: no JSON ({err}); {fix}."
            ) from None
        yield number, value


def is_number(value):
    """Tells whether a value of a JSON file is a finite number.

    Arguments
    ---------
    value : object
        The value.

    Returns
    -------
    bool
        False of True, which Python counts as 1, of NaN, and of whole numbers
        that no float holds.

    Example
    -------
    >>> is_number(1), is_number(True), is_number(float("nan"))
    (True, False, False)
    >>> is_number(10**400)
    False
    """
    try:
        return type(value) in (int, float) and math.isfinite(value)
    except OverflowError:
        return False


def read_lines(path):
    """Reads lines one by one, none larger than `limits.RECORD_BYTES`.

    Arguments
    ---------
    path : str or pathlib.Path
        The file.

    Yields
    ------
    number : int
        From 1.
    line : bytes
        With its end, if it has one, and without a byte-order mark.

    Raises
    ------
    ValueError
        If a line is too large.

    Example
    -------
    >>> path = getfixture("tmp_path") / "a.jsonl"
    >>> _ = path.write_bytes(b"a\\nb")
    >>> list(read_lines(path))
    [(1, b'a\\n'), (2, b'b')]
    """
    most, fix = limits.RECORD_BYTES, "Delete the line."
    with open(path, "rb") as file:
        for number in itertools.count(1):
            line = file.readline(most + 1)
            if not line:
                return
            place = f"{path}, line {number}"
            limits.check(place, len(line), most, "bytes", fix)
            # Editors put the mark at the very beginning only.
            yield number, line.removeprefix(codecs.BOM_UTF8)


def read_table(path, needed, errors="strict", spaced=False, delimiter=","):
    """Reads a CSV, every line of it or none.

    Arguments
    ---------
    path : str or pathlib.Path
        A CSV whose first line names the columns.
    needed : sequence of str
        Columns that must be there.
    errors : str
        See `read_text`.
    spaced : bool
        Whether a space after a comma belongs to the comma.
    delimiter : str
        What stands between the fields.

    Returns
    -------
    list of (str, dict)
        Of each row the place, as "a.csv, line 2", and column to text.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If a column is missing or there twice, or a row has more or fewer
        fields than the first; the line is named.

    Example
    -------
    >>> path = getfixture("tmp_path") / "a.csv"
    >>> _ = path.write_text("a,b\\n1,2\\n3,4,\\n")
    >>> read_table(path, ["a"])
    Traceback (most recent call last):
    ...
    ValueError: .../a.csv, line 3: 3 fields where the first line names 2...
    """
    text = read_text(path, errors)
    csv.field_size_limit(limits.CELL_CHARACTERS)
    reader = csv.reader(
        io.StringIO(text, newline=""),
        skipinitialspace=spaced,
        strict=True,
        delimiter=delimiter,
    )
    columns, rows, line = None, [], 1
    try:
        for fields in reader:
            place, line = f"{path}, line {line}", reader.line_num + 1
            if columns is None:
                columns = _columns(fields, needed, place, delimiter)
            elif fields:
                rows.append((place, _row(columns, fields, place)))
    except csv.Error as err:
        raise ValueError(
            f"{path}, line {line}: no row of a CSV ({err}). {_QUOTING}"
        ) from None
    if columns is None:
        _columns([], needed, f"{path}, line 1", delimiter)
    return rows


# What parts the columns of a table.
PARTED = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_QUOTING = (
    "Put texts with commas, quotes or line ends in double quotes, and double "
    "the quotes in them."
)


def _columns(fields, needed, place, delimiter):
    """Checks the names of the columns."""
    columns = [name.strip() for name in fields]
    missing = [name for name in needed if name not in columns]
    if missing:
        line = delimiter.join(fields)
        found = [
            word
            for mark, word in PARTED.items()
            if mark in line and mark != delimiter
        ]
        hint = f" The columns seem to be parted by {found[0]}." if found else ""
        raise ValueError(
            f"{place}: there is no column {', '.join(missing)} among "
            f"{columns}. The first line must name {', '.join(needed)}, parted "
            f"by {PARTED[delimiter]}.{hint}"
        )
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice:
        raise ValueError(
            f"{place}: the column {twice[0]!r} is there twice. Delete or "
            "rename one of them."
        )
    return columns


def _row(columns, fields, place):
    """Puts the fields of a row under their columns."""
    if len(fields) != len(columns):
        raise ValueError(
            f"{place}: {len(fields)} fields where the first line names "
            f"{len(columns)} columns. {_QUOTING}"
        )
    return dict(zip(columns, fields))
