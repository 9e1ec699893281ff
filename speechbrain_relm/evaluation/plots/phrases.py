"""Where ER and Ex come from: levels by emotion, and the phrases marked.

Authors
 * The speechbrain_relm contributors 2026
"""

from collections import Counter, defaultdict

from speechbrain_relm.evaluation.plots.theme import colours_of, legend
from speechbrain_relm.utils.limits import FIGURE_NAME
from speechbrain_relm.utils.text.wording import normalised

# Words by which marked phrases are alike, and how many are shown.
WORDS, SHOWN = 3, 8
SHOWN_SCORES = {"ER": "Emotional Reaction", "Ex": "Exploration"}


def openings(run, score):
    """Counts how the phrases begin that earned a score.

    Arguments
    ---------
    run : Run
        A run whose scores have rationales.
    score : str
        "ER" or "Ex".

    Returns
    -------
    dict
        First words to {emotion: responses}, the commonest first.

    Example
    -------
    >>> from speechbrain_relm.evaluation.runs import Run
    >>> said = {"a": {"response": "I'm so sorry about it.", "emotion": "sad"}}
    >>> scores = {"a": {"rationales": {"ER": [[0, 22]]}}}
    >>> openings(Run("A", said, scores), "ER")
    {"i'm so sorry": Counter({'sad': 1})}
    """
    found = defaultdict(Counter)
    for utterance, record in run.responses.items():
        spans = run.scores[utterance].get("rationales", {}).get(score, [])
        phrases = {
            " ".join(normalised(record["response"][a:b]).split()[:WORDS])
            for a, b in spans
        }
        for phrase in phrases - {""}:
            found[phrase][record.get("emotion", "")] += 1
    ranked = sorted(found.items(), key=lambda kv: (-kv[1].total(), kv[0]))
    return dict(ranked)


def phrases_figure(run):
    """Draws levels by emotion, and the commonest phrases of each score.

    Arguments
    ---------
    run : Run
        A finished run.

    Returns
    -------
    matplotlib.figure.Figure
        A column a score.

    Example
    -------
    >>> from speechbrain_relm.evaluation.runs import Run
    >>> said = {"a": {"response": "Why?", "emotion": "sad"}}
    >>> run = Run("A", said, {"a": {"ER": 0, "Ex": 1}})
    >>> [axis.get_title() for axis in phrases_figure(run).axes[:2]]
    ['Emotional Reaction: levels', 'Exploration: levels']
    """
    from matplotlib.figure import Figure

    emotions = sorted({r.get("emotion", "") for r in run.responses.values()})
    scores = [s for s in SHOWN_SCORES if run.has(s)]
    counted = {score: openings(run, score) for score in scores}
    most = max((len(found) for found in counted.values()), default=0)
    heights = [0.6 + 0.3 * len(emotions), 0.6 + 0.26 * min(max(most, 1), SHOWN)]
    figure = Figure((4.4 * len(scores), 1 + sum(heights)), layout="constrained")
    axes = figure.subplots(2, len(scores), squeeze=False, height_ratios=heights)
    for above, below, score in zip(*axes, scores):
        _levels(above, run, score, emotions)
        above.set_title(f"{SHOWN_SCORES[score]}: levels")
        _phrases(below, counted[score], emotions)
        below.set_title("What earned it, by its first words")
    legend(figure, emotions)
    return figure


def _levels(axis, run, score, emotions):
    """Draws which share of an emotion's responses has levels 1 and 2."""
    colours = colours_of(emotions)
    for place, emotion in enumerate(emotions):
        levels = [
            run.scores[i][score]
            for i, record in run.responses.items()
            if record.get("emotion", "") == emotion
        ]
        left = 0.0
        # The higher the level, the fuller the colour.
        for level, alpha in ((2, 1.0), (1, 0.45)):
            share = levels.count(level) / len(levels)
            axis.barh(
                place, share, left=left, color=colours[emotion][0], alpha=alpha
            )
            if share > 0.07:
                _inside(axis, left + share / 2, place, level, alpha)
            left += share
    axis.set_yticks(range(len(emotions)), emotions, parse_math=False)
    axis.invert_yaxis()
    axis.set(xlim=(0, 1), xlabel="share of responses at level 1 or 2")


def _inside(axis, x, y, level, alpha):
    """Writes a level into its bar."""
    from matplotlib import rcParams

    ground, text = rcParams["axes.facecolor"], rcParams["text.color"]
    colour = ground if alpha == 1 else text
    axis.text(x, y, level, color=colour, ha="center", va="center")


def _phrases(axis, found, emotions):
    """Draws the commonest phrases, by the emotion of what they answer."""
    colours = colours_of(emotions)
    shown = dict(list(found.items())[:SHOWN])
    for place, counts in enumerate(shown.values()):
        left = 0
        for emotion in emotions:
            axis.barh(
                place, counts[emotion], left=left, color=colours[emotion][0]
            )
            left += counts[emotion]
    names = [phrase[:FIGURE_NAME] for phrase in shown]
    axis.set_yticks(range(len(names)), names, parse_math=False)
    axis.invert_yaxis()
    axis.set_xlabel("responses")
    if not shown:
        axis.text(0.5, 0.5, "no phrase was marked", ha="center")
        axis.set(xlim=(0, 1), ylim=(0, 1), xticks=[])
