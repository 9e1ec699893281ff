"""A text LLM as the judge of responses, by how likely it finds them.

Authors
 * The speechbrain_relm contributors 2026
"""

import random
from collections import defaultdict
from typing import NamedTuple

from speechbrain_relm.lobes.parts.chat_template import Answer
from speechbrain_relm.model.likelihood import log_likelihoods
from speechbrain_relm.utils.records import make_batches, work_through
from speechbrain_relm.utils.sources.base_models import source_content
from speechbrain_relm.utils.text.wording import normalised

# Sentences that a response's own one is among (content fit).
SENTENCES = 4
SEED = 1  # of the sentences that are compared, where no YAML says
# What is judged of a record.
JUDGED = ("transcript", "emotion", "response", "finished")


class Judge(NamedTuple):
    """The text LLM, which is asked as in Step 1 of the paper.

    `llm`, a `ChatLLM`, bare or adapted, and its `device`; `source`, where it
    comes from; `system` and `instruction` (with "{emotion}"), and `examples`,
    emotion to example turns that stand before; `emotions`, the corpus's;
    `batch_size`; `seed` of the sentences that are compared.
    """

    llm: object
    device: object
    source: str
    system: str
    instruction: str
    examples: dict
    emotions: list
    batch_size: int
    seed: int

    def settings(self):
        """Lists what its judgements depend on.

        Returns
        -------
        dict
            Of JSON's types.
        """
        named = ("system", "instruction", "examples", "emotions")
        weights = next(self.llm.parameters())
        return {
            "judge": source_content(self.source),
            "judge_dtype": weights.dtype,
            "judge_bits": getattr(self.llm, "bits", None),
            **{name: getattr(self, name) for name in named},
        }

    def likelihoods(self, asked):
        """Scores responses, each under one emotion and transcript.

        Arguments
        ---------
        asked : list of tuple
            (emotion, transcript, Answer) each.

        Returns
        -------
        list of float
            Log-probabilities of the whole responses.
        """
        rows = defaultdict(list)
        for row, (emotion, _, _) in enumerate(asked):
            rows[emotion].append(row)
        found = [0.0] * len(asked)
        for emotion, chosen in rows.items():
            start = self.instruction.format(emotion=emotion)
            values = log_likelihoods(
                self.llm,
                self.system,
                self.examples.get(emotion, []),
                [start + asked[row][1] for row in chosen],
                [asked[row][2] for row in chosen],
                self.device,
                self.batch_size,
                start,
            )
            for row, value in zip(chosen, values.tolist()):
                found[row] = value
        return found


def rival_sentences(responses, seed, count=SENTENCES):
    """Lists for each sentence the ones that it is compared with.

    Arguments
    ---------
    responses : dict
        Records with `emotion` and `transcript`.
    seed : int
        Of the circular order of an emotion's sentences.
    count : int
        Sentences, its own among them; fewer where an emotion has no more.

    Returns
    -------
    dict
        (emotion, normalised transcript) to transcripts, its own first, then
        the next ones of that order.

    Example
    -------
    >>> said = {t: {"emotion": "sad", "transcript": t} for t in "abcde"}
    >>> rivals = rival_sentences(said, seed=1)
    >>> rivals["sad", "a"], rivals["sad", "c"]
    (['a', 'b', 'd', 'c'], ['c', 'e', 'a', 'b'])
    """
    spellings = defaultdict(dict)
    for record in sorted(responses.values(), key=lambda r: r["transcript"]):
        sentences = spellings[record["emotion"]]
        sentences.setdefault(
            normalised(record["transcript"]), record["transcript"]
        )
    found = {}
    for emotion, sentences in spellings.items():
        order = sorted(sentences)
        random.Random(f"{seed} {emotion}").shuffle(order)
        for place, sentence in enumerate(order):
            turned = [*order[place:], *order[:place]][:count]
            found[emotion, sentence] = [sentences[s] for s in turned]
    return found


def judge_responses(judge, responses, path, title, content=True):
    """Scores responses under each emotion and the sentences compared.

    What is the same is scored once, so that equal responses to one
    transcript have equal scores to the last bit.

    Arguments
    ---------
    judge : Judge
        The judge.
    responses : dict
        Utterance id to a record with `transcript`, `emotion`, `response` and
        `finished`.
    path : str or pathlib.Path
        Where the records go.
    title : str
        Name of the progress bar.
    content : bool
        Whether other sentences are asked about too.

    Returns
    -------
    dict
        Utterance id to a record with `tone`, emotion to log-probability of
        the response, and `content`, transcript to the same, its own first.
    """
    rivals = rival_sentences(responses, judge.seed)
    groups = defaultdict(list)
    for utterance, record in responses.items():
        said = record["transcript"], record["response"], record["finished"]
        groups[said].append(utterance)
    members = {ids[0]: ids for ids in groups.values()}
    first_of = {i: ids[0] for ids in groups.values() for i in ids}

    def compared(utterance):
        """Lists the sentences that an utterance's own is compared with."""
        record = responses[utterance]
        key = record["emotion"], normalised(record["transcript"])
        return rivals[key][1:] if content else []

    def questions(first):
        """Lists (emotion, transcript) pairs to ask of a group's response."""
        transcript = responses[first]["transcript"]
        pairs = [(emotion, transcript) for emotion in judge.emotions]
        for i in members[first]:
            emotion = responses[i]["emotion"]
            pairs += [(emotion, other) for other in compared(i)]
        return list(dict.fromkeys(pairs))

    def _work(batch_ids):
        asked, places = [], []
        for first in dict.fromkeys(first_of[i] for i in batch_ids):
            said = Answer(
                responses[first]["response"], responses[first]["finished"]
            )
            for emotion, transcript in questions(first):
                asked.append((emotion, transcript, said))
                places.append((first, emotion, transcript))
        found = dict(zip(places, judge.likelihoods(asked)))
        records = []
        for utterance in batch_ids:
            record = responses[utterance]
            emotion, own = record["emotion"], record["transcript"]
            first = first_of[utterance]
            judged = {
                "id": utterance,
                "tone": {e: found[first, e, own] for e in judge.emotions},
            }
            if content:
                judged["content"] = {
                    transcript: found[first, emotion, transcript]
                    for transcript in [own, *compared(utterance)]
                }
            records.append(judged)
        return records

    lengths = [len(responses[i]["response"]) for i in members]
    batches = [
        [member for first in batch for member in members[first]]
        for batch in make_batches(list(members), lengths, judge.batch_size)
    ]
    inputs = {**judge.settings(), "content": content}
    of = {
        i: {**{f: record[f] for f in JUDGED}, "compared": compared(i)}
        for i, record in responses.items()
    }
    return work_through(path, batches, _work, inputs, title, of)
