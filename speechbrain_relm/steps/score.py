"""Empathy scores of responses by EPITOME (Section II-C).

Authors
 * The speechbrain_relm contributors 2026
"""

from speechbrain_relm.records import make_batches, work_through

# EPITOME's mechanisms, under the paper's names where it has one.
MECHANISMS = {
    "emotional_reactions": "ER",
    "explorations": "Ex",
    "interpretations": "IP",
}


def score_responses(scorer, responses, path, settings, batch_size=64):
    """Scores every response to its transcript.

    Arguments
    ---------
    scorer : torch.nn.Module
        `score(seeker texts, response texts)` gives a level per mechanism,
        as `speechbrain_relm.lobes.epitome.EmpathyScorer` does.
    responses : dict
        Records with `transcript` and `response`.
    path : str or pathlib.Path
        Where the records go.
    settings : dict
        What the scores depend on: the scorer, the responses' checkpoint.
    batch_size : int
        Responses a batch.

    Returns
    -------
    dict
        Utterance id to a record with ER, Ex and IP, each 0, 1 or 2.

    Example
    -------
    >>> class Polite:
    ...     def score(self, seekers, responses):
    ...         return {
    ...             m: [2 * ("sorry" in r) for r in responses]
    ...             for m in MECHANISMS
    ...         }
    >>> responses = {"a": {"transcript": "I fell", "response": "I'm sorry!"}}
    >>> path = getfixture("tmp_path") / "scores.jsonl"
    >>> score_responses(Polite(), responses, path, {})
    {'a': {'id': 'a', 'ER': 2, 'Ex': 2, 'IP': 2}}
    """

    def work(batch_ids):
        levels = scorer.score(
            [responses[i]["transcript"] for i in batch_ids],
            [responses[i]["response"] for i in batch_ids],
        )
        return [
            {
                "id": utterance,
                **{
                    short: int(levels[mechanism][row])
                    for mechanism, short in MECHANISMS.items()
                    if mechanism in levels
                },
            }
            for row, utterance in enumerate(batch_ids)
        ]

    lengths = [len(record["response"]) for record in responses.values()]
    batches = make_batches(list(responses), lengths, batch_size)
    return work_through(path, batches, work, settings, "empathy scores")
