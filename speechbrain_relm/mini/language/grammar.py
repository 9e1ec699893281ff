"""A grammar of everyday English, for corpora of thousands of sentences.

About two thousand words, each nearly as often as the others, so that what
learns to hear from the sentences hears each word in several of them. None is
one of `speechbrain_relm.mini.language.sentences`, so that a system may learn from
these and be tested on those.

Authors
 * The speechbrain_relm contributors 2026
"""

import random
import re
from collections import Counter
from types import SimpleNamespace

from speechbrain_relm.mini.language.inflection import with_articles
from speechbrain_relm.mini.language.sentences import MOST, everyday_sentences
from speechbrain_relm.mini.language.words import read_words

SHORTEST, LONGEST = 4, 12  # words
CANDIDATES = 4  # for each sentence; the one with the rarest words is taken
WITH_ADJECTIVE = 0.2
PRONOUNS = ["I", "I", "I", "I", "we", "we", "you", "they", "she", "he"]
OTHERS = ["you", "they", "she", "he", "she", "he"]
# Number of a subject to what agrees with it.
AGREEING = {
    "I": {"is": "am", "was": "was", "has": "have", "aux": "do"},
    "one": {"is": "is", "was": "was", "has": "has", "aux": "does"},
    "many": {"is": "are", "was": "were", "has": "have", "aux": "do"},
}
# Pronoun to what it is joined with in speech.
CONTRACTED = {
    "I": ("I'm", "I've", "I'll"),
    "you": ("you're", "you've", "you'll"),
    "we": ("we're", "we've", "we'll"),
    "they": ("they're", "they've", "they'll"),
    "she": ("she's", "she's", "she'll"),
    "he": ("he's", "he's", "he'll"),
}
# Kinds of things that may lie somewhere, and of what there may be several.
GOODS = ["thing", "clothes", "food", "kitchenware", "tool", "paper", "picture"]
MANY = ["clothes", "pet", "job"]
PERSONS = ["kin", "kin", "job", "job", "name"]
# Section of the verbs of each letter that a template asks a clause by.
SECTIONS = {
    "a": "people",
    "b": "people",
    "o": "to_me",
    "s": "states",
    "n": "happenings",
}


class _Drawing:
    """Draws what stands for the names in a template.

    Each list is a pack of cards that is shuffled anew when it is used up, so
    that all its items come equally often.
    """

    def __init__(self, rng):
        self.rng = rng
        self.words = read_words()
        self.packs = {}
        self.clauses = {}
        # What can be done to things, and then be said of them.
        self.done_to = [
            (forms, kind)
            for _, forms, then in self.words.verbs["people"]
            for kind in dict.fromkeys(text.strip("{}") for text in then)
            if kind in self.words.nouns and kind not in PERSONS
        ]

        described = [k for k, n in self.words.nouns.items() if n[0].adjectives]
        self.qualities = described * 2 + ["kin"] * 8

    def sentence(self):
        """Draws a sentence."""
        self.clauses = {}
        text = self.fill(self.pick("templates", self.words.templates))
        text = with_articles(text)
        return text[0].upper() + text[1:]

    def fill(self, template):
        """Replaces the names in braces."""
        return template.format_map(self)

    def pick(self, name, items):
        """Takes the next item of a list."""
        pack = self.packs.get(name)
        if not pack:
            pack = self.packs[name] = self.rng.sample(items, len(items))
        return pack.pop()

    def __getitem__(self, name):
        if len(name) == 1:
            if name not in self.clauses:
                self.clauses[name] = self.clause(name)
            return self.clauses[name]
        if name in self.words.nouns:
            return self.noun_phrase(name)[0]
        if name in self.words.lists:
            return self.pick(name, self.words.lists[name])
        if name.startswith("one_"):
            return self.counted(name[len("one_") :]).one
        if name.startswith("bare_"):
            return self.noun(name[len("bare_") :]).one
        if name.endswith("_adjective"):
            return self.adjective(name[: -len("_adjective")])
        return getattr(self, name)()

    def noun(self, kind):
        """Draws a noun."""
        return self.pick(f"{kind} noun", self.words.nouns[kind])

    def counted(self, kind):
        """Draws a noun that can be counted."""
        noun = self.noun(kind)
        while not noun.counted:
            noun = self.noun(kind)
        return noun

    def adjective(self, kind):
        """Draws what nouns of a kind can be."""
        return self.pick(f"{kind} is", self.words.nouns[kind][0].adjectives)

    def noun_phrase(self, kind, indefinite=False):
        """Draws a noun with what stands before it, and its number."""
        if kind in self.words.lists:
            return self.pick(kind, self.words.lists[kind]), "one"
        noun = self.noun(kind)
        before = self.rng.choice(noun.before)
        if indefinite:
            before = "a" if noun.counted else "some"
        words = [before, noun.one]
        if noun.attributive and self.rng.random() < WITH_ADJECTIVE:
            words.insert(1, self.adjective(kind))
        return " ".join(words), noun.number

    def subject(self, who, others=False):
        """Draws who does something, and the number."""
        if who != "person":
            return self.noun_phrase(who)
        if self.rng.random() < 0.6:
            pronoun = self.rng.choice(OTHERS if others else PRONOUNS)
            if pronoun == "I":
                return pronoun, "I"
            return pronoun, "one" if pronoun in ("she", "he") else "many"
        return self.noun_phrase(self.rng.choice(PERSONS))

    def clause(self, letter):
        """Draws a subject with a verb, or with what it is."""
        if letter == "p":
            return self.passive()
        if letter == "q":
            return self.quality()
        section = SECTIONS[letter]
        who, forms, then = self.pick(section, self.words.verbs[section])
        agreed = agree(*self.subject(who, others=section == "to_me"))
        then = self.fill(self.pick(then, then))
        forms = {name: f"{form} {then}" for name, form in forms.items()}
        if agreed.aux == "do":
            forms["does"] = forms["do"]
        vars(agreed).update(forms)
        return agreed

    def passive(self):
        """Draws a thing and what somebody does to it."""
        forms, kind = self.pick("done to", self.done_to)
        what, number = self.noun_phrase(kind)
        agreed = agree(what, number)
        vars(agreed).update(forms, noun=what.split(" ", 1)[1])
        agreed.adjective = self.adjective_of(kind)
        agreed.this_is = "these are" if number == "many" else "this is"
        return agreed

    def adjective_of(self, kind):
        """Draws an adjective, a general one if the kind has none."""
        has_some = self.words.nouns[kind][0].adjectives
        return self.adjective(kind if has_some else "thing")

    def quality(self):
        """Draws somebody or something, and what it is like."""
        kind = self.pick("qualities", self.qualities)
        agreed = agree(*self.noun_phrase(kind))
        agreed.adjective, agreed.too = (
            self.adjective(kind),
            self.adjective(kind),
        )
        agreed.other = self.noun_phrase(kind)[0]
        return agreed

    def person(self):
        """Draws somebody."""
        return self.noun_phrase(self.rng.choice(PERSONS))[0]

    def anything(self):
        """Draws a thing that was not spoken of."""
        return self.noun_phrase(self.pick("goods", GOODS), True)[0]

    def plural(self):
        """Draws several things."""
        return self.counted(self.pick("many", MANY)).many

    def act(self, form="do"):
        """Draws something to do."""
        _, forms, then = self.pick("people", self.words.verbs["people"])
        if "{act" in then[0]:  # one is enough
            return self.act(form)
        return f"{forms[form]} {self.fill(self.pick(then, then))}"

    def acting(self):
        """Draws something to be doing."""
        return self.act("doing")


def agree(who, number):
    """Gives a subject the words that agree with it.

    Arguments
    ---------
    who : str
        The subject.
    number : str
        "I", "one" or "many".

    Returns
    -------
    types.SimpleNamespace
        `who`, and `is`, `was`, `has` and `aux` (do or does) in its number;
        `who_is`, `who_has` and `who_will` as they are spoken.

    Example
    -------
    >>> agree("she", "one").who_will, agree("the socks", "many").who_is
    ("she'll", 'the socks are')
    """
    words = AGREEING[number]
    spoken = (f"{who} {words['is']}", f"{who} {words['has']}", f"{who} will")
    who_is, who_has, who_will = CONTRACTED.get(who, spoken)
    return SimpleNamespace(
        who=who,
        who_is=who_is,
        who_has=who_has,
        who_will=who_will,
        is_not="isn't" if number == "one" else "aren't",
        dont=words["aux"] + "n't",
        **words,
    )


def spoken_sentences(count, seed):
    """Draws distinct sentences of 4 to 12 words.

    Statements, questions, requests and exclamations, as people say them to a
    friend, in many tenses.

    Arguments
    ---------
    count : int
        How many, 1 to 100000; far more can be formed.
    seed : int
        Of the draw.

    Returns
    -------
    list of str
        The sentences, none of which `everyday_sentences` has.

    Raises
    ------
    ValueError
        If fewer than one or more than 100000 are asked for.

    Example
    -------
    >>> sentences = spoken_sentences(500, seed=1)
    >>> len(set(sentences))
    500
    >>> all(4 <= len(sentence.split()) <= 12 for sentence in sentences)
    True
    """
    if not 1 <= count <= 100000:
        raise ValueError(
            f"{count} sentences were asked for: ask for 1 to 100000."
        )
    drawing = _Drawing(random.Random(seed))
    taken = {spoken_words(sentence) for sentence in everyday_sentences(MOST)}
    said = Counter()
    sentences = []
    while len(sentences) < count:
        candidates = []
        while len(candidates) < CANDIDATES:
            sentence = drawing.sentence()
            words = spoken_words(sentence)
            twice = any(a == b for a, b in zip(words, words[1:]))
            fits = SHORTEST <= len(words) <= LONGEST and not twice
            if fits and words not in taken:
                rarity = sum((1 + said[word]) ** -2 for word in words)
                rarity /= len(words) ** 0.5
                candidates.append((rarity, sentence, words))
        _, sentence, words = max(candidates)
        taken.add(words)
        said.update(words)
        sentences.append(sentence)
    return sentences


def spoken_words(sentence):
    """Lists the words of a sentence as they are heard.

    Arguments
    ---------
    sentence : str
        The sentence.

    Returns
    -------
    tuple of str
        Its words in small letters, without punctuation.

    Example
    -------
    >>> spoken_words("Well, I'm late!")
    ('well', "i'm", 'late')
    """
    return tuple(re.findall(r"[a-z']+", sentence.lower()))
