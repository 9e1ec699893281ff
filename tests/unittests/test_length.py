"""Length control: expected responses made with it, and the study of it."""

import sys
from pathlib import Path

import pytest
import torch
from recipe_runs import SCRIPT, command, run

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import length_study  # noqa: E402

from speechbrain_relm.evaluation.runs import read_run  # noqa: E402
from speechbrain_relm.inference.re_llm import EmpatheticListener  # noqa: E402
from speechbrain_relm.lobes.chat_llm import ChatLLM  # noqa: E402
from speechbrain_relm.lobes.epitome import EmpathyScorer  # noqa: E402
from speechbrain_relm.mini import models  # noqa: E402
from speechbrain_relm.mini.esd import make_esd  # noqa: E402
from speechbrain_relm.model.prompting import answer_texts  # noqa: E402
from speechbrain_relm.utils.records import read_records  # noqa: E402

YAML = SCRIPT.parent / "hparams" / "re_llm_mini.yaml"
EMOTION_GIVEN = (
    "Answer someone who says this in a {emotion} tone with one short "
    "sentence, and end with a question: "
)
# The system of docs/length.md, but for its wording.
SYSTEM = f"""\
based_on: re_llm
system_title: RE-LLM, taught to be brief
expected_response_settings:
    max_new_tokens: 32
    sentences: 1
continuation_from_text: "{EMOTION_GIVEN}"
continuation_examples: null
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """One voice, four emotions, three sentences."""
    return make_esd(tmp_path_factory.mktemp("esd") / "ESD", 1, 3)


@pytest.fixture(scope="module")
def taught(tmp_path_factory, corpus, whisper_folder, emotion_folder):
    """Expected responses of the real small LLM, by the recipe."""
    folder = tmp_path_factory.mktemp("taught")
    system = folder / "brief.yaml"
    system.write_text(SYSTEM, encoding="utf-8")
    sources = {
        "whisper_source": whisper_folder,
        "emotion_source": emotion_folder,
        "scorer_source": "null",
        "empathy_scorer": "null",
        "steps": "[prepare,expected_responses]",
        "system": system,
    }
    run(command(YAML, folder / "run", corpus, sources))
    return folder / "run"


def test_expected_responses_are_of_so_many_sentences(taught):
    """What the LLM says to the prompt with the emotion, up to the first end."""
    records = read_records(taught / "expected_responses.jsonl")
    llm = ChatLLM(models.folder("SmolLM2-135M-Instruct"))
    texts = [
        EMOTION_GIVEN.format(emotion=record["emotion"]) + record["transcript"]
        for record in records.values()
    ]
    whole = answer_texts(
        llm, "You are a helpful assistant.", texts, "cpu", max_new_tokens=32
    )
    shorter = 0
    for record, said in zip(records.values(), whole):
        assert said.text.startswith(record["response"])
        rest = said.text[len(record["response"]) :]
        if rest:
            shorter += 1
            assert record["response"][-1] in ".?!\"'" and rest[0].isspace()
            # So training teaches it to end there.
            assert record["finished"]
            ids = llm.encode_answer(record["response"], record["finished"])
            assert ids[-1] in llm.stop_ids
        else:
            assert record["finished"] == said.finished
    assert shorter  # else the test says nothing


@pytest.fixture(scope="module")
def studied(tmp_path_factory, taught, corpus, release_folder, scorer_folder):
    """The command line of a study, and where it writes."""
    output = tmp_path_factory.mktemp("study")
    manifest = taught / "manifests" / "train.json"
    line = [release_folder, manifest, corpus, scorer_folder]
    line += ["--output", output, "--utterances", 3, "--batch_size", 2]
    return [str(word) for word in line], output


def test_the_study_counts_what_was_said(
    studied, corpus, release_folder, scorer_folder, capsys
):
    """Each way's answers are the interface's; figures counted by hand."""
    line, output = studied
    length_study.main(line)
    table = (output / "table.md").read_text(encoding="utf-8")
    assert table in capsys.readouterr().out
    rows = [
        [cell.strip() for cell in text.split("|")[1:-1]]
        for text in table.splitlines()[2:]
    ]
    listener = EmpatheticListener.from_hparams(release_folder)
    scorer = EmpathyScorer(scorer_folder)
    ways = length_study.WAYS.items()
    for (name, (title, changes)), row in zip(ways, rows):
        found = read_run(output / name)
        posts, texts = [], []
        for utterance, record in found.responses.items():
            (wav,) = Path(corpus).glob(f"0011/*/{utterance}.wav")
            assert record["response"] == listener.respond_file(wav, **changes)
            posts.append(record["transcript"])
            texts.append(record["response"])
        levels = scorer.score(posts, texts)
        mean = lambda values: torch.tensor(values).double().mean().item()
        assert row == [
            title,
            "3",
            f"{mean(levels['emotional_reactions'].tolist()):.3f}",
            f"{mean(levels['explorations'].tolist()):.3f}",
            "—",  # this scorer has no interpretations
            f"{mean([len(text.split()) for text in texts]):.1f}",
            f"{mean(['?' in text for text in texts]):.0%}",
            f"{mean([r['finished'] for r in found.responses.values()]):.0%}",
        ]


def test_a_study_does_nothing_twice(studied, monkeypatch):
    """A second start reads what the first one left."""
    line, output = studied
    length_study.main(line)
    files = sorted(output.rglob("*.jsonl"))
    before = [file.read_bytes() for file in files]
    monkeypatch.setattr(EmpatheticListener, "encode_batch", None)
    monkeypatch.setattr(EmpathyScorer, "judge", None)
    length_study.main(line)
    assert len(files) == 6 and all(before)
    assert [file.read_bytes() for file in files] == before


def test_a_wrong_folder_is_named(studied, tmp_path):
    """In a line."""
    line, _ = studied
    with pytest.raises(SystemExit, match="length_study: .* is no release"):
        length_study.main([str(tmp_path), *line[1:]])
