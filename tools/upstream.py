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


def read_pull_requests():
    """Reads the split.

    Returns
    -------
    dict
        Pull request -> its title, needs, files and patches, in order.
    """
    text = DATA.read_text(encoding="utf-8")
    pull_requests = ruamel.yaml.YAML(typ="safe", pure=True).load(text)
    for pull_request in pull_requests.values():
        pull_request.setdefault("patches", [])
    return pull_requests


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
        As from `read_pull_requests`.

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


class Names:
    """Where our files go.

    Arguments
    ---------
    files : list of str
        Our files.
    pull_requests : dict
        As from `read_pull_requests`.
    """

    def __init__(self, files, pull_requests):
        self.entries = {
            ours: (name, theirs)
            for name, pull_request in pull_requests.items()
            for ours, theirs in pull_request["files"].items()
        }
        self.files = {}  # ours -> (pull request, theirs or None)
        for path in files:
            place = self.place(path)
            if place is not None:
                self.files[path] = place
        self.modules = {
            dotted(ours): dotted(theirs)
            for ours, (_, theirs) in self.files.items()
            if ours.endswith(".py") and theirs
        }

    def place(self, path):
        """Finds the entry of a file or a folder.

        Arguments
        ---------
        path : str
            One of our paths; a folder's ends with a slash.

        Returns
        -------
        tuple of str or None
            Pull request and upstream path (`None`: it stays here); `None` if
            no entry has it.
        """
        head = path
        while head:
            if head in self.entries:
                name, theirs = self.entries[head]
                return name, theirs and theirs + path[len(head) :]
            head = head.rstrip("/")
            head = head[: head.rfind("/") + 1]
        return None

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
        for known in (path, path + "/"):
            place = self.place(known)
            if place is not None and place[1]:
                return (
                    place[1][: len(place[1]) - len(known) + len(path)]
                    + (match[0][len(path) :])
                )
        return match[0]

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
            place = self.place(path) or self.place(path + "/")
            if place is None or not place[1]:
                return label
            target = posixpath.relpath(place[1], posixpath.dirname(theirs))
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
