"""A table never mixes: one test set, one scorer, and who made what from what.

Authors
 * The speechbrain_relm contributors 2026
"""

from collections import defaultdict

from speechbrain_relm.evaluation.pooling import pool_runs
from speechbrain_relm.evaluation.runs import SCORES
from speechbrain_relm.utils.provenance.kept import MARK
from speechbrain_relm.utils.provenance.stamps import (
    SHORT,
    differences,
    fingerprint,
    told,
)
from speechbrain_relm.utils.text.cells import markdown_cell

# In what the repetitions of one system may differ.
OF_TRAINING = ("checkpoint", "fit", "init_from")
# Of an utterance of the test, what all runs must have alike.
TESTED = ("transcript", "emotion", "cluster")


def check_alike(runs):
    """Refuses runs that cannot stand in one table, and names the odd one.

    Arguments
    ---------
    runs : list of Run
        Systems on one test set; runs of one name make one system.

    Raises
    ------
    ValueError
        If they differ in the scorer, in the utterances, or in what these are,
        or if runs of one name are no repetitions of one system.

    Example
    -------
    >>> from speechbrain_relm.evaluation.runs import Run
    >>> said = {"response": "Oh!", "transcript": "I fell."}
    >>> other = {**said, "transcript": "I sang."}
    >>> runs = [Run(name, {"a": said}, {}) for name in "AB"]
    >>> check_alike([*runs, Run("C", {"a": other}, {})])
    Traceback (most recent call last):
    ...
    ValueError: C has another transcript of a than A, B ('I sang.' in place...
    """
    _refuse_odd(
        [(run.name, run.scorer_content()) for run in runs],
        "was scored by another scorer",
        "score its responses again by the step 'score' or the command 'score'",
    )
    for name in dict.fromkeys(run.name for run in runs):
        _check_pool(name, [run for run in runs if run.name == name])
    systems = pool_runs(runs)
    utterances = [
        (run.name, tuple(sorted(set(run.utterances().values()))))
        for run in systems
    ]
    groups = _groups(utterances)
    if len(groups) > 1:
        (some, names), *others = groups
        ids = set(some) ^ set(others[0][0])
        raise ValueError(
            f"{', '.join(others[0][1])} was tested on other utterances than "
            f"{', '.join(names)}: they differ in {len(ids)} (first: "
            f"{min(ids)}). Leave it out, or test it on the same."
        )
    for what in (*TESTED, "audio"):
        _check_utterances(runs, what)


def _check_pool(name, runs):
    """Refuses a copy as another seed, and another experiment as either."""
    known = [run.inputs.get("responses") for run in runs]
    known = [inputs for inputs in known if inputs]
    weights = [
        inputs["checkpoint"]["content"]
        for inputs in known
        if "checkpoint" in inputs
    ]
    for digest in weights:
        if weights.count(digest) > 1:
            raise ValueError(
                f"Two runs of {name} have the same trained weights "
                f"({digest[:SHORT]}): a copy is no other seed. Leave it out."
            )
    for inputs in known[1:]:
        found = [
            part
            for part in differences(known[0], inputs)
            if part[0].partition(".")[0] not in OF_TRAINING
            and not part[0].endswith("seed")
        ]
        if found:
            raise ValueError(
                f"The runs of {name} differ in more than their training: "
                f"{told(found)}. Give them names of their own."
            )


def _check_utterances(runs, what):
    """Refuses runs that know one thing of an utterance differently."""
    found = defaultdict(list)
    for run in runs:
        for utterance, record in run.responses.items():
            mark = record.get(MARK) or {}
            value = mark.get("audio") if what == "audio" else record.get(what)
            found[utterance].append((run.name, value))
    for utterance, values in found.items():
        fix = "Leave it out, or do it again on the test set of the others"
        _refuse_odd(values, f"has another {what} of {utterance}", fix)


def _groups(pairs):
    """Groups names by a value, the largest group first; `None` is no value."""
    groups = defaultdict(list)
    for name, value in pairs:
        if value is not None:
            groups[value].append(name)
    return sorted(groups.items(), key=lambda group: -len(group[1]))


def _refuse_odd(pairs, what, fix):
    """Names whose value is not that of most."""
    groups = _groups(pairs)
    if len(groups) > 1:
        (common, names), (odd, (name, *_)) = groups[:2]
        raise ValueError(
            f"{name} {what} than {', '.join(dict.fromkeys(names))} ({odd!r} "
            f"in place of {common!r}). {fix}."
        )


def results_of(run):
    """Names the responses and scores of a run by their content.

    Arguments
    ---------
    run : Run
        The run.

    Returns
    -------
    str
        A fingerprint.

    Example
    -------
    >>> from speechbrain_relm.evaluation.runs import Run
    >>> results_of(Run("A", {"a": {"response": "Oh!"}}, {"a": {"ER": 1}}))
    '581c63ee699189eb'
    """
    return fingerprint(
        {
            utterance: [
                record["response"],
                *map(run.scores[utterance].get, SCORES),
            ]
            for utterance, record in run.responses.items()
        }
    )


def describe_origin(runs):
    """Says by fingerprints what a table was made from.

    Two people whose tables show the same have the same experiment.

    Arguments
    ---------
    runs : list of Run
        The runs of one table.

    Returns
    -------
    list of str
        Items of a Markdown list.

    Example
    -------
    >>> from speechbrain_relm.evaluation.runs import Run
    >>> said = {"a": {"response": "Oh!", "transcript": "I fell."}}
    >>> describe_origin([Run("A", said, {"a": {"ER": 1}})])[1][:24]
    '- A: responses and score'
    """
    lines = []
    parts = [part for run in runs for part in run.parts or [run]]
    tested = {
        utterance: [record.get(what) for what in TESTED]
        for run in parts
        for utterance, record in run.responses.items()
    }
    scorers = {run.scorer_content() for run in parts} - {None}
    scorer = "".join(f", empathy scorer `{s[:SHORT]}`" for s in scorers)
    lines.append(f"- Test set `{fingerprint(tested)[:SHORT]}`{scorer}.")
    for run in parts:
        named, made = results_of(run), run.made_from()
        line = f"- {markdown_cell(run.name)}: responses and scores "
        line += f"`{named[:SHORT]}`"
        lines.append(line + (f", made from `{made[:SHORT]}`." if made else "."))
    return lines
