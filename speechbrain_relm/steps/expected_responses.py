"""Step 1 of the paper: expected responses (Section II-B.1).

The text LLM continues each transcript in the emotion of its label. Its
answers are what RE-LLM learns to say when it hears the speech.

Authors
 * The speechbrain_relm contributors 2026
"""

from collections import Counter, defaultdict

import torch
from speechbrain.utils.logger import get_logger

from speechbrain_relm.adapters import adapters_off
from speechbrain_relm.model import evaluating
from speechbrain_relm.records import make_batches, work_through
from speechbrain_relm.sequences import pack, prompt_part, ragged_part

logger = get_logger(__name__)

# An answer with one of these is a refusal, and no example to learn from.
REFUSAL_ANY_CASE = ("as an ai language model", "i'm sorry, but i")
REFUSAL_INSIDE = ("I'm not sure what you",)
REFUSAL_START = ("I'm sorry, but I cannot", "I'm sorry, but I'm not sure")


def is_refusal(response):
    """Tells whether the LLM refused to continue, or said nothing.

    Arguments
    ---------
    response : str
        Its answer.

    Returns
    -------
    bool
        True if it should not be learned.

    Example
    -------
    >>> is_refusal("As an AI language model, I cannot feel.")
    True
    >>> is_refusal("and I could not stop smiling.")
    False
    """
    lowered = response.lower()
    return (
        not response
        or any(phrase in lowered for phrase in REFUSAL_ANY_CASE)
        or any(phrase in response for phrase in REFUSAL_INSIDE)
        or response.startswith(REFUSAL_START)
    )


@torch.no_grad()
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
    prompt = llm.split_prompt(system, "")
    size = len(texts)
    sequence = pack(
        [
            prompt_part(prompt.before, size, device),
            ragged_part([llm.encode(text) for text in texts], device),
            prompt_part(prompt.after, size, device),
        ],
        llm.embed,
        left_pad=True,
    )
    with evaluating(llm), adapters_off(llm):
        ids = llm.generate(
            sequence.inputs_embeds, sequence.attention_mask, **settings
        )
    return llm.decode(ids)


def expect_responses(llm, entries, path, device, hparams):
    """Generates the expected responses of utterances.

    Each distinct pair of transcript and emotion is answered once: parallel
    corpora such as ESD repeat their sentences in many voices.

    Arguments
    ---------
    llm : torch.nn.Module
        A `ChatLLM`, bare or adapted.
    entries : dict
        Manifest entries.
    path : str or pathlib.Path
        Where the records go.
    device : torch.device
        Where the LLM is.
    hparams : dict
        Read for `continuation_system`, `continuation_from_text` (with
        "{emotion}"), `expected_response_settings`, `generation_batch_size`
        and `llm_source`.

    Returns
    -------
    dict
        Utterance id to a record with `response`, `finished` (false where the
        token limit cut it) and `refused`.
    """
    speakers = defaultdict(list)
    for utterance, entry in entries.items():
        speakers[entry["transcript"], entry["emotion"]].append(utterance)
    groups = {members[0]: members for members in speakers.values()}
    instruction = hparams["continuation_from_text"]
    settings = hparams["expected_response_settings"]

    def work(batch_ids):
        # One worked utterance stands for its whole group.
        batch = [i for i in batch_ids if i in groups]
        texts = [
            instruction.format(emotion=entries[i]["emotion"])
            + entries[i]["transcript"]
            for i in batch
        ]
        answers = answer_texts(
            llm, hparams["continuation_system"], texts, device, **settings
        )
        return [
            {
                "id": member,
                "emotion": entries[i]["emotion"],
                "transcript": entries[i]["transcript"],
                "response": answer.text,
                "finished": answer.finished,
                "refused": is_refusal(answer.text),
            }
            for i, answer in zip(batch, answers)
            for member in groups[i]
        ]

    lengths = [len(entries[i]["transcript"]) for i in groups]
    batches = [
        [member for i in batch for member in groups[i]]
        for batch in make_batches(
            list(groups), lengths, hparams["generation_batch_size"]
        )
    ]
    records = work_through(
        path,
        batches,
        work,
        {
            "llm": hparams["llm_source"],
            "system": hparams["continuation_system"],
            "instruction": instruction,
            **settings,
        },
        "expected responses",
    )
    count = Counter(record["refused"] for record in records.values())
    logger.info(
        "Expected responses: %d from %d distinct prompts, %d refused and "
        "left out of training.",
        len(records),
        len(groups),
        count[True],
    )
    return records
