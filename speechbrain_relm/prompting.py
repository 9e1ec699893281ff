"""Asking the LLM: a prompt with speech or a text in it, and what it answers.

Every system of Table I that has an LLM of its own asks it here, in training
and in evaluation.

Authors
 * The speechbrain_relm contributors 2026
"""

import contextlib

import torch

from speechbrain_relm.adapters import adapters_off
from speechbrain_relm.lobes.partial_lora import speech_positions
from speechbrain_relm.sequences import (
    RESPONSE,
    pack,
    prompt_part,
    ragged_part,
)


def lay_out(llm, prompt, content, response=None, left_pad=False):
    """Packs prompt, content and response into one sequence.

    Arguments
    ---------
    llm : torch.nn.Module
        A `ChatLLM`, bare or adapted.
    prompt : speechbrain_relm.lobes.chat_llm.Prompt
        Token ids before and after the content.
    content : speechbrain_relm.sequences.Part
        Speech embeddings, or token ids of a text in their place.
    response : Part or None
        Response token ids; `None` for generation.
    left_pad : bool
        Where the padding goes.

    Returns
    -------
    speechbrain_relm.sequences.Sequence
        The packed batch.
    """
    size, device = len(content.counts), content.counts.device
    parts = [
        prompt_part(prompt.before, size, device),
        content,
        prompt_part(prompt.after, size, device),
    ]
    if response is not None:
        parts.append(response)
    return pack(parts, llm.embed, left_pad)


def score(llm, sequence):
    """Runs the LLM and computes logits where a response token is next.

    Arguments
    ---------
    llm : torch.nn.Module
        A `ChatLLM`, bare or adapted.
    sequence : speechbrain_relm.sequences.Sequence
        The packed batch.

    Returns
    -------
    torch.Tensor
        Logits [N, V].
    """
    with speech_positions(sequence.speech_mask):
        return llm(
            sequence.inputs_embeds,
            sequence.attention_mask,
            sequence.position_ids,
            wanted=sequence.predicts_response,
        )


@torch.no_grad()
def answer(llm, prompt, content, **settings):
    """Generates answers to speech or texts (Eq. 4).

    Arguments
    ---------
    llm : torch.nn.Module
        A `ChatLLM`, bare or adapted.
    prompt : speechbrain_relm.lobes.chat_llm.Prompt
        What stands around the content.
    content : speechbrain_relm.sequences.Part
        Speech embeddings or texts.
    **settings
        Generation settings, e.g. `max_new_tokens`.

    Returns
    -------
    list of speechbrain_relm.lobes.chat_llm.Answer
        One a row.
    """
    sequence = lay_out(llm, prompt, content, left_pad=True)
    with speech_positions(sequence.speech_mask):
        ids = llm.generate(
            sequence.inputs_embeds, sequence.attention_mask, **settings
        )
    return llm.decode(ids)


@torch.no_grad()
def rate(llm, prompt, content, answers):
    """Says how likely each of some answers is, without generating any.

    Arguments
    ---------
    llm : torch.nn.Module
        A `ChatLLM`, bare or adapted.
    prompt : speechbrain_relm.lobes.chat_llm.Prompt
        What stands around the content.
    content : speechbrain_relm.sequences.Part
        Speech embeddings or texts.
    answers : list of str
        Beginnings of an answer, e.g. the labels.

    Returns
    -------
    torch.Tensor
        Log-probabilities [B, answers].
    """
    size, device = len(content.counts), content.counts.device
    found = []
    for text in answers:
        ids = llm.encode(text)
        response = prompt_part(ids, size, device)._replace(role=RESPONSE)
        sequence = lay_out(llm, prompt, content, response)
        logits = score(llm, sequence).float().log_softmax(-1)
        of_tokens = logits.gather(1, sequence.targets.unsqueeze(1))
        found.append(of_tokens.view(-1, len(ids)).sum(1))
    return torch.stack(found, dim=1)


def answer_texts(llm, system, texts, device, **settings):
    """Answers user messages as the text LLM, adapters off.

    Arguments
    ---------
    llm : torch.nn.Module
        A `ChatLLM`, bare or adapted.
    system : str
        System message.
    texts : list of str
        User messages.
    device : torch.device
        Where the LLM is.
    **settings
        Generation settings, e.g. `max_new_tokens`.

    Returns
    -------
    list of speechbrain_relm.lobes.chat_llm.Answer
        One a message.
    """
    content = ragged_part([llm.encode(text) for text in texts], device)
    with evaluating(llm), adapters_off(llm):
        return answer(llm, llm.split_prompt(system, ""), content, **settings)


def rate_texts(llm, system, texts, device, answers):
    """Says how likely the text LLM's answers to user messages are.

    Arguments
    ---------
    llm : torch.nn.Module
        A `ChatLLM`, bare or adapted.
    system : str
        System message.
    texts : list of str
        User messages.
    device : torch.device
        Where the LLM is.
    answers : list of str
        Beginnings of an answer, e.g. the labels.

    Returns
    -------
    torch.Tensor
        Log-probabilities [B, answers].
    """
    content = ragged_part([llm.encode(text) for text in texts], device)
    with evaluating(llm), adapters_off(llm):
        return rate(llm, llm.split_prompt(system, ""), content, answers)


@contextlib.contextmanager
def evaluating(*modules):
    """Puts modules in evaluation mode, inside a `with` block.

    Arguments
    ---------
    *modules : torch.nn.Module
        The modules.

    Yields
    ------
    None

    Example
    -------
    >>> layer = torch.nn.Dropout()
    >>> with evaluating(layer):
    ...     layer.training
    False
    >>> layer.training
    True
    """
    before = [module.training for module in modules]
    try:
        for module in modules:
            module.eval()
        yield
    finally:
        for module, mode in zip(modules, before):
            module.train(mode)
