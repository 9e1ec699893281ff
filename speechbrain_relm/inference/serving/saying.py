"""What the tokens of one answer say, and when it has ended.

Authors
 * The speechbrain_relm contributors 2026
"""

from typing import NamedTuple, Optional, Tuple

import torch
from transformers.generation import (
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from speechbrain_relm.utils.text.sentences import first_sentences

# As in OpenAI's protocol: the answer ended, or met its limit of tokens.
STOP, LENGTH = "stop", "length"


class Wishes(NamedTuple):
    """How one answer is to be said.

    `most`, tokens at most; `sentences`, or `None`; `stops`, texts before
    which it ends. Without `temperature` the likeliest token is taken;
    otherwise one is drawn, of the `top_k` likeliest or those that make up
    `top_p`, the same for the same `seed` whoever shares the batch.
    """

    most: int
    sentences: Optional[int] = None
    stops: Tuple[str, ...] = ()
    temperature: Optional[float] = None
    top_k: Optional[int] = None
    top_p: Optional[float] = None
    seed: Optional[int] = None


class Saying:
    """One answer as its tokens come.

    Arguments
    ---------
    llm : torch.nn.Module
        A `ChatLLM`, which decodes.
    wishes : Wishes
        How the answer is to be said.

    Example
    -------
    >>> from speechbrain_relm.lobes.chat_llm import ChatLLM
    >>> llm = ChatLLM(getfixture("qwen_folder"))
    >>> saying = Saying(llm, Wishes(8, stops=("see it",)))
    >>> [saying.take(token) for token in llm.encode("I can see the sea.")[:4]]
    ['I', ' can', ' ', 'see the']
    >>> saying.reason is None
    True
    """

    def __init__(self, llm, wishes):
        self.llm, self.wishes = llm, wishes
        self.ids, self.text, self.reason = [], "", None
        self.shown = ""
        self.warpers = []
        if wishes.temperature is not None:
            self.warpers.append(TemperatureLogitsWarper(wishes.temperature))
            if wishes.top_k:
                self.warpers.append(TopKLogitsWarper(wishes.top_k))
            if wishes.top_p is not None and wishes.top_p < 1:
                self.warpers.append(TopPLogitsWarper(wishes.top_p))
        self.draws = None

    def choose(self, logits):
        """Draws the next token, where `warpers` say of which.

        Arguments
        ---------
        logits : torch.Tensor
            [V].

        Returns
        -------
        torch.Tensor
            Its id, without axes.
        """
        if self.draws is None:
            self.draws = torch.Generator(logits.device)
            if self.wishes.seed is None:
                self.draws.seed()
            else:
                self.draws.manual_seed(self.wishes.seed)
        scores = logits[None].float()
        for warper in self.warpers:
            scores = warper(None, scores)
        return torch.multinomial(
            scores.softmax(-1)[0], 1, generator=self.draws
        )[0]

    def take(self, token):
        """Takes the next token.

        Arguments
        ---------
        token : int
            Its id.

        Returns
        -------
        str
            What can be shown now and could not before.
        """
        self.ids.append(token)
        (answer,) = self.llm.decode(torch.tensor([self.ids]))
        self.text, ended = self.cut(answer.text)
        if ended or answer.finished:
            self.reason = STOP
        elif len(self.ids) >= self.wishes.most:
            self.reason = LENGTH
        ready = self.text if self.reason else self.certain()
        if not ready.startswith(self.shown):
            return ""
        new = ready[len(self.shown) :]
        self.shown = ready
        return new

    def cut(self, text):
        """Cuts what stands behind the end.

        Arguments
        ---------
        text : str
            All that the tokens say.

        Returns
        -------
        text : str
            What counts of it.
        ended : bool
            Whether the end was found.
        """
        places = [text.find(stop) for stop in self.wishes.stops]
        first = min((place for place in places if place >= 0), default=None)
        ended = first is not None
        text = text[:first]
        if self.wishes.sentences is not None:
            text, more = first_sentences(text, self.wishes.sentences)
            ended = ended or more
        return text, ended

    def certain(self):
        """Holds back what the next token may still change.

        Returns
        -------
        str
            The text without half a character, or half a stop.
        """
        if self.text.endswith("\ufffd"):
            return self.shown
        held = max(
            (
                size
                for stop in self.wishes.stops
                for size in range(1, len(stop))
                if self.text.endswith(stop[:size])
            ),
            default=0,
        )
        return self.text[: len(self.text) - held]
