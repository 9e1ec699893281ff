"""A run's report as one page: tables, plots, and answers with their voices.

Authors
 * The speechbrain_relm contributors 2026
"""

import html
from pathlib import Path

from speechbrain_relm.evaluation.pages.page import data_uri, make_page
from speechbrain_relm.evaluation.pages.recordings import sound_uri
from speechbrain_relm.evaluation.plots.theme import THEMES
from speechbrain_relm.evaluation.tables.examples import (
    MARKS,
    chosen,
    segments,
)

HERE = Path(__file__).resolve().parent
# What is wider than a phone is scrolled, by keys too.
WIDE = '<div class="scroll" tabindex="0" role="group" aria-label="{}">'
TABLE = WIDE.format("Table")
# What marks are called, for who does not see them.
MARKED = {"ER": "reaction", "Ex": "question"}


def to_html(markdown):
    """Shows Markdown as HTML, so that both say the same.

    Arguments
    ---------
    markdown : str
        Of this project's tables and lists.

    Returns
    -------
    str
        HTML; tags and pictures in the Markdown stay text.

    Example
    -------
    >>> print(to_html("| a |\\n| --- |\\n| <b> |").count("&lt;b&gt;"))
    1
    """
    # Only here: a training process writes no page.
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    shown = parser.disable("image").render(markdown)
    shown = shown.replace("<table>", f"{TABLE}<table>")
    return shown.replace("</table>", "</table></div>")


def report_page(title, markdown, folder, plots, runs, wavs, per_emotion):
    """Makes the page of a report.

    Arguments
    ---------
    title : str
        Text.
    markdown : str
        The report without its examples.
    folder : pathlib.Path
        Output folder of the run, with `plots/`.
    plots : list of Plot
        What is in it.
    runs : list of Run
        The run, and others on the same test set.
    wavs : dict
        Utterance id to path, of those that can be played.
    per_emotion : int
        Examples of each emotion.

    Returns
    -------
    str
        HTML.
    """
    body = [
        '<nav aria-label="Parts"><a href="#plots">Plots</a> '
        '<a href="#examples">Examples</a></nav>',
        to_html(markdown),
        '<h2 id="plots">Plots</h2>',
    ]
    body += [_plot_html(folder / "plots", plot) for plot in plots]
    body += [
        '<h2 id="examples">Examples</h2>',
        "<p>As the scorer's rationale model sees them, "
        '<mark class="ER">reactions</mark> are underlined and '
        '<mark class="Ex">questions</mark> dotted.</p>',
    ]
    body += [
        example_html(runs, utterance, wavs.get(utterance))
        for utterance in chosen(runs[0], per_emotion)
    ]
    style = (HERE / "report.css").read_text(encoding="utf-8")
    return make_page(title, "\n".join(body), style)


def _plot_html(folder, plot):
    """Embeds a plot, of which the browser shows the light or the dark one."""
    files = [
        (folder / f"{plot.name}{THEMES[theme][0]}.png").read_bytes()
        for theme in ("light", "dark")
    ]
    light, dark = (data_uri("image/png", file) for file in files)
    title, about = html.escape(plot.title), html.escape(plot.about)
    width = png_width(files[0])
    return (
        f"<figure><h3>{title}</h3>"
        f"{WIDE.format(title)}<picture>"
        f'<source media="(prefers-color-scheme: dark)" srcset="{dark}">'
        f'<img src="{light}" width="{width // 2}" alt="{title}: {about}">'
        f"</picture></div><figcaption>{about}</figcaption></figure>"
    )


def png_width(file):
    """Reads how wide a PNG is.

    Arguments
    ---------
    file : bytes
        What it holds, from its start.

    Returns
    -------
    int
        Pixels.

    Example
    -------
    >>> png_width(bytes(16) + (640).to_bytes(4, "big"))
    640
    """
    return int.from_bytes(file[16:20], "big")


def example_html(runs, utterance, wav=None):
    """Shows what each system answers to one utterance.

    Arguments
    ---------
    runs : list of Run
        Systems on one test set.
    utterance : str
        Its id.
    wav : str or None
        Its recording.

    Returns
    -------
    str
        HTML, in which every text is text.

    Example
    -------
    >>> from speechbrain_relm.evaluation.runs import Run
    >>> said = {"emotion": "sad", "transcript": "I fell.", "response": "<Oh>"}
    >>> run = Run("A", {"a": said}, {"a": {"ER": 0, "Ex": 0}})
    >>> "<td>&lt;Oh&gt;</td>" in example_html([run], "a")
    True
    """
    record = runs[0].responses[utterance]
    said = html.escape(record.get("transcript", ""))
    emotion = html.escape(record.get("emotion", ""))
    lines = [
        f'<article class="card"><h3>{said} '
        f'<span class="quiet">({emotion})</span></h3>'
    ]
    if wav is not None:
        lines.append(
            f'<audio controls preload="metadata" src="{sound_uri(wav)}" '
            f'aria-label="{said}"></audio>'
        )
    heads = ("system", "response", "Ex", "ER")
    lines.append(
        f'{TABLE}<table class="said"><thead><tr>'
        + "".join(f"<th>{head}</th>" for head in heads)
        + "</tr></thead><tbody>"
    )
    for run in runs:
        if utterance not in run.responses:
            continue
        scores = run.scores[utterance]
        response = marked_html(
            run.responses[utterance]["response"], scores.get("rationales", {})
        )
        levels = "".join(
            f"<td>{html.escape(str(scores.get(score, '—')))}</td>"
            for score in ("Ex", "ER")
        )
        name = html.escape(run.name)
        lines.append(f"<tr><td>{name}</td><td>{response}</td>{levels}</tr>")
    return "".join([*lines, "</tbody></table></div></article>"])


def marked_html(response, spans):
    """Marks the phrases of a response that show a mechanism.

    Arguments
    ---------
    response : str
        The response.
    spans : dict
        See `tables.examples.mark`.

    Returns
    -------
    str
        HTML.

    Example
    -------
    >>> marked_html("Why <b>?", {"Ex": [[0, 3]]})
    '<mark class="Ex" title="question">Why</mark> &lt;b&gt;?'
    """
    pieces = []
    for piece, of in segments(response, spans):
        text = html.escape(piece)
        if of in MARKS:
            text = f'<mark class="{of}" title="{MARKED[of]}">{text}</mark>'
        pieces.append(text)
    return "".join(pieces)
