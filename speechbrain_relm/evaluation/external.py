"""Responses of any other system, from a CSV or a published set.

Authors
 * The speechbrain_relm contributors 2026
"""

from pathlib import Path

from speechbrain_relm.data.reply_sets import emocf_rows, sd_eval_rows
from speechbrain_relm.utils.provenance.stamps import read_stamp
from speechbrain_relm.utils.records import read_records, work_through
from speechbrain_relm.utils.text.reading import read_table

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
        if utterance in records:
            raise ValueError(
                f"{place}, id: '{utterance}' is there twice. Give each "
                "response an id of its own."
            )
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


def _rows(path):
    """Reads a file by what it is: places and rows."""
    if path.suffix == ".json":
        return sd_eval_rows(path)
    if ".jsonl" in path.name:
        return emocf_rows(path)
    return read_table(path, NEEDED)


def take_over(source, folder):
    """Brings responses into a folder that tables take for a run.

    Arguments
    ---------
    source : str or pathlib.Path
        What `read_responses` reads, or a run's responses.jsonl.
    folder : str or pathlib.Path
        Receives responses.jsonl, unless that is the source.

    Returns
    -------
    dict
        Id to record.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a response cannot be read, or the folder is that of another run.

    Example
    -------
    >>> path = getfixture("tmp_path") / "other.csv"
    >>> _ = path.write_text("transcript,response\\nI fell.,Oh no!\\n")
    >>> take_over(path, path.parent / "run")["2"]["response"]
    'Oh no!'
    """
    source, target = Path(source), Path(folder) / "responses.jsonl"
    if source.suffix == ".jsonl":
        if not source.is_file():
            raise FileNotFoundError(f"{source} is missing.")
        responses = read_records(source)
    else:
        responses = read_responses(source)
    if source.resolve() == target.resolve():
        return responses
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
    return responses
