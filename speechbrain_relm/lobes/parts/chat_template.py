"""Prompts and answers in an LLM's own chat template.

Authors
 * The speechbrain_relm contributors 2026
"""

import functools
from typing import NamedTuple

from jinja2 import TemplateError

from speechbrain_relm.utils.sources.pretrained import load_tokenizer
from speechbrain_relm.utils.text import as_written
from speechbrain_relm.utils.text.thoughts import (
    thoughts_closed,
    without_thoughts,
)

# Stands for the user's words while the template is rendered.
_CONTENT = "USERCONTENTGOESHERE"
_SYSTEM = "SYSTEMMESSAGEGOESHERE"


class Prompt(NamedTuple):
    """Token ids before and after the place of the speech (or transcript)."""

    before: list
    after: list


class Answer(NamedTuple):
    """A decoded text, and whether the LLM ended it by itself."""

    text: str
    finished: bool


class ChatTemplate:
    """What a `ChatLLM` knows of texts: its tokenizer and template.

    Expects `source`, the LLM's folder, and `eos_token_ids`, those that its
    generation config names.
    """

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
        >>> from speechbrain_relm.lobes.chat_llm import ChatLLM
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
        >>> from speechbrain_relm.lobes.chat_llm import ChatLLM
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
        # An answer is learned and said where a thought would stand otherwise.
        pieces = thoughts_closed(rendered).split(_CONTENT)
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

    def decode(self, ids):
        """Turns generated ids into answers.

        Arguments
        ---------
        ids : torch.Tensor
            Generated ids [B, N].

        Returns
        -------
        list of Answer
            Texts without special tokens and thoughts; an answer cut by the
            token limit keeps its last token and is not finished.
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
            answers.append(Answer(without_thoughts(text).strip(), bool(ends)))
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
