"""What a run learns from and is tested on, as inputs of its steps.

Authors
 * The speechbrain_relm contributors 2026
"""

from pathlib import Path

from speechbrain_relm.runs.provenance.declared import OF_RECORD
from speechbrain_relm.utils.dimensions import DIMENSIONS
from speechbrain_relm.utils.provenance.digests import checksum, file_digests
from speechbrain_relm.utils.provenance.stamps import (
    DIGITS,
    content,
    fingerprint,
    read_stamp,
)


def audio_contents(splits, data_folder):
    """Names each utterance's wav by its content.

    Arguments
    ---------
    splits : dict
        Split to manifest entries, with the wavs' real paths.
    data_folder : str
        The folder that they are in.

    Returns
    -------
    dict
        Utterance id to 16 hexadecimal digits.
    """
    root = Path(data_folder).resolve()
    wavs = {
        utterance: str(Path(entry["wav"]).relative_to(root))
        for entries in splits.values()
        for utterance, entry in entries.items()
    }
    digests = file_digests(root, wavs.values())
    return {utterance: digests[wav][:DIGITS] for utterance, wav in wavs.items()}


def record_inputs(step, entries, heard):
    """Lists what the records of a step depend on by themselves.

    Arguments
    ---------
    step : str
        Its name.
    entries : dict
        Manifest entries.
    heard : dict
        From `audio_contents`.

    Returns
    -------
    dict
        Utterance id to name to value.

    Example
    -------
    >>> record_inputs("attributes", {"a": {"emotion": "sad"}}, {"a": "12"})
    {'a': {'audio': '12'}}
    """
    return {
        utterance: {
            name: heard[utterance] if name == "audio" else entry[name]
            for name in OF_RECORD[step]
            if name == "audio" or name in entry
        }
        for utterance, entry in entries.items()
    }


def data_inputs(splits, heard):
    """Lists what a fit learns from, besides what earlier steps made.

    Arguments
    ---------
    splits : dict
        Split to manifest entries.
    heard : dict
        From `audio_contents`.

    Returns
    -------
    dict
        Name to content.
    """
    found = {}
    for split in ("train", "valid"):
        entries = splits[split]
        parts = {
            "utterances": sorted(entries),
            "audio": {i: heard[i] for i in entries},
            "transcripts": {i: e["transcript"] for i, e in entries.items()},
            "emotions": {i: e.get("emotion") for i, e in entries.items()},
            "dimensions": {
                i: [entry.get(d) for d in DIMENSIONS]
                for i, entry in entries.items()
            },
        }
        for name, part in parts.items():
            of = f"of {len(entries)} utterances"
            found[f"{split} {name}"] = content(fingerprint(part), of)
    return found


def records_content(records, fields):
    """Names what an earlier step made by its content.

    Arguments
    ---------
    records : dict
        Utterance id to record.
    fields : sequence of str
        What is used of a record.

    Returns
    -------
    dict
        See `provenance.stamps.content`.

    Example
    -------
    >>> records_content({"a": {"response": "Oh!"}}, ["response"])["of"]
    'of 1 utterances'
    """
    used = {i: [r.get(f) for f in fields] for i, r in records.items()}
    return content(fingerprint(used), f"of {len(records)} utterances")


def learned_by(folder, checkpoint):
    """Names what a fit has left.

    Arguments
    ---------
    folder : pathlib.Path
        Where its checkpoints are.
    checkpoint : speechbrain.utils.checkpoints.Checkpoint
        The one that is used.

    Returns
    -------
    dict
        `fit`, the fingerprint of its inputs, and `checkpoint`, its trained
        tensors.
    """
    weights = checkpoint.paramfiles["model"]
    return {
        "fit": fingerprint(read_stamp(folder)),
        "checkpoint": content(checksum(weights)[:DIGITS], checkpoint.path.name),
    }
