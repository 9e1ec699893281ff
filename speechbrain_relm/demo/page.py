"""The page itself, in Gradio.

Authors
 * The speechbrain_relm contributors 2026
"""

import os
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr  # noqa: E402

from speechbrain_relm.demo import writing  # noqa: E402
from speechbrain_relm.demo.visits import Visits  # noqa: E402
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
# Gradio gives the event's data to the server, not which button it was.
CHOOSE = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-example]");
  if (button) trigger("click", {token: button.dataset.example});
});
element.dataset.ready = "";
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


def top():
    """Lays out the line above the conversation.

    Returns
    -------
    gradio.Button
        "New conversation".
    """
    with gr.Row(elem_id="top"):
        gr.HTML(HEADER, elem_id="title", apply_default_css=False)
        copy, download, fresh = (
            gr.Button(label, size="sm", min_width=0, elem_id=key)
            for key, label in (
                ("copy", "Copy JSON"),
                ("download", "Download"),
                ("fresh", "New conversation"),
            )
        )
    for button in (copy, download):
        action = f"() => window.conversation.{button.elem_id}()"
        button.click(None, None, None, js=action)
    return fresh


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


def recorder():
    """Lays out the recorder.

    Returns
    -------
    gradio.Audio
        Which also takes files.
    """
    return gr.Audio(
        sources=["microphone", "upload"],
        type="filepath",
        label="Your turn, spoken",
        show_label=False,
        editable=False,
        buttons=[],
        elem_id="recording",
    )


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
        recording = recorder()
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
        fresh = top()
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
    here = Path(__file__).with_name("assets")
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
