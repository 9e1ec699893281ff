#!/usr/bin/env python3
"""Draws the architecture (Fig. 1 of the paper), as this code implements it.

    python docs/figures/architecture.py

writes architecture.svg beside itself. Colour, hatching and a word each say
what is trained, so that it can be read in grey, too; it is as narrow as a
phone.

Authors
 * The speechbrain_relm contributors 2026
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib import rcParams
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

INK = "#1a1a1a"
QUIET = "#444444"
STYLES = {
    "trained": {"facecolor": "#ffe2b8", "edgecolor": "#b35c00"},
    "frozen": {"facecolor": "#b9cbdd", "edgecolor": "#2f5578"},
    "data": {"facecolor": "white", "edgecolor": QUIET},
}
HATCH = "#f3b765"  # of what is trained; pale, text stands on it


def box(axes, x, y, width, height, title, kind, note=""):
    """Draws a box around (x, y) with a title, a note, and its kind.

    Arguments
    ---------
    axes : matplotlib.axes.Axes
        Where to draw.
    x, y : float
        Centre.
    width, height : float
        Size.
    title : str
        First line, in bold.
    kind : str
        One of `STYLES`.
    note : str
        Further lines.
    """
    shape = {
        "xy": (x - width / 2, y - height / 2),
        "width": width,
        "height": height,
        "boxstyle": "round,pad=0,rounding_size=1.5",
    }
    style = STYLES[kind]
    axes.add_patch(FancyBboxPatch(**shape, **style, linewidth=0))
    if kind == "trained":
        axes.add_patch(
            FancyBboxPatch(
                **shape, fill=False, edgecolor=HATCH, hatch="////", linewidth=0
            )
        )
    axes.add_patch(
        FancyBboxPatch(
            **shape,
            fill=False,
            edgecolor=style["edgecolor"],
            linewidth=1.4 if kind == "trained" else 1,
            linestyle="--" if kind == "data" else "-",
        )
    )
    lines = note.split("\n") if note else []
    top = y + 2.1 * len(lines)
    label(axes, x, top, title, weight="bold", size=8.5)
    for i, line in enumerate(lines):
        label(axes, x, top - 4.2 * (i + 1), line)


def label(axes, x, y, text, size=7.5, align="center", **kwargs):
    """Writes a line of text, centred vertically at y.

    Arguments
    ---------
    axes : matplotlib.axes.Axes
        Where to draw.
    x, y : float
        Position.
    text : str
        One line.
    size : float
        In points.
    align : str
        Which point of the line stands at x: left, center or right.
    **kwargs
        Passed to matplotlib.
    """
    axes.text(
        x, y, text, fontsize=size, ha=align, va="center", color=INK, **kwargs
    )


def arrow(axes, *points):
    """Draws an arrow along the points.

    Arguments
    ---------
    axes : matplotlib.axes.Axes
        Where to draw.
    *points : tuple of float
        (x, y) of the start, of corners, and of the tip.
    """
    line = {"color": QUIET, "linewidth": 1.2, "solid_capstyle": "butt"}
    xs, ys = zip(*points[:-1])
    axes.plot(xs, ys, **line)
    arrowprops = {"arrowstyle": "-|>", "color": QUIET, "linewidth": 1.2}
    arrowprops.update(shrinkA=0, shrinkB=0, mutation_scale=9)
    axes.annotate("", points[-1], points[-2], arrowprops=arrowprops)


def draw_encoders(axes):
    """Draws from the signal to the embeddings for the LLM (Eqs. 1 to 3).

    Arguments
    ---------
    axes : matplotlib.axes.Axes
        Where to draw.
    """
    time = np.linspace(-1, 1, 160)
    wave = np.sin(40 * time) * np.exp(-4 * time**2) * np.cos(7 * time)
    axes.plot(50 + 9 * time, 158 + 3 * wave, color=INK, linewidth=1)
    label(axes, 61, 158, "wav  [B, T]", align="left")
    arrow(axes, (50, 154), (50, 151), (24, 151), (24, 147))
    arrow(axes, (50, 154), (50, 151), (76, 151), (76, 147))
    box(
        axes, 24, 139.5, 44, 15, "speech_encoder", "trained", "Whisper\ntrained"
    )
    box(
        axes,
        76,
        139.5,
        44,
        15,
        "emotion_encoder",
        "frozen",
        "wav2vec 2.0\nfrozen",
    )
    arrow(axes, (24, 132), (24, 120), (38, 120))
    arrow(axes, (76, 132), (76, 120), (62, 120))
    label(axes, 22, 128, "frames", align="right", size=7)
    label(axes, 22, 124.4, "[B, T', 1280]", align="right", size=7)
    label(axes, 78, 128, "embedding", align="left", size=7)
    label(axes, 78, 124.4, "[B, 1024], the", align="left", size=7)
    label(axes, 78, 120.8, "same each T'", align="left", size=7)
    box(axes, 50, 120, 24, 7, "concat", "data")
    arrow(axes, (50, 116.5), (50, 110))
    label(axes, 52, 113.2, "[B, T', 2304]", align="left", size=7)
    note = "3 gated convolutions: 8 frames become 1\ntrained"
    box(axes, 50, 102.5, 70, 15, "adapter", "trained", note)


def draw_heads(axes):
    """Draws the two auxiliary tasks (Eqs. 6 to 9).

    Arguments
    ---------
    axes : matplotlib.axes.Axes
        Where to draw.
    """
    arrow(axes, (24, 95), (24, 84))
    label(axes, 22, 89.5, "mean [B, 4096]", align="right", size=7)
    box(axes, 24, 76.5, 44, 15, "heads", "trained", "2 linear layers\ntrained")
    arrow(axes, (12.5, 69), (12.5, 62))
    arrow(axes, (35.5, 69), (35.5, 62))
    box(axes, 12.5, 55, 21, 14, "4 classes", "data", "cross\nentropy")
    box(axes, 35.5, 55, 21, 14, "3 values", "data", "squared\nerror")
    label(axes, 27, 45.8, "arousal, dominance,", size=7)
    label(axes, 27, 42.2, "valence: labels of the", size=7)
    label(axes, 27, 38.6, "frozen encoder", size=7)


def draw_llm(axes):
    """Draws the chat LLM and what it reads (Eqs. 4, 5).

    Arguments
    ---------
    axes : matplotlib.axes.Axes
        Where to draw.
    """
    arrow(axes, (56, 95), (56, 34.5))
    label(axes, 58, 88, "speech embeddings", align="left", size=7)
    label(axes, 58, 84.4, "[B, T'', 4096]", align="left", size=7)
    box(axes, 20, 29.5, 36, 10, "prompt", "data", "tokens")
    box(axes, 56, 29.5, 32, 10, "speech", "data", "embeddings")
    box(axes, 86, 29.5, 24, 10, "response", "data", "tokens")
    axes.add_patch(
        FancyBboxPatch(
            (2, 1.5),
            96,
            21.5,
            boxstyle="round,pad=0,rounding_size=1.5",
            **STYLES["frozen"],
        )
    )
    label(axes, 20, 16.5, "chat LLM", weight="bold", size=8.5)
    label(axes, 20, 12.25, "Qwen-7B-Chat")
    label(axes, 20, 8, "frozen")
    note = "at speech\npositions only\ntrained"
    box(axes, 56, 12.25, 32, 18.5, "partial LoRA", "trained", note)
    arrow(axes, (86, 1.5), (86, -4.5))
    box(axes, 60, -10, 76, 11, "response", "data", "-log p(expected response)")
    for x, kind in ((2, "trained"), (32, "frozen"), (60, "data")):
        word = "data, losses" if kind == "data" else kind
        box(axes, x + 4, -21.5, 8, 5, "", kind)
        label(axes, x + 10, -21.5, word, align="left")


def main():
    """Draws everything and writes the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--output",
        type=Path,
        default=Path(__file__).with_suffix(".svg"),
        help="an .svg or a .png",
    )
    output = parser.parse_args().output
    # The same file from the same code: no date, no random names.
    rcParams["svg.hashsalt"] = "speechbrain_relm"
    rcParams["hatch.linewidth"] = 0.8
    figure = Figure(figsize=(4.0, 7.4), dpi=200)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 100), ylim=(-25, 162))
    axes.axis("off")
    draw_encoders(axes)
    draw_heads(axes)
    draw_llm(axes)
    metadata = {"Date": None} if output.suffix == ".svg" else None
    figure.savefig(output, facecolor="white", metadata=metadata)


if __name__ == "__main__":
    main()
