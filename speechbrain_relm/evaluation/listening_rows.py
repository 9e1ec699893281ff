"""Rows of the tables that say whether the answers follow the voice.

Authors
 * The speechbrain_relm contributors 2026
"""

from collections import defaultdict
from pathlib import Path

from speechbrain_relm.utils.provenance.stamps import fingerprint
from speechbrain_relm.utils.text.cells import markdown_cell

TONE, CONTENT = "Tone fit", "Content fit"
IDENTICAL = "Identical for the same words"
# What comes from another take of the sentence, and how the tables call it.
SWAPS = {
    "emotion_embedding": "emotion embedding",
    "speech_frames": "speech frames",
    "both": "both (the other take itself)",
}


def listening_rows(run):
    """Lists what is known of a run's listening.

    Arguments
    ---------
    run : speechbrain_relm.evaluation.runs.Run
        The run.

    Returns
    -------
    dict
        Row's title to a figure: `value`, `low`, `high`, `n`.

    Example
    -------
    >>> from speechbrain_relm.evaluation.runs import Run
    >>> figure = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 9}
    >>> chance = {"tone_fit": 0.25, "content_fit": None}
    >>> listening = {"tone_fit": figure, "chance": chance}
    >>> list(listening_rows(Run("A", {}, {}, None, listening)))
    ['Tone fit (chance .250)']
    """
    rows = {}
    for title, name in ((TONE, "tone_fit"), (CONTENT, "content_fit")):
        figure = (run.listening or {}).get(name)
        if is_known(figure):
            chance = short(run.listening["chance"][name])
            rows[f"{title} (chance {chance})"] = figure
    identical = (run.same_words or {}).get("identical_share")
    if is_known(identical):
        rows[IDENTICAL] = identical
    return rows


def is_known(figure):
    """Tells whether a figure has a value.

    Arguments
    ---------
    figure : dict or None
        `value`, `low`, `high`, `n`.

    Returns
    -------
    bool
        Whether it is there and defined.

    Example
    -------
    >>> is_known(None), is_known({"value": None})
    (False, False)
    """
    return figure is not None and figure["value"] is not None


def describe_listening(runs):
    """Says of some runs what the listening rows mean, and shows the swaps.

    Arguments
    ---------
    runs : list of Run
        The runs of one table.

    Returns
    -------
    list of str
        Items of a Markdown list; none if no run has such figures.

    Example
    -------
    >>> from speechbrain_relm.evaluation.runs import Run
    >>> describe_listening([Run("A", {}, {})])
    []
    """
    known = [run for run in runs if run.listening]
    if not known:
        return []
    lines = [
        "- Tone fit is the share of responses that the text LLM, given the "
        "true transcript, finds likeliest under the true emotion, its priors "
        "taken off; content fit the same among sentences of the emotion. In "
        "brackets 95 % intervals, drawn by cluster."
    ]
    lines += [
        f"- {markdown_cell(run.name)}: {note}"
        for run in known
        for note in run.listening["notes"]
    ]
    judges = defaultdict(list)
    for run in known:
        for part in run.parts or [run]:
            for judge in part.judges():
                source = Path(judge["judge"]["of"]).name
                judges[source, fingerprint(judge)].append(part.name)
    for (judge, _), names in judges.items():
        names = ", ".join(dict.fromkeys(map(markdown_cell, names)))
        lines.append(f"- Judge of {names}: {markdown_cell(judge)}.")
    if len(judges) > 1:
        lines.append(
            "- **The fits are of different judges, or of one that was asked "
            "differently: do not compare them.**"
        )
    return lines


def swaps_table(runs):
    """Shows which ear the runs follow.

    Arguments
    ---------
    runs : list of Run
        The runs of one table.

    Returns
    -------
    list of str
        Lines of Markdown with a heading; none if no run has swaps.

    Example
    -------
    >>> from speechbrain_relm.evaluation.runs import Run
    >>> swaps_table([Run("A", {}, {})])
    []
    """
    known = [run for run in runs if run.same_words]
    if not known:
        return []
    lines = [
        "## Same words, another voice",
        "",
        "A take gets something of another take: the same sentence by the same "
        "speaker in another emotion. Shares of responses that fit the "
        "emotion of the take itself (own) and of the other.",
        "",
        "| system | from the other take | fits own | fits other | responses |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for run in known:
        lines += [
            f"| {markdown_cell(run.name)} | {cells} |"
            for cells in swap_rows(run.same_words["swaps"])
        ]
    return lines


def figures_table(figures, classes):
    """Shows figures as a table.

    Arguments
    ---------
    figures : dict
        Name to a figure; what is none is left out.
    classes : int
        How many emotions there are to fit.

    Returns
    -------
    str
        Markdown.

    Example
    -------
    >>> figure = {"value": 0.5, "low": 0.25, "high": 0.75, "n": 8}
    >>> print(figures_table({"tone_fit": figure, "notes": []}, 4))
    | measure | value [95 % interval] | n |
    | --- | --- | ---: |
    | tone fit (chance .250) | .500 [.250, .750] | 8 |
    """
    lines = ["| measure | value [95 % interval] | n |", "| --- | --- | ---: |"]
    for name, figure in figures.items():
        if not isinstance(figure, dict) or "value" not in figure:
            continue
        title = name.replace("_", " ")
        if name == "tone_fit":
            title += f" (chance {short(1 / classes)})"
        lines.append(f"| {title} | {in_brackets(figure)} | {figure['n']} |")
    return "\n".join(lines)


def swap_rows(swaps):
    """Lists swaps as cells of a table.

    Arguments
    ---------
    swaps : dict
        Swap to its figures, or to `None`.

    Returns
    -------
    list of str
        One a swap.

    Example
    -------
    >>> swap_rows({"emotion_embedding": None})
    ['emotion embedding | undefined | undefined | 0']
    """
    rows = []
    for swap, figures in swaps.items():
        cells = ["undefined", "undefined", "0"]
        if figures is not None:
            own, other = figures["follows_own"], figures["follows_other"]
            cells = [in_brackets(own), in_brackets(other), str(own["n"])]
        rows.append(" | ".join([SWAPS[swap], *cells]))
    return rows


def in_brackets(figure, digits=3):
    """Prints a figure with its interval.

    Arguments
    ---------
    figure : dict
        `value`, `low`, `high`.
    digits : int
        Decimals.

    Returns
    -------
    str
        The text.

    Example
    -------
    >>> in_brackets({"value": 0.5, "low": 0.25, "high": 0.75})
    '.500 [.250, .750]'
    >>> in_brackets({"value": 0.5, "low": None, "high": None})
    '.500'
    """
    if figure["value"] is None:
        return "undefined"
    if figure["low"] is None:
        return short(figure["value"], digits)
    keys = ("value", "low", "high")
    value, low, high = (short(figure[key], digits) for key in keys)
    return f"{value} [{low}, {high}]"


def short(value, digits=3):
    """Prints decimals without a leading zero.

    Arguments
    ---------
    value : float
        A number.
    digits : int
        Decimals.

    Returns
    -------
    str
        The text.

    Example
    -------
    >>> short(0.25), short(1.5)
    ('.250', '1.500')
    """
    return f"{value:.{digits}f}".removeprefix("0")


def short_p(p):
    """Prints a p-value.

    Arguments
    ---------
    p : float
        0..1.

    Returns
    -------
    str
        Three decimals, or that it is below all of them.

    Example
    -------
    >>> short_p(0.0251), short_p(1e-5)
    ('.025', '<.001')
    """
    return short(p) if p >= 0.0005 else "<.001"
