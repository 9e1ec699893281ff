"""The words of `speechbrain_relm.mini.language.grammar`, read from `data`.

Authors
 * The speechbrain_relm contributors 2026
"""

from functools import lru_cache
from pathlib import Path

import yaml

from speechbrain_relm.mini.language.inflection import plural, verb_forms

DATA = Path(__file__).resolve().parents[1] / "data"
# What stands before a noun of which its kind says nothing else.
BEFORE = "the, the, my, your, his, her, our, their, a, a, this, that, another"
# The same before nouns without a number, and before several.
BEFORE_MASS = {"a": "some", "this": "the", "that": "the", "another": "the"}
BEFORE_MANY = {"a": "some", "this": "these", "that": "those", "another": "the"}


def listed(text):
    """Takes a list apart.

    Arguments
    ---------
    text : str
        Items with commas between them.

    Returns
    -------
    list of str
        The items.

    Example
    -------
    >>> listed("one, two")
    ['one', 'two']
    """
    return [item.strip() for item in text.split(",") if item.strip()]


class Noun:
    """A noun, with what may stand before it.

    Arguments
    ---------
    written : str
        The noun, marked as in `data/nouns.yaml`.
    kind : dict
        What that file says of its kind: `with`, `adjectives`.

    Example
    -------
    >>> noun = Noun("knife/knives", {"adjectives": "sharp", "with": "my"})
    >>> noun.one, noun.many, noun.number, noun.before, noun.adjectives
    ('knife', 'knives', 'one', ['my'], ['sharp'])
    >>> Noun("bread~", {"with": "a"}).before
    ['some']
    """

    def __init__(self, written, kind):
        self.one, *irregular = written.rstrip("~+").split("/")
        self.many = irregular[0] if irregular else plural(self.one)
        self.counted = written[-1] not in "~+"
        self.number = "many" if written[-1] == "+" else "one"
        other = {"~": BEFORE_MASS, "+": BEFORE_MANY}.get(written[-1], {})
        before = listed(kind.get("with", BEFORE))
        self.before = [other.get(word, word) for word in before]
        self.adjectives = listed(kind.get("adjectives", ""))
        # "my sister is awake", but not "my awake sister"
        self.attributive = kind.get("attributive", bool(self.adjectives))


class Words:
    """All words, and how they are joined.

    Attributes are `nouns`, which maps a kind to its `Noun`s; `lists`, which
    maps a name to phrases that stand as they are; `verbs`, which maps a
    section to triples of who does it, the verb's forms and what may follow;
    `templates`, each as often as it weighs.

    Example
    -------
    >>> words = Words()
    >>> words.nouns["insect"][0].many
    'bees'
    """

    def __init__(self):
        files = {
            name: yaml.safe_load((DATA / f"{name}.yaml").read_text("utf-8"))
            for name in ("nouns", "verbs", "templates")
        }
        self.nouns, self.lists = {}, {}
        for kind, entry in files["nouns"].items():
            if isinstance(entry, str):
                self.lists[kind] = listed(entry)
            else:
                nouns = listed(entry["words"])
                self.nouns[kind] = [Noun(noun, entry) for noun in nouns]
        for name, text in files["templates"]["phrases"].items():
            self.lists[name] = listed(text)
        self.verbs = {
            section: [
                (
                    group.get("who", "person"),
                    verb_forms(verb),
                    tuple(group["then"]),
                )
                for group in groups
                for verb in listed(group["verbs"])
            ]
            for section, groups in files["verbs"].items()
        }
        weighed = files["templates"]["templates"].splitlines()
        self.templates = [
            template
            for weight, template in (line.split(" ", 1) for line in weighed)
            for _ in range(int(weight))
        ]


read_words = lru_cache(maxsize=None)(Words)
