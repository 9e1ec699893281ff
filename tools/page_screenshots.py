#!/usr/bin/env python3
"""Takes the screenshots of docs/demo.md: two spoken turns, three screens.

    python tools/page_screenshots.py results/demo/re_llm_mini/release

needs Debian's chromium and chromium-driver, as `make test-browser` does.

Authors
 * The speechbrain_relm contributors 2026
"""

import io
import sys
import time
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "browser")]

import test_page  # noqa: E402
from chromium import open_browser  # noqa: E402

from speechbrain_relm.demo.listening import Listening  # noqa: E402
from speechbrain_relm.demo.page import build, launch  # noqa: E402
from speechbrain_relm.demo.sounds import Sounds, examples  # noqa: E402
from speechbrain_relm.inference.commands import load  # noqa: E402
from speechbrain_relm.utils.errors import Parser, entry_point  # noqa: E402

SCREENS = {
    "desktop": ("laptop", "light"),
    "dark": ("laptop", "dark"),
    "phone": ("phone", "light"),
}
SAID = ("sad", "happy")  # the same words
COLORS = 96  # enough for a page, a third of the bytes
DRAWN = 3  # seconds until what came last is painted


def shoot(browser, path):
    """Saves what is in view.

    Arguments
    ---------
    browser : selenium.webdriver.Chrome
        The browser.
    path : pathlib.Path
        A PNG file.
    """
    time.sleep(DRAWN)
    image = Image.open(io.BytesIO(browser.get_screenshot_as_png()))
    few = image.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


@entry_point("page_screenshots.py")
def main(arguments):
    """Serves the page, says the same words twice, takes the pictures."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("release", help="folder of a release")
    given = parser.parse_args(arguments)
    sounds = Sounds(examples())
    listening = Listening.of(load(given.release), history_turns=0)
    page = build(listening, sounds)  # as `make web` shows it
    _, address, _ = launch(page, sounds, prevent_thread_lock=True, quiet=True)
    browser = open_browser(*test_page.ARGUMENTS)
    try:
        test_page.show(browser, "laptop")
        test_page.visit(browser, address)
        for count, emotion in enumerate(SAID, start=1):
            button = f"button[aria-label^='Say it {emotion}: He told']"
            test_page.press(browser, button)
            test_page.turns(browser, count)
        for name, (screen, scheme) in SCREENS.items():
            test_page.show(browser, screen, scheme)
            shoot(browser, ROOT / "docs" / "figures" / f"demo_{name}.png")
    finally:
        browser.quit()
    page.close()


if __name__ == "__main__":
    main()
