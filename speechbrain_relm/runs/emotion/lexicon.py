"""Which words name which class of emotion.

Authors
 * The speechbrain_relm contributors 2026
"""

import re
from functools import lru_cache
from pathlib import Path
from typing import Dict, NamedTuple

import snowballstemmer
import yaml

from speechbrain_relm.utils.errors import first_line

DEFAULT = Path(__file__).with_name("lexicon.yaml")
KEYS = ("words", "as_written", "absent")


class Lexicon(NamedTuple):
    """What names the classes of one question.

    `stems`, a word without its ending to its class; `phrases`, words as they
    are written, (word, ...) to their class; `absent`, stems of what a class
    denies, to that class.
    """

    stems: Dict[str, str]
    phrases: Dict[tuple, str]
    absent: Dict[str, str]


def stem(word):
    """Takes the ending off an English word (Snowball).

    Arguments
    ---------
    word : str
        The word, in lower case.

    Returns
    -------
    str
        Its stem.

    Example
    -------
    >>> stem("sadness"), stem("surprised"), stem("joyful")
    ('sad', 'surpris', 'joy')
    """
    # Made anew: a stemmer is not safe in several threads at once.
    return snowballstemmer.stemmer("english").stemWord(word)


@lru_cache(maxsize=None)
def read_lexicon(path=None):
    """Reads the words of the classes.

    Arguments
    ---------
    path : str or pathlib.Path or None
        A YAML like the package's `emotion/lexicon.yaml`, whose classes go
        before the package's; `None` for the package's alone.

    Returns
    -------
    dict
        Class to `words`, `as_written` and `absent`, lists of str.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not of that form.

    Example
    -------
    >>> sorted(read_lexicon())[:3]
    ['angry', 'bored', 'contempt']
    """
    found = _checked(DEFAULT)
    if path is not None:
        if not Path(path).is_file():
            raise FileNotFoundError(
                f"{path} is missing: name a YAML of the words of each class, "
                "or null."
            )
        found |= _checked(Path(path))
    return found


def _checked(path):
    """Reads one file, and says what is wrong with it."""
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no YAML ({first_line(error)}).") from error
    if not isinstance(read, dict):
        raise ValueError(f"{path}: write each class with its words below it.")
    for name, entry in read.items():
        lists = entry.items() if isinstance(entry, dict) else [("", None)]
        for key, words in lists:
            fits = isinstance(words, list) and all(
                isinstance(word, str) for word in words
            )
            if key not in KEYS or not fits:
                raise ValueError(
                    f"{path}, {name}: give it lists of words, named "
                    f"{', '.join(KEYS)}."
                )
    return read


@lru_cache(maxsize=None)
def lexicon_of(emotions, path=None):
    """Assigns words to the classes of one question.

    A class's own name comes before any other's word, and a class before the
    ones after it.

    Arguments
    ---------
    emotions : tuple of str
        The classes.
    path : str or None
        See `read_lexicon`.

    Returns
    -------
    Lexicon
        Their words.

    Example
    -------
    >>> lexicon_of(("angry", "sad")).stems["frustrat"]
    'angry'
    >>> lexicon_of(("angry", "frustrated")).stems["frustrat"]
    'frustrated'
    >>> lexicon_of(("joy",)).stems["happi"]
    'joy'
    """
    entries = read_lexicon(path)
    found = Lexicon({}, {}, {})
    for name in emotions:
        _add(found, name, {"words": [name]})
    for name in emotions:
        key = _entry_of(name, emotions, entries)
        if key is not None:
            _add(found, name, entries[key])
            _add(found, name, {"words": [key]})
    return found


def options_of(emotions, instruction, path=None):
    """Lists the classes that an instruction lets the LLM choose from.

    Arguments
    ---------
    emotions : list of str
        The corpus's classes.
    instruction : str
        The question; the paper's offers surprise to a corpus without it.
    path : str or None
        See `read_lexicon`.

    Returns
    -------
    tuple of str
        The corpus's, and those of the lexicon that the instruction names.

    Example
    -------
    >>> options_of(["sad", "angry"], "Is it sad, angry or surprise?")
    ('sad', 'angry', 'surprise')
    """
    asked = re.findall(r"\w+", instruction.lower())
    others = [name for name in read_lexicon(path) if name not in emotions]
    return (*emotions, *(name for name in others if name in asked))


def _entry_of(name, emotions, entries):
    """Finds the entry of a class: of its name, or of one that it stands for."""
    if name in entries:
        return name
    wanted = stem(name.lower())
    others = {stem(e.lower()) for e in emotions if e != name}
    for key, entry in entries.items():
        words = {stem(word) for word in [key, *entry.get("words", ())]}
        if key not in emotions and wanted in words and not words & others:
            return key
    return None


def _add(lexicon, name, entry):
    """Gives a class the words that no class has yet."""
    for word in entry.get("words", ()):
        parts = tuple(word.lower().replace("_", " ").split())
        if len(parts) == 1:
            lexicon.stems.setdefault(stem(parts[0]), name)
        else:
            lexicon.phrases.setdefault(parts, name)
    for phrase in entry.get("as_written", ()):
        lexicon.phrases.setdefault(tuple(phrase.lower().split()), name)
    for word in entry.get("absent", ()):
        lexicon.absent.setdefault(stem(word.lower()), name)
