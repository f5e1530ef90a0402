"""What a person meets on the page, whatever is wrong behind it."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import both_ways, share, violations
from tests.browser.conftest import Open
from tests.browser.stage import address, play

pytestmark = pytest.mark.browser

PLACES = ["/", "/validators", "/nodes", "/incidents"]
STAGED = [
    *PLACES,
    f"/validators/{address('node1')}",
    "/nodes/n0000002",
    "/incidents/12",
    "/incidents/13",
    "/no",
]
SLOW_MS = 20_000  # a busy machine is no reason to fail


def last_block(page: Page) -> int:
    return int(page.locator("canvas[data-last]").first.get_attribute("data-last") or "0")


def scrolls_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


# --- any server


@pytest.mark.parametrize("path", PLACES)
def test_every_place_has_a_sentence_and_asks_nobody_else(opened: Open, somewhere: str, path: str) -> None:
    with opened(somewhere + path) as page:
        expect(page.locator("main h1")).to_have_text(re.compile(r"\S{2,}"))
        expect(page.locator("header .badge")).to_have_text(re.compile("live"), timeout=SLOW_MS)
        assert page.locator("h1").count() == 1
        assert "Vedette" in page.title()


def test_strips_move_cell_by_cell_without_a_reload(opened: Open, somewhere: str) -> None:
    with opened(f"{somewhere}/validators") as page:
        page.locator("canvas[data-last]").first.wait_for(timeout=SLOW_MS)
        page.evaluate("window.untouched = true")
        before, cells = last_block(page), page.locator("canvas[data-last]").first.get_attribute("data-cells")
        page.wait_for_function(
            "before => +document.querySelector('canvas[data-last]').dataset.last > before",
            arg=before,
            timeout=3 * SLOW_MS,
        )
        moved = last_block(page) - before
        after = page.locator("canvas[data-last]").first.get_attribute("data-cells")
        assert page.evaluate("window.untouched === true")
        assert cells
        assert after
        assert len(after) == len(cells)
        assert moved >= 1


def test_the_language_changes_in_place_and_is_remembered(opened: Open, somewhere: str) -> None:
    with opened(f"{somewhere}/nodes") as page:
        page.evaluate("window.untouched = true")
        page.get_by_role("button", name="中文").click()
        expect(page.locator("html")).to_have_attribute("lang", "zh")
        expect(page.locator("header nav")).to_contain_text("验证者")
        assert page.evaluate("window.untouched === true")
        page.reload()
        expect(page.locator("header nav")).to_contain_text("验证者")


def test_a_chinese_browser_is_met_in_chinese(opened: Open, somewhere: str) -> None:
    with opened(somewhere, lang="zh-CN") as page:
        expect(page.locator("html")).to_have_attribute("lang", "zh")
        expect(page.locator("header nav")).to_contain_text("节点")


def test_the_theme_changes_in_place_and_is_there_before_the_first_paint(opened: Open, somewhere: str) -> None:
    with opened(somewhere) as page:
        root, button = page.locator("html"), page.get_by_role("button", name="theme")
        light = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        expect(root).to_have_attribute("data-theme", "light")
        button.click()
        button.click()
        expect(root).to_have_attribute("data-theme", "dark")
        assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != light
        page.add_init_script(
            "new MutationObserver(() => { if (document.body && !window.first) "
            "window.first = document.documentElement.dataset.theme; })"
            ".observe(document, { childList: true, subtree: true });"
        )
        page.reload()
        assert page.evaluate("window.first") == "dark"


def test_a_system_that_turns_dark_takes_the_page_along(opened: Open, somewhere: str) -> None:
    with opened(somewhere) as page:
        page.emulate_media(color_scheme="dark")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")


@pytest.mark.parametrize("lang", ["en-US", "zh-CN"])
@pytest.mark.parametrize("path", PLACES)
def test_a_phone_never_scrolls_sideways(opened: Open, somewhere: str, path: str, lang: str) -> None:
    with opened(somewhere + path, phone=True, lang=lang) as page:
        page.wait_for_timeout(300)
        assert not scrolls_sideways(page)
        for link in page.locator("nav.bottom a").all():
            box = link.bounding_box()
            assert box
            assert box["height"] >= 44


def test_a_keyboard_reaches_the_content_and_walks_the_rows(opened: Open, somewhere: str) -> None:
    with opened(f"{somewhere}/validators") as page:
        page.locator("canvas[data-last]").first.wait_for(timeout=SLOW_MS)
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()
        rows = page.locator(".row-link")
        rows.first.focus()
        page.keyboard.press("ArrowDown")
        expect(rows.nth(1)).to_be_focused()
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("/validators/0x"))
        expect(page.locator("main h1")).to_be_focused()


def test_arrow_keys_name_the_blocks_of_a_strip(opened: Open, somewhere: str) -> None:
    with opened(f"{somewhere}/validators") as page:
        strip = page.get_by_role("slider").first
        strip.wait_for(timeout=SLOW_MS)
        strip.focus()
        page.keyboard.press("Home")
        first = strip.get_attribute("aria-valuenow")
        expect(strip).to_have_attribute("aria-valuetext", re.compile(r"Block [\d,]+: "))
        page.keyboard.press("ArrowRight")
        now = strip.get_attribute("aria-valuenow")
        assert first
        assert now
        assert int(now) > int(first) - 1
        expect(strip).to_have_attribute("aria-valuetext", re.compile("epoch .*round"), timeout=SLOW_MS)


# --- states that are hard to reach


def test_what_is_wrong_comes_first(opened: Open) -> None:
    with play("trouble") as it, opened(it.url) as page:
        expect(page.locator("h1")).to_contain_text("node2 is absent")
        expect(page.locator("h1")).to_contain_text("1 is down")
        expect(page.locator("main section").first).to_contain_text("node2 is down")
        expect(page.locator("main section").first).to_contain_text("Explained by Node down")


def test_an_incident_comes_by_itself_and_is_said_aloud(opened: Open) -> None:
    with play("healthy") as it, opened(f"{it.url}/incidents") as page:
        expect(page.locator("h1")).to_contain_text("Nothing is wrong. The last incident ended")
        it.say(it.stage.open_incident)
        expect(page.locator("h1")).to_have_text(
            "1 incident stands, 1 of them a page; nobody has it yet.", timeout=SLOW_MS
        )
        expect(page.get_by_role("status")).to_contain_text("New incident: node2 is down")


def test_a_lost_connection_is_late_and_comes_back(opened: Open) -> None:
    with play("healthy", 500) as it, opened(it.url, forgiven="Failed to load resource") as page:
        expect(page.locator("header .badge")).to_have_text("live", timeout=SLOW_MS)

        def lose() -> None:
            it.stage.cut = True
            it.stage.hang_up()

        it.say(lose)
        expect(page.locator("header .badge")).to_have_text(re.compile("late"), timeout=SLOW_MS)
        assert page.locator("canvas[data-last]").count() == 4  # what was read is still shown
        it.stage.cut = False
        expect(page.locator("header .badge")).to_have_text("live", timeout=2 * SLOW_MS)


def test_a_paused_page_stands_still(opened: Open) -> None:
    with play("healthy", 300) as it, opened(it.url) as page:
        page.locator("canvas[data-last]").first.wait_for(timeout=SLOW_MS)
        page.locator("header .badge").click()
        expect(page.locator("header .badge")).to_have_text("paused")
        page.wait_for_timeout(500)  # an answer may have been on its way
        before = last_block(page)
        page.wait_for_timeout(1200)
        assert last_block(page) == before
        page.locator("header .badge").click()
        page.wait_for_function(
            "before => +document.querySelector('canvas[data-last]').dataset.last > before", arg=before
        )


def test_a_failing_server_is_quoted_and_tried_again(opened: Open) -> None:
    with play("broken") as it, opened(f"{it.url}/validators", forgiven="Failed to load resource") as page:
        trouble = page.get_by_role("alert")
        expect(trouble).to_contain_text("The validators could not be loaded.")
        expect(trouble).to_contain_text("The database is being moved; try again in a minute.")
        it.stage.fails = False
        trouble.get_by_role("button", name="Try again").click()
        expect(page.locator("canvas[data-last]").first).to_be_visible(timeout=SLOW_MS)
        assert page.get_by_role("alert").count() == 0


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/", 'endpoints = [{ name = "own"'),
        ("/validators", "watch = ["),
        ("/nodes", "vedette agent run --server"),
    ],
)
def test_an_empty_place_teaches_the_next_step(opened: Open, path: str, line: str) -> None:
    with play("empty") as it, opened(it.url + path) as page:
        expect(page.locator("code")).to_contain_text(line)
        expect(page.get_by_role("button", name="Copy")).to_be_visible()


def test_the_public_is_told_that_nodes_are_private(opened: Open) -> None:
    with play("public") as it, opened(f"{it.url}/nodes") as page:
        expect(page.locator("main")).to_contain_text("Nodes are private.")


def test_many_validators_are_found_and_sorted_and_the_address_keeps_it(opened: Open) -> None:
    with play("many", 60_000) as it, opened(f"{it.url}/validators") as page:
        rows = page.locator("tbody tr")
        expect(rows).to_have_count(100, timeout=SLOW_MS)
        expect(rows.first).to_contain_text("node")  # one's own come first
        page.get_by_role("button", name="Committee votes").click()
        expect(page).to_have_url(re.compile("sort=votes"))
        expect(page.locator("th[aria-sort=ascending]")).to_have_count(1)
        expect(rows.first).to_contain_text("–")
        page.get_by_role("searchbox").fill("node3")
        expect(rows).to_have_count(1)
        page.reload()
        expect(rows).to_have_count(1, timeout=SLOW_MS)
        page.get_by_role("searchbox").fill("nobody")
        expect(page.locator("main")).to_contain_text("No validator matches “nobody”.")


def test_an_address_that_is_nowhere_says_so(opened: Open) -> None:
    with play("healthy") as it, opened(f"{it.url}/incidents/99", forgiven="404") as page:
        expect(page.get_by_role("alert")).to_contain_text("There is no such incident")
        page.goto(f"{it.url}/else/where")
        expect(page.locator("h1")).to_have_text("No such page")


def test_charts_zoom_with_the_brush_and_the_address_keeps_it(opened: Open) -> None:
    with play("healthy", 60_000) as it, opened(f"{it.url}/nodes/n0000000?range=6h") as page:
        over = page.locator(".u-over").first
        over.wait_for(timeout=SLOW_MS)
        over.scroll_into_view_if_needed()
        box = over.bounding_box()
        assert box
        y = box["y"] + 40
        page.mouse.move(box["x"] + 40, y)
        page.mouse.down()
        page.mouse.move(box["x"] + 160, y, steps=6)
        page.mouse.up()
        expect(page).to_have_url(re.compile(r"from=\d{13}&to=\d{13}"))
        expect(page.get_by_role("button", name="zoomed")).to_be_visible()
        page.reload()
        page.locator(".u-over").first.wait_for(timeout=SLOW_MS)
        page.locator(".u-over").first.dblclick(position={"x": 60, "y": 40})
        expect(page).not_to_have_url(re.compile("from="))
        page.go_back()
        expect(page).to_have_url(re.compile("from="))


def test_every_chart_has_a_table_and_a_file(opened: Open) -> None:
    with play("healthy", 60_000) as it, opened(f"{it.url}/nodes/n0000000") as page:
        figure = page.locator("figure", has_text="Peers")
        figure.get_by_role("button", name="Table").click()
        expect(figure.locator("tbody tr").first).to_be_visible()
        with page.expect_download() as waiting:
            figure.get_by_role("button", name="CSV").click()
        text = waiting.value.path().read_text()
        assert waiting.value.suggested_filename == "node0-peers.csv"
        assert text.startswith("time,all (mean),all (min),all (max),outgoing (mean)")
        assert len(text.splitlines()) > 300


@both_ways
def test_nobody_is_shut_out(opened: Open, dark: bool, phone: bool) -> None:
    """axe-core finds nothing against WCAG 2.2 AA, on any page."""
    found = []
    with play("trouble", 60_000) as it:
        for path in share(STAGED, phone):
            with opened(it.url + path, dark=dark, phone=phone, bypass_policy=True, forgiven="404") as page:
                page.locator("header .badge.live").wait_for(timeout=SLOW_MS)
                page.wait_for_timeout(400)
                assert not scrolls_sideways(page)
                found += violations(page)
    assert not found, "\n".join(found)
