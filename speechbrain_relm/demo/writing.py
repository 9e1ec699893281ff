"""Writes a conversation: as the page shows it, and as JSON to take home.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, Optional

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from speechbrain_relm.demo.differing import runs
from speechbrain_relm.demo.figures import course, place
from speechbrain_relm.demo.listening import SCORES, Shown

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("assets")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
SPEECH, TEXT = "RE-LLM", "Whisper + LLM"
# The systems, and what each of them knows.
SYSTEMS = {
    "speech": (SPEECH, "hears the voice"),
    "text": (TEXT, "reads the words"),
}
# What EPITOME's levels mean.
MEANINGS = {
    "ER": (
        "Emotional Reaction",
        ("shows no feeling", "hints at a feeling", "names a feeling"),
    ),
    "Ex": (
        "Exploration",
        ("asks nothing", "asks in general", "asks about this in particular"),
    ),
}


class Said(NamedTuple):
    """A turn: what is `shown` of it, and the `sound`'s token, if spoken."""

    shown: Shown
    sound: Optional[str]


def macro(name, *given):
    """Fills a part of the template.

    Arguments
    ---------
    name : str
        Of a macro in `conversation.html`.
    *given
        Its arguments.

    Returns
    -------
    str
        HTML, in which all that was said is text.

    Example
    -------
    >>> macro("problem", "Too <b>loud</b>.")
    '<p class="problem" role="alert">Too &lt;b&gt;loud&lt;/b&gt;.</p>'
    """
    page = TEMPLATES.get_template("conversation.html").module
    return str(getattr(page, name)(*given)).strip()


def heard(emotion):
    """Describes the emotion heard in a turn, by its four likeliest classes.

    Arguments
    ---------
    emotion : speechbrain_relm.inference.emotion.Emotion or None
        What was heard.

    Returns
    -------
    dict or None
        The classes in percent, the likeliest first, and the place on the
        plane, if the system has one.

    Example
    -------
    >>> from speechbrain_relm.inference.emotion import Emotion
    >>> heard(Emotion({"sad": 0.25, "happy": 0.75}, None, None))["classes"]
    [('happy', 75), ('sad', 25)]
    """
    if emotion is None:
        return None
    order = sorted(emotion.classes.items(), key=lambda entry: -entry[1])
    return {
        "classes": [(name, round(100 * chance)) for name, chance in order[:4]],
        "place": place(emotion.attributes),
    }


def answers(shown):
    """Describes both answers, and once they are whole, how they differ.

    Arguments
    ---------
    shown : speechbrain_relm.demo.listening.Shown
        The turn so far.

    Returns
    -------
    list of dict
        One a system.

    Example
    -------
    >>> both = answers(Shown("Oh.", speech="I see."))
    >>> [answer["name"] for answer in both], both[0]["runs"][0].text
    (['RE-LLM', 'Whisper + LLM'], 'I see.')
    """
    said = {"speech": shown.speech, "text": shown.text}
    found = []
    for key, (name, how) in SYSTEMS.items():
        other = said["text" if key == "speech" else "speech"]
        scored = getattr(shown, f"{key}_score")
        pieces = [(said[key], None)] if scored is None else scored.pieces
        found.append(
            {
                "key": key,
                "name": name,
                "how": how,
                "runs": runs(pieces, None if scored is None else other),
                "scores": scored and [
                    _score(score, level)
                    for score, level in scored.levels.items()
                ],
            }
        )  # fmt: skip
    return found


def _score(score, level):
    """Says what a level means."""
    name, meanings = MEANINGS[score]
    return {
        "key": score,
        "name": name,
        "level": level,
        "meaning": meanings[level],
    }


def turn(said, number, coming=False):
    """Describes a turn to the template.

    Arguments
    ---------
    said : Said
        The turn.
    number : int
        Its number, from 1 on.
    coming : bool
        Whether it is still being answered.

    Returns
    -------
    dict
        For the macro `turn`.

    Example
    -------
    >>> start = Said(Shown("Oh."), None)
    >>> "Oh." in macro("turn", turn(start, 1))
    True
    """
    shown = said.shown
    nothing = "…" if coming else "(nothing that Whisper could write down)"
    return {
        "number": number,
        "coming": coming,
        "how": "written" if said.sound is None else "spoken",
        "words": shown.heard or nothing,
        "sound": said.sound,
        "emotion": heard(shown.emotion),
        "answers": answers(shown),
    }


def turns(talk):
    """Writes the finished turns.

    Arguments
    ---------
    talk : list of Said
        The turns.

    Returns
    -------
    str
        HTML, which also holds the conversation's JSON.

    Example
    -------
    >>> turns([])
    ''
    """
    if not talk:
        return ""
    views = [turn(said, number) for number, said in enumerate(talk, start=1)]
    return macro("turns", views, record(talk))


def voice(talk):
    """Draws the voice's course over the spoken turns.

    Arguments
    ---------
    talk : list of Said
        The turns.

    Returns
    -------
    str
        HTML, empty where there are fewer than two.

    Example
    -------
    >>> voice([])
    ''
    """
    emotions = [said.shown.emotion for said in talk]
    found = [e.attributes for e in emotions if e and e.attributes]
    lines = course(found)
    return macro("course", lines, len(found)) if lines else ""


def record(talk):
    """Writes a conversation as JSON.

    Arguments
    ---------
    talk : list of Said
        The turns.

    Returns
    -------
    str
        JSON.

    Example
    -------
    >>> shown = Shown("Oh.", speech="I see.", text="Oh?")
    >>> print(record([Said(shown, None)]))
    {
     "turns": [
      {
       "spoken": false,
       "words": "Oh.",
       "emotion": null,
       "answers": [
        {
         "system": "RE-LLM",
         "answer": "I see.",
         "scores": null
        },
        {
         "system": "Whisper + LLM",
         "answer": "Oh?",
         "scores": null
        }
       ]
      }
     ]
    }
    """
    found = {"turns": [_recorded(said) for said in talk]}
    return json.dumps(found, ensure_ascii=False, indent=1)


def _recorded(said):
    """One turn of `record`."""
    shown, emotion = said.shown, said.shown.emotion
    return {
        "spoken": said.sound is not None,
        "words": shown.heard,
        "emotion": emotion
        and {
            "heard": emotion.label,
            "classes": emotion.classes,
            "attributes": emotion.attributes,
        },
        "answers": [
            {
                "system": name,
                "answer": getattr(shown, key),
                "scores": _earned(getattr(shown, f"{key}_score")),
            }
            for key, (name, _) in SYSTEMS.items()
        ],
    }


def _earned(scored):
    """The levels of an answer, and the phrases that earned them."""
    return scored and {
        SCORES[score]: {
            "level": level,
            "of": 2,
            "meaning": MEANINGS[score][1][level],
            "phrases": [
                piece.strip() for piece, of in scored.pieces if of == score
            ],
        }
        for score, level in scored.levels.items()
    }


def examples(sounds):
    """Writes the examples, a group for each sentence.

    Arguments
    ---------
    sounds : speechbrain_relm.demo.sounds.Sounds
        What holds them.

    Returns
    -------
    str
        HTML.

    Example
    -------
    >>> from speechbrain_relm.demo.sounds import Sounds
    >>> "sad" in examples(Sounds([("Oh.", "sad", "a.wav")]))
    True
    """
    groups = groupby(sounds.examples, key=lambda example: example.words)
    return macro("examples", [(words, list(takes)) for words, takes in groups])
