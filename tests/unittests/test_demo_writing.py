"""What the page writes: escaped, compared, as JSON, and what it can play.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
import random

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

pytest.importorskip("gradio")

from speechbrain_relm.demo import writing
from speechbrain_relm.demo.differing import differing, runs
from speechbrain_relm.demo.listening import Scored, Shown
from speechbrain_relm.demo.page import COLORS
from speechbrain_relm.demo.sounds import Sounds
from speechbrain_relm.demo.visits import Visits
from speechbrain_relm.inference.emotion import Emotion

HOSTILE = '<img src=x> "{{ 7*7 }}" {% raw %} </p>'


def a_turn(speech="I'm sorry. Why?", text="I see. Why?"):
    """A finished spoken turn."""
    emotion = Emotion(
        {"sad": 0.7, "happy": 0.3},
        None,
        {"arousal": 0.2, "dominance": 0.4, "valence": -0.1},
    )
    score = [
        Scored({"ER": 2, "Ex": 1}, [(said, None)]) for said in (speech, text)
    ]
    return writing.Said(Shown("Oh.", emotion, speech, text, *score), "said/a")


def test_all_that_is_said_is_escaped():
    """In turns, in the JSON that they carry, and in problems."""
    said = a_turn(HOSTILE, HOSTILE)
    said = said._replace(shown=said.shown._replace(heard=HOSTILE))
    for html in (
        writing.turns([said]),
        writing.macro("turn", writing.turn(said, 1, coming=True)),
        writing.macro("problem", HOSTILE),
    ):
        assert "<img" not in html and "&lt;img" in html
        assert "7*7" in html


def test_words_that_differ():
    """Those kept are the other's, in its order; the rest puts back."""
    words, rng = ["I", "see", "you", "are", "sad", "Why"], random.Random(1)
    for _ in range(200):
        one, two = (
            " ".join(rng.choices(words, k=rng.randrange(8))) for _ in range(2)
        )
        cut = rng.randrange(len(one) + 1)
        pieces = [(one[:cut], "ER"), (one[cut:], None)]
        found = runs(pieces, two)
        assert "".join(run.text for run in found) == one
        marks = [run.score for run in found for _ in run.text]
        assert marks == ["ER"] * cut + [None] * (len(one) - cut)
        shared = "".join(
            " " if only else c for c, only in zip(one, differing(one, two))
        )
        rest = iter(two.split())
        assert all(word in rest for word in shared.split())
    assert not any(differing("I see.", "I see!"))


def test_the_json_of_a_conversation():
    """Has the levels, what they mean, and the phrases that earned them."""
    said = a_turn()
    score = Scored({"ER": 2, "Ex": 0}, [("I'm sorry.", "ER"), (" Why?", None)])
    said = said._replace(shown=said.shown._replace(speech_score=score))
    (turn,) = json.loads(writing.record([said]))["turns"]
    assert turn["spoken"] and turn["emotion"]["heard"] == "sad"
    assert turn["emotion"]["attributes"]["valence"] == -0.1
    assert turn["answers"][0]["scores"]["emotional_reactions"] == {
        "level": 2,
        "of": 2,
        "meaning": "names a feeling",
        "phrases": ["I'm sorry."],
    }
    assert turn["answers"][1]["system"] == "Whisper + LLM"


def test_the_course_needs_two_spoken_turns():
    """Written ones between them do not count."""
    written = writing.Said(a_turn().shown._replace(emotion=None), None)
    assert writing.voice([a_turn(), written]) == ""
    assert "over 2 spoken turns" in writing.voice([a_turn(), written, a_turn()])


def test_a_system_without_heads_still_shows_its_classes():
    """As one does that was trained without them."""
    said = a_turn()
    emotion = Emotion(None, {"sad": 1.0}, None)
    said = said._replace(shown=said.shown._replace(emotion=emotion))
    html = writing.turns([said])
    assert "100 %" in html and "<svg" not in html
    assert writing.voice([said, said]) == ""


def test_sounds_are_played_by_token_alone(tmp_path):
    """Other names are nothing, and a deleted recording is gone."""
    path = tmp_path / "a.wav"
    path.write_bytes(b"sound")
    sounds = Sounds([("Oh.", "sad", path)])
    client = TestClient(Starlette(routes=[sounds.route()]))
    token = sounds.examples[0].token
    assert client.get(f"/said/{token}").content == b"sound"
    for name in ("a.wav", "..%2Fa.wav", str(path).replace("/", "%2F")):
        assert client.get(f"/said/{name}").status_code == 404
    path.unlink()
    assert client.get(f"/said/{token}").status_code == 404


def test_a_turn_that_is_closed_ends_the_answer():
    """As the button "New conversation" closes it."""
    ended = []

    class Endless:
        """Answers for ever."""

        def start(self):
            """Nothing to remember."""

        def turn(self, talk, recording, text):
            """Tells when it is closed."""
            shown = Shown(text)
            try:
                while True:
                    yield shown._replace(speech=shown.speech + "I")
            finally:
                ended.append(text)

    class Event:
        """Of the button "Send"."""

        _data = None

    coming = Visits(Endless(), Sounds()).take(None, None, "Hm.", Event)
    next(coming), next(coming)
    assert ended == []
    coming.close()
    assert ended == ["Hm."]


def test_every_colour_has_its_dark_one():
    """Black text stays nowhere on black."""
    assert all(light != dark for light, dark in COLORS.values())
