"""Validators ranked over a stretch of the past, and the past and future of one, every number explained."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import both_ways, violations
from tests.browser.conftest import Open
from tests.browser.stage import address, play

pytestmark = pytest.mark.browser

SLOW_MS = 20_000  # a busy machine is no reason to fail
STILL_MS = 60_000
SILENT, QUIET = f"/validators/{address('node1')}", f"/validators/{address('node0')}"


def figure(page: Page, name: str) -> Locator:
    """The large number under that word."""
    return page.locator(".figures > div", has=page.get_by_text(name, exact=True)).get_by_role("button").first


def whole_page(page: Page) -> None:
    """Until the last part has come, and has been drawn."""
    page.get_by_role("heading", name=re.compile("^(Epoch by epoch|逐个纪元)$")).wait_for(timeout=SLOW_MS)
    page.locator(".calendar canvas[data-columns]").wait_for(timeout=SLOW_MS)


def scrolls_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


# --- the list


def test_figures_stand_beside_the_strip_and_say_of_what_they_are(opened: Open) -> None:
    with play("healthy", STILL_MS) as it, opened(f"{it.url}/validators") as page:
        expect(page.locator("main")).to_contain_text(
            re.compile(r"epochs 27,909–28,071, 163 of 163 epochs known, rewards of 162"), timeout=SLOW_MS
        )
        silent = page.locator("tbody tr", has_text="node1")
        expect(silent.locator("td").nth(1)).to_have_text("93", use_inner_text=True)  # six silent epochs
        expect(silent).to_contain_text("11.56 %")
        expect(silent).to_contain_text("7,512.12")
        best = page.locator("tbody tr", has_text="node0").locator("td").nth(1)
        expect(best).to_have_text("100", use_inner_text=True)


def test_a_window_is_chosen_by_a_press_and_kept_by_the_address(opened: Open) -> None:
    with play("healthy", STILL_MS) as it, opened(f"{it.url}/validators") as page:
        page.get_by_role("button", name="30 d").click(timeout=SLOW_MS)
        expect(page).to_have_url(re.compile("window=30d"))
        expect(page.locator("main")).to_contain_text("400 of 697 epochs known", timeout=SLOW_MS)
        page.reload()
        expect(page.get_by_role("button", name="30 d")).to_have_attribute("aria-pressed", "true")
        expect(page.locator("main")).to_contain_text("400 of 697 epochs known", timeout=SLOW_MS)
        page.go_back()
        expect(page.locator("main")).to_contain_text("163 of 163 epochs known", timeout=SLOW_MS)


@pytest.mark.parametrize(
    ("head", "column"),
    [
        ("Score", 1),
        ("Yield a year", 2),
        ("Signed", 3),
        ("Reward, CFX", 4),
        ("Seats won", 5),
        ("Stake, votes", 7),
    ],
)
def test_every_figure_sorts_both_ways_with_the_unknown_last(opened: Open, head: str, column: int) -> None:
    with play("many", STILL_MS) as it, opened(f"{it.url}/validators?q=0x1") as page:
        rows = page.locator("tbody tr")
        rows.first.wait_for(timeout=SLOW_MS)

        def numbers() -> list[float | None]:
            texts = rows.locator(f"td:nth-of-type({column + 1})").all_inner_texts()
            found = [re.sub(r"[^\d.]", "", text) for text in texts]
            return [float(text) if text else None for text in found]

        for direction, sign in (("ascending", 1), ("descending", -1)):
            page.get_by_role("button", name=head, exact=True).or_(
                page.get_by_role("button", name=re.compile(f"^{head} [↑↓]?$"))
            ).click()
            expect(page.locator(f"th[aria-sort={direction}]")).to_have_count(1)
            known = [sign * one for one in numbers() if one is not None]
            assert len(known) > 5
            assert known == sorted(known)
            tail = numbers()[len(known) :]
            assert all(one is None for one in tail)


def test_what_is_not_known_says_so_in_words(opened: Open) -> None:
    with play("young", STILL_MS) as it, opened(f"{it.url}/validators") as page:
        row = page.locator("tbody tr").first
        row.wait_for(timeout=SLOW_MS)
        expect(row.locator("td").nth(1)).to_have_text("not enough data", use_inner_text=True)
        expect(row.locator("td").nth(2)).to_have_text("stake not seen")
        expect(row.locator("td").nth(4)).to_have_text("not paid yet")
        expect(row.get_by_title("It served fewer than 24 epochs, about a day.")).to_be_visible()
        expect(page.locator("main")).to_contain_text("12 of 163 epochs known, rewards of 0")


def test_the_file_has_the_same_window_words_and_order(opened: Open) -> None:
    with play("healthy", STILL_MS) as it, opened(f"{it.url}/validators?q=node&sort=-rate&window=24h") as page:
        link = page.get_by_role("link", name="Download Validators as CSV")
        link.wait_for(timeout=SLOW_MS)
        href = link.get_attribute("href")
        assert href == "/api/v1/validators?window=24h&format=csv&q=node&sort=-vote_rate"


def test_a_phone_sorts_too_and_shows_what_it_sorts_by(opened: Open) -> None:
    with play("healthy", STILL_MS) as it, opened(f"{it.url}/validators", phone=True) as page:
        page.get_by_label("Sort by").select_option("reward", timeout=SLOW_MS)
        expect(page).to_have_url(re.compile("sort=reward"))
        row = page.locator("tbody tr").first
        expect(row.locator(".beside")).to_contain_text("CFX")
        box = row.bounding_box()
        assert box
        assert box["height"] <= 80  # two lines
        assert not scrolls_sideways(page)


# --- one validator


def test_the_sentence_tells_votes_and_how_long_its_seats_last(opened: Open) -> None:
    with play("healthy", STILL_MS) as it, opened(f"{it.url}{SILENT}") as page:
        expect(page.locator("h1")).to_have_text(
            re.compile(r"Voting: 29\d of the last 298 blocks, 74 seats until \d\d:\d\d\."), timeout=SLOW_MS
        )


def test_silence_near_its_end_is_the_first_thing_said(opened: Open) -> None:
    with play("trouble", STILL_MS) as it, opened(f"{it.url}/validators/{address('node2')}") as page:
        expect(page.locator("h1")).to_contain_text(
            "Silent: retired by force in 58 blocks unless it signs", timeout=SLOW_MS
        )
        expect(page.locator("main")).to_contain_text("It must sign before")


def test_countdowns_tell_blocks_and_time(opened: Open) -> None:
    with play("healthy", STILL_MS) as it, opened(f"{it.url}{SILENT}") as page:
        ahead = page.locator("section", has=page.get_by_role("heading", name="What is ahead"))
        expect(ahead).to_contain_text("238 blocks", timeout=SLOW_MS)
        expect(ahead).to_contain_text("about 2 h 2 min")
        expect(ahead).to_contain_text("a signature up to block 1,684,559 prevents it")
        expect(ahead).to_contain_text("40 votes, in 10 h, block 1,685,533")
        expect(ahead).to_contain_text("300 more later")
        expect(ahead).to_contain_text("3 seats come, block 1,684,440")


def test_a_number_explains_itself_by_keyboard(opened: Open) -> None:
    with play("healthy", STILL_MS) as it, opened(f"{it.url}{SILENT}") as page:
        number = figure(page, "Blocks signed")
        expect(number).to_have_text("93.7 %", timeout=SLOW_MS)
        expect(number).to_have_accessible_name("Blocks signed: 93.7 %. How it is reckoned")
        number.focus()
        page.keyboard.press("Enter")
        card = page.get_by_role("dialog", name="Blocks signed")
        expect(card).to_be_visible()
        expect(number).to_have_attribute("aria-expanded", "true")
        expect(card).to_contain_text("1,000,000 × signed_blocks ÷ known_blocks")
        told = re.search(r"1,000,000 × ([\d,]+) ÷ ([\d,]+) = ([\d,]+)", card.inner_text())
        assert told
        signed, known, rate = (int(one.replace(",", "")) for one in told.groups())
        assert 1_000_000 * signed // known == rate == 937_780
        page.keyboard.press("Tab")
        expect(card.get_by_role("button", name="Close")).to_be_focused()
        page.keyboard.press("Escape")
        expect(card).to_be_hidden()
        expect(number).to_be_focused()


def test_every_number_has_its_explanation(opened: Open) -> None:
    with play("healthy", STILL_MS) as it, opened(f"{it.url}{SILENT}") as page:
        whole_page(page)
        numbers = page.locator(".groups").get_by_role("button")
        assert numbers.count() == 20  # all but the score, which stands above
        for number in [figure(page, "Score"), *numbers.all()]:
            number.click()
            card = page.locator("[popover]:popover-open")
            expect(card).to_have_count(1)
            assert card.locator("tbody tr").count() >= 1
            assert "undefined" not in card.inner_text()
            page.keyboard.press("Escape")


def test_an_unknown_number_says_why(opened: Open) -> None:
    with play("young", STILL_MS) as it, opened(f"{it.url}{SILENT}") as page:
        score = figure(page, "Score")
        expect(score).to_have_text("not enough data", timeout=SLOW_MS)
        score.click()
        expect(page.get_by_role("dialog", name="Score")).to_contain_text(
            "It served fewer than 24 epochs, about a day."
        )
        expect(page.locator("main")).to_contain_text("12 of 163 epochs known (epochs 27,909–28,071)")
        expect(page.locator("main")).to_contain_text("The acting committee is not known yet.")
        expect(page.locator("main")).to_contain_text("No epoch with known rewards in this window.")


def test_losses_are_told_by_cause(opened: Open) -> None:
    with play("healthy", STILL_MS) as it, opened(f"{it.url}{SILENT}") as page:
        losses = page.locator(".losses")
        expect(losses).to_contain_text("Silence242.55 CFX", timeout=SLOW_MS)
        expect(losses).to_contain_text("avoidable: lost, 3.2 % of the reward")
        expect(losses).to_contain_text("mostly luck: lost")
        expect(losses).to_contain_text("luck: lost")
        page.goto(f"{it.url}{QUIET}")
        expect(losses).to_contain_text("avoidable: nothing", timeout=SLOW_MS)
        expect(losses).to_contain_text("gain")


def test_figures_of_fewer_epochs_say_of_how_many(opened: Open) -> None:
    with play("healthy", STILL_MS) as it, opened(f"{it.url}{SILENT}?window=all") as page:
        expect(page.locator("main")).to_contain_text("400 of 28,000 epochs known", timeout=SLOW_MS)
        expect(page.locator(".groups")).to_contain_text("Yield realised\nin 199 epochs", use_inner_text=True)


def test_arrow_keys_name_the_epochs_and_enter_opens_one(opened: Open) -> None:
    with play("healthy", STILL_MS) as it, opened(f"{it.url}{SILENT}", forgiven="404") as page:
        whole_page(page)
        calendar = page.get_by_role("slider", name="Epochs of node1")
        expect(calendar).to_have_attribute("aria-valuetext", "163 epochs served, 6 of them silent")
        calendar.focus()
        page.keyboard.press("End")
        expect(calendar).to_have_attribute("aria-valuetext", re.compile("Epoch 28,071: .*not paid yet"))
        page.keyboard.press("ArrowUp")
        expect(calendar).to_have_attribute("aria-valuenow", "28070")
        page.keyboard.press("ArrowLeft")
        expect(calendar).to_have_attribute("aria-valuenow", "28064")
        expect(calendar).to_have_attribute("aria-valuetext", re.compile(r"paid [\d.]+ CFX"))
        page.keyboard.press("Home")
        expect(calendar).to_have_attribute("aria-valuenow", "27909")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("/epochs/27909$"))


def test_a_chart_zooms_and_a_new_window_ends_that(opened: Open) -> None:
    with play("healthy", STILL_MS) as it, opened(f"{it.url}{SILENT}") as page:
        whole_page(page)
        over = page.locator("figure", has_text="Reward per epoch").locator(".u-over")
        over.wait_for(timeout=SLOW_MS)
        over.scroll_into_view_if_needed()
        box = over.bounding_box()
        assert box
        page.mouse.move(box["x"] + 40, box["y"] + 40)
        page.mouse.down()
        page.mouse.move(box["x"] + 200, box["y"] + 40, steps=6)
        page.mouse.up()
        expect(page).to_have_url(re.compile(r"from=\d{13}&to=\d{13}"))
        page.get_by_role("button", name="30 d").click()
        expect(page).to_have_url(re.compile(r"\?window=30d$"))


def test_elections_tell_what_is_decided_and_the_chance_of_what_is_not(opened: Open) -> None:
    with play("healthy", STILL_MS) as it, opened(f"{it.url}{SILENT}") as page:
        whole_page(page)
        radar = page.locator("section", has=page.get_by_role("heading", name="Election radar"))
        expect(radar).to_contain_text("it is decided; 2 seats for it")
        expect(radar).to_contain_text("1 seat for it so far; 31 of 50 seats given so far")
        expect(radar).to_contain_text("chance of a seat 43.1 %")
        first = radar.locator("tbody tr").first
        expect(first).to_contain_text("28,066")
        expect(radar.locator("tbody tr").nth(2)).to_contain_text("unknown")


def test_lists_of_the_past_go_on_and_are_files(opened: Open) -> None:
    with play("healthy", STILL_MS) as it, opened(f"{it.url}{SILENT}") as page:
        whole_page(page)
        rows = page.get_by_role("table", name="Epoch by epoch").locator("tbody tr")
        expect(rows).to_have_count(24)
        expect(rows.first).to_contain_text("not paid yet")
        section = page.locator("section", has=page.get_by_role("heading", name="Epoch by epoch"))
        section.get_by_role("button", name="Older").click()
        expect(rows).to_have_count(48)
        with page.expect_download() as waiting:
            page.get_by_role("link", name="Download Epoch by epoch as CSV").click()
        lines = waiting.value.path().read_text().splitlines()
        assert len(lines) == 401
        assert lines[0].startswith("epoch,first_height,last_height")
        events = page.get_by_role("table", name="Events")
        expect(events).to_contain_text("Retired by force")
        expect(events).to_contain_text("failed, told by the chain")


def test_new_blocks_come_in_without_a_reload(opened: Open) -> None:
    with play("healthy", 500) as it, opened(f"{it.url}{SILENT}") as page:
        whole_page(page)
        page.evaluate("window.untouched = true")
        blocks = page.locator("dd", has_text=re.compile(r"^\d+ blocks"))
        before = blocks.inner_text(timeout=SLOW_MS)
        expect(blocks).not_to_have_text(before, timeout=SLOW_MS)
        assert page.evaluate("window.untouched === true")


def test_both_languages_say_all_of_it(opened: Open) -> None:
    with play("young", STILL_MS) as it, opened(f"{it.url}{SILENT}", lang="zh-CN") as page:
        whole_page(page)
        text = page.locator("main").inner_text()
        assert "数据不足" in text
        assert "接下来" in text
        left = [line for line in text.splitlines() if re.search(r"[a-z]{4,} [a-z]{3,}", line)]
        assert all("vedette agent run" in line for line in left)
        figure(page, "评分").click()
        expect(page.get_by_role("dialog", name="评分")).to_contain_text("它任职不足 24 个纪元")


@pytest.mark.parametrize("lang", ["en-US", "zh-CN"])
@pytest.mark.parametrize("path", ["/validators", SILENT, f"{QUIET}?window=30d"])
def test_a_phone_has_all_of_it_and_never_scrolls_sideways(opened: Open, path: str, lang: str) -> None:
    with play("healthy", STILL_MS) as it, opened(f"{it.url}{path}", phone=True, lang=lang) as page:
        page.locator("canvas[data-last]").first.wait_for(timeout=SLOW_MS)
        if path != "/validators":
            whole_page(page)
            number = page.locator(".figures .number").first
            number.click()
            card = page.locator("[popover]:popover-open")
            box = card.bounding_box()
            assert box
            assert box["x"] == 0
            assert box["width"] == 390
        assert not scrolls_sideways(page)


@both_ways
def test_nobody_is_shut_out(opened: Open, dark: bool, phone: bool) -> None:
    """axe-core finds nothing against WCAG 2.2 AA, also while a number is explained."""
    found = []
    for scene in ("healthy", "young"):
        with play(scene, STILL_MS) as it:
            for path in ("/validators", SILENT):
                with opened(it.url + path, dark=dark, phone=phone, bypass_policy=True) as page:
                    page.locator("canvas[data-last]").first.wait_for(timeout=SLOW_MS)
                    if path == SILENT:
                        whole_page(page)
                        figure(page, "Score").click()
                    page.wait_for_timeout(300)
                    found += [f"{scene} {path}: {one}" for one in violations(page)]
    assert not found, "\n".join(found)
