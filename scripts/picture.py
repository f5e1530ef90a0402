"""The README's picture, from a running demo: `python scripts/picture.py URL` writes docs/picture.png."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "picture.png"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def main() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
        page = browser.new_page(viewport={"width": 1280, "height": 440}, color_scheme="light", locale="en")
        page.goto(f"{sys.argv[1]}/validators")
        page.get_by_role("table").wait_for()
        page.wait_for_timeout(2_000)  # the strips are drawn, and a block or two has come in live
        page.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    main()
