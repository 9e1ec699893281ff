#!/usr/bin/env python3
"""Questions of many clients at once, against one after another.

    python benchmarks/serving.py results/demo/re_llm_mini/release speech.wav

Both sides ask the same server, in this process, the same questions over HTTP:
recordings, each to be answered in a number of tokens of its own. In turns, as
in `measure.py`; what counts is the median of the ratios. Every answer is
compared with the one that its client got alone.

Authors
 * The speechbrain_relm contributors 2026
"""

import argparse
import base64
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import uvicorn

from speechbrain_relm.inference.commands import load
from speechbrain_relm.inference.serving.app import Service


def questions(recordings, clients, tokens):
    """Writes a question for each client.

    Arguments
    ---------
    recordings : list of pathlib.Path
        Asked in turn.
    clients : int
        How many ask.
    tokens : int
        Of the longest answer; the others want down to half of them.

    Returns
    -------
    list of dict
        Bodies of requests.
    """
    found = []
    for number in range(clients):
        path = recordings[number % len(recordings)]
        data = base64.b64encode(path.read_bytes()).decode()
        audio = {"type": "input_audio", "input_audio": {"data": data}}
        most = tokens - (number * 7) % (tokens // 2 + 1)
        messages = [{"role": "user", "content": [audio]}]
        found.append(
            {"model": "re-llm", "messages": messages, "max_tokens": most}
        )
    return found


def asked(url, bodies, at_once):
    """Asks all questions.

    Arguments
    ---------
    url : str
        Of the server.
    bodies : list of dict
        The questions.
    at_once : int
        Clients that ask at a time.

    Returns
    -------
    texts : list of str
        The answers.
    rate : float
        Tokens of them a second.
    """
    timeout = httpx.Timeout(3600)
    client = httpx.Client(base_url=url, timeout=timeout)
    with client, ThreadPoolExecutor(at_once) as pool:
        started = time.perf_counter()
        replies = list(
            pool.map(
                lambda body: client.post("/v1/chat/completions", json=body)
                .raise_for_status()
                .json(),
                bodies,
            )
        )
        seconds = time.perf_counter() - started
    tokens = sum(reply["usage"]["completion_tokens"] for reply in replies)
    texts = [reply["choices"][0]["message"]["content"] for reply in replies]
    return texts, tokens / seconds


def main():
    """Prints a row of a table for each number of clients."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("release")
    parser.add_argument("recordings", nargs="+", type=Path)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    service = Service(
        load(given.release, given.device),
        "re-llm",
        size=given.batch_size,
        queue=given.clients,
    )
    config = uvicorn.Config(service.app(), port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        measure(given, f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        thread.join()


def measure(given, url):
    """Measures and prints.

    Arguments
    ---------
    given : argparse.Namespace
        The settings.
    url : str
        Of the server.
    """
    bodies = questions(given.recordings, given.clients, given.tokens)
    # A first run of each, which does not count, and the texts.
    alone, _ = asked(url, bodies, 1)
    together, _ = asked(url, bodies, given.clients)
    same = sum(a == b for a, b in zip(alone, together))
    rates = {1: [], given.clients: []}
    for _ in range(given.rounds):
        for at_once, found in rates.items():
            found.append(asked(url, bodies, at_once)[1])
    ratios = [b / a for a, b in zip(rates[1], rates[given.clients])]
    print(
        "| clients | answers at a time | one at a time, tokens/s | "
        "at once, tokens/s | ratio (range) | equal texts |\n"
        "| ---: | ---: | ---: | ---: | ---: | ---: |\n"
        f"| {given.clients} | {given.batch_size} | "
        f"{statistics.median(rates[1]):.1f} | "
        f"{statistics.median(rates[given.clients]):.1f} | "
        f"{statistics.median(ratios):.1f} "
        f"({min(ratios):.1f} to {max(ratios):.1f}) | "
        f"{same} of {len(bodies)} |"
    )


if __name__ == "__main__":
    main()
