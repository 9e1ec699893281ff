"""Step 1 of the paper: expected responses (Section II-B.1).

The text LLM continues each transcript in the emotion of its label. Its
answers are what RE-LLM learns to say when it hears the speech.

Authors
 * The speechbrain_relm contributors 2026
"""

import re
from collections import Counter, defaultdict

from speechbrain.utils.logger import get_logger

from speechbrain_relm.evaluation.listening.quality import flaws_of
from speechbrain_relm.model.prompting import answer_texts
from speechbrain_relm.runs.engines.asking import Asking
from speechbrain_relm.utils.records import make_batches, work_through
from speechbrain_relm.utils.text.wording import words_of

logger = get_logger(__name__)


def expect_responses(
    llm,
    entries,
    path,
    device,
    source,
    system,
    instruction,
    settings,
    size,
    examples=None,
    flaws=(),
    engine=None,
):
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
    source : str
        Where the LLM comes from.
    system : str
        System message.
    instruction : str
        What stands before the transcript, with "{emotion}".
    settings : dict
        Generation settings, e.g. `max_new_tokens`.
    size : int
        Prompts a batch.
    examples : dict or None
        Emotion to example turns, [user sentence, reply] each, that stand
        before the transcript; a large LLM needs none.
    flaws : sequence of str
        Of `evaluation.quality.FLAWS`: answers with one of these are left out
        of training, as refusals are.
    engine : BatchFiles, ChatServer or None
        Of `speechbrain_relm.runs.engines`, where the same LLM is served: it
        answers in place of `llm`.

    Returns
    -------
    dict
        Utterance id to a record with `emotion`, `transcript`, `response`,
        `finished` (whether the LLM ended it by itself), `refused`.
    """
    examples, speakers = examples or {}, defaultdict(list)
    for utterance, entry in entries.items():
        speakers[entry["transcript"], entry["emotion"]].append(utterance)
    groups = {members[0]: members for members in speakers.values()}

    asking = None if engine is None else Asking(engine, system, settings)

    def _prompts(batch_ids):
        # One worked utterance stands for its whole group.
        batch = [i for i in batch_ids if i in groups]
        texts = [
            instruction.format(emotion=entries[i]["emotion"])
            + entries[i]["transcript"]
            for i in batch
        ]
        # All of a batch share their emotion, so their examples.
        turns = examples.get(entries[batch[0]]["emotion"], []) if batch else []
        return batch, texts, turns

    def _work(batch_ids):
        batch, texts, turns = _prompts(batch_ids)
        if asking is None:
            answers = answer_texts(
                llm, system, texts, device, turns, **settings
            )
        else:
            everything = (_prompts(ids)[1:] for ids in batches)
            answers = asking(texts, turns, everything)
        return [
            {
                "id": member,
                "emotion": entries[i]["emotion"],
                "transcript": entries[i]["transcript"],
                "response": answer.text,
                "finished": answer.finished,
                "refused": unfit(answer, entries[i]["transcript"], flaws),
            }
            for i, answer in zip(batch, answers)
            for member in groups[i]
        ]

    if asking is not None:
        size = asking.batch_size
    batches = []
    for emotion in {entries[i]["emotion"]: None for i in groups}:
        firsts = [i for i in groups if entries[i]["emotion"] == emotion]
        lengths = [len(entries[i]["transcript"]) for i in firsts]
        batches += [
            [member for i in batch for member in groups[i]]
            for batch in make_batches(firsts, lengths, size)
        ]
    records = work_through(
        path,
        batches,
        _work,
        {
            "llm": source,
            **quantized_to(llm),
            "system": system,
            "instruction": instruction,
            "examples": examples,
            "flaws": sorted(flaws),
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


def with_words(entries):
    """Keeps the utterances whose transcript a text LLM could answer to.

    Arguments
    ---------
    entries : dict
        Manifest entries.

    Returns
    -------
    dict
        Those that are more than a sound in brackets, as some of IEMOCAP are.

    Example
    -------
    >>> texts = {"a": "[LAUGHTER] [BREATHING]", "b": "[LAUGHTER] Oh!"}
    >>> list(with_words({i: {"transcript": texts[i]} for i in texts}))
    ['b']
    """
    kept = {
        utterance: entry
        for utterance, entry in entries.items()
        if words_of(re.sub(r"\[[^\]]*\]", " ", entry["transcript"]))
    }
    if len(kept) < len(entries):
        first = next(i for i in entries if i not in kept)
        logger.warning(
            "%d utterances say no word, as %s (%s): no response is expected "
            "to them, and none is learned.",
            len(entries) - len(kept),
            first,
            entries[first]["transcript"],
        )
    return kept


def quantized_to(llm):
    """Says of a quantized LLM how many bits it has.

    Arguments
    ---------
    llm : torch.nn.Module
        A `ChatLLM`, bare or adapted, or another lobe.

    Returns
    -------
    dict
        `bits`; empty for an LLM with all its bits.

    Example
    -------
    >>> import torch
    >>> quantized_to(torch.nn.Identity())
    {}
    """
    bits = getattr(llm, "bits", None)
    return {} if bits is None else {"bits": bits}


def unfit(answer, transcript, flaws=()):
    """Tells whether an answer is nothing to learn from.

    Arguments
    ---------
    answer : speechbrain_relm.lobes.chat_llm.Answer
        The answer.
    transcript : str
        What it answers to.
    flaws : sequence of str
        Of `evaluation.quality.FLAWS`, besides saying nothing and refusing.

    Returns
    -------
    bool
        Whether it refuses, says nothing, or has one of the flaws.

    Example
    -------
    >>> from speechbrain_relm.lobes.chat_llm import Answer
    >>> answer = Answer("I see, the train leaves in ten minutes.", True)
    >>> unfit(answer, "The train leaves in ten minutes.", ["echo"])
    True
    >>> unfit(Answer("", True), "The train leaves in ten minutes.")
    True
    """
    found = flaws_of(
        {
            "response": answer.text,
            "finished": answer.finished,
            "transcript": transcript,
        }
    )
    return bool({"empty", "refused", *flaws}.intersection(found))
