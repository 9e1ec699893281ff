"""Speech LLMs of transformers as listeners, beside those of Table I.

Authors
 * The speechbrain_relm contributors 2026
"""

import copy

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoProcessor

from speechbrain_relm.lobes.parts.chat_template import Answer
from speechbrain_relm.utils.sound.audio import load_audio
from speechbrain_relm.utils.sources.hub import model_folder
from speechbrain_relm.utils.sources.pretrained import load_pretrained
from speechbrain_relm.utils.text import as_written
from speechbrain_relm.utils.text.sentences import shortened

# Stands for a text while the template is rendered.
_TEXT = "TEXTGOESHERE"


class GeneratingListener(nn.Module):
    """Answers speech with a speech LLM of transformers.

    A listener as `speechbrain_relm.runs.listeners` describes them. Its
    classes say which model it is.

    Arguments
    ---------
    source : str
        Hub id or folder.
    dtype : str
        Of the weights, e.g. "bfloat16".
    """

    # Of transformers, and the types of folders that it loads, where these are
    # not of the class's own type alone.
    model_class, kinds = None, ()

    def __init__(self, source, dtype="bfloat16"):
        super().__init__()
        self.model = load_pretrained(
            self.model_class,
            source,
            kinds=self.kinds,
            dtype=getattr(torch, dtype),
        )
        self.model.eval().requires_grad_(False)
        self.processor = self.make_processor(model_folder(source))
        self.processor.tokenizer.padding_side = "left"

    def make_processor(self, folder):
        """Makes what turns texts and signals into the model's input.

        Arguments
        ---------
        folder : pathlib.Path
            Of the model.

        Returns
        -------
        object
            Called, and asked by `apply_chat_template`, as processors of
            transformers are; with a `tokenizer`.
        """
        return AutoProcessor.from_pretrained(folder, trust_remote_code=False)

    def encode(self, entries):
        """Loads utterances.

        Arguments
        ---------
        entries : dict
            Utterance id to manifest entry.

        Returns
        -------
        list of numpy.ndarray
            16 kHz signals, one an utterance.
        """
        return [load_audio(entry["wav"]).numpy() for entry in entries.values()]

    def ask(self, heard, system, instruction, examples=()):
        """Puts the same question to every utterance.

        Arguments
        ---------
        heard : list of numpy.ndarray
            From `encode`.
        system : str
            System message.
        instruction : str
            What stands with the speech.
        examples : sequence of (str, str)
            Written turns that stand before it.

        Returns
        -------
        transformers.BatchFeature
            The model's input, left-padded.
        """
        said = [system, *[text for turn in examples for text in turn]]
        said += [instruction] * bool(instruction)
        # The processor gets the turn with the speech alone, to repeat its mark
        # for every frame: in texts it would read marks that somebody wrote.
        *before, last = self.around(len(examples), bool(instruction))
        inputs = self.processor(
            text=[last] * len(heard),
            audio=heard,
            sampling_rate=16000,
            return_tensors="pt",
            padding=True,
        )
        tokenizer, start = self.processor.tokenizer, []
        for piece, text in zip(before, said):
            start += tokenizer(piece, add_special_tokens=False)["input_ids"]
            start += as_written.encode(tokenizer, text)
        start = torch.tensor(start).expand(len(heard), -1)
        rows = [
            torch.cat([first, ids[mask.bool()]])
            for first, ids, mask in zip(
                start, inputs["input_ids"], inputs["attention_mask"]
            )
        ]
        left = {"batch_first": True, "padding_side": "left"}
        inputs["input_ids"] = pad_sequence(
            rows, padding_value=tokenizer.pad_token_id, **left
        )
        inputs["attention_mask"] = pad_sequence(
            [torch.ones_like(row) for row in rows], **left
        )
        key = "input_features"
        inputs[key] = inputs[key].to(self.model.dtype)
        return inputs.to(self.model.device)

    def around(self, examples, instruction):
        """Renders a conversation and splits it where its texts go.

        Arguments
        ---------
        examples : int
            Written turns before the speech.
        instruction : bool
            Whether a text stands with the speech.

        Returns
        -------
        list of str
            The template's pieces; the speech is in the last.
        """
        text = {"type": "text", "text": _TEXT}
        spoken = [text] * instruction + [{"type": "audio", "audio": ""}]
        turns = [("user", _TEXT), ("assistant", _TEXT)] * examples
        rendered = self.processor.apply_chat_template(
            [
                {"role": role, "content": content}
                for role, content in [
                    ("system", _TEXT),
                    *turns,
                    ("user", spoken),
                ]
            ],
            add_generation_prompt=True,
            tokenize=False,
        )
        return rendered.split(_TEXT)

    @torch.no_grad()
    def answer(
        self,
        heard,
        system,
        instruction,
        examples=(),
        sentences=None,
        **settings,
    ):
        """Answers what was heard.

        Arguments
        ---------
        heard : list of numpy.ndarray
            From `encode`.
        system : str
            System message.
        instruction : str
            What stands with the speech.
        examples : sequence of (str, str)
            Written turns that stand before it.
        sentences : int or None
            Sentences at most.
        **settings
            Generation settings, e.g. `max_new_tokens`.

        Returns
        -------
        list of speechbrain_relm.lobes.parts.chat_template.Answer
            One an utterance.
        """
        inputs = self.ask(heard, system, instruction, examples)
        tokenizer = self.processor.tokenizer
        ids = self.model.generate(
            **inputs,
            do_sample=False,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            **settings,
        )
        new = ids[:, inputs["input_ids"].shape[1] :]
        texts = tokenizer.batch_decode(new, skip_special_tokens=True)
        ended = (new == tokenizer.eos_token_id).any(1).tolist()
        return [
            shortened(Answer(text.strip(), end), sentences)
            for text, end in zip(texts, ended)
        ]

    @torch.no_grad()
    def log_likelihoods(self, heard, system, instruction, answers):
        """Says how likely some answers are.

        Arguments
        ---------
        heard : list of numpy.ndarray
            From `encode`.
        system : str
            System message.
        instruction : str
            What stands with the speech.
        answers : list of str
            E.g. the labels.

        Returns
        -------
        torch.Tensor
            Log-probabilities [B, answers].
        """
        inputs = self.ask(heard, system, instruction)
        asked = self.model(**inputs, use_cache=True)
        mask = inputs["attention_mask"]
        found = []
        for text in answers:
            ids = as_written.encode(self.processor.tokenizer, text)
            ids = torch.tensor(ids, device=mask.device)
            ids = ids.expand(len(heard), -1)
            # The prompt and the speech are read once for all answers.
            read = self.model(
                input_ids=ids,
                attention_mask=torch.cat([mask, torch.ones_like(ids)], dim=1),
                position_ids=mask.sum(1, keepdim=True)
                + torch.arange(ids.shape[1], device=mask.device),
                # transformers adds to a cache where it lies.
                past_key_values=copy.deepcopy(asked.past_key_values),
            )
            logits = torch.cat([asked.logits[:, -1:], read.logits[:, :-1]], 1)
            chosen = logits.float().log_softmax(-1)
            chosen = chosen.gather(2, ids.unsqueeze(2)).squeeze(2)
            found.append(chosen.sum(1))
        return torch.stack(found, dim=1)

    def emptied(self, heard):
        """Leaves nothing of what was heard but silence.

        Arguments
        ---------
        heard : list of numpy.ndarray
            From `encode`.

        Returns
        -------
        list of numpy.ndarray
            One second of it: its encoder needs a signal.
        """
        return [np.zeros(16000, dtype=np.float32)]

    def heads(self, heard):
        """Has no emotion heads.

        Arguments
        ---------
        heard : list of numpy.ndarray
            From `encode`.

        Returns
        -------
        tuple
            Twice `None`.
        """
        return None, None
