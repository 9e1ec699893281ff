"""How good an empathy scorer is, in tables.

> python -m speechbrain_relm.epitome.report fold*/test_metrics.json

Authors
 * The speechbrain_relm contributors 2026
"""

import json
from pathlib import Path
from statistics import mean, stdev

from speechbrain_relm.lobes.epitome_classifier import LEVELS
from speechbrain_relm.utils.errors import Parser, entry_point
from speechbrain_relm.utils.text.reading import is_number

# Sharma et al. 2020, RoBERTa on the Reddit annotations: accuracy, and the
# macro-F1 of the released code (see `batch_macro_f1`).
PUBLISHED = {
    "emotional_reactions": (0.794, 0.745),
    "explorations": (0.926, 0.726),
    "interpretations": (0.840, 0.626),
}

# Beside every scorer: the prefix of their figures, and what they are.
BASELINES = {
    "words_": "words alone (TF-IDF, inverse class weights)",
    "regression_": "logistic regression on frozen embeddings",
    "majority_": "majority",
}
LEVEL_FIGURES = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "batch_macro_f1": "macro-F1 by batches of 32",
}
OTHER_FIGURES = {
    "raw_calibration_error": "calibration error, raw",
    "calibration_error": "calibrated",
    "temperature": "temperature",
    "rationale_token_f1": "rationale token-F1",
    "rationale_iou_f1": "rationale IOU-F1",
}
MEASURES = """\
Macro-F1 is that of the whole test part. By batches of 32 is what EPITOME's
released code reports: the mean over test batches of the macro-F1 of the levels
that the batch has. The published figures are of that kind, on another division
of the data."""


def render_report(figures):
    """Sets the test figures of each mechanism beside its baselines.

    Arguments
    ---------
    figures : dict
        Mechanism to figures, as `train_scorer` returns them.

    Returns
    -------
    str
        Markdown.

    Example
    -------
    >>> names = ["", *BASELINES]
    >>> of_one = {n + f: 0.5 for n in names for f in LEVEL_FIGURES}
    >>> of_one.update({f: 0.25 for f in OTHER_FIGURES}, pairs=10)
    >>> of_one["confusion"] = [[8, 0, 0], [1, 0, 0], [0, 0, 1]]
    >>> report = render_report({"explorations": of_one}).splitlines()
    >>> print("\\n".join(report[7:12]))
    | mechanism | | accuracy | macro-F1 | macro-F1 by batches of 32 |
    | --- | --- | ---: | ---: | ---: |
    | explorations | this scorer (10 pairs) | 0.500 | 0.500 | 0.500 |
    | | RoBERTa, as published | 0.926 | | 0.726 |
    | | words alone (TF-IDF, inverse class weights) | 0.500 | 0.500 | 0.500 |
    """
    lines = _tables("test figures", [figures])
    for mechanism, of_one in figures.items():
        lines += ["", *_confusion(mechanism, of_one["confusion"])]
    return "\n".join(lines) + "\n"


def render_folds(folds):
    """Averages the test figures of several folds or seeds.

    Arguments
    ---------
    folds : list of dict
        Of each, mechanism to figures.

    Returns
    -------
    str
        Markdown: each mean with the standard deviation over the folds.

    Example
    -------
    >>> names = ["", *BASELINES]
    >>> folds = [
    ...     {"explorations": {n + f: x for n in names for f in LEVEL_FIGURES}}
    ...     for x in (0.5, 0.7)
    ... ]
    >>> for fold in folds:
    ...     more = {name: 0.1 for name in OTHER_FIGURES}
    ...     fold["explorations"].update(more, pairs=5)
    >>> print(render_folds(folds).splitlines()[9][:55])
    | explorations | this scorer (10 pairs) | 0.600 (0.141)
    """
    return "\n".join(_tables(f"{len(folds)} test parts", folds)) + "\n"


def _tables(title, folds):
    """Sets what both reports have under a title."""
    return [
        f"# Empathy scorer: {title}",
        "",
        MEASURES,
        "",
        *_level_table(folds),
        "",
        *_other_table(folds),
    ]


def _level_table(folds):
    """Sets the levels' figures beside those of the baselines."""
    lines = _header(["mechanism", ""], LEVEL_FIGURES.values())
    for mechanism in folds[0]:
        of_all = [fold[mechanism] for fold in folds]
        name = mechanism.replace("_", " ")
        pairs = sum(of_one["pairs"] for of_one in of_all)
        accuracy, macro_f1 = PUBLISHED[mechanism]
        scorer = f"this scorer ({pairs} pairs)"
        lines.append(_row([name, scorer], of_all, LEVEL_FIGURES))
        lines.append(
            f"| | RoBERTa, as published | {accuracy:.3f} | | {macro_f1:.3f} |"
        )
        for prefix, what in BASELINES.items():
            names = [prefix + figure for figure in LEVEL_FIGURES]
            lines.append(_row(["", what], of_all, names))
    return lines


def _other_table(folds):
    """Sets what else is known of a scorer in a table."""
    lines = _header(["mechanism"], OTHER_FIGURES.values())
    for mechanism in folds[0]:
        of_all = [fold[mechanism] for fold in folds]
        lines.append(_row([mechanism.replace("_", " ")], of_all, OTHER_FIGURES))
    return lines


def _confusion(mechanism, matrix):
    title = f"## {mechanism.replace('_', ' ')}: true levels (rows) and "
    lines = [title + "predicted ones", "", *_header([""], range(LEVELS))]
    for level, row in enumerate(matrix):
        lines.append(_line([level, *row]))
    return lines


def _header(words, figures):
    """Makes the first two lines of a table."""
    figures = list(figures)
    rules = ["---"] * len(words) + ["---:"] * len(figures)
    return [_line([*words, *figures]), _line(rules)]


def _line(cells):
    return f"|{'|'.join(f' {c} ' if c != '' else ' ' for c in cells)}|"


def _row(words, of_all, names):
    """Makes a line with the mean of each figure, and its deviation."""
    cells = []
    for name in names:
        values = [of_one[name] for of_one in of_all]
        spread = f" ({stdev(values):.3f})" if len(values) > 1 else ""
        cells.append(f"{mean(values):.3f}{spread}")
    return _line([*words, *cells])


def read_figures(path):
    """Reads the test figures that a training left.

    Arguments
    ---------
    path : pathlib.Path
        A `test_metrics.json`.

    Returns
    -------
    dict
        Mechanism to its figures.

    Raises
    ------
    ValueError
        If the file has other things in it.

    Example
    -------
    >>> path = getfixture("tmp_path") / "a.json"
    >>> _ = path.write_text("[]")
    >>> read_figures(path)
    Traceback (most recent call last):
    ...
    ValueError: .../a.json has no test figures: name a test_metrics.json.
    """
    wanted = {*LEVEL_FIGURES, *OTHER_FIGURES, "pairs"}
    wanted |= {prefix + name for prefix in BASELINES for name in LEVEL_FIGURES}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        whole = found and set(found) <= set(PUBLISHED)
        for figures in found.values():
            whole = whole and all(is_number(figures[name]) for name in wanted)
    except (ValueError, TypeError, KeyError, AttributeError):
        whole = False
    if not whole:
        raise ValueError(
            f"{path} has no test figures: name a test_metrics.json."
        )
    return found


@entry_point("report")
def main(arguments):
    """Prints the table over several test parts.

    Arguments
    ---------
    arguments : list of str, optional
        Command line, by default the one of the process.

    Example
    -------
    >>> main(["fold0/test_metrics.json"])  # doctest: +SKIP
    """
    parser = Parser(
        prog="python -m speechbrain_relm.epitome.report",
        description="Averages the test figures of several folds or seeds.",
    )
    parser.add_argument(
        "metrics", nargs="+", type=Path, help="test_metrics.json of each"
    )
    options = parser.parse_args(arguments)
    folds = [read_figures(path) for path in options.metrics]
    print(render_folds(folds), end="")


if __name__ == "__main__":
    main()
