"""The page on which people rate two runs, in a real browser, by keyboard.

Authors
 * The speechbrain_relm contributors 2026
"""

import json

import pytest
import soundfile
import torch
from chromium import download_to, open_browser, take_screen
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from speechbrain_relm.evaluation.rating.answers import read_answers
from speechbrain_relm.evaluation.rating.items import Item, add_checks
from speechbrain_relm.evaluation.rating.kit import QUESTIONS, rating_page

PATIENCE = 60  # seconds
MARKUP = "<b>Sorry</b> & </script><script>document.title = 'taken'</script>"


@pytest.fixture
def ask(tmp_path):
    """Makes a kit of three items and a check, and opens it as a file."""
    browsers = []

    def make(kind, width=1280, scheme="light"):
        items = [
            Item(
                f"u{i}",
                "sad",
                f"c{i}",
                {"a": f"{MARKUP} {i}", "b": f"Plain {i}"},
                {"a": "Ours", "b": "Theirs"},
                {"Ours": {"ER": 2}, "Theirs": {"ER": 0}},
            )
            for i in range(3)
        ]
        wavs = {}
        for item in items:
            wavs[item.utterance] = str(tmp_path / f"{item.utterance}.wav")
            noise = 0.01 * torch.randn(3200).numpy()
            soundfile.write(wavs[item.utterance], noise, 16000)
        items = {
            f"item {i}": item
            for i, item in enumerate(add_checks(items, 1, kind, 1))
        }
        key = {
            "kit": "1f2e3d",
            "kind": kind,
            "question": QUESTIONS[kind],
            "seed": 1,
            "systems": ["Ours", "Theirs"],
            "items": {name: item._asdict() for name, item in items.items()},
        }
        page = tmp_path / "kit.html"
        page.write_text(rating_page(key, items, wavs), encoding="utf-8")
        browser = open_browser()
        browsers.append(browser)
        take_screen(browser, width, 800, scheme)
        download_to(browser, tmp_path)
        browser.get(page.as_uri())
        return browser, key

    yield make
    for browser in browsers:
        browser.quit()


def press(browser, *keys):
    """Types, wherever the focus is."""
    webdriver.ActionChains(browser).send_keys(*keys).perform()


def until(browser, condition):
    """Waits."""
    WebDriverWait(browser, PATIENCE).until(lambda _: condition())


def begin(browser, name):
    """Gives a name; Tab goes to the field, and Enter begins."""
    press(browser, Keys.TAB, name, Keys.ENTER)
    until(browser, browser.find_element(By.ID, "trial").is_displayed)


def answers(browser):
    """Reads the two texts shown."""
    return [browser.find_element(By.ID, f"text-{i}").text for i in (1, 2)]


def listen(browser):
    """Plays the recording to its end; before that nothing goes on."""
    button = browser.find_element(By.ID, "next")
    assert not button.is_enabled()
    press(browser, "p")
    status = browser.find_element(By.ID, "unheard")
    until(browser, lambda: not status.text)


def rate(browser, choose):
    """Rates all items; gives the texts in their order."""
    seen = []
    while browser.find_element(By.ID, "trial").is_displayed():
        shown = answers(browser)
        seen.append(shown)
        listen(browser)
        choose(shown)
        assert browser.find_element(By.ID, "next").is_enabled()
        press(browser, Keys.ENTER)
    return seen


def downloaded(browser, folder):
    """Downloads the ratings by keyboard."""
    press(browser, Keys.TAB, Keys.ENTER)
    until(browser, lambda: list(folder.glob("ratings_*.csv")))
    return next(iter(folder.glob("ratings_*.csv")))


def test_preferences_by_keyboard_come_back(ask, tmp_path):
    """Text stays text, and each choice is read as it was made."""
    browser, key = ask("preference")
    wanted = {}

    def choose(shown):
        tests = ["attention" in text for text in shown]
        index = tests.index(True) if any(tests) else len(wanted) % 2
        press(browser, "12"[index])
        if not any(tests):
            wanted[shown[0].split()[-1]] = shown[index]

    begin(browser, "r-1")
    seen = rate(browser, choose)
    assert browser.title == "Two answers to a voice"
    assert any(MARKUP in text for shown in seen for text in shown)
    path = downloaded(browser, tmp_path)
    assert path.name == "ratings_1f2e3d_r-1.csv"
    found = read_answers(key, [path])
    assert found.misses == {"r-1": 0} and len(found.ratings) == 3
    for rating in found.ratings:
        texts = key["items"][rating.item]["texts"]
        chosen = max(rating.points, key=rating.points.get)
        assert texts[chosen] == wanted[texts["a"].split()[-1]]


def test_points_by_keyboard_on_a_phone(ask, tmp_path):
    """Tab and digits' radios; nothing is wider than the phone."""
    browser, key = ask("scale", 390, "dark")
    begin(browser, "x")

    def choose(shown):
        """Space takes the first of five points, arrows the others."""
        for number, text in enumerate(shown, 1):
            points = 2 if "Plain" in text else 5
            points = int(text[-2]) if "attention" in text else points
            fieldset = browser.find_element(By.ID, f"scale-{number}")
            browser.execute_script(
                "arguments[0].querySelector('input').focus()", fieldset
            )
            press(browser, Keys.SPACE, *[Keys.ARROW_RIGHT] * (points - 1))

    wide = "return document.documentElement.scrollWidth"
    assert browser.execute_script(wide) <= 390
    rate(browser, choose)
    found = read_answers(key, [downloaded(browser, tmp_path)])
    assert found.misses == {"x": 0}
    assert [r.points for r in found.ratings] == [{"a": 5, "b": 2}] * 3


def test_each_rater_has_an_order(ask):
    """Another name, another order; the same name goes on where it was."""
    browser, _ = ask("preference")
    orders = {}
    for name in ("ann", "bob", "cem", "ann"):
        browser.refresh()
        browser.find_element(By.ID, "rater").clear()
        browser.find_element(By.ID, "rater").send_keys(name, Keys.ENTER)
        orders.setdefault(name, []).append(answers(browser))
    assert orders["ann"][0] == orders["ann"][1]
    assert len({json.dumps(found[0]) for found in orders.values()}) > 1
    listen(browser)
    press(browser, "0", Keys.ENTER)
    place = browser.find_element(By.ID, "place").text
    browser.refresh()
    assert browser.find_element(By.ID, "rater").get_attribute("value") == "ann"
    browser.find_element(By.ID, "rater").send_keys(Keys.ENTER)
    assert browser.find_element(By.ID, "place").text == place == "2 of 4"
