"""Cards and badges on somebody else's page, in a real browser with the real door before them."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.axe import both_ways, violations
from tests.browser.conftest import Open
from tests.browser.past import PastServer, a_past, running

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PastServer]:
    with running(a_past(tmp_path_factory.mktemp("embeds"))) as server:
        yield server


@pytest.fixture
def address(there: PastServer) -> str:
    found: str = there.ask("committee")["members"][0]["address"]
    return found


@contextlib.contextmanager
def site(html: str) -> Iterator[str]:
    """Somebody else's page: of another origin, for its host has another name."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = html.encode() if self.path == "/" else b""
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@both_ways
def test_a_card_can_be_read_by_everyone(
    opened: Open, there: PastServer, address: str, dark: bool, phone: bool
) -> None:
    with opened(
        f"{there.url}/embed/validators/{address}", dark=dark, phone=phone, bypass_policy=True
    ) as page:
        expect(page.locator("svg.strip rect")).to_have_count(100)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_card_obeys_its_policy_and_follows_the_reader_or_the_page(
    opened: Open, there: PastServer, address: str
) -> None:
    def paper(query: str, *, dark: bool) -> str:
        with opened(f"{there.url}/embed/validators/{address}{query}", dark=dark) as page:
            colour: str = page.evaluate("getComputedStyle(document.querySelector('main')).backgroundColor")
            return colour

    light, night = paper("", dark=False), paper("", dark=True)
    assert light != night
    assert (paper("?theme=dark", dark=False), paper("?theme=light", dark=True)) == (night, light)


def test_card_and_badges_stand_on_another_sites_page(
    browser: Browser, there: PastServer, address: str, tmp_path: Path
) -> None:
    badges = [f"validators/{address}/{what}" for what in ("status", "votes")] + ["network/height"]
    pictures = "".join(f'<img src="{there.url}/badge/{one}.svg" alt="">' for one in badges)
    frame = f'<iframe src="{there.url}/embed/validators/{address}?lang=zh" width="240" height="420"></iframe>'
    with site(f"<!doctype html><title>Ours</title>{pictures}{frame}") as url:
        page = browser.new_page()
        wrong: list[str] = []
        page.on("console", lambda message: wrong.append(message.text))
        page.goto(url, wait_until="load")
        expect(page.frame_locator("iframe").locator(".state")).to_have_text("投票中")
        widths = page.evaluate("[...document.images].map(one => one.naturalWidth)")
        page.close()
    assert min(widths) > 40
    assert wrong == []


def test_nobody_else_may_frame_the_page_itself(browser: Browser, there: PastServer) -> None:
    with site(f'<!doctype html><title>Theirs</title><iframe src="{there.url}/validators"></iframe>') as url:
        page = browser.new_page()
        wrong: list[str] = []
        page.on("console", lambda message: wrong.append(message.text))
        page.goto(url, wait_until="load")
        expect(page.frame_locator("iframe").locator("main")).to_have_count(0)
        page.close()
    assert any("frame-ancestors" in text for text in wrong)
