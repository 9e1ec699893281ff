"""The authors' procedure, in plain torch and transformers.

Written by us from what is published about it, to be timed beside ours on the
very same weights: all parameters are shared with one of our systems, only
the modules around them are others. What it does:

* The emotion encoder takes one utterance at a time, and runs twice: once for
  the embedding, once for arousal, dominance and valence.
* Whisper always sees 30 s.
* Convolutions of the adapter also see what lies beyond an utterance's end.
* Padding stands between speech and response, and rotary positions count it.
* The partial LoRA works out its update everywhere and multiplies it by a
  mask that is 1 at speech positions.
* The LLM's logits are computed for every position.
* Utterances are batched in the order given. Expected responses are generated
  for 4 prompts at a time, responses for 24 utterances at a time (the defaults
  of the released scripts), until the last of the batch has ended.
* Responding and recognizing the emotion are two runs, so that all encoders
  run for each of them.
* EPITOME runs three models on one pair at a time, encodes the seeker's post
  in each of them and pads both texts to 64 tokens.

Where we do not know, we assume what is cheaper for it: frozen modules keep
nothing for a backward pass; attention is torch's fused one, as in ours; mel
spectrograms are computed on the device; the update is left out of cached
decoding steps, not multiplied by 0; recognition by heads comes from the same
run as recognition by prompt; the likelihood of each label, which our
`respond` also computes, is not asked for. In place of what is broken in it
stands ours: prompts, tokens after the response and encoders in evaluation
mode.

Authors
 * The speechbrain_relm contributors 2026
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from transformers import GenerationConfig, WhisperFeatureExtractor

from speechbrain_relm.lobes.partial_lora import PartialLoRA

EXPECTED_BATCH, RESPONDING_BATCH = 4, 24
SAMPLE_RATE = 16000


class MaskedLoRA(nn.Module):
    """A LoRA whose update is worked out everywhere, then masked.

    Arguments
    ---------
    ours : PartialLoRA
        Whose parameters it takes.
    """

    def __init__(self, ours):
        super().__init__()
        self.base = ours.pretrained_module
        self.down, self.up = ours.adapter_down_proj, ours.adapter_up_proj
        self.dropout, self.scaling = ours.dropout, ours.scaling
        self.mask = None

    def forward(self, x):
        """Applies the layer."""
        output = self.base(x)
        if self.mask is None or x.shape[1] == 1:
            return output
        update = self.up(self.down(self.dropout(x.to(self.down.weight.dtype))))
        update = update * self.scaling * self.mask.unsqueeze(-1)
        return output + update.to(output.dtype)


def shared_copy(module):
    """Copies a module's structure, not its parameters and buffers."""
    tensors = [*module.parameters(), *module.buffers()]
    return copy.deepcopy(module, {id(tensor): tensor for tensor in tensors})


class AuthorsSystem:
    """The authors' training step and answers, on the weights of ours.

    Arguments
    ---------
    model : speechbrain_relm.model.re_llm.RELLM
        Ours.
    emotion_encoder : DimensionalEmotionEncoder
        Ours.
    chat_llm : ChatLLM
        Ours, inside the model; gives prompts and decodes.
    """

    def __init__(self, model, emotion_encoder, chat_llm):
        self.whisper = model.speech_encoder.encoder
        self.freeze_whisper = model.speech_encoder.freeze
        self.emotion = emotion_encoder.model
        self.adapter, self.heads = model.adapter, model.heads
        self.chat_llm = chat_llm
        self.device = next(model.parameters()).device
        self.extractor = WhisperFeatureExtractor(
            feature_size=self.whisper.config.num_mel_bins
        )
        self.llm = shared_copy(chat_llm.model)
        self.loras = []
        for name, module in list(self.llm.named_modules()):
            if isinstance(module, PartialLoRA):
                parent, _, child = name.rpartition(".")
                masked = MaskedLoRA(module)
                setattr(self.llm.get_submodule(parent), child, masked)
                self.loras.append(masked)

    @torch.no_grad()
    def embed_emotion(self, wavs):
        """Embeds one utterance after the other, each twice."""
        rows = []
        for wav in wavs:
            for _ in ("embedding", "dimensions"):
                wav = wav.to(self.device)
                values = (wav - wav.mean()) / (
                    wav.var(unbiased=False) + 1e-7
                ).sqrt()
                hidden = self.emotion.base_model(values[None])
                pooled = hidden.last_hidden_state.mean(1)
                self.emotion.classifier(pooled)
            rows.append(pooled)
        return torch.cat(rows)

    def encode_speech(self, wavs):
        """Encodes utterances.

        Arguments
        ---------
        wavs : list of torch.Tensor
            16 kHz signals.

        Returns
        -------
        embeddings : torch.Tensor
            [B, T'', H].
        mask : torch.Tensor
            1 on real embeddings [B, T''].
        category_logits : torch.Tensor
            [B, categories].
        attributes : torch.Tensor
            [B, 3].
        """
        mel = self.extractor(
            [wav.numpy() for wav in wavs],
            sampling_rate=SAMPLE_RATE,
            return_tensors="pt",
            device=str(self.device),
        ).input_features.to(self.device)
        valid = torch.tensor([-(-len(wav) // 160) for wav in wavs])
        counts = (valid - 1) // 2 + 1
        with torch.set_grad_enabled(
            torch.is_grad_enabled() and not self.freeze_whisper
        ):
            feats = self.whisper(mel).last_hidden_state[:, : counts.max()]
        emotion = self.embed_emotion(wavs).to(feats.dtype).unsqueeze(1)
        feats = torch.cat([feats, emotion.expand(-1, feats.shape[1], -1)], -1)
        hidden = feats.transpose(1, 2)
        for conv in self.adapter.conv_layers:
            hidden = F.glu(conv(hidden), dim=1)
            counts = (counts - 1) // 2 + 1
        hidden = hidden.transpose(1, 2)
        hidden = hidden + self.adapter.fc2(F.gelu(self.adapter.fc1(hidden)))
        embeddings = self.adapter.layer_norm(hidden)
        mask = torch.arange(hidden.shape[1])[None] < counts[:, None]
        mask = mask.long().to(self.device)
        weights = mask.unsqueeze(-1)
        pooled = (embeddings.float() * weights).sum(1) / weights.sum(1)
        return embeddings, mask, *self.heads(pooled)

    def lay_out(self, prompt, embeddings, mask, suffixes):
        """Puts speech, padding included, between prompt and suffix.

        Arguments
        ---------
        prompt : Prompt
            Token ids around the speech.
        embeddings : torch.Tensor
            Speech [B, T'', H].
        mask : torch.Tensor
            Its mask [B, T''].
        suffixes : list of torch.Tensor
            Token ids that follow the prompt, B of them; empty to generate.

        Returns
        -------
        inputs_embeds : torch.Tensor
            [B, L, H].
        attention_mask : torch.Tensor
            [B, L].
        labels : torch.Tensor
            Response tokens [B, L], -100 elsewhere.
        """
        size, embed = len(embeddings), self.llm.get_input_embeddings()
        before = torch.tensor(prompt.before).expand(size, -1)
        after = torch.tensor(prompt.after).expand(size, -1)
        ids = pad_sequence(suffixes, batch_first=True)
        labels = pad_sequence(suffixes, batch_first=True, padding_value=-100)
        parts, masks, targets = [], [], []
        for tokens, target in (
            (before, torch.full_like(before, -100)),
            (None, None),
            (after, torch.full_like(after, -100)),
            (ids, labels),
        ):
            if tokens is None:
                parts.append(embeddings.to(self.llm.dtype))
                masks.append(mask)
                targets.append(torch.full_like(mask, -100))
                continue
            parts.append(embed(tokens.to(self.device)))
            is_real = torch.ones_like(tokens)
            if tokens is ids:
                is_real = (labels != -100).long()
            masks.append(is_real.to(self.device))
            targets.append(target.to(self.device))
        lora = torch.zeros_like(torch.cat(masks, 1))
        start = before.shape[1]
        lora[:, start : start + mask.shape[1]] = 1
        for layer in self.loras:
            layer.mask = lora
        return torch.cat(parts, 1), torch.cat(masks, 1), torch.cat(targets, 1)

    def loss(self, wavs, prompt, responses, categories, attributes):
        """Computes the loss of a batch.

        Arguments
        ---------
        wavs : list of torch.Tensor
            16 kHz signals.
        prompt : Prompt
            Token ids around the speech.
        responses : list of torch.Tensor
            Token ids of the expected responses.
        categories : torch.Tensor
            Classes [B].
        attributes : torch.Tensor
            Arousal, dominance, valence [B, 3].

        Returns
        -------
        torch.Tensor
            The sum of the three losses.
        """
        embeddings, mask, found, dimensions = self.encode_speech(wavs)
        inputs, attention, labels = self.lay_out(
            prompt, embeddings, mask, responses
        )
        positions = torch.arange(inputs.shape[1], device=self.device)
        logits = self.llm(
            inputs_embeds=inputs,
            attention_mask=attention,
            position_ids=positions[None],
            use_cache=False,
        ).logits
        return (
            F.cross_entropy(
                logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten()
            )
            + F.cross_entropy(found.float(), categories.to(self.device))
            + F.mse_loss(dimensions.float(), attributes.to(self.device))
        )

    @torch.no_grad()
    def generate(self, inputs, attention, max_new_tokens):
        """Decodes greedily until all of the batch have ended."""
        stop = self.chat_llm.stop_ids
        ids = self.llm.generate(
            inputs_embeds=inputs,
            attention_mask=attention,
            generation_config=GenerationConfig(
                do_sample=False,
                max_new_tokens=max_new_tokens,
                eos_token_id=stop,
                pad_token_id=stop[0],
            ),
        )
        return [answer.text for answer in self.chat_llm.decode(ids)]

    def answer(self, wavs, prompt, max_new_tokens):
        """Answers to speech, encoding it first.

        Arguments
        ---------
        wavs : list of torch.Tensor
            16 kHz signals.
        prompt : Prompt
            Token ids around the speech.
        max_new_tokens : int
            Most tokens of an answer.

        Returns
        -------
        list of str
            Answers.
        """
        with torch.no_grad():
            embeddings, mask, *_ = self.encode_speech(wavs)
            none = [torch.zeros(0, dtype=torch.long)] * len(wavs)
            inputs, attention, _ = self.lay_out(prompt, embeddings, mask, none)
        return self.generate(inputs, attention, max_new_tokens)

    def expect(self, system, texts, max_new_tokens, size=EXPECTED_BATCH):
        """Generates expected responses, the LoRA off.

        Arguments
        ---------
        system : str
            System message.
        texts : list of str
            User messages, with repetitions.
        max_new_tokens : int
            Most tokens of a response.
        size : int
            Prompts a batch.

        Returns
        -------
        list of str
            Responses.
        """
        for layer in self.loras:
            layer.mask = None
        prompt = self.chat_llm.split_prompt(system, "")
        rows = [
            torch.tensor(
                prompt.before + self.chat_llm.encode(text) + prompt.after
            )
            for text in texts
        ]
        found = []
        for start in range(0, len(rows), size):
            batch = rows[start : start + size]
            ids = pad_sequence(batch, True, padding_side="left")
            mask = [torch.ones_like(row) for row in batch]
            mask = pad_sequence(mask, True, padding_side="left")
            inputs = self.llm.get_input_embeddings()(ids.to(self.device))
            found += self.generate(inputs, mask.to(self.device), max_new_tokens)
        return found


@torch.no_grad()
def score_empathy(scorer, posts, responses):
    """Scores pairs by EPITOME, one at a time.

    Arguments
    ---------
    scorer : speechbrain_relm.lobes.epitome.EmpathyScorer
        Ours.
    posts : list of str
        Seekers' posts.
    responses : list of str
        Responses.

    Returns
    -------
    dict of str to list of int
        Levels of each mechanism.
    """
    device = next(scorer.parameters()).device
    levels = {name: [] for name in scorer.classifiers}
    how = {
        "padding": "max_length",
        "truncation": True,
        "max_length": scorer.max_length,
        "return_tensors": "pt",
    }
    for post, response in zip(posts, responses):
        for name, classifier in scorer.classifiers.items():
            inputs = []
            for text in (post, response):
                encoded = scorer.tokenizer(text, **how).to(device)
                inputs += [encoded["input_ids"], encoded["attention_mask"]]
            logits, _ = classifier(*inputs)
            levels[name].append(int(logits.argmax()))
    return levels
