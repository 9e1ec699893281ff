"""What counts as one in intervals and tests: a sentence, a dialogue, a speaker.

Authors
 * The speechbrain_relm contributors 2026
"""

from speechbrain_relm.utils.text.cells import markdown_cell
from speechbrain_relm.utils.text.wording import normalised


def cluster_of(record):
    """Says with which other responses one is alike.

    Arguments
    ---------
    record : dict
        Of `responses.jsonl`.

    Returns
    -------
    str
        Its manifest's `cluster`; its sentence where there is none.

    Example
    -------
    >>> cluster_of({"transcript": "I'm late!"})
    "i'm late"
    >>> cluster_of({"transcript": "I'm late!", "cluster": "Ses01_impro01"})
    'Ses01_impro01'
    """
    if _is_bare(record):
        return normalised(record.get("transcript", ""))
    return str(record["cluster"])


def clusters_of(responses):
    """Says what each response is drawn with.

    Arguments
    ---------
    responses : dict
        Key to record.

    Returns
    -------
    dict
        Key to cluster; an utterance without cluster and words is one of its
        own.

    Example
    -------
    >>> clusters_of({"a": {"transcript": "Oh!"}, "b": {}})
    {'a': 'oh', 'b': 'b'}
    """
    return {
        key: cluster_of(record) or record.get("id", key)
        for key, record in responses.items()
    }


def _is_bare(record):
    """Tells whether a response names no cluster."""
    return record.get("cluster") in (None, "")


def describe_clusters(runs):
    """Says what intervals and tests of a table draw.

    Arguments
    ---------
    runs : list of Run
        The runs of one table.

    Returns
    -------
    list of str
        Items of a Markdown list.

    Example
    -------
    >>> from speechbrain_relm.evaluation.runs import Run
    >>> said = {"a": {"transcript": "Oh."}, "b": {"transcript": "Oh!"}}
    >>> describe_clusters([Run("A", said, {})])[1]
    '- A: 2 responses in 1 cluster. Its responses name no cluster (they were...
    """
    lines = [
        "- Responses to one sentence, or in one dialogue, are alike. So the "
        "intervals draw clusters, and p is that of a test that flips the "
        "signs of clusters' sums, by Holm's correction over the table, as are "
        "the stars. The paper's own test, Wilcoxon's over responses, stands "
        "below for comparison: it takes each response for independent."
    ]
    for run in runs:
        records = list(run.responses.values())
        number = len(set(clusters_of(run.responses).values()))
        said = (
            f"- {markdown_cell(run.name)}: {len(records)} responses in {number} "
            f"cluster{'s' * (number != 1)}."
        )
        bare = sum(map(_is_bare, records))
        if bare:
            which = "Its" if bare == len(records) else f"{bare} of its"
            said += (
                f" {which} responses name no cluster (they were made before "
                "manifests did, or come from elsewhere): each sentence is one."
            )
        lines.append(said)
    return lines
