#!/usr/bin/env python3
"""Takes the screenshots of docs/demo.md: one spoken turn, two widths.

    python tools/page_screenshots.py results/demo/re_llm_mini/release \\
        results/demo/ESD/0020/Sad/0020_001357.wav

needs Debian's chromium and chromium-driver, as `make test-browser` does.

Authors
 * The speechbrain_relm contributors 2026
"""

import base64
import io
import shutil
import sys
import time
from pathlib import Path

from PIL import Image
from selenium import webdriver

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "browser")]

import test_page  # noqa: E402

from speechbrain_relm.demo.listening import Listening  # noqa: E402
from speechbrain_relm.demo.page import build, launch  # noqa: E402
from speechbrain_relm.inference.commands import load  # noqa: E402
from speechbrain_relm.inference.epitome import EmpathyScoring  # noqa: E402
from speechbrain_relm.lobes.whisper_transcriber import (  # noqa: E402
    WhisperTranscriber,
)
from speechbrain_relm.mini import epitome  # noqa: E402
from speechbrain_relm.utils.errors import Parser, entry_point  # noqa: E402

WIDTHS = {"desktop": 1280, "phone": 390}
COLORS = 96  # enough for a page, a third of the bytes
DRAWN = 6  # seconds until what came last is painted


def open_browser(width):
    """Opens a browser of a width; no window is narrower than 500 pixels.

    Arguments
    ---------
    width : int
        Pixels.

    Returns
    -------
    selenium.webdriver.Chrome
        The browser.
    """
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars"):
        options.add_argument(argument)
    options.add_argument(f"--window-size={max(width, 500)},1400")
    if width < 500:
        metrics = {"width": width, "height": 844, "pixelRatio": 1.0}
        options.add_experimental_option(
            "mobileEmulation", {"deviceMetrics": metrics}
        )
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    return webdriver.Chrome(options, service)


def shoot(browser, width, path):
    """Saves the whole page.

    Arguments
    ---------
    browser : selenium.webdriver.Chrome
        The browser.
    width : int
        Pixels.
    path : pathlib.Path
        A PNG file.
    """
    time.sleep(DRAWN)
    height = browser.execute_script(
        "return document.documentElement.scrollHeight"
    )
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    found = browser.execute_cdp_cmd(
        "Page.captureScreenshot",
        {"format": "png", "captureBeyondViewport": True, "clip": clip},
    )
    image = Image.open(io.BytesIO(base64.b64decode(found["data"])))
    few = image.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


@entry_point("page_screenshots.py")
def main(arguments):
    """Serves the page, says a turn and takes a picture at each width."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("release", help="folder of a release")
    parser.add_argument("wav", help="the spoken turn")
    given = parser.parse_args(arguments)
    listener = load(given.release)
    transcriber = WhisperTranscriber(listener.hparams.whisper_source)
    scoring = EmpathyScoring.from_hparams(epitome.folder())
    page = build(Listening(listener, transcriber, scoring))
    _, address, _ = launch(page, prevent_thread_lock=True, quiet=True)
    for name, width in WIDTHS.items():
        browser = open_browser(width)
        try:
            browser.get(address)
            test_page.until(browser, "#recording input[type=file]")
            test_page.say(browser, Path(given.wav).resolve())
            test_page.scores(browser)
            path = ROOT / "docs" / "figures" / f"demo_{name}.png"
            shoot(browser, width, path)
        finally:
            browser.quit()
    page.close()


if __name__ == "__main__":
    main()
