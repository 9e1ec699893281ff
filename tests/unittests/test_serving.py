"""The server, asked by OpenAI's own client.

Authors
 * The speechbrain_relm contributors 2026
"""

import base64
import concurrent.futures
import io
import json
import signal
import socket
import sys
import threading
import time

import forked
import httpx
import openai
import pytest
import soundfile
import torch
from servers import Served

from speechbrain_relm.inference.re_llm import EmpatheticListener
from speechbrain_relm.inference.serving.app import Service
from speechbrain_relm.inference.serving.command import KEY


@pytest.fixture(scope="module")
def listener(release_folder):
    """The tiny release."""
    return EmpatheticListener.from_hparams(release_folder)


@pytest.fixture(scope="module")
def served(listener):
    """One server for the tests that leave it as it is."""
    with Served(listener, size=4) as served:
        yield served


def noise(seconds, seed=0):
    """A signal, and the file of it in base64."""
    draw = torch.Generator().manual_seed(seed)
    wav = 0.1 * torch.randn(int(16000 * seconds), generator=draw)
    file = io.BytesIO()
    soundfile.write(file, wav.numpy(), 16000, "FLOAT", format="WAV")
    return wav, base64.b64encode(file.getvalue()).decode()


def said(text):
    """A written turn."""
    return {"role": "user", "content": text}


def as_system(text):
    """A system message."""
    return {"role": "system", "content": text}


def spoken(data, *before):
    """A spoken turn, after words that the user wrote."""
    audio = {"data": data, "format": "wav"}
    parts = [{"type": "text", "text": text} for text in before]
    parts.append({"type": "input_audio", "input_audio": audio})
    return {"role": "user", "content": parts}


def test_answers_are_those_of_the_interface(served, listener):
    """Written, spoken, of several turns; and the emotion's numbers."""
    wav, data = noise(1.5)
    reply = served.ask(said("I lost my keys."))
    assert reply.choices[0].message.content == listener.respond_text(
        "I lost my keys."
    )
    assert reply.model_extra["emotion"] is None

    talk = listener.converse()
    answer = talk.respond(wav=wav)
    reply = served.ask(spoken(data))
    assert reply.choices[0].message.content == answer
    (emotion,) = listener.classify_batch(wav[None], torch.ones(1))
    told = reply.model_extra["emotion"]
    assert told["label"] == emotion.label
    assert told["classes"] == pytest.approx(emotion.head, abs=1e-5)
    for name, value in emotion.attributes.items():
        assert told[name] == pytest.approx(value, abs=1e-5)

    spoken_turn = talk.turns[0]
    talk.turns[0] = spoken_turn._replace(ids=served_ids(listener, answer))
    talk.forget()
    second = talk.respond(text="And now?")
    messages = spoken(data), {"role": "assistant", "content": answer}
    reply = served.ask(*messages, said("And now?"))
    assert reply.choices[0].message.content == second
    assert not served.service.taken


def served_ids(listener, answer):
    """The tokens of an answer that a client sends back as text."""
    return listener.mods.model.llm.encode(answer)


def test_usage_counts_what_was_read(served, listener):
    """Template, speech frames, and tokens of the answer."""
    wav, data = noise(1.0)
    reply = served.ask(spoken(data), max_tokens=5)
    heard = listener.encode_batch(wav[None], torch.ones(1))
    prompt = listener.mods.model.llm.split_prompt(
        listener.hparams.response_system, ""
    )
    frames = int(heard.counts)
    usage = reply.usage
    assert usage.prompt_tokens_details.audio_tokens == frames
    assert usage.prompt_tokens == frames + sum(map(len, prompt))
    assert usage.completion_tokens == 5
    assert usage.total_tokens == usage.prompt_tokens + 5
    assert reply.choices[0].finish_reason == "length"


def test_a_stream_is_the_answer_in_pieces(served):
    """With the emotion first and what it took at the end."""
    _, data = noise(1.0)
    whole = served.ask(spoken(data))
    chunks = [
        *served.ask(
            spoken(data), stream=True, stream_options={"include_usage": True}
        )
    ]
    pieces = [c.choices[0].delta.content or "" for c in chunks[:-1]]
    assert "".join(pieces) == whole.choices[0].message.content
    assert len(list(filter(None, pieces))) > 3
    emotion = chunks[0].model_extra["emotion"]
    assert emotion["label"] == whole.model_extra["emotion"]["label"]
    assert chunks[-2].choices[0].finish_reason == "length"
    assert chunks[-1].usage == whole.usage and not chunks[-1].choices


def test_a_stop_ends_the_answer(served):
    """Before it, streamed or not, even where tokens share it."""
    whole = served.ask(said("Hello")).choices[0].message.content
    middle = len(whole) // 2
    stop = whole[middle : middle + 3]
    expected = whole[: whole.index(stop)]
    reply = served.ask(said("Hello"), stop=[stop]).choices[0]
    assert (reply.message.content, reply.finish_reason) == (expected, "stop")
    chunks = served.ask(said("Hello"), stop=stop, stream=True)
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks]
    assert "".join(pieces) == expected


def test_the_same_seed_draws_the_same(served):
    """Whoever shares the batch; the likeliest without a temperature."""
    draw = {"temperature": 1.5, "top_p": 0.9, "seed": 3}
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        drawn = pool.map(
            lambda seed: served.ask(said("Hi"), **{**draw, "seed": seed}),
            [3, 4, 3, 5],
        )
        texts = [reply.choices[0].message.content for reply in drawn]
    assert texts[0] == texts[2] and len({*texts}) == 3
    likeliest = served.ask(said("Hi")).choices[0].message
    for cold in (0, 1e-40):
        reply = served.ask(said("Hi"), temperature=cold, seed=3)
        assert reply.choices[0].message == likeliest
    whole, broken = (  # numbers, as JSON has them
        served.ask(said("Hi"), temperature=hot, top_p=1, seed=3)
        for hot in (1, 1.0)
    )
    assert whole.choices[0].message == broken.choices[0].message


def test_fifty_clients_at_once(served, listener):
    """Nobody's answer is lost, mixed up, or other than alone."""
    wavs = [noise(0.5 + 0.1 * (n % 17), n) for n in range(50)]
    limits = [3 + n % 10 for n in range(50)]
    barrier = threading.Barrier(50)
    most = []

    def ask(n):
        """One client, with a connection of its own."""
        with openai.OpenAI(
            base_url=f"{served.url}/v1", api_key="x", max_retries=0
        ) as client:
            barrier.wait()
            most.append(len(served.service.batcher.running))
            messages = [
                {"role": "system", "content": f"You are number {n % 3}."},
                spoken(wavs[n][1]) if n % 5 else said(f"I am {n}."),
            ]
            reply = client.chat.completions.create(
                model="re-llm", messages=messages, max_tokens=limits[n]
            )
            most.append(len(served.service.batcher.running))
            return reply.choices[0].message.content

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        found = list(pool.map(ask, range(50)))
    for n, text in enumerate(found):
        talk = listener.converse(
            system=f"You are number {n % 3}.", max_new_tokens=limits[n]
        )
        turn = {"wav": wavs[n][0]} if n % 5 else {"text": f"I am {n}."}
        assert text == talk.respond(**turn), n
    assert max(most) == 4
    assert not served.service.taken


def test_a_full_queue_says_so(listener):
    """With status 429, and answers again when there is room."""
    with Served(listener, size=1, queue=1) as served:
        busy = [
            served.ask(said("Hello"), max_tokens=1000, stream=True)
            for _ in range(2)
        ]
        with pytest.raises(openai.RateLimitError) as full:
            served.ask(said("Hello"))
        assert full.value.code == "rate_limit_exceeded"
        assert full.value.response.headers["retry-after"] == "1"
        for stream in busy:  # their clients leave
            stream.close()
        wait_for(lambda: not served.service.taken)
        assert served.ask(said("Hello"), max_tokens=2).usage


def wait_for(true, seconds=20):
    """Waits until something is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_who_leaves_is_not_answered(listener):
    """The row is free at the next token, with and without a stream."""
    with Served(listener, size=1) as served:
        batcher = served.service.batcher
        client = served.client.with_options(timeout=0.5)
        with pytest.raises(openai.APITimeoutError):
            client.chat.completions.create(
                model="re-llm", messages=[said("Hello")], max_tokens=1024
            )
        wait_for(lambda: not batcher.running and not served.service.taken)


@pytest.mark.parametrize(
    "change, param, words",
    [
        ({"messages": []}, "messages", "no list"),
        ({"messages": [said("a"), said("b")]}, "messages", "in turn"),
        ({"messages": [said(7)]}, "messages[0].content", "no text"),
        ({"messages": [spoken("no base64")]}, None, "base64"),
        ({"messages": [spoken("AAAA")]}, None, "no audio"),
        ({"messages": [spoken(noise(0.01)[1])]}, None, "0.01 s"),
        ({"messages": [spoken(noise(31)[1])]}, None, "31.00 s"),
        ({"messages": [said("word " * 9000)]}, "messages", "32000"),
        ({"messages": [said("word " * 5000)]}, "messages", "4096"),
        (
            {"messages": [as_system("word " * 5000), said("Hi")]},
            "messages",
            "20,000",
        ),
        ({"max_tokens": 10**6}, "max_tokens", "1 to 1024"),
        ({"max_tokens": True}, "max_tokens", "no int"),
        ({"temperature": -1}, "temperature", "0 to 2"),
        ({"stop": ["a"] * 5}, "stop", "four"),
        ({"n": 2}, "n", "not supported"),
        ({"tools": [{"type": "function"}]}, "tools", "not supported"),
    ],
)
def test_what_cannot_be_answered(served, change, param, words):
    """Says which field, in OpenAI's format; the client raises its error."""
    body = {"model": "re-llm", "messages": [said("Hi")], **change}
    with pytest.raises(openai.BadRequestError, match=words) as wrong:
        served.client.post("/chat/completions", body=body, cast_to=object)
    error = wrong.value.body
    assert error["type"] == "invalid_request_error"
    assert param is None or error["param"] == param
    assert "\n" not in error["message"]


def test_other_ways_to_be_wrong(served):
    """Bodies, models, paths, hosts, and a page of another site."""
    url = f"{served.url}/v1/chat/completions"
    as_json = {"Content-Type": "application/json"}
    deep = "[" * 10**5
    for body in ("{", "[]", "7", '"a"', deep, b"\xff", "NaN"):
        wrong = httpx.post(url, content=body, headers=as_json)
        assert wrong.status_code == 400 and wrong.json()["error"]["message"]
    big = httpx.post(url, content=b" " * 20_000_001, headers=as_json)
    assert big.status_code == 413
    assert httpx.post(url, content="{}").status_code == 400
    with pytest.raises(openai.NotFoundError) as missing:
        served.client.chat.completions.create(model="gpt", messages=[said("a")])
    assert missing.value.code == "model_not_found"
    assert httpx.get(f"{served.url}/v1/none").json()["error"]["message"]
    assert httpx.get(url).status_code == 405
    other = httpx.get(f"{served.url}/health", headers={"Host": "evil.com"})
    assert other.status_code == 400
    assert not served.service.taken


def test_half_a_character(served, listener):
    """Is replaced, as the interface does; a model of such a name is none."""
    half = "Hi \ud800"

    def ask(model):
        """Sends it as JSON has it."""
        body = json.dumps({"model": model, "messages": [said(half)]})
        return httpx.post(
            f"{served.url}/v1/chat/completions",
            content=body,
            headers={"Content-Type": "application/json"},
        )

    reply = ask("re-llm").raise_for_status().json()
    answer = reply["choices"][0]["message"]["content"]
    assert answer == listener.respond_text(half)
    assert ask(half).status_code == 404


def test_a_question_that_fails_takes_no_other_with_it(served, monkeypatch):
    """Its client gets status 500, streamed an error; the server lives on."""
    reader = served.service.batcher.reader
    lay_out = reader.lay_out

    def fails(question, speech):
        """Fails for one client."""
        if question.turns[0].pieces == ["fail"]:
            raise ArithmeticError("secret")
        return lay_out(question, speech)

    monkeypatch.setattr(reader, "lay_out", fails)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(served.ask, said(text)) for text in "abcde"]
        with pytest.raises(openai.InternalServerError) as failed:
            served.ask(said("fail"))
        assert all(job.result().usage for job in asked)
    assert "secret" not in str(failed.value)
    with pytest.raises(openai.APIError):
        list(served.ask(said("fail"), stream=True))


def test_models_and_health(served):
    """As clients list and watch them."""
    assert [model.id for model in served.client.models.list()] == ["re-llm"]
    assert served.client.models.retrieve("re-llm").object == "model"
    found = httpx.get(f"{served.url}/health")
    assert found.status_code == 200
    assert found.json() == {"status": "ok", "running": 0, "waiting": 0}


def test_a_key_is_asked_for(listener):
    """Of everyone, but not for the health."""
    with Served(listener, key="sesame") as served:
        assert served.ask(said("Hello"), max_tokens=2).usage
        stranger = openai.OpenAI(base_url=f"{served.url}/v1", api_key="wrong")
        with pytest.raises(openai.AuthenticationError) as wrong:
            stranger.models.list()
        assert wrong.value.code == "invalid_api_key"
        asked = httpx.post(f"{served.url}/v1/chat/completions", json={})
        assert asked.status_code == 401
        assert httpx.get(f"{served.url}/health").status_code == 200


def test_settings_that_no_batch_can_have(listener, monkeypatch):
    """Are found before anybody asks."""
    settings = {**listener.hparams.response_settings, "num_beams": 4}
    monkeypatch.setattr(listener.hparams, "response_settings", settings)
    with pytest.raises(ValueError, match="num_beams"):
        Service(listener, "re-llm")


def test_examples_are_shown_once(served, listener, monkeypatch):
    """Those of the release, whether or not a client sends them as well."""
    examples = [["I fell.", "Oh no."]]
    settings = {**listener.hparams.response_settings, "examples": examples}
    monkeypatch.setattr(listener.hparams, "response_settings", settings)
    _, data = noise(1.0)
    reply = {"role": "assistant", "content": "Oh no."}
    first, again, other = (
        served.ask(*before, spoken(data))
        for before in ([], [said("I fell."), reply], [said("I hid."), reply])
    )
    assert again.choices == first.choices and again.usage == first.usage
    assert other.usage.prompt_tokens > first.usage.prompt_tokens


def test_the_command_ends_gracefully(release_folder):
    """An answer that has begun is sent to its end, then the process ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "speechbrain_relm", "serve"]
    command += [release_folder, "--port", port]
    process = forked.start(command)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: alive(url), 300)
        client = openai.OpenAI(base_url=f"{url}/v1", api_key="x")
        chunks = iter(
            client.chat.completions.create(
                model="re-llm",
                messages=[said("Hello")],
                max_tokens=200,
                stream=True,
            )
        )
        next(chunks)
        process.terminate()
        reasons = [chunk.choices[0].finish_reason for chunk in chunks]
        assert reasons[-1] in ("stop", "length")
        process.join(30)
        assert process.exitcode in (0, -signal.SIGTERM)
    finally:
        process.kill()


def test_an_answer_that_the_end_does_not_wait_for(listener, monkeypatch):
    """Its client is told, in OpenAI's format."""
    served = Served(listener, size=1)
    served.server.config.timeout_graceful_shutdown = 0.1
    batcher = served.service.batcher
    advance = batcher._advance

    def slowly():
        """As a big LLM on a busy machine."""
        time.sleep(0.05)
        advance()

    monkeypatch.setattr(batcher, "_advance", slowly)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with served:
            asked = pool.submit(served.ask, said("Hi"), max_tokens=900)
            wait_for(lambda: batcher.busy() == 1)
            health = httpx.get(f"{served.url}/health").json()
            assert health == {"status": "ok", "running": 1, "waiting": 0}
        with pytest.raises(openai.InternalServerError, match="is ending") as e:
            asked.result()
    assert e.value.status_code == 503 and e.value.type == "server_error"


def alive(url):
    """Whether the server answers."""
    try:
        return httpx.get(f"{url}/health").status_code == 200
    except httpx.TransportError:
        return False


def test_others_need_a_key(release_folder, monkeypatch):
    """Said before the models are loaded."""
    monkeypatch.delenv(KEY, raising=False)
    command = [sys.executable, "-m", "speechbrain_relm", "serve"]
    done = forked.run([*command, release_folder, "--host", "0.0.0.0"])
    assert done.returncode == 1 and KEY in done.stderr
    assert len(done.stderr.splitlines()) == 1
