"""The chain's own pages: committees, epochs, blocks, the network over time, and how far the past is read."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.axe import both_ways, share, violations
from tests.browser.conftest import Open
from tests.browser.past import PastServer, past_server
from tests.browser.stage import play
from tests.server.history import COUNTED, FIRST_STAKED, HEAD, UNPAID, UNSEEN

pytestmark = pytest.mark.browser

EPOCH, BLOCK = 20, 390  # of whom everything is known
UNSEEN_EPOCH, UNSEEN_BLOCK = 6, UNSEEN[3]
PAGES = [
    "/",
    "/committee",
    f"/committee/{EPOCH}",
    "/epochs",
    f"/epochs/{EPOCH}",
    f"/epochs/{UNSEEN_EPOCH}",
    f"/blocks/{BLOCK}",
    f"/blocks/{UNSEEN_BLOCK}",
    "/history?window=all",
    "/epochs/999",
]
SLOW_MS = 20_000


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PastServer]:
    with past_server(tmp_path_factory.mktemp("past")) as running:
        yield running


def heading(page: Page) -> Locator:
    return page.locator("main h1")


def whole(number: int) -> str:
    return f"{number:,}"


def shortened(address: str) -> str:
    return f"{address[:8]}…{address[-4:]}"


# --- committees


def test_the_acting_committee_says_how_many_votes_sign(opened: Open, past: PastServer) -> None:
    told = past.ask("committee")
    signing = sum(one["votes"] for one in told["members"] if one["signed_blocks"])
    with opened(f"{past.url}/committee") as page:
        expect(heading(page)).to_have_text(
            f"{signing} of {told['total_votes']} votes sign, "
            f"{signing - told['quorum_votes']} more than the quorum needs."
        )
        expect(page.locator("tbody tr")).to_have_count(len(told["members"]))
        expect(page.get_by_role("img", name="Votes:")).to_have_attribute(
            "aria-label", re.compile(f"the quorum is {told['quorum_votes']}")
        )
        first = page.locator("tbody tr").first
        expect(first).to_contain_text(shortened(told["members"][0]["address"]))
        expect(first).to_contain_text(
            f"{told['members'][0]['signed_blocks']} of {told['members'][0]['known_blocks']}"
        )


def test_any_epochs_committee_can_be_asked_for_and_leads_to_its_members(
    opened: Open, past: PastServer
) -> None:
    with opened(f"{past.url}/committee") as page:
        page.get_by_label("Epoch number").fill(str(EPOCH))
        page.get_by_label("Epoch number").press("Enter")
        expect(page).to_have_url(f"{past.url}/committee/{EPOCH}")
        expect(heading(page)).to_contain_text("signed.")
        page.get_by_role("button", name="Share signed").click()
        least = min(past.ask(f"committee/{EPOCH}")["members"], key=lambda one: one["signed_blocks"])
        expect(page.locator("tbody tr").first).to_contain_text(f"{least['signed_blocks']} of 20")
        page.get_by_role("searchbox").fill(least["address"][2:10])
        expect(page.locator("tbody tr")).to_have_count(1)
        page.locator(".row-link").click()
        expect(page).to_have_url(f"{past.url}/validators/{least['address']}")


def test_a_committee_that_nobody_knows_is_no_alarm(opened: Open, past: PastServer) -> None:
    with opened(f"{past.url}/committee/999", forgiven="404") as page:
        expect(page.locator("main")).to_contain_text("its epoch has not begun yet")
        expect(page.get_by_role("alert")).to_have_count(0)


# --- epochs


def test_epochs_are_listed_with_what_is_not_known_of_them(opened: Open, past: PastServer) -> None:
    with opened(f"{past.url}/epochs") as page:
        expect(heading(page)).to_contain_text(f"Epoch {COUNTED[-1]} ended")
        rows = page.locator("tbody tr")
        expect(rows).to_have_count(len(COUNTED))
        expect(rows.filter(has=page.get_by_role("link", name=str(UNPAID), exact=True))).to_contain_text(
            "not known"
        )
        unseen = rows.filter(has=page.get_by_role("link", name=str(UNSEEN_EPOCH), exact=True))
        expect(unseen).to_contain_text(f"{20 - len(UNSEEN)} of 20")
        bars = page.get_by_role("slider", name="Participation of epochs")
        bars.focus()
        for _ in range(COUNTED[-1] - 4 + 1):
            page.keyboard.press("ArrowLeft")
        expect(bars).to_have_attribute("aria-valuetext", "Epoch 4: not counted")


def test_epochs_are_turned_page_by_page_and_the_address_keeps_it(opened: Open, past: PastServer) -> None:
    def short(route: Route) -> None:
        route.continue_(url=route.request.url.replace("limit=50", "limit=10"))

    with opened(past.url) as page:
        page.route(re.compile("/api/v1/epochs"), short)
        page.get_by_role("link", name="Epochs", exact=True).click()
        expect(page.locator("tbody tr")).to_have_count(10)
        page.get_by_role("link", name="Older").click()
        expect(heading(page)).to_have_text(f"Epochs {COUNTED[-20]} to {COUNTED[-11]}.")
        page.reload()
        expect(heading(page)).to_have_text(f"Epochs {COUNTED[-20]} to {COUNTED[-11]}.")
        page.go_back()
        expect(heading(page)).to_contain_text(f"Epoch {COUNTED[-1]} ended")
        page.goto(f"{past.url}/epochs?before=1")
        expect(heading(page)).to_have_text("No epoch before 1 was counted.")


def test_all_epochs_come_as_a_file(opened: Open, past: PastServer) -> None:
    with opened(f"{past.url}/epochs") as page:
        with page.expect_download() as waiting:
            page.get_by_role("link", name="Download Epochs as CSV").click()
        lines = waiting.value.path().read_text().splitlines()
        assert lines[0].startswith("epoch,first_height")
        assert len(lines) == 1 + len(COUNTED)


def test_an_epoch_says_what_everybody_did_and_was_paid(opened: Open, past: PastServer) -> None:
    told = past.ask(f"epochs/{EPOCH}")
    with opened(f"{past.url}/epochs/{EPOCH}") as page:
        expect(heading(page)).to_contain_text("of the votes were cast in 20 blocks.")
        rows = page.locator("tbody tr")
        expect(rows).to_have_count(len(told["accounts"]))
        paid = max(told["accounts"], key=lambda one: int(one["reward_drip"]))
        page.get_by_role("button", name="Reward, CFX").click()
        page.get_by_role("button", name="Reward, CFX").click()
        expect(rows.first).to_contain_text(shortened(paid["address"]))
        cfx = int(paid["reward_drip"]) // 10**16
        expect(rows.first).to_contain_text(f"{cfx // 100:,}.{cfx % 100:02}")
        candidate = next(one for one in told["accounts"] if one["votes"] == 0)
        page.get_by_role("searchbox").fill(candidate["address"])
        expect(rows).to_contain_text("candidate")


def test_keys_walk_an_epochs_blocks_and_enter_opens_one(opened: Open, past: PastServer) -> None:
    with opened(f"{past.url}/epochs/{UNSEEN_EPOCH}") as page:
        bars = page.get_by_role("slider", name="Votes in blocks")
        expect(bars).to_have_attribute("aria-valuetext", re.compile(f"{20 - len(UNSEEN)} blocks known"))
        bars.focus()
        page.keyboard.press("Home")
        expect(bars).to_have_attribute("aria-valuetext", re.compile(r"^Block 101: \d+ of 300 votes"))
        for _ in range(UNSEEN_BLOCK - 101):
            page.keyboard.press("ArrowRight")
        expect(bars).to_have_attribute(
            "aria-valuetext", re.compile(f"^Block {UNSEEN_BLOCK}: no certificate was seen")
        )
        expect(page.locator(".tip")).to_contain_text(f"Block {UNSEEN_BLOCK}")
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{past.url}/blocks/{UNSEEN_BLOCK}")
        expect(heading(page)).to_be_focused()
        page.go_back()
        expect(page).to_have_url(f"{past.url}/epochs/{UNSEEN_EPOCH}")


def test_an_epoch_that_is_not_over_says_so(opened: Open, past: PastServer) -> None:
    with opened(f"{past.url}/epochs/{COUNTED[-1]}", forgiven="404") as page:
        page.get_by_role("link", name=f"Epoch {COUNTED[-1] + 1}", exact=True).click()
        expect(page.locator("main")).to_contain_text("it has not ended yet")
        expect(page.get_by_role("alert")).to_have_count(0)
        page.get_by_role("link", name="Its committee").click()
        expect(heading(page)).to_contain_text("votes")


# --- blocks


def test_a_block_says_who_signed_and_who_did_not(opened: Open, past: PastServer) -> None:
    height = next(h for h in range(400, 1, -1) if past.ask(f"blocks/{h}")["absent"])
    told = past.ask(f"blocks/{height}")
    seats = {one["address"]: one["votes"] for one in past.ask(f"committee/{told['epoch']}")["members"]}
    with opened(f"{past.url}/blocks/{height}") as page:
        expect(heading(page)).to_have_text(
            f"Block {height} has {told['signed_votes']} of {told['total_votes']} votes."
        )
        rows = page.locator("tbody tr")
        expect(rows).to_have_count(len(told["signed"]) + len(told["absent"]))
        absent = max(told["absent"], key=lambda address: seats[address])
        expect(rows.first).to_contain_text(shortened(absent))
        expect(rows.first).to_contain_text(f"{seats[absent]}")
        expect(rows.first).to_contain_text("absent")
        missing = told["total_votes"] - told["signed_votes"]
        expect(page.get_by_role("img", name="Votes:")).to_have_attribute(
            "aria-label", re.compile(f"{missing} absent, 0 unknown")
        )
        page.get_by_role("link", name=f"Block {height - 1}", exact=True).click()
        expect(heading(page)).to_contain_text(f"Block {height - 1}")
        page.get_by_role("link", name=f"Epoch {told['epoch']}", exact=True).first.click()
        expect(page).to_have_url(re.compile(r"/epochs/\d+$"))


def test_a_block_without_a_certificate_accuses_nobody(opened: Open, past: PastServer) -> None:
    with opened(f"{past.url}/blocks/{UNSEEN_BLOCK}") as page:
        expect(heading(page)).to_have_text(f"Block {UNSEEN_BLOCK}: nobody saw its certificate.")
        expect(page.locator("main")).to_contain_text("Nobody is accused.")
        expect(page.locator("main")).not_to_contain_text("absent")


def test_a_block_that_is_still_to_come_appears_by_itself(opened: Open) -> None:
    with play("healthy", 60_000) as it:
        height = it.stage.height + 1
        with opened(f"{it.url}/blocks/{height}", forgiven="404") as page:
            expect(page.locator("main")).to_contain_text("It is not settled yet")
            expect(page.locator("header .badge")).to_have_text("live", timeout=SLOW_MS)
            it.say(it.stage.next_block)
            expect(heading(page)).to_contain_text(f"Block {whole(height)} has", timeout=SLOW_MS)


def test_a_cell_of_a_strip_opens_its_block(opened: Open, past: PastServer) -> None:
    member = past.ask(f"committee/{EPOCH}")["members"][0]["address"]
    with opened(f"{past.url}/validators/{member}") as page:
        strip = page.get_by_role("slider", name="Votes of").first
        strip.focus()
        page.keyboard.press("End")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{past.url}/blocks/{HEAD - 1}")
        expect(heading(page)).to_be_focused()
        page.go_back()
        box = page.get_by_role("slider", name="Votes of").first.bounding_box()
        assert box
        page.mouse.click(box["x"] + box["width"] - 2, box["y"] + 8)
        expect(page).to_have_url(f"{past.url}/blocks/{HEAD}")


def test_a_fingers_first_tap_says_the_words_and_its_second_opens(opened: Open, past: PastServer) -> None:
    tap = """(strip, x) => strip.dispatchEvent(new PointerEvent("click",
        { pointerType: "touch", clientX: x, clientY: strip.getBoundingClientRect().y + 8, bubbles: true }))"""
    with opened(f"{past.url}/epochs/{EPOCH}", phone=True) as page:
        bars = page.get_by_role("slider", name="Votes in blocks")
        expect(bars).to_have_attribute("aria-valuetext", re.compile("20 blocks known"))
        box = bars.bounding_box()
        assert box
        bars.evaluate(tap, box["x"] + 10)
        expect(page.locator(".tip")).to_contain_text("Block 381")
        bars.evaluate(tap, box["x"] + box["width"] - 3)
        expect(page.locator(".tip")).to_contain_text("Block 400")
        expect(page).to_have_url(f"{past.url}/epochs/{EPOCH}")
        bars.evaluate(tap, box["x"] + box["width"] - 3)
        expect(page).to_have_url(f"{past.url}/blocks/400")


def test_the_newest_blocks_lead_to_their_pages(opened: Open, past: PastServer) -> None:
    with opened(past.url) as page:
        page.get_by_role("link", name=whole(HEAD), exact=True).click()
        expect(page).to_have_url(f"{past.url}/blocks/{HEAD}")
        expect(page.get_by_role("navigation", name="The network")).to_contain_text("Epochs")


# --- the network over time


def test_history_draws_what_is_known_and_names_what_is_not(opened: Open, past: PastServer) -> None:
    told = past.ask("network/history?window=all&points=400")
    assert told["staked_votes"].count(None) == len([epoch for epoch in COUNTED if epoch < FIRST_STAKED])
    with opened(f"{past.url}/history?window=all") as page:
        expect(heading(page)).to_contain_text("of all votes were cast")
        expect(page.locator("figure .u-over")).to_have_count(5, timeout=SLOW_MS)
        staked = page.locator("figure", has_text="Total staked")
        staked.get_by_role("button", name="Table").click()
        known = staked.locator("tbody td.num", has_not_text="–")
        expect(known).to_have_count(len(COUNTED) - told["staked_votes"].count(None))
        page.get_by_role("button", name="24 h").click()
        expect(page).to_have_url(re.compile("window=24h"))


def test_history_zooms_and_the_address_keeps_it(opened: Open, past: PastServer) -> None:
    with opened(f"{past.url}/history?window=all") as page:
        over = page.locator(".u-over").first
        over.wait_for(timeout=SLOW_MS)
        box = over.bounding_box()
        assert box
        page.mouse.move(box["x"] + 100, box["y"] + 40)
        page.mouse.down()
        page.mouse.move(box["x"] + 300, box["y"] + 40, steps=6)
        page.mouse.up()
        expect(page).to_have_url(re.compile(r"from=\d{13}&to=\d{13}"))
        page.reload()
        page.get_by_role("button", name="Table").first.click(timeout=SLOW_MS)
        rows = page.locator("figure").first.locator("tbody tr")
        expect(rows.first).to_be_visible()
        assert 0 < rows.count() < len(COUNTED)
        page.get_by_role("button", name="zoomed").click()
        expect(page).not_to_have_url(re.compile("from="))
        expect(rows).to_have_count(len(COUNTED) + 1)  # and a moment of nothing for the one not counted


# --- how far the past is read


def test_reading_the_past_is_told_with_a_bar_and_an_end_and_then_no_more(opened: Open) -> None:
    with play("healthy", 500) as it:
        it.stage.unread = int(it.stage.height * 0.59)
        with opened(it.url) as page:
            bar = page.get_by_role("progressbar")
            expect(bar).to_have_attribute("aria-valuenow", re.compile("4[01]"))
            expect(page.locator("main")).to_contain_text(
                re.compile("Reading the past: 4[01] % · about [23] h left")
            )
            it.stage.unread, it.stage.asked_share = 0, 0.25
            expect(bar).to_have_count(0, timeout=SLOW_MS)
            expect(page.locator("main")).not_to_contain_text("past")


def test_what_is_not_known_of_the_past_is_told_where_the_past_is(opened: Open, past: PastServer) -> None:
    with opened(f"{past.url}/epochs") as page:
        expect(page.locator("main .head")).to_contain_text(
            "Not known of the past so far: 1 epoch and what 1 epoch paid."
        )


# --- everybody, everywhere


def test_code_that_does_not_come_is_told_and_asked_for_again(opened: Open, past: PastServer) -> None:
    with opened(past.url, forgiven="Failed to") as page:
        page.route(re.compile(r"/assets/.*Committee.*\.js"), lambda route: route.abort())
        page.get_by_role("navigation", name="The network").get_by_role("link", name="Committee").click()
        expect(page.get_by_role("alert")).to_contain_text("This page could not be loaded.")
        page.unroute(re.compile(r"/assets/.*Committee.*\.js"))
        page.get_by_role("button", name="Try again").click()
        expect(heading(page)).to_contain_text("votes sign", timeout=SLOW_MS)


@pytest.mark.parametrize("lang", ["en-US", "zh-CN"])
@pytest.mark.parametrize("path", PAGES)
def test_a_phone_reads_the_chain_without_scrolling_sideways(
    opened: Open, past: PastServer, path: str, lang: str
) -> None:
    with opened(past.url + path, phone=True, lang=lang, forgiven="404") as page:
        page.wait_for_timeout(400)
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
        chapters = page.locator("main nav").first.locator("a")
        assert chapters.count() == 4
        for link in chapters.all():
            box = link.bounding_box()
            assert box
            assert box["height"] >= 44
            assert box["width"] >= 44


@both_ways
def test_nobody_is_shut_out_of_the_chain(opened: Open, past: PastServer, dark: bool, phone: bool) -> None:
    """axe-core finds nothing against WCAG 2.2 AA, on any of its pages."""
    found = []
    for path in share(PAGES, phone):
        with opened(past.url + path, dark=dark, phone=phone, bypass_policy=True, forgiven="404") as page:
            page.locator("header .badge.live").wait_for(timeout=SLOW_MS)
            page.wait_for_timeout(400)
            found += violations(page)
    assert not found, "\n".join(found)
