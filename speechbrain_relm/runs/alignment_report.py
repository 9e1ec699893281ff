"""What the alignment's measures add up to, and their table.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
from pathlib import Path

from speechbrain_relm.utils.files import write_atomically
from speechbrain_relm.utils.text.cells import markdown_cell

# The measures: name in the files, and in the table.
MEASURES = {
    "kl": "KL per token (nats)",
    "same_first": "same first token",
    "cosine": "cosine of the answers",
}


def summarize(records, encoder):
    """Averages what was measured.

    Arguments
    ---------
    records : dict
        From `measure`.
    encoder : callable
        Texts to embeddings of length 1, as `SentenceEncoder`.

    Returns
    -------
    dict
        `utterances`; `tokens`; `kl`, nats a response token; `same_first`, the
        share of utterances whose speech and transcript have the same
        likeliest first token; `cosine`, mean of the answers' similarity.

    Example
    -------
    >>> import torch
    >>> record = {"kl": 0.5, "tokens": 2, "first": 1, "text_first": 1}
    >>> record.update(answer="Yes.", text_answer="Yes.")
    >>> other = {**record, "kl": 2.0, "tokens": 4, "first": 0}
    >>> figures = summarize(
    ...     {"a": record, "b": other}, lambda texts: torch.ones(len(texts), 1)
    ... )
    >>> figures["kl"], figures["same_first"], figures["cosine"]
    (1.5, 0.5, 1.0)
    """
    records = list(records.values())
    tokens = sum(record["tokens"] for record in records)
    same = sum(record["first"] == record["text_first"] for record in records)
    answers, text_answers = (
        encoder([record[name] for record in records])
        for name in ("answer", "text_answer")
    )
    return {
        "utterances": len(records),
        "tokens": tokens,
        "kl": sum(r["kl"] * r["tokens"] for r in records) / tokens,
        "same_first": same / len(records),
        "cosine": float((answers * text_answers).sum(1).mean()),
    }


def by_chance(records, encoder):
    """Says how alike the text LLM's answers to different sentences are.

    Arguments
    ---------
    records : dict
        From `measure`.
    encoder : callable
        Texts to embeddings of length 1.

    Returns
    -------
    dict
        `same_first` and `cosine` of each distinct transcript's answer and
        another one's; empty if there is only one.

    Example
    -------
    >>> by_chance({"a": {"transcript": "Yes"}}, None)
    {}
    """
    distinct = {r["transcript"]: r for r in records.values()}
    first = [distinct[transcript] for transcript in sorted(distinct)]
    if len(first) < 2:
        return {}
    other = first[1:] + first[:1]
    same = sum(a["text_first"] == b["text_first"] for a, b in zip(first, other))
    embedded = encoder([record["text_answer"] for record in first])
    return {
        "same_first": same / len(first),
        "cosine": float((embedded * embedded.roll(-1, 0)).sum(1).mean()),
    }


def write_report(folder, title, figures, aligned):
    """Writes `alignment.json` and `table.md`.

    Arguments
    ---------
    folder : str or pathlib.Path
        Where they go.
    title : str
        Heading.
    figures : dict
        Set of utterances to "before", "after" and "chance" to figures.
    aligned : str or pathlib.Path
        The folder for `init_from`.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> after = {"utterances": 2, "kl": 0.5, "same_first": 1, "cosine": 0.75}
    >>> figures = {"test": {"after": after, "chance": {"cosine": 0.25}}}
    >>> write_report(folder, "Alignment", figures, "aligned")
    >>> print((folder / "table.md").read_text("utf-8").splitlines()[4])
    | test | 2 | after | 0.500 | 1.000 | 0.750 |
    """
    folder = Path(folder)
    lines = [
        f"# {markdown_cell(title)}",
        "",
        f"| speech | utterances | | {' | '.join(MEASURES.values())} |",
        "| --- " * (len(MEASURES) + 3) + "|",
    ]
    for name, found in figures.items():
        for when, values in found.items():
            count = values.get("utterances", "")
            cells = [
                f"{values[key]:.3f}" if key in values else "—"
                for key in MEASURES
            ]
            lines.append(f"| {name} | {count} | {when} | {' | '.join(cells)} |")
    lines += [
        "",
        "KL is that of the speech LLM from the text LLM (T = 1) over the text "
        "LLM's greedy answer. Its greedy answer to the transcript and the one "
        "to the speech are compared by their first token and by the cosine of "
        "their sentence embeddings; by chance: the answers to two different "
        "sentences.",
        "",
        f"The aligned adapter, for init_from: {markdown_cell(str(aligned))}",
    ]
    write_atomically(folder / "alignment.json", json.dumps(figures, indent=2))
    write_atomically(folder / "table.md", "\n".join(lines) + "\n")
