"""Chromium for the tests: its start, and the screens that it shows.

Authors
 * The speechbrain_relm contributors 2026
"""

import shutil

from selenium import webdriver


def open_browser(*arguments):
    """Starts Chromium without a window."""
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", *arguments):
        options.add_argument(argument)
    # Named, or Selenium would ask the network for one.
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    return webdriver.Chrome(options, service)


def take_screen(browser, width, height, scheme="light", mobile=False):
    """Shows pages on a screen of some size, in light or dark."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {
            "width": width,
            "height": height,
            "deviceScaleFactor": 1,
            "mobile": mobile,
        },
    )
    prefers = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [prefers]}
    )


def download_to(browser, folder):
    """Lets pages download into a folder."""
    allowed = {"behavior": "allow", "downloadPath": str(folder)}
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", allowed)
