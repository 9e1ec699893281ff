"""Batches of utterances of like cost, and each process's share of them.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch
from speechbrain.utils.distributed import get_rank

# Long enough that the frames at the ends do not matter.
MEASURED_SECONDS = 8


def processes():
    """Counts the processes of a run.

    Returns
    -------
    int
        1 without `torchrun`.

    Example
    -------
    >>> processes()
    1
    """
    distributed = torch.distributed
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank():
    """Numbers this process among the run's.

    Returns
    -------
    int
        0 without `torchrun`.

    Example
    -------
    >>> rank()
    0
    """
    return get_rank() or 0


def gather(value):
    """Collects what every process has.

    Arguments
    ---------
    value : object
        This process's.

    Returns
    -------
    list
        One of each process, the same list on all.

    Example
    -------
    >>> gather({"a": 1})
    [{'a': 1}]
    """
    found = [value] * processes()
    if len(found) > 1:
        torch.distributed.all_gather_object(found, value)
    return found


def share(batches):
    """Takes this process's share of some batches.

    Arguments
    ---------
    batches : list
        All batches.

    Returns
    -------
    list
        Every N-th of them, with N processes.

    Example
    -------
    >>> share([[0, 1], [2]])
    [[0, 1], [2]]
    """
    return batches[rank() :: processes()]


def steps_per_epoch(sampler, accumulated):
    """Counts the optimizer's steps.

    Arguments
    ---------
    sampler : collections.abc.Sized
        The batches of all processes.
    accumulated : int
        Batches whose gradients are added up for a step.

    Returns
    -------
    int
        Steps, at least one.

    Example
    -------
    >>> steps_per_epoch([[0, 1], [2], [3, 4], [5]], 2)
    2
    """
    # Each process has as many batches; the last ones may repeat some.
    batches = -(-len(sampler) // processes())
    return max(batches // accumulated, 1)


def costs(entries, responses, llm, positions_per_second):
    """Counts what utterances take of the LLM's sequence.

    Arguments
    ---------
    entries : dict
        Manifest entries.
    responses : dict
        Their expected responses.
    llm : torch.nn.Module
        A `ChatLLM`.
    positions_per_second : float
        Speech embeddings of a second.

    Returns
    -------
    list of float
        Positions of speech and response, one number an utterance.

    Example
    -------
    >>> from speechbrain_relm.lobes.chat_llm import ChatLLM
    >>> llm = ChatLLM(getfixture("qwen_folder"))
    >>> entries = {"a": {"duration": 2.0}}
    >>> responses = {"a": {"response": "Oh, no!"}}
    >>> costs(entries, responses, llm, 6.25)[0] - len(llm.encode("Oh, no!"))
    12.5
    """
    texts = [responses[utterance]["response"] for utterance in entries]
    tokens = llm.tokenizer(texts, add_special_tokens=False)["input_ids"]
    return [
        entry["duration"] * positions_per_second + len(ids)
        for entry, ids in zip(entries.values(), tokens)
    ]


@torch.no_grad()
def positions_per_second(brain):
    """Asks a model how many speech embeddings a second makes.

    Arguments
    ---------
    brain : speechbrain_relm.brain.RELLMBrain
        With any speech encoder and adapter.

    Returns
    -------
    float
        Embeddings a second.
    """
    silence = torch.zeros(1, 16000 * MEASURED_SECONDS, device=brain.device)
    lens = torch.ones(1, device=brain.device)
    emotion = None
    if brain.emotion_cache is not None:
        emotion = brain.emotion_cache.encoder(silence, lens)[0]
    speech = brain.model.encode_speech(silence, lens, emotion)
    return int(speech.counts) / MEASURED_SECONDS
