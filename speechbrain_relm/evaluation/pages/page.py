"""A page in one file, which loads nothing and runs no script but its own.

Authors
 * The speechbrain_relm contributors 2026
"""

import base64
import hashlib
import html
import json
from pathlib import Path

HERE = Path(__file__).resolve().parent


def make_page(title, body, style="", script=""):
    """Puts a page together.

    Arguments
    ---------
    title : str
        Text.
    body : str
        HTML of the page's `main`.
    style : str
        CSS beside `style.css`.
    script : str
        JavaScript.

    Returns
    -------
    str
        HTML. The browser is told to load nothing from elsewhere, and to run
        this script alone, should a text ever look like one.

    Example
    -------
    >>> "<title>5 &lt; 6</title>" in make_page("5 < 6", "<p>Yes.</p>")
    True
    """
    style = (HERE / "style.css").read_text(encoding="utf-8") + style
    digest = hashlib.sha256(script.encode()).digest()
    allowed = f"'sha256-{base64.b64encode(digest).decode()}'"
    policy = (
        "default-src 'none'; img-src data:; media-src data:; "
        f"style-src 'unsafe-inline'; script-src {allowed}; base-uri 'none'; "
        "form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, '
        'initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>\n{style}</style>\n"
        f"</head>\n<body>\n<main>\n{body}\n</main>\n"
        + (f"<script>{script}</script>\n" if script else "")
        + "</body>\n</html>\n"
    )


def json_block(name, content):
    """Embeds data for a page's script.

    Arguments
    ---------
    name : str
        The element's id.
    content : object
        Of JSON's types.

    Returns
    -------
    str
        HTML. No text in it can end the element.

    Example
    -------
    >>> json_block("kit", ["</script>"])
    '<script type="application/json" id="kit">["\\\\u003c/script>"]</script>'
    """
    text = json.dumps(content).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>'


def data_uri(kind, content):
    """Writes a file as an address that holds it.

    Arguments
    ---------
    kind : str
        Its media type, e.g. "image/png".
    content : bytes
        The file.

    Returns
    -------
    str
        The address.

    Example
    -------
    >>> data_uri("text/plain", b"Oh!")
    'data:text/plain;base64,T2gh'
    """
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
