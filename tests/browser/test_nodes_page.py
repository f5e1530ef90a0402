"""The list of nodes and a node's page, with nodes of every kind and condition on the stage."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import share, violations
from tests.browser.conftest import Open
from tests.browser.stage import Play, play

pytestmark = pytest.mark.browser

SLOW_MS = 20_000
ROUTES = [
    "/map",
    "/versions",
    "/enrol",
    "/nodes",
    "/nodes/n0000001?uptime=7d",
    "/nodes/n0000002",
    "/nodes/n0000009",
]


@pytest.fixture(scope="module")
def fleet() -> Iterator[Play]:
    with play("fleet", 60_000) as running:
        yield running


def names(page: Page) -> list[str]:
    page.locator("tbody .row-link").first.wait_for(timeout=SLOW_MS)
    return page.locator("tbody .row-link").all_inner_texts()


def test_the_list_begins_with_what_is_worst(opened: Open, fleet: Play) -> None:
    with opened(f"{fleet.url}/nodes") as page:
        assert names(page)[:3] == ["ams-full-3", "hel-voter-2", "gru-full-2"]
        expect(page.locator("h1")).to_contain_text("1 down, 1 zombie, 1 silent")
        layers = page.locator("tr", has_text="hel-voter-2").get_by_role("img")
        expect(layers).to_have_attribute("aria-label", re.compile("Validator: zombie, it says that it votes"))


def test_the_list_is_narrowed_and_the_address_keeps_it(opened: Open, fleet: Play) -> None:
    with opened(f"{fleet.url}/nodes") as page:
        names(page)
        page.get_by_role("combobox", name="Role").select_option("archive")
        expect(page.locator("tbody .row-link")).to_have_count(2)
        page.get_by_role("combobox", name="Version").select_option("3.0.1")
        expect(page.locator("tbody .row-link")).to_have_text(["archive-eu"])
        page.reload()
        assert names(page) == ["archive-eu"]
        page.get_by_role("button", name="Show all").click()
        expect(page.locator("tbody .row-link")).to_have_count(10)


def test_a_node_says_what_is_wrong_and_why(opened: Open, fleet: Play) -> None:
    with opened(f"{fleet.url}/nodes/n0000001") as page:
        expect(page.locator("h1")).to_contain_text("its validator is a zombie", timeout=SLOW_MS)
        rows = page.locator("section", has_text="Layers").locator("tbody tr")
        expect(rows.nth(0)).to_contain_text("healthy")
        expect(rows.nth(3)).to_contain_text("14 blocks lack its signature and its guard")
        expect(page.get_by_text("PoS says nothing but that it lives")).to_be_visible()
        expect(page.get_by_text("full in about 74 d at this pace")).to_be_visible()


def test_a_node_that_catches_up_says_how_far_it_is(opened: Open, fleet: Play) -> None:
    with opened(f"{fleet.url}/nodes/n0000002") as page:
        expect(page.locator("h1")).to_contain_text(
            "99.15 % of the way, about 5 h 49 min left", timeout=SLOW_MS
        )
        expect(page.get_by_role("progressbar")).to_have_attribute("value", "0.9915")
        page.goto(f"{fleet.url}/nodes/n0000003")
        expect(page.get_by_text("state rebuilt up to epoch 139,830,112, 842 a second")).to_be_visible(
            timeout=SLOW_MS
        )


def test_an_endpoint_is_told_as_it_is_seen_from_outside(opened: Open, fleet: Play) -> None:
    with opened(f"{fleet.url}/nodes/n0000009") as page:
        expect(page.locator("h1")).to_have_text(
            "archive-eu is lagging: 712 epochs behind the references.", timeout=SLOW_MS
        )
        expect(page.get_by_text("9 days left")).to_be_visible()
        expect(page.locator("tr", has_text="pos_getStatus")).to_contain_text("130")
        expect(page.locator("figure", has_text="Answer time")).to_be_visible(timeout=SLOW_MS)
        expect(page.get_by_role("button", name="Process ran")).to_have_count(0)


def test_availability_has_words_for_keys_and_a_table(opened: Open, fleet: Play) -> None:
    with opened(f"{fleet.url}/nodes/n0000000?uptime=7d") as page:
        calendar = page.get_by_role("slider", name=re.compile("fra-voter-1"))
        expect(calendar).to_have_attribute("aria-valuetext", re.compile("0 unknown"), timeout=SLOW_MS)
        assert page.locator("[data-kind=down]").count() >= 1
        calendar.focus()
        page.keyboard.press("End")
        expect(calendar).to_have_attribute("aria-valuetext", re.compile(r"UTC: up, 100 %"))
        section = page.locator("section", has_text="Availability").last
        section.get_by_role("button", name="Table").click()
        expect(section.locator("tbody tr")).to_have_count(169, timeout=SLOW_MS)
        section.get_by_role("button", name="365 d").click()
        expect(page).to_have_url(re.compile("uptime=365d"))
        expect(section.locator("tbody tr").last).to_contain_text("unknown", timeout=SLOW_MS)


def test_an_operator_says_what_a_node_is(opened: Open) -> None:
    with play("fleet", 60_000) as it, opened(f"{it.url}/nodes/n0000004", forgiven="422") as page:
        page.get_by_role("button", name="Edit").click(timeout=SLOW_MS)
        page.get_by_role("textbox", name="Group").fill("America")
        page.get_by_label(re.compile("^Labels")).fill("edge, old, edge")
        page.get_by_label(re.compile("^Country")).fill("ca")
        page.get_by_role("textbox", name="City").fill("Toronto")
        page.get_by_role("button", name="Save").click()
        expect(page.locator(".about")).to_contain_text("Toronto, Canada (as entered)", timeout=SLOW_MS)
        assert it.stage.said["n0000004"] == {
            "labels": ["edge", "old"],
            "group": "America",
            "place": {"country": "CA", "city": "Toronto", "latitude": None, "longitude": None},
        }
        page.get_by_role("button", name="Edit").click()
        page.get_by_role("textbox", name="Latitude").fill("43.6")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alert")).to_contain_text("latitude and longitude belong together")
        page.get_by_role("button", name="Forget this node").click()
        page.get_by_role("button", name="Forget nyc-full-1 for good").click()
        expect(page).to_have_url(re.compile("/nodes$"))
        expect(page.locator("tbody .row-link")).to_have_count(9)


def test_a_node_is_added_by_one_line_and_we_wait_for_it(opened: Open) -> None:
    with play("fleet", 60_000) as it, opened(f"{it.url}/nodes") as page:
        page.get_by_role("link", name="Add a node").click(timeout=SLOW_MS)
        page.get_by_role("button", name="Make the line").click()
        expect(page.locator("code").first).to_contain_text(f"vedette agent enroll {it.url} vt_")
        expect(page.get_by_role("status").first).to_contain_text("Waiting for the first report")
        it.stage.enrolment, it.stage.enrolled = "used", "n00000099"  # it has not reported yet
        expect(page.get_by_role("status").first).to_contain_text(
            "its first report is awaited", timeout=SLOW_MS
        )
        it.stage.enrolled = "n0000007"
        page.get_by_role("link", name="Look at it").click(timeout=SLOW_MS)
        expect(page.locator("h1")).to_contain_text("fra-full-4", timeout=SLOW_MS)


def test_the_map_has_words_for_keys_and_a_list(opened: Open, fleet: Play) -> None:
    with opened(f"{fleet.url}/map") as page:
        picture = page.get_by_role("slider", name=re.compile("World map"))
        picture.focus(timeout=SLOW_MS)
        page.keyboard.press("Home")
        words = re.compile("New York, United States: 1 node, 1 up, nyc-full-1")
        expect(picture).to_have_attribute("aria-valuetext", words)
        expect(page.locator("tbody tr").first).to_contain_text("Amsterdam")
        expect(page.get_by_role("link", name="IP Geolocation by DB-IP")).to_be_visible()


def test_who_is_not_ready_for_the_next_fork_is_named(opened: Open, fleet: Play) -> None:
    with opened(f"{fleet.url}/versions") as page:
        expect(page.locator("h1")).to_contain_text("2 nodes are not ready for v3.1, in 33 d", timeout=SLOW_MS)
        fork = page.locator("tr", has_text="v3.1")
        assert fork.get_by_role("link").all_inner_texts() == ["nyc-full-1", "archive-eu"]
        expect(page.locator("tr", has_text="3.0.2").first).to_contain_text("47 %")


@pytest.mark.parametrize(
    ("dark", "phone", "lang"),
    [(False, False, "en-US"), (True, True, "zh-CN")],
    ids=["light-desk-en", "dark-phone-zh"],
)
def test_nobody_is_shut_out(opened: Open, fleet: Play, dark: bool, phone: bool, lang: str) -> None:
    """axe-core finds nothing against WCAG 2.2 AA, on any of these pages."""
    found = []
    for path in share(ROUTES, phone):
        with opened(fleet.url + path, dark=dark, phone=phone, lang=lang, bypass_policy=True) as page:
            page.locator("table, svg[data-cells], main .button").first.wait_for(timeout=SLOW_MS)
            page.wait_for_timeout(400)
            assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
            found += violations(page)
    assert not found, "\n".join(found)
