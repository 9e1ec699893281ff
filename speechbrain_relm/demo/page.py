"""The page itself, in Gradio.

Authors
 * The speechbrain_relm contributors 2026
"""

import os
import time
from contextlib import closing
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr  # noqa: E402

from speechbrain_relm.demo import writing  # noqa: E402
from speechbrain_relm.utils.limits import (  # noqa: E402
    TEXT_CHARACTERS,
    UPLOAD_BYTES,
)

TITLE = "RE-LLM: it hears how you say it"
HEADER = """
<h1>RE-LLM</h1>
<p>hears <em>how</em> you say it; beside it, the same LLM reads your words</p>
"""
WELCOME = """
<div class="welcome">
<h2>Say something</h2>
<p>Click an example, record yourself, or write. Two systems answer, side by
side: RE-LLM hears your voice, the other reads what Whisper wrote down. Say the
same words in another voice, and see what changes.</p>
<p class="small">What you say is deleted half an hour after you leave. Scores
come from a small EPITOME classifier, and answers from the model that was
started here: a small one shows that it works, not what RE-LLM can do.</p>
</div>
"""
LEVEL = """
<div class="level" role="meter" aria-label="Level" aria-valuemin="0"
 aria-valuemax="100" aria-valuenow="0"><i></i></div>
"""
LEGEND = """
<p class="legend"><span class="ER">reaction</span>
<span class="Ex">exploration</span>
<span class="only">only this system says it</span></p>
"""
# Seconds after which the conversation of a user who left, and files, go.
KEPT = 1800
# Seconds between two states of an answer.
PAUSE = 0.3
# Gradio gives the event's data to the server, not which button it was.
CHOOSE = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-example]");
  if (button) trigger("click", {token: button.dataset.example});
});
"""
ACCENT = "#0b6e63"  # in light; Gradio has one for both, page.css the dark one
# One accent on warm greys; every text is at 4.5:1 on what lies under it, in
# light and dark, which a test computes.
COLORS = {
    "body_background_fill": ("#f6f4f0", "#14171a"),
    "background_fill_primary": ("#ffffff", "#1c2125"),
    "background_fill_secondary": ("#f6f4f0", "#14171a"),
    "block_background_fill": ("#ffffff", "#1c2125"),
    "body_text_color": ("#1f2328", "#e9e6e1"),
    "body_text_color_subdued": ("#57606a", "#a9b1b8"),
    "block_label_text_color": ("#57606a", "#a9b1b8"),
    "block_title_text_color": ("#57606a", "#a9b1b8"),
    "input_placeholder_color": ("#646d76", "#a9b1b8"),
    "border_color_primary": ("#dcd8d0", "#363d43"),
    "button_primary_background_fill": (ACCENT, "#5cc8b8"),
    "button_primary_background_fill_hover": ("#095a51", "#7ad6c9"),
    "button_primary_text_color": ("#ffffff", "#06231f"),
    "button_secondary_background_fill": ("#ffffff", "#1c2125"),
    "button_secondary_background_fill_hover": ("#eeebe5", "#2a3137"),
    "button_secondary_text_color": ("#1f2328", "#e9e6e1"),
}


def style():
    """Makes the theme.

    Returns
    -------
    gradio.themes.Base
        Colours in light and dark; no font is fetched.

    Example
    -------
    >>> style().body_text_color_dark
    '#e9e6e1'
    """
    theme = gr.themes.Base(
        font=["system-ui", "sans-serif"], font_mono=["monospace"]
    )
    light = {name: pair[0] for name, pair in COLORS.items()}
    dark = {f"{name}_dark": pair[1] for name, pair in COLORS.items()}
    return theme.set(color_accent=ACCENT, **light, **dark)


def paced(turn):
    """Leaves out what nobody could read so fast: drawing it takes time, too.

    Arguments
    ---------
    turn : iterable of speechbrain_relm.demo.listening.Shown
        The turn as it comes.

    Yields
    ------
    speechbrain_relm.demo.listening.Shown
        The turn so far; its first and last state are always among them, and
        each that has another emotion.

    Example
    -------
    >>> from speechbrain_relm.demo.listening import Scored, Shown
    >>> start = Shown("Oh.", None, "", "", None, None)
    >>> end = Scored({"ER": 0, "Ex": 0}, [])
    >>> turn = [start._replace(speech=s) for s in ("", "I", "I see")]
    >>> turn.append(turn[-1]._replace(speech_score=end, text_score=end))
    >>> [shown.speech for shown in paced(turn)]
    ['', 'I see']
    """
    last, at = None, 0.0
    for shown in turn:
        new = last is None or shown.emotion is not last.emotion
        done = shown.text_score is not None
        if new or done or time.monotonic() - at >= PAUSE:
            yield shown
            last, at = shown, time.monotonic()


class Visits:
    """Takes the visitors' turns.

    What a visitor has is a conversation with the systems, and its turns; it
    changes when a turn is whole, so that one that is ended leaves nothing.

    Arguments
    ---------
    listening : speechbrain_relm.demo.listening.Listening
        What answers.
    sounds : speechbrain_relm.demo.sounds.Sounds
        What can be played.
    """

    def __init__(self, listening, sounds):
        self.listening, self.sounds = listening, sounds

    def take(self, visit, recording, text, event: gr.EventData):
        """Takes a turn, and shows it as it comes.

        Closing it ends the answer at the next token.

        Arguments
        ---------
        visit : tuple or None
            The conversation and its turns.
        recording : str or None
            Path of what was recorded or uploaded.
        text : str or None
            What was written.
        event : gradio.EventData
            Names the example, if one was clicked.

        Yields
        ------
        tuple
            The visit, the recorder, the line, what was said and what is being
            said, the voice's course.
        """
        token = (event._data or {}).get("token")
        recording = self.sounds.path(token) if token else recording
        talk, turns = visit or (self.listening.start(), [])
        if recording is None and not (text or "").strip():
            yield self.refused("Record or upload speech, or write something.")
            return
        sound = recording and (token or self.sounds.add(recording))
        first = (gr.skip(), None if not token else gr.skip(), "")
        try:
            with closing(self.listening.turn(talk, recording, text)) as coming:
                for shown in paced(coming):
                    said = writing.Said(shown, sound and f"said/{sound}")
                    yield *first, gr.skip(), self.now(said, turns), gr.skip()
                    first = [gr.skip()] * 3
        except ValueError as problem:
            yield self.refused(str(problem))
            return
        turns = [*turns, said]
        yield (
            *((talk, turns), gr.skip(), gr.skip()),
            *(writing.turns(turns), "", writing.voice(turns)),
        )

    @staticmethod
    def now(said, turns):
        """Writes the turn that is being answered.

        Arguments
        ---------
        said : speechbrain_relm.demo.writing.Said
            The turn so far.
        turns : list of speechbrain_relm.demo.writing.Said
            Those before.

        Returns
        -------
        str
            HTML.
        """
        view = writing.turn(said, len(turns) + 1, coming=True)
        return writing.macro("turn", view)

    @staticmethod
    def refused(sentence):
        """Explains what is of no use; the conversation goes on.

        Arguments
        ---------
        sentence : str
            For the visitor.

        Returns
        -------
        tuple
            See `take`.
        """
        shown = writing.macro("problem", sentence)
        return gr.skip(), None, gr.skip(), gr.skip(), shown, gr.skip()

    @staticmethod
    def fresh():
        """Starts anew.

        Returns
        -------
        tuple
            See `take`.
        """
        return None, None, "", "", "", ""


def top():
    """Lays out the line above the conversation.

    Returns
    -------
    list of gradio.Button
        "Copy", "Download", "New conversation".
    """
    with gr.Row(elem_id="top"):
        gr.HTML(HEADER, elem_id="title", apply_default_css=False)
        return [
            gr.Button(label, size="sm", min_width=0, elem_id=key)
            for key, label in (
                ("copy", "Copy JSON"),
                ("download", "Download"),
                ("fresh", "New conversation"),
            )
        ]


def conversation():
    """Lays out the conversation.

    Returns
    -------
    list of gradio.HTML
        What was said, what is being said, the voice's course.
    """
    with gr.Column(elem_id="talk", scale=3):
        course = gr.HTML(elem_id="course", apply_default_css=False)
        with gr.Column(elem_id="scroll"), gr.Column(elem_id="turns"):
            gr.HTML(WELCOME, elem_id="welcome", apply_default_css=False)
            past = gr.HTML(elem_id="past", apply_default_css=False)
            now = gr.HTML(elem_id="now", apply_default_css=False)
        gr.HTML(LEGEND, elem_id="legend", apply_default_css=False)
    return [past, now, course]


def speaking(sounds):
    """Lays out what a visitor says with.

    Arguments
    ---------
    sounds : speechbrain_relm.demo.sounds.Sounds
        The examples.

    Returns
    -------
    list of gradio.Component
        Examples, recorder, line, "Send".
    """
    with gr.Column(elem_id="say", scale=1, min_width=300):
        examples = gr.HTML(
            writing.examples(sounds),
            elem_id="examples",
            apply_default_css=False,
            js_on_load=CHOOSE,
        )
        recording = gr.Audio(
            sources=["microphone", "upload"],
            type="filepath",
            label="Your turn, spoken",
            show_label=False,
            editable=False,
            buttons=[],
            elem_id="recording",
        )
        gr.HTML(LEVEL, elem_id="level", apply_default_css=False)
        with gr.Row(elem_id="line"):
            text = gr.Textbox(
                label="Your turn, written",
                show_label=False,
                placeholder="or write",
                container=False,
                min_width=0,
                scale=4,
                elem_id="written",
                max_length=TEXT_CHARACTERS,
            )
            send = gr.Button(
                "Send", variant="primary", min_width=0, elem_id="send"
            )
    return [examples, recording, text, send]


def build(listening, sounds):
    """Builds the page.

    Arguments
    ---------
    listening : speechbrain_relm.demo.listening.Listening
        What answers.
    sounds : speechbrain_relm.demo.sounds.Sounds
        The examples, and what visitors say.

    Returns
    -------
    gradio.Blocks
        The page.
    """
    visits = Visits(listening, sounds)
    with gr.Blocks(
        title=TITLE, analytics_enabled=False, delete_cache=(60, KEPT)
    ) as page:
        visit = gr.State(None, time_to_live=KEPT)
        copy, download, fresh = top()
        with gr.Row(elem_id="desk"):
            shown = conversation()
            examples, recording, text, send = speaking(sounds)
        outputs = [visit, recording, text, *shown]
        # One event for all three: while an answer comes, none starts another.
        coming = gr.on(
            [send.click, text.submit, examples.click],
            visits.take,
            [visit, recording, text],
            outputs,
            show_progress="hidden",
            trigger_mode="once",
            api_visibility="private",
        )
        fresh.click(
            visits.fresh,
            None,
            outputs,
            cancels=[coming],
            show_progress="hidden",
            queue=False,
            api_visibility="private",
        )
        for button in (copy, download):
            action = f"() => window.conversation.{button.elem_id}()"
            button.click(None, None, None, js=action)
    return page.queue(default_concurrency_limit=2)


def launch(page, sounds, **settings):
    """Serves the page, on this machine alone unless told otherwise.

    Arguments
    ---------
    page : gradio.Blocks
        From `build`.
    sounds : speechbrain_relm.demo.sounds.Sounds
        What it plays.
    **settings
        For `gradio.Blocks.launch`.

    Returns
    -------
    tuple
        What `launch` returns.
    """
    here = Path(__file__).parent
    css = (here / "page.css").read_text(encoding="utf-8")
    return page.launch(
        theme=style(),
        max_file_size=UPLOAD_BYTES,
        footer_links=[],
        # Not as `css`, which Gradio rewrites.
        head=f"<style>{css}</style>",
        js=(here / "page.js").read_text(encoding="utf-8"),
        app_kwargs={"routes": [sounds.route()]},
        ssr_mode=False,
        **settings,
    )
