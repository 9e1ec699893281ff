"""The grammar of the made training speech."""

import os
import re
import subprocess
import sys
from collections import Counter

import pytest

from speechbrain_relm.mini.language.grammar import (
    spoken_sentences,
    spoken_words,
)
from speechbrain_relm.mini.language.sentences import MOST, everyday_sentences
from speechbrain_relm.mini.language.words import read_words


@pytest.fixture(scope="module")
def sentences():
    """As many as a small corpus has."""
    return spoken_sentences(4000, seed=1)


@pytest.fixture(scope="module")
def counts(sentences):
    """How often each word is said."""
    return Counter(w for s in sentences for w in spoken_words(s))


def test_they_are_new_and_distinct_and_short():
    """As they are heard: 20,000 of 4 to 12 words, none of them known."""
    heard = [spoken_words(s) for s in spoken_sentences(20000, seed=3)]
    assert len(set(heard)) == 20000
    assert all(4 <= len(words) <= 12 for words in heard)
    known = {spoken_words(s) for s in everyday_sentences(MOST)}
    assert not known & set(heard)


def test_every_process_draws_the_same(sentences):
    """Whatever order Python gives to its sets."""
    code = "from speechbrain_relm.mini.language.grammar import spoken_sentences as s\n"
    code += "print('\\n'.join(s(200, 1)))"
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        printed = subprocess.check_output(
            [sys.executable, "-c", code], env=environment, text=True
        )
        assert printed.splitlines() == sentences[:200]


def test_the_seed_decides(sentences):
    """The same sentences, and their beginning if fewer are asked for."""
    assert spoken_sentences(300, seed=1) == sentences[:300]
    assert not set(spoken_sentences(300, seed=2)) & set(sentences[:300])


@pytest.mark.parametrize("count", [0, 100001])
def test_too_few_or_too_many_are_refused(count):
    """The message says how many there can be."""
    with pytest.raises(ValueError, match="ask for 1 to 100000"):
        spoken_sentences(count, seed=1)


def test_many_words_are_said_often_enough(counts):
    """About 2,000, hardly one only once, most in six sentences or more."""
    assert 1900 < len(counts) < 2400
    often = sorted(counts.values())
    assert often[len(often) // 2] >= 6
    assert sum(count >= 3 for count in often) > 0.85 * len(often)


def test_every_word_is_reached():
    """No noun, verb or phrase is left out."""
    text = " ".join(spoken_sentences(20000, seed=4)).lower()
    words = read_words()
    nouns = [noun.one for kind in words.nouns.values() for noun in kind]
    phrases = [item for items in words.lists.values() for item in items]
    assert not [w for w in nouns + phrases if w.lower() not in text]
    verbs = [v for section in words.verbs.values() for _, v, _ in section]
    assert all(any(form in text for form in v.values()) for v in verbs)


def test_the_forms_of_speech_are_there(sentences):
    """Questions, exclamations, tenses, passives, contractions."""
    for pattern, least in {
        r"\?$": 400,
        r"!$": 80,
        r"\b(am|is|are|'m|'s|'re) \w+ing\b": 100,
        r"\b(has|have|'ve)( never| already| just)? \w+(ed|en)\b": 60,
        r"\bgoing to\b": 20,
        r"\b(was|were) \w+(ed|en|t)\b": 40,
        r"\b(don't|doesn't|didn't|can't|won't|isn't)\b": 150,
        r"^(Who|What|Where|When|Why|How|Whose|Which)\b": 150,
        r"\b(There's|there's|There (is|are|was|were))\b": 60,
        r"\bthat (I|you|we|they|she|he)\b": 40,
        r"\bI('m|'ve|'ll|'d)?\b": 500,
    }.items():
        found = sum(bool(re.search(pattern, s)) for s in sentences)
        assert found >= least, (pattern, found)


def test_words_agree(sentences):
    """Articles and verbs fit what stands beside them."""
    one = r"(he|she|Emma|Tom|Laura)"
    wrong = [
        r"\ba (a|e|i|o|hour|honest|umb|uncle|ugly)",
        r"\ban (?!honest|hour)[^aeiou]",
        r"\ban (uniform|university|useful|used)",
        rf"(^|[.,] ){one} (have|are|were|do|don't|am)\b",
        r"(^|[.,] )(we|they|you) (has|is|was|does|doesn't|am)\b",
        r"\bI (has|is|are|does|doesn't|were)\b",
        r"\b(my|his|your|her) (parents|twins|jeans|gloves) (is|was|has)\b",
        r"\b(a|an|this|that|another) (scissors|jeans|children|eggs)\b",
        r"\b(will|can't|won't|might|must|didn't) (went|bought|saw|called|wanted|took) ",
        r"\b(\w+) \1\b(?<!that that)(?<!her her)(?<!had had)",
    ]
    for pattern in wrong:
        found = [s for s in sentences if re.search(pattern, s, re.IGNORECASE)]
        assert not found, (pattern, found[:5])


def test_they_are_written_as_sentences(sentences):
    """A capital, a full stop, and nothing left of the templates."""
    for sentence in sentences:
        assert re.fullmatch(r"[A-Z][A-Za-z',]*( [A-Za-z',]+)+[.!?]", sentence)
        assert not re.search(r"_|,,|\b(one|bare) (food|thing|kin)\b", sentence)
