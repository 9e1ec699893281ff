"""The page in a real browser: recordings good and bad, and two users.

Authors
 * The speechbrain_relm contributors 2026
"""

import shutil
import time

import pytest
import soundfile
import torch
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from speechbrain_relm.demo.listening import Listening
from speechbrain_relm.demo.page import build, launch
from speechbrain_relm.inference.epitome import EmpathyScoring
from speechbrain_relm.inference.re_llm import EmpatheticListener
from speechbrain_relm.lobes.whisper_transcriber import WhisperTranscriber

PATIENCE = 60  # seconds


@pytest.fixture(scope="module")
def address(release_folder, whisper_folder, scorer_folder):
    """The page, on tiny systems."""
    page = build(
        Listening(
            EmpatheticListener.from_hparams(release_folder),
            WhisperTranscriber(whisper_folder, max_new_tokens=6),
            EmpathyScoring.from_hparams(scorer_folder),
        )
    )
    _, address, _ = launch(page, prevent_thread_lock=True, quiet=True)
    yield address
    page.close()


@pytest.fixture
def visit(address):
    """Opens the page in a browser of its own."""
    browsers = []

    def open_page():
        options = webdriver.ChromeOptions()
        for argument in ("--headless=new", "--no-sandbox"):
            options.add_argument(argument)
        options.add_argument("--window-size=1280,1400")
        # Named, or Selenium would ask the network for one.
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        browsers.append(webdriver.Chrome(options, service))
        browsers[-1].get(address)
        until(browsers[-1], "#recording input[type=file]")
        return browsers[-1]

    yield open_page
    for browser in browsers:
        browser.quit()


def until(browser, selector, condition=lambda element: True):
    """Waits for an element that fulfils a condition."""

    def found(browser):
        for element in browser.find_elements(By.CSS_SELECTOR, selector):
            if condition(element):
                return element
        return None

    return WebDriverWait(browser, PATIENCE).until(found)


def say(browser, path):
    """Uploads a recording and sends it."""
    browser.find_element(
        By.CSS_SELECTOR, "#recording input[type=file]"
    ).send_keys(str(path))
    # It is there once it can be played.
    until(browser, "#recording audio, #recording #waveform")
    time.sleep(1)
    browser.find_element(By.ID, "send").click()


def scores(browser):
    """Waits for the end of a turn: the levels of both systems."""
    for name in ("speech", "text"):
        until(browser, f"#{name}-levels", lambda e: "of 2" in e.text)


def noise(path, seconds, level=0.1):
    """Writes a recording."""
    samples = level * torch.randn(int(seconds * 16000))
    soundfile.write(path, samples.clamp(-1, 1).numpy(), 16000)
    return path


def turns(browser, chat):
    """Counts the assistant's messages."""
    return len(browser.find_elements(By.CSS_SELECTOR, f"#{chat} .message.bot"))


def test_a_recording_is_answered_and_a_written_turn_follows(visit, tmp_path):
    """With emotion, plot, both answers and their scores."""
    browser = visit()
    say(browser, noise(tmp_path / "a.wav", 2))
    scores(browser)
    emotions = browser.find_element(By.ID, "emotion").text
    assert all(e in emotions for e in ("neutral", "sad", "angry", "happy"))
    assert browser.find_elements(By.CSS_SELECTOR, "#plane img")
    assert turns(browser, "speech-chat") == turns(browser, "text-chat") == 1
    written = browser.find_element(By.CSS_SELECTOR, "#written textarea")
    written.send_keys("And what now?\n")
    until(browser, "#speech-chat", lambda e: "And what now?" in e.text)
    WebDriverWait(browser, PATIENCE).until(
        lambda b: turns(b, "speech-chat") == 2
    )
    scores(browser)
    browser.find_element(By.ID, "fresh").click()
    WebDriverWait(browser, PATIENCE).until(
        lambda b: turns(b, "speech-chat") == 0
    )


@pytest.mark.parametrize(
    "kind, said",
    [
        ("corrupt", "cannot be read"),
        ("silent", "silent"),
        ("long", "longer than 30 s"),
    ],
)
def test_a_recording_that_is_of_no_use(visit, tmp_path, kind, said):
    """Is explained, and another one can follow."""
    browser = visit()
    path = tmp_path / f"{kind}.wav"
    if kind == "corrupt":
        path.write_bytes(b"RIFF but no audio" * 100)
    else:
        noise(path, 45 if kind == "long" else 2, 0.1 if kind == "long" else 0)
    say(browser, path)
    until(browser, ".toast-body", lambda e: said in e.text)
    assert turns(browser, "speech-chat") == 0


def test_two_users_at_once(visit, tmp_path):
    """Each sees a conversation of one's own."""
    browsers = [visit(), visit()]
    for i, browser in enumerate(browsers):
        say(browser, noise(tmp_path / f"{i}.wav", 2 + i))
    for browser in browsers:
        scores(browser)
        assert turns(browser, "speech-chat") == 1
