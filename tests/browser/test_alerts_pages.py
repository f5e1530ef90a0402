"""Alerts as people meet them: incidents, rules, contacts, routing, duty and silences."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from playwright.sync_api import Locator, Page, expect

from tests.browser.alerted import TOKEN
from tests.browser.axe import both_ways, share, violations
from tests.browser.conftest import Open
from tests.browser.real import DEED_S, real
from tests.browser.stage import Play, play
from tests.server.mailbox import Mailbox
from tests.server.people import COOKIE, signed_in
from tests.server.stage import Agent, enrol, hear
from tests.whole.outside import free_port
from vedette.server.ack import LASTS_MS
from vedette.server.house import House

pytestmark = pytest.mark.browser

SLOW_MS = 20_000
STILL = 60_000  # ms between blocks: nothing moves
PAGES = [
    "/incidents",
    "/incidents/12",
    f"/ack/{TOKEN}",
    "/rules?rule=disk_filling",
    "/contacts",
    "/routing",
    "/on-call",
    "/silences",
]
REAL = {
    "/incidents": "Nothing is wrong.",
    "/rules": "rules are on",
    "/contacts": "Nobody would be told anything yet.",
    "/routing": "There is no route",
    "/on-call": "There is no schedule yet.",
    "/silences": "Nothing is held back now.",
}
ADD = {
    "/contacts": "Add a contact",
    "/routing": "Add a route",
    "/on-call": "Edit: Nights",
    "/silences": "Add a window",
}
TOO_LOW = """
[...document.querySelectorAll("main .button, main .field, main summary")]
  .filter((one) => one.offsetHeight && one.offsetHeight < 44)
  .map((one) => one.outerHTML.slice(0, 120))
"""


@pytest.fixture(scope="module")
def stage() -> Iterator[Play]:
    with play("alerts", STILL) as running:
        yield running


def the(page: Page, what: str) -> Locator:
    return page.locator("li", has_text=what)


# --- incidents


def test_filters_stand_in_the_address_and_go_back(opened: Open, stage: Play) -> None:
    with opened(f"{stage.url}/incidents") as page:
        expect(page.locator("h1")).to_have_text(
            re.compile("3 incidents stand, 2 of them pages; nobody has 2")
        )
        now = page.get_by_role("table", name="Now")
        expect(now.locator("tbody tr")).to_have_count(5)
        expect(now).to_contain_text("61.4 GB / 50 GB")
        expect(now).to_contain_text("not told: somebody silenced it")
        page.get_by_label("Loudness").select_option("warning")
        expect(page).to_have_url(re.compile("severity=warning"))
        expect(now.locator("tbody tr")).to_have_count(2)
        page.get_by_role("combobox", name="Rule").select_option("few_peers")
        expect(page.get_by_role("table", name="History").locator("tbody tr")).to_have_count(2)
        page.reload()
        expect(page.get_by_role("table", name="History").locator("tbody tr")).to_have_count(
            2, timeout=SLOW_MS
        )
        page.go_back()
        expect(page).not_to_have_url(re.compile("rule="))
        expect(page.get_by_role("combobox", name="Rule")).to_have_value("")


def test_an_incident_is_taken_commented_silenced_and_given_back(opened: Open) -> None:
    with play("alerts", STILL) as it, opened(f"{it.url}/incidents/12") as page:
        expect(page.locator("main")).to_contain_text("Its process ended eight minutes ago", timeout=SLOW_MS)
        expect(page.locator("code", has_text="systemctl start conflux")).to_be_visible()
        expect(page.get_by_role("link", name="node2 is absent from 14 blocks")).to_be_visible()
        expect(the(page, "in place of one that failed")).to_contain_text("message 7729")
        page.get_by_label("For how long").select_option("120")
        page.get_by_role("button", name="I have it").click()
        expect(page.get_by_text("this machine took it")).to_be_visible(timeout=SLOW_MS)
        page.get_by_role("button", name="Comment", exact=True).click()
        page.get_by_label("Comment", exact=False).last.fill("The PSU is gone.")
        page.get_by_role("button", name="Add comment").click()
        expect(the(page, "The PSU is gone.")).to_contain_text("comment: this machine", timeout=SLOW_MS)
        page.get_by_role("button", name="Silence").click()
        form = page.get_by_role("form", name="Silence")
        form.get_by_label("What").select_option("subject")
        form.get_by_label("Why").fill("New PSU tomorrow")
        form.get_by_role("button", name="Silence").click()
        expect(form).to_have_count(0, timeout=SLOW_MS)
        assert it.stage.alerted.silences[-1]["matcher"] == {"subjects": ["n0000002"]}
        page.get_by_role("button", name="Give it back").click()
        expect(page.get_by_text("Nobody has it yet.")).to_be_visible(timeout=SLOW_MS)


def test_a_message_s_link_takes_an_incident_for_whoever_holds_it(opened: Open) -> None:
    """Signed out, on a phone, at night."""
    with play("alerts", STILL) as it, opened(f"{it.url}/ack/{TOKEN}", phone=True, dark=True) as page:
        expect(page.locator("h1")).to_have_text("node2 is down.", timeout=SLOW_MS)
        page.get_by_role("button", name="I have it").click()
        expect(page.get_by_text("You have it.").first).to_be_visible(timeout=SLOW_MS)
        page.reload()
        expect(page.get_by_text("Mei's phone took it")).to_be_visible(timeout=SLOW_MS)
    with play("alerts", STILL) as it, opened(f"{it.url}/ack/forged", forgiven="404") as page:
        expect(page.get_by_role("alert")).to_contain_text("This link is no longer good.")


@contextmanager
def post_office() -> Iterator[Mailbox]:
    """A real SMTP server beside the browser, in a thread of its own."""
    box = Mailbox(port=free_port())
    office = Controller(box, hostname="127.0.0.1", port=box.port)
    office.start()
    yield box
    office.stop()


def link_in(box: Mailbox) -> str:
    """The link that the first letter brings."""
    by = time.monotonic() + DEED_S
    while not box.letters and time.monotonic() < by:
        time.sleep(0.05)
    plain = box.letters[0].get_body(("plain",))
    assert plain is not None
    return str(re.findall(r"http://localhost:\d+/ack/\S+", plain.get_content())[0])


async def dies(house: House, agent: Agent) -> None:
    await enrol(house, agent)
    await hear(house, *agent.post(agent.envelope(house.ears.now_ms())))
    await hear(house, *agent.post(agent.died(house.ears.now_ms())))
    await house.judge.round()


async def returns(house: House, agent: Agent) -> None:
    await hear(house, *agent.post(agent.envelope(house.ears.now_ms())))
    await house.judge.round()


def test_the_link_of_a_real_letter_works_by_keyboard_until_the_trouble_is_over(
    opened: Open, tmp_path: Path
) -> None:
    with post_office() as box, real(tmp_path, mail=box.setting) as it:
        agent = Agent(name="paris-1")
        it.run(dies(it.house, agent))
        link = link_in(box)
        with opened(link, phone=True, dark=True) as page:
            expect(page.locator("h1")).to_have_text("Node paris-1 is down.", timeout=SLOW_MS)
            page.get_by_role("button", name="I have it").focus()
            page.keyboard.press("Enter")
            expect(page.get_by_text("You have it.").first).to_be_visible(timeout=SLOW_MS)
            page.reload()
            expect(page.get_by_text("email took it")).to_be_visible(timeout=SLOW_MS)
            expect(page.get_by_role("button", name="I have it")).to_have_count(0)
        cookie = {"name": COOKIE, "value": it.run(signed_in(it.house.database, "olga")), "url": it.url}
        with opened(it.url) as page:
            page.context.add_cookies([cookie])  # type: ignore[list-item]  # a dict of the same shape
            page.goto(f"{it.url}/incidents/1")
            expect(page.get_by_text("email took it")).to_be_visible(timeout=SLOW_MS)
            expect(page.locator("li.acknowledged")).to_contain_text("taken: email")
        it.run(returns(it.house, agent))
        with opened(link, forgiven="410") as page:
            expect(page.get_by_role("alert")).to_contain_text("It is over", timeout=SLOW_MS)


def test_a_link_that_is_old_or_was_changed_takes_nothing(opened: Open, tmp_path: Path) -> None:
    with real(tmp_path) as it:
        it.run(dies(it.house, Agent(name="paris-1")))
        now_ms, ack = it.house.ears.now_ms(), it.house.ack
        for token in (ack.token(1, "email", now_ms - LASTS_MS), changed(ack.token(1, "email", now_ms))):
            with opened(f"{it.url}/ack/{token}", forgiven="404") as page:
                expect(page.get_by_role("alert")).to_contain_text("no longer good", timeout=SLOW_MS)
                expect(page.get_by_role("button", name="I have it")).to_have_count(0)


def changed(token: str) -> str:
    """Another letter in its middle."""
    middle = len(token) // 2
    return f"{token[:middle]}{'A' if token[middle] != 'A' else 'B'}{token[middle + 1 :]}"


def test_an_incident_that_is_not_there_says_so_once(opened: Open, tmp_path: Path) -> None:
    with (
        real(tmp_path, trust_loopback=True) as it,
        opened(f"{it.url}/incidents/4711", forgiven="404") as page,
    ):
        expect(page.locator("h1")).to_have_text("Incident 4711", timeout=SLOW_MS)
        expect(page.get_by_role("alert")).to_contain_text("There is no such incident")
        expect(page.get_by_role("button", name="Try again")).to_have_count(0)


# --- rules


def test_a_limit_is_written_as_people_write_it_and_tried_on_the_past(opened: Open) -> None:
    with play("alerts", STILL) as it, opened(f"{it.url}/rules") as page:
        page.locator("summary", has_text="Disk filling").click(timeout=SLOW_MS)
        expect(page).to_have_url(re.compile("rule=disk_filling"))
        form = page.get_by_role("form", name="Disk filling")
        expect(form.get_by_role("button", name="Save")).to_be_disabled()
        free = form.get_by_label("free: page below")
        expect(free).to_have_value("20 GB")
        free.fill("much")
        expect(form.get_by_text("Write it like “20 GB”")).to_be_visible()
        free.fill("35 GB")
        form.get_by_role("button", name="What would it have been?").click()
        present, wished = (page.locator(".said", has_text=word) for word in ("values of now", "values above"))
        expect(present).to_contain_text("It would have fired 5 times in the last 30 days.", timeout=SLOW_MS)
        expect(present).to_contain_text("seen: 12.4 of 29.6 days")
        expect(present.get_by_role("list", name="The last of them").locator("li")).to_have_count(5)
        expect(wished).to_contain_text("It would have fired 1 time in the last 30 days.")
        form.get_by_role("button", name="Save").click()
        expect(page.locator("h1")).to_contain_text("2 with values of your own", timeout=SLOW_MS)
        assert it.stage.alerted.limits["rules"]["disk_filling"] == {"critical_free_bytes": 35_000_000_000}
        assert it.stage.alerted.limits["rules"]["few_peers"] == {"few_count": 5}


def test_the_second_of_two_editors_is_told(opened: Open) -> None:
    with play("alerts", STILL) as it, opened(f"{it.url}/rules?rule=few_peers", forgiven="409") as page:
        page.get_by_role("button", name="Use Quiet").wait_for(timeout=SLOW_MS)
        it.stage.alerted.limits["version"] += 1
        page.get_by_role("button", name="Use Quiet").click()
        expect(page.get_by_text("Somebody else changed this meanwhile.")).to_be_visible(timeout=SLOW_MS)
        page.get_by_role("button", name="Use Quiet").click()
        expect(page.locator(".chosen")).to_contain_text("Quiet", timeout=SLOW_MS)


# --- contacts


def test_a_contact_that_wakes_is_added_and_the_warning_goes(opened: Open) -> None:
    with play("alerts", STILL) as it, opened(f"{it.url}/contacts") as page:
        expect(page.get_by_text("A page has no contact that wakes")).to_be_visible(timeout=SLOW_MS)
        expect(page.locator(".list li").first).to_contain_text("switched off: Telegram says: chat not found")
        page.get_by_role("button", name="Add a contact").click()
        form = page.get_by_role("form", name="Add a contact")
        form.get_by_label("By").select_option("pagerduty")
        form.get_by_label("Name").fill("Pager")
        expect(form.get_by_role("button", name="Add a contact")).to_be_disabled()
        secret = form.get_by_label("Integration key", exact=True)
        secret.fill("R03-secret")
        assert secret.get_attribute("type") == "password"
        form.get_by_role("button", name="Add a contact").click()
        expect(the(page, "Pager").first).to_contain_text("wakes", timeout=SLOW_MS)
        expect(page.get_by_text("A page has no contact that wakes")).to_have_count(0)
        assert "R03-secret" not in page.content()


def test_a_test_shows_its_receipt_or_its_error(opened: Open, stage: Play) -> None:
    with opened(f"{stage.url}/contacts") as page:
        page.get_by_role("button", name="Send a test: Mei's phone").click(timeout=SLOW_MS)
        expect(page.get_by_text("Receipt: message 7731")).to_be_visible(timeout=SLOW_MS)
        page.get_by_role("button", name="Send a test: Ops hook").click()
        expect(page.get_by_text("It was not taken: it answered 502")).to_be_visible(timeout=SLOW_MS)
        page.get_by_role("link", name="Its messages: Ops hook").click()
        expect(page).to_have_url(re.compile("of=contact%3Ac2"))
        log = page.get_by_role("list", name="Messages")
        expect(log.locator("ol li")).to_have_count(3)


def test_a_digest_is_asked_for(opened: Open) -> None:
    with play("alerts", STILL) as it, opened(f"{it.url}/contacts") as page:
        form = page.get_by_role("form", name="Digest")
        form.get_by_label("How often").select_option("weekly")
        expect(form.get_by_role("button", name="Save")).to_be_disabled()
        form.get_by_role("combobox", name="On", exact=True).select_option("4")
        form.get_by_label("At the hour").select_option("7")
        form.get_by_label("Add: To").select_option("contact:c1")
        form.get_by_role("button", name="Save").click()
        expect(page.locator("[aria-live]").last).to_contain_text("Saved.", timeout=SLOW_MS)
        kept = it.stage.alerted.digest
        assert (kept["every"], kept["weekday"], kept["hour"]) == ("weekly", 4, 7)
        assert kept["contacts"] == ["contact:c1"]


# --- on the real server


def test_every_page_is_answered_by_the_real_server(opened: Open, tmp_path: Path) -> None:
    """The stage only plays: of the server, no page may ask anything that it does not know."""
    with (
        real(tmp_path, trust_loopback=True, public_references=False) as it,
        opened(f"{it.url}/incidents") as page,
    ):
        for path, sentence in REAL.items():
            page.goto(it.url + path)
            expect(page.locator("h1")).to_contain_text(sentence, timeout=SLOW_MS)
        page.goto(f"{it.url}/rules?rule=few_peers")
        page.locator("details[open]").get_by_role("button", name="What would it have been?").click()
        expect(page.get_by_text("The past cannot tell")).to_be_visible(timeout=SLOW_MS)
        page.get_by_role("button", name="Use Quiet").click()
        expect(page.locator(".chosen")).to_contain_text("Quiet", timeout=SLOW_MS)


# --- routing and duty


def test_a_route_is_made_and_tried(opened: Open) -> None:
    with play("alerts", STILL) as it, opened(f"{it.url}/routing") as page:
        page.get_by_role("button", name="Add a route").click(timeout=SLOW_MS)
        form = page.get_by_role("form", name="New route")
        form.get_by_label("Name").fill("Peers")
        form.get_by_label("Add a condition").select_option("rules")
        form.get_by_label("rule").select_option("few_peers")
        form.get_by_label("Add: Tells").select_option("contact:c2")
        form.get_by_role("button", name="Save").click()
        expect(the(page, "Peers").first).to_contain_text("rule Few peers", timeout=SLOW_MS)
        route = it.stage.alerted.routing["routes"][-1]
        assert (route["match"], route["contacts"]) == ({"rules": ["few_peers"]}, ["contact:c2"])
        page.get_by_role("button", name="Up: Peers").click()
        expect(page.locator(".routes > li").nth(1)).to_contain_text("Peers", timeout=SLOW_MS)
        page.get_by_role("button", name="Who would be told?").click()
        expect(page.get_by_text("By route “Pages”")).to_be_visible(timeout=SLOW_MS)
        expect(page.get_by_role("status").locator("li").nth(1)).to_contain_text("Ops hook after 15 min")


def test_duty_is_on_a_calendar_and_a_turn_can_be_changed(opened: Open) -> None:
    with play("alerts", STILL) as it, opened(f"{it.url}/on-call") as page:
        expect(page.locator("h1")).to_contain_text("Mei's phone has duty until", timeout=SLOW_MS)
        calendar = page.get_by_role("group", name="Duty of Nights")
        expect(calendar.locator("li")).to_have_count(6)
        page.get_by_role("button", name="Edit: Nights").click()
        form = page.get_by_role("form", name="Nights")
        form.get_by_label("A turn lasts, days").fill("1")
        form.get_by_label("Handed over").select_option("")
        form.get_by_label("Time zone").fill("Moon/Base")
        expect(form.get_by_text("There is no such time zone.")).to_be_visible()
        form.get_by_label("Time zone").fill("Europe/Berlin")
        form.get_by_role("button", name="Save").click()
        expect(form).to_have_count(0, timeout=SLOW_MS)
        kept = it.stage.alerted.routing["schedules"][0]
        assert (kept["rotation"]["every_days"], kept["rotation"]["handover"]["weekday"]) == (1, None)
        assert kept["zone"] == "Europe/Berlin"


# --- silences


def test_a_silence_is_made_and_ended_and_work_repeats_in_words(opened: Open) -> None:
    with play("alerts", STILL) as it, opened(f"{it.url}/silences") as page:
        expect(page.locator("h1")).to_have_text("1 silence holds back messages now.", timeout=SLOW_MS)
        expect(the(page, "Snapshot").first).to_contain_text("each Tue, Fri at 02:00 for 1 h 30 min (UTC)")
        page.get_by_role("button", name="Add a silence").click()
        form = page.get_by_role("form", name="Add a silence")
        form.get_by_label("Add a condition").select_option("subjects")
        form.get_by_label("on", exact=True).select_option(label="node0")
        form.get_by_label("Why").fill("Cable swap")
        form.get_by_role("button", name="Add a silence").click()
        expect(page.locator("h1")).to_contain_text("2 silences hold", timeout=SLOW_MS)
        row = page.locator(".held li", has_text="Cable swap")
        row.get_by_role("button", name="End now: Cable swap").click()
        row.get_by_role("button", name="End it: messages are sent again").click()
        expect(page.locator("h1")).to_contain_text("1 silence holds", timeout=SLOW_MS)
        page.get_by_role("button", name="Add a window").click()
        form = page.get_by_role("form", name="Add a window")
        form.get_by_label("Name").fill("Log rotation")
        form.get_by_role("button", name="Again and again").click()
        form.get_by_label("Time zone").fill("UTC")
        form.get_by_role("button", name="Mon").click()
        expect(form).to_contain_text("each Mon, Sat at 02:00 (UTC)")
        form.get_by_role("button", name="Add a window").click()
        expect(page.locator(".held li", has_text="Log rotation")).to_be_visible(timeout=SLOW_MS)
        assert it.stage.alerted.maintenances[-1]["cron"] == "0 2 * * 1,6"


# --- all of them


@pytest.mark.parametrize("path", ["/rules", "/contacts", "/routing", "/on-call", "/silences"])
def test_a_stranger_is_asked_to_sign_in(opened: Open, path: str) -> None:
    with play("public", STILL) as it, opened(it.url + path) as page:
        expect(page.locator("main")).to_contain_text("Sign in to see this.", timeout=SLOW_MS)
        assert not [one for one in it.stage.asked if "/alerts/" in one]


@both_ways
def test_the_pages_are_for_everybody(opened: Open, stage: Play, *, dark: bool, phone: bool) -> None:
    """axe finds nothing, nothing is wider than the screen, a thumb hits what it aims at."""
    found: list[str] = []
    lang = "zh-CN" if phone else "en-US"
    with opened(stage.url, dark=dark, phone=phone, lang=lang, bypass_policy=True) as page:
        for path in share(PAGES, phone):
            page.goto(stage.url + path)
            expect(page.locator("main section, main table").first).to_be_visible(timeout=SLOW_MS)
            found += violations(page)
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                found.append(f"{path} scrolls sideways")
            if phone:
                found += [f"{path}: too low for a thumb: {one}" for one in page.evaluate(TOO_LOW)]
    assert not found, "\n".join(found)


@both_ways
def test_the_dialogs_are_for_everybody(opened: Open, stage: Play, *, dark: bool, phone: bool) -> None:
    found: list[str] = []
    with opened(stage.url, dark=dark, phone=phone, bypass_policy=True) as page:
        for path in share(list(ADD), phone):
            page.goto(stage.url + path)
            page.get_by_role("button", name=ADD[path]).click(timeout=SLOW_MS)
            expect(page.locator("dialog form")).to_be_visible()
            found += violations(page)
            page.keyboard.press("Escape")
            expect(page.locator("dialog")).to_have_count(0)
    assert not found, "\n".join(found)
