"""What Step 2 of the paper learns from (Section II-B.2).

Authors
 * The speechbrain_relm contributors 2026
"""

import random

from speechbrain_relm.data.datasets import (
    add_attributes,
    shown_before,
    with_words,
)
from speechbrain_relm.lobes.parts.standardising import (
    convolutions_of,
    frame_statistics,
    standardise,
    start_as_averages,
)
from speechbrain_relm.runs.listeners import SpeechListener
from speechbrain_relm.training.initialization import STANDARDISED
from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.processes import share
from speechbrain_relm.utils.records import make_batches

MEASURED = 2000  # utterances, enough for means and spreads


def to_learn(split, entries, responses, attributes, dimensions):
    """Picks the entries of a split that have what training needs.

    Arguments
    ---------
    split : str
        "train" or "valid".
    entries : dict
        Its manifest entries.
    responses : dict
        Expected responses.
    attributes : dict
        Pseudo labels.
    dimensions : bool
        Whether the dimension head is to learn.

    Returns
    -------
    dict
        Manifest entries with an expected response, pseudo labels filled in.

    Raises
    ------
    RecipeError
        If any that says a word has none at all, if all answers are unfit, or
        if labels are missing.

    Example
    -------
    >>> from speechbrain_relm.utils.dimensions import DIMENSIONS
    >>> entries = {"a": {"transcript": "Well.", **dict.fromkeys(DIMENSIONS)}}
    >>> responses = {"a": {"response": "Oh?", "refused": False}}
    >>> list(to_learn("train", entries, responses, {}, False))
    ['a']
    """
    entries = with_words(entries)
    missing = [i for i in entries if i not in responses]
    kept = {
        utterance: entry
        for utterance, entry in entries.items()
        if utterance in responses and not responses[utterance]["refused"]
    }
    if missing:
        left_out = len(entries) - len(missing) - len(kept)
        raise RecipeError(
            f"{len(missing)} of {len(entries)} utterances of the {split} "
            f"split have no expected response (first: {missing[0]}; "
            f"{left_out} more are left out because their answers are unfit"
            "): run the step 'expected_responses' again, with these "
            "manifests and alone in the shared_folder."
        )
    if not kept:
        raise RecipeError(
            f"No utterance of the {split} split has an expected "
            "response: the LLM refused them all."
        )
    add_attributes(kept, attributes)
    bare = [i for i, e in kept.items() if e["arousal"] is None]
    if bare and dimensions:
        raise RecipeError(
            f"{len(bare)} utterances of the {split} split have no arousal, "
            f"dominance and valence (first: {bare[0]}): run the step "
            "'attributes', or set loss_weights: dimension to 0."
        )
    return kept


def shown_to_teacher(brain, hparams):
    """Gives the example turns that Step 1 showed to the text LLM.

    Arguments
    ---------
    brain : speechbrain_relm.training.brain.RELLMBrain
        Trains the system.
    hparams : dict
        The loaded YAML.

    Returns
    -------
    dict
        Emotion to token ids; empty if training asks no text LLM.
    """
    if not brain.loss_weights["response_kl"]:
        return {}
    system = hparams["continuation_system"]
    examples = hparams.get("continuation_examples") or {}
    return {
        emotion: shown_before(brain.model.llm, system, turns)
        for emotion, turns in examples.items()
    }


def check_start(adapter, hparams):
    """Refuses an adapter that cannot start as asked, before anything is heard.

    Arguments
    ---------
    adapter : torch.nn.Module or None
        The adapter; a system of text has none.
    hparams : dict
        The loaded YAML.

    Raises
    ------
    RecipeError
        If it has no convolutions to start as averages.
    """
    wanted = hparams.get("init_adapter") == STANDARDISED
    if wanted and adapter is not None and "fit" in hparams["steps"]:
        convolutions_of(adapter)


def start_adapter(brain, init_adapter, entries, size):
    """Lets a new adapter start as averages of standardised frames, if asked.

    Arguments
    ---------
    brain : speechbrain_relm.training.brain.RELLMBrain
        Trains the system.
    init_adapter : str or None
        How the adapter starts.
    entries : dict
        Manifest entries of the training.
    size : int or None
        Utterances a batch, where frames are measured.
    """
    if init_adapter != STANDARDISED:
        return
    if brain.checkpointer.find_checkpoint() is None:
        found = frame_statistics(SpeechListener(brain), some_of(entries), size)
        start_as_averages(brain.model.adapter)
        standardise(brain.model.adapter, *found)


def some_of(entries):
    """Draws the utterances whose frames are measured.

    A manifest is sorted, so that every second one may be of one emotion.

    Arguments
    ---------
    entries : dict
        Manifest entries.

    Returns
    -------
    dict
        `MEASURED` of them, always the same; all if there are fewer.

    Example
    -------
    >>> len(some_of(dict.fromkeys(range(5000)))), len(some_of({"a": {}}))
    (2000, 1)
    """
    if len(entries) <= MEASURED:
        return entries
    drawn = random.Random(MEASURED).sample(list(entries), MEASURED)
    return {name: entries[name] for name in drawn}


def in_batches(datasets, lengths, sampler, train_loader, valid_loader):
    """Puts datasets into batches of like length.

    Arguments
    ---------
    datasets : dict
        "train" and "valid" to datasets.
    lengths : dict
        The same to the length of each utterance, in the sampler's unit.
    sampler : callable
        Makes SpeechBrain's `DynamicBatchSampler`.
    train_loader : dict
        Arguments of the training data's loader.
    valid_loader : dict
        Arguments of the validation data's loader, and a `batch_size`.

    Returns
    -------
    dict
        For `brain.fit`, which counts the epochs.
    """
    batches = sampler(datasets["train"], lengths_list=lengths["train"])
    valid_loader = dict(valid_loader)
    valid_batches = make_batches(
        range(len(datasets["valid"])),
        lengths["valid"],
        valid_loader.pop("batch_size"),
    )
    return {
        "train_set": datasets["train"],
        "valid_set": datasets["valid"],
        "train_loader_kwargs": {**train_loader, "batch_sampler": batches},
        "valid_loader_kwargs": {
            **valid_loader,
            "batch_sampler": share(valid_batches),
        },
    }
