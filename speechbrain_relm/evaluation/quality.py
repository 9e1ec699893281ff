"""What is wrong with responses, and how long they are.

Authors
 * The speechbrain_relm contributors 2026
"""

from collections import Counter

from speechbrain_relm.steps.expected_responses import is_refusal

# A response loops if one sequence of so many words comes so often.
LOOP_WORDS, LOOP_TIMES = 4, 3


def is_looping(response):
    """Tells whether a response repeats itself.

    Arguments
    ---------
    response : str
        The response.

    Returns
    -------
    bool
        Whether four words in a row come three times or more.

    Example
    -------
    >>> is_looping("I am so sorry. " * 3), is_looping("I am so sorry.")
    (True, False)
    """
    words = response.lower().split()
    runs = zip(*(words[i:] for i in range(LOOP_WORDS)))
    return max(Counter(runs).values(), default=0) >= LOOP_TIMES


def flaws(responses):
    """Counts what is wrong with responses.

    Arguments
    ---------
    responses : list of dict
        Records with `response`, and `finished` if that is known.

    Returns
    -------
    dict
        Shares, 0..1, of `empty`, `looping`, `truncated` (cut by the token
        limit) and `refused` responses.

    Example
    -------
    >>> flaws([{"response": "", "finished": True}])["empty"]
    1.0
    """
    count = len(responses)
    texts = [record["response"] for record in responses]
    return {
        "empty": sum(not text.strip() for text in texts) / count,
        "looping": sum(map(is_looping, texts)) / count,
        "truncated": sum(not r.get("finished", True) for r in responses)
        / count,
        "refused": sum(
            bool(text.strip()) and is_refusal(text) for text in texts
        )
        / count,
    }
