"""Names and log lines that an attacker made, on the real server's pages: shown as they are, run by nobody."""

import asyncio
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, expect

from tests.browser.conftest import Open
from tests.browser.real import Real, real
from tests.server.stage import Agent, enrol, hear

pytestmark = [pytest.mark.browser]

SLOW_MS = 30_000
IMAGE = "<img src=x onerror=alert(1)>"
SCRIPT = "</script><script>alert(2)</script>"
LINK = 'javascript:alert(3)//"><svg onload=alert(4)>'
TOLD = {
    "node.version": f"conflux-rust/{SCRIPT}",
    "node.path": LINK,
    "probe.pow.error": f"ERROR in the log: {IMAGE}",
    "log.last_error": IMAGE,
    "host.os": SCRIPT,
}


async def _told(it: Real, agent: Agent) -> None:
    await enrol(it.house, agent)
    for _ in range(2):
        await hear(it.house, *agent.post(agent.envelope(it.house.ears.now_ms(), states=TOLD)))
        await asyncio.sleep(0.01)


def test_what_an_agent_tells_is_shown_and_never_run(opened: Open, tmp_path: Path) -> None:
    agent = Agent(IMAGE)
    with real(tmp_path, trust_loopback=True, public_references=False) as it:
        it.run(_told(it, agent))
        # Opening it fails the test if anything threw, broke the policy, or was asked of a stranger.
        with opened(f"{it.url}/nodes") as page:
            dialogs: list[str] = []

            def noted(dialog: Dialog) -> None:
                dialogs.append(dialog.message)
                dialog.dismiss()

            page.on("dialog", noted)
            expect(page.get_by_text(IMAGE).first).to_be_visible(timeout=SLOW_MS)
            for path in (f"/nodes/{agent.node_id}", "/versions", "/map", "/incidents", "/"):
                page.goto(it.url + path)
                page.locator("main h1").wait_for()
                if path.startswith("/nodes/"):
                    expect(page.locator("h1")).to_contain_text(IMAGE, timeout=SLOW_MS)
                    expect(page.locator("main")).to_contain_text(
                        f"ERROR in the log: {IMAGE}", timeout=SLOW_MS
                    )
                made = page.locator(
                    "main img, main script, main [onerror], main [onload], a[href^='javascript:']"
                )
                assert made.count() == 0, path
            assert not dialogs
