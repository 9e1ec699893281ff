"""What an utterance costs, for batches of like cost.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch

from speechbrain_relm.model.prompting import evaluating

# Long enough that the frames at the ends do not matter.
MEASURED_SECONDS = 8


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
    brain : speechbrain_relm.training.brain.RELLMBrain
        With any speech encoder and adapter.

    Returns
    -------
    float
        Embeddings a second.
    """
    silence = torch.zeros(1, 16000 * MEASURED_SECONDS, device=brain.device)
    lens = torch.ones(1, device=brain.device)
    emotion = None
    with evaluating(brain.model):
        if brain.emotion_cache is not None:
            emotion = brain.emotion_cache.encoder(silence, lens)[0]
        speech = brain.model.encode_speech(silence, lens, emotion)
    return int(speech.counts) / MEASURED_SECONDS
