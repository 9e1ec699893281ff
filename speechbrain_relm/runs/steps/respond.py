"""Responses to the test speech, and what emotion was heard in it.

An utterance is heard once; what was heard goes to the response prompt, the
recognition prompt (Section II-C) and the emotion heads.

Authors
 * The speechbrain_relm contributors 2026
"""

from typing import NamedTuple

from speechbrain_relm.runs.emotion.answers import parse_emotion
from speechbrain_relm.runs.emotion.lexicon import options_of, read_lexicon
from speechbrain_relm.runs.emotion.likelihoods import (
    SENTENCE,
    EmotionLikelihoods,
)
from speechbrain_relm.runs.provenance.data_inputs import record_inputs
from speechbrain_relm.utils.dimensions import DIMENSIONS
from speechbrain_relm.utils.records import make_batches, work_through


class Ask(NamedTuple):
    """A question to every utterance: prompt and generation settings.

    The settings may hold `examples`, turns that stand before the question.
    """

    system: str
    instruction: str
    settings: dict

    def plain(self):
        """Leaves out settings that say nothing.

        Returns
        -------
        Ask
            The question without settings that are `None`.

        Example
        -------
        >>> Ask("", "", {"max_new_tokens": 8, "sentences": None}).plain()[2]
        {'max_new_tokens': 8}
        """
        said = {k: v for k, v in self.settings.items() if v is not None}
        if not said.get("examples", True):
            del said["examples"]
        return self._replace(settings=said)

    def apart(self):
        """Takes the example turns out of the settings.

        Returns
        -------
        examples : list
            Example turns, [user sentence, reply] each.
        settings : dict
            Generation settings.

        Example
        -------
        >>> Ask("", "", {"max_new_tokens": 8}).apart()
        ([], {'max_new_tokens': 8})
        """
        settings = dict(self.settings)
        return list(settings.pop("examples", ())), settings


def respond(
    listener,
    entries,
    path,
    inputs,
    contents,
    emotions,
    response,
    recognition,
    size,
    sentence=SENTENCE,
    lexicon=None,
):
    """Answers test utterances and recognizes their emotion.

    Arguments
    ---------
    listener : speechbrain_relm.runs.listeners.SpeechListener
        Or any other listener.
    entries : dict
        Manifest entries.
    path : str or pathlib.Path
        Where the records go.
    inputs : dict
        What all responses depend on: the system and its prompts.
    contents : dict
        Utterance id to the content of its wav.
    emotions : list of str
        The classes, in the order of the category head.
    response : Ask
        How a response is asked for.
    recognition : Ask
        How the emotion is asked for.
    size : int
        Utterances a batch.
    sentence : str
        The answer whose likelihood is calibrated, with "{emotion}".
    lexicon : str or None
        A YAML of the words of classes; see `emotion.lexicon.read_lexicon`.

    Returns
    -------
    dict
        Utterance id to a record: `transcript`, `emotion`, `response`,
        `finished`, `ser_answer` and `ser_emotion` (by prompt),
        `likelihood_emotion` (the label likeliest after the prompt) and
        `calibrated_emotion` (see `emotion.likelihoods`), from a listener that
        knows likelihoods; `cluster`, which
        counts as one in intervals and tests, where the manifest has it;
        `heard` where Whisper transcribed it; `labels`, arousal, dominance and
        valence where the corpus has them; and, from a system with emotion
        heads, `head_emotion`, `head_probabilities` and the dimension head's
        arousal, dominance and valence.
    """
    likelihoods = EmotionLikelihoods(
        listener, *recognition[:2], emotions, sentence
    )
    # Section II-C's question offers surprise, which is none of the four classes
    # of Eq. 7: such an answer is wrong.
    options = options_of(emotions, recognition.instruction, lexicon)

    def _work(batch_ids):
        batch = {i: entries[i] for i in batch_ids}
        heard = listener.encode(batch)
        responses = listener.answer(heard, *response[:2], **response.settings)
        answers = listener.answer(
            heard, *recognition[:2], **recognition.settings
        )
        likeliest, calibrated = (
            rated if rated is None else rated.argmax(1).tolist()
            for rated in likelihoods(heard)
        )
        probabilities, attributes = listener.heads(heard)
        records = []
        for row, (utterance, entry) in enumerate(batch.items()):
            record = {
                "id": utterance,
                "transcript": entry["transcript"],
                "emotion": entry["emotion"],
                "response": responses[row].text,
                "finished": responses[row].finished,
                "ser_answer": answers[row].text,
                "ser_emotion": parse_emotion(
                    answers[row].text, options, lexicon
                ),
            }
            if likeliest is not None:
                record["likelihood_emotion"] = emotions[likeliest[row]]
            if calibrated is not None:
                record["calibrated_emotion"] = emotions[calibrated[row]]
            for field in ("cluster", "heard"):
                if field in entry:
                    record[field] = entry[field]
            if entry["arousal"] is not None:
                record["labels"] = {d: entry[d] for d in DIMENSIONS}
            if probabilities is not None:
                of_row = probabilities[row].tolist()
                record["head_emotion"] = emotions[of_row.index(max(of_row))]
                record["head_probabilities"] = dict(zip(emotions, of_row))
                record.update(zip(DIMENSIONS, attributes[row].tolist()))
            records.append(record)
        return records

    lengths = [entry["duration"] for entry in entries.values()]
    batches = make_batches(list(entries), lengths, size)
    inputs = {**inputs, "recognition_lexicon": read_lexicon(lexicon)}
    of = record_inputs("respond", entries, contents)
    return work_through(path, batches, _work, inputs, "responses", of)
