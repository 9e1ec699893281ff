"""Several runs of one system as one: seeds, and the sessions of IEMOCAP.

Runs of one name that share test utterances are repetitions, as with other
seeds; those that share none are parts of one test, as IEMOCAP's five
sessions. Both may come at once.

Authors
 * The speechbrain_relm contributors 2026
"""

from collections import Counter, defaultdict

from speechbrain_relm.evaluation.runs import Run
from speechbrain_relm.utils.text.cells import markdown_cell


def pool_runs(runs):
    """Joins the runs of equal names.

    Arguments
    ---------
    runs : list of Run
        Runs, some of one name.

    Returns
    -------
    list of Run
        One a name, in the order of first appearance, with the records of
        all; `parts` are the runs that a pooled one is made of.

    Example
    -------
    >>> said = {"a": {"id": "a", "response": "Oh!"}}
    >>> runs = [Run("A", said, {"a": {"ER": level}}) for level in (1, 2)]
    >>> pooled = pool_runs(runs)[0]
    >>> list(pooled.responses), pooled.utterance_means("ER")
    (['a', 'a (run 2)'], {'a': 1.5})
    """
    named = defaultdict(list)
    for run in runs:
        named[run.name].append(run)
    return [
        together[0] if len(together) == 1 else _pool(name, together)
        for name, together in named.items()
    ]


def _pool(name, runs):
    responses, scores, probe = {}, {}, {}
    for number, run in enumerate(runs, 1):
        for utterance, record in run.responses.items():
            key = utterance
            if key in responses:
                key = f"{utterance} (run {number})"
            responses[key] = {**record, "id": utterance}
            scores[key] = run.scores[utterance]
            if run.is_probed():
                probe[key] = run.probe[utterance]
    return Run(
        name,
        responses,
        scores,
        {"scores": runs[0].inputs.get("scores")},
        mean_figures([run.listening for run in runs]),
        mean_figures([run.same_words for run in runs]),
        tuple(runs),
        probe,
    )


def mean_figures(trees):
    """Averages the figures of several runs.

    Arguments
    ---------
    trees : list of dict
        Alike nested: figures, numbers, lists of notes.

    Returns
    -------
    dict or None
        The same of means; without ends of intervals, which cannot be had
        from the runs' own; `None` where a run has nothing.

    Example
    -------
    >>> figure = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 10}
    >>> mean_figures([{"tone_fit": figure}, {"tone_fit": figure}])
    {'tone_fit': {'value': 0.5, 'low': None, 'high': None, 'n': 20}}
    """
    if any(tree is None for tree in trees):
        return None
    if isinstance(trees[0], dict):
        shared = [k for k in trees[0] if all(k in tree for tree in trees)]
        found = {k: mean_figures([tree[k] for tree in trees]) for k in shared}
        if "low" in found:
            number = sum(tree["n"] for tree in trees)
            found.update(low=None, high=None, n=number)
        return found
    if isinstance(trees[0], list):
        return list(dict.fromkeys(note for tree in trees for note in tree))
    return sum(trees) / len(trees)


def repetitions(run):
    """Takes a pooled run apart into tests of all its utterances.

    Arguments
    ---------
    run : Run
        From `pool_runs`.

    Returns
    -------
    list of Run
        The first time that each utterance was answered, the second, and so
        on; those that lack an utterance are left out.

    Example
    -------
    >>> said = {"a": {"id": "a", "response": "Oh!"}}
    >>> pooled = pool_runs([Run("A", said, {"a": {"ER": 1}})] * 2)[0]
    >>> [list(one.responses) for one in repetitions(pooled)]
    [['a'], ['a (run 2)']]
    """
    times, keys = Counter(), defaultdict(list)
    for key, utterance in run.utterances().items():
        keys[times[utterance]].append(key)
        times[utterance] += 1
    return [
        Run(
            run.name,
            {key: run.responses[key] for key in found},
            {key: run.scores[key] for key in found},
        )
        for found in keys.values()
        if len(found) == len(times)
    ]


def describe_pools(runs):
    """Says which rows are of several runs.

    Arguments
    ---------
    runs : list of Run
        From `pool_runs`.

    Returns
    -------
    list of str
        Items of a Markdown list.

    Example
    -------
    >>> said = {"a": {"id": "a", "response": "Oh!"}}
    >>> pooled = pool_runs([Run("A", said, {"a": {"ER": 1}})] * 2)
    >>> describe_pools(pooled)[0][:49]
    '- A pools 2 runs: 2 responses to 1 utterances, 2 '
    """
    lines = []
    for run in runs:
        if run.parts:
            answered = Counter(run.utterances().values())
            times = " or ".join(map(str, sorted(set(answered.values()))))
            lines.append(
                f"- {markdown_cell(run.name)} pools {len(run.parts)} runs: "
                f"{len(run.responses)} responses to {len(answered)} "
                f"utterances, {times} to each. Tests and intervals take an "
                "utterance's mean over the runs; ± is the standard deviation "
                "of the means of whole tests, one a seed."
            )
    return lines
