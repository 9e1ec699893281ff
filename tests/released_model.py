"""The released RE-LLM computed in plain torch, for one utterance at a time.

Written from the paper's equations and the formats of the released checkpoint,
without our lobes and without transformers' LLMs: an independent source for
the conformance test. Whisper's and wav2vec 2.0's encoders are stock.

Authors
 * The speechbrain_relm contributors 2026
"""

import json

import torch
from safetensors.torch import save_file
from torch.nn import functional as F
from transformers import (
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Model,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperModel,
)

CONFIG = {
    "whisper": {
        "d_model": 8,
        "encoder_layers": 1,
        "encoder_attention_heads": 2,
        "encoder_ffn_dim": 8,
        "num_mel_bins": 80,
        "max_source_positions": 1500,
    },
    "qwen": {
        "vocab_size": 60,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 24,
        "seq_length": 256,
        "rotary_emb_base": 10000,
        "layer_norm_epsilon": 1e-6,
    },
    "wav2vec2": {
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 8,
        "conv_dim": [4] * 7,
        "num_conv_pos_embeddings": 4,
        "num_conv_pos_embedding_groups": 2,
        "do_stable_layer_norm": True,
        "feat_extract_norm": "layer",
        "conv_bias": True,
        "do_normalize": True,
    },
    "adapter": {"conv_kernel_sizes": "5,5,5", "adapter_inner_dim": 8},
    "lora": {
        "r": 2,
        "lora_alpha": 4,
        "target_modules": ["c_attn", "c_proj", "w1", "w2"],
        "lora_dropout": 0.0,
    },
    "num_emotions": 5,
    "kd_temperature": 2,
}
H, LORA_SCALE = 16, 2.0


def random_checkpoint():
    """Draws the trained tensors under the released names."""
    shapes = {"hidden2emotion.weight": (5, H), "hidden2w2v2.weight": (3, H)}
    for room, size in (("adapter", 8), ("w2v2cat_adapter", 16)):
        for i, out in enumerate((size, size, H)):
            conv = f"{room}.subsampler.conv_layers.{i}"
            shapes[f"{conv}.weight"] = (2 * out, size, 5)
            shapes[f"{conv}.bias"] = (2 * out,)
        shapes[f"{room}.fc1.weight"] = (8, H)
        shapes[f"{room}.fc2.weight"] = (H, 8)
        shapes[f"{room}.speech_ln.weight"] = (H,)
        shapes[f"{room}.speech_ln.bias"] = (H,)
    llm = "qwen_model.model.transformer."
    shapes[f"{llm}wte.weight"] = shapes["qwen_model.model.lm_head.weight"] = (
        60,
        H,
    )
    shapes[f"{llm}ln_f.weight"] = (H,)
    linears = {
        "attn.c_attn": (3 * H, H),
        "attn.c_proj": (H, H),
        "mlp.w1": (12, H),
        "mlp.w2": (12, H),
        "mlp.c_proj": (H, 12),
    }
    for i in range(2):
        for norm in ("ln_1", "ln_2"):
            shapes[f"{llm}h.{i}.{norm}.weight"] = (H,)
        shapes[f"{llm}h.{i}.attn.c_attn.bias"] = (3 * H,)
        for name, (out, into) in linears.items():
            name = f"{llm}h.{i}.{name}"
            shapes[f"{name}.weight"] = (out, into)
            shapes[f"{name}.lora_A.default.weight"] = (2, into)
            shapes[f"{name}.lora_B.default.weight"] = (out, 2)
    return {name: 0.3 * torch.randn(shape) for name, shape in shapes.items()}


def adapter(weights, feats):
    """Convolutions, bottleneck and normalization of one utterance [T, C]."""
    x = feats.T[None]
    for i in range(3):
        conv = f"w2v2cat_adapter.subsampler.conv_layers.{i}"
        x = F.conv1d(
            x, weights[f"{conv}.weight"], weights[f"{conv}.bias"], 2, 2
        )
        x = F.glu(x, dim=1)
    x = x[0].T
    inner = F.gelu(x @ weights["w2v2cat_adapter.fc1.weight"].T)
    x = x + inner @ weights["w2v2cat_adapter.fc2.weight"].T
    norm = "w2v2cat_adapter.speech_ln"
    return F.layer_norm(
        x, (H,), weights[f"{norm}.weight"], weights[f"{norm}.bias"]
    )


def rms_norm(x, weight):
    """Scales by the root mean square."""
    return x * (x.square().mean(-1, keepdim=True) + 1e-6).rsqrt() * weight


def rotate(x):
    """Turns queries or keys [T, heads, d] by their position."""
    size = x.shape[-1]
    frequencies = 10000 ** (-torch.arange(0, size, 2) / size)
    angles = torch.arange(len(x))[:, None] * frequencies
    cos, sin = (f(angles).repeat(1, 2)[:, None] for f in (torch.cos, torch.sin))
    halves = torch.cat([-x[..., size // 2 :], x[..., : size // 2]], -1)
    return x * cos + halves * sin


def qwen(weights, embeds, speech_mask=None):
    """Runs a first-generation Qwen on one sequence [T, H] to logits [T, V]."""
    prefix = "qwen_model.model.transformer."

    def linear(x, name, bias=None):
        name = f"{prefix}{name}"
        y = x @ weights[f"{name}.weight"].T
        if bias is not None:
            y = y + weights[f"{prefix}{bias}"]
        if speech_mask is not None:
            down = x @ weights[f"{name}.lora_A.default.weight"].T
            up = down @ weights[f"{name}.lora_B.default.weight"].T
            y = y + LORA_SCALE * up * speech_mask[:, None]
        return y

    x, steps = embeds, len(embeds)
    causal = torch.full((steps, steps), float("-inf")).triu(1)
    for i in range(2):
        layer = f"h.{i}."
        y = rms_norm(x, weights[f"{prefix}{layer}ln_1.weight"])
        qkv = linear(y, f"{layer}attn.c_attn", f"{layer}attn.c_attn.bias")
        query, key, value = (
            part.view(steps, 2, H // 2) for part in qkv.chunk(3, -1)
        )
        query, key = rotate(query), rotate(key)
        scores = torch.einsum("thd,shd->hts", query, key) / (H // 2) ** 0.5
        mixed = torch.einsum(
            "hts,shd->thd", (scores + causal).softmax(-1), value
        )
        x = x + linear(mixed.reshape(steps, H), f"{layer}attn.c_proj")
        y = rms_norm(x, weights[f"{prefix}{layer}ln_2.weight"])
        up, gate = linear(y, f"{layer}mlp.w1"), linear(y, f"{layer}mlp.w2")
        x = x + linear(up * F.silu(gate), f"{layer}mlp.c_proj")
    x = rms_norm(x, weights[f"{prefix}ln_f.weight"])
    return x @ weights["qwen_model.model.lm_head.weight"].T


def encoders(weights, wavs):
    """Runs the stock encoders; adds their tensors to the checkpoint."""
    whisper = WhisperModel(
        WhisperConfig(
            **CONFIG["whisper"],
            decoder_layers=1,
            decoder_attention_heads=1,
            decoder_ffn_dim=8,
        )
    ).eval()
    wav2vec2 = Wav2Vec2Model(Wav2Vec2Config(**CONFIG["wav2vec2"])).eval()
    for name, tensor in whisper.encoder.state_dict().items():
        weights[f"whisper_model.{name}"] = tensor
    for name, tensor in wav2vec2.state_dict().items():
        weights[f"w2v2.wav2vec2.{name}"] = tensor
    for name, shape in {
        "dense.weight": (8, 8),
        "dense.bias": (8,),
        "out_proj.weight": (3, 8),
        "out_proj.bias": (3,),
    }.items():
        weights[f"w2v2.classifier.{name}"] = torch.randn(shape)

    states, embeddings, attributes = [], [], []
    mels, values = WhisperFeatureExtractor(), Wav2Vec2FeatureExtractor()
    for wav in wavs:
        settings = {"sampling_rate": 16000, "return_tensors": "pt"}
        mel = mels(wav.numpy(), **settings).input_features
        states.append(whisper.encoder(mel).last_hidden_state[0])
        value = values(wav.numpy(), **settings).input_values
        embedding = wav2vec2(value).last_hidden_state.mean(1)[0]
        head = [
            weights[f"w2v2.classifier.{n}.weight"]
            for n in ("dense", "out_proj")
        ]
        bias = [
            weights[f"w2v2.classifier.{n}.bias"] for n in ("dense", "out_proj")
        ]
        hidden = torch.tanh(head[0] @ embedding + bias[0])
        embeddings.append(embedding)
        attributes.append(head[1] @ hidden + bias[1])
    return states, embeddings, attributes


@torch.no_grad()
def write_golden(folder, seed=0):
    """Writes a folder in the format that `tests/conformance.py` takes."""
    torch.manual_seed(seed)
    wavs = [0.1 * torch.randn(n) for n in (9600, 16161)]
    weights = random_checkpoint()
    states, embeddings, attributes = encoders(weights, wavs)
    counts = [-(-len(wav) // 320) for wav in wavs]
    parts = {
        name: torch.randint(0, 60, (2, size))
        for name, size in {
            "start": 3,
            "audio_instruction": 2,
            "instruction": 3,
            "input": 4,
            "suffix": 7,
        }.items()
    }
    inputs = {f"wav_{i}": wav for i, wav in enumerate(wavs)}
    for name, ids in parts.items():
        inputs[f"{name}_ids"] = ids
        inputs[f"{name}_mask"] = torch.ones_like(ids)
        inputs[f"{name}_labels"] = torch.full_like(ids, -100)
    inputs["suffix_labels"][:, 4:] = parts["suffix"][:, 4:]
    inputs["emotion_labels"] = torch.tensor([1, 4])
    for name in ("arousal", "valence", "dominance"):
        inputs[f"{name}_ans"] = torch.rand(2)
    inputs["text_ids_right_padded"] = torch.randint(0, 60, (2, 5))
    inputs["text_mask_right_padded"] = torch.ones(2, 5).long()

    embed = weights["qwen_model.model.transformer.wte.weight"]
    outputs = {
        "whisper_last_hidden_state": torch.stack(states)[:, : max(counts)],
        "whisper_output_lengths": torch.tensor(counts),
        "emotion_embedding": torch.stack(embeddings),
        "arousal_dominance_valence": torch.stack(attributes),
        "text_logits_right_padded": torch.stack(
            [
                qwen(weights, embed[row])
                for row in inputs["text_ids_right_padded"]
            ]
        ),
    }
    greedy = []
    for i in range(2):
        frames = states[i][: counts[i]]
        repeated = embeddings[i].expand(counts[i], -1)
        speech = adapter(weights, torch.cat([frames, repeated], -1))
        found, tokens = utterance(weights, speech, inputs, i)
        outputs.update({f"utterance_{i}.{k}": v for k, v in found.items()})
        greedy.append(tokens)
    outputs["greedy_tokens"] = torch.tensor(greedy)
    folder.mkdir(exist_ok=True)
    for name, tensors in (
        ("checkpoint", weights),
        ("inputs", inputs),
        ("outputs", outputs),
    ):
        tensors = {k: v.clone().contiguous() for k, v in tensors.items()}
        save_file(tensors, folder / f"{name}.safetensors")
    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")


def utterance(weights, speech, inputs, i):
    """Computes what one utterance's embeddings [T, H] give."""
    embed = weights["qwen_model.model.transformer.wte.weight"]
    ids = {
        name: inputs[f"{name}_ids"][i]
        for name in (
            "start",
            "audio_instruction",
            "instruction",
            "input",
            "suffix",
        )
    }
    before = torch.cat([ids["start"], ids["audio_instruction"]])
    embeds = torch.cat([embed[before], speech, embed[ids["suffix"]]])
    mask = torch.zeros(len(embeds))
    mask[len(before) : len(before) + len(speech)] = 1
    logits = qwen(weights, embeds, mask)
    text = torch.cat(
        [ids[n] for n in ("start", "instruction", "input", "suffix")]
    )
    teacher = qwen(weights, embed[text])
    pooled = speech.mean(0)
    classes = weights["hidden2emotion.weight"] @ pooled
    dimensions = weights["hidden2w2v2.weight"] @ pooled
    answers = torch.stack(
        [inputs[f"{n}_ans"][i] for n in ("arousal", "valence", "dominance")]
    )

    def divergence(ours, theirs):
        p, q = ((x.double() / 2).softmax(-1) for x in (theirs, ours))
        return (p * (p / q).log()).sum(-1).mean().float()

    response = ids["suffix"][4:]
    ce = -logits[-4:-1].log_softmax(-1)[range(3), response].mean()
    er = -classes.log_softmax(-1)[inputs["emotion_labels"][i]]
    avd = (dimensions - answers).square().mean()
    prompt, tokens = embeds[:-3], []
    for _ in range(12):
        new = embed[torch.tensor(tokens, dtype=torch.long)]
        row = torch.cat([prompt, new])
        at = F.pad(mask[: len(prompt)], (0, len(tokens)))
        tokens.append(int(qwen(weights, row, at)[-1].argmax()))
    found = {
        "speech_embeddings": speech[None],
        "pooled": pooled[None],
        "category_logits": classes[None],
        "attributes_arousal_valence_dominance": dimensions[None],
        "llm_inputs_embeds": embeds[None],
        "speech_mask": mask.long()[None],
        "llm_logits_partial_lora": logits[None],
        "llm_logits_no_lora": qwen(weights, embeds)[None],
        "response_ce": ce[None],
        "response_kl": divergence(logits[-3:], teacher[-3:])[None],
        "response_kl_shifted": divergence(logits[-4:-1], teacher[-4:-1])[None],
        "input_er": er[None],
        "input_er_avd": avd[None],
        "total": (ce + er + avd)[None],
    }
    return found, tokens
