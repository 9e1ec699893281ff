"""Responses side by side, as in Table II, with what earned their scores.

Authors
 * The speechbrain_relm contributors 2026
"""

from collections import Counter

from speechbrain_relm.utils.text.cells import markdown_cell

# Reactions in bold, as in the paper; questions in italics, for its red.
MARKS = {"ER": "**", "Ex": "_"}
# On the pages, which have room.
EXAMPLES_PER_EMOTION = 3


def mark(response, spans):
    """Marks the phrases of a response that show a mechanism.

    Arguments
    ---------
    response : str
        The response.
    spans : dict
        Score to its phrases' characters (start, end). Where two scores
        share characters, the first keeps them.

    Returns
    -------
    str
        Markdown, reactions bold and questions in italics.

    Example
    -------
    >>> mark("I'm sorry. What happened?", {"ER": [[0, 10]], "Ex": [[11, 25]]})
    "**I'm sorry.** _What happened?_"
    """
    pieces = []
    for piece, of in segments(response, spans):
        inner = markdown_cell(piece.strip())
        if of is not None and inner:
            inner = f"{MARKS[of]}{inner}{MARKS[of]}"
        before = piece[:1].isspace()
        after = bool(inner) and piece[-1:].isspace()
        pieces.append(" " * before + inner + " " * after)
    return "".join(pieces)


def segments(response, spans):
    """Cuts a response where its marks change.

    Arguments
    ---------
    response : str
        The response.
    spans : dict
        See `mark`.

    Returns
    -------
    list of tuple
        Pieces, and the score that each earned, or `None`.

    Example
    -------
    >>> segments("I'm sorry. Why?", {"ER": [[0, 10]]})
    [("I'm sorry.", 'ER'), (' Why?', None)]
    """
    owner = [None] * len(response)
    for score in reversed(MARKS):
        for start, end in spans.get(score, []):
            owner[start:end] = [score] * (min(end, len(response)) - start)
    pieces, start = [], 0
    for end in range(1, len(response) + 1):
        if end == len(response) or owner[end] != owner[start]:
            pieces.append((response[start:end], owner[start]))
            start = end
    return pieces


def chosen(run, per_emotion=1):
    """Chooses the utterances that stand for each emotion.

    Arguments
    ---------
    run : Run
        A system on a test set.
    per_emotion : int
        Utterances of each emotion.

    Returns
    -------
    list of str
        Utterance ids, the first of each emotion.

    Example
    -------
    >>> from speechbrain_relm.evaluation.runs import Run
    >>> chosen(Run("A", {"a": {"emotion": "sad"}, "b": {"emotion": "sad"}}, {}))
    ['a']
    """
    found, shown = [], Counter()
    for utterance, record in run.responses.items():
        emotion = record.get("emotion", "")
        shown[emotion] += 1
        if shown[emotion] <= per_emotion:
            found.append(utterance)
    return found


def example_rows(runs, per_emotion=1):
    """Shows what each system answers to the same utterances.

    Arguments
    ---------
    runs : list of Run
        Systems on one test set.
    per_emotion : int
        Utterances of each emotion.

    Returns
    -------
    list of str
        Lines of a Markdown table.

    Example
    -------
    >>> from speechbrain_relm.evaluation.runs import Run
    >>> response = {"emotion": "sad", "transcript": "I fell.", "response": "Oh"}
    >>> run = Run("A", {"a": response}, {"a": {"ER": 0, "Ex": 0}})
    >>> print(example_rows([run])[-1])
    | sad | I fell. | A | Oh | 0 | 0 |
    """
    lines = [
        "| label | transcript | system | response | Ex | ER |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for utterance in chosen(runs[0], per_emotion):
        record = runs[0].responses[utterance]
        emotion = record.get("emotion", "")
        for run in runs:
            if utterance not in run.responses:
                continue
            scores = run.scores[utterance]
            response = mark(
                run.responses[utterance]["response"],
                scores.get("rationales", {}),
            )
            lines.append(
                f"| {markdown_cell(emotion)} | "
                f"{markdown_cell(record.get('transcript', ''))} | "
                f"{markdown_cell(run.name)} | {response} | "
                f"{scores.get('Ex', '—')} | {scores.get('ER', '—')} |"
            )
    return lines
