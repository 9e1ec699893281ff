"""Questions that the paper leaves open, asked of finished runs.

Does empathy depend on recognizing the emotion (Section IV), and does length
hurt exploration (the Limitation of Section III)?

Authors
 * The speechbrain_relm contributors 2026
"""

from scipy.stats import mannwhitneyu, spearmanr

from speechbrain_relm.evaluation.runs import RECOGNITION
from speechbrain_relm.evaluation.statistics import mean_and_deviation
from speechbrain_relm.utils.text.cells import markdown_cell


def empathy_by_recognition(run):
    """Compares empathy where the emotion was heard rightly and wrongly.

    Arguments
    ---------
    run : speechbrain_relm.evaluation.runs.Run
        A finished run.

    Returns
    -------
    list of dict
        A row each score and way of recognition: `right` and `wrong` (mean,
        deviation, count) and `p` of a two-sided Mann-Whitney U test; `None`
        where one side is empty.

    Example
    -------
    >>> from speechbrain_relm.evaluation.runs import Run
    >>> responses = {
    ...     i: {"emotion": "sad", "head_emotion": e, "response": ""}
    ...     for i, e in zip("abcd", ("sad", "sad", "happy", "happy"))
    ... }
    >>> scores = {i: {"ER": n} for i, n in zip("abcd", (2, 2, 0, 0))}
    >>> rows = empathy_by_recognition(Run("A", responses, scores))
    >>> rows[0]["right"], rows[0]["wrong"]
    ((2.0, 0.0, 2), (0.0, 0.0, 2))
    """
    rows = []
    for way in run.recognized():
        field = RECOGNITION[way]
        right = {
            i: record[field] == record["emotion"]
            for i, record in run.responses.items()
        }
        for score in ("ER", "Ex"):
            if not run.has(score):
                continue
            levels = run.levels(score)
            sides = [
                [levels[i] for i in levels if right[i] == side]
                for side in (True, False)
            ]
            p = None
            if all(sides):
                p = float(mannwhitneyu(*sides).pvalue)
            summaries = [
                (*mean_and_deviation(side), len(side)) if side else None
                for side in sides
            ]
            rows.append(
                {
                    "score": score,
                    "recognized by": way,
                    "right": summaries[0],
                    "wrong": summaries[1],
                    "p": p,
                }
            )
    return rows


def exploration_by_length(run):
    """Relates the length of responses to their exploration.

    Arguments
    ---------
    run : speechbrain_relm.evaluation.runs.Run
        A finished run.

    Returns
    -------
    dict
        Spearman's `rho` and its `p` between words and Ex (`None` where one
        of them never varies), and `thirds`: for the shortest, middle and
        longest third (mean words, mean Ex, share with a question mark,
        count).

    Example
    -------
    >>> from speechbrain_relm.evaluation.runs import Run
    >>> texts = {"a": "Why?", "b": "Why do you ask?", "c": "No " * 20}
    >>> run = Run(
    ...     "A",
    ...     {i: {"response": text} for i, text in texts.items()},
    ...     {i: {"Ex": level} for i, level in zip("abc", (2, 1, 0))},
    ... )
    >>> round(exploration_by_length(run)["rho"], 3)
    -1.0
    """
    levels = run.levels("Ex")
    texts = {i: run.responses[i]["response"] for i in levels}
    order = sorted(levels, key=lambda i: (len(texts[i].split()), i))
    words = [len(texts[i].split()) for i in order]
    explorations = [levels[i] for i in order]
    rho = p = None
    if len(set(words)) > 1 and len(set(explorations)) > 1:
        rho, p = map(float, spearmanr(words, explorations))
    thirds = []
    for start in range(3):
        part = order[start * len(order) // 3 : (start + 1) * len(order) // 3]
        if part:
            thirds.append(
                (
                    sum(len(texts[i].split()) for i in part) / len(part),
                    sum(levels[i] for i in part) / len(part),
                    sum("?" in texts[i] for i in part) / len(part),
                    len(part),
                )
            )
    return {"rho": rho, "p": p, "thirds": thirds}


def render_questions(run):
    """Prints both answers.

    Arguments
    ---------
    run : speechbrain_relm.evaluation.runs.Run
        A finished run.

    Returns
    -------
    str
        Markdown.

    Example
    -------
    >>> from speechbrain_relm.evaluation.runs import Run
    >>> run = Run("A", {"a": {"response": "Why?"}}, {"a": {"Ex": 2}})
    >>> print(render_questions(run).splitlines()[0])
    # A
    """

    def _cell(summary):
        if summary is None:
            return "none"
        return f"{summary[0]:.3f} ({summary[1]:.3f}), {summary[2]}"

    def _number(value):
        return "—" if value is None else f"{value:.3g}"

    lines = [
        f"# {markdown_cell(run.name)}",
        "",
        "## Does empathy depend on recognizing the emotion?",
        "",
        "| score | recognized by | right: mean (sd), n | wrong: mean (sd), n "
        "| p (Mann-Whitney U) |",
        "| --- | --- | --- | --- | ---: |",
    ]
    lines += [
        f"| {row['score']} | {row['recognized by']} | {_cell(row['right'])} | "
        f"{_cell(row['wrong'])} | {_number(row['p'])} |"
        for row in empathy_by_recognition(run)
    ]
    if not run.has("Ex"):
        return "\n".join([*lines, "", "Not all responses have an Ex."])
    found = exploration_by_length(run)
    lines += [
        "",
        "## Does length hurt exploration?",
        "",
        f"Spearman's rho between words and Ex: {_number(found['rho'])} "
        f"(p {_number(found['p'])}).",
        "",
        "| third | words | Ex | with a question | responses |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    names = ("shortest", "middle", "longest")
    lines += [
        f"| {name} | {words:.1f} | {ex:.3f} | {asking:.0%} | {count} |"
        for name, (words, ex, asking, count) in zip(names, found["thirds"])
    ]
    return "\n".join(lines)
