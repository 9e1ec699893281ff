"""Transcription by the real small Whisper and by a tiny multilingual one.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
import shutil

import pytest
import soundfile
import torch
from torch.nn.utils.rnn import pad_sequence

from speechbrain_relm.lobes.whisper_transcriber import WhisperTranscriber
from speechbrain_relm.mini import models
from speechbrain_relm.mini.language.sentences import everyday_sentences
from speechbrain_relm.mini.voices import DELIVERIES, Utterance, render
from speechbrain_relm.model.metrics import word_error_rate


@pytest.fixture(scope="module")
def transcriber():
    """The real small Whisper."""
    return WhisperTranscriber(str(models.folder("whisper-tiny.en")))


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """Eight sentences of two plain voices, and their signals."""
    folder = tmp_path_factory.mktemp("spoken")
    utterances = [
        Utterance(f"{k}.wav", text, f"en-us+{voice}", DELIVERIES["neutral"])
        for k, (text, voice) in enumerate(
            zip(everyday_sentences(57)[::7], ["f2", "m3"] * 4)
        )
    ]
    render(utterances, folder)
    signals = [
        torch.tensor(soundfile.read(folder / u.path, dtype="float32")[0])
        for u in utterances
    ]
    return [u.text for u in utterances], signals


def test_words_are_heard_whatever_the_batch(transcriber, spoken):
    """Few wrong words, and the same alone as beside longer utterances."""
    texts, signals = spoken
    batch = pad_sequence(signals, batch_first=True)
    # What stands in the padding is nobody's speech.
    for row, signal in zip(batch, signals):
        row[len(signal) :] = 0.5 * torch.randn(len(row) - len(signal))
    lens = torch.tensor([len(s) / batch.shape[1] for s in signals])
    heard = transcriber.transcribe(batch, lens)
    assert word_error_rate(heard, texts) < 0.3
    shortest = sorted(range(8), key=lambda k: len(signals[k]))[:3]
    for k in shortest:
        assert transcriber.transcribe(signals[k][None]) == [heard[k]]


def test_too_long_speech_is_refused(transcriber):
    """Whisper takes 30 s; more would be cut without a word."""
    with pytest.raises(ValueError, match="30 s at most"):
        transcriber.transcribe(torch.zeros(1, 31 * 16000))


def first_tokens(transcriber):
    """Collects what the decoder is given before it says anything."""
    seen = []
    transcriber.model.model.decoder.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs["input_ids"]),
        with_kwargs=True,
    )
    transcriber.transcribe(torch.randn(2, 16000))
    # One call a token: the limit counts those after the first ones.
    assert 1 <= len(seen) <= 5
    return seen[0].tolist()


def test_only_a_multilingual_model_is_told_the_language(
    whisper_folder, transcriber, tmp_path
):
    """As in released models, whose settings say what each needs."""
    ids = transcriber.tokenizer.convert_tokens_to_ids
    start, mute = "<|startoftranscript|>", "<|notimestamps|>"
    tokens = first_tokens(WhisperTranscriber(whisper_folder, 5))
    assert tokens == [[ids(start)]] * 2
    folder = shutil.copytree(whisper_folder, tmp_path / "whisper")
    file = folder / "generation_config.json"
    settings = json.loads(file.read_text(encoding="utf-8"))
    del settings["_from_model_config"]
    settings.update(
        is_multilingual=True,
        lang_to_id={code: ids(code) for code in ("<|de|>", "<|en|>")},
        task_to_id={"transcribe": ids("<|transcribe|>")},
        no_timestamps_token_id=ids(mute),
    )
    file.write_text(json.dumps(settings), encoding="utf-8")
    for code in ("en", "de"):
        told = WhisperTranscriber(str(folder), 5, code)
        wanted = [start, f"<|{code}|>", "<|transcribe|>", mute]
        assert first_tokens(told) == [[ids(token) for token in wanted]] * 2
