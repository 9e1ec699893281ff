"""How far grades agree: Cohen's kappa with quadratic weights.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch

from speechbrain_relm.model.concordance import concordance
from speechbrain_relm.runs.judging.grading import PASSES


def weighted_kappa(pairs):
    """Measures the agreement of two raters on a scale, beyond chance.

    With weights that are the squared distance of the levels, Cohen's kappa is
    the concordance correlation coefficient (Fleiss and Cohen 1973).

    Arguments
    ---------
    pairs : list of (int, int)
        Levels that both gave.

    Returns
    -------
    float or None
        -1 to 1; `None` where it is not defined: nothing was rated, or both
        gave the same level to all.

    Example
    -------
    >>> weighted_kappa([(0, 0), (1, 1), (2, 2)]), weighted_kappa([(1, 1)])
    (1.0, None)
    """
    if len({level for pair in pairs for level in pair}) < 2:
        return None
    rated = torch.tensor(pairs, dtype=torch.float64)
    return round(concordance(rated[:, :1], rated[:, 1:]).item(), 9)


def agreement(grades, scores, mechanism):
    """Compares an LLM's grades with EPITOME's, and with each other.

    Arguments
    ---------
    grades : dict
        From `grading.grade_responses`.
    scores : dict
        Utterance id to record of the step `score`; may be empty.
    mechanism : str
        E.g. "ER".

    Returns
    -------
    dict
        `responses` and `questions`, how many; `ungraded`, questions without
        a grade; `mean` of the grades and `epitome`, of the scores; `kappa`
        with the scores, over all passes, and `itself`, of the passes. `None`
        where there is nothing to tell.

    Example
    -------
    >>> grades = {"a": {"ER": [0, 0]}, "b": {"ER": [2, None]}}
    >>> found = agreement(grades, {"a": {"ER": 0}, "b": {"ER": 2}}, "ER")
    >>> found["kappa"], found["itself"], found["ungraded"]
    (1.0, None, 1)
    """
    given = {i: record[mechanism] for i, record in grades.items()}
    levels = [level for passes in given.values() for level in passes]
    named = [level for level in levels if level is not None]
    both = [i for i in given if mechanism in scores.get(i, {})]
    scored = [scores[i][mechanism] for i in both]
    with_epitome = [
        (level, scores[i][mechanism])
        for i in both
        for level in given[i]
        if level is not None
    ]
    with_itself = [tuple(p) for p in given.values() if None not in p]
    return {
        "responses": len(given),
        "questions": PASSES * len(given),
        "ungraded": len(levels) - len(named),
        "mean": sum(named) / len(named) if named else None,
        "epitome": sum(scored) / len(scored) if scored else None,
        "kappa": weighted_kappa(with_epitome),
        "itself": weighted_kappa(with_itself),
    }


def render(figures):
    """Writes the figures as a table.

    Arguments
    ---------
    figures : dict
        Mechanism to figures of `agreement`.

    Returns
    -------
    str
        Markdown.

    Example
    -------
    >>> print(render({"ER": agreement({"a": {"ER": [1, 2]}}, {}, "ER")}))
    | | responses | ungraded | LLM | EPITOME | kappa with EPITOME | ...
    | --- | ---: | ---: | ---: | ---: | ---: | ---: |
    | ER | 1 | 0 of 2 | 1.50 | — | — | 0.00 |
    """
    lines = [
        "| | responses | ungraded | LLM | EPITOME | kappa with EPITOME | "
        "kappa with itself |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for mechanism, found in figures.items():
        cells = [mechanism, str(found["responses"])]
        cells.append(f"{found['ungraded']} of {found['questions']}")
        for name in ("mean", "epitome", "kappa", "itself"):
            value = found[name]
            cells.append("—" if value is None else f"{value:.2f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
