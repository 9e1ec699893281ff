"""SpeechBrain's own lobes: an utterance alone, and beside a longer one.

Those that differ stand here with the reason, and must differ: once one is
mended, its reason must go.

Authors
 * The speechbrain_relm contributors 2026
"""

import pytest
import torch
import transformers as hf
from speechbrain.integrations.huggingface.encodec import Encodec
from speechbrain.integrations.huggingface.hubert import HuBERT
from speechbrain.integrations.huggingface.mimi import Mimi
from speechbrain.integrations.huggingface.w2v_bert import W2VBert
from speechbrain.integrations.huggingface.wav2vec2 import Wav2Vec2
from speechbrain.integrations.huggingface.wavlm import WavLM
from speechbrain.integrations.huggingface.weighted_ssl import WeightedSSLModel
from speechbrain.integrations.huggingface.whisper import Whisper

from speechbrain_relm.lobes.parts.batch_effect import TOLERANCE, batch_effect

LAYERS = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
}
CONVOLUTIONS = {
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
}
SSL = {
    Wav2Vec2: (hf.Wav2Vec2Config, hf.Wav2Vec2Model),
    HuBERT: (hf.HubertConfig, hf.HubertModel),
    WavLM: (hf.WavLMConfig, hf.WavLMModel),
}


def saved(folder, model, extractor):
    """Saves a random model as a Hugging Face folder."""
    model.save_pretrained(folder)
    extractor.save_pretrained(folder)
    return str(folder)


def ssl(folder, lobe, norm, do_normalize=False, **options):
    """Makes a wav2vec 2.0, HuBERT or WavLM lobe."""
    config, model = SSL[lobe]
    sizes = config(
        **LAYERS,
        **CONVOLUTIONS,
        feat_extract_norm=norm,
        do_stable_layer_norm=norm == "layer",
    )
    extractor = hf.Wav2Vec2FeatureExtractor(do_normalize=do_normalize)
    source = saved(folder, model(sizes), extractor)
    return lobe(source, source, freeze=True, **options)


def weighted(folder):
    """Makes a weighted sum of a wav2vec 2.0's layers."""
    sizes = hf.Wav2Vec2Config(
        **LAYERS, **CONVOLUTIONS, feat_extract_norm="layer"
    )
    extractor = hf.Wav2Vec2FeatureExtractor()
    source = saved(folder, hf.Wav2Vec2Model(sizes), extractor)
    return WeightedSSLModel(source, source, freeze=True)


def w2v_bert(folder):
    """Makes a w2v-BERT 2.0 lobe."""
    sizes = hf.Wav2Vec2BertConfig(
        **LAYERS, feature_projection_input_dim=160, output_hidden_size=16
    )
    model = hf.Wav2Vec2BertModel(sizes)
    source = saved(folder, model, hf.SeamlessM4TFeatureExtractor())
    return W2VBert(source, source, freeze=True)


def whisper(folder):
    """Makes a Whisper encoder, which takes no lengths: it pads to 30 s."""
    sizes = hf.WhisperConfig(
        vocab_size=8,
        d_model=16,
        encoder_layers=2,
        encoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_layers=1,
        decoder_attention_heads=2,
        decoder_ffn_dim=16,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
    )
    model = hf.WhisperModel(sizes)
    source = saved(folder, model, hf.WhisperFeatureExtractor())
    lobe = Whisper(source, source, encoder_only=True, freeze=True)
    return lambda wavs, wav_lens: lobe(wavs)


def fill_codebooks(model):
    """Gives the codebooks vectors: untrained ones are all zero."""
    for name, values in model.named_buffers():
        if name.endswith(("codebook.embed", "codebook.embed_sum")):
            values.normal_()
    return model


def encodec(folder):
    """Makes an Encodec; compared are the vectors of its tokens."""
    sizes = hf.EncodecConfig(
        num_filters=4,
        hidden_size=16,
        codebook_size=32,
        num_lstm_layers=1,
        target_bandwidths=[1.5],
    )
    model = fill_codebooks(hf.EncodecModel(sizes))
    source = saved(folder, model, hf.EncodecFeatureExtractor())
    lobe = Encodec(source, source, bandwidth=1.5, freeze=True)
    return lambda wavs, wav_lens: lobe(wavs, wav_lens)[1]


def mimi(folder):
    """Makes a Mimi; compared are the vectors of its tokens."""
    sizes = hf.MimiConfig(
        **{**LAYERS, "num_hidden_layers": 1},
        num_key_value_heads=2,
        head_dim=8,
        num_filters=4,
        codebook_size=32,
        codebook_dim=8,
        vector_quantization_hidden_dimension=8,
        num_quantizers=4,
        upsample_groups=16,
    )
    model = fill_codebooks(hf.MimiModel(sizes))
    source = saved(folder, model, hf.EncodecFeatureExtractor())
    lobe = Mimi(source, source, num_codebooks=4, freeze=True)
    return lambda wavs, wav_lens: lobe(wavs, wav_lens)[1].transpose(1, 2)


def case(name, make, differs=None, **options):
    """One lobe; `differs` says why it depends on the batch."""
    return pytest.param(make, options, differs, id=name)


BY_LAYER, BY_GROUP = {"norm": "layer"}, {"norm": "group"}
PADDED_WAV = "layer_norm of the waveform counts its padding"
PADDED_OUTPUT = "output_norm is over all frames, the padding's too"
PADDED_GROUP = "the model's own group norm counts the padding (as in fairseq)"

CASES = [
    case(f"{lobe.__name__}, {name}", ssl, why, lobe=lobe, **options)
    for lobe in SSL
    for name, why, options in (
        ("layer norm", None, BY_LAYER),
        ("do_normalize", PADDED_WAV, {**BY_LAYER, "do_normalize": True}),
        ("output_norm", PADDED_OUTPUT, {**BY_LAYER, "output_norm": True}),
        ("group norm", PADDED_GROUP, BY_GROUP),
    )
] + [
    case("WeightedSSLModel", weighted, "it passes no lengths to the model"),
    case("W2VBert", w2v_bert),
    case("Whisper", whisper, "the floor of its log-mel is the batch's"),
    case("Encodec", encodec),
    case(
        "Mimi", mimi, "the padding fills its last frame, alone the model does"
    ),
]


@pytest.mark.parametrize("make, options, differs", CASES)
def test_alone_and_in_a_batch(tmp_path, make, options, differs):
    """Frames of the padding do not count, but in the lobes that are named."""
    torch.manual_seed(0)
    effect = batch_effect(make(tmp_path, **options))
    said = f"{effect:.2g} standard deviations; known: {differs}"
    assert (effect < TOLERANCE) is (differs is None), said
