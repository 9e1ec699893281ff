"""Listeners behind a server, held against the same ones here.

Authors
 * The speechbrain_relm contributors 2026
"""

import pytest
import soundfile
import torch
from recipe_runs import SCRIPT, command, run
from servers import Faulty, Served

from speechbrain_relm.inference.re_llm import EmpatheticListener
from speechbrain_relm.lobes.chat_llm import ChatLLM
from speechbrain_relm.mini.esd import make_esd
from speechbrain_relm.runs.engines.listener import ServerListener
from speechbrain_relm.runs.engines.server import KEY
from speechbrain_relm.runs.listeners import ReleasedListener, TextListener
from speechbrain_relm.runs.provenance.inputs import Inputs
from speechbrain_relm.runs.steps.respond import Ask, respond
from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.records import read_records

EMOTIONS = ["neutral", "sad", "angry", "happy"]
RESPONSE = Ask("Be kind.", "", {"max_new_tokens": 6})
RECOGNITION = Ask("Help.", "Which emotion is it? ", {"max_new_tokens": 4})
TOLD = ("response", "finished", "ser_answer", "ser_emotion")
READS = "<{emotion}> {transcript}"


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    """Five recordings of 16 bits."""
    folder = tmp_path_factory.mktemp("wavs")
    draw, found = torch.Generator().manual_seed(1), {}
    for i in range(5):
        path = folder / f"{i}.wav"
        wav = 0.1 * torch.randn(16000 + 3000 * i, generator=draw)
        soundfile.write(path, wav.numpy(), 16000, "PCM_16")
        found[path.stem] = {
            "wav": str(path),
            "duration": 1.0,
            "transcript": f"Sentence {i}.",
            "emotion": EMOTIONS[i % 4],
            "arousal": None,
        }
    return found


def answers(listener, entries, path, size=2):
    """Runs the step `respond`, and keeps what the texts say."""
    asks = RESPONSE, RECOGNITION
    found = respond(
        listener,
        entries,
        path,
        {},
        {i: i for i in entries},
        EMOTIONS,
        *asks,
        size,
    )
    return {i: {k: r[k] for k in TOLD} for i, r in found.items()}


def test_speech_over_our_own_server(release_folder, entries, tmp_path):
    """The same words as from the release here; no likelihoods, no heads."""
    release = EmpatheticListener.from_hparams(release_folder)
    here = ReleasedListener(release)
    expected = answers(here, entries, tmp_path / "here.jsonl")
    with Served(release, size=4) as served:
        there = ServerListener(f"{served.url}/v1", "re-llm")
        found = answers(there, entries, tmp_path / "there.jsonl")
    assert found == expected
    assert any(record["response"] for record in found.values())
    (one, *_) = read_records(tmp_path / "there.jsonl").values()
    assert not {"likelihood_emotion", "calibrated_emotion"} & {*one}
    assert "head_emotion" not in one


def test_text_over_a_server_that_dies(
    qwen_folder, entries, tmp_path, monkeypatch
):
    """Goes on where it died; the same words; its key is nowhere."""
    monkeypatch.setenv(KEY, "secret")
    llm, path = ChatLLM(qwen_folder).eval(), tmp_path / "responses.jsonl"
    expected = answers(TextListener(llm, READS), entries, tmp_path / "here")
    settings = {"text": READS, "attempts": 2, "wait": 0.001, "concurrency": 2}
    with Faulty(llm, dies_after=6) as faulty:
        listener = ServerListener(faulty.url, "m", **settings)
        with pytest.raises(RecipeError, match="does not answer for 'm'"):
            answers(listener, entries, path)
        assert faulty.keys == {"Bearer secret"}
    assert len(path.read_text().splitlines()) == 2
    with Faulty(llm, ["429", "cut"]) as healthy:
        listener = ServerListener(
            healthy.url, "m", **settings | {"attempts": 3}
        )
        assert answers(listener, entries, path) == expected
    assert len(healthy.asked) == 2 * 3 and healthy.most <= 2
    assert not any("secret" in file.read_text() for file in tmp_path.iterdir())


def test_a_server_that_does_not_hear(qwen_folder, entries, tmp_path):
    """Is named, rather than a table of empty answers made."""
    with Faulty(ChatLLM(qwen_folder).eval(), ["400"]) as faulty:
        listener = ServerListener(faulty.url, "m", READS)
        with pytest.raises(RecipeError, match="refuses all of 2 .*input_audio"):
            answers(listener, entries, tmp_path / "responses.jsonl")


def test_a_row_of_the_table(release_folder, scorer_folder, tmp_path):
    """By one override of the recipe; an address makes no other system."""
    corpus = make_esd(tmp_path / "ESD", speakers=1, sentences=3)
    release = EmpatheticListener.from_hparams(release_folder)
    yaml = SCRIPT.parent / "hparams" / "re_llm_mini.yaml"
    tiny = dict.fromkeys(("whisper_source", "llm_source"), release_folder)
    tiny.update(
        scorer_source=scorer_folder,
        system="openai_listener",
        steps="[prepare, respond, score, report]",
    )
    with Served(release, size=4) as served:
        url = f"'{served.url}/v1'"
        tiny["listener"] = f"{{url: {url}, model: re-llm}}"
        printed = run(command(yaml, tmp_path / "run", corpus, tiny))
    assert "Emotional Reaction" in printed
    records = read_records(tmp_path / "run" / "responses.jsonl").values()
    assert records and all("ser_answer" in record for record in records)


def test_an_address_is_no_input():
    """But the model is, and what it reads."""
    text = (
        "emotions: [sad]\nlistener: !new:a.B\n    url: {}\n    model: {}\n"
        "    concurrency: {}\n"
    )

    def inputs(*values):
        """Of the step, of a YAML with these."""
        return Inputs(text.format(*values)).of("respond")

    first = inputs("http://a/v1", "llm", 3)
    assert inputs("http://b/v1", "llm", 4) == first
    assert inputs("http://a/v1", "other", 3) != first
