"""The same words in another voice: does the answer change, and by which ear?

Where a speaker says a sentence in several emotions, only the voice tells
what to answer. A system that hears in two ways, by speech frames and by an
emotion embedding, can be given one of them from another take of the sentence:
whose emotion does its answer follow?

Authors
 * The speechbrain_relm contributors 2026
"""

from collections import defaultdict
from itertools import combinations
from pathlib import Path

from speechbrain.utils.distributed import run_on_main

from speechbrain_relm.evaluation.chance.clusters import cluster_of
from speechbrain_relm.evaluation.listening.figures import (
    fits_of,
    listening_figures,
    share_of_best,
    tone_gains,
    tone_priors,
)
from speechbrain_relm.evaluation.listening.judge import judge_responses
from speechbrain_relm.evaluation.listening_rows import SWAPS
from speechbrain_relm.evaluation.runs import write_figures
from speechbrain_relm.evaluation.statistics import figure_of
from speechbrain_relm.utils.records import make_batches, work_through
from speechbrain_relm.utils.text.wording import normalised

# The ways in which a response record tells the emotion, the best first.
HEARD = ("head_emotion", "calibrated_emotion", "likelihood_emotion")


def parallel_takes(entries):
    """Groups utterances that differ in the emotion only.

    Arguments
    ---------
    entries : dict
        Utterance id to manifest entry.

    Returns
    -------
    list of list of str
        Ids of one speaker's takes of one sentence, in two emotions or more.

    Example
    -------
    >>> entry = {"speaker": "1", "transcript": "Oh.", "emotion": "sad"}
    >>> entries = {"a": entry, "b": {**entry, "emotion": "happy"}}
    >>> parallel_takes({**entries, "c": {**entry, "speaker": "2"}})
    [['a', 'b']]
    """
    groups = defaultdict(list)
    for utterance, entry in entries.items():
        key = entry["speaker"], normalised(entry["transcript"])
        groups[key].append(utterance)
    return [
        takes
        for takes in groups.values()
        if len({entries[i]["emotion"] for i in takes}) > 1
    ]


def other_takes(groups, entries, emotions):
    """Picks for each take one in another emotion, which it is swapped with.

    Arguments
    ---------
    groups : list of list of str
        From `parallel_takes`.
    entries : dict
        Utterance id to manifest entry.
    emotions : list of str
        In a circle, the next that a group has is the other one.

    Returns
    -------
    dict
        Utterance id to the other's.

    Example
    -------
    >>> entries = {i: {"emotion": i} for i in ("sad", "angry", "happy")}
    >>> other_takes([list(entries)], entries, ["angry", "happy", "sad"])
    {'sad': 'angry', 'angry': 'happy', 'happy': 'sad'}
    """
    others = {}
    for takes in groups:
        of_emotion = defaultdict(list)
        for utterance in takes:
            of_emotion[entries[utterance]["emotion"]].append(utterance)
        present = [emotion for emotion in emotions if emotion in of_emotion]
        for utterance in takes:
            emotion = entries[utterance]["emotion"]
            place = of_emotion[emotion].index(utterance)
            following = (present.index(emotion) + 1) % len(present)
            choice = of_emotion[present[following]]
            others[utterance] = choice[place % len(choice)]
    return others


def answer_swapped(
    listener, entries, others, path, ask, size, inputs, contents
):
    """Answers takes that have one part from another take.

    Arguments
    ---------
    listener : object
        With `swaps`, and `encode(entries, emotion_of)` besides what every
        listener has.
    entries : dict
        Utterance id to manifest entry.
    others : dict
        From `other_takes`.
    path : str or pathlib.Path
        Where the records go.
    ask : speechbrain_relm.runs.steps.respond.Ask
        How a response is asked for.
    size : int
        Utterances a batch.
    inputs : dict
        What all of them depend on: the system and its prompt.
    contents : dict
        Utterance id to the content of its wav.

    Returns
    -------
    dict
        Utterance id to a record: of each swap, the `response` and whether it
        is `finished`.
    """

    def _encode(swap, own, other):
        if swap == "speech_frames":
            return listener.encode(other, emotion_of=own)
        return listener.encode(own, emotion_of=other)

    def _work(batch_ids):
        own = {i: entries[i] for i in batch_ids}
        # An utterance may be the other of two, so places are the keys.
        other = {f"{i}~": entries[others[i]] for i in batch_ids}
        records = {i: {"id": i, "other": others[i]} for i in batch_ids}
        for swap in listener.swaps:
            heard = _encode(swap, own, other)
            answers = listener.answer(heard, *ask[:2], **ask.settings)
            for utterance, answer in zip(batch_ids, answers):
                records[utterance][swap] = {
                    "response": answer.text,
                    "finished": answer.finished,
                }
        return list(records.values())

    lengths = [entries[i]["duration"] for i in others]
    batches = make_batches(list(others), lengths, size)
    inputs = {**inputs, "swaps": list(listener.swaps)}
    of = {
        i: {"audio": contents[i], "other": [other, contents[other]]}
        for i, other in others.items()
    }
    return work_through(path, batches, _work, inputs, "swaps", of)


def same_words(
    listener,
    judge,
    entries,
    responses,
    folder,
    ask=None,
    size=None,
    inputs=None,
    contents=None,
):
    """Runs the experiment on the parallel takes among some utterances.

    Arguments
    ---------
    listener : object or None
        The system; one that cannot swap only answers, and needs none of the
        last four arguments. `None` is one that is not here.
    judge : speechbrain_relm.evaluation.listening.judge.Judge
        The judge.
    entries : dict
        Utterance id to manifest entry.
    responses : dict
        The system's responses to them, records of the step `respond`.
    folder : str or pathlib.Path
        Receives `likelihoods.jsonl` of all responses, `swaps.jsonl` and
        `swap_likelihoods.jsonl`, which are resumed, and `same_words.json`,
        what is returned.
    ask : speechbrain_relm.runs.steps.respond.Ask
        How a response is asked for.
    size : int
        Utterances a batch.
    inputs : dict
        What all answers depend on: the system and its prompt.
    contents : dict
        Utterance id to the content of its wav.

    Returns
    -------
    dict or None
        `tone_fit`, `content_fit`, `identical_share`, `unweighted_accuracy`,
        `flawed_share` and `empty_share` over the parallel takes, and `swaps`,
        each swap's `follows_own` and `follows_other`, `None` where the system
        has no such part; `None` where no speaker says a sentence in two
        emotions.
    """
    folder, groups = Path(folder), parallel_takes(entries)
    if not groups:
        return None
    judged = judge_responses(
        judge, responses, folder / "likelihoods.jsonl", "likelihoods"
    )
    takes = [utterance for group in groups for utterance in group]
    judged = {i: judged[i] for i in takes}
    own = {i: responses[i] for i in takes}
    figures = listening_figures(fits_of(judged, own), own, judge.emotions)
    others = other_takes(groups, entries, judge.emotions)
    tones = {"both": {i: judged[others[i]]["tone"] for i in takes}}
    if getattr(listener, "swaps", ()):
        records = answer_swapped(
            listener,
            entries,
            others,
            folder / "swaps.jsonl",
            ask,
            size,
            inputs,
            contents,
        )
        swapped = {
            f"{swap} {i}": {**own[i], **record[swap]}
            for i, record in records.items()
            for swap in listener.swaps
        }
        path = folder / "swap_likelihoods.jsonl"
        found = judge_responses(
            judge, swapped, path, "swaps' likelihoods", content=False
        )
        for swap in listener.swaps:
            tones[swap] = {i: found[f"{swap} {i}"]["tone"] for i in takes}
    # The yardstick of all swaps is that of the takes as they are.
    priors = tone_priors(judged, {i: own[i]["emotion"] for i in takes})
    found = {
        "tone_fit": figures["tone_fit"],
        "content_fit": figures["content_fit"],
        "identical_share": identical_share(groups, own),
        "unweighted_accuracy": recognized(own),
        "flawed_share": figures["flawed_share"],
        "empty_share": figures["empty_share"],
        "swaps": {
            swap: followed(tones[swap], priors, others, own)
            if swap in tones
            else None
            for swap in SWAPS
        },
    }
    run_on_main(
        write_figures,
        args=[folder / "same_words.json", found, responses],
        kwargs=judge.settings(),
    )
    return found


def identical_share(groups, responses):
    """Counts pairs of takes that get the same answer.

    Arguments
    ---------
    groups : list of list of str
        From `parallel_takes`.
    responses : dict
        Records with `emotion`, `transcript` and `response`.

    Returns
    -------
    dict
        The figure over pairs of different emotions; white space counts not.

    Example
    -------
    >>> said = {"transcript": "Oh.", "response": "I see."}
    >>> said = {e: {**said, "emotion": e} for e in ("sad", "happy")}
    >>> identical_share([["sad", "happy"]], said)["value"]
    1.0
    """
    values, clusters = [], []
    for takes in groups:
        for one, two in combinations(takes, 2):
            if responses[one]["emotion"] != responses[two]["emotion"]:
                texts = [responses[i]["response"].split() for i in (one, two)]
                values.append(texts[0] == texts[1])
                clusters.append(cluster_of(responses[one]))
    return figure_of(values, clusters)


def recognized(responses):
    """Measures whether the emotion was heard (UA).

    Arguments
    ---------
    responses : dict
        Records with `emotion` and one of `HEARD`.

    Returns
    -------
    dict
        The figure: mean recall of the emotions, by the category head, or by
        likelihood, calibrated if it is, where there is no head.

    Example
    -------
    >>> said = {"transcript": "Oh.", "emotion": "sad", "head_emotion": "sad"}
    >>> recognized({"a": said})["value"]
    1.0
    """
    records = list(responses.values())
    fields = [f for f in HEARD if all(f in record for record in records)]
    if not fields:
        return figure_of([], [])
    return figure_of(
        [record[fields[0]] == record["emotion"] for record in records],
        [cluster_of(record) for record in records],
        [record["emotion"] for record in records],
    )


def followed(tones, priors, others, responses):
    """Tells whose emotion the responses to swapped takes fit.

    Arguments
    ---------
    tones : dict
        Utterance id to the `tone` of the response to it, a part of which came
        from the other take.
    priors : dict
        From `tone_priors`.
    others : dict
        From `other_takes`.
    responses : dict
        Records with `emotion` and `transcript`.

    Returns
    -------
    dict
        `follows_own` and `follows_other`: share of responses that fit the
        emotion of the take itself, and of the other.
    """
    fits = {"follows_own": [], "follows_other": []}
    for utterance, tone in tones.items():
        gains = tone_gains(tone, priors)
        for name, whose in zip(fits, (utterance, others[utterance])):
            fit = share_of_best(gains, responses[whose]["emotion"])
            fits[name].append(fit)
    clusters = [cluster_of(responses[i]) for i in tones]
    return {name: figure_of(values, clusters) for name, values in fits.items()}
