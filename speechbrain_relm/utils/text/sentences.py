"""Sentences of an answer: where they end, and stopping after some of them.

Authors
 * The speechbrain_relm contributors 2026
"""

import re

import torch
from transformers import StoppingCriteria

# A stop with what closes it before a space, a stop of a script without
# spaces, or the end of a line.
_END = re.compile(r"[.!?…]+[\"'”’)\]*]*(?=\s)|[。！？．｡]+|(?<=\S)(?=\s*\n)")
# Words before a dot that ends no sentence: titles, initials, list numbers.
_NO_END = re.compile(r"(?:\b(?:Mrs?|Ms|Dr|Prof|St|e\.g|i\.e|[A-Z])|^\s*\d+)\.$")


def first_sentences(text, count):
    """Cuts a text after its first sentences.

    Arguments
    ---------
    text : str
        The text, without space around it.
    count : int
        Sentences to keep.

    Returns
    -------
    kept : str
        The first sentences, or the whole text if it has no more.
    more : bool
        Whether something follows them: only then is the last one known to
        have ended.

    Example
    -------
    >>> first_sentences("Oh, Dr. No! Was it 3.5 miles? I see.", 2)
    ('Oh, Dr. No! Was it 3.5 miles?', True)
    >>> first_sentences("I see.", 1)
    ('I see.', False)
    """
    for match in _END.finditer(text):
        end = match.end()
        line = text.rfind("\n", 0, end) + 1
        if _NO_END.search(text[line:end]):
            continue
        count -= 1
        if count == 0:
            return text[:end], True
    return text, False


def shortened(answer, sentences):
    """Cuts an answer after some sentences.

    Arguments
    ---------
    answer : speechbrain_relm.lobes.parts.chat_template.Answer
        The answer.
    sentences : int or None
        Sentences at most; `None` leaves it as it is.

    Returns
    -------
    speechbrain_relm.lobes.parts.chat_template.Answer
        The answer; finished, if it was cut at a sentence's end.

    Example
    -------
    >>> from speechbrain_relm.lobes.parts.chat_template import Answer
    >>> shortened(Answer("I see. And th", False), 1)
    Answer(text='I see.', finished=True)
    """
    if sentences is None:
        return answer
    text, more = first_sentences(answer.text, sentences)
    return answer._replace(text=text, finished=answer.finished or more)


class SentenceLimit(StoppingCriteria):
    """Stops each answer of a batch once it has enough sentences.

    Arguments
    ---------
    llm : torch.nn.Module
        A `ChatLLM`, which decodes.
    sentences : int
        How many are enough.

    Raises
    ------
    ValueError
        If that is less than one.

    Example
    -------
    >>> from speechbrain_relm.lobes.chat_llm import ChatLLM
    >>> llm = ChatLLM(getfixture("qwen_folder"))
    >>> enough = SentenceLimit(llm, 1)
    >>> [
    ...     enough(torch.tensor([llm.encode(text)]), None).item()
    ...     for text in ("I see. And", "I see 1.5")
    ... ]
    [True, False]
    """

    def __init__(self, llm, sentences):
        if sentences < 1:
            raise ValueError(
                f"sentences: {sentences} is less than 1; null sets no limit."
            )
        self.llm, self.sentences = llm, sentences

    def __call__(self, input_ids, scores, **kwargs):
        """Tells which answers have enough.

        Arguments
        ---------
        input_ids : torch.Tensor
            Tokens [B, N] of the answers so far.
        scores : torch.Tensor or None
            Ignored.
        **kwargs
            Ignored.

        Returns
        -------
        torch.Tensor
            Boolean [B].
        """
        enough = [
            first_sentences(answer.text, self.sentences)[1]
            for answer in self.llm.decode(input_ids)
        ]
        return torch.tensor(enough, device=input_ids.device)
