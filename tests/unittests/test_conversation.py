"""Conversations: kept keys and values, the template, streams, mishaps."""

import pytest
import torch

from speechbrain_relm.inference.re_llm import EmpatheticListener
from speechbrain_relm.lobes.partial_lora import speech_positions
from speechbrain_relm.mini import models
from speechbrain_relm.model.prompting import answer_texts
from speechbrain_relm.model.sequences import pack
from tests import tiny_models


@pytest.fixture(scope="module")
def listener(release_folder):
    """The interface on tiny models."""
    return EmpatheticListener.from_hparams(release_folder)


@pytest.fixture(scope="module")
def wavs():
    """Two utterances."""
    torch.manual_seed(9)
    return 0.1 * torch.randn(20480), 0.1 * torch.randn(30000)


def next_logits(conversation, past, count):
    """Scores the token after the history, of which `count` were read."""
    llm, history = conversation.llm, conversation.history()
    sequence = pack(conversation.parts(history[count:]), llm.embed)
    with torch.no_grad(), speech_positions(sequence.speech_mask):
        return llm(
            sequence.inputs_embeds,
            torch.ones(1, len(history), dtype=torch.bool),
            torch.arange(count, len(history))[None],
            past=past,
        )[0, -1]


@pytest.mark.parametrize(
    "settings", [{}, {"sentences": 1}, {"max_new_tokens": 1}]
)
def test_a_turn_reads_only_itself(listener, wavs, settings):
    """And says what it would after reading everything."""
    kept, anew = listener.converse(**settings), listener.converse(**settings)
    read = []
    hook = listener.mods.model.llm.model.register_forward_pre_hook(
        lambda module, args, kwargs: read.append(
            kwargs["inputs_embeds"].shape[1]
            if kwargs.get("inputs_embeds") is not None
            else kwargs["input_ids"].shape[1]
        ),
        with_kwargs=True,
    )
    turns = [{"wav": wavs[0]}, {"text": "And you?"}, {"wav": wavs[1]}]
    for turn in turns:
        before = list(kept.history()) if kept.turns else []
        read.clear()
        answer = kept.respond(**turn)
        history = kept.history()
        new = len(history) - len(kept.turns[-1].ids) - len(before)
        if before:
            # The last token of the answer before was not read until now.
            assert new <= read[0] <= new + 1
        anew.forget()
        assert anew.respond(**turn) == answer
        assert anew.turns[-1].ids == kept.turns[-1].ids
        assert len(kept.read) == kept.past.get_seq_length()
    hook.remove()
    kept.add_user_turn(text="Why?")
    past, count = kept.recall(kept.history())
    assert count > 20
    torch.testing.assert_close(
        next_logits(kept, past, count),
        next_logits(kept, None, 0),
        atol=1e-4,
        rtol=0,
    )


@pytest.mark.parametrize("history_turns", [0, 1])
def test_only_the_last_turns_are_read(listener, wavs, history_turns):
    """As if the conversation had begun with the oldest of them."""
    talk = listener.converse(history_turns)
    turns = [{"wav": wavs[0]}, {"text": "And you?"}, {"wav": wavs[1]}]
    for i, turn in enumerate(turns):
        answer = talk.respond(**turn)
        anew = listener.converse()
        anew.turns = talk.turns[max(0, i - history_turns) : i]
        assert anew.respond(**turn) == answer
    assert len(talk.turns) == len(turns)


@pytest.mark.parametrize("history_turns", [-1, 1.0, True, "1"])
def test_history_is_a_number_of_turns(listener, history_turns):
    """Whatever else is given is named."""
    with pytest.raises(ValueError, match="^history_turns: .* was given"):
        listener.converse(history_turns)


def test_a_stream_leaves_the_same_conversation(listener, wavs):
    """Pieces joined are the answer; the turn after it is the same."""
    plain, streamed = listener.converse(), listener.converse()
    for turn in ({"wav": wavs[0]}, {"text": "Go on."}, {"wav": wavs[1]}):
        pieces = list(streamed.stream(**turn))
        assert "".join(pieces) == plain.respond(**turn)
        assert len(pieces) > 1
    assert streamed.turns[-1].ids == plain.turns[-1].ids


def test_an_answer_cut_short_by_the_user_stays(listener, wavs):
    """What was said so far is the answer, and the next turn knows it."""
    kept = listener.converse(max_new_tokens=300, eos_token_id=[])
    stream = kept.stream(wav=wavs[0])
    next(stream)
    stream.close()
    cut = kept.turns[0]
    assert 0 < len(cut.ids) < 300
    kept.ask = listener.asking()
    answer = kept.respond(text="And you?")
    anew = listener.converse()
    anew.turns.append(cut)
    assert anew.respond(text="And you?") == answer


def test_a_failed_turn_is_taken_back(listener, wavs):
    """The conversation goes on as if it had not been."""
    conversation, other = listener.converse(), listener.converse()
    for talk in (conversation, other):
        talk.respond(wav=wavs[0])
    ask = listener.asking()
    conversation.ask = ask._replace(settings={**ask.settings, "sentences": 0})
    with pytest.raises(ValueError, match="sentences"):
        conversation.respond(text="Hm.")
    conversation.ask = listener.asking()
    assert len(conversation.turns) == 1
    assert conversation.respond(text="Yes.") == other.respond(text="Yes.")
    with pytest.raises(ValueError, match="one of wav, file and text"):
        conversation.respond(text="a", wav=wavs[0])


def test_a_template_that_rewrites_history_is_read_again(listener, wavs):
    """Like those that drop earlier thoughts, or move the system message."""
    conversation = listener.converse()
    llm = conversation.llm
    conversation.respond(wav=wavs[0])
    tokenizer, template = llm.tokenizer, llm.tokenizer.chat_template
    tokenizer.chat_template = (
        "{% for m in messages %}{{ loop.revindex }}{{ m['role'] }}: "
        "{{ m['content'] }}\n{% endfor %}assistant: "
    )
    try:
        answer = conversation.respond(text="And you?")
        anew = listener.converse()
        anew.turns.append(conversation.turns[0])
        assert anew.respond(text="And you?") == answer
        assert conversation.read == anew.read
    finally:
        tokenizer.chat_template = template


def test_an_llm_whose_memory_cannot_be_kept(listener, wavs):
    """It reads everything, and answers the same."""
    expected = listener.converse()
    found = listener.converse()
    llm = listener.mods.model.llm.adapted_model
    for turn in ({"wav": wavs[0]}, {"text": "And you?"}):
        answer = expected.respond(**turn)
        llm.keeps_all = False
        try:
            assert found.respond(**turn) == answer
            assert found.past is None
        finally:
            del llm.keeps_all


def test_tokens_are_those_of_the_template(
    whisper_folder, emotion_folder, tmp_path
):
    """Of the whole written conversation, with a real LLM's answers."""
    folder = tiny_models.save_release(
        tmp_path / "release",
        whisper_folder,
        emotion_folder,
        models.folder("SmolLM2-135M-Instruct"),
    )
    listener = EmpatheticListener.from_hparams(folder)
    conversation = listener.converse(max_new_tokens=12, examples=())
    words = ["I lost my keys.", "Where should I look?", "Thank you."]
    chat = [{"role": "system", "content": conversation.ask.system}]
    tokenizer = conversation.llm.tokenizer
    for text in words:
        chat.append({"role": "user", "content": text})
        answer = conversation.respond(text=text)
        turn = conversation.turns.pop()
        conversation.turns.append(turn._replace(ids=[]))
        rendered = tokenizer.apply_chat_template(
            chat, add_generation_prompt=True, return_dict=False
        )
        assert conversation.history() == rendered
        conversation.turns[-1] = turn
        chat.append({"role": "assistant", "content": answer})
        assert len(answer.split()) > 3


def test_examples_stand_before_the_first_turn(listener):
    """As where the text LLM is asked with them; later turns follow on."""
    examples = [["I fell.", "Oh no!"], ["It rains.", "I see."]]
    asked = {"examples": examples, "max_new_tokens": 6, "sentences": None}
    talk = listener.converse(**asked)
    ask, llm = talk.ask, talk.llm
    wanted = answer_texts(
        llm,
        ask.system,
        [ask.instruction + "Hm."],
        listener.device,
        examples,
        max_new_tokens=6,
    )
    assert talk.respond(text="Hm.") == wanted[0].text
    talk.respond(text="And now?")
    around = llm.split_chat(ask.system, answers=3)
    assert talk.history()[: len(talk.beginning())] == talk.beginning()
    assert sum(map(len, around)) < len(talk.history())
