"""Responses of any other system, from a CSV.

Authors
 * The speechbrain_relm contributors 2026
"""

import csv
from pathlib import Path

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
        If a column is missing, an id is there twice, or a transcript empty.

    Example
    -------
    >>> path = getfixture("tmp_path") / "other.csv"
    >>> _ = path.write_text("transcript,response\\nI fell.,Oh no!\\n")
    >>> read_responses(path)
    {'2': {'id': '2', 'transcript': 'I fell.', 'response': 'Oh no!'}}
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: name a CSV of responses.")
    records = {}
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = [c for c in NEEDED if c not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(
                f"{path}, row 1: there is no column {', '.join(missing)}. The "
                f"first row must name {', '.join(NEEDED)}, and may name "
                f"{', '.join(OPTIONAL)}."
            )
        for number, row in enumerate(reader, start=2):
            utterance = row.get("id") or str(number)
            if None in row or None in row.values():
                raise ValueError(
                    f"{path}, row {number}: it has more or fewer fields than "
                    "the first row. Put texts with commas, quotes or line "
                    "ends in double quotes."
                )
            if utterance in records:
                raise ValueError(
                    f"{path}, row {number}, id: '{utterance}' is there twice. "
                    "Give each response an id of its own."
                )
            if not row["transcript"].strip():
                raise ValueError(
                    f"{path}, row {number}, transcript: it is empty. Fill it "
                    "in or delete the row."
                )
            kept = {c: row[c] for c in (*NEEDED, *OPTIONAL[1:]) if c in row}
            records[utterance] = {"id": utterance, **kept}
    if not records:
        raise ValueError(f"{path} has no responses: add rows to it.")
    return records
