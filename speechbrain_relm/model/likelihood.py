"""How likely whole responses are to the text LLM, without generating any.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch
from torch.nn.functional import cross_entropy

from speechbrain_relm.lobes.parts.adapters import adapters_off
from speechbrain_relm.model.prompting import evaluating, score_response
from speechbrain_relm.model.sequences import RESPONSE, ragged_part


@torch.no_grad()
def log_likelihoods(
    llm, system, examples, texts, responses, device, batch_size, start=""
):
    """Says how likely the text LLM finds responses to user messages.

    Adapters are off. What stands before the message is read once, and logits
    are computed where a token of the response is next.

    Arguments
    ---------
    llm : torch.nn.Module
        A `ChatLLM`, bare or adapted.
    system : str
        System message.
    examples : list of tuple
        Earlier turns, (user, reply) each, the same for all messages.
    texts : list of str
        N user messages.
    responses : list of speechbrain_relm.lobes.parts.chat_template.Answer
        Responses, one a message. Of a finished one, the end of the turn is
        judged as well.
    device : torch.device
        Where the LLM is.
    batch_size : int
        Rows that are read together.
    start : str
        What all messages start with, if that is known: it too is read once.

    Returns
    -------
    torch.Tensor
        Log-probabilities [N] of the whole responses, float64.

    Example
    -------
    >>> from speechbrain_relm.lobes.chat_llm import ChatLLM
    >>> from speechbrain_relm.lobes.parts.chat_template import Answer
    >>> llm = ChatLLM(getfixture("qwen_folder"))
    >>> answers = [Answer("Oh no! Oh no!", True), Answer("Oh no!", False)]
    >>> texts = ["I fell."] * 2
    >>> found = log_likelihoods(llm, "", [], texts, answers, "cpu", 2)
    >>> bool(found[0] < found[1] < 0)
    True
    """
    prompt = llm.split_prompt(system, "", examples)
    rows = [
        (llm.encode(text), llm.encode_answer(*response))
        for text, response in zip(texts, responses)
    ]
    shared = llm.encode(start.rstrip())
    if all(text[: len(shared)] == shared for text, _ in rows):
        prompt = prompt._replace(before=prompt.before + shared)
        rows = [(text[len(shared) :], response) for text, response in rows]
    found = torch.zeros(len(rows), dtype=torch.float64)
    # An unfinished response without a token is certain: its sum is zero.
    order = [i for i, (_, response) in enumerate(rows) if response]
    order.sort(key=lambda i: len(rows[i][0]) + len(rows[i][1]))
    with evaluating(llm), adapters_off(llm):
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            content, response = (
                ragged_part([rows[i][part] for i in chosen], device)
                for part in (0, 1)
            )
            logits, targets = score_response(
                llm, prompt, content, response._replace(role=RESPONSE)
            )
            losses = cross_entropy(logits.float(), targets, reduction="none")
            of_rows = losses.double().cpu().split(response.counts.tolist())
            found[chosen] = torch.stack([-row.sum() for row in of_rows])
    return found
