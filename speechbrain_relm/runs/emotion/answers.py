"""Reading the emotion out of what an LLM says about it.

An answer is cut into clauses. In each, the words that name a class (see
`lexicon.yaml`) are found, in groups ("sad or angry"), and weighed: what is
denied does not count; what answers the question counts more than what explains
the answer, and that more than what hedges it. Of the heaviest groups the last
decides; if it names several classes, nothing was answered.

Authors
 * The speechbrain_relm contributors 2026
"""

import re
from typing import NamedTuple, Set

from speechbrain_relm.runs.emotion.lexicon import lexicon_of, stem
from speechbrain_relm.utils.text.thoughts import without_thoughts
from speechbrain_relm.utils.text.wording import straight

# The classes that the recognition prompt offers (Section II-C).
OPTIONS = ("neutral", "sad", "angry", "happy", "surprise")
# How much a group weighs.
ASIDE, HEDGED, MENTIONED, ANSWERED, CONCLUDED = range(5)
# More options than these in one group are the question's own, said again.
MOST_RIVALS = 2


def _set(words):
    return frozenset(words.split())


_CONCLUDING = _set(
    "answer final overall conclusion therefore thus hence ultimately actually "
    "choose select pick go best"
)
_ANSWERING = _set(
    "emotion emotional tone mood label category class option choice sentiment "
    "feeling say classify classified identify identified describe described "
    "convey conveys conveyed express expresses expressed sound sounds seem "
    "seems appear appears feels voice"
)
_HEDGING = _set(
    "maybe perhaps possibly could might may slightly hint touch trace tinge "
    "undertone undertones bit"
)
# What a bare label may have beside it.
_FILLERS = _set(
    "a an the is it it's its very quite rather mostly most likely probably "
    "definitely clearly certainly so then no wait yes i think believe b c d e"
)
_CONTRAST = _set("but however yet nevertheless still instead")
_ASIDE_WORDS = _set(
    "although though while whereas despite because since if given due"
)
# These begin an aside only behind a comma or a named class.
_ASIDE_BEHIND = _set(
    "as with that about by over at when after for of to toward towards "
    "regarding from in who whose which"
)
_DENYING = _set(
    "not non no never neither nor without cannot hardly barely scarcely rarely "
    "lack lacks lacking absence devoid fails doubt except"
)
_NOT_DENYING = re.compile(
    r"\b(?:no|without (?:a|any)?) ?doubt\b|\bnot (?:just|only|merely)\b"
)
_DENYING_BEFORE = re.compile(r"(?:\bthan|\binstead of|\bfar from)$")
_ABSENCE = _set("no without lack lacks lacking absence devoid any")
_NEW_VERB = re.compile(
    r"\band (?:is|sounds|seems|feels|appears|conveys|expresses|shows|the|he|"
    r"she|it|they|there|i)\b"
)
_JOINING = _set("and or nor both also even a an the very more slightly either")
_JOINING_MARKS = frozenset(",/&+|-:=%>")
_ENDS = frozenset(".!?;()\n[]{}")
_BULLET = re.compile(r"^\W*(?:\d+[.)]|[a-e][.)]|[-*•])?\W*")
# The marks of a list that stands in one line, and shares of classes.
_IN_LINE = re.compile(r"(?<![\w.])\(?(?:\d+|[a-e])[.)]\s")
_SHARE = re.compile(r"\(\s*\d+(?:\.\d+)?\s*%?\s*\)")
# "I am an AI and have no feelings" says nothing about the speaker's.
_OF_ITSELF = re.compile(
    r"\bi(?:'m| am)? (?:\S+ ){0,5}?(?:have|feel|experience|possess|without)"
    r"(?: (?:no|any|human|real|personal|own|the ability to feel))*$"
)
_TOKEN = re.compile(r"\d+(?:\.\d+)?|\w+(?:'\w+)*|[^\w\s]|\n")


class Named(NamedTuple):
    """Classes that a clause names side by side, and how much that weighs."""

    classes: Set[str]
    weight: int


def parse_emotion(answer, emotions=OPTIONS, lexicon=None):
    """Reads the emotion out of an answer to the recognition prompt.

    Arguments
    ---------
    answer : str
        What the LLM said.
    emotions : sequence of str
        The classes that it could choose from.
    lexicon : str or None
        A YAML of the words of classes; see `read_lexicon`.

    Returns
    -------
    str or None
        The class that it settles on; `None` if it names none, denies them
        all, or leaves several.

    Example
    -------
    >>> parse_emotion("The speaker sounds joyful."), parse_emotion("Sad/angry")
    ('happy', None)
    >>> parse_emotion("Not happy."), parse_emotion("Not happy but sad.")
    (None, 'sad')
    >>> parse_emotion("At first it sounds happy, but overall it is sad.")
    'sad'
    >>> parse_emotion("She is frustrated.", ["frustrated", "calm"])
    'frustrated'
    """
    words = lexicon_of(tuple(emotions), lexicon)
    found = []
    for sentence in _sentences(_without_quotations(answer), words):
        found += _named_in(sentence, words)
    found = [
        named._replace(weight=ASIDE)
        if len(named.classes) > MOST_RIVALS
        else named
        for named in found
    ]
    if not found:
        return None
    heaviest = max(named.weight for named in found)
    last = [named for named in found if named.weight == heaviest][-1]
    return next(iter(last.classes)) if len(last.classes) == 1 else None


def _without_quotations(answer):
    """Leaves out thoughts, and what is quoted but a label."""
    text = straight(without_thoughts(answer)).lower().replace("_", " ")
    for quoted in (r'"([^"]*)"', r"(?<!\w)'([^']*)'(?!\w)"):
        text = re.sub(
            quoted,
            lambda m: m[1] if len(m[1].split()) <= 3 else " ",
            text,
        )
    text = re.sub(r"(?<=\w)-(?=\w)", " ", re.sub(r"[*`~]", "", text))
    return _SHARE.sub(" ", text)


def _sentences(text, lexicon):
    """Cuts a text into sentences of tokens; labels a line each are one."""
    lines = []
    for line in text.split("\n"):
        if len(_IN_LINE.findall(line)) > 1:
            line = _IN_LINE.sub(" , ", line)
        tokens = _TOKEN.findall(_BULLET.sub("", line))
        bare = _is_bare(tokens, lexicon)
        if bare and lines and lines[-1][1]:
            lines[-1][0].extend([",", *tokens])
        else:
            lines.append((tokens, bare))
    for tokens, _ in lines:
        yield from _cut(tokens, lexicon)


def _is_bare(tokens, lexicon):
    """Tells whether there is but one word, which names a class."""
    words = [token for token in tokens if token[0].isalnum()]
    return len(words) == 1 and len(_mentions(tokens, lexicon)) == 1


def _cut(tokens, lexicon):
    """Cuts a line; "sad. angry. happy." is one list, not three answers."""
    found, start = [], 0
    for place, token in enumerate([*tokens, "."]):
        if token in _ENDS:
            found.append(tokens[start : place + 1])
            start = place + 1
    listed = []
    for sentence in found:
        bare = sentence[-1:] != ["?"] and _is_bare(sentence, lexicon)
        if bare and listed and listed[-1][1]:
            listed[-1][0][-1:] = [",", *sentence]
        else:
            listed.append(([*sentence], bare))
    return [sentence for sentence, _ in listed]


def _mentions(tokens, lexicon):
    """Lists (start, end, class) of the words that name a class."""
    found, place = [], 0
    while place < len(tokens):
        end, name = _class_at(tokens, place, lexicon)
        if name is not None:
            found.append((place, end, name))
        place = end
    found += _absences(tokens, lexicon)
    return sorted(m for m in found if not _says_nothing(tokens, m, found))


def _class_at(tokens, place, lexicon):
    """Finds what a place names, phrases first, and where that ends."""
    for phrase, name in lexicon.phrases.items():
        end = place + len(phrase)
        if tuple(tokens[place:end]) == phrase:
            return end, name
    return place + 1, lexicon.stems.get(stem(tokens[place]))


def _absences(tokens, lexicon):
    """Lists what is named by what is missing: "no strong emotion"."""
    found = []
    for place, token in enumerate(tokens):
        name = lexicon.absent.get(stem(token))
        before = tokens[max(0, place - 3) : place]
        if name is None or not _ABSENCE & set(before):
            continue
        if _OF_ITSELF.search(" ".join(tokens[:place])):
            continue
        denied = _denies(tokens[:place])
        if denied and tokens[place + 1 : place + 2] != ["can"]:
            found.append((place, place + 1, name))
    return found


def _says_nothing(tokens, mention, others):
    """Tells whether a word names a class by its look alone."""
    start, end, _ = mention
    if tokens[start].endswith("ly"):
        # "surprisingly calm", "happily surprised", "Sadly, I cannot tell."
        if any(other[0] == end for other in others):
            return True
        if start == 0 and tokens[end : end + 1] == [","]:
            return True
    # "I'm happy to help!"
    before = " ".join(tokens[max(0, start - 4) : start])
    polite = re.search(r"\bi(?:'m| am|'d be| would be)(?: \w+)?$", before)
    return bool(polite) and tokens[end : end + 1] in (["to"], ["you"])


def _named_in(tokens, lexicon):
    """Lists the groups of a sentence that are not denied."""
    found, floor, end = [], ASIDE, 0
    absent = {(p, q) for p, q, _ in _absences(tokens, lexicon)}
    for group in _groups(tokens, _mentions(tokens, lexicon)):
        start, stop = group[0][0], group[-1][1]
        begin, opener = _clause(tokens, start, end)
        before = tokens[begin:start]
        weight = _weight(tokens, begin, start, stop, opener)
        if opener in _CONTRAST:
            weight = max(weight, floor)
        denied = _denies(before) and group[0][:2] not in absent
        names = [name for _, _, name in group]
        if denied and len(names) > 1 and _only_commas(tokens, group):
            names, denied = names[-1:], False  # "Not happy, sad."
        if not denied:
            if found and before[:1] == ["or"]:
                names += found.pop().classes
            found.append(Named(set(names), weight))
        floor, end = max(floor, weight), stop
    return found


def _groups(tokens, mentions):
    """Joins words that stand side by side: "sad, angry or happy"."""
    groups = []
    for mention in mentions:
        if groups:
            between = tokens[groups[-1][-1][1] : mention[0]]
            if all(_joins(token) for token in between):
                groups[-1].append(mention)
                continue
        groups.append([mention])
    return groups


def _joins(token):
    """Tells whether a token may stand between two options."""
    return token in _JOINING or token in _JOINING_MARKS or token[0].isdigit()


def _only_commas(tokens, group):
    """Tells whether nothing but commas stands between the options."""
    inner = {
        token
        for one, other in zip(group, group[1:])
        for token in tokens[one[1] : other[0]]
    }
    return inner <= {","}


def _clause(tokens, start, end):
    """Finds where the clause of a word begins, and the word that opens it.

    `end` is where the group before it ends; 0 if there is none.
    """
    for place in range(start - 1, -1, -1):
        token = tokens[place]
        behind = place > 0 and (tokens[place - 1] == "," or place == end > 0)
        if token in _CONTRAST or token in _ASIDE_WORDS:
            return place + 1, token
        if token in _ASIDE_BEHIND and (behind or 0 < end <= place):
            if not _names_what(tokens, place):
                return place + 1, token
        if token == "," or (token == "so" and place == end > 0):
            return place + 1, _opener(tokens, place + 1)
    return 0, _opener(tokens, 0)


def _names_what(tokens, place):
    """Tells "likely to be sad", "classify it as sad" from an aside."""
    if tokens[place] == "to":
        return tokens[place + 1 : place + 2] == ["be"]
    verbs = _ANSWERING.intersection(tokens[max(0, place - 2) : place])
    return tokens[place] == "as" and bool(verbs)


def _opener(tokens, place):
    """Gives the word that opens a clause."""
    return tokens[place] if place < len(tokens) else ""


def _denies(before):
    """Tells whether what stands before a word in its clause denies it."""
    text = " ".join(before)
    text = _NEW_VERB.split(text.rpartition(":")[2])[-1]
    text = _NOT_DENYING.sub(" ", text.replace("anything but", "not")).strip()
    words = text.split()
    return bool(
        _DENYING.intersection(words)
        or any(word.endswith("n't") for word in words)
        or _DENYING_BEFORE.search(text)
    )


def _weight(tokens, begin, start, stop, opener):
    """Weighs a group by the words of its clause."""
    after = tokens[stop:]
    comma = after.index(",") if "," in after else len(after)
    others = [*tokens[begin:start], *after[:comma]]
    if tokens[-1:] == [")"] or opener in _ASIDE_WORDS | _ASIDE_BEHIND:
        return ASIDE
    if _HEDGING & set(others) or tokens[-1:] == ["?"]:
        return HEDGED
    if _CONCLUDING & set(others):
        return CONCLUDED
    words = {t for t in others if t[0].isalpha()}
    if _ANSWERING & words or words <= _FILLERS:
        return ANSWERED
    return MENTIONED
