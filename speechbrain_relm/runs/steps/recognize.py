"""What the category head hears in the test speech, without the LLM.

Authors
 * The speechbrain_relm contributors 2026
"""

from pathlib import Path

from speechbrain_relm.data.corpus import as_json
from speechbrain_relm.evaluation.listening_rows import in_brackets
from speechbrain_relm.evaluation.recognition import MEASURES
from speechbrain_relm.evaluation.runs import Run
from speechbrain_relm.runs.provenance.data_inputs import record_inputs
from speechbrain_relm.utils.files import write_atomically
from speechbrain_relm.utils.records import make_batches, work_through

FIELDS = ("emotion", "cluster")  # of the manifest


def recognize(listener, entries, path, inputs, contents, emotions, size):
    """Recognizes the emotion of the test speech by the category head.

    Arguments
    ---------
    listener : speechbrain_relm.runs.listeners.SpeechListener
        A listener with emotion heads.
    entries : dict
        Manifest entries.
    path : str or pathlib.Path
        Where the records go.
    inputs : dict
        What all of them depend on: the system and what it learned.
    contents : dict
        Utterance id to the content of its wav.
    emotions : list of str
        The classes, in the order of the category head.
    size : int
        Utterances a batch.

    Returns
    -------
    dict
        Utterance id to a record with `emotion`, `head_emotion` and, where the
        manifest has it, `cluster`.
    """

    def _work(ids):
        heard = listener.encode({i: entries[i] for i in ids})
        found = listener.heads(heard)[0].argmax(1).tolist()
        return [
            {
                "id": i,
                **{k: entries[i][k] for k in FIELDS if k in entries[i]},
                "head_emotion": emotions[number],
            }
            for i, number in zip(ids, found)
        ]

    lengths = [entry["duration"] for entry in entries.values()]
    batches = make_batches(list(entries), lengths, size)
    of = record_inputs("recognize", entries, contents)
    return work_through(path, batches, _work, inputs, "recognized", of)


def write_recognition(
    folder, title, records, probed, classes, checkpoint, remarks=()
):
    """Writes how well emotions are recognized, without a word of an answer.

    Arguments
    ---------
    folder : str or pathlib.Path
        Receives `recognition.md` and `recognition.json`.
    title : str
        Heading.
    records : dict
        From `recognize`.
    probed : dict
        From `speechbrain_relm.runs.steps.probe.probe`.
    classes : int
        How many there are.
    checkpoint : str or pathlib.Path
        The checkpoint that heard.
    remarks : sequence of str
        What a reader must know of these numbers.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> heard = {"emotion": "sad", "cluster": "a", "head_emotion": "sad"}
    >>> write_recognition(
    ...     folder,
    ...     "Ears",
    ...     {"a": heard},
    ...     {"a": {"probe_emotion": "sad"}},
    ...     classes=4,
    ...     checkpoint="save/CKPT",
    ... )
    >>> print((folder / "recognition.md").read_text("utf-8").splitlines()[4])
    | category head | 1.000 | 1.000 | 1.000 |
    """
    figures = Run("", records, {}, probe=probed).recognition()
    folder = Path(folder)
    lines = [
        f"# {title}",
        "",
        f"| by | {' | '.join(MEASURES)} |",
        "| --- | ---: | ---: | ---: |",
    ]
    for way, found in figures.items():
        cells = " | ".join(in_brackets(found[name]) for name in MEASURES)
        lines.append(f"| {way} | {cells} |")
    lines += [
        "",
        f"{len(records)} test utterances; a UA of {1 / classes:.2f} is chance. "
        "In brackets 95 % intervals, drawn by cluster.",
        "",
        *(f"{remark}\n" for remark in remarks),
        f"By the checkpoint {checkpoint}, from which a training can start "
        "(init_from).",
    ]
    write_atomically(folder / "recognition.json", as_json(figures))
    write_atomically(folder / "recognition.md", "\n".join(lines) + "\n")
