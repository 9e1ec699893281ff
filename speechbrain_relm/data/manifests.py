"""Manifests: made whole, kept as long as they are what is wanted.

Authors
 * The speechbrain_relm contributors 2026
"""

import os
import shutil
from collections import Counter
from pathlib import Path

from speechbrain.utils.logger import get_logger

from speechbrain_relm.data.corpus import SPLITS, as_json
from speechbrain_relm.utils.files import set_aside, sha256, write_atomically
from speechbrain_relm.utils.provenance.digests import file_digests
from speechbrain_relm.utils.provenance.stamps import (
    SHORT,
    content,
    differences,
    fingerprint,
    read_stamp,
    stamp_of,
    told,
    write_stamp,
)

logger = get_logger(__name__)

# Raise it when the same data and settings would give other manifests.
MANIFEST_VERSION = 1
# In their stamp: their checksums as they were written, and in what the copy
# differs from the corpus that was released.
MADE, COPY = "made", "copy"


def manifest_inputs(settings, data_root, files):
    """Names the settings and the data that manifests are made from.

    Arguments
    ---------
    settings : dict
        All that the manifests depend on besides the files.
    data_root : str
        Folder that the paths start from; moving it changes nothing.
    files : list of str
        Relative paths; what is in them counts.

    Returns
    -------
    dict
        See `utils.provenance.stamps`.

    Example
    -------
    >>> manifest_inputs({"seed": 1}, ".", [])["files"]["of"]
    'of 0 files'
    """
    there = [f for f in files if os.path.isfile(os.path.join(data_root, f))]
    found = file_digests(data_root, sorted(there))
    listing = {file: found.get(file) for file in files}  # or a dangling link
    return {
        "version": MANIFEST_VERSION,
        **settings,
        "files": content(fingerprint(listing), f"of {len(listing)} files"),
    }


def manifests_are_current(manifest_folder, inputs):
    """Says if the manifests were made from the same settings and data.

    Arguments
    ---------
    manifest_folder : str
        Folder of the manifests.
    inputs : dict
        Result of `manifest_inputs`.

    Returns
    -------
    bool
        Whether preparing again would change nothing. A manifest that is not
        as it was written is put aside.

    Example
    -------
    >>> manifests_are_current("no_such_folder", {})
    False
    """
    folder = Path(manifest_folder)
    compared = _compared(folder, inputs)
    if compared is None:
        return False
    found, odd = compared
    if found:
        logger.info("%s: %s.", folder, told(found))
    for file in (file for file in odd if file.is_file()):
        logger.warning(
            "%s is not as it was written: it is put aside as %s and made "
            "anew. A manifest of your own is read where `steps` leaves out "
            "'prepare'.",
            file,
            set_aside(file).name,
        )
    return not found and not odd


def _compared(folder, inputs):
    """Compares what is there with what is wanted.

    Gives differences of the inputs and, if there are none, the files that are
    not as they were written; `None` where nothing is known to be there.
    """
    before = read_stamp(folder)
    if before is None:
        return None
    sums, _ = before.pop(MADE, {}), before.pop(COPY, None)
    found = differences(before, inputs)
    return found, [] if found else _odd(folder, sums)


def _odd(folder, sums):
    """Lists the files that are not as they were written."""
    return [
        file
        for file in manifest_files(folder)
        if not file.is_file() or sha256(file) != sums.get(file.name)
    ]


def manifest_files(folder):
    """Names what preparing leaves besides its stamp.

    Arguments
    ---------
    folder : pathlib.Path
        Folder of the manifests.

    Returns
    -------
    list of pathlib.Path
        The manifests, and the list of what was left out.

    Example
    -------
    >>> len(manifest_files(Path("manifests")))
    4
    """
    return [folder / f"{name}.json" for name in (*SPLITS, "left_out")]


def describe_copy(manifest_folder):
    """Says in what a copy of a corpus differs from the one released.

    Arguments
    ---------
    manifest_folder : str
        Folder of the manifests.

    Returns
    -------
    list of str
        Sentences, as preparing left them; none where nothing is known, or
        the manifests are no longer those that it wrote.

    Example
    -------
    >>> folder = str(getfixture("tmpdir"))
    >>> describe_copy(folder)
    []
    >>> splits = {s: {s + "1": {"emotion": "sad"}} for s in SPLITS}
    >>> report_left_out(folder, {}, num_usable=3)
    >>> copy = ["6 speakers are in this copy, 24 in the release."]
    >>> write_manifests(folder, splits, ["sad"], {"seed": 1}, copy)
    >>> describe_copy(folder) == copy
    True
    """
    folder = Path(manifest_folder)
    stamp = read_stamp(folder) or {}
    found = stamp.get(COPY, [])
    if isinstance(found, list) and all(isinstance(s, str) for s in found):
        return [] if found and _odd(folder, stamp.get(MADE, {})) else found
    logger.warning("%s: %s is damaged.", stamp_of(folder), COPY)
    return []


def manifests_verdict(manifest_folder, inputs):
    """Says what preparing would do.

    Arguments
    ---------
    manifest_folder : str
        Folder of the manifests.
    inputs : dict
        Result of `manifest_inputs`.

    Returns
    -------
    str
        A phrase.

    Example
    -------
    >>> manifests_verdict("no_such_folder", {})
    'done'
    """
    compared = _compared(Path(manifest_folder), inputs)
    if compared is None:
        return "done"
    found, odd = compared
    if found or odd:
        return f"done again: {told(found) or 'incomplete'}"
    return "reused"


def keep_aside(folder):
    """Keeps manifests that others are going to replace.

    Arguments
    ---------
    folder : pathlib.Path
        Folder of the manifests.

    Example
    -------
    >>> keep_aside(getfixture("tmp_path"))  # nothing is there
    """
    before = read_stamp(folder)
    if before is None:
        return
    aside = folder / f"old-{fingerprint(before)[:SHORT]}"
    aside.mkdir(exist_ok=True)
    for file in [*folder.glob("*.json")]:
        shutil.copyfile(file, aside / file.name)
    logger.warning("The manifests that were there are kept in %s.", aside)
    # From here on the folder matches no inputs, whatever happens.
    stamp_of(folder).unlink()


def report_left_out(manifest_folder, left_out, num_usable):
    """Writes `left_out.json` and logs how many files and why.

    To be called before `write_manifests`, in the same `locked` block.

    Arguments
    ---------
    manifest_folder : str
        Folder of the manifests.
    left_out : dict
        File -> reason, as `kind` or `kind: detail`.
    num_usable : int
        Files that are left to work with.

    Raises
    ------
    ValueError
        If no usable file remains.

    Example
    -------
    >>> folder = getfixture("tmpdir")
    >>> report_left_out(str(folder), {"a.wav": "silent"}, num_usable=2)
    >>> folder.join("left_out.json").read_text("utf-8").split()
    ['{', '"a.wav":', '"silent"', '}']
    """
    folder = Path(manifest_folder)
    keep_aside(folder)
    write_atomically(
        folder / "left_out.json", as_json(dict(sorted(left_out.items())))
    )
    summary = ""
    if left_out:
        kinds = Counter(why.split(":")[0] for why in left_out.values())
        counts = ", ".join(f"{n} {kind}" for kind, n in kinds.most_common())
        # One of each kind tells more than the first by name.
        of_kind = {left_out[f].split(":")[0]: f for f in sorted(left_out)[::-1]}
        shown = [of_kind[kind] for kind, _ in kinds.most_common()]
        first = ", ".join(f"{f} ({left_out[f]})" for f in shown)
        summary = (
            f"{len(left_out)} file(s) left out ({counts}), such as {first}; "
            f"all of them: {folder / 'left_out.json'}"
        )
    if num_usable == 0:
        raise ValueError(f"no usable audio file remains: {summary or 'none'}")
    if summary:
        logger.warning(summary)


def write_manifests(manifest_folder, splits, emotions, inputs, copy=()):
    """Checks the three splits and writes them, each file in one stroke.

    Arguments
    ---------
    manifest_folder : str
        Receives `train.json`, `valid.json`, `test.json` and, last, the stamp
        of what they are made from.
    splits : dict
        Split -> utterance id -> entry.
    emotions : list of str
        Classes that train and test must both hold; none for a corpus without
        labels.
    inputs : dict
        Result of `manifest_inputs`.
    copy : sequence of str
        In what the copy differs from the corpus that was released; a run says
        it beside its results.

    Raises
    ------
    ValueError
        If a split is empty, or an emotion is missing from train or test.

    Example
    -------
    >>> splits = {s: {s + "1": {"emotion": "sad"}} for s in SPLITS}
    >>> folder = str(getfixture("tmpdir"))
    >>> report_left_out(folder, {}, num_usable=3)
    >>> write_manifests(folder, splits, ["sad"], {"seed": 1})
    >>> manifests_are_current(folder, {"seed": 1})
    True
    """
    folder = Path(manifest_folder)
    for split in SPLITS:
        found = Counter(
            entry.get("emotion", "unlabelled")
            for entry in splits[split].values()
        )
        wanted = [] if split == "valid" else emotions
        absent = [emotion for emotion in wanted if not found[emotion]]
        if not found or absent:
            raise ValueError(
                f"the {split} split has no {' and no '.join(absent)} "
                "utterance; complete the copy of the corpus, or change the "
                f"emotions asked for (left out: {folder / 'left_out.json'})"
            )
        counts = ", ".join(f"{n} {emo}" for emo, n in sorted(found.items()))
        logger.info(f"{split}: {found.total()} utterances ({counts})")
    for split in SPLITS:
        write_atomically(folder / f"{split}.json", as_json(splits[split]))
    files = [file for file in manifest_files(folder) if file.is_file()]
    sums = {file.name: sha256(file) for file in files}
    write_stamp(folder, {**inputs, MADE: sums, COPY: list(copy)})
