"""A chat LLM as a lobe: any Hugging Face causal LM with a chat template.

Authors
 * The speechbrain_relm contributors 2026
"""

import functools
from typing import NamedTuple

import torch
from jinja2 import TemplateError
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    DynamicCache,
    GenerationConfig,
    StoppingCriteriaList,
)
from transformers.cache_utils import DynamicLayer

from speechbrain_relm.lobes.partial_lora import (
    PartialLoRA,
    same_speech_positions,
)
from speechbrain_relm.lobes.parts.drop_finished import (
    can_drop_finished,
    generate_dropping_finished,
)
from speechbrain_relm.lobes.parts.half_on_cpu import serve_cpu
from speechbrain_relm.lobes.parts.output_rows import only_positions
from speechbrain_relm.lobes.parts.quantized import quantization
from speechbrain_relm.utils.sources.pretrained import (
    load_pretrained,
    load_tokenizer,
)
from speechbrain_relm.utils.sources.stock import stock_llm
from speechbrain_relm.utils.text import as_written

# Stands for the user's words while the template is rendered.
_CONTENT = "USERCONTENTGOESHERE"
_SYSTEM = "SYSTEMMESSAGEGOESHERE"
# A run has a few prompts; a server's users may bring more. Of a 7B LLM each
# token takes half a megabyte.
PREFIX_TOKENS = 4096


class Prompt(NamedTuple):
    """Token ids before and after the place of the speech (or transcript)."""

    before: list
    after: list


class Answer(NamedTuple):
    """A decoded text, and whether the LLM ended it by itself."""

    text: str
    finished: bool


class ChatLLM(nn.Module):
    """A causal LM that is fed embeddings and speaks its own chat template.

    Arguments
    ---------
    source : str
        Hub id or folder of a causal LM. Remote code is never run: a
        first-generation Qwen is converted once, into the cache folder.
    dtype : str
        "float32" or "bfloat16".
    freeze : bool
        Whether the LLM's own weights stay as pretrained, as in the paper.
    gradient_checkpointing : bool
        Whether training works out the layers' activations twice instead of
        keeping them in memory.
    bits : int or None
        4 or 8 quantizes a frozen LLM (`pip install
        speechbrain_relm[quantized]`); `None` keeps all bits of `dtype`.

    Raises
    ------
    ValueError
        If an LLM that learns should be quantized, or cannot be.

    Example
    -------
    >>> from transformers import Qwen2Config, Qwen2ForCausalLM
    >>> config = Qwen2Config(
    ...     vocab_size=20,
    ...     hidden_size=8,
    ...     intermediate_size=8,
    ...     num_hidden_layers=1,
    ...     num_attention_heads=2,
    ...     num_key_value_heads=2,
    ... )
    >>> folder = str(getfixture("tmp_path"))
    >>> Qwen2ForCausalLM(config).save_pretrained(folder)
    >>> llm = ChatLLM(folder)
    >>> embeddings = llm.embed(torch.tensor([[1, 2, 3]]))
    >>> embeddings.shape, llm(embeddings).shape
    (torch.Size([1, 3, 8]), torch.Size([1, 3, 20]))
    """

    def __init__(
        self,
        source,
        dtype="float32",
        freeze=True,
        gradient_checkpointing=False,
        bits=None,
    ):
        super().__init__()
        # Qwen-7B-Chat comes with code to run; its weights are a Qwen2's.
        self.source = stock_llm(source)
        self.bits = bits
        self.model = load_pretrained(
            AutoModelForCausalLM,
            self.source,
            attn_implementation="sdpa",
            dtype=getattr(torch, dtype),
            **quantization(bits, getattr(torch, dtype), freeze),
        )
        self.gradient_checkpointing = gradient_checkpointing
        self.prefixes = {}
        if gradient_checkpointing:
            # Recomputed in the backward pass, the layers need the positions
            # that the forward pass had.
            self.model.gradient_checkpointing_enable(
                {"use_reentrant": False, "context_fn": same_speech_positions}
            )
        # Repetition penalties and the like of the checkpoint would change the
        # answers in silence: decoding is what the caller says.
        self.eos_token_ids = as_list(self.model.generation_config.eos_token_id)
        self.model.generation_config = GenerationConfig()
        self.frozen = freeze
        self.requires_grad_(not freeze)
        serve_cpu(self.model)

    @property
    def embedding_size(self):
        """Embedding size H."""
        return self.model.get_input_embeddings().embedding_dim

    @property
    def vocabulary_size(self):
        """Rows V of the embedding table."""
        return self.model.get_input_embeddings().num_embeddings

    @functools.cached_property
    def tokenizer(self):
        """The tokenizer; it must have a chat template."""
        tokenizer = load_tokenizer(self.source)
        if tokenizer.chat_template is None:
            raise ValueError(
                f"The tokenizer of {self.source} has no chat template: use "
                "the instruction-tuned model, or add chat_template.jinja."
            )
        return tokenizer

    @functools.cached_property
    def end_ids(self):
        """Token ids that end an answer in the chat template."""
        rendered = self.tokenizer.apply_chat_template(
            [
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": _CONTENT},
            ],
            tokenize=False,
        )
        # ChatML's line end after it belongs to the next turn. The released code
        # learns it, and <|endoftext|> after it, which no answer ever reaches.
        end = rendered.split(_CONTENT)[1].strip()
        return self.encode(end, special=True) or [self.tokenizer.eos_token_id]

    @functools.cached_property
    def stop_ids(self):
        """Token ids that stop the generation."""
        ids = self.eos_token_ids + as_list(self.tokenizer.eos_token_id)
        return sorted({*ids, self.end_ids[0]})

    def encode(self, text, special=False):
        """Tokenizes a piece of text, without any token around it.

        Arguments
        ---------
        text : str
            The text.
        special : bool
            Whether look-alikes of added tokens become these: true for the
            template, false for what users, corpora and LLMs say.

        Returns
        -------
        list of int
            Token ids.
        """
        if not self.puts_spaces:
            return self._encode(text, special)
        # With a line's end before it, no space comes.
        end, ids = self._encode("\n"), self._encode(f"\n{text}", special)
        if ids[: len(end)] != end:
            return self._encode(text, special)
        return ids[len(end) :]

    def _encode(self, text, special=False):
        """Tokenizes a text as if it stood alone."""
        if special:
            return self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return as_written.encode(self.tokenizer, text)

    @functools.cached_property
    def puts_spaces(self):
        """Whether the tokenizer begins each text with a space, as
        SentencePiece does: between two pieces of a prompt stands none."""
        return self.tokenizer.decode(2 * self._encode("a")) != "aa"

    def split_prompt(self, system, instruction, examples=()):
        """Renders a prompt and splits it where the speech goes.

        Arguments
        ---------
        system : str
            The system message; empty for none.
        instruction : str
            What the user says before the speech.
        examples : sequence of (str, str)
            Earlier turns, the user's and the assistant's, that show a small
            LLM how to answer.

        Returns
        -------
        Prompt
            Token ids before the speech (system message, examples,
            instruction) and after it (end of the user's turn, start of the
            assistant's).

        Example
        -------
        >>> llm = ChatLLM(getfixture("qwen_folder"))
        >>> prompt = llm.split_prompt("", "Reply: ", [("Hello!", "Hi.")])
        >>> llm.tokenizer.decode(prompt.before).count("<|im_start|>")
        3
        """
        *pieces, after = self.split_chat(system, len(examples))
        said = [text for turn in examples for text in turn]
        before = []
        for piece, text in zip(pieces, [*said, instruction]):
            before += piece + self.encode(text)
        return Prompt(before, after)

    def split_chat(self, system, answers=0):
        """Renders a conversation and splits it where its contents go.

        Arguments
        ---------
        system : str
            The system message; empty for none.
        answers : int
            Earlier turns A of user and assistant, before the user's last.

        Returns
        -------
        list of list of int
            The 2 A + 2 pieces of token ids around the contents, which are
            the user's and the assistant's in turn.

        Raises
        ------
        ValueError
            If the template leaves a message out, or repeats it.

        Example
        -------
        >>> llm = ChatLLM(getfixture("qwen_folder"))
        >>> _, end, between, _ = llm.split_chat("", answers=1)
        >>> llm.tokenizer.decode(between)
        '<|im_end|>\\n<|im_start|>user\\n'
        """
        pieces = self._around(answers, bool(system))
        before = system
        if pieces is None and system:
            # Without a system role, or one that stands elsewhere, it is the
            # beginning of what the user says first.
            pieces = self._around(answers, False)
            if pieces is not None:
                pieces = [pieces[0], "", *pieces[1:]]
                before = f"{system}\n\n"
        if pieces is None:
            raise ValueError(
                f"The chat template of {self.source} does not show each "
                "message once: use another chat_template.jinja."
            )
        if system:  # text, as what is said
            start, after, *pieces = pieces
            ids = self.encode(start, special=True) + self.encode(before)
            first = ids + self.encode(after, special=True)
        else:
            start, *pieces = pieces
            first = self.encode(start, special=True)
        rest = [self.encode(piece, special=True) for piece in pieces]
        return [first, *rest]

    def _around(self, answers, system):
        """Renders a conversation and splits it, in text.

        Gives `None` where the template does not show each message once, the
        system message first.
        """
        first, user, assistant = (
            {"role": role, "content": content}
            for role, content in (
                ("system", _SYSTEM),
                ("user", _CONTENT),
                ("assistant", _CONTENT),
            )
        )
        messages = [first] * system + [user, assistant] * answers
        try:
            rendered = self.tokenizer.apply_chat_template(
                [*messages, user],
                tokenize=False,
                # In training as in generation: the released code feeds the
                # line's end after "assistant" in training only.
                add_generation_prompt=True,
                # Of LLMs that think before they answer, where their template
                # has this switch.
                enable_thinking=False,
            )
        except TemplateError:  # most often, that it knows no such role
            return None
        pieces = rendered.split(_CONTENT)
        if system:
            pieces = [*pieces[0].split(_SYSTEM), *pieces[1:]]
        again = any(_SYSTEM in piece for piece in pieces)
        return None if again or len(pieces) != len(messages) + 2 else pieces

    def encode_answer(self, text, finished=True):
        """Tokenizes an answer to learn.

        Arguments
        ---------
        text : str
            The answer.
        finished : bool
            Whether it came to its end: an answer cut by a token limit must
            not teach the LLM to stop there.

        Returns
        -------
        list of int
            Token ids, with the end of the turn if finished.
        """
        return self.encode(text) + (self.end_ids if finished else [])

    def embed(self, ids):
        """Looks up token embeddings.

        Arguments
        ---------
        ids : torch.Tensor
            Token ids, any shape.

        Returns
        -------
        torch.Tensor
            Embeddings [..., H].
        """
        table = self.model.get_input_embeddings()
        return table(ids.to(table.weight.device, non_blocking=True))

    def forward(
        self,
        inputs_embeds,
        attention_mask=None,
        position_ids=None,
        wanted=None,
        past=None,
    ):
        """Scores the next token, at the wanted positions only.

        Arguments
        ---------
        inputs_embeds : torch.Tensor
            Embeddings [B, L, H].
        attention_mask : torch.Tensor or None
            Mask [B, L], true on real positions; [B, P + L] after P tokens.
        position_ids : torch.Tensor or None
            Positions [B, L].
        wanted : torch.Tensor or None
            Boolean mask [B, L], best on the host, where a search makes
            nobody wait for a GPU; `None` wants all positions.
        past : transformers.Cache or None
            Keys and values of the P tokens read before; those of these L are
            added to it.

        Returns
        -------
        torch.Tensor
            Logits [N, V] of the N wanted positions, row by row, or
            [B, L, V] for all.
        """
        # Inside the model, so that whatever it does to its logits (scaling,
        # soft-capping) is done here too.
        with only_positions(self.model.get_output_embeddings(), wanted):
            return self.model(
                inputs_embeds=inputs_embeds.to(self.model.dtype),
                attention_mask=attention_mask,
                position_ids=position_ids,
                past_key_values=past,
                use_cache=past is not None,
            ).logits

    @torch.no_grad()
    def read_prefix(self, ids):
        """Reads tokens that every prompt starts with, once for all.

        Their keys and values stay the same as long as the weights do, in
        training too, since the frozen LLM reads text without the partial
        LoRA.

        Arguments
        ---------
        ids : list of int
            The P first tokens of a prompt.

        Returns
        -------
        list of tuple or None
            Keys and values [1, heads, P, size] of each layer; `None` where
            they would change (an LLM that learns), or where the LLM keeps
            something else than keys and values of all tokens.

        Example
        -------
        >>> llm = ChatLLM(getfixture("qwen_folder"))
        >>> keys, values = llm.read_prefix([1, 2, 3])[0]
        >>> keys.shape
        torch.Size([1, 2, 3, 8])
        """
        if not ids or not self.keeps_prefixes:
            return None
        weight = self.model.get_input_embeddings().weight
        # The partial LoRAs change each step, and do not matter here.
        kind = weight.device.type
        known = torch.amp.is_autocast_available(kind)  # "meta" is not
        now = (
            tuple(ids),
            weight.device,
            weight.dtype,
            known
            and torch.is_autocast_enabled(kind)
            and torch.get_autocast_dtype(kind),
            sum(p._version for p in self.own_weights),
        )
        # Taken out and put back at the end: what was not used for longest is
        # dropped first. A thread that finds nothing reads it again.
        kept = self.prefixes.pop(now, None)
        if kept is None:
            embeddings = self.embed(torch.tensor([ids], device=weight.device))
            past, training = DynamicCache(), self.training
            self.eval()
            self(embeddings, past=past)
            self.train(training)
            kept = [(x.keys, x.values) for x in past.layers]
        self.prefixes[now] = kept
        tokens = 0
        for of in reversed(list(self.prefixes)):
            tokens += len(of[0])
            if tokens > PREFIX_TOKENS and of != now:
                self.prefixes.pop(of, None)
        return kept

    @functools.cached_property
    def keeps_prefixes(self):
        """Whether a prefix that was read once stays what it is."""
        frozen = not any(p.requires_grad for p in self.own_weights)
        return frozen and self.keeps_all and not self.gradient_checkpointing

    @property
    def own_weights(self):
        """The LLM's parameters without those of partial LoRAs."""
        # Every step asks: a search by name takes twice as long.
        others = {
            id(part.weight)
            for layer in self.model.modules()
            if isinstance(layer, PartialLoRA)
            for part in (layer.adapter_down_proj, layer.adapter_up_proj)
        }
        return [p for p in self.model.parameters() if id(p) not in others]

    @functools.cached_property
    def keeps_all(self):
        """Whether the LLM keeps keys and values of all tokens, no less."""
        layers = DynamicCache(config=self.model.config).layers
        return all(type(layer) is DynamicLayer for layer in layers)

    @torch.no_grad()
    def generate(
        self,
        inputs_embeds,
        attention_mask,
        past=None,
        stopping_criteria=None,
        streamer=None,
        **settings,
    ):
        """Answers, greedily unless the settings say otherwise.

        Arguments
        ---------
        inputs_embeds : torch.Tensor
            Left-padded embeddings [B, L, H].
        attention_mask : torch.Tensor
            Mask [B, L], true on real positions.
        past : transformers.Cache or None
            Keys and values of the first of these L, read before; those of
            the others and of the answer are added to it.
        stopping_criteria : list of transformers.StoppingCriteria or None
            What else ends an answer.
        streamer : transformers.generation.BaseStreamer or None
            Gets each token at once.
        **settings
            Fields of `transformers.GenerationConfig`, e.g. `max_new_tokens`.

        Returns
        -------
        torch.Tensor
            New token ids [B, N], padded after their end.
        """
        if "eos_token_id" not in settings:
            settings["eos_token_id"] = self.stop_ids
        config = GenerationConfig(
            do_sample=settings.pop("do_sample", False),
            pad_token_id=(settings["eos_token_id"] or [0])[0],
            **settings,
        )
        embeddings = inputs_embeds.to(self.model.dtype)
        mask = attention_mask.long()
        whole = streamer or stopping_criteria or len(mask) == 1
        if not whole and can_drop_finished(settings) and self.keeps_all:
            if past is None:
                past = DynamicCache(config=self.model.config)
            return generate_dropping_finished(
                self.model, embeddings, mask, past, config
            )
        return self.model.generate(
            inputs_embeds=embeddings,
            attention_mask=mask,
            generation_config=config,
            past_key_values=past,
            stopping_criteria=StoppingCriteriaList(stopping_criteria or []),
            streamer=streamer,
        )

    def decode(self, ids):
        """Turns generated ids into answers.

        Arguments
        ---------
        ids : torch.Tensor
            Generated ids [B, N].

        Returns
        -------
        list of Answer
            Texts without special tokens; an answer cut by the token limit
            keeps its last token and is not finished.
        """
        answers = []
        for row in ids.tolist():
            ends = [i for i, token in enumerate(row) if token in self.stop_ids]
            text = self.tokenizer.decode(
                # All of an answer that was cut off: the released code drops its
                # last token, as that of every 48-token expected response.
                row[: ends[0]] if ends else row,
                skip_special_tokens=True,
            )
            answers.append(Answer(text.strip(), bool(ends)))
        return answers


def as_list(value):
    """Wraps a single id.

    Arguments
    ---------
    value : int, list of int or None
        One id, several or none.

    Returns
    -------
    list of int
        The ids.

    Example
    -------
    >>> as_list(2), as_list([2, 3]), as_list(None)
    ([2], [2, 3], [])
    """
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
