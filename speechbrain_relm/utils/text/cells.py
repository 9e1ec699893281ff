"""Any text as a cell of a Markdown or LaTeX table, shown as it is.

Authors
 * The speechbrain_relm contributors 2026
"""

import re

# An underscore within a word ("re_llm") is none of Markdown's marks. GitHub
# makes links of addresses.
_MARKS = re.compile(
    r"([\\`*\[\]<|~$&@]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.)",
    re.IGNORECASE,
)
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "$": r"\$",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}


def markdown_cell(text):
    """Escapes what Markdown would read as marks.

    Arguments
    ---------
    text : str
        The text.

    Returns
    -------
    str
        A cell that shows it; line ends are spaces.

    Example
    -------
    >>> print(markdown_cell("_so_ re_llm|*"))
    \\_so\\_ re_llm\\|\\*
    """
    return _MARKS.sub(r"\\\1", " ".join(text.splitlines()))


def latex_cell(text):
    """Escapes what LaTeX would read as commands.

    Arguments
    ---------
    text : str
        The text.

    Returns
    -------
    str
        A cell that shows it; line ends are spaces.

    Example
    -------
    >>> print(latex_cell("5 % of A_1"))
    5 \\% of A\\_1
    """
    text = "".join(_LATEX.get(c, c) for c in " ".join(text.splitlines()))
    # Two hyphens would be one dash.
    return re.sub("-(?=-)", "-{}", text).replace("—", "---")
