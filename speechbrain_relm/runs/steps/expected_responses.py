"""Step 1 of the paper: expected responses (Section II-B.1).

The text LLM continues each transcript in the emotion of its label. Its
answers are what RE-LLM learns to say when it hears the speech.

Authors
 * The speechbrain_relm contributors 2026
"""

from collections import Counter, defaultdict

from speechbrain.utils.logger import get_logger

from speechbrain_relm.evaluation.listening.quality import flaws_of
from speechbrain_relm.model.prompting import answer_texts
from speechbrain_relm.runs.engines.asking import Asking
from speechbrain_relm.runs.provenance.data_inputs import record_inputs
from speechbrain_relm.utils.records import make_batches, work_through

logger = get_logger(__name__)


def expect_responses(
    llm,
    entries,
    path,
    device,
    inputs,
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
    inputs : dict
        What all responses depend on: the LLM and what it is asked.
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
    examples = examples or {}
    groups = grouped(entries, entries)
    asking = None if engine is None else Asking(engine, system, settings)

    def _prompts(members):
        # One utterance stands for all that say the same.
        # The prompt of Section II-B.1.
        texts = [
            instruction.format(emotion=entries[i]["emotion"])
            + entries[i]["transcript"]
            for i in members
        ]
        # All of a batch share their emotion, so their examples.
        return texts, examples.get(entries[next(iter(members))]["emotion"], [])

    def _work(batch_ids):
        members = grouped(batch_ids, entries)
        texts, turns = _prompts(members)
        if asking is None:
            answers = answer_texts(
                llm, system, texts, device, turns, **settings
            )
        else:
            everything = (_prompts(grouped(ids, entries)) for ids in batches)
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
            for i, answer in zip(members, answers)
            for member in members[i]
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
    of = record_inputs("expected_responses", entries, {})
    records = work_through(
        path, batches, _work, inputs, "expected responses", of
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


def grouped(ids, entries):
    """Puts utterances together that say the same in the same emotion.

    Arguments
    ---------
    ids : iterable of str
        Utterance ids.
    entries : dict
        Manifest entries.

    Returns
    -------
    dict
        First utterance of a group to all of it.

    Example
    -------
    >>> said = {"transcript": "Oh.", "emotion": "sad"}
    >>> grouped(["a", "b"], {"a": said, "b": said})
    {'a': ['a', 'b']}
    """
    groups = defaultdict(list)
    for utterance in ids:
        entry = entries[utterance]
        groups[entry["transcript"], entry["emotion"]].append(utterance)
    return {members[0]: members for members in groups.values()}


def unfit(answer, transcript, flaws=()):
    """Tells whether an answer is nothing to learn from.

    Arguments
    ---------
    answer : speechbrain_relm.lobes.parts.chat_template.Answer
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
    >>> from speechbrain_relm.lobes.parts.chat_template import Answer
    >>> answer = Answer("I see, the train leaves in ten minutes.", True)
    >>> unfit(answer, "The train leaves in ten minutes.", ["echo"])
    True
    >>> unfit(Answer("", True), "The train leaves in ten minutes.")
    True
    """
    # Refusals are left out as in the released code; the paper is silent.
    found = flaws_of(
        {
            "response": answer.text,
            "finished": answer.finished,
            "transcript": transcript,
        }
    )
    return bool({"empty", "refused", *flaws}.intersection(found))
