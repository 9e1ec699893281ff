"""The caches of what frozen encoders heard: hits, kills, other weights, processes.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
import shutil

import forked
import pytest
import torch

from speechbrain_relm.data.datasets import audio_key
from speechbrain_relm.data.encoder_cache import EncoderCache, encoder_mark
from speechbrain_relm.lobes.emotion_encoder import DimensionalEmotionEncoder
from speechbrain_relm.lobes.whisper_encoder import WhisperSpeechEncoder


class Counting(DimensionalEmotionEncoder):
    """Counts the signals that it hears."""

    heard = 0

    def forward(self, wavs, wav_lens=None):
        """Encodes as always."""
        Counting.heard += len(wavs)
        return super().forward(wavs, wav_lens)


@pytest.fixture
def encoder(emotion_folder):
    """A tiny encoder that counts from nothing."""
    Counting.heard = 0
    return Counting(emotion_folder)


def ask(cache, utterances):
    """Asks for the batch of the fixture."""
    wavs, batch, lens = utterances
    return cache([audio_key(wav) for wav in wavs], batch, lens)


def test_each_signal_is_heard_once(encoder, utterances, tmp_path):
    """In this process and the next; the values are the encoder's own."""
    wavs, batch, lens = utterances
    expected = encoder(batch, lens)
    Counting.heard = 0
    for _ in range(2):
        cache = EncoderCache(encoder, tmp_path)
        # The second utterance came with another batch before.
        cache([audio_key(wavs[1])], wavs[1][None], torch.ones(1))
        for found, wanted in zip(ask(cache, utterances), expected):
            torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)
    assert Counting.heard == 3


def test_what_another_run_heard_meanwhile_is_found(
    encoder, utterances, tmp_path
):
    """Bit by bit: heard in another batch it would differ in the last digits."""
    wavs = utterances[0]
    late = EncoderCache(encoder, tmp_path)
    other = EncoderCache(encoder, tmp_path)
    for wav in wavs:
        other([audio_key(wav)], wav[None], torch.ones(1))
        Counting.heard = 0
        found = late([audio_key(wav)], wav[None], torch.ones(1))
        assert Counting.heard == 0
    expected = ask(other, utterances)
    for found, wanted in zip(ask(late, utterances), expected):
        assert torch.equal(found, wanted)
    assert Counting.heard == 0 and late.bytes == other.bytes


def test_other_weights_or_settings_find_nothing(encoder, utterances, tmp_path):
    """Their folder has another name."""
    ask(EncoderCache(encoder, tmp_path), utterances)
    names = {encoder_mark(encoder)}
    encoder.normalize = False
    names.add(encoder_mark(encoder))
    with torch.no_grad():
        encoder.model.classifier.dense.bias[0] += 1
    names.add(encoder_mark(encoder))
    assert len(names) == 3
    ask(EncoderCache(encoder, tmp_path), utterances)
    assert Counting.heard == 6


def test_another_activation_finds_nothing(emotion_folder, tmp_path):
    """Equal weights with other settings make another encoder."""
    other = tmp_path / "other"
    shutil.copytree(emotion_folder, other)
    same = encoder_mark(DimensionalEmotionEncoder(other))
    assert same == encoder_mark(DimensionalEmotionEncoder(emotion_folder))
    config = json.loads((other / "config.json").read_text())
    for name, value in (("hidden_act", "relu"), ("layer_norm_eps", 0.3)):
        changed = json.dumps({**config, name: value})
        (other / "config.json").write_text(changed)
        assert encoder_mark(DimensionalEmotionEncoder(other)) != same


def test_another_precision_finds_nothing(encoder, utterances, tmp_path):
    """And none depends on the autocast region around it."""
    cache = EncoderCache(encoder, tmp_path)
    with torch.autocast("cpu", torch.bfloat16):
        found, _ = ask(cache, utterances)
    exact, _ = encoder(*utterances[1:])
    torch.testing.assert_close(found, exact, rtol=1e-5, atol=1e-6)
    Counting.heard = 0
    rough, _ = ask(EncoderCache(encoder, tmp_path, "bf16"), utterances)
    assert Counting.heard == 3
    assert 1e-4 < (rough - exact).abs().max() < 0.1


@pytest.mark.parametrize("torn", [".float32", ".keys"])
def test_a_torn_file_keeps_its_whole_rows(encoder, utterances, tmp_path, torn):
    """A kill in the middle of a row, or of a key, costs that row."""
    expected = ask(EncoderCache(encoder, tmp_path), utterances)
    path = next(tmp_path.rglob(f"*{torn}"))
    path.write_bytes(path.read_bytes()[:-5])
    cache = EncoderCache(encoder, tmp_path)
    assert len(cache.kept) == 2
    for found, wanted in zip(ask(cache, utterances), expected):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)
    assert Counting.heard == 4


def fill(emotion_folder, folder, seed):
    """Hears twenty signals, some of them the other process's too."""
    torch.set_num_threads(1)
    cache = EncoderCache(DimensionalEmotionEncoder(emotion_folder), folder)
    for i in range(20):
        wav = torch.sin(torch.arange(8000) * (1 + i + seed) / 50)
        cache([audio_key(wav)], wav[None], torch.ones(1))


def test_two_processes_at_once(emotion_folder, tmp_path):
    """Each writes a file of its own; together they have every row."""
    context = forked.context()
    processes = [
        context.Process(target=fill, args=(emotion_folder, tmp_path, seed))
        for seed in (0, 10)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    cache = EncoderCache(DimensionalEmotionEncoder(emotion_folder), tmp_path)
    assert len(cache.kept) == 30


@pytest.mark.parametrize("pad_to_30s", [False, True])
def test_frames_are_the_encoders_own(
    whisper_folder, utterances, tmp_path, pad_to_30s
):
    """Also for an utterance that came in another batch before."""
    wavs, batch, lens = utterances
    encoder = WhisperSpeechEncoder(whisper_folder, pad_to_30s, freeze=True)
    expected = encoder(batch, lens)
    keys = [audio_key(wav) for wav in wavs]
    EncoderCache(encoder, tmp_path)(keys[:1], wavs[0][None], torch.ones(1))
    for heard in (2, 0):
        cache = EncoderCache(encoder, tmp_path)
        found = cache(keys, batch, lens)
        assert cache.asked - cache.found == heard
        counts = encoder.frame_counts(lens, batch.shape[1])
        assert found.shape[:2] == (3, counts.max())
        for ours, frames, count in zip(found, expected, counts):
            torch.testing.assert_close(
                ours[:count], frames[:count], rtol=1e-4, atol=1e-5
            )
            assert not ours[count:].any()
