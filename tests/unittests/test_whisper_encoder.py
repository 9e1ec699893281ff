"""The Whisper lobe against the stock implementation."""

import pytest
import torch
from transformers import WhisperFeatureExtractor, WhisperModel

from speechbrain_relm.lobes.whisper_encoder import WhisperSpeechEncoder


def stock_features(folder, wav):
    """Computes an utterance's features as transformers does."""
    extractor = WhisperFeatureExtractor.from_pretrained(folder)
    mel = extractor(wav.numpy(), sampling_rate=16000, return_tensors="pt")
    model = WhisperModel.from_pretrained(folder).eval()
    with torch.no_grad():
        return model.encoder(mel.input_features).last_hidden_state[0]


def test_30s_mode_is_the_stock_encoder(whisper_folder, utterances):
    """In a batch of unequal lengths, each utterance as if alone."""
    wavs, batch, lens = utterances
    encoder = WhisperSpeechEncoder(whisper_folder, pad_to_30s=True).eval()
    feats = encoder(batch, lens)
    counts = encoder.frame_counts(lens, batch.shape[1])
    for i, wav in enumerate(wavs):
        # REFERENCE: (valid mel frames - 1) // 2 + 1 encoder frames.
        mel_frames = -(-len(wav) // 160)
        assert counts[i] == (mel_frames - 1) // 2 + 1
        expected = stock_features(whisper_folder, wav)[: counts[i]]
        assert (feats[i, : counts[i]] - expected).abs().max() < 2e-5


@pytest.mark.parametrize("pad_to_30s", [True, False])
def test_batch_equals_alone(whisper_folder, utterances, pad_to_30s):
    """No batch-mate changes a feature, nor the number of frames."""
    wavs, batch, lens = utterances
    encoder = WhisperSpeechEncoder(whisper_folder, pad_to_30s).eval()
    feats = encoder(batch, lens)
    counts = encoder.frame_counts(lens, batch.shape[1])
    for i, wav in enumerate(wavs):
        alone = encoder(wav[None])[0]
        assert len(alone) == counts[i]
        assert (feats[i, : counts[i]] - alone).abs().max() < 1e-5
        assert not feats[i, counts[i] :].any()


def test_modes_agree_at_30_s(whisper_folder):
    """A signal that fills the 30 s needs no padding in either mode."""
    wavs = torch.randn(1, 30 * 16000)
    encoder = WhisperSpeechEncoder(whisper_folder, pad_to_30s=True).eval()
    exact = encoder(wavs)
    encoder.pad_to_30s = False
    assert exact.shape[1] == 1500
    assert torch.equal(encoder(wavs), exact)


def test_real_length_does_less_work(whisper_folder):
    """One second is encoded as 50 frames, not as 1500."""
    seen = []
    encoder = WhisperSpeechEncoder(whisper_folder, pad_to_30s=False)
    encoder.encoder.layers[0].register_forward_pre_hook(
        lambda module, inputs: seen.append(inputs[0].shape[1])
    )
    encoder(torch.randn(1, 16000))
    assert seen == [50]


def test_too_long_speech_is_refused(whisper_folder):
    """Whisper has positions for 30 s only."""
    encoder = WhisperSpeechEncoder(whisper_folder)
    with pytest.raises(ValueError, match="30 s at most"):
        encoder(torch.zeros(1, 31 * 16000))


def test_freezing(whisper_folder, utterances):
    """A frozen encoder neither trains nor leaves evaluation mode."""
    _, batch, lens = utterances
    frozen = WhisperSpeechEncoder(whisper_folder, freeze=True).train()
    assert not frozen.training
    assert not frozen(batch, lens).requires_grad
    tuned = WhisperSpeechEncoder(whisper_folder).train()
    tuned(batch, lens).sum().backward()
    assert tuned.encoder.conv1.weight.grad.abs().sum() > 0
