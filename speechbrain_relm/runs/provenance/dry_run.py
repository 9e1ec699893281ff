"""`--dry_run`: what a run would do, redo or reuse, and why.

Authors
 * The speechbrain_relm contributors 2026
"""

import sys
from pathlib import Path

from speechbrain_relm.data.datasets import (
    read_manifests,
    unlabelled,
    with_words,
)
from speechbrain_relm.runs.provenance.data_inputs import (
    audio_contents,
    data_inputs,
    record_inputs,
)
from speechbrain_relm.runs.provenance.fits import fit_of
from speechbrain_relm.runs.provenance.inputs import inputs_of
from speechbrain_relm.utils.provenance.kept import (
    MARK,
    STEP,
    is_wanted,
    wanted_marks,
    why,
)
from speechbrain_relm.utils.provenance.stamps import read_stamp, told
from speechbrain_relm.utils.records import read_sound

# Step to its records, in the shared folder or the run's, and to their splits.
RECORDS = {
    "attributes": ("shared_folder", "attributes", ("train", "valid")),
    "expected_responses": (
        "shared_folder",
        "expected_responses",
        ("train", "valid"),
    ),
    "transcribe": ("shared_folder", "transcripts", ("test",)),
    "respond": ("output_folder", "responses", ("test",)),
}
# Step to what picks the utterances that it works on, where not all are.
ASKED = {"attributes": unlabelled, "expected_responses": with_words}
# What of a stamp is known only when the steps before are done.
LATER = ("fit", "checkpoint", "recognition_lexicon")


def dry_run(hparams_file, run_opts, settings):
    """Prints a line a step, and does nothing.

    Arguments
    ---------
    hparams_file : str
        The YAML of the run, which is not in its output folder.
    run_opts : dict
        SpeechBrain's run options.
    settings : dict
        Its plain values.
    """
    inputs = inputs_of(hparams_file, run_opts)
    entries, heard = _data(settings)
    data = data_inputs(entries, heard) if entries else None
    # Without manifests nothing was done, and nothing can be reused.
    redone = entries is None and "prepare" in settings.get("steps", [])
    fit = fit_of(settings, inputs)
    learns_more = not fit.has_begun() or settings["restart"] or fit.grows()
    answers = Path(settings["output_folder"]) / "responses.jsonl"
    learned = "checkpoint" in (read_stamp(answers) or {})
    for step in settings.get("steps", ["fit"]):
        if step == "fit":
            verdict = fit_verdict(fit, data, settings["restart"])
        elif step == "respond" and learned and learns_more:
            verdict = "done, once the fit is"
        elif step in RECORDS and entries:
            verdict = _records_verdict(step, settings, inputs, entries, heard)
        elif step == "score" and entries and not redone:
            verdict = _score_verdict(settings, inputs)
        elif step == "prepare":
            continue  # told by the prepare script
        else:
            verdict = "done" if redone else "reused where nothing changed"
        redone = redone or not verdict.startswith(("reused", "goes on"))
        sys.stdout.write(f"{step}: {verdict}\n")


def _data(settings):
    """Reads the manifests that are there."""
    folder = Path(settings.get("manifest_folder", ""))
    if "corpus" not in settings or not (folder / "test.json").is_file():
        return None, None
    entries = read_manifests(settings)
    return entries, audio_contents(entries, settings["data_folder"])


def fit_verdict(fit, data=None, restart=False):
    """Says what would become of a fit.

    Arguments
    ---------
    fit : speechbrain_relm.runs.provenance.fits.Fit
        The fit.
    data : dict or None
        What it learns from, as far as it is known.
    restart : bool
        Whether what is there is to be kept aside.

    Returns
    -------
    str
        A phrase.

    Example
    -------
    >>> from speechbrain_relm.runs.provenance.fits import Fit
    >>> fit_verdict(Fit(getfixture("tmp_path"), {}, 1))
    'done'
    """
    if not fit.has_begun():
        return "done"
    if restart:
        return "done anew, and what is there is kept aside"
    if read_stamp(fit.folder) is None:
        return "refused: nobody knows what its checkpoints were trained with"
    found = fit.changed(data)
    if found:
        return f"refused: {told(found)}"
    if fit.grows():
        return "goes on from its last checkpoint: number_of_epochs grows"
    return "goes on from its last checkpoint, if it is not finished"


def _records_verdict(step, settings, inputs, entries, heard):
    """Counts the records of a step that are there, and says why not."""
    folder, name, splits = RECORDS[step]
    path = Path(settings[folder]) / f"{name}.jsonl"
    asked = {i: e for split in splits for i, e in entries[split].items()}
    if step in ASKED:
        asked = ASKED[step](asked)
    if not path.is_file():
        return f"done, {len(asked)} records"
    made_from = inputs.of(step)
    before = read_stamp(path) or {}
    made_from.update({n: before[n] for n in LATER if n in before})
    of = record_inputs(step, asked, heard)
    records, damaged = read_sound(path)
    for utterance, record in records.items():
        # Whisper's words are those of the records before, as yet.
        if "heard" in (record.get(MARK) or {}) and utterance in of:
            of[utterance].setdefault("heard", record[MARK]["heard"])
    return _compared(path, records, damaged, asked, made_from, of)


def _score_verdict(settings, inputs):
    """Counts the scores of the responses that are there."""
    folder = Path(settings["output_folder"])
    path, answers = folder / "scores.jsonl", folder / "responses.jsonl"
    if not path.is_file() or not answers.is_file():
        return "done"
    asked, _ = read_sound(answers)
    records, damaged = read_sound(path)
    # What of a response is scored, as the scores say themselves.
    names = {n for r in records.values() for n in r.get(MARK, {})} - {STEP}
    of = {i: {n: r.get(n) for n in names} for i, r in asked.items()}
    return _compared(path, records, damaged, asked, inputs.of("score"), of)


def _compared(path, records, damaged, asked, made_from, of):
    """Holds the records that are there against those that are wanted."""
    wanted = wanted_marks([list(asked)], made_from, of)
    other = [r for r in records.values() if not is_wanted(r, wanted)]
    reused = len(records) - len(other)
    if reused == len(asked) and not other:
        return f"reused, {reused} records"
    reasons = [f"line {number}: {what}" for number, what in damaged.items()]
    reasons += why(path, other, made_from, wanted)
    return (
        f"{len(asked) - reused} of {len(asked)} records done, {reused} reused: "
        f"{'; '.join(reasons) or 'not done yet'}"
    )
