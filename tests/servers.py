"""Servers of chat completions in a thread: one that fails, and our own.

Authors
 * The speechbrain_relm contributors 2026
"""

import collections
import http.server
import json
import threading
import time

import openai
import uvicorn

from speechbrain_relm.inference.serving.app import Service
from speechbrain_relm.model.prompting import answer_texts

HOSTS = ["127.0.0.1", "localhost"]


def completion(llm, body):
    """Answers a request as an engine does."""
    *before, last = [m["content"] for m in body["messages"]]
    (answer,) = answer_texts(
        llm,
        before[0],
        [last],
        "cpu",
        list(zip(before[1::2], before[2::2])),
        max_new_tokens=body["max_tokens"],
    )
    choice = {
        "message": {"role": "assistant", "content": answer.text},
        "finish_reason": "stop" if answer.finished else "length",
    }
    return {"object": "chat.completion", "choices": [choice]}


class Faulty:
    """A server that fails in turn, and then answers."""

    def __init__(self, llm, faults=(), dies_after=None):
        self.llm, self.faults = llm, faults
        self.asked = collections.Counter()
        self.running = self.most = 0
        self.left = dies_after
        self.lock = threading.Lock()
        self.keys = set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """Answers or fails."""

            def log_message(self, *said):
                """Says nothing."""

            def do_POST(self):
                """Answers one request."""
                length = int(self.headers["Content-Length"])
                body = json.loads(self.rfile.read(length))
                outer.keys.add(self.headers.get("Authorization"))
                with outer.lock:
                    outer.running += 1
                    outer.most = max(outer.most, outer.running)
                    name = json.dumps(body)
                    fault = dict(enumerate(outer.faults)).get(outer.asked[name])
                    outer.asked[name] += 1
                    if outer.left is not None:
                        outer.left -= 1
                        fault = "500" if outer.left < 0 else fault
                    reply = json.dumps(completion(outer.llm, body)).encode()
                    outer.running -= 1
                self.answer(fault, reply)

            def answer(self, fault, reply):
                """Sends a reply, or less."""
                if fault and fault.isdigit():
                    self.send_response(int(fault))
                    self.send_header("Retry-After", "0.01")
                    reply = b"{}"
                else:
                    self.send_response(200)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                if fault == "cut":
                    reply = reply[: len(reply) // 2]
                if fault == "garbage":
                    reply = b"x" * len(reply)
                if fault == "empty":
                    reply = b"{}".ljust(len(reply))
                self.wfile.write(reply)
                self.close_connection = True

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        host, port = self.server.server_address
        self.url = f"http://{host}:{port}/v1"
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Served:
    """A service on a port of its own, in a thread."""

    def __init__(self, listener, **settings):
        self.service = Service(listener, "re-llm", **settings)
        app = self.service.app(HOSTS)
        config = uvicorn.Config(app, port=0, log_level="error")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run)

    def __enter__(self):
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.client = openai.OpenAI(
            base_url=f"{self.url}/v1",
            api_key=self.service.key or "none",
            max_retries=0,
        )
        return self

    def ask(self, *messages, **settings):
        """Asks for one answer."""
        return self.client.chat.completions.create(
            model="re-llm", messages=list(messages), **settings
        )

    def __exit__(self, *error):
        self.server.should_exit = True
        self.thread.join()
