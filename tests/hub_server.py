"""A model hub on this machine, for tests: what huggingface_hub asks for.

Serves folders under the ids of released models: descriptions, file lists,
files with ranges, gates and failures. Standard library alone.
"""

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = 1024  # bytes, from which a file counts as one of Git LFS


class Hub:
    """The models, and how the hub behaves.

    Arguments
    ---------
    models : dict
        Hub id to a folder.
    """

    def __init__(self, models):
        self.models = {name: Path(path) for name, path in models.items()}
        self.gated, self.private = set(), set()
        self.status = None  # of every answer, where the hub is down
        self.login = False  # whether a network's login page stands before it
        self.cut = {}  # path of a file to the bytes after which it is cut
        self.cut_once = False
        self.log = []  # (method, path, range) of every request
        self.sent = {}  # path of a file to the bytes that were sent

    def files(self, name):
        """Lists a model's files."""
        root = self.models[name]
        return sorted(f for f in root.rglob("*") if f.is_file())

    def commit(self, name):
        """Names the only revision, by its content."""
        digest = hashlib.sha1(name.encode())
        for file in self.files(name):
            digest.update(f"{file.name} {file.stat().st_size}".encode())
        return digest.hexdigest()

    def describe(self, name):
        """What `/api/models/ID?blobs=true` says."""
        return {
            "id": name,
            "modelId": name,
            "sha": self.commit(name),
            "private": False,
            "gated": "manual" if name in self.gated else False,
            "tags": [],
            "siblings": [
                {"rfilename": entry["path"], **entry}
                for entry in self.tree(name)
            ],
        }

    def tree(self, name):
        """What `/api/models/ID/tree/REVISION` says."""
        entries = []
        for file in self.files(name):
            size, tag = file.stat().st_size, etag(file)
            entry = {"type": "file", "size": size, "oid": tag, "blobId": tag}
            entry["path"] = file.relative_to(self.models[name]).as_posix()
            if size >= LARGE:
                sum_ = hashlib.sha256(file.read_bytes()).hexdigest()
                entry["lfs"] = {"oid": sum_, "sha256": sum_, "size": size}
                entry["lfs"]["pointerSize"] = 134
            entries.append(entry)
        return entries


def etag(file):
    """Names a file's content: what the hub's cache calls its blob."""
    kind = hashlib.sha256 if file.stat().st_size >= LARGE else hashlib.sha1
    return kind(file.read_bytes()).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        """Says nothing."""

    def do_HEAD(self):
        """Describes a file."""
        self.answer(body=False)

    def do_GET(self):
        """Sends a description or a file."""
        self.answer(body=True)

    def answer(self, body):
        """Finds what is asked for."""
        hub, url = self.server.hub, urlsplit(self.path)
        path = unquote(url.path).strip("/")
        span = self.headers.get("Range")
        hub.log.append((self.command, path, span))
        if hub.status is not None:
            return self.refuse(hub.status, "", "The hub is being mended.")
        if hub.login:
            return self.send_text("<html>Log in first.</html>", "text/html")
        api = path.startswith("api/models/")
        rest = path.removeprefix("api/models/")
        name = next(
            (n for n in hub.models if f"{rest}/".startswith(f"{n}/")), None
        )
        allowed = self.headers.get("Authorization") == "Bearer good"
        if name is None or (name in hub.private and not allowed):
            return self.refuse(401, "RepoNotFound", "Invalid username.")
        rest = rest[len(name) :].strip("/")
        closed = name in hub.gated and not allowed
        if closed and (not api or rest == "auth-check"):
            return self.refuse(403 if allowed else 401, "GatedRepo", "Gated.")
        if not api:
            return self.send_file(name, rest, span, body)
        kind, _, revision = rest.partition("/")
        known = ("main", hub.commit(name))
        if kind in ("revision", "tree") and revision.split("/")[0] not in known:
            return self.refuse(404, "RevisionNotFound", "No such revision.")
        if kind == "tree":
            return self.send_json(hub.tree(name))
        found = hub.describe(name)
        if "blobs" not in parse_qs(url.query):
            for file in found["siblings"]:
                for key in set(file) - {"rfilename"}:
                    del file[key]
        return self.send_json(found)

    def send_file(self, name, rest, span, body):
        """Sends a file, or the part of it that is asked for."""
        hub = self.server.hub
        _, _, rest = rest.partition("resolve/")
        revision, _, path = rest.partition("/")
        commit, file = hub.commit(name), hub.models[name] / path
        if revision not in ("main", commit):
            return self.refuse(404, "RevisionNotFound", "No such revision.")
        if not file.is_file():
            return self.refuse(404, "EntryNotFound", "No such file.", commit)
        content = file.read_bytes()
        size, start = len(content), 0
        if span and body:
            start = int(span.removeprefix("bytes=").split("-")[0])
        self.send_response(206 if start else 200)
        self.send_header("X-Repo-Commit", commit)
        self.send_header("ETag", f'"{etag(file)}"')
        if size >= LARGE:
            self.send_header("X-Linked-Etag", f'"{etag(file)}"')
            self.send_header("X-Linked-Size", str(size))
        self.send_header("Accept-Ranges", "bytes")
        if start:
            self.send_header(
                "Content-Range", f"bytes {start}-{size - 1}/{size}"
            )
        self.send_header("Content-Length", str(size - start))
        self.end_headers()
        if not body:
            return None
        key = f"{name}/{path}"
        until = hub.cut.get(key, size)
        part = content[start : max(start, until)]
        hub.sent[key] = hub.sent.get(key, 0) + len(part)
        self.wfile.write(part)
        if until < size:
            self.close_connection = True
            if hub.cut_once:
                del hub.cut[key]
        return None

    def send_json(self, found):
        """Sends an answer of the API."""
        self.send_text(json.dumps(found), "application/json")

    def send_text(self, text, kind):
        """Sends an answer that is no file."""
        content = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def refuse(self, status, code, message, commit=None):
        """Says no, in the hub's words."""
        self.send_response(status)
        if commit:
            self.send_header("X-Repo-Commit", commit)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", message)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def served(models):
    """Runs a hub inside a `with` block.

    Arguments
    ---------
    models : dict
        Hub id to a folder.

    Yields
    ------
    hub : Hub
        To change how it behaves; `hub.url` is its address.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.hub = hub = Hub(models)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
