"""What the three corpora share on the way from audio files to manifests.

A prepare script lists the wavs of its corpus, lets `inspect_wavs` read each
of them, splits, and writes one JSON manifest a split. A wav that training
could not use is left out here, once, and named in `left_out.json`.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
from collections import Counter
from pathlib import Path

import numpy as np

SPLITS = ("train", "valid", "test")
DATA_ROOT = "{data_root}"


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
