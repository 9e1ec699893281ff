"""Responses of any other system, from a CSV.

Authors
 * The speechbrain_relm contributors 2026
"""

from pathlib import Path

from speechbrain_relm.utils.text.reading import read_table

NEEDED = ("transcript", "response")
OPTIONAL = ("id", "emotion", "cluster")


def read_responses(path):
    """Reads transcripts and responses.

    Arguments
    ---------
    path : str or pathlib.Path
        A CSV in UTF-8 with the columns `transcript` and `response`, and
        perhaps `id` (else the rows are numbered), `emotion`, and `cluster`,
        which counts as one in intervals and tests (else each transcript
        does). A response may be empty.

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
    for number, (place, row) in enumerate(read_table(path, NEEDED), start=2):
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
