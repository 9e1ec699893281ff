#!/usr/bin/env python3
"""Compares our lobes with numbers computed by the authors' code.

    python tests/conformance.py FOLDER

FOLDER holds `config.json`, `inputs.safetensors`, `outputs.safetensors` and
the checkpoint, `.safetensors` or `.bin`, whole or in shards. The checkpoint
goes through our converter into our lobes, every quantity of the outputs is computed again, and one line each says
how far apart the two are: the largest absolute difference, relative to the
quantity's largest absolute value. The exit status is 1 if any is too far, or
missing on either side.

Authors
 * The speechbrain_relm contributors 2026
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from speechbrain.nnet.adapters import AdaptedModel
from transformers.utils import logging as transformers_logging

from speechbrain_relm.convert.commands import convert
from speechbrain_relm.lobes.chat_llm import ChatLLM
from speechbrain_relm.lobes.conv_adapter import ConvAdapter
from speechbrain_relm.lobes.emotion_encoder import DimensionalEmotionEncoder
from speechbrain_relm.lobes.emotion_heads import EmotionHeads
from speechbrain_relm.lobes.partial_lora import PartialLoRA, speech_positions
from speechbrain_relm.lobes.parts.chat_template import Prompt
from speechbrain_relm.lobes.whisper_encoder import WhisperSpeechEncoder
from speechbrain_relm.model import losses
from speechbrain_relm.model.prompting import lay_out, score
from speechbrain_relm.model.re_llm import RELLM, fused_size, speech_part
from speechbrain_relm.model.sequences import PROMPT, RESPONSE, Part
from speechbrain_relm.training.initialization import start_from

BOUND = 1e-5
KL_BOUND = 1e-3  # the values themselves are tiny
# Released: arousal, valence, dominance. Ours: arousal, dominance, valence.
AVD = [0, 2, 1]
FILES = ("inputs", "outputs")


def convert_folder(folder, scratch):
    """Runs the public converter on a golden folder's checkpoint.

    Its `config.json` nests what the released one spells out.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    released = {
        "whisper_config": config["whisper"],
        "qwen_config": config["qwen"],
        "w2v2_config": config["wav2vec2"],
        "lora_config": config["lora"],
        "lora_scope": config["lora"].get("lora_scope", "audio"),
        **config["adapter"],
        "num_emotions": config["num_emotions"],
        "kd_temperature": config["kd_temperature"],
    }
    source = scratch / "released"
    source.mkdir()
    (source / "config.json").write_text(json.dumps(released), encoding="utf-8")
    ours = {"config.json", *(f"{name}.safetensors" for name in FILES)}
    for path in folder.iterdir():
        if path.name not in ours and path.is_file():
            (source / path.name).symlink_to(path.resolve())
    convert("re-llm", source, scratch / "converted")
    return config


def build(config, folder):
    """Builds the system from a converted folder, as a recipe's YAML does."""
    sizes = json.loads((folder / "conversion.json").read_text("utf-8"))
    emotion_encoder = DimensionalEmotionEncoder(
        folder / "emotion", normalize=config["wav2vec2"]["do_normalize"]
    )
    lora = dict(sizes["lora"])
    llm = AdaptedModel(
        ChatLLM(folder / "llm"),
        PartialLoRA,
        target_layers=lora.pop("target_layers"),
        adapter_kwargs=lora,
    )
    speech_encoder = WhisperSpeechEncoder(folder / "whisper", pad_to_30s=True)
    adapter = ConvAdapter(
        fused_size(speech_encoder, emotion_encoder),
        llm.embedding_size,
        **sizes["adapter"],
    )
    heads = EmotionHeads(llm.embedding_size, sizes["emotions"])
    model = RELLM(speech_encoder, adapter, heads, llm)
    start_from(model, folder)
    return model.eval(), emotion_encoder


def tokens(inputs, name, i):
    """Lists the unpadded token ids of one utterance's prompt part."""
    return inputs[f"{name}_ids"][i][inputs[f"{name}_mask"][i].bool()].tolist()


def part(ids, role):
    """Makes a batch of one of token ids."""
    return Part(torch.tensor([ids]), torch.tensor([len(ids)]), role)


def utterance_quantities(model, speech, inputs, i, temperature):
    """Recomputes every number of one utterance, alone in its batch."""
    suffix = tokens(inputs, "suffix", i)
    labelled = inputs["suffix_labels"][i][inputs["suffix_mask"][i].bool()]
    unlabelled = int((labelled == -100).sum())
    after, response = suffix[:unlabelled], suffix[unlabelled:]
    start = tokens(inputs, "start", i)
    prompt = Prompt(start + tokens(inputs, "audio_instruction", i), after)
    response = part(response, RESPONSE)

    sequence = lay_out(model.llm, prompt, speech_part(speech), response)
    run = {
        "inputs_embeds": sequence.inputs_embeds,
        "attention_mask": sequence.attention_mask,
        "position_ids": sequence.position_ids,
    }
    with speech_positions(sequence.speech_mask):
        logits = model.llm(**run)
        response_logits = score(model.llm, sequence)
    teacher_prompt = Prompt(start + tokens(inputs, "instruction", i), after)
    text = part(tokens(inputs, "input", i), PROMPT)
    teacher = lay_out(model.llm, teacher_prompt, text, response)
    teacher_logits = model.llm(teacher.inputs_embeds)
    size = response.values.shape[1]

    found = {
        "speech_embeddings": speech.embeddings,
        "pooled": speech.pooled,
        "category_logits": speech.category_logits,
        "attributes_arousal_valence_dominance": speech.attributes[:, AVD],
        "llm_inputs_embeds": sequence.inputs_embeds,
        "speech_mask": sequence.speech_mask.long(),
        "llm_logits_partial_lora": logits,
        "llm_logits_no_lora": model.llm(**run),
        "response_ce": losses.response_nll(response_logits, sequence.targets),
        # The released value compares the logits at the response tokens, ours
        # those that predict them. In float64: so small a sum of differences
        # drowns in float32's rounding.
        "response_kl": losses.response_kl(
            logits[0, -size:].double(),
            teacher_logits[0, -size:].double(),
            temperature,
        ),
        "response_kl_shifted": losses.response_kl(
            response_logits.double(),
            model.teach(teacher_prompt, text, response).double(),
            temperature,
        ),
        "input_er": losses.category_loss(
            speech.category_logits, inputs["emotion_labels"][i : i + 1]
        ),
        "input_er_avd": losses.dimension_loss(
            speech.attributes,
            torch.stack(
                [
                    inputs[f"{dimension}_ans"][i]
                    for dimension in ("arousal", "dominance", "valence")
                ]
            )[None],
        ),
    }
    found["total"] = (
        found["response_ce"] + found["input_er"] + found["input_er_avd"]
    )
    return {f"utterance_{i}.{name}": value for name, value in found.items()}


def greedy(model, speech, inputs, i, new_tokens):
    """Decodes one utterance after the unlabelled part of its suffix."""
    labels = inputs["suffix_labels"][i][inputs["suffix_mask"][i].bool()]
    after = tokens(inputs, "suffix", i)[: int((labels == -100).sum())]
    before = tokens(inputs, "start", i) + tokens(inputs, "audio_instruction", i)
    sequence = lay_out(
        model.llm, Prompt(before, after), speech_part(speech), left_pad=True
    )
    with speech_positions(sequence.speech_mask):
        return model.llm.generate(
            sequence.inputs_embeds,
            sequence.attention_mask,
            max_new_tokens=new_tokens,
            eos_token_id=None,  # no end: exactly that many tokens
        )


@torch.no_grad()
def recompute(model, emotion_encoder, inputs, config, new_tokens):
    """Recomputes every quantity of a golden folder."""
    count = sum(name.startswith("wav_") for name in inputs)
    wavs = [inputs[f"wav_{i}"] for i in range(count)]
    batch = torch.nn.utils.rnn.pad_sequence(wavs, batch_first=True)
    lens = torch.tensor([len(wav) / batch.shape[1] for wav in wavs])

    embeddings, attributes = emotion_encoder(batch, lens)
    whisper = model.speech_encoder
    counts = whisper.frame_counts(lens, batch.shape[1])
    longest = 2 * whisper.encoder.config.max_source_positions
    states = whisper.encode(whisper.log_mel(batch, longest))
    text_ids = inputs["text_ids_right_padded"]
    text_mask = inputs["text_mask_right_padded"].bool()
    found = {
        "whisper_last_hidden_state": states[:, : int(counts.max())],
        "whisper_output_lengths": counts,
        "emotion_embedding": embeddings,
        "arousal_dominance_valence": attributes,
        "text_logits_right_padded": model.llm(
            model.llm.embed(text_ids), text_mask
        ),
    }
    answers = []
    for i, wav in enumerate(wavs):
        # The emotion encoder ran on the padded batch, the rest runs alone:
        # agreement shows that batches do not matter.
        speech = model.encode_speech(
            wav[None], torch.ones(1), embeddings[i : i + 1]
        )
        found.update(
            utterance_quantities(
                model, speech, inputs, i, config["kd_temperature"]
            )
        )
        answers.append(greedy(model, speech, inputs, i, new_tokens))
    found["greedy_tokens"] = torch.cat(answers)
    return found


def bound_of(name):
    """Says how far apart a quantity may be."""
    exact = ("greedy_tokens", "whisper_output_lengths")
    if name in exact or name.endswith("speech_mask"):
        return 0.0
    return KL_BOUND if "response_kl" in name else BOUND


def difference(found, expected):
    """Computes the largest difference relative to the largest value."""
    if found.numel() != expected.numel():
        return float("inf")
    found = found.reshape(expected.shape).double()
    expected = expected.double()
    largest = expected.abs().max().clamp(min=torch.finfo(torch.double).tiny)
    apart = (found - expected).abs().max() / largest
    return float("inf") if apart.isnan() else float(apart)


def main():
    """Compares and reports."""
    parser = argparse.ArgumentParser(
        description="Compare our lobes with the authors' numbers."
    )
    parser.add_argument("folder", type=Path, help="a folder of golden numbers")
    folder = parser.parse_args().folder
    names = ["config.json", *(f"{name}.safetensors" for name in FILES)]
    absent = [name for name in names if not (folder / name).is_file()]
    if absent:
        sys.exit(f"{folder} lacks {', '.join(absent)}: give a golden folder.")
    transformers_logging.disable_progress_bar()
    inputs, outputs = (
        load_file(folder / f"{name}.safetensors") for name in FILES
    )
    with tempfile.TemporaryDirectory() as scratch:
        try:
            config = convert_folder(folder, Path(scratch))
        except (OSError, ValueError) as error:
            sys.exit(f"{folder}: {error}")
        model, emotion_encoder = build(config, Path(scratch) / "converted")
    new_tokens = outputs.get("greedy_tokens", torch.zeros(1, 12)).shape[-1]
    found = recompute(model, emotion_encoder, inputs, config, new_tokens)

    failures = 0
    for name in sorted({*found, *outputs}):
        if name not in outputs or name not in found:
            side = "outputs" if name not in outputs else "recomputation"
            line, ok = f"missing from the {side}", False
        else:
            apart, bound = (
                difference(found[name], outputs[name]),
                bound_of(name),
            )
            line, ok = f"{apart:.1e}  bound {bound:.0e}", apart <= bound
        failures += not ok
        print(f"{'ok  ' if ok else 'FAIL'}  {name:<52}  {line}")
    print(f"{len({*found, *outputs}) - failures} agree, {failures} do not")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
