"""What the three corpora share on the way from audio files to manifests.

A prepare script lists the wavs of its corpus, lets `inspect_wavs` read each
of them, splits, and writes one JSON manifest a split. A wav that training
could not use is left out here, once, and named in `left_out.json`.

Authors
 * The speechbrain_relm contributors 2026
"""

import hashlib
import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
from speechbrain.utils.logger import get_logger

from speechbrain_relm.utils.files import set_aside, sha256, write_atomically

logger = get_logger(__name__)

SPLITS = ("train", "valid", "test")
DATA_ROOT = "{data_root}"
# Raise it when the same data and settings would give other manifests.
MANIFEST_VERSION = 1


def split_groups(signatures, ratio, seed, contents=None, kinds=None):
    """Draws a share of groups, balanced over the labels that they hold.

    A group is what must not be torn apart, as the takes of one sentence.
    Groups with the same set of labels form a bucket, and each bucket gives
    its proportion, so that every label is shared out alike even where a copy
    of the corpus is partial. A label held by two groups or more reaches both
    sides wherever exchanging groups between buckets allows it; the other
    side comes first.

    Arguments
    ---------
    signatures : dict
        Group -> labels present in it.
    ratio : float
        Share of the groups to draw, between 0 and 1; at least one group is
        drawn and at least one is left.
    seed : int
        Seed of the draw.
    contents : dict or None
        Group -> what is said in it. Groups of the same content, repeated
        takes of one text, go to one side, and the ratio is that of contents;
        where all groups have one content, it is on both sides.
    kinds : dict or None
        Group -> its kind, as the scene that a dialog plays. Groups of one
        kind are spread over both sides.

    Returns
    -------
    drawn : list
        The drawn groups, sorted.
    rest : list
        The other groups, sorted.

    Example
    -------
    >>> split_groups({n: ("sad", "happy") for n in range(10)}, 0.3, seed=0)
    ([2, 4, 8], [0, 1, 3, 5, 6, 7, 9])
    >>> texts = {0: "Oh.", 1: "Oh.", 2: "No.", 3: "No."}
    >>> split_groups(dict.fromkeys(texts, ["sad"]), 0.5, 0, texts)
    ([2, 3], [0, 1])
    """
    if len(signatures) < 2 or not 0 < ratio < 1:
        raise ValueError(
            f"cannot split {len(signatures)} group(s) with the ratio {ratio}: "
            "2 groups and a ratio between 0 and 1 are needed"
        )
    if contents is not None and len(set(contents.values())) > 1:
        together = _by_content(signatures, contents)
        labels = {
            first: {label for group in groups for label in signatures[group]}
            for first, groups in together.items()
        }
        sides = split_groups(labels, ratio, seed, kinds=kinds)
        return tuple(
            sorted(group for first in side for group in together[first])
            for side in sides
        )
    buckets = {}
    for group in sorted(signatures):
        labels = tuple(sorted(set(signatures[group])))
        buckets.setdefault(labels, []).append(group)
    # The richest first: they win ties.
    buckets = dict(sorted(buckets.items(), key=lambda b: (-len(b[0]), b[0])))
    sizes = {labels: len(groups) for labels, groups in buckets.items()}
    total = min(max(round(ratio * len(signatures)), 1), len(signatures) - 1)
    quotas = _cover_labels(_largest_remainder(sizes, total), sizes)
    drawn = _draw(buckets, quotas, seed, kinds or {})
    return sorted(drawn), sorted(set(signatures) - set(drawn))


def _by_content(signatures, contents):
    """Puts groups of one content under the first of them."""
    firsts, together = {}, {}
    for group in sorted(signatures):
        first = firsts.setdefault(contents[group], group)
        together.setdefault(first, []).append(group)
    return together


def _draw(buckets, quotas, seed, kinds):
    """Draws each bucket's quota, its groups' kinds in turn."""
    drawn = []
    generator = np.random.RandomState(seed)  # the same on every platform
    for labels, groups in buckets.items():
        left = [groups[i] for i in generator.permutation(len(groups))]
        for _ in range(quotas[labels]):
            # Of the kind most left here, then of that least drawn so far.
            here = Counter(kinds.get(group, group) for group in left)
            taken = Counter(kinds.get(group, group) for group in drawn)
            best = max(
                left,
                key=lambda g: (here[kinds.get(g, g)], -taken[kinds.get(g, g)]),
            )
            left.remove(best)
            drawn.append(best)
    return drawn


def _largest_remainder(sizes, total):
    """Shares `total` out in proportion to sizes; ties go to the first."""
    parts = {
        k: divmod(total * n, sum(sizes.values())) for k, n in sizes.items()
    }
    quotas = {k: whole for k, (whole, _) in parts.items()}
    by_remainder = sorted(parts, key=lambda k: -parts[k][1])
    for k in by_remainder[: total - sum(quotas.values())]:
        quotas[k] += 1
    return quotas


def _cover_labels(quotas, sizes):
    """Exchanges single groups until both sides hold as many labels as can."""

    def labels_held(quotas):
        """Counts the labels of the undrawn side, then of the drawn one."""
        rest = {label for k in sizes if quotas[k] < sizes[k] for label in k}
        drawn = {label for k in sizes if quotas[k] > 0 for label in k}
        return len(rest), len(drawn)

    while True:
        exchanges = [
            {**quotas, out: quotas[out] - 1, into: quotas[into] + 1}
            for into in sizes
            for out in sizes
            if out != into and quotas[out] > 0 and quotas[into] < sizes[into]
        ]
        best = max(exchanges, key=labels_held, default=quotas)
        if labels_held(best) <= labels_held(quotas):
            return quotas
        quotas = best


def resolve_wav(entry, data_root):
    """Finds the wav of a manifest entry, inside the data folder only.

    Arguments
    ---------
    entry : dict
        With `id` and `wav`; `{data_root}` in `wav` may be replaced already.
    data_root : str
        The data folder.

    Returns
    -------
    str
        Absolute path without symbolic links.

    Raises
    ------
    ValueError
        If the path leads out of the data folder.

    Example
    -------
    >>> resolve_wav({"id": "a", "wav": "{data_root}/../b.wav"}, "/data")
    Traceback (most recent call last):
    ...
    ValueError: entry 'a': wav '{data_root}/../b.wav' leads out of /data; ...
    """
    root = Path(data_root).resolve()
    path = Path(entry["wav"].replace(DATA_ROOT, str(root))).resolve()
    if root not in path.parents:
        raise ValueError(
            f"entry '{entry.get('id')}': wav '{entry['wav']}' leads out of "
            f"{data_root}; correct the manifest or data_folder"
        )
    return str(path)


def fingerprint(settings, data_root, files):
    """Identifies the settings and the data that manifests are made from.

    Arguments
    ---------
    settings : dict
        All that the manifests depend on besides the files; JSON types only.
    data_root : str
        Folder that the paths start from; moving it changes nothing.
    files : list of str
        Relative paths; their size and time of change count.

    Returns
    -------
    str
        64 hexadecimal digits.

    Example
    -------
    >>> len(fingerprint({"seed": 1}, ".", []))
    64
    """
    listing = []
    for file in sorted(files):
        try:
            stat = os.stat(os.path.join(data_root, file))
            listing.append((file, stat.st_size, stat.st_mtime_ns))
        except OSError:
            listing.append((file, None, None))  # a dangling link
    made_from = json.dumps(
        [MANIFEST_VERSION, settings, listing], sort_keys=True
    )
    return hashlib.sha256(made_from.encode("utf-8")).hexdigest()


def manifests_are_current(manifest_folder, mark):
    """Says if the manifests were made from the same settings and data.

    Arguments
    ---------
    manifest_folder : str
        Folder of the manifests.
    mark : str
        Result of `fingerprint`.

    Returns
    -------
    bool
        Whether preparing again would change nothing. A manifest that is not
        as it was written is put aside.

    Example
    -------
    >>> manifests_are_current("no_such_folder", "0" * 64)
    False
    """
    folder = Path(manifest_folder)
    files = manifest_files(folder)
    if not all(file.is_file() for file in files):
        return False
    try:
        text = (folder / "fingerprint.json").read_text(encoding="utf-8")
        known = json.loads(text)
        if known["fingerprint"] != mark:
            return False
        sums = [known["sha256"][file.name] for file in files]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    changed = [f for f, digest in zip(files, sums) if sha256(f) != digest]
    for file in changed:
        logger.warning(
            "%s is not as it was written: it is put aside as %s and made "
            "anew. A manifest of your own is read where `steps` leaves out "
            "'prepare'.",
            file,
            set_aside(file).name,
        )
    return not changed


def manifest_files(folder):
    """Names what preparing leaves besides its fingerprint.

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
    # From here on the folder matches no fingerprint, whatever happens.
    (folder / "fingerprint.json").unlink(missing_ok=True)
    write_atomically(
        folder / "left_out.json", as_json(dict(sorted(left_out.items())))
    )
    summary = ""
    if left_out:
        kinds = Counter(why.split(":")[0] for why in left_out.values())
        counts = ", ".join(f"{n} {kind}" for kind, n in kinds.most_common())
        first = ", ".join(f"{f} ({left_out[f]})" for f in sorted(left_out)[:5])
        summary = (
            f"{len(left_out)} file(s) left out ({counts}), the first: {first}; "
            f"all of them: {folder / 'left_out.json'}"
        )
    if num_usable == 0:
        raise ValueError(f"no usable audio file remains: {summary or 'none'}")
    if summary:
        logger.warning(summary)


def write_manifests(manifest_folder, splits, emotions, mark):
    """Checks the three splits and writes them, each file in one stroke.

    Arguments
    ---------
    manifest_folder : str
        Receives `train.json`, `valid.json`, `test.json` and, last,
        `fingerprint.json`.
    splits : dict
        Split -> utterance id -> entry.
    emotions : list of str
        Classes that train and test must both hold; none for a corpus without
        labels.
    mark : str
        Result of `fingerprint`.

    Raises
    ------
    ValueError
        If a split is empty, or an emotion is missing from train or test.

    Example
    -------
    >>> splits = {s: {s + "1": {"emotion": "sad"}} for s in SPLITS}
    >>> folder = str(getfixture("tmpdir"))
    >>> report_left_out(folder, {}, num_usable=3)
    >>> write_manifests(folder, splits, ["sad"], "0" * 64)
    >>> manifests_are_current(folder, "0" * 64)
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
    write_atomically(
        folder / "fingerprint.json",
        as_json({"fingerprint": mark, "sha256": sums}),
    )


def as_json(content):
    """Writes out a manifest or the like for people to read.

    Arguments
    ---------
    content : dict
        Of JSON's types.

    Returns
    -------
    str
        The JSON, indented, with a final newline.

    Example
    -------
    >>> as_json({"a": 1})
    '{\\n  "a": 1\\n}\\n'
    """
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"
