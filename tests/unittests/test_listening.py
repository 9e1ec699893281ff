"""Tone fit, content fit, flaws, and the same words in another voice."""

import json

import numpy as np
import pytest
import torch
from speechbrain.nnet.adapters import AdaptedModel

from speechbrain_relm.__main__ import main
from speechbrain_relm.evaluation.listening.figures import (
    fits_of,
    listening_figures,
)
from speechbrain_relm.evaluation.listening.judge import Judge, rival_sentences
from speechbrain_relm.evaluation.listening.quality import flaws_of
from speechbrain_relm.evaluation.listening.same_words import same_words
from speechbrain_relm.evaluation.statistics import cluster_interval, figure_of
from speechbrain_relm.lobes.chat_llm import ChatLLM
from speechbrain_relm.lobes.partial_lora import PartialLoRA
from speechbrain_relm.lobes.parts.chat_template import Answer
from speechbrain_relm.mini.esd import make_esd
from speechbrain_relm.model.likelihood import log_likelihoods
from speechbrain_relm.model.prompting import answer_texts
from speechbrain_relm.runs.listeners import TextListener
from speechbrain_relm.runs.steps.respond import Ask, respond

EMOTIONS = ["neutral", "sad", "angry", "happy"]
SYSTEM = "You are a helpful assistant."
INSTRUCTION = "Continue in a {emotion} tone: "
EXAMPLES = {"sad": [["I fell.", "Oh no!"]], "happy": [["I won.", "Great!"]]}
SENTENCES = [
    "I left my keys.",
    "She called me.",
    "It rains.",
    "He sang.",
    "Oh.",
]


@pytest.fixture(scope="module")
def llm(qwen_folder):
    """A tiny random LLM."""
    return ChatLLM(qwen_folder)


@pytest.fixture(scope="module")
def judge(llm):
    """The same as a judge."""
    return Judge(
        llm, "cpu", "tiny", SYSTEM, INSTRUCTION, EXAMPLES, EMOTIONS, 8, 1
    )


@pytest.fixture(scope="module")
def entries():
    """Every sentence in every emotion by two speakers."""
    return {
        f"{speaker}_{emotion}_{number}": {
            "speaker": speaker,
            "emotion": emotion,
            "transcript": sentence,
            "duration": 1.0,
            "arousal": None,
        }
        for speaker in ("1", "2")
        for emotion in EMOTIONS
        for number, sentence in enumerate(SENTENCES)
    }


def likelihood_by_hand(llm, examples, text, response):
    """One row, rendered whole by the chat template, all logits."""
    messages = [{"role": "system", "content": SYSTEM}]
    for user, reply in [*examples, (text, None)]:
        messages.append({"role": "user", "content": user})
        if reply is not None:
            messages.append({"role": "assistant", "content": reply})
    asked = llm.tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, tokenize=False
    )
    end = "<|im_end|>" if response.finished else ""
    before, after = (
        llm.tokenizer(piece, add_special_tokens=False)["input_ids"]
        for piece in (asked, response.text + end)
    )
    with torch.no_grad():
        logits = llm.model(torch.tensor([before + after])).logits[0]
    scores = logits.log_softmax(-1)[len(before) - 1 : -1]
    return scores.gather(1, torch.tensor(after)[:, None]).sum().item()


def test_likelihoods_are_those_of_the_whole_conversation(qwen_folder):
    """Alone or in batches, with adapters that learned, in training mode."""
    llm, plain = ChatLLM(qwen_folder), ChatLLM(qwen_folder)
    adapted = AdaptedModel(
        model_to_adapt=llm,
        adapter_class=PartialLoRA,
        target_layers=["*_proj"],
        adapter_kwargs={"rank": 2, "alpha": 2, "dropout": 0.5},
    )
    for name, weight in adapted.named_parameters():
        if "adapter" in name:
            torch.nn.init.normal_(weight)
    adapted.train()
    start = INSTRUCTION.format(emotion="sad")
    texts = [start + sentence for sentence in SENTENCES]
    responses = [
        Answer("I'm so sorry about your keys. Where?", True),
        Answer("What did she", False),
        Answer("", True),
        Answer("", False),
        Answer("Oh!", True),
    ]
    wanted = [
        likelihood_by_hand(plain, EXAMPLES["sad"], text, response)
        for text, response in zip(texts, responses)
    ]
    for size, said in ((1, ""), (3, start)):
        found = log_likelihoods(
            adapted,
            SYSTEM,
            EXAMPLES["sad"],
            texts,
            responses,
            "cpu",
            size,
            said,
        )
        assert found.tolist() == pytest.approx(wanted, abs=1e-3)
    assert found[3] == 0 and adapted.training


def test_fits_are_what_the_definitions_say():
    """Against sums written out with arrays, on scores drawn at random."""
    rng = np.random.default_rng(3)
    responses, judged = {}, {}
    for number in range(60):
        emotion = EMOTIONS[min(number % 7, 3)]  # happy comes most
        responses[str(number)] = {
            "emotion": emotion,
            "transcript": f"Sentence {'abcdef'[number % 6]}.",
            "response": "Why?",
            "finished": True,
        }
    rivals = rival_sentences(responses, seed=5)
    for i, record in responses.items():
        own = record["transcript"]
        others = rivals[record["emotion"], own.lower().strip(".")]
        assert others[0] == own and len(set(others)) == 4
        judged[i] = {
            "id": i,
            "tone": dict(zip(EMOTIONS, rng.normal(-20, 3, 4))),
            "content": {t: rng.normal(-20, 3) for t in others},
        }
    fits = fits_of(judged, responses)
    labels = np.array(
        [EMOTIONS.index(r["emotion"]) for r in responses.values()]
    )
    scores = np.array([list(j["tone"].values()) for j in judged.values()])
    priors = np.mean([scores[labels == k].mean(0) for k in range(4)], axis=0)
    hits = (scores - priors).argmax(1) == labels
    assert [f["tone_fit"] for f in fits.values()] == hits.tolist()
    for i, record in responses.items():
        gains = {}
        for transcript, score in judged[i]["content"].items():
            prior = np.mean(
                [
                    judged[j]["content"][transcript]
                    for j, other in responses.items()
                    if other["emotion"] == record["emotion"]
                    and transcript in judged[j]["content"]
                ]
            )
            gains[transcript] = score - prior
        best = max(gains, key=gains.get)
        assert fits[i]["content_fit"] == (best == record["transcript"])
    figures = listening_figures(fits, responses, EMOTIONS)
    assert figures["tone_fit"]["value"] == pytest.approx(hits.mean())
    assert figures["chance"] == {"tone_fit": 0.25, "content_fit": 0.25}
    assert figures["notes"] == []


def test_one_sentence_has_no_content_fit():
    """It is null, and said."""
    said = {"transcript": "Oh.", "response": "I see.", "finished": True}
    responses = {e: {**said, "emotion": e} for e in ("sad", "happy")}
    tone = {"sad": -1.0, "happy": -1.0}
    judged = {i: {"tone": tone, "content": {"Oh.": -1.0}} for i in responses}
    figures = listening_figures(
        fits_of(judged, responses), responses, ["sad", "happy"]
    )
    # Equal gains share the point.
    assert figures["tone_fit"]["value"] == 0.5
    assert figures["content_fit"]["value"] is None
    assert figures["chance"]["content_fit"] is None
    assert "2 responses have no content fit" in figures["notes"][0]
    json.dumps(figures, allow_nan=False)


def run(listener, judge, entries, folder):
    """Answers and measures."""
    ask = Ask(SYSTEM, "", {"max_new_tokens": 8})
    contents = dict.fromkeys(entries, "")
    responses = respond(
        listener,
        entries,
        folder / "responses.jsonl",
        {},
        contents,
        EMOTIONS,
        ask,
        Ask(SYSTEM, "Emotion? ", {"max_new_tokens": 2}),
        16,
    )
    return same_words(
        listener, judge, entries, responses, folder, ask, 16, {}, contents
    )


def test_a_text_system_is_exactly_at_chance(llm, judge, entries, tmp_path):
    """It answers all voices alike, to the letter."""
    found = run(TextListener(llm), judge, entries, tmp_path)
    chance = {"value": 0.25, "low": 0.25, "high": 0.25, "n": 40}
    assert found["tone_fit"] == chance
    assert found["identical_share"]["value"] == 1.0
    assert found["identical_share"]["n"] == 2 * 5 * 6  # pairs of emotions
    assert found["unweighted_accuracy"]["value"] == 0.25
    assert found["swaps"] == {
        "emotion_embedding": None,
        "speech_frames": None,
        "both": {"follows_own": chance, "follows_other": chance},
    }


class FollowsTheLabel(TextListener):
    """Answers as the text LLM does that is told the emotion of one ear."""

    swaps = ("emotion_embedding", "speech_frames")

    def encode(self, entries, emotion_of=None):
        """The emotion comes by the emotion encoder alone."""
        ears = entries if emotion_of is None else emotion_of
        return [
            (own["transcript"], ear["emotion"])
            for own, ear in zip(entries.values(), ears.values())
        ]

    def answer(self, heard, system, instruction, **settings):
        """Step 1's own answers."""
        return [
            answer_texts(
                self.llm,
                SYSTEM,
                [INSTRUCTION.format(emotion=emotion) + transcript],
                self.device,
                **settings,
            )[0]
            for transcript, emotion in heard
        ]

    def log_likelihoods(self, heard, system, instruction, answers):
        """It knows."""
        return torch.tensor(
            [[float(e in a) for a in answers] for _, e in heard]
        )

    def emptied(self, heard):
        """Neither words nor an emotion."""
        return [("", "none")]


def test_a_planted_listener_follows_its_emotion_ear(
    llm, judge, entries, tmp_path
):
    """The swap of its embedding turns its answers round, that of frames not."""
    found = run(
        FollowsTheLabel(llm), judge._replace(examples={}), entries, tmp_path
    )
    assert found["tone_fit"]["low"] > 0.25  # chance is outside the interval
    assert found["identical_share"]["value"] < 0.2
    assert found["unweighted_accuracy"]["value"] == 1.0
    swaps = found["swaps"]
    tone = found["tone_fit"]["value"]
    for swap, follows in (
        ("emotion_embedding", "follows_other"),
        ("both", "follows_other"),
        ("speech_frames", "follows_own"),
    ):
        # Same words, same emotion heard: the same answer as without a swap.
        assert swaps[swap][follows]["value"] == pytest.approx(tone)
        assert swaps[swap][follows]["n"] == 40
    assert swaps["both"]["follows_own"]["high"] < tone
    before = (tmp_path / "swaps.jsonl").read_bytes()
    again = run(
        FollowsTheLabel(llm), judge._replace(examples={}), entries, tmp_path
    )
    assert again == found and before == (tmp_path / "swaps.jsonl").read_bytes()


def test_no_parallel_takes(judge, tmp_path):
    """One emotion a sentence leaves nothing to compare."""
    entry = {"speaker": "1", "emotion": "sad", "transcript": "Oh."}
    assert (
        same_words(None, judge, {"a": entry}, {}, tmp_path, None, 1, {}, {})
        is None
    )


@pytest.mark.parametrize(
    "response, wanted",
    [
        ("DEAR Emily,\n\nI hope you are well.", ["letter"]),
        ("I hope this message finds you well.", ["letter"]),
        ("Take care.\n\nBest regards,\n[Your Name]", ["letter", "cut"]),
        ("Thank you.\nSincerely,\nTom.", ["letter"]),
        ("I’m sorry, but I can’t help with that.", ["refused"]),
        ("As an AI, I have no keys.", ["refused"]),
        ("as an aid to memory, write it down.", []),
        ("I see it. " * 6 + "I see it.", ["looping"]),
        ("I am so sorry about your", ["cut"]),
        ("He said “go on”", []),
        ("That is lovely!", []),
        ("You said “i LEFT my keys on the kitchen table”.", ["echo"]),
        ("So: left my keys on the kitchen table?", ["echo"]),
        ("I'm so sorry about your keys on the table.", []),
        ("Oh dear, that is a pity…", []),
        ("Dear me, what a day!", []),
        ("", ["empty"]),
        ("!!!!!!!!", ["empty"]),
        ("How lovely! \N{GRINNING FACE}", []),
        ("That is lovely :)", []),
        ("I don't have access to that information.", ["refused"]),
    ],
)
def test_flaws(response, wanted):
    """Whatever the case and the quotes."""
    transcript = "I left my keys on the kitchen table."
    record = {"response": response, "transcript": transcript}
    assert flaws_of({**record, "finished": True}) == wanted


def test_cluster_interval_counts_sentences_not_responses():
    """Copies of the data make it no narrower."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=80)
    names = [f"s{i}" for i in range(80)]
    once = cluster_interval(values, names)
    ten_times = cluster_interval(np.tile(values, 10), names * 10)
    assert ten_times == pytest.approx(once)
    # The mean of class means weighs a rare class as a common one.
    figure = figure_of([1, 1, 1, 0], list("abcd"), ["x", "x", "x", "y"])
    assert figure["value"] == 0.5
    with pytest.raises(ValueError, match="3 values and 2 clusters"):
        cluster_interval([1, 2, 3], ["a", "b"])


def test_the_command(release_folder, tmp_path, capsys):
    """Its table, its file, and the second run that does nothing again."""
    corpus = make_esd(tmp_path / "ESD", speakers=1, sentences=2)
    output = tmp_path / "out"
    line = ["same_words", release_folder, str(corpus), str(output)]
    main(line)
    printed = capsys.readouterr().out
    assert "| tone fit (chance .250) |" in printed
    assert "| emotion embedding |" in printed
    found = json.loads((output / "same_words.json").read_text())
    assert list(found) == [
        "tone_fit",
        "content_fit",
        "identical_share",
        "unweighted_accuracy",
        "flawed_share",
        "empty_share",
        "swaps",
    ]
    assert list(found["swaps"]) == [
        "emotion_embedding",
        "speech_frames",
        "both",
    ]
    assert found["identical_share"]["n"] == 2 * 6
    assert found["swaps"]["emotion_embedding"]["follows_own"]["n"] == 8
    files = {path: path.read_bytes() for path in output.glob("*.json*")}
    main(line)
    assert {p: p.read_bytes() for p in output.glob("*.json*")} == files


def test_what_is_wrong_is_said_in_a_line(release_folder, tmp_path):
    """No release, no corpus, a corpus of one emotion."""
    corpus = make_esd(tmp_path / "ESD", speakers=1, sentences=1)
    for emotion in ("Angry", "Happy", "Sad"):
        for wav in (corpus / "0011" / emotion).iterdir():
            wav.unlink()
    output = str(tmp_path / "out")
    for arguments, words in (
        (["no/such/release", str(corpus)], "is no release"),
        ([release_folder, str(tmp_path / "none")], "is no folder"),
        ([release_folder, str(corpus)], "no speaker says a sentence in two"),
    ):
        with pytest.raises(SystemExit, match=words) as error:
            main(["same_words", *arguments, output])
        assert "\n" not in str(error.value)
