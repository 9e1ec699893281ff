"""The forms of English words, as far as `speechbrain_relm.mini.language.grammar` asks.

Authors
 * The speechbrain_relm contributors 2026
"""

import re

_DOUBLED = re.compile(r"[^aeiou]*(qu)?[aeiou][bdgklmnprt]$")
# What sounds otherwise than it is written.
_AN = re.compile(
    r"\b(a)(?= (?:(?!uni|us[aei]|eu|one\b)[aeiou]|hour|honest))", re.IGNORECASE
)


def _first(phrase, ending):
    """Gives the first word of a phrase another ending."""
    word, space, rest = phrase.partition(" ")
    return ending(word) + space + rest


def plural(word):
    """Forms the plural, or the third person of a verb.

    Arguments
    ---------
    word : str
        A regular word.

    Returns
    -------
    str
        With its ending.

    Example
    -------
    >>> [plural(word) for word in ("cat", "box", "city", "toy")]
    ['cats', 'boxes', 'cities', 'toys']
    """
    if re.search(r"(s|sh|ch|x|z|[^aeiou]o)$", word):
        return word + "es"
    return re.sub(r"(?<=[^aeiou])y$", "ie", word) + "s"


def past(word):
    """Forms the past of a regular verb.

    Arguments
    ---------
    word : str
        The verb.

    Returns
    -------
    str
        With its ending.

    Example
    -------
    >>> [past(word) for word in ("call", "bake", "stop", "carry", "play")]
    ['called', 'baked', 'stopped', 'carried', 'played']
    """
    if word.endswith("e"):
        return word + "d"
    if _DOUBLED.match(word):
        return word + word[-1] + "ed"
    return re.sub(r"(?<=[^aeiou])y$", "i", word) + "ed"


def progressive(word):
    """Forms the participle in "-ing".

    Arguments
    ---------
    word : str
        The verb.

    Returns
    -------
    str
        With its ending.

    Example
    -------
    >>> [progressive(word) for word in ("bake", "get", "lie", "see", "begin")]
    ['baking', 'getting', 'lying', 'seeing', 'beginning']
    """
    if word.endswith("ie"):
        return word[:-2] + "ying"
    if _DOUBLED.match(word) or word in ("begin", "forget"):
        return word + word[-1] + "ing"
    return re.sub(r"(?<=[^eoy])e$", "", word) + "ing"


def verb_forms(written):
    """Lists the forms of a verb that may have words after it.

    Arguments
    ---------
    written : str
        The verb, with its past and its participle if they are irregular, as
        in "throw away/threw away/thrown away".

    Returns
    -------
    dict
        `do`, `does`, `did`, `done` and `doing` to the forms.

    Example
    -------
    >>> verb_forms("eat/ate/eaten")["doing"], verb_forms("look for")["did"]
    ('eating', 'looked for')
    """
    base, *irregular = written.split("/")
    did = irregular[0] if irregular else _first(base, past)
    return {
        "do": base,
        "does": "has" if base == "have" else _first(base, plural),
        "did": did,
        "done": irregular[-1] if irregular else did,
        "doing": _first(base, progressive),
    }


def with_articles(text):
    """Writes "an" for "a" where a vowel is heard after it.

    Arguments
    ---------
    text : str
        A text in which every indefinite article is "a".

    Returns
    -------
    str
        The text.

    Example
    -------
    >>> with_articles("a hour, a egg, a uniform and a honest man")
    'an hour, an egg, a uniform and an honest man'
    """
    return _AN.sub(r"\1n", text)
