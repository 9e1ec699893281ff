"""Chat LLMs of other families, each tiny, against transformers' own calls.

The templates are short ones of our own that do what those of the released
models do: default system texts, no system role, one in the last turn, a
switch for thinking. docs/llms.md has the table.

Authors
 * The speechbrain_relm contributors 2026
"""

import json

import pytest
import torch
from speechbrain.nnet.adapters import AdaptedModel
from tokenizers import (
    Tokenizer,
    decoders,
    models as pieces,
    normalizers,
    pre_tokenizers,
)
from tokenizers.trainers import BpeTrainer
from transformers import (
    CONFIG_MAPPING,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedTokenizerFast,
)

from speechbrain_relm.inference.serving.rows import Asked, Rows
from speechbrain_relm.lobes.chat_llm import ChatLLM
from speechbrain_relm.lobes.partial_lora import PartialLoRA
from speechbrain_relm.lobes.parts.chat_template import ChatTemplate
from speechbrain_relm.mini import models
from speechbrain_relm.model.prompting import answer, score_response
from speechbrain_relm.model.sequences import (
    RESPONSE,
    SPEECH,
    Part,
    prompt_part,
    ragged_part,
)

LLAMA3 = (
    "{{ bos_token }}<|start_header_id|>system<|end_header_id|>\n\n"
    "Cutting Knowledge Date: December 2023\n\n"
    "{% if messages[0].role == 'system' %}{{ messages[0].content | trim }}"
    "{% set messages = messages[1:] %}{% endif %}<|eot_id|>"
    "{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>"
    "\n\n{{ m.content | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant"
    "<|end_header_id|>\n\n{% endif %}"
)
CHATML = (
    "{% if messages[0].role != 'system' %}<|im_start|>system\n"
    "You are a helpful assistant.<|im_end|>\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}"
    "<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
THINKS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'assistant' and loop.last %}<think>\n\n</think>\n\n"
    "{% endif %}{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}"
    "<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}"
    "{% set first = messages[0].content + '\n\n' %}"
    "{% set messages = messages[1:] %}{% else %}{% set first = '' %}{% endif %}"
    "{% for m in messages %}<start_of_turn>"
    "{{ 'model' if m.role == 'assistant' else m.role }}\n"
    "{% if loop.first %}{{ first }}{% endif %}{{ m.content | trim }}"
    "<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
MISTRAL = (
    "{% if messages[0].role == 'system' %}{% set system = messages[0].content %}"
    "{% set messages = messages[1:] %}{% endif %}{{ bos_token }}"
    "{% for m in messages %}{% if m.role == 'user' %}[INST] "
    "{% if loop.last and system is defined %}{{ system }}\n\n{% endif %}"
    "{{ m.content }}[/INST]{% else %} {{ m.content }}</s>{% endif %}{% endfor %}"
)
PHI = (
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
NO_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "{{ m.role }}: {{ m.content }}<|endoftext|>{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)
SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "initializer_range": 0.2,
}
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "initializer_range": 0.2}
SLIDING = {"sliding_window": 8}
PROJ = ["*_proj"]
# Family: architecture, template, the end of a turn, layers to adapt, sizes.
FAMILIES = {
    "Llama 3": ("llama", LLAMA3, "<|eot_id|>", PROJ, SIZES),
    "Qwen 2": ("qwen2", CHATML, "<|im_end|>", PROJ, SIZES),
    "Qwen 3": ("qwen3", THINKS, "<|im_end|>", PROJ, SIZES),
    "Gemma 3": (
        "gemma3_text",
        GEMMA,
        "<end_of_turn>",
        PROJ,
        {
            **SIZES,
            **SLIDING,
            "layer_types": ["sliding_attention", "full_attention"],
        },
    ),
    "Mistral": ("mistral", MISTRAL, "</s>", PROJ, {**SIZES, **SLIDING}),
    "Phi 3": ("phi3", PHI, "<|end|>", PROJ, SIZES),
    "SmolLM 3": ("smollm3", THINKS, "<|im_end|>", PROJ, SIZES),
    "GPT-2": ("gpt2", NO_SYSTEM, "<|endoftext|>", ["*.c_*"], GPT2),
}
WORDS = "Say it kindly. I lost my keys on the way home, and what now? Oh no!"


def like_sentencepiece(puts_spaces):
    """Its tokenizer for BPE: bytes for what is unknown, a mark for spaces."""
    inside = Tokenizer(pieces.BPE(byte_fallback=True, unk_token="<unk>"))
    inside.normalizer = normalizers.Replace(" ", "▁")
    if puts_spaces:
        inside.normalizer = None
        inside.pre_tokenizer = pre_tokenizers.Metaspace(
            prepend_scheme="first", split=False
        )
    parts = [
        decoders.Replace("▁", " "),
        decoders.ByteFallback(),
        decoders.Fuse(),
    ]
    if puts_spaces:
        parts.append(decoders.Strip(" ", 1, 0))
    inside.decoder = decoders.Sequence(parts)
    special = ["<pad>", "<unk>", "<s>", "</s>"]
    trainer = BpeTrainer(vocab_size=200, special_tokens=special)
    inside.train_from_iterator([WORDS], trainer)
    told = json.loads(inside.to_str())
    vocabulary = told["model"]["vocab"]
    for byte in range(256):
        vocabulary[f"<0x{byte:02X}>"] = len(vocabulary)
    return Tokenizer.from_str(json.dumps(told))


def tokenizer_of(family):
    """A real byte-level tokenizer, or one in the manner of SentencePiece."""
    _, template, end, *_ = FAMILIES[family]
    if family in ("Gemma 3", "Mistral"):
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=like_sentencepiece(family == "Mistral"),
            bos_token="<s>",
            pad_token="<pad>",
        )
    else:
        tokenizer = AutoTokenizer.from_pretrained(
            models.folder("SmolLM2-135M-Instruct"), trust_remote_code=False
        )
        tokenizer.bos_token = "<|endoftext|>"
    marks = ["<start_of_turn>", "[INST]", "[/INST]", "<|eot_id|>", "<|end|>"]
    marks += ["<|start_header_id|>", "<|end_header_id|>", "<|user|>", end]
    tokenizer.add_special_tokens({"additional_special_tokens": marks})
    tokenizer.eos_token = end
    tokenizer.chat_template = template
    return tokenizer


@pytest.fixture(scope="module", params=FAMILIES)
def family(request):
    """Each of them."""
    return request.param


@pytest.fixture(scope="module")
def folder(family, tmp_path_factory):
    """A tiny random one."""
    folder = str(tmp_path_factory.mktemp("llm"))
    kind, *_, sizes = FAMILIES[family]
    tokenizer = tokenizer_of(family)
    torch.manual_seed(2)
    config = CONFIG_MAPPING[kind](
        vocab_size=len(tokenizer),
        **sizes,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=None,
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def llm(folder):
    """As our lobe."""
    return ChatLLM(folder).eval()


@pytest.mark.parametrize("system", ["", "Say it kindly."])
def test_a_prompt_is_the_template(family, llm, system):
    """Put together it is the same text, and nobody thinks."""
    prompt = llm.split_prompt(system, "Say: ")
    ids = prompt.before + llm.encode("hello") + prompt.after
    said = "Say: hello"
    messages = [{"role": "system", "content": system}] if system else []
    if system and family == "GPT-2":  # without a system role
        messages, said = [], f"{system}\n\n{said}"
    text = llm.tokenizer.apply_chat_template(
        [*messages, {"role": "user", "content": said}],
        tokenize=False,
        add_generation_prompt=True,
        enable_thinking=False,
    )
    assert llm.tokenizer.decode(ids) == text
    assert text.endswith("</think>\n\n") == (
        "enable_thinking" in FAMILIES[family][1]
    )
    assert (
        llm.tokenizer.convert_ids_to_tokens(llm.end_ids[0])
        in (FAMILIES[family][2])
    )


def test_thoughts_that_no_switch_turns_off():
    """A prompt that opens one ends it; what is written of one is cut."""
    llm = ChatTemplate()
    llm.source, llm.eos_token_ids = "an LLM that always thinks", []
    llm.tokenizer = tokenizer_of("Qwen 3")
    llm.tokenizer.chat_template = PHI.replace(
        "<|assistant|>\n", "<|assistant|>\n<think>\n"
    )
    text = llm.tokenizer.decode(llm.split_prompt("Be kind.", "").after)
    assert text.endswith("<|assistant|>\n<think>\n\n</think>\n\n")
    for said, kept in (
        ("<think>\nHe fell.\n</think>\n\nOh no!", "Oh no!"),
        ("He fell.</think>Oh no!", "Oh no!"),
        ("<think>He fell. Oh", ""),
    ):
        assert llm.decode(torch.tensor([llm.encode(said)]))[0].text == kept


def test_turns_are_in_their_order(llm):
    """The system message comes first, whatever the template does with it."""
    prompt = llm.split_prompt("Be kind.", "Second", [("First", "Oh no!")])
    text = llm.tokenizer.decode(prompt.before)
    places = [text.index(t) for t in ("Be kind.", "First", "Oh no!", "Second")]
    assert places == sorted(places)


def rows_of(llm, counts):
    """Speech, random, of some lengths."""
    draw = torch.Generator().manual_seed(3)
    values = torch.randn(
        len(counts), max(counts), llm.embedding_size, generator=draw
    )
    return Part(values, torch.tensor(counts), SPEECH)


def adapted(llm, family):
    """With a partial LoRA that does something."""
    model = AdaptedModel(
        llm, PartialLoRA, target_layers=FAMILIES[family][3]
    ).eval()
    assert model.replace_layers
    torch.manual_seed(4)
    for name, parameter in model.named_parameters():
        if "adapter_up_proj" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    return model


@torch.no_grad()
def test_a_loss_is_the_same_alone_and_in_a_batch(family, folder):
    """Of speech, through the LoRA."""
    model = adapted(ChatLLM(folder), family)
    prompt = model.split_prompt("Be kind.", "")
    texts = ["Oh no!", "I lost my keys on the way home."]
    answers = [model.encode_answer(text) for text in texts]
    response = ragged_part(answers, "cpu")._replace(role=RESPONSE)
    speech = rows_of(model, [3, 11])
    together, _ = score_response(model, prompt, speech, response)
    alone = []
    for row, ids in enumerate(answers):
        count = int(speech.counts[row])
        one = Part(
            speech.values[row : row + 1, :count],
            speech.counts[row : row + 1],
            SPEECH,
        )
        of_row = ragged_part([ids], "cpu")._replace(role=RESPONSE)
        alone.append(score_response(model, prompt, one, of_row)[0])
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-4, rtol=1e-4)


def stock_answers(folder, prompt, encoded, count, stop_ids):
    """What transformers' own LLM writes to each, greedily: token ids."""
    stock = AutoModelForCausalLM.from_pretrained(folder).eval()
    for ids in encoded:
        ids = torch.tensor([prompt.before + ids + prompt.after])
        new = stock.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=count,
            do_sample=False,
            eos_token_id=stop_ids,
            pad_token_id=0,
        )
        yield new[:, ids.shape[1] :]


def test_generation_is_transformers_own(folder, llm):
    """Of texts in a batch, token by token."""
    prompt = llm.split_prompt("", "")
    texts = ["Oh no!", "I lost my keys on the way home, and what now?"]
    encoded = [llm.encode(text) for text in texts]
    found = answer(llm, prompt, ragged_part(encoded, "cpu"), max_new_tokens=12)
    stock = stock_answers(folder, prompt, encoded, 12, llm.stop_ids)
    for new, said in zip(stock, found, strict=True):
        assert said == llm.decode(new)[0]


@torch.no_grad()
def test_a_partial_lora_touches_speech_only(family, folder):
    """A text is read as before; speech is not."""
    plain, model = ChatLLM(folder).eval(), adapted(ChatLLM(folder), family)
    prompt = plain.split_prompt("", "")
    response = ragged_part([plain.encode_answer("Oh no!")], "cpu")
    response = response._replace(role=RESPONSE)
    text = ragged_part([plain.encode("I lost my keys.")], "cpu")
    speech = rows_of(plain, [5])
    for content, same in ((text, True), (speech, False)):
        before, after = (
            score_response(one, prompt, content, response)[0]
            for one in (plain, model)
        )
        assert torch.allclose(before, after, atol=1e-5) == same


def test_rows_of_a_server_are_transformers_own(folder, llm):
    """One joins while another is answered; attention to a window, too."""
    texts = ["I lost my keys on the way home, and what now?", "Oh no!"]
    encoded = [llm.encode(text) for text in texts]
    prompt = llm.split_prompt("", "")
    rows, found = Rows(llm), [[], []]
    for step in range(12):
        if step in (0, 4):
            after = encoded[step // 4] + prompt.after
            rows.join([Asked(prompt.before, [prompt_part(after, 1, "cpu")])])
        ids = rows.logits.argmax(-1)
        for row, token in enumerate(ids.tolist()):
            found[row].append(token)
        rows.step(ids)
    stock = stock_answers(folder, prompt, encoded, 12, None)
    for new, said in zip(stock, found, strict=True):
        assert new[0, : len(said)].tolist() == said
