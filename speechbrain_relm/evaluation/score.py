"""Empathy scores of responses by EPITOME (Section II-C).

Authors
 * The speechbrain_relm contributors 2026
"""

from pathlib import Path

from hyperpyyaml import load_hyperpyyaml

from speechbrain_relm.utils.records import make_batches, work_through

# EPITOME's mechanisms, under the paper's names where it has one.
MECHANISMS = {
    "emotional_reactions": "ER",
    "explorations": "Ex",
    "interpretations": "IP",
}


# Of the commands and the page; only YAMLs name the embedded default.
SCORER = Path(__file__).with_name("scorer.yaml")


def scorer_source(given=None):
    """Names the folder of the scorer.

    Arguments
    ---------
    given : str or None
        The user's; `None` is the small one, trained where it is first used.

    Returns
    -------
    str
        Its folder.

    Example
    -------
    >>> scorer_source("my/scorer")
    'my/scorer'
    """
    overrides = {} if given is None else {"scorer_source": given}
    text = SCORER.read_text(encoding="utf-8")
    return load_hyperpyyaml(text, overrides)["scorer_source"]


def score_responses(scorer, responses, path, inputs, batch_size=64):
    """Scores every response to its transcript.

    Arguments
    ---------
    scorer : torch.nn.Module
        `judge(seeker texts, response texts)` gives levels and rationales per
        mechanism, as `speechbrain_relm.lobes.epitome.EmpathyScorer` does.
    responses : dict
        Records with `transcript` and `response`.
    path : str or pathlib.Path
        Where the records go.
    inputs : dict
        What all scores depend on: the scorer.
    batch_size : int
        Responses a batch.

    Returns
    -------
    dict
        Utterance id to a record with ER, Ex and IP, each 0, 1 or 2, and
        `rationales`: the phrases' characters (start, end) for each.

    Example
    -------
    >>> from speechbrain_relm.lobes.epitome import EmpathyScorer
    >>> scorer = EmpathyScorer(getfixture("scorer_folder"))
    >>> responses = {"a": {"transcript": "I fell", "response": ""}}
    >>> path = getfixture("tmp_path") / "scores.jsonl"
    >>> score_responses(scorer, responses, path, {})["a"]["ER"]
    0
    """

    def _work(batch_ids):
        judged = {
            MECHANISMS[mechanism]: judgement
            for mechanism, judgement in scorer.judge(
                [responses[i]["transcript"] for i in batch_ids],
                [responses[i]["response"] for i in batch_ids],
            ).items()
        }
        return [
            {
                "id": utterance,
                **{s: int(judged[s].levels[row]) for s in judged},
                "rationales": {s: judged[s].rationales[row] for s in judged},
            }
            for row, utterance in enumerate(batch_ids)
        ]

    lengths = [len(record["response"]) for record in responses.values()]
    batches = make_batches(list(responses), lengths, batch_size)
    of = {
        i: {"transcript": record["transcript"], "response": record["response"]}
        for i, record in responses.items()
    }
    return work_through(path, batches, _work, inputs, "empathy scores", of)
