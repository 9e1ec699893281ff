"""What is wrong with responses: the detectors of every report.

Authors
 * The speechbrain_relm contributors 2026
"""

import re
from collections import Counter
from difflib import SequenceMatcher

from speechbrain_relm.evaluation.wording import straight, words_of

# An answer with one of these is a refusal, and no example to learn from.
REFUSAL = re.compile(
    r"\bas an ai\b|\bi('| a)m an ai\b|i'm sorry, but i|i'm not sure what you"
)
# A letter: salutation or ending on a line of its own, or a blank to fill in.
LETTER = re.compile(
    r"(^|\n)\W*dear (?!me\b|god\b|lord\b)[^.!?\n]{1,40}(,|:|\n|$)|"
    r"(^|\n)\W*subject:|"
    r"\[(your |my |recipient|insert |name)[^\]\n]{0,30}\]|\[name\]|"
    r"\b(message|letter|e-?mail|note) finds you\b|"
    r"(^|[\n.!?])\s*(yours )?(sincerely|truly|faithfully)( yours)?\s*(,|\n|$)|"
    r"\b(best|kind|warm|warmest|kindest) regards\b"
)
# A response loops if one sequence of so many words comes so often.
LOOP_WORDS, LOOP_TIMES = 4, 3
# An echo says this share of the words that it heard in one run; fewer words
# than these may be taken up by chance.
ECHO_SHARE, ECHO_WORDS = 0.8, 3
# What a whole sentence ends with, besides a quote.
ENDS = ".!?…。！？"
# Flaws for which an answer counts as flawed. An empty one is counted apart.
FLAWS = ("letter", "refused", "looping", "cut", "echo")


def is_refusal(response):
    """Tells whether the LLM refused to answer, or said nothing.

    Arguments
    ---------
    response : str
        Its answer.

    Returns
    -------
    bool
        True if it should not be learned.

    Example
    -------
    >>> is_refusal("As an AI language model, I cannot feel.")
    True
    >>> is_refusal("I’m sorry, but I can't help."), is_refusal("")
    (True, True)
    >>> is_refusal("and I could not stop smiling.")
    False
    """
    lowered = straight(response).strip().lower()
    return not lowered or bool(REFUSAL.search(lowered))


def is_letter(response):
    """Tells whether a response is written as a letter.

    Arguments
    ---------
    response : str
        The response.

    Returns
    -------
    bool
        Whether it greets, ends or leaves a blank as letters do.

    Example
    -------
    >>> is_letter("Dear Emily, I hope you are well.")
    True
    >>> is_letter("Oh dear, I sincerely hope that it ends well.")
    False
    """
    return bool(LETTER.search(straight(response).strip().lower()))


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


def is_cut(response, finished=True):
    """Tells whether a response stops in the middle of a sentence.

    Arguments
    ---------
    response : str
        The response.
    finished : bool
        Whether the LLM ended it by itself.

    Returns
    -------
    bool
        Whether it did not, or the last sentence has no end.

    Example
    -------
    >>> is_cut("I am so"), is_cut("Why?"), is_cut("He said, “go”")
    (True, False, False)
    """
    text = straight(response).rstrip(" \n\t)]*_")
    return not finished or not text.endswith((*ENDS, '"', "'"))


def is_echo(response, transcript):
    """Tells whether a response says again what it heard.

    Arguments
    ---------
    response : str
        The response.
    transcript : str
        What it heard.

    Returns
    -------
    bool
        Whether four fifths of the words heard stand in it in one run, if
        there are three or more.

    Example
    -------
    >>> is_echo("You left your keys on the table.", "I left my keys.")
    False
    >>> is_echo("“I left my keys” is sad.", "I left my keys.")
    True
    """
    said, heard = words_of(response), words_of(transcript)
    if len(heard) < ECHO_WORDS:
        return False
    matcher = SequenceMatcher(None, heard, said, autojunk=False)
    run = matcher.find_longest_match(0, len(heard), 0, len(said)).size
    return run >= ECHO_SHARE * len(heard)


def flaws_of(record):
    """Finds what is wrong with one response.

    Arguments
    ---------
    record : dict
        With `response`, and `transcript` and `finished` if they are known.

    Returns
    -------
    list of str
        Some of `FLAWS`; only "empty" for a response that says nothing.

    Example
    -------
    >>> flaws_of({"response": "Dear Tom, I am"})
    ['letter', 'cut']
    >>> flaws_of({"response": " "}), flaws_of({"response": "Why?"})
    (['empty'], [])
    """
    response = record["response"]
    if not response.strip():
        return ["empty"]
    found = {
        "letter": is_letter(response),
        "refused": is_refusal(response),
        "looping": is_looping(response),
        "cut": is_cut(response, record.get("finished", True)),
        "echo": is_echo(response, record.get("transcript") or ""),
    }
    return [flaw for flaw in FLAWS if found[flaw]]


def flaws(responses):
    """Counts what is wrong with responses.

    Arguments
    ---------
    responses : list of dict
        Records; see `flaws_of`.

    Returns
    -------
    dict
        Shares, 0..1, of `empty`, `looping`, `truncated` (by the token limit),
        `refused`, `letter`, `cut` (in a sentence, whatever cut it) and `echo`
        responses, and of `flawed` ones, which have one of `FLAWS` or more.

    Example
    -------
    >>> flaws([{"response": "", "finished": True}])["empty"]
    1.0
    >>> flaws([{"response": "Dear Tom, I am"}, {"response": "Why?"}])["flawed"]
    0.5
    """
    found = [set(flaws_of(record)) for record in responses]
    kinds = ("empty", "looping", "truncated", "refused", "letter", "cut")
    counts = {
        kind: sum(kind in flaws for flaws in found) for kind in (*kinds, "echo")
    }
    counts["truncated"] = sum(not r.get("finished", True) for r in responses)
    counts["flawed"] = sum(bool(flaws & set(FLAWS)) for flaws in found)
    return {kind: count / len(responses) for kind, count in counts.items()}
