"""The joined model: batches, gradients, teacher, checkpoints."""

import pytest
import torch
from speechbrain.nnet.adapters import AdaptedModel, LoRA

from speechbrain_relm.lobes.chat_llm import ChatLLM
from speechbrain_relm.lobes.conv_adapter import ConvAdapter
from speechbrain_relm.lobes.emotion_encoder import DimensionalEmotionEncoder
from speechbrain_relm.lobes.emotion_heads import EmotionHeads
from speechbrain_relm.lobes.partial_lora import PartialLoRA, speech_positions
from speechbrain_relm.lobes.whisper_encoder import WhisperSpeechEncoder
from speechbrain_relm.model import losses
from speechbrain_relm.model.prompting import lay_out, read_before
from speechbrain_relm.model.re_llm import (
    RELLM,
    fused_size,
    speech_part,
    trainable_parameters,
)
from speechbrain_relm.model.sequences import RESPONSE, ragged_part

TEXTS = ["and then we went home.", "no", "but nobody answered the door today"]


def lora_parameters(model):
    """Lists the LoRA's second factors."""
    return [p for n, p in model.named_parameters() if "adapter_up_proj" in n]


@pytest.fixture
def system(whisper_folder, emotion_folder, qwen_folder):
    """A tiny RE-LLM whose LoRA is not zero, and its emotion encoder."""
    torch.manual_seed(5)
    speech_encoder = WhisperSpeechEncoder(whisper_folder)
    emotion_encoder = DimensionalEmotionEncoder(emotion_folder)
    llm = AdaptedModel(
        ChatLLM(qwen_folder),
        PartialLoRA,
        target_layers=["*_proj"],
        adapter_kwargs={"rank": 2},
    )
    size = llm.embedding_size
    model = RELLM(
        speech_encoder,
        ConvAdapter(fused_size(speech_encoder, emotion_encoder), size, 8),
        EmotionHeads(size),
        llm,
    )
    for parameter in lora_parameters(model):
        torch.nn.init.normal_(parameter, std=0.1)
    return model.eval(), emotion_encoder


def run(system, wavs, lens, answers, **teacher):
    """Runs a training forward."""
    model, emotion_encoder = system
    embedding, _ = emotion_encoder(wavs, lens)
    ids = [model.llm.encode_answer(text) for text in answers]
    part = ragged_part(ids, "cpu")
    return model(
        wavs,
        lens,
        embedding,
        model.llm.split_prompt("", "Continue: "),
        part.values,
        part.counts / part.values.shape[1],
        **teacher,
    )


@pytest.mark.parametrize("pad_to_30s", [True, False])
def test_an_utterance_is_the_same_alone_and_in_any_batch(
    system, utterances, pad_to_30s
):
    """Its logits, its losses, its heads and its greedy text."""
    wavs, batch, lens = utterances
    model, emotion_encoder = system
    model.speech_encoder.pad_to_30s = pad_to_30s
    together = run(system, batch, lens, TEXTS)
    prompt = model.llm.split_prompt("", "")
    settings = {"max_new_tokens": 6}
    answers = model.answer(together.speech, prompt, **settings)
    start = 0
    for i, wav in enumerate(wavs):
        alone = run(system, wav[None], torch.ones(1), TEXTS[i : i + 1])
        size = len(alone.targets)
        logits = together.logits[start : start + size]
        targets = together.targets[start : start + size]
        start += size
        assert torch.equal(targets, alone.targets)
        assert torch.allclose(logits, alone.logits, atol=1e-4)
        assert torch.allclose(
            losses.response_nll(logits, targets),
            losses.response_nll(alone.logits, alone.targets),
            rtol=1e-5,
        )
        for field in ("pooled", "category_logits", "attributes"):
            ours = getattr(together.speech, field)[i]
            other = getattr(alone.speech, field)[0]
            assert torch.allclose(ours, other, atol=1e-5)
        assert model.answer(alone.speech, prompt, **settings)[0] == answers[i]
    assert start == len(together.targets)


def test_emotions_are_heard_without_the_llm(system, utterances, monkeypatch):
    """Where no response is learned, the LLM is left out; the rest is equal."""
    wavs, batch, lens = utterances
    model, emotion_encoder = system
    whole = run(system, batch, lens, TEXTS)
    monkeypatch.setattr(model, "llm", None)
    embedding = emotion_encoder(batch, lens)[0]
    alone = model(batch, lens, embedding, None, None, None)
    assert alone[1:] == (None, None, None)
    for field in ("pooled", "category_logits", "attributes"):
        ours = getattr(alone.speech, field)
        assert torch.equal(ours, getattr(whole.speech, field))


def test_a_prefix_read_once_changes_nothing(system, utterances):
    """Loss, gradients, answers and ratings are those of the whole prompt."""
    _, batch, lens = utterances
    model, _ = system
    prompt = model.llm.split_prompt("Be kind.", "Continue: ")
    labels, settings = ["sad", "not happy"], {"max_new_tokens": 6}
    found = []
    for keeps in (True, False):
        model.llm.adapted_model.keeps_prefixes = keeps
        model.zero_grad()
        predictions = run(
            system,
            batch,
            lens,
            TEXTS,
            teacher_prompt=model.llm.split_prompt("", ""),
            texts=torch.ones(3, 2, dtype=torch.long),
            text_lens=torch.ones(3),
        )
        loss = losses.response_nll(predictions.logits, predictions.targets)
        loss = loss + losses.response_kl(
            predictions.logits, predictions.teacher_logits
        )
        loss.backward()
        gradients = {
            n: p.grad
            for n, p in trainable_parameters(model).items()
            if p.grad is not None
        }
        answers = model.answer(predictions.speech, prompt, **settings)
        rated = model.log_likelihoods(predictions.speech, prompt, labels)
        found.append((loss, rated, answers, gradients))
    assert model.llm.adapted_model.prefixes
    (loss, rated, answers, gradients), plain = found
    torch.testing.assert_close(loss, plain[0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(rated, plain[1], rtol=1e-5, atol=1e-5)
    assert answers == plain[2]
    assert gradients.keys() == plain[3].keys()
    assert any("llm" in name for name in gradients)
    for name, gradient in gradients.items():
        scale = plain[3][name].abs().max()
        torch.testing.assert_close(
            gradient, plain[3][name], rtol=1e-5, atol=float(1e-5 * scale)
        )


def test_a_prefix_is_read_whole_where_it_learns(qwen_folder):
    """With SpeechBrain's LoRA, and with an LLM that is not frozen."""
    everywhere = AdaptedModel(
        ChatLLM(qwen_folder), LoRA, target_layers=["*_proj"]
    )
    prompt = everywhere.split_prompt("", "Continue: ")
    assert read_before(everywhere, prompt, 2) == (None, prompt)
    learning = ChatLLM(qwen_folder, freeze=False)
    assert read_before(learning, prompt, 2) == (None, prompt)


def test_logits_are_next_token_predictions(system, utterances):
    """Those of the whole sequence, shifted by one: no answer leaks."""
    wavs, _, _ = utterances
    model, _ = system
    predictions = run(system, wavs[0][None], torch.ones(1), TEXTS[:1])
    answer = model.llm.encode_answer(TEXTS[0])
    response = ragged_part([answer], "cpu")._replace(role=RESPONSE)
    sequence = lay_out(
        model.llm,
        model.llm.split_prompt("", "Continue: "),
        speech_part(predictions.speech),
        response,
    )
    with speech_positions(sequence.speech_mask):
        full = model.llm(sequence.inputs_embeds)[0]
    expected = full[-len(answer) - 1 : -1]
    assert predictions.targets.tolist() == answer
    assert torch.allclose(predictions.logits, expected, atol=1e-5)


def test_the_loss_comes_from_answer_tokens_only(system, utterances):
    """Another answer later in the row leaves the first logits alone."""
    wavs, _, _ = utterances
    one = run(system, wavs[0][None], torch.ones(1), ["yes it is"])
    two = run(system, wavs[0][None], torch.ones(1), ["yes it was long ago"])
    # The same first two tokens, so the same three predictions.
    assert one.targets[:2].tolist() == two.targets[:2].tolist()
    assert torch.allclose(one.logits[:3], two.logits[:3], atol=1e-5)


def test_everything_trained_gets_a_gradient(system, utterances):
    """Whisper, adapter, heads and LoRA; nothing frozen does."""
    _, batch, lens = utterances
    model, _ = system
    predictions = run((model.train(), system[1]), batch, lens, TEXTS)
    loss = (
        losses.response_nll(predictions.logits, predictions.targets)
        + predictions.speech.category_logits.square().sum()
        + predictions.speech.attributes.square().sum()
    )
    loss.backward()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name
    assert not any(
        p.requires_grad
        for n, p in model.llm.named_parameters()
        if "adapter_" not in n
    )


def test_teacher_is_the_text_llm(system, utterances):
    """Adapters off, no gradient, and no divergence from itself."""
    wavs, _, _ = utterances
    model, _ = system
    transcript = torch.tensor([model.llm.encode("the door is open")])
    predictions = run(
        system,
        wavs[0][None],
        torch.ones(1),
        TEXTS[:1],
        teacher_prompt=model.llm.split_prompt("", "Say: "),
        texts=transcript,
        text_lens=torch.ones(1),
    )
    teacher = predictions.teacher_logits
    assert not teacher.requires_grad
    prompt = model.llm.split_prompt("", "Say: ")
    ids = prompt.before + transcript[0].tolist() + prompt.after
    answer = model.llm.encode_answer(TEXTS[0])
    stock = ChatLLM(model.llm.source).eval()
    full = stock(stock.embed(torch.tensor([ids + answer])))[0]
    expected = full[len(ids) - 1 : -1]
    assert torch.allclose(teacher, expected, atol=1e-5)
    assert losses.response_kl(teacher, expected) < 1e-6
    assert losses.response_kl(predictions.logits, teacher) > 1e-4


def test_checkpoint_holds_the_trained_tensors_and_nothing_else(
    system, utterances, tmp_path
):
    """And brings the logits back."""
    _, batch, lens = utterances
    model, _ = system
    before = run(system, batch, lens, TEXTS).logits
    path = tmp_path / "model.ckpt"
    model.save_trained(path)
    numbers = sum(p.numel() for p in trainable_parameters(model).values())
    assert path.stat().st_size < 4 * numbers + 20_000
    assert numbers < sum(p.numel() for p in model.parameters()) / 5
    with torch.no_grad():
        for parameter in trainable_parameters(model).values():
            parameter.zero_()
    assert not torch.allclose(run(system, batch, lens, TEXTS).logits, before)
    model.load_trained(path)
    assert torch.equal(run(system, batch, lens, TEXTS).logits, before)


def test_a_checkpoint_of_another_model_is_refused(system, tmp_path):
    """Naming what is missing, instead of loading a part in silence."""
    model, _ = system
    path = tmp_path / "model.ckpt"
    model.save_trained(path)
    model.speech_encoder.requires_grad_(False)
    with pytest.raises(ValueError, match="speech_encoder"):
        model.load_trained(path)


def test_likelihood_of_labels_token_by_token(system, utterances):
    """By feeding each label's tokens one after the other, alone."""
    wavs, batch, lens = utterances
    model, emotion_encoder = system
    embedding, _ = emotion_encoder(batch, lens)
    labels = ["sad", "neutral", "very happy indeed"]
    with torch.no_grad():
        speech = model.encode_speech(batch, lens, embedding)
    prompt = model.llm.split_prompt("", "Which emotion? ")
    rated = model.log_likelihoods(speech, prompt, labels)
    for i, wav in enumerate(wavs):
        with torch.no_grad():
            alone = model.encode_speech(
                wav[None], torch.ones(1), embedding[i : i + 1]
            )
        for j, label in enumerate(labels):
            expected, ids = 0.0, model.llm.encode(label)
            for n, token in enumerate(ids):
                longer = prompt._replace(after=prompt.after + ids[:n])
                sequence = lay_out(model.llm, longer, speech_part(alone))
                with speech_positions(sequence.speech_mask), torch.no_grad():
                    logits = model.llm(sequence.inputs_embeds)[0, -1]
                expected += logits.log_softmax(-1)[token].item()
            assert rated[i, j].item() == pytest.approx(expected, abs=1e-3)
