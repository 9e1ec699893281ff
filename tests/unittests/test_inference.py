"""The inference interface: batch and single, files, streams, lengths."""

import threading

import numpy as np
import pytest
import soundfile as sf
import torch
from hyperpyyaml import load_hyperpyyaml

from speechbrain_relm.inference.re_llm import EmpatheticListener
from speechbrain_relm.lobes.chat_llm import ChatLLM
from speechbrain_relm.lobes.parts.chat_template import Answer
from speechbrain_relm.model import prompting
from speechbrain_relm.model.prompting import answer
from speechbrain_relm.model.sequences import ragged_part
from speechbrain_relm.utils.sound.audio import load_audio
from speechbrain_relm.utils.text.sentences import first_sentences, shortened


@pytest.fixture(scope="module")
def listener(release_folder):
    """The interface on tiny models."""
    return EmpatheticListener.from_hparams(release_folder)


@pytest.fixture(scope="module")
def speech():
    """Three signals and the batch that holds them."""
    torch.manual_seed(8)
    wavs = [0.1 * torch.randn(n) for n in (20480, 36800, 16161)]
    batch = torch.nn.utils.rnn.pad_sequence(wavs, batch_first=True)
    lens = torch.tensor([len(wav) / batch.shape[1] for wav in wavs])
    return wavs, batch, lens


def test_the_batch_answers_as_each_alone(listener, speech, tmp_path):
    """From tensors, from files and streamed, to the same word."""
    wavs, batch, lens = speech
    together = listener.respond_batch(batch, lens)
    assert len(set(together)) == 3 and all(together)
    for i, wav in enumerate(wavs):
        assert listener.respond_batch(wav[None], torch.ones(1)) == [together[i]]
        path = tmp_path / f"{i}.wav"
        sf.write(path, wav.numpy(), 16000, subtype="FLOAT")
        assert listener.respond_file(path) == together[i]
        assert "".join(listener.stream(wav)) == together[i]
    assert listener(batch, lens) == together


def test_emotions_are_those_of_the_model(listener, speech, tmp_path):
    """By name, in a batch and alone, against the formulas."""
    wavs, batch, lens = speech
    found = listener.classify_batch(batch, lens)
    model = listener.mods.model
    heard = listener.encode_batch(batch, lens)
    for i, emotion in enumerate(found):
        logits = heard.category_logits[i].exp()
        torch.testing.assert_close(
            torch.tensor(list(emotion.head.values())), logits / logits.sum()
        )
        names = ["arousal", "dominance", "valence"]
        assert list(emotion.attributes) == names
        assert list(emotion.attributes.values()) == pytest.approx(
            heard.attributes[i].tolist()
        )
        assert sum(emotion.likelihood.values()) == pytest.approx(1)
        assert emotion.label == max(emotion.head, key=emotion.head.get)
        path = tmp_path / f"{i}.wav"
        sf.write(path, wavs[i].numpy(), 16000, subtype="FLOAT")
        alone = listener.classify_file(path)
        for ours, other in zip(emotion[:3], alone[:3]):
            assert ours == pytest.approx(other, abs=1e-5)
    prompt = model.llm.split_prompt(
        listener.hparams.recognition_system,
        listener.hparams.recognition_instruction,
    )
    said = [f"The emotion tone is {e}." for e in listener.hparams.emotions]
    with torch.no_grad():
        rated = model.log_likelihoods(heard, prompt, said)
        # Without speech: the prompt's own tokens alone.
        nothing = prompting.log_likelihoods(
            model.llm, prompt, ragged_part([[]], "cpu"), said
        )
    rated = (rated - nothing).exp()
    ratio = rated[0, 0] / rated[0, 1]
    chances = list(found[0].likelihood.values())
    assert chances[0] / chances[1] == pytest.approx(float(ratio), rel=1e-3)


def test_a_stereo_file_of_48_khz(listener, tmp_path):
    """Answers like the same sound as the recipe loads it; 40 s are cut."""
    path = tmp_path / "stereo.wav"
    time = np.arange(96000) / 48000
    tone = 0.3 * np.sin(2 * np.pi * 220 * time) * np.cos(2 * np.pi * 3 * time)
    sf.write(path, np.stack([tone, 0.5 * tone], 1), 48000)
    wav = load_audio(str(path))
    assert wav.shape == (32000,)
    expected = listener.respond_batch(wav[None], torch.ones(1))[0]
    assert listener.respond_file(path) == expected
    sf.write(path, np.resize(tone, (40 * 48000, 2)), 48000)
    assert len(listener.load_audio(path)) == 30 * 16000
    path.write_bytes(b"no sound")
    with pytest.raises(ValueError, match="cannot be read as audio"):
        listener.respond_file(path)


def test_a_written_turn_is_the_text_llms(listener):
    """The LoRA is for speech: text is answered as without it."""
    llm = ChatLLM(listener.hparams.llm_source)
    ask = listener.asking()
    content = ragged_part([llm.encode("I lost my keys.")], "cpu")
    prompt = llm.split_prompt(ask.system, "")
    expected = answer(llm, prompt, content, **ask.settings)[0].text
    assert listener.respond_text("I lost my keys.") == expected


def test_the_first_piece_comes_with_the_first_token(listener, speech):
    """Before a second one is generated; closing ends the generation."""
    llm = listener.mods.model.llm
    steps = []
    hook = llm.model.register_forward_hook(lambda *_: steps.append(1))
    before = threading.active_count()
    stream = listener.stream(speech[0][0], max_new_tokens=400, eos_token_id=[])
    assert next(stream)
    stream.close()
    hook.remove()
    # Many were asked for; the prompt and those until the close were read.
    assert 1 <= len(steps) < 50
    assert threading.active_count() == before


def test_an_error_reaches_who_listens(listener, speech):
    """Not the thread's log."""
    with pytest.raises(ValueError, match="sentences: 0"):
        list(listener.stream(speech[0][0], sentences=0))


def test_two_users_at_once(listener, speech):
    """Each gets the own answer and emotion."""
    wavs, batch, lens = speech
    expected = listener.respond_batch(batch, lens)
    emotions = listener.classify_batch(batch, lens)
    found = {}

    def use(i):
        """One user."""
        for _ in range(3):
            text = "".join(listener.stream(wavs[i]))
            emotion = listener.classify_batch(wavs[i][None], torch.ones(1))[0]
            found.setdefault(i, []).append((text, emotion))

    users = [threading.Thread(target=use, args=(i,)) for i in range(3)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    for i in range(3):
        for text, emotion in found[i]:
            assert text == expected[i]
            assert emotion.likelihood == pytest.approx(
                emotions[i].likelihood, abs=1e-5
            )


def test_settings_come_from_the_yaml_and_the_call(listener, speech):
    """The call wins; the style joins the system message."""
    ask = listener.asking(style="Be brief.", max_new_tokens=3)
    assert ask.system == listener.hparams.response_system + " Be brief."
    assert ask.settings == {"max_new_tokens": 3}
    wav = speech[0][0][None]
    plain = listener.respond_batch(wav, torch.ones(1))
    styled = listener.respond_batch(wav, torch.ones(1), style="Be brief.")
    assert plain != styled


class Says(torch.nn.Module):
    """An output layer that makes a real LLM say given texts."""

    def __init__(self, rows, size):
        super().__init__()
        self.rows, self.size, self.step = rows, size, 0

    def forward(self, hidden):
        """Scores the next token of each row highest."""
        logits = torch.zeros(len(hidden), hidden.shape[1], self.size)
        for i, row in enumerate(self.rows):
            logits[i, -1, row[self.step]] = 1.0
        self.step += 1
        return logits


def test_answers_stop_after_their_sentences(qwen_folder):
    """Each row at its own end; the second has no second sentence."""
    llm = ChatLLM(qwen_folder)
    texts = [
        'I see, Dr. Lee: 3.5 hours! "Why?" And then we went on and on.',
        "Oh no",
        "One. Two. Three. Four. Five. Six. Seven. Eight. Nine. Ten. End.",
    ]
    rows = [llm.encode(text) for text in texts]
    width = max(map(len, rows))
    rows = [row + [llm.stop_ids[0]] * (width + 1 - len(row)) for row in rows]
    content = ragged_part([[5], [6, 7], [8]], "cpu")
    prompt = llm.split_prompt("", "")
    llm.read_prefix(prompt.before)
    head = Says(rows, llm.model.config.vocab_size)
    llm.model.set_output_embeddings(head)
    found = answer(llm, prompt, content, sentences=2, max_new_tokens=99)
    assert found == [
        Answer('I see, Dr. Lee: 3.5 hours! "Why?"', True),
        Answer("Oh no", True),
        Answer("One. Two.", True),
    ]
    # No further than to the next word of the longest one.
    assert head.step == len(llm.encode(found[0].text + " And"))


@pytest.mark.parametrize(
    "text, count, kept",
    [
        ("Well... I see. And", 2, "Well... I see."),
        ('He said "no." Then', 1, 'He said "no."'),
        ("Do this:\n1. Sleep.\n2. Eat.", 2, "Do this:\n1. Sleep."),
        ("好的。你呢？", 1, "好的。"),
        ("e.g. this, J. Doe.", 1, "e.g. this, J. Doe."),
        ("", 1, ""),
    ],
)
def test_where_sentences_end(text, count, kept):
    """By hand."""
    assert first_sentences(text, count)[0] == kept
    assert shortened(Answer(text, True), None).text == text


def test_needed_modules_and_settings_are_checked(release_folder, tmp_path):
    """By name, at once."""
    with open(f"{release_folder}/hyperparams.yaml", encoding="utf-8") as file:
        hparams = load_hyperpyyaml(file)
    modules = {"model": hparams["model"]}
    with pytest.raises(ValueError, match="emotion_encoder is missing"):
        EmpatheticListener(modules=modules, hparams=hparams)
    del hparams["response_system"]
    with pytest.raises(ValueError, match="response_system"):
        EmpatheticListener(modules=hparams["modules"], hparams=hparams)
