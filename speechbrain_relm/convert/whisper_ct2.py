"""Whisper from CTranslate2's format to the one of Hugging Face.

A CTranslate2 folder holds `model.bin`, `config.json` (token ids for decoding)
and `tokenizer.json`. `model.bin`, all little-endian:

- uint32 version of the format (6 here), string name of the specification
  ("WhisperSpec"), uint32 revision of the specification;
- uint32 number of arrays, then for each: string name, uint8 rank, uint32 for
  each dimension, uint8 type (see `TYPES`), uint32 number of bytes, the bytes;
- uint32 number of aliases, then for each: string alias, string array name.

A string is a uint16 length, which counts the zero byte at the end, and UTF-8.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
import math
import struct
from pathlib import Path

import numpy as np
import torch
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperTokenizerFast,
)

FORMAT_VERSION = 6
TYPES = {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2"}


class _Reader:
    """Reads a binary file piece by piece and says where it is cut.

    Arguments
    ---------
    path : pathlib.Path
        The file.
    """

    def __init__(self, path):
        self.path = path
        self.data = path.read_bytes()
        self.position = 0

    def bytes(self, count, what):
        """Returns the next `count` bytes; `what` names them in an error."""
        piece = self.data[self.position : self.position + count]
        if len(piece) < count:
            raise ValueError(
                f"{self.path} ends within {what}: the file is incomplete, "
                "copy or download it again."
            )
        self.position += count
        return piece

    def number(self, code, what):
        """Returns the next number, of a type that `struct` knows as `code`."""
        return struct.unpack(
            "<" + code, self.bytes(struct.calcsize("<" + code), what)
        )[0]

    def string(self, what):
        """Returns the next string."""
        raw = self.bytes(self.number("H", what), what)
        try:
            return raw.rstrip(b"\0").decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{self.path}: {what} is not UTF-8, the file is damaged."
            ) from error

    def array(self):
        """Returns the next array's name and the array."""
        name = self.string("the name of an array")
        what = f"the array '{name}'"
        rank = self.number("B", what)
        shape = [self.number("I", what) for _ in range(rank)]
        kind = self.number("B", what)
        raw = self.bytes(self.number("I", what), what)
        if kind not in TYPES:
            raise ValueError(
                f"{self.path}: {what} has type {kind}, which is not read "
                "here: convert the model with float32 or float16 weights."
            )
        dtype = np.dtype(TYPES[kind])
        if len(raw) != math.prod(shape) * dtype.itemsize:
            raise ValueError(
                f"{self.path}: {what} has {len(raw)} bytes, which do not make "
                f"a shape of {shape}: the file is damaged."
            )
        return name, np.frombuffer(raw, dtype).reshape(shape)


def read_arrays(path):
    """Reads all arrays of a CTranslate2 Whisper.

    Arguments
    ---------
    path : str or pathlib.Path
        A `model.bin`.

    Returns
    -------
    dict
        The arrays by name, read-only numpy.ndarray; an alias is one more name.

    Raises
    ------
    ValueError
        If the file is cut, damaged or of another format or model.

    Example
    -------
    >>> path = getfixture("tmp_path") / "model.bin"
    >>> header = struct.pack("<IH12sI", 6, 12, b"WhisperSpec", 3)
    >>> array = struct.pack("<H2sBIBI2f", 2, b"a", 1, 2, 0, 8, 0.5, 1.5)
    >>> alias = struct.pack("<H2sH2s", 2, b"b", 2, b"a")
    >>> one = struct.pack("<I", 1)
    >>> _ = path.write_bytes(header + one + array + one + alias)
    >>> {name: array.tolist() for name, array in read_arrays(path).items()}
    {'a': [0.5, 1.5], 'b': [0.5, 1.5]}
    """
    reader = _Reader(Path(path))
    version = reader.number("I", "the version")
    if version != FORMAT_VERSION:
        raise ValueError(
            f"{path} has version {version} of CTranslate2's format, or "
            f"another format; version {FORMAT_VERSION} is read here."
        )
    specification = reader.string("the name of the specification")
    if specification != "WhisperSpec":
        raise ValueError(f"{path} holds a {specification}, not a WhisperSpec.")
    reader.number("I", "the revision")
    count = reader.number("I", "the number of arrays")
    arrays = dict(reader.array() for _ in range(count))
    for _ in range(reader.number("I", "the number of aliases")):
        alias = reader.string("an alias")
        target = reader.string(f"the alias '{alias}'")
        if target not in arrays:
            raise ValueError(
                f"{path}: the alias '{alias}' is for an array that the file "
                f"does not have, '{target}': the file is damaged."
            )
        arrays[alias] = arrays[target]
    if reader.position != len(reader.data):
        raise ValueError(f"{path} goes on after its last alias: it is damaged.")
    return arrays


class _Weights:
    """Hands out arrays as float32 tensors under Hugging Face's names.

    Arguments
    ---------
    arrays : dict
        What `read_arrays` gives.
    path : pathlib.Path
        Their file, for messages.
    """

    def __init__(self, arrays, path):
        self.arrays, self.path = arrays, path
        self.state = {}

    def tensor(self, name):
        """Returns one array; quantized weights and absent ones are refused."""
        if name not in self.arrays:
            raise ValueError(f"{self.path} has no array '{name}'.")
        if self.arrays[name].dtype.kind != "f":
            raise ValueError(
                f"{self.path}: '{name}' is quantized: convert the model with "
                "float32 or float16 weights."
            )
        return torch.from_numpy(self.arrays[name].astype(np.float32))

    def layers(self, side):
        """Returns how many layers the encoder or the decoder has."""
        prefix = f"{side}/layer_"
        numbers = {
            name[len(prefix) :].partition("/")[0]
            for name in self.arrays
            if name.startswith(prefix)
        }
        return len(numbers - {"norm"})

    def linear(self, source, target):
        """Takes over a linear or convolutional layer."""
        for part in ("weight", "bias"):
            self.state[f"{target}.{part}"] = self.tensor(f"{source}/{part}")

    def norm(self, source, target):
        """Takes over a layer norm."""
        self.state[f"{target}.weight"] = self.tensor(f"{source}/gamma")
        self.state[f"{target}.bias"] = self.tensor(f"{source}/beta")

    def attention(self, source, target, inputs):
        """Takes over an attention and the layer norm before it.

        Arguments
        ---------
        source : str
            Its name in CTranslate2.
        target : str
            Its name in Hugging Face's Whisper.
        inputs : int
            How many linear layers hold the rows of q, k and v together: 1 in
            self-attention (q|k|v), 2 in cross-attention (q, k|v).
        """
        for part in ("weight", "bias"):
            rows = torch.cat(
                [
                    self.tensor(f"{source}/linear_{i}/{part}")
                    for i in range(inputs)
                ]
            )
            for letter, third in zip("qkv", rows.chunk(3)):
                self.state[f"{target}.{letter}_proj.{part}"] = third.clone()
        # Whisper's k has no bias; CTranslate2 fills its place with zeros.
        if self.state.pop(f"{target}.k_proj.bias").any():
            raise ValueError(
                f"{self.path}: the bias of k in '{source}' is not zero, so "
                "this is no Whisper."
            )
        self.linear(f"{source}/linear_{inputs}", f"{target}.out_proj")
        self.norm(f"{source}/layer_norm", f"{target}_layer_norm")


def state_dict(arrays, path="model.bin"):
    """Renames the arrays of a CTranslate2 Whisper to Hugging Face's keys.

    Arguments
    ---------
    arrays : dict
        What `read_arrays` gives.
    path : str or pathlib.Path
        Their file, for messages.

    Returns
    -------
    dict
        float32 tensors for a `WhisperForConditionalGeneration`, in full.

    Raises
    ------
    ValueError
        If an array is missing, quantized or not of a Whisper.

    Example
    -------
    >>> state_dict({})
    Traceback (most recent call last):
    ...
    ValueError: model.bin has no array 'encoder/conv1/weight'.
    """
    weights = _Weights(arrays, path)
    for conv in ("conv1", "conv2"):
        weights.linear(f"encoder/{conv}", f"model.encoder.{conv}")
    for side in ("encoder", "decoder"):
        weights.state[f"model.{side}.embed_positions.weight"] = weights.tensor(
            f"{side}/position_encodings/encodings"
        )
        weights.norm(f"{side}/layer_norm", f"model.{side}.layer_norm")
        for i in range(weights.layers(side)):
            source, target = f"{side}/layer_{i}", f"model.{side}.layers.{i}"
            weights.attention(
                f"{source}/self_attention", f"{target}.self_attn", 1
            )
            if side == "decoder":
                weights.attention(
                    f"{source}/attention", f"{target}.encoder_attn", 2
                )
            weights.norm(
                f"{source}/ffn/layer_norm", f"{target}.final_layer_norm"
            )
            weights.linear(f"{source}/ffn/linear_0", f"{target}.fc1")
            weights.linear(f"{source}/ffn/linear_1", f"{target}.fc2")
    embeddings = weights.tensor("decoder/embeddings/weight")
    weights.state["model.decoder.embed_tokens.weight"] = embeddings
    weights.state["proj_out.weight"] = embeddings
    return weights.state


def _model_config(arrays, state):
    """Reads the sizes of the model off its arrays; token ids come later."""
    weights = _Weights(arrays, "")
    encoder, decoder = "model.encoder.layers.0", "model.decoder.layers.0"
    vocabulary, d_model = state["proj_out.weight"].shape
    return WhisperConfig(
        vocab_size=vocabulary,
        d_model=d_model,
        num_mel_bins=state["model.encoder.conv1.weight"].shape[1],
        encoder_layers=weights.layers("encoder"),
        decoder_layers=weights.layers("decoder"),
        encoder_attention_heads=int(arrays["encoder/num_heads"]),
        decoder_attention_heads=int(arrays["decoder/num_heads"]),
        encoder_ffn_dim=len(state[f"{encoder}.fc1.weight"]),
        decoder_ffn_dim=len(state[f"{decoder}.fc1.weight"]),
        max_source_positions=len(state["model.encoder.embed_positions.weight"]),
        max_target_positions=len(state["model.decoder.embed_positions.weight"]),
    )


def _tokenizer(file):
    """Loads a `tokenizer.json`, with all special tokens declared as such."""
    with open(file, encoding="utf-8") as stream:
        added = json.load(stream)["added_tokens"]
    end = "<|endoftext|>"
    others = [token["content"] for token in added if token["content"] != end]
    return WhisperTokenizerFast(
        tokenizer_file=str(file), pad_token=end, extra_special_tokens=others
    )


def _token_ids(tokenizer, vocabulary, path):
    """Finds the ids that decoding begins, ends and pads with.

    Arguments
    ---------
    tokenizer : transformers.WhisperTokenizerFast
        The tokenizer.
    vocabulary : int
        How many rows the embeddings have.
    path : pathlib.Path
        The file of the model, for messages.

    Returns
    -------
    dict
        Fields common to the model's and the generation configuration.
    """
    start, end = tokenizer.convert_tokens_to_ids(
        ["<|startoftranscript|>", "<|endoftext|>"]
    )
    # In English-only models the end comes right before the start; in the
    # others languages and tasks have tokens, which are not handled here.
    if start != end + 1 or len(tokenizer) > vocabulary:
        raise ValueError(
            f"{path}: only English-only Whisper models are converted, such "
            "as tiny.en, with their own tokenizer.json."
        )
    return {
        "bos_token_id": start,
        "eos_token_id": end,
        "pad_token_id": end,
        "decoder_start_token_id": start,
    }


def convert(source, target):
    """Converts an English-only Whisper to a Hugging Face folder.

    Arguments
    ---------
    source : str or pathlib.Path
        Folder with `model.bin`, `config.json` and `tokenizer.json`.
    target : str or pathlib.Path
        Folder to write: float32 weights, configurations, tokenizer and
        feature extractor.

    Raises
    ------
    ValueError
        If `model.bin` is damaged or not an unquantized English-only Whisper.

    Example
    -------
    >>> source = "models/faster-whisper-tiny.en"
    >>> convert(source, "models/whisper-tiny.en")  # doctest: +SKIP
    """
    source, path = Path(source), Path(source) / "model.bin"
    arrays = read_arrays(path)
    state = state_dict(arrays, path)
    config = _model_config(arrays, state)
    tokenizer = _tokenizer(source / "tokenizer.json")
    ids = _token_ids(tokenizer, config.vocab_size, path)
    config.update(ids)
    model = WhisperForConditionalGeneration(config)
    model.load_state_dict(state)
    with open(source / "config.json", encoding="utf-8") as stream:
        decoding = json.load(stream)
    model.generation_config = GenerationConfig(
        max_length=config.max_target_positions,
        suppress_tokens=decoding["suppress_ids"],
        begin_suppress_tokens=decoding["suppress_ids_begin"],
        no_timestamps_token_id=tokenizer.convert_tokens_to_ids(
            "<|notimestamps|>"
        ),
        prev_sot_token_id=tokenizer.convert_tokens_to_ids("<|startofprev|>"),
        alignment_heads=decoding["alignment_heads"],
        is_multilingual=False,
        return_timestamps=False,
        **ids,
    )
    tokenizer.model_max_length = config.max_target_positions
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)
    WhisperFeatureExtractor(config.num_mel_bins).save_pretrained(target)
