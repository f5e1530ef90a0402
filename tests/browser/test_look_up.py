"""A PoS address pasted into the search of a server that watches nobody: a real server on a small chain."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.past import running
from tests.server.test_lookups import NOBODY, STRANGER, StakeNode, reading

pytestmark = pytest.mark.browser

SLOW_MS = 20_000


@contextlib.asynccontextmanager
async def a_chain(place: Path) -> AsyncIterator[str]:
    async with reading(place, StakeNode(committed=33)) as api:
        yield api.url


@pytest.mark.parametrize(
    ("lang", "offer", "denied"),
    [
        ("en-US", "Look it up on the chain", "The chain has no such account."),
        ("zh-CN", "在链上查询", "链上没有这个账户。"),
    ],
)
def test_a_pasted_address_is_looked_up_and_opened(
    opened: Open, tmp_path: Path, lang: str, offer: str, denied: str
) -> None:
    """The browser tells of the 404 in its console, too."""
    with (
        running(a_chain(tmp_path)) as server,
        opened(f"{server.url}/validators", lang=lang, forgiven="404") as page,
    ):
        page.locator("tbody tr").first.wait_for(timeout=SLOW_MS)
        search, button = page.locator("main").get_by_role("searchbox"), page.get_by_role("button", name=offer)
        search.fill("0xabab")
        expect(page.locator("tbody tr")).to_have_count(0)
        expect(button).to_have_count(0)
        search.fill(NOBODY)
        button.click()
        expect(page.get_by_text(denied)).to_be_visible(timeout=SLOW_MS)
        search.fill(f" {STRANGER.upper()} ")
        button.click()
        page.wait_for_url(f"{server.url}/validators/{STRANGER}", timeout=SLOW_MS)
        expect(page.locator("main")).to_contain_text("7", timeout=SLOW_MS)
        page.goto(f"{server.url}/validators?q={STRANGER}")
        expect(page.locator("tbody tr")).to_have_count(1, timeout=SLOW_MS)
