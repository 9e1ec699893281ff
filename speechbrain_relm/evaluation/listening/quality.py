"""What is wrong with responses: the detectors of every report.

Authors
 * The speechbrain_relm contributors 2026
"""

import re
import unicodedata
from collections import Counter
from difflib import SequenceMatcher

from speechbrain_relm.evaluation.listening.phrases import LETTER, REFUSAL, ROLE
from speechbrain_relm.utils.text.wording import spoken_words, straight, words_of

# A response loops if one sequence of so many words comes so often...
LOOP_WORDS, LOOP_TIMES = 4, 3
# ...or a shorter one as often in a row: "No, no, no!" is none.
IN_A_ROW = {1: 5, 2: 4}
# An echo says this share of the words that it heard in one run; fewer words
# than these may be taken up by chance.
ECHO_SHARE, ECHO_WORDS = 0.8, 3
# What a whole sentence ends with, besides a quote.
ENDS = ".!?…。！？"
# Kinds of characters that are pictures, and the tints of their skin.
PICTURE = ("So", "Sk")
# A smile behind the last sentence, or in place of its stop.
SMILE = re.compile(r"(?:^|\s)[:;]-?[()DP]+$")
# Flaws for which an answer counts as flawed. An empty one is counted apart.
FLAWS = ("letter", "refused", "looping", "role", "cut", "echo")


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
    plain = _plain(response)
    return not plain or bool(REFUSAL.search(plain))


def _plain(response):
    """Writes a response as the phrases are searched in it."""
    return straight(response).strip().lower()


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
    return bool(LETTER.search(_plain(response)))


def leaves_its_part(response):
    """Tells whether a response does not speak to the user as itself.

    Arguments
    ---------
    response : str
        The response.

    Returns
    -------
    bool
        Whether it writes turns of a dialogue, speaks about the user or the
        task, or shows marks of the prompt.

    Example
    -------
    >>> leaves_its_part("User: Oh!"), leaves_its_part("The speaker is sad.")
    (True, True)
    >>> leaves_its_part("Here is to you!")
    False
    """
    return bool(ROLE.search(_plain(response)))


def is_looping(response):
    """Tells whether a response repeats itself.

    Arguments
    ---------
    response : str
        The response.

    Returns
    -------
    bool
        Whether four words in a row come three times or more, or it says the
        same three times in a row (two words four times, one five times).

    Example
    -------
    >>> is_looping("I'm so sorry. " * 3), is_looping("I'm so sorry.")
    (True, False)
    """
    words = words_of(response)
    runs = zip(*(words[i:] for i in range(LOOP_WORDS)))
    if max(Counter(runs).values(), default=0) >= LOOP_TIMES:
        return True
    return any(
        _times_in_a_row(words, size) >= IN_A_ROW.get(size, LOOP_TIMES)
        for size in range(1, LOOP_WORDS)
    )


def _times_in_a_row(words, size):
    """Counts how often a sequence of so many words repeats at once."""
    longest = run = 0
    for place in range(size, len(words)):
        run = run + 1 if words[place] == words[place - size] else 0
        longest = max(longest, run)
    return longest // size + 1


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
        Whether it did not, or the last sentence has no end. A picture or a
        smile ends one.

    Example
    -------
    >>> is_cut("I am so"), is_cut("Why?"), is_cut("He said, “go”")
    (True, False, False)
    """
    text = straight(response).rstrip(" \n\t*_\ufe0f")
    if SMILE.search(text) or unicodedata.category(text[-1:] or " ") in PICTURE:
        return not finished
    return not finished or not text.rstrip(" )]*_").endswith((*ENDS, '"', "'"))


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
        Whether four fifths of the words heard stand in it in one run, or in
        their order with little else; of fewer than three words, whether it
        says nothing but them.

    Example
    -------
    >>> is_echo("You left your keys on the table.", "I left my keys.")
    False
    >>> is_echo("“I left my keys” is sad.", "I left my keys.")
    True
    """
    said, heard = spoken_words(response), spoken_words(transcript)
    if len(heard) < ECHO_WORDS:
        return bool(heard) and said == heard
    matcher = SequenceMatcher(None, heard, said, autojunk=False)
    runs = [block.size for block in matcher.get_matching_blocks()]
    return max(runs) >= ECHO_SHARE * len(heard) or (
        sum(runs) >= ECHO_SHARE * max(len(heard), len(said))
    )


def flaws_of(record):
    """Finds what is wrong with one response.

    Arguments
    ---------
    record : dict
        With `response`, and `transcript` and `finished` if they are known.

    Returns
    -------
    list of str
        Some of `FLAWS`; only "empty" for a response without a word, be it
        the "!!!!" of an LLM whose numbers ran over.

    Example
    -------
    >>> flaws_of({"response": "Dear Tom, I am"})
    ['letter', 'cut']
    >>> flaws_of({"response": " "}), flaws_of({"response": "Why?"})
    (['empty'], [])
    """
    response = record["response"]
    if not words_of(response):
        return ["empty"]
    found = {
        "letter": is_letter(response),
        "refused": is_refusal(response),
        "looping": is_looping(response),
        "role": leaves_its_part(response),
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
        `refused`, `letter`, `role`, `cut` (in a sentence, whatever cut it)
        and `echo` responses, and of `flawed` ones, which have one of `FLAWS`
        or more.

    Example
    -------
    >>> flaws([{"response": "", "finished": True}])["empty"]
    1.0
    >>> flaws([{"response": "Dear Tom, I am"}, {"response": "Why?"}])["flawed"]
    0.5
    """
    found = [set(flaws_of(record)) for record in responses]
    kinds = "empty looping truncated refused letter role cut echo".split()
    counts = {kind: sum(kind in flaws for flaws in found) for kind in kinds}
    counts["truncated"] = sum(not r.get("finished", True) for r in responses)
    counts["flawed"] = sum(bool(flaws & set(FLAWS)) for flaws in found)
    return {kind: count / len(responses) for kind, count in counts.items()}


def detection(rows):
    """Measures the detectors on responses whose flaws are known.

    Arguments
    ---------
    rows : list of dict
        With `response`, `transcript` and `flaws`, names separated by spaces.

    Returns
    -------
    dict
        Flaw to `precision`, `recall` (`None` where nothing was found, or is
        to be found) and `n`, the responses that have it; without "cut",
        which the end of a response decides.

    Example
    -------
    >>> row = {"response": "Dear Tom, hi.", "transcript": "", "flaws": ""}
    >>> detection([row, {**row, "flaws": "letter"}])["letter"]
    {'precision': 0.5, 'recall': 1.0, 'n': 1}
    """
    told = [set(flaws_of(row)) for row in rows]
    known = [set(row["flaws"].split()) for row in rows]
    found = {}
    for flaw in (flaw for flaw in FLAWS if flaw != "cut"):
        both = sum(flaw in a & b for a, b in zip(told, known))
        named, there = (
            sum(flaw in one for one in side) for side in (told, known)
        )
        found[flaw] = {
            "precision": both / named if named else None,
            "recall": both / there if there else None,
            "n": there,
        }
    return found
