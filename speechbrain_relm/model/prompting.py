"""Asking the LLM: a prompt with speech or a text in it, and what it answers.

Every system of Table I that has an LLM of its own asks it here, in training
and in evaluation.

Authors
 * The speechbrain_relm contributors 2026
"""

import contextlib

import torch
from transformers import DynamicCache
from transformers.pytorch_utils import Conv1D

from speechbrain_relm.lobes.partial_lora import PartialLoRA, speech_positions
from speechbrain_relm.lobes.parts.adapters import adapters_off
from speechbrain_relm.model.sequences import pack, prompt_part, ragged_part
from speechbrain_relm.utils.text.sentences import SentenceLimit, shortened


def lay_out(llm, prompt, content, response=None, left_pad=False):
    """Packs prompt, content and response into one sequence.

    Arguments
    ---------
    llm : torch.nn.Module
        A `ChatLLM`, bare or adapted.
    prompt : speechbrain_relm.lobes.parts.chat_template.Prompt
        Token ids before and after the content.
    content : speechbrain_relm.model.sequences.Part
        Speech embeddings, or token ids of a text in their place.
    response : Part or None
        Response token ids; `None` for generation.
    left_pad : bool
        Where the padding goes.

    Returns
    -------
    speechbrain_relm.model.sequences.Sequence
        The packed batch.
    """
    size = len(content.counts)
    parts = [
        prompt_part(prompt.before, size, "cpu"),
        content,
        prompt_part(prompt.after, size, "cpu"),
    ]
    if response is not None:
        parts.append(response)
    return pack(parts, llm.embed, left_pad)


def score(llm, sequence, past=None):
    """Runs the LLM and computes logits where a response token is next.

    Arguments
    ---------
    llm : torch.nn.Module
        A `ChatLLM`, bare or adapted.
    sequence : speechbrain_relm.model.sequences.Sequence
        The packed batch.
    past : transformers.Cache or None
        Keys and values of what stands before it.

    Returns
    -------
    torch.Tensor
        Logits [N, V].
    """
    before = 0 if past is None else past.get_seq_length()
    device = sequence.inputs_embeds.device
    with speech_positions(sequence.speech_mask, device):
        return llm(
            sequence.inputs_embeds,
            mask_with_past(before, sequence.attention_mask),
            sequence.position_ids + before,
            # The released code scores every position.
            wanted=sequence.predicts_response,
            past=past,
        )


def mask_with_past(count, attention_mask):
    """Puts positions that are all real before a mask.

    Arguments
    ---------
    count : int
        Positions P.
    attention_mask : torch.Tensor
        Mask [B, L].

    Returns
    -------
    torch.Tensor
        Mask [B, P + L].

    Example
    -------
    >>> mask_with_past(2, torch.tensor([[False, True]])).int().tolist()
    [[1, 1, 0, 1]]
    """
    ones = attention_mask.new_ones(len(attention_mask), count)
    return torch.cat([ones, attention_mask], dim=1)


def read_before(llm, prompt, size):
    """Reads what stands before the content, once for all batches.

    Arguments
    ---------
    llm : torch.nn.Module
        A `ChatLLM`, bare or adapted.
    prompt : speechbrain_relm.lobes.parts.chat_template.Prompt
        The prompt.
    size : int
        Rows B of the batch to come.

    Returns
    -------
    past : transformers.Cache or None
        Keys and values for B rows; `None` where they cannot be kept.
    rest : speechbrain_relm.lobes.parts.chat_template.Prompt
        What is still to be read.
    """
    kept = llm.read_prefix(prompt.before) if only_speech_adapts(llm) else None
    if kept is None:
        return None, prompt
    rows = [
        tuple(part.expand(size, -1, -1, -1) for part in layer) for layer in kept
    ]
    return DynamicCache(rows), prompt._replace(before=[])


def only_speech_adapts(llm):
    """Tells whether an LLM reads text as it did before it was adapted.

    Arguments
    ---------
    llm : torch.nn.Module
        A `ChatLLM`, bare or adapted.

    Returns
    -------
    bool
        False with adapters other than `PartialLoRA`.
    """
    # A plain layer stands there inside `adapters_off`.
    reads_text_as_before = (PartialLoRA, torch.nn.Linear, Conv1D)
    return all(
        isinstance(llm.adapted_model.get_submodule(name), reads_text_as_before)
        for name in getattr(llm, "replace_layers", [])
    )


def score_response(llm, prompt, content, response):
    """Scores responses to speech or texts, for training.

    Arguments
    ---------
    llm : torch.nn.Module
        A `ChatLLM`, bare or adapted.
    prompt : speechbrain_relm.lobes.parts.chat_template.Prompt
        What stands around the content.
    content : speechbrain_relm.model.sequences.Part
        Speech embeddings or texts.
    response : speechbrain_relm.model.sequences.Part
        Response token ids.

    Returns
    -------
    logits : torch.Tensor
        Of the N response tokens [N, V].
    targets : torch.Tensor
        Those tokens [N].
    """
    past, rest = read_before(llm, prompt, len(content.counts))
    sequence = lay_out(llm, rest, content, response)
    return score(llm, sequence, past), sequence.targets


@torch.no_grad()
def answer(llm, prompt, content, sentences=None, **settings):
    """Generates answers to speech or texts (Eq. 4).

    Arguments
    ---------
    llm : torch.nn.Module
        A `ChatLLM`, bare or adapted.
    prompt : speechbrain_relm.lobes.parts.chat_template.Prompt
        What stands around the content.
    content : speechbrain_relm.model.sequences.Part
        Speech embeddings or texts.
    sentences : int or None
        Sentences at most; `None` for as many as the LLM says.
    **settings
        Generation settings, e.g. `max_new_tokens`.

    Returns
    -------
    list of speechbrain_relm.lobes.parts.chat_template.Answer
        One a row.
    """
    past, rest = read_before(llm, prompt, len(content.counts))
    sequence = lay_out(llm, rest, content, left_pad=True)
    ids = generate(llm, sequence, past, sentences, **settings)
    return [shortened(found, sentences) for found in llm.decode(ids)]


@torch.no_grad()
def generate(llm, sequence, past=None, sentences=None, **settings):
    """Generates what comes after a sequence.

    Arguments
    ---------
    llm : torch.nn.Module
        A `ChatLLM`, bare or adapted.
    sequence : speechbrain_relm.model.sequences.Sequence
        The packed batch, padded on the left.
    past : transformers.Cache or None
        Keys and values of what stands before it; those of the sequence and of
        the answer are added to it.
    sentences : int or None
        Sentences of an answer after which its generation stops.
    **settings
        See `ChatLLM.generate`.

    Returns
    -------
    torch.Tensor
        New token ids [B, N].
    """
    embeddings, mask = sequence.inputs_embeds, sequence.attention_mask
    if past is not None:
        # `generate` counts what it finds in the cache as read, unseen.
        rows, _, size = embeddings.shape
        unseen = embeddings.new_zeros(rows, past.get_seq_length(), size)
        embeddings = torch.cat([unseen, embeddings], dim=1)
        mask = mask_with_past(unseen.shape[1], mask)
    if sentences is not None:
        settings["stopping_criteria"] = [SentenceLimit(llm, sentences)]
    with speech_positions(sequence.speech_mask, embeddings.device):
        return llm.generate(embeddings, mask, past, **settings)


def with_style(system, style):
    """Adds a wish for the manner of the answers to a system message.

    Arguments
    ---------
    system : str
        The system message.
    style : str
        E.g. "Answer in at most two sentences and end with a question.";
        empty for none.

    Returns
    -------
    str
        Both.

    Example
    -------
    >>> with_style("You are kind.", "Be brief.")
    'You are kind. Be brief.'
    """
    return f"{system} {style}".strip()


@torch.no_grad()
def log_likelihoods(llm, prompt, content, answers):
    """Says how likely each of some answers is, without generating any.

    Prompt and content are read once for all answers.

    Arguments
    ---------
    llm : torch.nn.Module
        A `ChatLLM`, bare or adapted.
    prompt : speechbrain_relm.lobes.parts.chat_template.Prompt
        What stands around the content.
    content : speechbrain_relm.model.sequences.Part
        Speech embeddings or texts.
    answers : list of str
        Beginnings of an answer, e.g. the labels.

    Returns
    -------
    torch.Tensor
        Log-probabilities [B, answers].
    """
    size = len(content.counts)
    past, rest = read_before(llm, prompt, size)
    past = DynamicCache() if past is None else past
    sequence = lay_out(llm, rest, content, left_pad=True)
    device = sequence.inputs_embeds.device
    last = torch.zeros_like(sequence.predicts_response)
    last[:, -1] = True
    mask = mask_with_past(past.get_seq_length(), sequence.attention_mask)
    logits = score(
        llm, sequence._replace(predicts_response=last), past
    ).unsqueeze(1)
    found = []
    for text in answers:
        ids = prompt_part(llm.encode(text), size, device).values
        rows, fed = [logits], ids[:, :-1]  # nothing is asked after the last
        if fed.shape[1]:
            positions = torch.arange(fed.shape[1], device=device)
            rows.append(
                llm(
                    llm.embed(fed),
                    torch.cat([mask, torch.ones_like(fed).bool()], dim=1),
                    mask.sum(1, keepdim=True) + positions,
                    past=past,
                )
            )
            # Negative: so many tokens less; transformers 5 refuses a length.
            past.crop(-fed.shape[1])
        scores = torch.cat(rows, dim=1).float().log_softmax(-1)
        found.append(scores.gather(2, ids.unsqueeze(2)).squeeze(2).sum(1))
    return torch.stack(found, dim=1)


def answer_texts(llm, system, texts, device, examples=(), **settings):
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
    examples : sequence of (str, str)
        Example turns that stand before each message.
    **settings
        Generation settings, e.g. `max_new_tokens`.

    Returns
    -------
    list of speechbrain_relm.lobes.parts.chat_template.Answer
        One a message.
    """
    content = ragged_part([llm.encode(text) for text in texts], device)
    prompt = llm.split_prompt(system, "", examples)
    with evaluating(llm), adapters_off(llm):
        return answer(llm, prompt, content, **settings)


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
