"""How plots look, on white and on black.

Authors
 * The speechbrain_relm contributors 2026
"""

import math

from speechbrain_relm.utils.limits import FIGURE_PIXELS

# Told apart by form too, not by colour alone (Okabe and Ito's colours).
MARKERS = "osD^vPX*<>"
_COMMON = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "figure.constrained_layout.h_pad": 0.1,
    "figure.constrained_layout.w_pad": 0.1,
    "font.size": 9,
    "legend.frameon": False,
}
# A date would make the figures of equal runs differ.
_UNDATED = {"pdf": {"CreationDate": None}}
# Theme to what stands in a file's name, ground, text, quiet, lines, colours.
THEMES = {
    "light": (
        "",
        "#ffffff",
        "#1c2430",
        "#566070",
        "#d5dae1",
        ["#0b5394", "#c2500a", "#0f7b5f", "#9c5fb5", "#6b7280", "#b58900"],
    ),
    "dark": (
        ".dark",
        "#1c222b",
        "#e6e9ee",
        "#a3adba",
        "#3a434f",
        ["#8bbdf5", "#f59b5a", "#4fd1a8", "#d6a5e8", "#a3adba", "#f0d264"],
    ),
}


def settings(theme):
    """Lists matplotlib's settings of a theme.

    Arguments
    ---------
    theme : str
        "light" or "dark".

    Returns
    -------
    dict
        For `matplotlib.rc_context`.

    Example
    -------
    >>> settings("dark")["axes.facecolor"]
    '#1c222b'
    """
    from cycler import cycler

    _, ground, text, quiet, lines, colours = THEMES[theme]
    return {
        **_COMMON,
        "axes.edgecolor": quiet,
        "axes.facecolor": ground,
        "axes.labelcolor": text,
        "axes.prop_cycle": cycler(color=colours),
        "figure.facecolor": ground,
        "grid.color": lines,
        "savefig.facecolor": ground,
        "text.color": text,
        "xtick.color": quiet,
        "xtick.labelcolor": text,
        "ytick.color": quiet,
        "ytick.labelcolor": text,
    }


def draw(path, make, endings=("png",), themes=tuple(THEMES)):
    """Draws a figure in each theme.

    Arguments
    ---------
    path : pathlib.Path
        Without ending: `.png` and `.dark.png` are written, whole or not.
    make : callable
        Makes the figure, with the colours C0 to C5 of the theme.
    endings : tuple of str
        Kinds of files.
    themes : tuple of str
        Keys of `THEMES`.

    Example
    -------
    >>> from matplotlib.figure import Figure
    >>> draw(getfixture("tmp_path") / "a", lambda: Figure((1, 1)))
    >>> sorted(path.name for path in getfixture("tmp_path").iterdir())
    ['a.dark.png', 'a.png']
    """
    # Only here: a training process needs no plotting library.
    from matplotlib import rc_context

    path.parent.mkdir(parents=True, exist_ok=True)
    places = None
    for theme in themes:
        with rc_context(settings(theme)):
            figure = make()
            # Of hundreds of systems, each pixel would be drawn.
            figure.dpi = min(160, FIGURE_PIXELS / max(figure.get_size_inches()))
            places = _lay_out(figure, places)
            for ending in endings:
                name = f"{path.name}{THEMES[theme][0]}.{ending}"
                target = path.with_name(name)
                temporary = target.with_name(f".{name}")
                figure.savefig(
                    temporary,
                    format=ending,
                    dpi=figure.dpi,
                    metadata=_UNDATED.get(ending),
                )
                temporary.replace(target)


def _lay_out(figure, places):
    """Puts panels where there is room for their texts, or where others are."""
    engine = figure.get_layout_engine()
    if places is not None:  # colours need no other room
        for axis, place in zip(figure.axes, places):
            axis.set_position(place)
    elif engine is not None:
        engine.execute(figure)
    # With an engine, matplotlib draws twice and keeps the second.
    figure.set_layout_engine(None)
    return [axis.get_position(original=True) for axis in figure.axes]


def panels(number, columns, width, height, below=0.0):
    """Makes an empty figure of panels, row by row.

    Arguments
    ---------
    number : int
        Panels.
    columns : int
        So many in a row at most.
    width : float
        Of a panel, in inches.
    height : float
        The same.
    below : float
        What is left for a legend.

    Returns
    -------
    figure : matplotlib.figure.Figure
        The figure.
    axes : list of matplotlib.axes.Axes
        One a panel.

    Example
    -------
    >>> figure, axes = panels(3, 2, 4.0, 3.0)
    >>> len(axes), figure.get_size_inches().tolist()
    (3, [8.0, 6.0])
    """
    # Only here: a training process needs no plotting library.
    from matplotlib.figure import Figure

    columns = min(columns, number)
    rows = math.ceil(number / columns)
    size = width * columns, height * rows + below
    figure = Figure(size, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for axis in axes[number:]:
        axis.set_axis_off()
    return figure, axes[:number]


def colours_of(emotions):
    """Gives each emotion a colour and a marker, the same in all plots.

    Arguments
    ---------
    emotions : iterable of str
        The classes.

    Returns
    -------
    dict
        Class, in alphabetical order, to colour and marker.

    Example
    -------
    >>> colours_of(["sad", "happy"])
    {'happy': ('C0', 'o'), 'sad': ('C1', 's')}
    """
    return {
        emotion: (f"C{i % 6}", MARKERS[i % len(MARKERS)])
        for i, emotion in enumerate(sorted(set(emotions)))
    }


def legend(figure, emotions):
    """Says below a figure which emotion is which.

    Arguments
    ---------
    figure : matplotlib.figure.Figure
        The figure, of a constrained layout.
    emotions : iterable of str
        The classes.

    Example
    -------
    >>> from matplotlib.figure import Figure
    >>> legend(Figure(layout="constrained"), ["sad"])
    """
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=colour, marker=marker, linestyle="", label=name)
        for name, (colour, marker) in colours_of(emotions).items()
    ]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=len(handles)
    )
