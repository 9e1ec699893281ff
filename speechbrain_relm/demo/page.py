"""The page itself, in Gradio.

Authors
 * The speechbrain_relm contributors 2026
"""

import html
import os
import time

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from speechbrain_relm.utils.limits import (  # noqa: E402
    TEXT_CHARACTERS,
    UPLOAD_BYTES,
)

TITLE = "RE-LLM: it hears how you say it"
ABOUT = (
    "Say something, or upload a recording of up to 30 s. Two systems answer: "
    "**RE-LLM** hears you, **Whisper + LLM** reads what Whisper heard. "
    "What you say is deleted half an hour after you leave."
)
# Told apart by their label too, not by colour alone.
COLORS = {"reaction": "#b45309", "exploration": "#1d4ed8"}
LABELS = {"ER": "reaction", "Ex": "exploration"}
SPEECH, TEXT = "RE-LLM", "Whisper + LLM"
# Seconds after which the conversation of a user who left, and files, go.
KEPT = 1800
# Seconds between two states of an answer.
PAUSE = 0.3
# "New conversation" clears both chats, and what the systems remember. Marked
# text flows and breaks as text does.
CSS = """
.chatbot-hides button[aria-label='Clear'] {display: none}
.textfield {display: block !important; word-break: normal !important}
.token-container {display: inline !important}
"""


def draw(attributes):
    """Draws where an utterance lies between sad and happy, calm and excited.

    Arguments
    ---------
    attributes : dict or None
        Arousal, dominance and valence, 0 to 1.

    Returns
    -------
    matplotlib.figure.Figure
        The plane of valence and arousal.

    Example
    -------
    >>> draw({"arousal": 0.8, "dominance": 0.6, "valence": 0.2}).axes[
    ...     0
    ... ].get_xlabel()
    'valence'
    """
    figure = Figure(figsize=(3.4, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="valence", ylabel="arousal")
    axes.axhline(0.5, color="0.8", linewidth=1)
    axes.axvline(0.5, color="0.8", linewidth=1)
    for x, y, word in (
        (0.03, 0.95, "angry, afraid"),
        (0.97, 0.95, "excited, happy"),
        (0.03, 0.05, "sad, tired"),
        (0.97, 0.05, "calm, content"),
    ):
        axes.text(x, y, word, color="0.45", fontsize=8, va="center",
                  ha="left" if x < 0.5 else "right")  # fmt: skip
    if attributes:
        place = [
            min(max(attributes[name], 0.0), 1.0)
            for name in ("valence", "arousal")
        ]
        # The larger, the more dominant.
        size = 60 + 240 * attributes["dominance"]
        axes.scatter(
            *place, s=size, color=COLORS["exploration"], zorder=3, clip_on=False
        )
        axes.annotate(
            f"{place[0]:.2f}, {place[1]:.2f}",
            place,
            xytext=(0, 12),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
    axes.set_title("size: dominance", fontsize=8, color="0.45")
    return figure


def heard(emotion):
    """Shows the emotion heard.

    Arguments
    ---------
    emotion : speechbrain_relm.inference.re_llm.Emotion or None
        What was heard.

    Returns
    -------
    tuple
        Probabilities of the classes, and the plane.
    """
    if emotion is None:
        return None, draw(None)
    return emotion.head or emotion.likelihood, draw(emotion.attributes)


def marked(scored):
    """Shows an answer's phrases that earned its scores, and the scores.

    Arguments
    ---------
    scored : speechbrain_relm.demo.listening.Scored or None
        The scored answer.

    Returns
    -------
    pieces : list of tuple
        Pieces and labels.
    levels : str
        Markdown.

    Example
    -------
    >>> from speechbrain_relm.demo.listening import Scored
    >>> pieces, levels = marked(
    ...     Scored({"ER": 1, "Ex": 0}, [("I'm sorry.", "ER")])
    ... )
    >>> pieces
    [("I'm sorry.", 'reaction')]
    >>> levels
    'Emotional Reaction **1** of 2, Exploration **0** of 2'
    """
    if scored is None:
        return [], ""
    pieces = [(piece, LABELS.get(score)) for piece, score in scored.pieces]
    return pieces, (
        f"Emotional Reaction **{scored.levels['ER']}** of 2, "
        f"Exploration **{scored.levels['Ex']}** of 2"
    )


def written(shown, recording):
    """Writes what the user said.

    Arguments
    ---------
    shown : speechbrain_relm.demo.listening.Shown
        The turn.
    recording : str or None
        The recording, if it was spoken.

    Returns
    -------
    str
        The words.
    """
    if recording is None:
        return shown.heard
    return f"(spoken) {shown.heard or 'nothing that Whisper could write down'}"


def paced(turn):
    """Leaves out what nobody could read so fast: drawing it takes time, too.

    Arguments
    ---------
    turn : iterable of speechbrain_relm.demo.listening.Shown
        The turn as it comes.

    Yields
    ------
    shown : speechbrain_relm.demo.listening.Shown
        The turn so far; its first and last state are always among them.
    new : bool
        Whether its emotion is another than before.

    Example
    -------
    >>> from speechbrain_relm.demo.listening import Scored, Shown
    >>> start = Shown("Oh.", None, "", "", None, None)
    >>> end = Scored({"ER": 0, "Ex": 0}, [])
    >>> turn = [start._replace(speech=s) for s in ("", "I", "I see")]
    >>> turn.append(turn[-1]._replace(speech_score=end, text_score=end))
    >>> [(shown.speech, new) for shown, new in paced(turn)]
    [('', True), ('I see', False)]
    """
    last, at = None, 0.0
    for shown in turn:
        new = last is None or shown.emotion is not last.emotion
        done = shown.text_score is not None
        if new or done or time.monotonic() - at >= PAUSE:
            yield shown, new
            last, at = shown, time.monotonic()


def build(listening):
    """Builds the page.

    Arguments
    ---------
    listening : speechbrain_relm.demo.listening.Listening
        What answers.

    Returns
    -------
    gradio.Blocks
        The page.
    """

    def take(visit, recording, text):
        """Takes a turn, and shows it as it comes."""
        if recording is None and not (text or "").strip():
            raise gr.Error("Record or upload speech, or write something.")
        talk, *chats = visit or (listening.start(), [], [])
        try:
            for shown, new in paced(listening.turn(talk, recording, text)):
                said = message("user", written(shown, recording))
                now = [
                    [*chat, said, message("assistant", words or "…")]
                    for chat, words in zip(chats, (shown.speech, shown.text))
                ]
                done = shown.text_score is not None
                emotion = heard(shown.emotion) if new else [gr.skip()] * 2
                yield (
                    (talk, *now) if done else (talk, *chats),
                    None if done else recording,
                    "",
                    *now,
                    *emotion,
                    *marked(shown.speech_score),
                    *marked(shown.text_score),
                )
        except ValueError as problem:
            raise gr.Error(html.escape(str(problem)), duration=10)

    with gr.Blocks(
        title=TITLE, analytics_enabled=False, delete_cache=(60, KEPT)
    ) as page:
        gr.Markdown(f"# {TITLE}\n{ABOUT}")
        visit = gr.State(None, time_to_live=KEPT)
        with gr.Row():
            with gr.Column(min_width=280):
                recording = gr.Audio(
                    sources=["upload", "microphone"],
                    type="filepath",
                    label="Your turn, spoken",
                    elem_id="recording",
                )
                text = gr.Textbox(
                    label="or written",
                    elem_id="written",
                    max_length=TEXT_CHARACTERS,
                )
                with gr.Row():
                    send = gr.Button("Send", variant="primary", elem_id="send")
                    fresh = gr.Button("New conversation", elem_id="fresh")
            with gr.Column(min_width=280):
                emotion = gr.Label(
                    label="Emotion heard", num_top_classes=4, elem_id="emotion"
                )
                plane = gr.Plot(draw(None), show_label=False, elem_id="plane")
        shown = {}
        with gr.Row():
            for name, key in ((SPEECH, "speech"), (TEXT, "text")):
                with gr.Column(min_width=280):
                    shown[key] = (
                        gr.Chatbot(
                            label=name,
                            height=320,
                            elem_id=f"{key}-chat",
                            elem_classes="chatbot-hides",
                            buttons=[],
                            feedback_options=None,
                            placeholder="Nothing said yet",
                            # What is said is text, whatever it looks like:
                            # an image in it would be fetched.
                            render_markdown=False,
                        ),
                        gr.HighlightedText(
                            label=f"{name}: what earned the scores",
                            color_map=COLORS,
                            show_legend=True,
                            elem_id=f"{key}-marked",
                        ),
                        gr.Markdown(elem_id=f"{key}-levels"),
                    )
        gr.Markdown(
            "The scores are those of a small EPITOME classifier, and the "
            "answers those of the model that you started: a small one shows "
            "that it works, not what RE-LLM can do."
        )
        outputs = [
            *(visit, recording, text, shown["speech"][0], shown["text"][0]),
            *(emotion, plane, *shown["speech"][1:], *shown["text"][1:]),
        ]
        for event in (send.click, text.submit):
            event(
                take,
                [visit, recording, text],
                outputs,
                # One sign is enough; each is an animation that is painted.
                show_progress_on=recording,
                api_visibility="private",
            )
        fresh.click(
            lambda: (
                *(None, None, "", [], [], None, draw(None)),
                *([], "", [], ""),
            ),
            None,
            outputs,
            api_visibility="private",
        )
    return page.queue(default_concurrency_limit=2)


def message(role, text):
    """Makes a message of a chat.

    Arguments
    ---------
    role : str
        "user" or "assistant".
    text : str
        What is said.

    Returns
    -------
    dict
        The message.

    Example
    -------
    >>> message("assistant", "I see.")
    {'role': 'assistant', 'content': 'I see.'}
    """
    return {"role": role, "content": text}


def launch(page, **settings):
    """Serves the page, on this machine alone unless told otherwise.

    Arguments
    ---------
    page : gradio.Blocks
        From `build`.
    **settings
        For `gradio.Blocks.launch`.

    Returns
    -------
    tuple
        What `launch` returns.
    """
    fonts = ["system-ui", "sans-serif"]  # none is fetched
    return page.launch(
        theme=gr.themes.Default(font=fonts, font_mono=["monospace"]),
        max_file_size=UPLOAD_BYTES,
        footer_links=[],
        css=CSS,
        ssr_mode=False,
        **settings,
    )
