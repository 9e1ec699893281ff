"""What ratings say, in words and tables.

Authors
 * The speechbrain_relm contributors 2026
"""

from pathlib import Path

from speechbrain_relm.data.corpus import as_json
from speechbrain_relm.evaluation.listening_rows import short, short_p
from speechbrain_relm.evaluation.rating.answers import read_answers, read_key
from speechbrain_relm.evaluation.rating.results import rating_figures, tally
from speechbrain_relm.utils.files import write_atomically
from speechbrain_relm.utils.text.cells import markdown_cell

INTERVALS = ("by_both", "by_item", "by_rater")


def read_ratings(key_path, paths, output, allowed_misses=0):
    """Reads raters' CSVs; writes `ratings.md` and `ratings.json`.

    Arguments
    ---------
    key_path : str or pathlib.Path
        The kit's `key.json`.
    paths : list of str or pathlib.Path
        The CSVs.
    output : str or pathlib.Path
        Folder for both files.
    allowed_misses : int
        See `read_answers`.

    Returns
    -------
    str
        The Markdown.

    Raises
    ------
    ValueError
        See `read_key` and `read_answers`.
    OSError
        If a file cannot be read.
    """
    key = read_key(key_path)
    answers = read_answers(key, paths, allowed_misses)
    figures = rating_figures(key, answers)
    text = "\n".join(summary(key, answers, figures)) + "\n"
    write_atomically(Path(output, "ratings.md"), text)
    write_atomically(Path(output, "ratings.json"), as_json(figures))
    return text


def summary(key, answers, figures):
    """Writes figures up.

    Arguments
    ---------
    key : dict
        From `read_key`.
    answers : Answers
        From `read_answers`.
    figures : dict
        From `rating_figures`.

    Returns
    -------
    list of str
        Lines of Markdown.
    """
    first, second = (markdown_cell(name) for name in key["systems"])
    question = markdown_cell(key["question"])
    checks = sum(bool(item["check"]) for item in key["items"].values())
    lines = [
        f"# {first} or {second}",
        "",
        f"**{question}** {figures['ratings']} ratings of {figures['items']} "
        f"items by {figures['raters']} raters.",
        "",
        *_points(key, figures),
        "",
        *_choices(figures["choices"]),
        "",
    ]
    for missed, raters in tally(answers).items():
        lines.append(
            f"- Raters who missed {missed} of {checks} tests of attention: "
            f"{raters}."
        )
    if answers.left_out:
        named = ", ".join(map(markdown_cell, answers.left_out))
        lines.append(f"- Left out for it: {named}.")
    lines += [
        "- Intervals (95 %) by items and raters at once are the ones to "
        "quote: they say how far another study, with other sentences and "
        "other people, might be off. p flips the signs of items' sums "
        f"({short_p(figures['difference']['p_by_item'])}) or of raters' "
        f"({short_p(figures['difference']['p_by_rater'])}): quote the larger.",
        "- The answer that was shown first won in "
        f"{_with_interval(figures['shown_first'])}; without a habit of "
        "the raters it is .500.",
        "- Utterances that both systems answered the same, which were not "
        f"asked about: {key['answered_the_same']}.",
    ]
    for metric, alpha in figures["alpha"].items():
        said = "undefined" if alpha is None else f"{alpha:.3f}"
        lines.append(f"- Krippendorff's alpha, {metric}: {said}.")
    return [*lines, "", *_correlations(key, figures["correlation"])]


def _points(key, figures):
    """Tables the systems and their difference."""
    what = "share preferred" if key["kind"] == "preference" else "mean points"
    lines = [
        f"| system | {what} | 95 %, items and raters | items | raters |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    rows = {markdown_cell(s): f for s, f in figures["systems"].items()}
    rows["the second less the first"] = figures["difference"]
    for name, found in rows.items():
        ends = " | ".join(_ends(found[way]) for way in INTERVALS)
        lines.append(f"| {name} | {found['value']:.3f} | {ends} |")
    return lines


def _choices(choices):
    """Tables how often each system was better."""
    names = " | ".join(map(markdown_cell, choices))
    counts = " | ".join(map(str, choices.values()))
    return [f"| better: {names} |", "| ---: | ---: | ---: |", f"| {counts} |"]


def _correlations(key, found):
    """Tables how ratings go with the scores."""
    if not found:
        return []
    what = "the preference" if key["kind"] == "preference" else "points"
    lines = [
        f"How the difference in {what} goes with that in EPITOME's levels, "
        "over items:",
        "",
        "| score | Spearman's rho | p | items |",
        "| --- | ---: | ---: | ---: |",
    ]
    for score, of in found.items():
        cells = "undefined | —"
        if of["rho"] is not None:
            cells = f"{of['rho']:.3f} | {short_p(of['p'])}"
        lines.append(f"| {score} | {cells} | {of['n']} |")
    return lines


def _ends(interval):
    if interval is None:
        return "—"
    return f"{interval[0]:.3f} to {interval[1]:.3f}"


def _with_interval(found):
    """Prints a share with its interval."""
    value = short(found["value"])
    if found["by_both"] is None:
        return value
    return f"{value} [{', '.join(map(short, found['by_both']))}]"
