"""A browser for the page, and a watch over what it must never do."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.browser.stage import STATIC, play

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}

expect.set_options(timeout=20_000)  # whoever waits on a busy machine waits for what will come

Open = Callable[..., AbstractContextManager[Page]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Of a module, not of the session: while it is open, no other test of the thread could run an event loop.
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    if not (STATIC / "index.html").is_file():
        pytest.skip("the page is not built: python hatch_build.py")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def somewhere() -> Iterator[str]:
    """A server with a fleet: the one that VEDETTE_BROWSER_URL names, or the stage."""
    given = os.environ.get("VEDETTE_BROWSER_URL")
    if given:
        yield given.rstrip("/")
        return
    with play("healthy") as running:
        yield running.url


@pytest.fixture
def opened(browser: Browser) -> Open:
    """Open an address; when done, fail if the page complained, broke its policy or asked a stranger."""

    @contextlib.contextmanager
    def open_page(
        url: str,
        *,
        dark: bool = False,
        phone: bool = False,
        lang: str = "en-US",
        forgiven: str | None = None,
        bypass_policy: bool = False,
    ) -> Iterator[Page]:
        context = browser.new_context(
            viewport=PHONE if phone else DESK,  # type: ignore[arg-type]  # a dict of the same shape
            color_scheme="dark" if dark else "light",
            locale=lang,
            bypass_csp=bypass_policy,
        )
        page = context.new_page()
        origin = url.split("/", 3)[2]
        wrong: list[str] = []

        def console(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"} and not (forgiven and forgiven in message.text):
                wrong.append(f"console: {message.text}")

        def request(asked: Request) -> None:
            if asked.url.split("/", 3)[2] != origin and asked.url.startswith(("http", "ws")):
                wrong.append(f"asked a stranger: {asked.url}")

        page.on("console", console)
        page.on("pageerror", lambda error: wrong.append(f"threw: {error}"))
        page.on("request", request)
        page.goto(url)
        page.locator("main h1").wait_for()
        yield page
        context.close()
        assert not wrong, "\n".join(wrong)

    return open_page
