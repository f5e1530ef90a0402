"""Pages of other sites, in the browser of somebody who sits at the server's own machine."""

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.past import running
from tests.server.stage import Agent, enrol, hear, served, settings

pytestmark = pytest.mark.browser

ASK = """
async address => {
  const reply = await fetch(address);
  const told = name => reply.headers.get(name) !== null;
  return [reply.status, told('ratelimit'), told('etag'), await reply.json()];
}
"""
TRY = "async ([address, how]) => fetch(address, how).then(() => 'read', () => 'refused')"
LISTEN = """
address => new Promise(resolve => {
  const source = new EventSource(address);
  source.addEventListener('hello', event => { source.close(); resolve(JSON.parse(event.data)); });
})
"""
FRAME = """
address => new Promise(resolve => {
  const frame = document.createElement('iframe');
  frame.onload = () => resolve(frame.contentDocument === null);
  frame.src = address;
  document.body.append(frame);
})
"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        pass


@contextmanager
def another_site(place: Path) -> Iterator[str]:
    (place / "index.html").write_text("<!doctype html><title>another site</title><body></body>")
    site = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(place)))
    threading.Thread(target=site.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{site.server_port}/"
    finally:
        site.shutdown()
        site.server_close()


@contextmanager
def a_fleet(place: Path) -> Iterator[str]:
    @asynccontextmanager
    async def opened() -> AsyncIterator[str]:
        async with served(settings(place)) as (house, url):
            agent = Agent(name="ours")
            await enrol(house, agent)
            await hear(house, *agent.post(agent.envelope(house.ears.now_ms())))
            yield url

    with running(opened()) as server:
        yield server.url


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def test_another_sites_page_reads_what_is_public_and_nothing_of_the_team(page: Page, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    with a_fleet(tmp_path) as ours, another_site(tmp_path / "site") as theirs:
        page.goto(f"{ours}/mark.svg")
        at_home = page.evaluate(ASK, f"{ours}/api/v1/nodes")
        assert [one["name"] for one in at_home[3]["nodes"]] == ["ours"], "the neighbour sees his nodes"
        page.goto(theirs)
        status, told_budget, told_tag, nodes = page.evaluate(ASK, f"{ours}/api/v1/nodes")
        assert (status, told_budget, told_tag, nodes["nodes"]) == (200, True, True, [])
        assert page.evaluate(LISTEN, f"{ours}/api/v1/live")["team"] is False
        known = {"headers": {"Authorization": "Bearer vdt_unknown"}}
        assert page.evaluate(TRY, [f"{ours}/api/v1/nodes", known]) == "read", "a key of its own it may send"
        for how in ({"credentials": "include"}, {"method": "POST"}, {"headers": {"X-Odd": "1"}}):
            assert page.evaluate(TRY, [f"{ours}/api/v1/nodes", how]) == "refused", how
        assert page.evaluate(FRAME, f"{ours}/"), "our page stands in nobody's frame"
