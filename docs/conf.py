"""Settings of the documentation: `make docs` leaves it in build/docs.

The source folder is the project's root, so that the Markdown documents link
to one another as they do on a code host. A page for each module is written
below build/api before Sphinx reads anything: a new module cannot be forgotten.

Authors
 * The speechbrain_relm contributors 2026
"""

import posixpath
import re
from pathlib import Path

import speechbrain_relm

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "speechbrain_relm"
API = "build/api"
LINK = re.compile(r"\]\((?!https?:|#|/)([^)#\s]+)")

project = PACKAGE
author = "The speechbrain_relm contributors"
copyright = f"2026, {author}"
release = speechbrain_relm.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
root_doc = "docs/index"
include_patterns = [
    "docs/*.md",
    "[A-Z]*.md",
    "recipes/*/README.md",
    f"{API}/*.rst",
]
default_role = "code"
html_theme = "furo"
html_static_path = ["style.css"]
html_css_files = ["style.css"]
html_title = f"{project} {release}"

# As in SpeechBrain's own documentation.
napoleon_google_docstring = False
napoleon_include_init_with_doc = True
napoleon_include_special_with_doc = True
napoleon_use_admonition_for_notes = True
autodoc_default_options = {
    "members": True,
    "show-inheritance": True,
    "member-order": "bysource",
}
autodoc_inherit_docstrings = False
autosummary_generate = False
# References to our own classes must lead somewhere (`-n`); other packages'
# documentation is not asked for, and plain words stand among the types.
nitpick_ignore_regex = [
    (
        "py:.*",
        "(argparse|collections|contextlib|filelock|gradio|huggingface_hub|"
        "jsonschema|matplotlib|numpy|pathlib|random|re|requests|ruamel|scipy|"
        "soundfile|speechbrain|starlette|tokenizers|torch|transformers|"
        r"types)\..*",
    ),
    ("py:class", "array|async iterator|callable|collection|container"),
    ("py:class", "context managers|file|generator"),
    ("py:class", "iterable|iterator|optional|sequence|str to .*"),
    ("py:class", "DynamicItemDataset"),
    ("py:class", "StreamTextType|VersionType"),  # ruamel's, of a subclass
]
myst_enable_extensions = ["dollarmath", "html_image"]
myst_heading_anchors = 3


def list_modules():
    """Lists the package's modules by their files.

    Returns
    -------
    dict
        Package -> the names of itself and of its modules, in order.
    """
    packages = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        package = ".".join(path.parent.relative_to(ROOT).parts)
        names = packages.setdefault(package, [package])
        if path.stem != "__init__":
            names.append(f"{package}.{path.stem}")
    return packages


def write_page(name, title, body):
    """Writes a page of the API reference.

    Arguments
    ---------
    name : str
        The page's name.
    title : str
        Its title.
    body : list of str
        Its lines.
    """
    folder = ROOT / API
    folder.mkdir(parents=True, exist_ok=True)
    title = title.replace("_", r"\_")
    text = "\n".join([title, "=" * len(title), "", *body, ""])
    path = folder / f"{name}.rst"
    # An unchanged page keeps its time, and is not read again.
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def write_api(app):
    """Writes a page for each module, and one that lists them all.

    Arguments
    ---------
    app : sphinx.application.Sphinx
        Not used.
    """
    listed = []
    written = {"index"}
    for package, names in list_modules().items():
        heading = package.replace("_", r"\_")
        listed += [heading, "-" * len(heading), "", ".. autosummary::", ""]
        listed += [f"   {name}" for name in names] + [""]
        listed += [".. toctree::", "   :hidden:", ""]
        listed += [f"   {name}" for name in names] + [""]
        for name in names:
            write_page(name, name, [f".. automodule:: {name}"])
        written.update(names)
    write_page("index", "API", listed)
    for path in (ROOT / API).glob("*.rst"):
        if path.stem not in written:
            path.unlink()


def link_code(app, docname, source):
    """Lets links to the package's files and folders open their API pages.

    Arguments
    ---------
    app : sphinx.application.Sphinx
        Not used.
    docname : str
        The document that is read.
    source : list of str
        Its text, changed in place.
    """
    folder = posixpath.dirname(docname)

    def page(match):
        path = posixpath.normpath(posixpath.join(folder, match[1]))
        if path.startswith(PACKAGE) and path.endswith(".py"):
            path = path[: -len(".py")]
        elif not (ROOT / path).is_dir():
            return match[0]
        elif (ROOT / path / "README.md").is_file():
            return f"](/{path}/README.md"
        elif not path.startswith(PACKAGE):
            return match[0]
        return f"](/{API}/{path.replace('/', '.')}.rst"

    source[0] = LINK.sub(page, source[0])


def one_title(app, docname, source):
    """Sets a recipe's sections below its title.

    SpeechBrain's READMEs have all of them at the first level, of which each
    would be a page of its own in the sidebar.

    Arguments
    ---------
    app : sphinx.application.Sphinx
        Not used.
    docname : str
        The document that is read.
    source : list of str
        Its text, changed in place.
    """
    if not docname.startswith("recipes/"):
        return
    lines, in_code, titled = source[0].split("\n"), False, False
    for number, line in enumerate(lines):
        if line.startswith("```"):
            in_code = not in_code
        elif line.startswith("#") and not in_code:
            lines[number] = f"#{line}" if titled else line
            titled = True
    source[0] = "\n".join(lines)


def setup(app):
    """Connects the functions above.

    Arguments
    ---------
    app : sphinx.application.Sphinx
        The application.
    """
    app.connect("builder-inited", write_api)
    app.connect("source-read", link_code)
    app.connect("source-read", one_title)
