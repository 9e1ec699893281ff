"""Our files under SpeechBrain's names, as upstream.yaml says.

Authors
 * The speechbrain_relm contributors 2026
"""

import posixpath
import re
import subprocess
from pathlib import Path

import ruamel.yaml

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(__file__).with_suffix(".yaml")
DOTTED = re.compile(r"\b(?:speechbrain_relm|tests)(?:\.\w+)+")
RUN = re.compile(r"(?<=-m )speechbrain_relm(?![.\w])")
IMPORT = re.compile(
    r"^( *(?:(?:>>>|\.\.\.) )?)from ((?:speechbrain_relm|tests)[\w.]*) "
    r"import (\w+(?:, \w+)*)(?= *(?:#|$))",
    re.MULTILINE,
)
PATH = re.compile(r"(?<![\w/.])(?:speechbrain_relm|recipes|tests)(?:/[\w.-]+)+")
# SpeechBrain is there already.
INSTALL = "pip install -e ../..\n"
LINK = re.compile(r"\[([^][]+)\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")


def read_split():
    """Reads the split.

    Returns
    -------
    places : dict
        Our files and folders -> theirs; `None` stays here.
    pull_requests : dict
        Pull request -> its title, needs, files and patches, in order.
    """
    text = DATA.read_text(encoding="utf-8")
    split = ruamel.yaml.YAML(typ="safe", pure=True).load(text)
    for pull_request in split["pull_requests"].values():
        pull_request.setdefault("patches", [])
    return split["places"], split["pull_requests"]


def tracked_files():
    """Lists the files that git knows.

    Returns
    -------
    list of str
        Paths from the root of this project.
    """
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True
    )
    return listed.stdout.splitlines()


def with_needs(names, pull_requests):
    """Adds what pull requests need, and what that needs.

    Arguments
    ---------
    names : iterable of str
        Pull requests.
    pull_requests : dict
        As from `read_split`.

    Returns
    -------
    list of str
        Those and the others, in order.
    """
    wanted = set(names)
    for name in reversed(list(pull_requests)):
        if name in wanted:
            wanted.update(pull_requests[name]["needs"])
    return [name for name in pull_requests if name in wanted]


def innermost(path, entries):
    """Finds what names a file, or the innermost folder that it lies in.

    Arguments
    ---------
    path : str
        One of our paths.
    entries : container of str
        Files and folders.

    Returns
    -------
    str
        The entry; "" if there is none.
    """
    head = path
    while head and head not in entries:
        head = head.rstrip("/")
        head = head[: head.rfind("/") + 1]
    return head


class Names:
    """Where our files go.

    Arguments
    ---------
    files : list of str
        Our files.
    places : dict
        As from `read_split`.
    pull_requests : dict
        As from `read_split`.
    """

    def __init__(self, files, places, pull_requests):
        self.places = places
        brought_by = {
            entry: name
            for name, pull_request in pull_requests.items()
            for entry in pull_request["files"]
        }
        found = {path: innermost(path, brought_by) for path in files}
        # ours -> (pull request, theirs or None)
        self.files = {
            path: (brought_by[entry], self.place(path))
            for path, entry in found.items()
            if entry
        }
        self.modules = {
            dotted(ours): dotted(theirs)
            for ours, (_, theirs) in self.files.items()
            if ours.endswith(".py") and theirs
        }

    def place(self, path):
        """Finds the place of a file or a folder.

        Arguments
        ---------
        path : str
            One of our paths.

        Returns
        -------
        str or None
            Upstream path; `None` if it stays here.
        """
        if f"{path}/" in self.places:
            return self.places[f"{path}/"].rstrip("/")
        entry = innermost(path, self.places)
        theirs = self.places.get(entry)
        return theirs and theirs + path[len(entry) :]

    def module(self, name):
        """Names a module, or something in it, upstream.

        Arguments
        ---------
        name : str
            Dotted.

        Returns
        -------
        str
            Dotted; unchanged if it does not go there.
        """
        head, tail = name, ""
        while head:
            if head in self.modules:
                return self.modules[head] + tail
            head, _, last = head.rpartition(".")
            tail = f".{last}{tail}"
        return name

    def imports(self, match):
        """Rewrites the import of modules, or of names, from ours."""
        indent, package, names = match.groups()
        full = [f"{package}.{name}" for name in names.split(", ")]
        if not any(name in self.modules for name in full):
            return f"{indent}from {self.module(package)} import {names}"
        lines = []
        for name in full:
            parent, _, last = self.module(name).rpartition(".")
            given = name.rpartition(".")[2]
            alias = "" if last == given else f" as {given}"
            lines.append(f"{indent}from {parent} import {last}{alias}")
        return "\n".join(lines)

    def path(self, match):
        """Rewrites a path in a text."""
        path = match[0].rstrip(".")
        place = self.place(path)
        return place + match[0][len(path) :] if place else match[0]

    def links(self, text, ours, theirs):
        """Rewrites a document's links; those to what stays here become text.

        Arguments
        ---------
        text : str
            Markdown.
        ours, theirs : str
            The document's paths.

        Returns
        -------
        str
            The text.
        """

        def link(match):
            label, target, anchor = match.groups()
            path = posixpath.normpath(
                posixpath.join(posixpath.dirname(ours), target)
            )
            place = self.place(path)
            if not place:
                return label
            target = posixpath.relpath(place, posixpath.dirname(theirs))
            return f"[{label}]({target}{anchor or ''})"

        return LINK.sub(link, text)

    def rewrite(self, text, ours, theirs):
        """Rewrites a file for its new place.

        Arguments
        ---------
        text : str
            The file.
        ours, theirs : str
            Its paths.

        Returns
        -------
        str
            The file, with upstream modules and paths.
        """
        if ours.endswith(".md"):
            text = self.links(text, ours, theirs)
            text = text.replace(INSTALL, "")
        text = IMPORT.sub(self.imports, text)
        text = DOTTED.sub(lambda match: self.module(match[0]), text)
        text = RUN.sub(self.module("speechbrain_relm"), text)
        return PATH.sub(self.path, text)


def dotted(path):
    """Names the module of a path.

    Arguments
    ---------
    path : str
        With slashes, ending with .py.

    Returns
    -------
    str
        With dots.
    """
    return path[: -len(".py")].replace("/", ".").replace(".__init__", "")


def sizes(names, pull_requests):
    """Measures the pull requests.

    Arguments
    ---------
    names : Names
        Where our files go.
    pull_requests : dict
        As from `read_split`.

    Returns
    -------
    dict
        Pull request -> number of files and of lines that it adds: code,
        docstrings, documents, YAML, tests.
    """
    found = {name: [0, 0] for name in pull_requests}
    for path, (name, theirs) in names.files.items():
        if theirs:
            found[name][0] += 1
            found[name][1] += (ROOT / path).read_bytes().count(b"\n")
    for name, pull_request in pull_requests.items():
        for patch in pull_request["patches"]:
            text = (ROOT / patch).read_text(encoding="utf-8")
            found[name][0] += len(re.findall(r"^\+\+\+ ", text, re.M))
            found[name][1] += len(re.findall(r"^\+(?!\+\+ )", text, re.M))
    return found
