"""A chat LLM as a lobe: any Hugging Face causal LM with a chat template.

Authors
 * The speechbrain_relm contributors 2026
"""

import functools

import torch
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
from speechbrain_relm.lobes.parts.chat_template import ChatTemplate, as_list
from speechbrain_relm.lobes.parts.drop_finished import (
    can_drop_finished,
    generate_dropping_finished,
)
from speechbrain_relm.lobes.parts.half_on_cpu import serve_cpu
from speechbrain_relm.lobes.parts.output_rows import only_positions
from speechbrain_relm.lobes.parts.quantized import quantization
from speechbrain_relm.utils.sources.pretrained import load_pretrained
from speechbrain_relm.utils.sources.stock import stock_llm

# A run has a few prompts; a server's users may bring more. Of a 7B LLM each
# token takes half a megabyte.
PREFIX_TOKENS = 4096


class ChatLLM(ChatTemplate, nn.Module):
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
