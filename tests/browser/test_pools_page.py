"""Staking pools, one pool, and a wallet in all of them: over a real past, stub contracts, and on a stage."""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import both_ways, share, violations
from tests.browser.conftest import Open
from tests.browser.past import PastServer, a_past, running
from tests.browser.pooled import WALLET, contract
from tests.browser.stage import address, play
from tests.conflux.test_contracts import words
from tests.server.history import Past
from tests.server.pool_node import Contract, PoolNode
from tests.server.stage import served, settings
from tests.stub_node import person
from tests.stub_node import served as nodes_served
from vedette.conflux.address import encode
from vedette.model.performance import ENOUGH_EPOCHS
from vedette.model.pool import PoolHoldings, PoolReading, PoolTerms
from vedette.server import asking as budgets
from vedette.server.house import House
from vedette.server.settings import EndpointSetting, PoolSetting
from vedette.store.pools import list_pools, remember_pool

pytestmark = pytest.mark.browser

SLOW_MS = 20_000
STILL_MS = 60_000
NOBODY = "cfx:aarc9abycue0hhzgyrr53m6cxedgccrmmyybjgh4xg"

STEADY, CHANGING, LATE, LIQUID = (encode(bytes.fromhex("8" + f"{n}" * 39), 1234) for n in range(1, 5))
NAMES = {STEADY: "Steady", CHANGING: "Changing", LATE: "Late", LIQUID: "Liquid"}
TERMS = PoolTerms(9_000, encode(b"\x10" * 20, 1234), False, None, 2_250_000, 176_400)
HOLDINGS = PoolHoldings(70, 2**70, 2**71, 512, 66, 90, 20, 2**72, 2_000 * 10**18)

OURS, OTHER = STEADY, CHANGING
CAROL, DAVE, EVE = (encode(bytes.fromhex("1" + digit * 39), 1234) for digit in "cde")
ROUTES = [
    "/pools",
    f"/pools/{contract(2)}",
    f"/pools/{contract(4)}",
    f"/wallet/{WALLET}",
    f"/wallet/{NOBODY}",
]


async def tell_pools(house: House, past: Past) -> None:
    """Four of them: one steady, one that changed its fee, one that was seen late, one of another kind."""
    at = past.end_ms
    paid = {who: sum(drips.get(who, 0) for drips in past.drips.values()) for who in past.people}
    steady, changing, late = sorted(past.people, key=lambda who: paid[who], reverse=True)[:3]
    readings = [
        (PoolReading(STEADY, "Steady", steady, True, TERMS, HOLDINGS), at(10) + 1),
        (PoolReading(CHANGING, None, changing, True, replace(TERMS, user_share_hundredths=9_500)), at(10)),
        (PoolReading(CHANGING, terms=replace(TERMS, user_share_hundredths=8_000)), at(20) + 1),
        (PoolReading(LATE, None, late, False, TERMS), at(24) + 1),
        (PoolReading(LIQUID, trouble="its contract is of another kind"), at(10)),
    ]
    await house.database.write(lambda conn: list_pools(conn, NAMES, at(10)))
    for reading, at_ms in readings:
        await house.database.write(lambda conn, r=reading, t=at_ms: remember_pool(conn, r, t))  # type: ignore[misc]


@contextlib.asynccontextmanager
async def asking(place: Path) -> AsyncIterator[str]:
    """A server that asks a stub node about two pools, of which one tells what its stakers have."""
    ours = Contract(name="Ours", stakers={CAROL: words(9, 7, 5, 2, 811 * 10**18, 4)})
    contracts = {OURS: ours, OTHER: Contract(lacks=["userSummary"])}
    node = PoolNode(committed=33, contracts=contracts, registered={OURS: person(1)})
    async with nodes_served(node):
        given = settings(
            place,
            endpoints=(EndpointSetting("stub", node.url),),
            pools=(PoolSetting("Ours", OURS), PoolSetting("Other", OTHER)),
            pool_seconds=100,
        )
        async with served(given) as (_, url):
            await asyncio.to_thread(until_answered, PastServer(url))
            yield url


def until_answered(server: PastServer) -> None:
    """Until both pools have been looked at."""
    for _ in range(300):
        rows = server.ask("pools")["pools"]
        if len(rows) == 2 and all(row["told_at_ms"] for row in rows):
            return
        time.sleep(0.1)
    raise AssertionError("the pools were not looked at")


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PastServer]:
    with running(a_past(tmp_path_factory.mktemp("pools"), tell_pools)) as server:
        yield server


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PastServer]:
    with running(asking(tmp_path_factory.mktemp("wallets"))) as server:
        yield server


def heading(page: Page) -> Locator:
    return page.locator("main h1")


def percent(ppm: int) -> str:
    return f"{ppm // 100 / 100:.2f} %"


def figure(page: Page, name: str) -> Locator:
    """The number under or beside that word."""
    terms = page.locator("dl > div", has=page.locator("dt").get_by_text(name, exact=True))
    return terms.locator("dd").first


# --- the list


def test_pools_are_ranked_by_what_they_left_after_the_fee(opened: Open, past: PastServer) -> None:
    told = past.ask("pools?window=all")["pools"]
    with opened(f"{past.url}/pools?window=all") as page:
        expect(heading(page)).to_have_text(
            "4 pools; no yield is of a day or more yet, so none is called the best.", timeout=SLOW_MS
        )
        rows = page.locator("tbody tr")
        expect(rows.locator("th")).to_have_text([row["name"] for row in told])
        yields = [row["performance"]["apy_after_fee_ppm"] for row in told]
        assert yields[:3] == sorted(yields[:3], reverse=True)
        epochs = [row["performance"]["staked_epochs"] for row in told[:3]]
        assert max(epochs) < ENOUGH_EPOCHS  # so each says of how few it is
        cells = [f"in {n} epochs {percent(ppm)}" for n, ppm in zip(epochs, yields[:3], strict=True)]
        expect(rows.locator("td.left")).to_have_text([*cells, "no validator"])
        expect(page.locator("th[aria-sort=descending]")).to_have_text("APY after fee ↓")


def test_the_best_is_called_by_name_and_who_must_act_is_counted(opened: Open) -> None:
    with play("trouble", STILL_MS) as it, opened(f"{it.url}/pools") as page:
        expect(heading(page)).to_have_text(
            "6 pools: Validation Cloud left its stakers most, 11.18 % a year after its fee, "
            "over the last 7 days; 2 must restake.",
            timeout=SLOW_MS,
        )
        page.get_by_role("button", name="all", exact=True).click()
        expect(heading(page)).to_contain_text("since the first known epoch", timeout=SLOW_MS)


def test_what_a_pool_does_not_tell_is_a_word_and_why_is_one_line(opened: Open, past: PastServer) -> None:
    with opened(f"{past.url}/pools") as page:
        row = page.locator("tbody tr", has_text="Liquid")
        row.wait_for(timeout=SLOW_MS)
        cells = row.locator("td:visible").all_inner_texts()
        assert len(cells) == 12
        assert set(cells) == {"no validator", "not told", "unknown"}
        expect(page.get_by_role("listitem").filter(has_text="Liquid")).to_have_text(
            "Liquid its contract is of another kind"
        )


HEADS = {
    "Pool": "name",
    "APY told": "told",
    "Fee": "fee",
    "Score": "score",
    "Reward, CFX": "reward",
    "Stakers": "stakers",
    "Votes": "votes",
    "Unstake wait": "wait",
    "Withdrawable, CFX": "withdrawable",
    "Restake": "restake",
    "Silent epochs": "silent",
    "Code": "code",
}
RANKS = {"no": 0, "waiting": 1, "needed": 2, "fixed": 0, "can change": 1}


def test_every_column_sorts_both_ways_with_the_unknown_last(opened: Open) -> None:
    with play("trouble", STILL_MS) as it, opened(f"{it.url}/pools") as page:
        page.locator("tbody tr").first.wait_for(timeout=SLOW_MS)

        def values(column: str) -> list[Any]:
            cells = page.locator("tbody th" if column == "name" else f"tbody td.{column}").all_inner_texts()
            if column == "name":
                return [text.casefold() for text in cells]
            return [RANKS.get(text.strip(), number(text)) for text in cells]

        for head, column in HEADS.items():
            for direction, reverse in (("ascending", False), ("descending", True)):
                page.locator("thead").get_by_role("button", name=re.compile(f"^{re.escape(head)}")).click()
                expect(page.locator(f"th[aria-sort={direction}]")).to_have_count(1)
                found = values(column)
                known = [value for value in found if value is not None]
                assert len(known) >= 4, head
                assert known == sorted(known, reverse=reverse), head
                assert found[len(known) :] == [None] * (6 - len(known)), head


def number(text: str) -> float | None:
    digits = re.sub(r"[^\d.]", "", text)
    return float(digits) if digits else None


def test_the_usual_order_is_turned_round_and_back_by_its_head(opened: Open) -> None:
    with play("healthy", STILL_MS) as it, opened(f"{it.url}/pools") as page:
        head = page.get_by_role("button", name="APY after fee")
        head.click(timeout=SLOW_MS)
        expect(page).to_have_url(f"{it.url}/pools?sort=left")
        expect(page.locator("th[aria-sort=ascending]")).to_have_count(1)
        head.click()
        expect(page).to_have_url(f"{it.url}/pools")
        expect(page.locator("th[aria-sort=descending]")).to_have_count(1)


def test_a_pool_is_found_by_name_contract_or_validator(opened: Open) -> None:
    with play("healthy", STILL_MS) as it, opened(f"{it.url}/pools") as page:
        for text in ("WEB-o", contract(1), address("node1"), "harbour"):
            page.get_by_role("searchbox").fill(text, timeout=SLOW_MS)
            expect(page.locator("tbody tr")).to_have_count(1)
            expect(page.locator("tbody th")).to_have_text("web-o-matic")
        page.get_by_role("searchbox").fill("nobody")
        expect(page.locator("main")).to_contain_text("No pool matches “nobody”.")


def test_a_window_is_chosen_and_the_file_has_it_and_the_order(opened: Open, past: PastServer) -> None:
    with opened(f"{past.url}/pools?sort=silent") as page:
        page.get_by_role("button", name="all", exact=True).click(timeout=SLOW_MS)
        expect(page).to_have_url(re.compile("window=all"))
        expect(page.locator("main")).to_contain_text("epochs 1–29")
        with page.expect_download() as waiting:
            page.get_by_role("link", name="Download Staking pools as CSV").click()
        assert waiting.value.url.endswith("/api/v1/pools?window=all&sort=silent&format=csv")
        lines = waiting.value.path().read_text().splitlines()
        assert lines[0].startswith("contract,name,own_name")
        assert len(lines) == 5


def test_a_phone_sorts_too_and_shows_what_it_sorts_by(opened: Open) -> None:
    with play("trouble", STILL_MS) as it, opened(f"{it.url}/pools", phone=True) as page:
        page.get_by_label("Sort by").select_option("-withdrawable", timeout=SLOW_MS)
        row = page.locator("tbody tr").first
        expect(row).to_contain_text("Withdrawable, CFX 13,000,000")
        expect(row).to_contain_text("restake needed")
        expect(row.locator("th")).to_have_text("PHX V1")


def test_arrows_walk_the_rows_and_enter_opens_a_pool(opened: Open) -> None:
    with play("healthy", STILL_MS) as it, opened(f"{it.url}/pools") as page:
        page.get_by_role("link", name="Validation Cloud").focus(timeout=SLOW_MS)
        page.keyboard.press("ArrowDown")
        second = page.locator("tbody .row-link").nth(1)
        expect(second).to_be_focused()
        name = second.inner_text()
        page.keyboard.press("Enter")
        expect(heading(page)).to_contain_text(f"{name} left its stakers", timeout=SLOW_MS)
        expect(heading(page)).to_be_focused()


def test_without_any_pool_the_page_says_how_to_watch_one(opened: Open) -> None:
    with play("empty", STILL_MS) as it, opened(f"{it.url}/pools") as page:
        expect(heading(page)).to_have_text("No pool is listed for this network.", timeout=SLOW_MS)
        expect(page.locator("main code")).to_have_text('pools = [{ name = "My pool", contract = "cfx:…" }]')


# --- one pool


def test_one_pool_says_the_same_as_the_api(opened: Open, past: PastServer) -> None:
    told = past.ask(f"pools/{STEADY}?window=all")
    own = told["performance"]
    with opened(f"{past.url}/pools/{STEADY}?window=all") as page:
        expect(heading(page)).to_have_text(
            re.compile(
                r"^Steady left its stakers [\d.]+\s% a year after its fee \(now 10\s%\), in 15 epochs\.$"
            ),
            timeout=SLOW_MS,
        )
        expect(figure(page, "APY after fee")).to_contain_text(str(own["apy_after_fee_ppm"] // 10_000))
        expect(figure(page, "Silent epochs")).to_have_text(str(own["silent_epochs"]))
        expect(figure(page, "Stakers")).to_have_text("66")
        expect(figure(page, "Votes of stakers")).to_have_text("70")
        expect(figure(page, "Withdrawable")).to_have_text("2,000 CFX")
        expect(figure(page, "Unstake wait")).to_have_text("1 d")
        income = int(own["fee_income_gdrip"]) / 1e9
        shown = number(figure(page, "Fee income").inner_text())
        assert shown == pytest.approx(income, abs=1e-4)
        expect(page.locator("main")).to_contain_text(f"fee seen for {own['fee_seen_ppm'] // 10_000}")
        outages = page.get_by_role("table", name="Outages").locator("tbody tr")
        expect(outages).to_have_count(len(told["outages"]))


def test_the_fee_over_time_says_what_changed(opened: Open, past: PastServer) -> None:
    with opened(f"{past.url}/pools/{CHANGING}") as page:
        rows = page.get_by_role("table", name="Fee over time").locator("tbody tr")
        expect(rows).to_have_count(2, timeout=SLOW_MS)
        expect(rows.first).to_contain_text("fee20 %", use_inner_text=False)
        expect(rows.last).to_contain_text("seen first")
        expect(rows.last).to_contain_text("5 %")


def test_every_figure_explains_itself_by_keyboard(opened: Open) -> None:
    with play("healthy", STILL_MS) as it, opened(f"{it.url}/pools/{contract(1)}") as page:
        yields = page.get_by_role("button", name=re.compile("^APY after fee: "))
        yields.focus(timeout=SLOW_MS)
        page.keyboard.press("Enter")
        card = page.get_by_role("dialog", name="APY after fee")
        expect(card).to_contain_text("apy_ppm × sum(reward_staked_gdrip × user_share)")
        expect(card).to_contain_text("part of the reward whose fee was seen")
        page.keyboard.press("Escape")
        expect(yields).to_be_focused()
        expect(page.locator(".figures .number")).to_have_count(9)
        numbers = page.locator("dl .number")
        for one in numbers.all():
            one.click()
            card = page.locator("[popover]:popover-open")
            expect(card).to_have_count(1)
            assert re.search(r"Formula|Told by|CFX|\d", card.inner_text())
            assert "undefined" not in card.inner_text()
            page.keyboard.press("Escape")


def test_who_must_restake_reads_the_exact_call(opened: Open) -> None:
    with play("trouble", STILL_MS) as it, opened(f"{it.url}/pools/{contract(2)}") as page:
        expect(heading(page)).to_contain_text("13,242 votes must be restaked.", timeout=SLOW_MS)
        expect(page.locator("main code", has_text="_restake")).to_have_text("_restakePosVote(13000)")
        page.goto(f"{it.url}/pools/{contract(1)}")
        expect(heading(page)).to_contain_text("40 votes earn nothing for now.", timeout=SLOW_MS)
        expect(page.locator("main")).to_contain_text("The last of them are free at PoS block 1,685,533")


def test_a_pool_of_another_kind_shows_what_is_known(opened: Open) -> None:
    with play("healthy", STILL_MS) as it, opened(f"{it.url}/pools/{contract(4)}") as page:
        expect(page.locator("main")).to_contain_text(
            "its contract is of another kind: it does not answer poolSummary, poolUserShareRatio",
            timeout=SLOW_MS,
        )
        expect(figure(page, "Balance")).to_have_text("3 CFX")
        expect(figure(page, "Fee")).to_have_text("not told")
        expect(figure(page, "Score")).to_have_text("no validator")


def test_a_pool_that_nobody_listed_is_no_alarm(opened: Open, past: PastServer) -> None:
    unknown = encode(bytes.fromhex("8" + "9" * 39), 1234)
    with opened(f"{past.url}/pools/{unknown}", forgiven="404") as page:
        expect(page.get_by_role("alert")).to_contain_text("No pool with this contract is listed.")
        expect(page.locator("main code")).to_contain_text(unknown)


def test_a_validator_leads_to_its_pool_and_back(opened: Open) -> None:
    with play("healthy", STILL_MS) as it, opened(f"{it.url}/validators/{address('node1')}") as page:
        page.get_by_role("link", name="web-o-matic").click(timeout=SLOW_MS)
        expect(page).to_have_url(re.compile("/pools/cfx"))
        page.locator(".below").get_by_role("link", name="node1").click(timeout=SLOW_MS)
        expect(page).to_have_url(f"{it.url}/validators/{address('node1')}")
        page.get_by_role("navigation", name="The validators").get_by_role(
            "link", name="Staking pools"
        ).click()
        expect(page).to_have_url(f"{it.url}/pools")


# --- one wallet


def look_up(page: Page, text: str) -> None:
    page.get_by_label("A wallet’s votes").fill(text, timeout=SLOW_MS)
    page.get_by_label("A wallet’s votes").press("Enter")


def test_a_wallet_is_looked_up_in_every_pool(opened: Open, stub: PastServer) -> None:
    with opened(f"{stub.url}/pools") as page:
        look_up(page, f" {CAROL.upper()} ")
        expect(heading(page)).to_have_text(
            re.compile(
                r"^9 votes in 1 pool, with 0\.0+5\sCFX of interest to claim; 2 may be withdrawn now\.$"
            ),
            timeout=SLOW_MS,
        )
        expect(heading(page)).to_be_focused()
        row = page.get_by_role("table", name="In each pool").locator("tbody tr")
        expect(row.locator("th, td:visible")).to_have_text(
            ["Ours", "9", "7", "5", "2", "0.00", "811.00"], use_inner_text=True
        )
        dates = page.get_by_role("table", name="When votes come free").locator("tbody tr")
        expect(dates).to_have_count(1)
        expect(dates).to_contain_text("may be unstaked")
        expect(page.get_by_role("listitem").filter(has_text="Other")).to_contain_text("does not tell")
        assert CAROL.rpartition(":")[2][:6] not in page.title().lower()


def test_what_is_no_address_at_first_sight_stays_in_the_box(opened: Open, stub: PastServer) -> None:
    with opened(f"{stub.url}/pools") as page:
        for text, line in (
            ("", "Enter the address that staked"),
            ("0x" + "1c" * 20, "This is an eSpace address."),
            ("0x" + "1c" * 32, "This is a PoS address, of a validator."),
            ("carol", "cfx: and 42 letters and digits"),
        ):
            look_up(page, text)
            expect(page.locator("form").get_by_role("status")).to_contain_text(line)
            expect(page.get_by_label("A wallet’s votes")).to_have_attribute("aria-invalid", "true")
            expect(page.get_by_label("A wallet’s votes")).to_be_focused()
            expect(page).to_have_url(f"{stub.url}/pools")


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (CAROL[:-1] + "x", "This address does not do: its checksum is wrong"),
        (encode(b"\x1c" * 20, 1029), "This address does not do: this address is of network 1029"),
    ],
    ids=["checksum", "network"],
)
def test_a_wrong_address_is_one_line_with_what_to_do(
    opened: Open, stub: PastServer, wrong: str, line: str
) -> None:
    with opened(f"{stub.url}/wallet/{wrong}", forgiven="422") as page:
        said = page.get_by_role("alert")
        expect(said).to_contain_text(line, timeout=SLOW_MS)
        expect(said).to_contain_text("Copy it anew from your wallet.")
        expect(said.get_by_role("button")).to_have_count(0)


def test_a_wallet_without_anything_is_told_what_else_to_try(opened: Open, stub: PastServer) -> None:
    with opened(f"{stub.url}/wallet/{DAVE}") as page:
        expect(heading(page)).to_have_text(re.compile("^Nothing in the"), timeout=SLOW_MS)
        expect(page.locator("main")).to_contain_text("look up the address that did")
        expect(page.get_by_role("alert")).to_have_count(0)


def test_who_asks_too_often_is_told_when_to_come_again(opened: Open, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(budgets, "CALLS_PER_MIN", 1.0)
        with running(asking(tmp_path)) as server:
            server.ask(f"wallets/{DAVE}")
            with opened(f"{server.url}/wallet/{EVE}", forgiven="429") as page:
                said = page.get_by_role("alert")
                expect(said).to_contain_text(
                    re.compile(r"Your address is fine: try again in \d+ seconds?\."), timeout=SLOW_MS
                )
                expect(said.get_by_role("button", name="Try again")).to_be_visible()


# --- everybody, everywhere


def test_the_code_of_pools_comes_only_with_their_pages(opened: Open) -> None:
    with play("healthy", STILL_MS) as it, opened(f"{it.url}/") as page:
        page.locator("header .badge.live").wait_for(timeout=SLOW_MS)
        assert not [path for path in it.stage.asked if re.search("Pool|Wallet|poolfigures", path)]
        page.goto(f"{it.url}/pools")
        page.locator("tbody tr").first.wait_for(timeout=SLOW_MS)
        assert [path for path in it.stage.asked if "Pools-" in path]


SHIFTS = """() => new Promise(done => {
  let sum = 0;
  new PerformanceObserver(list => { for (const one of list.getEntries()) sum += one.value; })
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(sum), 600);
})"""


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_nothing_moves_while_a_page_comes(opened: Open, phone: bool) -> None:
    with play("trouble", STILL_MS) as it:
        for path in ROUTES:
            with opened(it.url + path, phone=phone) as page:
                page.locator("main table, main .empty, main dl").first.wait_for(timeout=SLOW_MS)
                assert page.evaluate(SHIFTS) <= 0.02, path


@pytest.mark.parametrize("lang", ["en-US", "zh-CN"])
@pytest.mark.parametrize("scene", ["trouble", "young", "many"])
def test_a_phone_never_scrolls_sideways_and_has_room_for_fingers(opened: Open, scene: str, lang: str) -> None:
    with play(scene, STILL_MS) as it:
        for path in ROUTES:
            if scene == "many" and path == f"/pools/{contract(4)}":
                continue
            with opened(it.url + path, phone=True, lang=lang) as page:
                page.locator("main table, main .empty, main dl").first.wait_for(timeout=SLOW_MS)
                assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), path
                for target in page.locator(
                    "main nav a, main form button, main form input, main select"
                ).all():
                    box = target.bounding_box()
                    assert box is None or box["height"] >= 44, (path, target.inner_text())


def test_both_languages_say_all_of_it(opened: Open) -> None:
    with play("trouble", STILL_MS) as it:
        for path in ROUTES:
            with opened(it.url + path, lang="zh-CN") as page:
                page.locator("main table, main .empty, main dl").first.wait_for(timeout=SLOW_MS)
                text = page.locator("main").inner_text()
                left = [line for line in text.splitlines() if re.search(r"[a-z]{4,} [a-z]{3,}", line)]
                # names of pools, what a server says of one, and lines to copy
                assert all(re.search("[a-z] pool|its contract|My pool", line) for line in left), left


@both_ways
def test_nobody_is_shut_out_of_pools(opened: Open, dark: bool, phone: bool) -> None:
    """axe-core finds nothing against WCAG 2.2 AA, on any of their pages."""
    found = []
    with play("trouble", STILL_MS) as it:
        for path in share([*ROUTES, f"/wallet/{NOBODY[:-1]}a"], phone):
            with opened(it.url + path, dark=dark, phone=phone, bypass_policy=True, forgiven="422") as page:
                page.locator("main table, main .empty, main dl, main [role=alert]").first.wait_for(
                    timeout=SLOW_MS
                )
                page.wait_for_timeout(300)
                found += violations(page)
    assert not found, "\n".join(found)
