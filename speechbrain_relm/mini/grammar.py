"""A small grammar of everyday English, for corpora of thousands of sentences.

None of its sentences is one of `speechbrain_relm.mini.sentences`, so that a
system may learn from these and be tested on those.

Authors
 * The speechbrain_relm contributors 2026
"""

import random

from speechbrain_relm.mini.sentences import MOST, everyday_sentences

SHORTEST, LONGEST = 4, 12  # words


def _listed(text):
    """Takes a list apart whose items stand between bars."""
    return [item.strip() for item in text.split("|")]


SUBJECTS = _listed(
    "I | we | they | she | he | you | my uncle | my aunt | our landlord | "
    "the nurse | the old man | the twins | a tall woman | the bus driver | "
    "my grandfather | your daughter | his wife | her husband | the mayor | "
    "the baker | our coach | the students | a friend of mine | the farmer | "
    "my roommate | the police | the singer | nobody | everyone | Emma | Tom | "
    "Maria | Daniel | the lawyer | some tourists | my little sister"
)
# What can be done, as "base/past", and to what.
FRAMES = [
    (
        "buy/bought | sell/sold | lose/lost | find/found | borrow/borrowed | "
        "carry/carried | repair/repaired | drop/dropped | hide/hid | "
        "wrap/wrapped | steal/stole | clean/cleaned | need/needed",
        "a new bicycle | the blue umbrella | an old guitar | the heavy box | "
        "some wooden chairs | a silver watch | the camera | my winter boots | "
        "a pair of glasses | the red suitcase | her wallet | the lamp | "
        "a birthday present | the broken radio | his tools | a warm blanket",
    ),
    (
        "cook/cooked | eat/ate | order/ordered | share/shared | taste/tasted "
        "| burn/burned | prepare/prepared | bring/brought | enjoy/enjoyed",
        "the chicken | a bowl of rice | some fresh bread | the apple pie | "
        "pancakes with honey | a cheese sandwich | the last cookie | "
        "spicy noodles | a chocolate cake | the vegetables | grilled fish",
    ),
    (
        "meet/met | call/called | visit/visited | help/helped | "
        "invite/invited | thank/thanked | follow/followed | hug/hugged | "
        "miss/missed | surprise/surprised | trust/trusted | teach/taught",
        "the doctor | my cousin | the new teacher | his parents | our guests "
        "| an old friend | the children | her boss | the neighbors | "
        "the manager | a famous actor | the whole team | your brother",
    ),
    (
        "go to/went to | drive to/drove to | walk to/walked to | "
        "return to/returned to | hurry to/hurried to | leave/left | "
        "explore/explored | find/found | move to/moved to",
        "the market | the beach | the hospital | a small village | "
        "the library | the airport | the museum | the forest | the office | "
        "the swimming pool | downtown | the mountains | the castle | school",
    ),
    (
        "read/read | write/wrote | send/sent | sign/signed | copy/copied | "
        "delete/deleted | print/printed | check/checked | translate/translated",
        "the report | a long email | the contract | an angry letter | "
        "the instructions | a short poem | the recipe | the newspaper | "
        "a postcard | the homework | the invitation | three messages",
    ),
    (
        "talk about/talked about | think about/thought about | "
        "worry about/worried about | laugh about/laughed about | "
        "dream about/dreamed about | forget about/forgot about | "
        "complain about/complained about | ask about/asked about",
        "the weather | the accident | money | the election | the trip | "
        "the final score | the loud music | the wedding | the future | "
        "the test results | the noise | the surprise party",
    ),
    (
        "win/won | lose/lost | start/started | finish/finished | "
        "watch/watched | plan/planned | cancel/canceled | practice/practiced",
        "the game | the race | the meeting | a dance class | the concert | "
        "the interview | the piano lesson | the first match | the project",
    ),
]
PAST = _listed(
    "yesterday | last week | this morning | two days ago | last summer | "
    "after lunch | before sunset | in the rain | without me | all alone | "
    "on Tuesday | again | an hour ago | on the weekend | late at night | "
    "near the river | during the storm | for the first time | by mistake | "
    "with great care | at the party | behind the church | in a hurry"
)
FUTURE = _listed(
    "tomorrow | next week | tonight | after dinner | on Sunday | soon | "
    "in the morning | before winter | this evening | next year | together | "
    "at six o'clock | after the break | when it gets dark | right now"
)
NOUNS = _listed(
    "kitchen | garden | movie | hotel | bridge | town | song | story | "
    "storm | dress | puppy | holiday | dinner | speech | house | picture | "
    "road | idea | game | letter | river | view | train | coffee | lesson"
)
ADJECTIVES = _listed(
    "beautiful | terrible | quiet | strange | wonderful | boring | cold | "
    "expensive | funny | lovely | dirty | small | amazing | sad | dark | "
    "crowded | perfect | long | old | noisy | simple | dangerous | sweet"
)
# Capital words are asked of `_Parts`; a template stands as often as it weighs.
TEMPLATES = _listed(
    "SUBJECT DID PAST. | SUBJECT DID PAST. | SUBJECT DID PAST. | "
    "SUBJECT DID. | PAST, SUBJECT DID. | "
    "SUBJECT will DO FUTURE. | SUBJECT might DO FUTURE. | "
    "SUBJECT should never DO. | SUBJECT could not DO PAST. | "
    "SUBJECT wanted to DO FUTURE. | SUBJECT tried to DO PAST. | "
    "SUBJECT decided to DO. | SUBJECT forgot to DO PAST. | "
    "SUBJECT DID and OTHER DID. | "
    "SUBJECT DID because the NOUN was ADJECTIVE. | "
    "SUBJECT said the NOUN was ADJECTIVE. | "
    "the NOUN was ADJECTIVE PAST. | the ADJECTIVE NOUN was not ADJECTIVE. | "
    "there was a ADJECTIVE NOUN near the NOUN. | "
    "did SUBJECT DO PAST? | did SUBJECT really DO? | "
    "why did SUBJECT DO? | when did SUBJECT DO? | how did SUBJECT DO PAST? | "
    "will SUBJECT DO FUTURE? | would you like to DO FUTURE? | "
    "can we DO FUTURE? | who wants to DO FUTURE? | "
    "do you think SUBJECT will DO? | was the NOUN really so ADJECTIVE? | "
    "please DO FUTURE. | don't DO FUTURE! | let's DO FUTURE! | "
    "I can't believe SUBJECT DID! | what a ADJECTIVE NOUN, thank you! | "
    "I'm so glad SUBJECT DID! | oh no, SUBJECT DID!"
)


def _actions():
    """Lists what can be done, as base and past."""
    return [
        tuple(f"{verb} {what}" for verb in pair.split("/"))
        for verbs, objects in FRAMES
        for pair in _listed(verbs)
        for what in _listed(objects)
    ]


class _Parts:
    """Draws what stands for the capital words of a template."""

    actions = _actions()

    def __init__(self, rng):
        self.rng = rng

    def fill(self, template):
        """Makes a sentence of a template."""
        words = []
        for word in template.split():
            name = word.rstrip(".,!?")
            if name.isupper() and name != "I":
                word = self.draw(name) + word[len(name) :]
            words.append(word)
        text = " ".join(words)
        for vowel in "aeiou":
            text = text.replace(f" a {vowel}", f" an {vowel}")
        return text[0].upper() + text[1:]

    def draw(self, name):
        """Draws the words for one capital word."""
        lists = {
            "SUBJECT": SUBJECTS,
            "OTHER": SUBJECTS,
            "PAST": PAST,
            "FUTURE": FUTURE,
            "NOUN": NOUNS,
            "ADJECTIVE": ADJECTIVES,
        }
        if name in lists:
            return self.rng.choice(lists[name])
        return self.rng.choice(self.actions)[name == "DID"]


def spoken_sentences(count, seed):
    """Draws distinct sentences of 4 to 12 words.

    Statements, questions, requests and exclamations about people, things,
    food, places and plans.

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
    rng = random.Random(seed)
    parts = _Parts(rng)
    taken = {sentence.lower() for sentence in everyday_sentences(MOST)}
    sentences = []
    while len(sentences) < count:
        sentence = parts.fill(rng.choice(TEMPLATES))
        fits = SHORTEST <= len(sentence.split()) <= LONGEST
        if fits and sentence.lower() not in taken:
            taken.add(sentence.lower())
            sentences.append(sentence)
    return sentences
