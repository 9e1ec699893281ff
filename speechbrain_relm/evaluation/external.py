"""Responses of any other system, from a CSV or a published set.

Authors
 * The speechbrain_relm contributors 2026
"""

from pathlib import Path

from speechbrain_relm.data.reply_sets import emocf_rows, sd_eval_rows
from speechbrain_relm.evaluation.runs import (
    ANSWERED,
    FIGURES,
    answered,
    record_problem,
    remove_figures,
)
from speechbrain_relm.utils.provenance.stamps import read_stamp
from speechbrain_relm.utils.records import read_records, work_through
from speechbrain_relm.utils.text.reading import read_json_lines, read_table

NEEDED = ("transcript", "response")
OPTIONAL = ("id", "emotion", "speaker", "cluster")


def read_responses(path):
    """Reads transcripts and responses.

    Arguments
    ---------
    path : str or pathlib.Path
        A CSV in UTF-8 with the columns `transcript` and `response`, and
        perhaps `id` (else the rows are numbered), `emotion`, `speaker`, and
        `cluster`, which counts as one in intervals and tests (else each
        transcript does); or a file of `reply_sets`, known by its name (.json,
        .jsonl_...). A response may be empty.

    Returns
    -------
    dict
        Id to record.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a column is missing, a row has more or fewer fields than there are
        columns, an id is there twice, or a transcript empty.

    Example
    -------
    >>> path = getfixture("tmp_path") / "other.csv"
    >>> _ = path.write_text("transcript,response\\nI fell.,Oh no!\\n")
    >>> read_responses(path)
    {'2': {'id': '2', 'transcript': 'I fell.', 'response': 'Oh no!'}}
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(
            f"{path} is a folder: name its responses.jsonl, or a CSV."
        )
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: name a CSV of responses.")
    records = {}
    for number, (place, row) in enumerate(_rows(path), start=2):
        utterance = row.get("id") or str(number)
        _check_new(utterance, records, place)
        if not row["transcript"].strip():
            raise ValueError(
                f"{place}, transcript: it is empty. Fill it in or delete the "
                "row."
            )
        kept = {c: row[c] for c in (*NEEDED, *OPTIONAL[1:]) if c in row}
        records[utterance] = {"id": utterance, **kept}
    if not records:
        raise ValueError(f"{path} has no responses: add rows to it.")
    return records


def _check_new(utterance, records, place):
    """Refuses an id that is there already."""
    if utterance in records:
        raise ValueError(
            f"{place}, id: '{utterance}' is there twice. Give each response "
            "an id of its own."
        )


def _rows(path):
    """Reads a file by what it is: places and rows."""
    name = path.name.lower()
    if name.endswith(".json"):
        return sd_eval_rows(path)
    if ".jsonl" in name and not name.endswith((".csv", ".txt")):
        return emocf_rows(path)
    return read_table(path, NEEDED)


def _read_lines(path):
    """Reads JSON lines that have the fields of a run's responses."""
    records = {}
    for number, record in read_json_lines(path, "correct it"):
        place = f"{path}, line {number}"
        if not isinstance(record, dict):
            raise ValueError(f"{place}: no JSON object: correct it.")
        utterance = str(record.get("id", number))
        _check_new(utterance, records, place)
        records[utterance] = {**record, "id": utterance}
    return records


def read_any(source):
    """Reads responses of whatever kind, and makes sure of their fields.

    Arguments
    ---------
    source : str or pathlib.Path
        What `read_responses` reads, a run's responses.jsonl, or JSON lines
        with the same fields.

    Returns
    -------
    dict
        Id to record.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If a response cannot be read, or has a field of a wrong kind.

    Example
    -------
    >>> path = getfixture("tmp_path") / "other.jsonl"
    >>> _ = path.write_text('{"transcript": "I fell.", "response": 5}')
    >>> read_any(path)
    Traceback (most recent call last):
    ...
    ValueError: .../other.jsonl, 1, response: it is no text.
    """
    path = Path(source)
    if path.suffix.lower() != ".jsonl" or path.is_dir() or _is_emocf(path):
        return read_responses(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing.")
    own = read_stamp(path) is not None
    responses = read_records(path) if own else _read_lines(path)
    if not responses:
        raise ValueError(f"{path} has no responses.")
    for utterance, record in responses.items():
        problem = record_problem(record, ("response", "transcript"))
        if problem is None and not record["transcript"].strip():
            problem = "transcript: it is empty"
        if problem:
            raise ValueError(f"{path}, {utterance}, {problem}.")
    return responses


def _is_emocf(path):
    """Tells EmoCF's lines from a run's, whatever the file is called."""
    if not path.is_file():
        return False
    with open(path, encoding="utf-8", errors="replace") as stream:
        return '"prediction":' in stream.readline()


def take_over(responses, source, folder):
    """Brings responses into a folder that tables take for a run.

    Figures there of other responses are removed: what they were worked out
    from is kept, as far as it is the same.

    Arguments
    ---------
    responses : dict
        From `read_any`.
    source : str or pathlib.Path
        The file that they are from.
    folder : str or pathlib.Path
        Receives responses.jsonl, unless that is the source.

    Raises
    ------
    ValueError
        If the folder is that of a run.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> said = {"2": {"id": "2", "transcript": "I fell.", "response": "Oh!"}}
    >>> take_over(said, "other.csv", folder)
    >>> read_any(folder / "responses.jsonl")["2"]["response"]
    'Oh!'
    """
    target = Path(folder) / "responses.jsonl"
    if Path(source).resolve() == target.resolve():
        return
    before = read_stamp(target)
    if target.is_file() and "external" not in (before or {}):
        raise ValueError(
            f"{target} holds a run's own responses, which those of {source} "
            "would replace: name another folder."
        )
    work_through(
        target,
        [list(responses)],
        lambda ids: [dict(responses[i]) for i in ids],
        {"external": True},
        "responses",
        responses,
    )
    for name in FIGURES:
        path = Path(folder) / f"{name}.json"
        stamp = read_stamp(path)
        if stamp and stamp[ANSWERED] != answered(responses):
            remove_figures(path)
