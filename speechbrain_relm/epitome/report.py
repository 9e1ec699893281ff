"""How good an empathy scorer is, in tables.

Authors
 * The speechbrain_relm contributors 2026
"""

from speechbrain_relm.lobes.epitome_classifier import LEVELS

# Sharma et al. 2020, RoBERTa on the Reddit annotations: accuracy, macro-F1.
PUBLISHED = {
    "emotional_reactions": (0.794, 0.745),
    "explorations": (0.926, 0.726),
    "interpretations": (0.840, 0.626),
}


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
    >>> figures = {
    ...     "explorations": dict(
    ...         accuracy=0.9,
    ...         macro_f1=0.8,
    ...         majority_accuracy=0.8,
    ...         majority_macro_f1=0.3,
    ...         regression_accuracy=0.8,
    ...         regression_macro_f1=0.5,
    ...         calibration_error=0.05,
    ...         rationale_token_f1=0.6,
    ...         rationale_iou_f1=0.5,
    ...         confusion=[[8, 0, 0], [1, 0, 0], [0, 0, 1]],
    ...         pairs=10,
    ...     )
    ... }
    >>> print(render_report(figures))
    # Empathy scorer: test figures
    <BLANKLINE>
    | mechanism | | accuracy | macro-F1 |
    | --- | --- | ---: | ---: |
    | explorations | this scorer (10 pairs) | 0.900 | 0.800 |
    | | RoBERTa, as published | 0.926 | 0.726 |
    | | logistic regression on frozen embeddings | 0.800 | 0.500 |
    | | majority | 0.800 | 0.300 |
    <BLANKLINE>
    | mechanism | calibration error | rationale token-F1 | rationale IOU-F1 |
    | --- | ---: | ---: | ---: |
    | explorations | 0.050 | 0.600 | 0.500 |
    <BLANKLINE>
    ## explorations: true levels (rows) and predicted ones
    <BLANKLINE>
    | | 0 | 1 | 2 |
    | --- | ---: | ---: | ---: |
    | 0 | 8 | 0 | 0 |
    | 1 | 1 | 0 | 0 |
    | 2 | 0 | 0 | 1 |
    <BLANKLINE>
    """
    lines = [
        "# Empathy scorer: test figures",
        "",
        "| mechanism | | accuracy | macro-F1 |",
        "| --- | --- | ---: | ---: |",
    ]
    for mechanism, of_one in figures.items():
        regression = "logistic regression on frozen embeddings"
        rows = [
            (
                f"{mechanism.replace('_', ' ')} | "
                f"this scorer ({of_one['pairs']} pairs)",
                (of_one["accuracy"], of_one["macro_f1"]),
            ),
            ("| RoBERTa, as published", PUBLISHED[mechanism]),
        ]
        for name, title in (
            ("regression", regression),
            ("majority", "majority"),
        ):
            both = [of_one[f"{name}_{f}"] for f in ("accuracy", "macro_f1")]
            rows.append((f"| {title}", both))
        lines += [
            f"|{'' if t[0] == '|' else ' '}{t} | {a:.3f} | {f:.3f} |".replace(
                "|| ", "| | "
            )
            for t, (a, f) in rows
        ]
    lines += [
        "",
        "| mechanism | calibration error | rationale token-F1 | "
        "rationale IOU-F1 |",
        "| --- | ---: | ---: | ---: |",
    ]
    names = ("calibration_error", "rationale_token_f1", "rationale_iou_f1")
    for mechanism, of_one in figures.items():
        cells = " | ".join(f"{of_one[name]:.3f}" for name in names)
        lines.append(f"| {mechanism.replace('_', ' ')} | {cells} |")
    for mechanism, of_one in figures.items():
        lines += [
            "",
            f"## {mechanism.replace('_', ' ')}: true levels (rows) and "
            "predicted ones",
            "",
            "| | 0 | 1 | 2 |",
            "| --- | ---: | ---: | ---: |",
        ]
        for level in range(LEVELS):
            cells = " | ".join(map(str, of_one["confusion"][level]))
            lines.append(f"| {level} | {cells} |")
    return "\n".join(lines) + "\n"
