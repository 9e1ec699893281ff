"""Texts compared by what they say, not by how they are typed.

Authors
 * The speechbrain_relm contributors 2026
"""

import re
from functools import lru_cache

from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

_STRAIGHT = str.maketrans("‘’‛´`“”„«»", "'''''\"\"\"\"\"")
# Letters and marks as wide as an ideograph, and marks of Chinese and Japanese.
_HALF = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_HALF.update(str.maketrans("　。｡、､「」｢｣《》", ' ..,,""""""'))


def half_width(text):
    """Makes full-width letters and marks plain ones.

    Arguments
    ---------
    text : str
        The text, e.g. typed with a Chinese keyboard.

    Returns
    -------
    str
        The same, character by character.

    Example
    -------
    >>> half_width("Ｗｈｙ？ Ｉ see，sir。")
    'Why? I see,sir.'
    """
    return text.translate(_HALF)


def straight(text):
    """Makes typographic quotes and full-width marks plain ones.

    Arguments
    ---------
    text : str
        The text.

    Returns
    -------
    str
        The same with ' and ".

    Example
    -------
    >>> straight("I’m “fine”.")
    'I\\'m "fine".'
    """
    return half_width(text).translate(_STRAIGHT)


def words_of(text):
    """Lists the words of a text, without case and punctuation.

    Arguments
    ---------
    text : str
        The text.

    Returns
    -------
    list of str
        Words in lower case; an apostrophe stays inside its word.

    Example
    -------
    >>> words_of("It’s “late”, isn't it?")
    ["it's", 'late', "isn't", 'it']
    """
    return re.findall(r"\w+(?:'\w+)*", straight(text).lower())


def normalised(text):
    """Writes a text so that two that say the same are the same.

    Arguments
    ---------
    text : str
        The text.

    Returns
    -------
    str
        Its words, one space between two; without a word, the bare text.

    Example
    -------
    >>> normalised("I'm late!") == normalised("i’m  late"), normalised("?")
    (True, '?')
    """
    return " ".join(words_of(text)) or text.strip()


def spoken_words(text):
    """Lists the words of an English text as they are spoken.

    Arguments
    ---------
    text : str
        The text.

    Returns
    -------
    list of str
        Words by Whisper's own normalizer, which the field's word error rates
        go by: short forms are long ("it's", "it is"), numbers are digits, and
        fillers and what is in brackets ("[LAUGHTER]") are left out.

    Example
    -------
    >>> spoken_words("[LAUGHTER] It’s ten o'clock, um, and I can't wait.")
    ['it', 'is', '10', 'clock', 'and', 'i', 'can', 'not', 'wait']
    """
    return _as_spoken(text).split()


# Responses are asked about in several tables, and ten voices say one sentence.
@lru_cache(maxsize=2**16)
def _as_spoken(text):
    """Writes a text by Whisper's normalizer, which takes its time."""
    text = straight(text).lower()
    # Whisper's normalizer parts "can't" but not "cannot", makes 100 of
    # "ten o'", and a word of the last of several dots.
    text = re.sub(r"…|\.{2,}", " ", text)
    text = re.sub(r"\bcannot\b", "can not", text)
    return _normalizer()(re.sub(r"\bo' ?clock", "clock", text))


@lru_cache(maxsize=1)
def _normalizer():
    """Makes Whisper's normalizer; British and American spelling stay."""
    return EnglishTextNormalizer({})
