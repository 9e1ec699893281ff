"""Published replies of speech LLMs to speech in several emotions.

Two sets that anyone can have; their files are read as they are distributed.

- EmoCF of CAVA (https://github.com/SALT-NLP/CAVA, data/EmoCF): five systems'
  replies to 781 pairs of recordings, the same sentence by the same actor in
  two of seven emotions. One file a system.
- SD-Eval (Ao et al., NeurIPS 2024; https://github.com/amphionspace/SD-Eval,
  data/test-emo.json): reference replies to sentences in a labelled emotion.

Authors
 * The speechbrain_relm contributors 2026
"""

from pathlib import Path

from speechbrain_relm.utils.text.reading import read_json, read_json_lines


def emocf_rows(path):
    """Reads a system's replies of EmoCF.

    Arguments
    ---------
    path : str or pathlib.Path
        A file such as audio_inputs.jsonl_gpt-4o-audio-preview_tone_aware_reply.

    Yields
    ------
    place : str
        File and line.
    row : dict
        `id`, `transcript`, `emotion`, `speaker` and `response`.

    Raises
    ------
    ValueError
        If a line is no JSON, or lacks a text.

    Example
    -------
    >>> path = getfixture("tmp_path") / "audio_inputs.jsonl_a_tone_aware_reply"
    >>> _ = path.write_text(
    ...     '{"filename": "5ea7_aa_fear.wav", "emotion": "fear", '
    ...     '"sentence": "It is late.", "prediction": "Are you all right?"}'
    ... )
    >>> [(_, row)] = emocf_rows(path)
    >>> row["id"], row["speaker"], row["response"]
    ('5ea7_aa_fear', '5ea7', 'Are you all right?')
    """
    for number, record in read_json_lines(path, "fetch the file again"):
        place = f"{path}, line {number}"
        wanted = ("filename", "emotion", "sentence", "prediction")
        name, emotion, sentence, reply = _texts(record, wanted, place)
        name = Path(name).stem
        yield (
            place,
            {
                "id": name,
                "transcript": sentence,
                "emotion": emotion,
                "speaker": name.partition("_")[0],
                "response": reply,
            },
        )


def sd_eval_rows(path):
    """Reads SD-Eval's reference replies, each to a sentence and emotion once.

    Many recordings share a sentence and an emotion, and so their references.

    Arguments
    ---------
    path : str or pathlib.Path
        Its data/test-emo.json.

    Yields
    ------
    place : str
        File and entry.
    row : dict
        `id`, `transcript`, `emotion` and `response`.

    Raises
    ------
    ValueError
        If it is no list of entries, or one lacks a text.

    Example
    -------
    >>> path = getfixture("tmp_path") / "test-emo.json"
    >>> _ = path.write_text(
    ...     '[{"utt_id": "a", "transcript": "It is late.", "info": "sad", '
    ...     '"target": [{"reply": "Are you all right?"}]}]'
    ... )
    >>> [row for _, row in sd_eval_rows(path)][0]["id"]
    'a-1'
    """
    entries, seen = read_json(path), set()
    if not isinstance(entries, list):
        raise ValueError(f"{path} holds no list: fetch the file again.")
    for number, entry in enumerate(entries, start=1):
        place = f"{path}, entry {number}"
        wanted = ("utt_id", "transcript", "info")
        name, sentence, emotion = _texts(entry, wanted, place)
        targets = entry.get("target")
        if not isinstance(targets, list):
            raise ValueError(f"{place}, target: it is no list.")
        for count, target in enumerate(targets, start=1):
            (reply,) = _texts(target, ("reply",), f"{place}, target {count}")
            if (sentence, emotion, reply) in seen:
                continue
            seen.add((sentence, emotion, reply))
            yield (
                place,
                {
                    "id": f"{name}-{count}",
                    "transcript": sentence,
                    "emotion": emotion,
                    "response": reply,
                },
            )


def _texts(record, wanted, place):
    """Takes texts from a record, or says which is missing."""
    record = record if isinstance(record, dict) else {}
    for name in wanted:
        if not isinstance(record.get(name), str):
            raise ValueError(
                f"{place}, {name}: there is no such text; fetch the file again."
            )
    return [record[name] for name in wanted]
