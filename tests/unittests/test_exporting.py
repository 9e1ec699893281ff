"""Prompts for engines: a stock LLM answers them as the release does.

Authors
 * The speechbrain_relm contributors 2026
"""

import json

import pytest
import soundfile
import torch
from tiny_models import save_release
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache

from speechbrain_relm.__main__ import main
from speechbrain_relm.inference.exporting import prompt_embeddings
from speechbrain_relm.inference.re_llm import EmpatheticListener
from speechbrain_relm.model.prompting import lay_out, score
from speechbrain_relm.model.re_llm import speech_part

TOKENS = 12

# In place of the partial LoRA: none, and SpeechBrain's own at all positions.
SERVABLE = {
    "none": "llm: !ref <chat_llm>\n",
    "everywhere": (
        "llm: !new:speechbrain.nnet.adapters.AdaptedModel\n"
        "    model_to_adapt: !ref <chat_llm>\n"
        "    adapter_class: !name:speechbrain.nnet.adapters.LoRA\n"
        '    target_layers: ["*_proj"]\n'
        "    adapter_kwargs:\n        rank: 4\n        alpha: 4\n"
    ),
}


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """A second and a half of noise."""
    path = tmp_path_factory.mktemp("wavs") / "a.wav"
    draw = torch.Generator().manual_seed(2)
    wav = 0.1 * torch.randn(24000, generator=draw)
    soundfile.write(path, wav.numpy(), 16000, "FLOAT")
    return str(path)


def continued(llm, tokenizer, **given):
    """What a stock LLM answers, greedily."""
    ids = llm.generate(max_new_tokens=TOKENS, do_sample=False, **given)
    return tokenizer.decode(ids[0], skip_special_tokens=True).strip()


@pytest.mark.parametrize("kind", SERVABLE)
def test_a_stock_llm_answers_the_same(
    kind,
    whisper_folder,
    emotion_folder,
    qwen_folder,
    recording,
    tmp_path,
    capsys,
):
    """From the file alone, with the LLM that the export names."""
    system = tmp_path / "system.yaml"
    system.write_text("based_on: re_llm\n" + SERVABLE[kind])
    bases = whisper_folder, emotion_folder, qwen_folder
    release = str(tmp_path / "release")
    save_release(release, *bases, system=str(system))
    listener = EmpatheticListener.from_hparams(release)
    expected = listener.respond_file(recording)
    folder = tmp_path / "exported"
    main(["export", release, recording, "--output", str(folder)])
    assert "1 prompts" in capsys.readouterr().out
    asked = json.loads((folder / "ask.json").read_text())
    assert asked["max_tokens"] == TOKENS
    (line,) = map(json.loads, (folder / "prompts.jsonl").open())
    embeddings = torch.load(folder / line["file"], weights_only=True)
    assert embeddings.shape[0] == line["tokens"] and embeddings.dim() == 2
    merged = kind == "everywhere"
    source = folder / "llm" if merged else asked["model"]
    assert (folder / "llm").is_dir() == merged
    llm = AutoModelForCausalLM.from_pretrained(source)
    tokenizer = AutoTokenizer.from_pretrained(source)
    given = {
        "inputs_embeds": embeddings[None],
        "attention_mask": torch.ones(1, len(embeddings)),
        "eos_token_id": asked["stop_token_ids"],
    }
    assert continued(llm, tokenizer, **given) == expected
    (folder / "ask.json").unlink()
    with pytest.raises(SystemExit, match="holds something else"):
        main(["export", release, recording, "--output", str(folder)])
    if merged:
        stock = AutoModelForCausalLM.from_pretrained(qwen_folder)
        assert continued(stock, tokenizer, **given) != expected


def test_lora_at_speech_positions_is_not_exported(
    release_folder, qwen_folder, recording, tmp_path
):
    """Embeddings are not enough; its keys and values are."""
    folder = tmp_path / "exported"
    with pytest.raises(SystemExit, match="at speech positions only"):
        main(["export", release_folder, recording, "--output", str(folder)])
    assert not folder.exists()
    listener = EmpatheticListener.from_hparams(release_folder)
    expected = listener.respond_file(recording)
    stock = AutoModelForCausalLM.from_pretrained(qwen_folder)
    tokenizer = AutoTokenizer.from_pretrained(qwen_folder)
    embeddings = prompt_embeddings(listener, recording)[None]
    mask = torch.ones(embeddings.shape[:2])
    llm, ask = listener.mods.model.llm, listener.asking()
    given = {"attention_mask": mask, "eos_token_id": sorted(llm.stop_ids)}
    assert continued(stock, tokenizer, inputs_embeds=embeddings, **given) != (
        expected
    )
    # Nor are weights with the update at every position.
    everywhere = AutoModelForCausalLM.from_pretrained(qwen_folder)
    for name in llm.replace_layers:
        layer = llm.adapted_model.get_submodule(name)
        update = layer.adapter_up_proj.weight @ layer.adapter_down_proj.weight
        place = everywhere.get_submodule(name.removeprefix("model."))
        place.weight.data += update.detach() * layer.scaling
    assert continued(
        everywhere, tokenizer, inputs_embeds=embeddings, **given
    ) != (expected)
    # Read by ours, but for the last position, and continued by the stock LLM.
    prompt = llm.split_prompt(ask.system, ask.instruction)
    speech = listener.encode_signals([listener.load_audio(recording)])
    read = DynamicCache()
    with torch.no_grad():
        score(llm, lay_out(llm, prompt, speech_part(speech)), read)
    read.crop(-1)
    ids = torch.tensor([[0] * (mask.shape[1] - 1) + prompt.after[-1:]])
    ids = stock.generate(
        input_ids=ids,
        past_key_values=read,
        max_new_tokens=TOKENS,
        do_sample=False,
        **given,
    )
    new = ids[0, mask.shape[1] :]
    assert tokenizer.decode(new, skip_special_tokens=True).strip() == expected
