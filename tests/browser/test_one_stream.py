"""All tabs of a browser share one live stream, at the real server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.past import running
from tests.server.stage import served, settings
from vedette.server.house import House

pytestmark = pytest.mark.browser
SLOW_MS = 30_000
GREETED_MS = 2_500  # what the greeting made a page ask is over

COUNT = """
() => {
  window.heard = [];
  new BroadcastChannel('vedette.live').onmessage = event => {
    if (event.data.kind === 'word') window.heard.push(event.data.word);
  };
}
"""


@dataclass
class Server:
    """A real server without a chain: what happens is told by the test."""

    url: str
    house: House
    loop: asyncio.AbstractEventLoop

    def do(self, deed: Callable[[], object]) -> object:
        async def done() -> object:
            return deed()

        return asyncio.run_coroutine_threadsafe(done(), self.loop).result(30)

    @property
    def streams(self) -> int:
        return len(self.house.live)

    def tell_incident(self) -> None:
        self.do(lambda: self.house.live.publish("incident", b'{"id":1}', 1))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    found: list[Server] = []

    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[str]:
        async with served(settings(tmp_path)) as (house, url):
            found.append(Server(url, house, asyncio.get_running_loop()))
            yield url

    with running(opened()):
        yield found[0]


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(locale="en-US")
    yield made
    made.close()


def open_page(context: BrowserContext, url: str) -> Page:
    page = context.new_page()
    page.goto(f"{url}/incidents")
    expect(page.locator("header .badge")).to_have_text("live", timeout=SLOW_MS)
    return page


def questions(page: Page) -> list[str]:
    """What the page asks of its incidents from now on."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/incidents?" in request.url else None)
    return asked


def wait_for(page: Page, true: Callable[[], object]) -> None:
    for _ in range(SLOW_MS // 50):
        if true():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not come to that")


def test_two_tabs_share_one_stream_and_the_second_goes_on_when_the_first_closes(
    server: Server, context: BrowserContext
) -> None:
    first, second = open_page(context, server.url), open_page(context, server.url)
    onlooker = context.new_page()
    onlooker.goto(f"{server.url}/mark.svg")
    onlooker.evaluate(COUNT)
    assert server.streams == 1
    first.wait_for_timeout(GREETED_MS)
    asked = [questions(page) for page in (first, second)]
    server.tell_incident()
    wait_for(first, lambda: all(asked))
    assert server.streams == 1

    first.close()
    wait_for(onlooker, lambda: onlooker.evaluate("heard.at(-1).type") == "hello")
    hello = onlooker.evaluate("heard.at(-1)")
    assert '"resumed": true' in hello["data"]
    assert hello["id"] == onlooker.evaluate("heard[0].id"), "it goes on after the last event that was heard"
    already = len(asked[1])
    server.tell_incident()
    wait_for(second, lambda: len(asked[1]) > already)
    assert server.streams == 1
    expect(second.locator("header .badge")).to_have_text("live")


def test_the_badge_of_every_tab_tells_of_a_lost_stream(server: Server, context: BrowserContext) -> None:
    first, second = open_page(context, server.url), open_page(context, server.url)
    for page in (first, second):
        page.route("**/api/v1/live*", lambda route: route.abort())
    server.do(server.house.live.close)
    for page in (first, second):
        expect(page.locator("header .badge")).to_contain_text("late", timeout=SLOW_MS)


def test_without_locks_each_tab_has_a_stream_of_its_own(server: Server, context: BrowserContext) -> None:
    context.add_init_script("delete Navigator.prototype.locks")
    first, second = open_page(context, server.url), open_page(context, server.url)
    assert server.streams == 2
    first.wait_for_timeout(GREETED_MS)
    asked = [questions(page) for page in (first, second)]
    server.tell_incident()
    wait_for(first, lambda: all(asked))


@pytest.mark.slow
def test_a_reader_that_sleeps_loses_its_place(server: Server, context: BrowserContext) -> None:
    first, second = open_page(context, server.url), open_page(context, server.url)
    # As a suspended tab: it holds the lock, and says nothing.
    first.evaluate("BroadcastChannel.prototype.postMessage = () => {}")
    asked = questions(second)
    second.wait_for_timeout(GREETED_MS)
    already = len(asked)
    wait_for(second, lambda: server.streams == 1 and _told(server, asked, already))


def _told(server: Server, asked: list[str], already: int) -> bool:
    server.tell_incident()
    return len(asked) > already
