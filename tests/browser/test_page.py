"""The page in a real browser: what is seen, said, replayed and taken home.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
import threading
import time
from pathlib import Path

import pytest
import soundfile
import torch
from chromium import download_to, open_browser, take_screen
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from speechbrain_relm.demo.listening import Listening, Talk
from speechbrain_relm.demo.page import build, launch
from speechbrain_relm.demo.sounds import Sounds
from speechbrain_relm.inference.epitome import EmpathyScoring
from speechbrain_relm.inference.re_llm import EmpatheticListener
from speechbrain_relm.lobes.whisper_transcriber import WhisperTranscriber
from speechbrain_relm.mini.demo_corpus import spoken_examples

PATIENCE = 120  # seconds
SCREENS = {"laptop": (1280, 720), "phone": (390, 844)}
# The recorder holds something that can be sent.
LOADED = """
#recording audio, #recording #waveform, #recording [aria-label=Play]
"""
LOOKS = Path(__file__).with_name("looks.js")
# A microphone that beeps.
ARGUMENTS = (
    "--hide-scrollbars",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)
HOSTILE = "<img src=x> ![](http://x.org/a.png) **so** ${1+1} {{1+1}} </p>"


class Patient(Listening):
    """Answers of a length that the test says."""

    tokens = 12

    def start(self):
        """Starts a conversation."""
        settings = {"max_new_tokens": self.tokens, "sentences": None}
        return Talk(*(self.listener.converse(**settings) for _ in range(2)))


@pytest.fixture(scope="module")
def listening(release_folder, whisper_folder, scorer_folder):
    """Tiny systems."""
    return Patient(
        EmpatheticListener.from_hparams(release_folder),
        WhisperTranscriber(whisper_folder, max_new_tokens=6),
        EmpathyScoring.from_hparams(scorer_folder),
    )


@pytest.fixture(scope="module")
def address(listening):
    """The page."""
    sounds = Sounds(spoken_examples())
    page = build(listening, sounds)
    _, address, _ = launch(page, sounds, prevent_thread_lock=True, quiet=True)
    yield address
    page.close()


@pytest.fixture(scope="module")
def chromium():
    """One browser for all tests: each start costs seconds."""
    browser = open_browser(*ARGUMENTS)
    yield browser
    browser.quit()


@pytest.fixture
def browser(chromium, address):
    """A new visit, on a laptop, in light."""
    show(chromium, "laptop")
    visit(chromium, address)
    return chromium


def visit(browser, address):
    """Opens the page and waits until it can be used."""
    browser.get(address)
    until(browser, "#scroll[tabindex]")
    until(browser, "#examples [data-ready]")
    until(browser, "#recording button.record, #recording input[type=file]")


def show(browser, screen, scheme="light"):
    """Takes another screen."""
    take_screen(browser, *SCREENS[screen], scheme, mobile=screen == "phone")


def until(browser, selector, condition=lambda element: True):
    """Waits for an element that fulfils a condition."""

    def found(browser):
        for element in browser.find_elements(By.CSS_SELECTOR, selector):
            if condition(element):
                return element
        return None

    # It may be drawn anew meanwhile.
    ignored = [StaleElementReferenceException]
    return WebDriverWait(browser, PATIENCE, 0.2, ignored).until(found)


def press(browser, selector):
    """Clicks."""
    browser.find_element(By.CSS_SELECTOR, selector).click()


def write(browser, text):
    """Writes a turn and sends it."""
    line = browser.find_element(
        By.CSS_SELECTOR, "#written textarea, #written input"
    )
    line.send_keys(text + Keys.ENTER)


def turns(browser, count):
    """Waits for so many finished turns, and gives them."""
    WebDriverWait(browser, PATIENCE, 0.2).until(
        lambda b: len(b.find_elements(By.CSS_SELECTOR, "#past .turn")) == count
        and not b.find_elements(By.CSS_SELECTOR, ".coming")
    )
    return browser.find_elements(By.CSS_SELECTOR, "#past .turn")


def upload(browser, path):
    """Uploads a recording and sends it."""
    press(browser, "#recording [aria-label='Upload file']")
    until(browser, "#recording input[type=file]").send_keys(str(path))
    until(browser, LOADED)
    press(browser, "#send")


def test_the_answer_is_in_view_and_can_be_read(browser):
    """Wide and narrow, light and dark, after two spoken turns."""
    for i, example in enumerate(("sad", "happy"), start=1):
        press(browser, f".examples button[aria-label^='Say it {example}']")
        turns(browser, i)
    for screen, (width, height) in SCREENS.items():
        for scheme in ("light", "dark"):
            show(browser, screen, scheme)
            until(browser, "body.dark" if scheme == "dark" else "body")
            assert_readable(browser, width, height)


def assert_readable(browser, width, height):
    """Nothing scrolls but the conversation, whose last answers are in view."""
    page = "document.documentElement"
    size = f"return [{page}.scrollWidth, {page}.scrollHeight]"
    assert browser.execute_script(size) == [width, height]
    scroll = browser.find_element(By.ID, "scroll").rect
    answers = "#past .turn:last-child .answer"
    for answer in browser.find_elements(By.CSS_SELECTOR, answers):
        top = answer.rect["y"]
        assert scroll["y"] <= top
        bottom = top + answer.rect["height"]
        assert bottom <= scroll["y"] + scroll["height"] <= height
    looks = browser.execute_script(LOOKS.read_text(encoding="utf-8"), 4.5)
    assert looks["texts"] > 30
    assert looks["weak"] == [] and looks["cut"] == []


def test_the_keyboard_alone(browser):
    """An example, its replay, a written turn, a new conversation."""
    tab_to(browser, "example").send_keys(Keys.ENTER)
    turns(browser, 1)
    tab_to(browser, "sound").send_keys(Keys.SPACE)
    # The fake device plays faster or slower; it was asked for, by a token.
    played = "return performance.getEntriesByType('resource').map(e => e.name)"
    WebDriverWait(browser, PATIENCE).until(
        lambda b: any("/said/" in name for name in b.execute_script(played))
    )
    press_line = "#written textarea, #written input"
    tab_to(browser, selector=press_line).send_keys("Why?", Keys.ENTER)
    turns(browser, 2)
    tab_to(browser, selector="#fresh").send_keys(Keys.ENTER)
    turns(browser, 0)


def tab_to(browser, data=None, selector=None):
    """Tabs on until something has the focus."""
    selector = selector or f"[data-{data}]"
    for _ in range(60):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        focused = browser.switch_to.active_element
        script = "return arguments[0].matches(arguments[1])"
        if browser.execute_script(script, focused, selector):
            return focused
    raise AssertionError(f"{selector} cannot be reached")


def test_text_stays_text_and_the_conversation_goes_home(browser, tmp_path):
    """No Markdown, no image, no path; JSON holds what the page shows."""
    write(browser, HOSTILE)
    (turn,) = turns(browser, 1)
    assert HOSTILE in turn.get_property("textContent")
    assert not turn.find_elements(By.CSS_SELECTOR, "img, strong")
    press(browser, ".examples button")
    turns(browser, 2)
    assert "/gradio_api/file=" not in browser.page_source
    assert "spoken-examples" not in browser.page_source
    download_to(browser, tmp_path)
    press(browser, "#download")
    path = tmp_path / "conversation.json"
    WebDriverWait(browser, PATIENCE).until(lambda _: path.is_file())
    found = json.loads(path.read_text(encoding="utf-8"))["turns"]
    assert found[0]["words"] == HOSTILE and not found[0]["spoken"]
    assert set(found[1]["emotion"]["attributes"]) == {
        *("arousal", "dominance", "valence")
    }
    shown = browser.find_elements(By.CSS_SELECTOR, "#past .answer .words")
    told = [a["answer"] for turn in found for a in turn["answers"]]
    assert [words.get_property("textContent") for words in shown] == told


def test_a_new_conversation_ends_the_answer(browser, listening):
    """Here and in the model; another one can start."""
    listening.tokens = 3000
    try:
        write(browser, "Tell me all.")
        until(browser, ".coming .speech .words", lambda e: len(e.text) > 30)
        assert any("_work" in t.name for t in threading.enumerate())
        press(browser, "#fresh")
        WebDriverWait(browser, 10).until(
            lambda _: not any("_work" in t.name for t in threading.enumerate())
        )
        turns(browser, 0)
        time.sleep(1)  # nothing that was under way is drawn
        turns(browser, 0)
    finally:
        listening.tokens = 12
    write(browser, "And now?")
    turns(browser, 1)


@pytest.mark.parametrize("screen", SCREENS)
def test_recording_shows_a_level_and_a_stop(browser, screen):
    """Which nothing covers; what was recorded can be sent."""
    show(browser, screen)
    press(browser, "#recording button.record")
    stop = until(browser, "#recording .stop-button", lambda e: e.is_displayed())
    loud = "aria-valuenow"  # the microphone beeps
    until(browser, ".level.live", lambda e: int(e.get_attribute(loud)) > 0)
    assert browser.find_element(By.CSS_SELECTOR, ".level").is_displayed()
    top = browser.execute_script(
        "const box = arguments[0].getBoundingClientRect();"
        "return document.elementFromPoint(box.x + box.width / 2, "
        "box.y + box.height / 2) === arguments[0]",
        stop,
    )
    assert top
    stop.click()
    until(browser, LOADED)
    press(browser, "#send")
    until(browser, ".problem, #past .turn")


@pytest.mark.parametrize(
    "kind, said",
    [
        ("corrupt", "cannot be read"),
        ("silent", "silent"),
        ("long", "longer than 30 s"),
    ],
)
def test_a_recording_that_is_of_no_use(browser, tmp_path, kind, said):
    """Is explained, and another one can follow."""
    path = tmp_path / f"{kind}.wav"
    if kind == "corrupt":
        path.write_bytes(b"RIFF but no audio" * 100)
    else:
        samples = torch.randn(16000 * (45 if kind == "long" else 2))
        samples *= 0.1 if kind == "long" else 0
        soundfile.write(path, samples.numpy(), 16000)
    upload(browser, path)
    until(browser, ".problem", lambda e: said in e.text)
    turns(browser, 0)


def test_two_users_at_once(browser, address):
    """Each sees a conversation of one's own."""
    first = browser.current_window_handle
    press(browser, ".examples button")
    browser.switch_to.new_window("tab")
    try:
        visit(browser, address)
        write(browser, "Somebody else.")
        (other,) = turns(browser, 1)
        assert "Somebody else." in other.get_property("textContent")
    finally:
        browser.close()
        browser.switch_to.window(first)
    (mine,) = turns(browser, 1)
    assert "Somebody else." not in mine.get_property("textContent")
