"""Step 1 on other engines: batch files, and servers that fail.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
import random
from types import SimpleNamespace

import pytest
from servers import Faulty, completion

from speechbrain_relm.lobes.chat_llm import ChatLLM
from speechbrain_relm.lobes.parts.chat_template import Answer
from speechbrain_relm.runs.engines.asking import make_engine
from speechbrain_relm.runs.engines.batch_files import BatchFiles
from speechbrain_relm.runs.engines.requests import read_reply
from speechbrain_relm.runs.engines.server import KEY, ChatServer
from speechbrain_relm.runs.steps.expected_responses import expect_responses
from speechbrain_relm.utils.errors import RecipeError

SETTINGS = {"max_new_tokens": 6, "sentences": 2}
EXAMPLES = {"sad": [["I fell.", "Oh no."]]}


@pytest.fixture(scope="module")
def llm(qwen_folder):
    """A tiny LLM, which the servers serve as well."""
    return ChatLLM(qwen_folder).eval()


@pytest.fixture(scope="module")
def entries():
    """Ten sentences, each in two emotions by two speakers."""
    return {
        f"{who}_{emotion}_{i}": {
            "transcript": f"Sentence {i}.",
            "emotion": emotion,
        }
        for who in "ab"
        for emotion in ("sad", "happy")
        for i in range(10)
    }


def expect(llm, entries, folder, engine=None):
    """Runs Step 1."""
    return expect_responses(
        llm,
        entries,
        folder / "expected_responses.jsonl",
        "cpu",
        "tiny",
        "Be kind.",
        "<{emotion}> ",
        SETTINGS,
        4,
        EXAMPLES,
        engine=engine,
    )


@pytest.fixture(scope="module")
def expected(llm, entries, tmp_path_factory):
    """What the LLM answers here."""
    return expect(llm, entries, tmp_path_factory.mktemp("here"))


def run_engine(llm, requests, answers, fails=lambda number: False):
    """Runs a batch file, answers in any order, some of them failed."""
    lines = []
    for number, line in enumerate(requests.read_text().splitlines()):
        request = json.loads(line)
        assert request["method"] == "POST"
        assert request["url"] == "/v1/chat/completions"
        response = {
            "status_code": 200,
            "body": completion(llm, request["body"]),
        }
        if fails(number):
            response = {"status_code": 500, "body": {"error": "no memory"}}
        lines.append({"custom_id": request["custom_id"], "response": response})
    lines.append({"custom_id": "of another file", "response": None})
    random.Random(0).shuffle(lines)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    answers.write_text(text + '{"custom_id": "torn')


def test_batch_files(llm, entries, expected, tmp_path):
    """Each prompt once; what failed is asked for again; the same records."""
    engine = BatchFiles(tmp_path / "batch", "tiny", shard=12)
    with pytest.raises(RecipeError, match="20 of 20 .* vllm run-batch"):
        expect(None, entries, tmp_path, engine)
    shards = sorted(engine.folder.glob("requests-*.jsonl"))
    assert [len(s.read_text().splitlines()) for s in shards] == [12, 8]
    run_engine(
        llm, shards[0], engine.folder / "answers-1.jsonl", lambda n: n % 3 == 0
    )
    with pytest.raises(RecipeError, match="12 of 20"):
        expect(None, entries, tmp_path, engine)
    (rest,) = engine.folder.glob("requests-*.jsonl")
    run_engine(llm, rest, engine.folder / "answers-2.jsonl")
    assert expect(None, entries, tmp_path, engine) == expected
    for file in engine.folder.iterdir():
        file.unlink()
    assert expect(None, entries, tmp_path, engine) == expected  # is done


def test_an_llm_that_thinks(tmp_path):
    """Its switch is sent; thoughts are no answer, nor is what has no id."""
    one = {"a": {"transcript": "I fell.", "emotion": "sad"}}
    engine = BatchFiles(tmp_path / "batch", "tiny", no_thinking=True)
    with pytest.raises(RecipeError, match="1 of 1"):
        expect(None, one, tmp_path, engine)
    line = (engine.folder / "requests-00001.jsonl").read_text()
    request = json.loads(line)
    switch = request["body"]["chat_template_kwargs"]
    assert switch == {"enable_thinking": False}
    said = "<think>\nHe fell. He is sad.\n</think>\n\nOh no!"
    choice = {"message": {"content": said}, "finish_reason": "stop"}
    response = {"status_code": 200, "body": {"choices": [choice]}}
    lines = [
        {"custom_id": name, "response": response}
        for name in ([1], None, request["custom_id"])
    ]
    text = "\n".join(json.dumps(line) for line in lines)
    (engine.folder / "answers-1.jsonl").write_text(text)
    assert expect(None, one, tmp_path, engine)["a"]["response"] == "Oh no!"
    # What was thought stands apart, and took all tokens.
    choice.update(message={"content": None}, finish_reason="length")
    assert read_reply({"choices": [choice]}) == Answer("", False)


def test_a_server_that_fails(llm, entries, expected, tmp_path, monkeypatch):
    """Is asked again, each prompt until it is answered, none twice."""
    slept = []
    clock = SimpleNamespace(sleep=slept.append)
    monkeypatch.setattr("speechbrain_relm.runs.engines.server.time", clock)
    faults = ["429", "500", "cut", "garbage", "empty"]
    with Faulty(llm, faults) as faulty:
        engine = make_engine(
            {"url": faulty.url, "model": "m", "concurrency": 5, "wait": 0.001}
        )
        assert expect(None, entries, tmp_path, engine) == expected
    assert len(faulty.asked) == 20
    assert {*faulty.asked.values()} == {len(faults) + 1}
    assert faulty.most <= 5
    # The server told so, with 429 and 500.
    assert sum(seconds >= 0.01 for seconds in slept) >= 2 * 20


def test_what_was_answered_is_kept(
    llm, entries, expected, tmp_path, monkeypatch
):
    """A server that dies costs the batch it died in; its key is not told."""
    monkeypatch.setenv(KEY, "secret\r")  # of a Windows file
    monkeypatch.setattr("speechbrain_relm.runs.engines.asking.ROUNDS", 2)
    with Faulty(llm, dies_after=9) as faulty:
        engine = ChatServer(faulty.url, "m", 2, attempts=2, wait=0.001)
        with pytest.raises(RecipeError, match="status 500, 2 times") as died:
            expect(None, entries, tmp_path, engine)
        assert "secret" not in str(died.value)
        assert faulty.keys == {"Bearer secret"}
    kept = (tmp_path / "expected_responses.jsonl").read_text()
    assert len(kept.splitlines()) == 16 and "secret" not in kept
    with Faulty(llm) as healthy:
        engine = ChatServer(healthy.url, "m", 2)
        assert expect(None, entries, tmp_path, engine) == expected
    assert len(healthy.asked) == 20 - 8
    assert not any("secret" in p.read_text() for p in tmp_path.iterdir())


@pytest.mark.parametrize("fault", ["401", "nobody"])
def test_what_does_not_help_is_not_tried_again(llm, entries, tmp_path, fault):
    """A wrong key at once; a missing server after its attempts."""
    with Faulty(llm, [fault] * 9) as faulty:
        url = "http://127.0.0.1:9/v1" if fault == "nobody" else faulty.url
        engine = ChatServer(url, "m", 1, attempts=2, wait=0.001)
        with pytest.raises(RecipeError, match=r"does not answer for 'm'"):
            expect(None, entries, tmp_path, engine)
    assert sum(faulty.asked.values()) <= 3


def test_a_key_that_no_header_carries(monkeypatch):
    """Is said before anything is asked, without the key."""
    monkeypatch.setenv(KEY, "\u201csecret\u201d")
    with pytest.raises(RecipeError, match=f"^{KEY} has a character") as found:
        ChatServer("http://127.0.0.1:9/v1", "m").answer([{}])
    assert "secret" not in str(found.value)


@pytest.mark.parametrize("status", ["400", "413"])
def test_a_prompt_that_is_refused_is_left_out(llm, entries, tmp_path, status):
    """As a refusal of the LLM is."""
    with Faulty(llm, [status]) as faulty:
        engine = ChatServer(faulty.url, "m", 4)
        records = expect(None, entries, tmp_path, engine)
    assert all(record["refused"] for record in records.values())


def test_settings_without_a_word_in_the_protocol(tmp_path):
    """Are named."""
    engine = ChatServer("http://127.0.0.1:9/v1", "m")
    one = {"a": {"transcript": "Hi.", "emotion": "sad"}}
    with pytest.raises(RecipeError, match="num_beams"):
        expect_responses(
            None,
            one,
            tmp_path / "unused.jsonl",
            "cpu",
            "",
            "",
            "",
            {"num_beams": 2},
            1,
            engine=engine,
        )
