"""Keys, claims, what a team tells others, the API page and watching: each as its user meets it."""

import json
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_keys.backends.native.main import NativeECCBackend
from eth_keys.main import KeyAPI
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import both_ways, share, violations
from tests.browser.conftest import Open
from tests.browser.real import real
from tests.browser.stage import Play, address, play
from tests.server.people import COOKIE, signed_in
from vedette.conflux import address as base32
from vedette.conflux.signatures import conflux_digest, core_address

pytestmark = pytest.mark.browser

SLOW_MS = 20_000
KEYS = KeyAPI(NativeECCBackend)
STATUS = "/status/pine-staking"
PAGES = [
    "/keys",
    "/operator-keys",
    "/claims",
    "/profile",
    "/audit",
    "/embed",
    "/api",
    STATUS,
    f"/validators/{address('node0')}",
]
HOSTILE = "<img src=x onerror=alert(1)>"
WALLET = """
(account) => {
  window.conflux = {
    request: async ({ method, params }) => {
      if (method === "cfx_requestAccounts") return [account];
      if (method === "personal_sign" && params[1] === account) return await window.signed(params[0]);
      throw new Error(`unknown method ${method}`);
    },
  };
}
"""
PUSH = """
() => {
  Object.defineProperty(Notification, "permission", { get: () => window.asked ? "granted" : "default" });
  Notification.requestPermission = async () => { window.asked = true; return "granted"; };
  const kept = { endpoint: "https://push.example/1", keys: { p256dh: "BAAA", auth: "AAAA" } };
  const subscription = { toJSON: () => kept, unsubscribe: async () => { window.gone = true; return true; } };
  PushManager.prototype.getSubscription = async () => window.gone ? null : window.has ? subscription : null;
  PushManager.prototype.subscribe = async () => { window.has = true; return subscription; };
}
"""
READ_OUT = """
async () => {
  const asked = (request) =>
    new Promise((done, failed) => {
      Object.assign(request, { onsuccess: () => done(request.result), onerror: failed });
    });
  const database = await asked(indexedDB.open("vedette"));
  const store = database.transaction("operator-keys").objectStore("operator-keys");
  const [held] = await asked(store.getAll());
  database.close();
  if (!held) return [];
  const key = held.privateKey;
  const why = await crypto.subtle.exportKey("pkcs8", key).then(() => "", (error) => error.name);
  return [key.type, key.extractable, why];
}
"""
WORKER = """
navigator.serviceWorker.register("/push/worker.js", { scope: "/push/" }).then((one) => one.scope)
"""
TOO_LOW = """
[...document.querySelectorAll("main .button, main .field")]
  .filter((one) => one.offsetHeight && one.offsetHeight < 44)
  .map((one) => one.outerHTML.slice(0, 120))
"""


@pytest.fixture(scope="module")
def stage() -> Iterator[Play]:
    with play("fleet", 60_000) as running:
        yield running


# --- keys


def test_a_key_is_made_shown_once_and_revoked(opened: Open) -> None:
    with play("fleet", 60_000) as it, opened(f"{it.url}/keys") as page:
        expect(page.locator("h1")).to_contain_text(
            "2 keys open this team's data; one ends in", timeout=SLOW_MS
        )
        form = page.get_by_role("form", name="Make a key")
        form.get_by_label("Name").fill("Grafana")
        form.get_by_role("checkbox", name=re.compile("Metrics")).check()
        form.get_by_label("Ends").select_option("30")
        form.get_by_role("button", name="Make a key").click()
        shown = page.get_by_role("group", name="Your new key: Grafana")
        token = shown.locator("code").inner_text(timeout=SLOW_MS)
        assert token.startswith("vdt_")
        assert f"Bearer {token}" in page.get_by_role("group", name="Try it").inner_text()
        page.get_by_role("button", name="I have kept it").click()
        row = page.locator("tr", has_text="Grafana")
        expect(row).to_contain_text(f"…{token[-4:]}")
        expect(row).to_contain_text("Read, Metrics")
        page.reload()
        expect(row).to_be_visible(timeout=SLOW_MS)
        assert token not in page.content()
        row.get_by_role("button", name="Revoke: Grafana").click()
        row.get_by_role("button", name="Revoke Grafana: it stops working at once").click()
        expect(row).to_have_count(0, timeout=SLOW_MS)
        assert it.stage.kept.log[0]["act"] == "key.revoke"


def test_a_waiting_token_is_withdrawn_and_an_agent_refused(opened: Open) -> None:
    with play("fleet", 60_000) as it, opened(f"{it.url}/keys") as page:
        page.get_by_role("button", name="Withdraw: 5f0c7c1e").click(timeout=SLOW_MS)
        expect(page.get_by_text("No token waits to be used.")).to_be_visible(timeout=SLOW_MS)
        page.get_by_role("button", name="Refuse its agent: fra-voter-1").click()
        page.get_by_role("button", name="Refuse the agent of fra-voter-1 until").click()
        expect(page.locator("[aria-live]").last).to_contain_text("fra-voter-1 is refused", timeout=SLOW_MS)
        assert it.stage.kept.refused == ["n0000000"]


def test_a_key_of_the_browser_is_made_listed_and_cannot_be_read_out(opened: Open) -> None:
    with play("fleet", 60_000) as it, opened(f"{it.url}/operator-keys") as page:
        expect(page.locator("h1")).to_contain_text("No agent obeys a key because it is listed here")
        form = page.get_by_role("form", name="Make a key in this browser")
        form.get_by_label("Name").fill("Mei, laptop")
        form.get_by_role("button").click()
        row = page.locator("li", has_text="Mei, laptop")
        expect(row).to_contain_text("in this browser", timeout=SLOW_MS)
        expect(row).to_contain_text("may not start a voter")
        made = it.stage.kept.operator_keys[-1]
        public = made["public_key"]
        expect(row.get_by_role("group", name="Line to trust it")).to_have_text(
            f"vedette agent trust {public} --dir /var/lib/vedette-agent"
        )
        assert page.evaluate(READ_OUT) == ["private", False, "InvalidAccessError"]
        row.get_by_role("button", name="Revoke: Mei, laptop").click()
        row.get_by_role("button", name="Take Mei, laptop off the list").click()
        expect(row).to_contain_text("revoked", timeout=SLOW_MS)
        assert page.evaluate(READ_OUT) == []


def test_a_pasted_private_key_is_refused_before_it_leaves(opened: Open, stage: Play) -> None:
    with opened(f"{stage.url}/operator-keys") as page:
        form = page.get_by_role("form", name="Add a key made elsewhere")
        form.get_by_label("Name").fill("mine")
        form.get_by_label("Public key").fill("-----BEGIN OPENSSH PRIVATE KEY-----")
        expect(form.get_by_text("This looks like a private key")).to_be_visible(timeout=SLOW_MS)
        expect(form.get_by_role("button", name="Add")).to_be_disabled()
        form.get_by_label("Public key").fill("0f" * 32)
        form.get_by_role("button", name="Add").click()
        expect(page.locator("li", has_text="mine")).to_contain_text("may start a voter", timeout=SLOW_MS)


# --- claims


def test_a_wallet_in_the_page_proves_a_validator(opened: Open) -> None:
    """The wallet is the test's; key, signature and their check are real."""
    key = KEYS.PrivateKey(secrets.token_bytes(32))
    account = core_address(key.public_key.to_bytes(), base32.MAINNET)
    node1 = address("node1")
    with play("trouble", 60_000) as it, opened(f"{it.url}/claims?address={node1}") as page:
        it.stage.kept.owner = account
        page.expose_function(
            "signed", lambda text: "0x" + key.sign_msg_hash(conflux_digest(text)).to_bytes().hex()
        )
        page.evaluate(WALLET, account)
        page.get_by_role("button", name="Begin").click(timeout=SLOW_MS)
        expect(page.get_by_role("group", name="Text to sign")).to_contain_text(f"Validator: {node1}")
        page.get_by_role("button", name="Sign with Fluent").click()
        row = page.locator("li", has_text="not shown")
        expect(row).to_be_visible(timeout=SLOW_MS)
        page.get_by_label("Show to everybody that it is ours").check()
        page.get_by_label("Name beside the address").fill(HOSTILE)
        page.get_by_label("About").fill("Two people.")
        page.get_by_role("button", name="Add a link").click()
        page.get_by_label("Link 1: Address").fill("javascript:alert(1)")
        expect(page.get_by_text("A link begins with https://")).to_be_visible()
        expect(page.get_by_role("button", name="Save")).to_be_disabled()
        page.get_by_label("Link 1: Address").fill("https://pine.example/two")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("link", name=HOSTILE)).to_be_visible(timeout=SLOW_MS)
        page.goto(f"{it.url}/validators/{node1}")
        expect(page.get_by_role("link", name="Kept by Pine Staking")).to_be_visible(timeout=SLOW_MS)
        link = page.get_by_role("link", name="pine.example")
        assert link.get_attribute("rel") == "noopener noreferrer nofollow ugc"
        assert page.locator("main img").count() == 0


def test_a_wallet_with_another_account_is_told_so_and_a_signature_can_be_pasted(opened: Open) -> None:
    key, other = (KEYS.PrivateKey(secrets.token_bytes(32)) for _ in range(2))
    account = core_address(key.public_key.to_bytes(), base32.MAINNET)
    url = f"/claims?address={address('node2')}"
    with play("trouble", 60_000) as it, opened(it.url + url, forgiven="422") as page:
        it.stage.kept.owner = account
        page.evaluate(WALLET, "cfx:aarc9abycue0hhzgyrr53m6cxedgccrmmyybjgh4xg")
        page.get_by_role("button", name="Begin").click(timeout=SLOW_MS)
        page.get_by_role("button", name="Sign with Fluent").click(timeout=SLOW_MS)
        expect(page.get_by_role("alert").filter(has_text="may not sign for this validator")).to_be_visible()
        text = page.get_by_role("group", name="Text to sign").inner_text()
        paste = page.get_by_label("Signature")
        for signer, said in ((other, "by another address"), (key, None)):
            paste.fill("0x" + signer.sign_msg_hash(conflux_digest(text)).to_bytes().hex())
            page.get_by_role("button", name="Claim it").click()
            if said:
                expect(page.get_by_role("alert").filter(has_text=said)).to_be_visible(timeout=SLOW_MS)
        expect(page.locator("h1")).to_have_text("2 validators are proven to be yours.", timeout=SLOW_MS)


# --- what others see


def test_a_stranger_reads_a_status_page(opened: Open) -> None:
    with play("public", 60_000) as it, opened(it.url + STATUS) as page:
        expect(page.locator("h1")).to_contain_text("All is well with Pine Staking", timeout=SLOW_MS)
        days = page.get_by_role("slider", name="ams-voter: Availability, 90 days")
        expect(days).to_have_attribute("aria-valuetext", re.compile("87 days up"))
        days.focus()
        for _ in range(69):
            page.keyboard.press("ArrowLeft")
        expect(days).to_have_attribute("aria-valuetext", re.compile(r"UTC: down, 0 %"))
        page.get_by_role("button", name="Table").click()
        expect(page.get_by_role("region", name="Availability, 90 days").locator("tbody tr")).to_have_count(90)
        expect(page.get_by_text("ams-voter was silent")).to_be_visible()
        link = page.get_by_role("link", name="Our site")
        assert link.get_attribute("rel") == "noopener noreferrer nofollow ugc"
        page.goto(f"{it.url}/claims")
        expect(page.get_by_text("Sign in to see this.")).to_be_visible(timeout=SLOW_MS)
        way_in = page.get_by_role("main").get_by_role("link", name="Sign in")
        expect(way_in).to_have_attribute("href", "/sign-in?next=%2Fclaims")


def test_a_status_page_begins_with_what_is_wrong(opened: Open) -> None:
    with play("trouble", 60_000) as it, opened(it.url + STATUS, forgiven="404") as page:
        expect(page.locator("h1")).to_contain_text("1 node down, 1 validator absent", timeout=SLOW_MS)
        expect(page.locator("section").nth(1)).to_contain_text("ams-voter is down")
        page.goto(f"{it.url}/status/nobody")
        expect(page.locator("h1")).to_have_text("No such status page", timeout=SLOW_MS)


def test_a_profile_is_written_and_hostile_links_are_not(opened: Open) -> None:
    with play("fleet", 60_000) as it, opened(f"{it.url}/profile") as page:
        page.get_by_role("textbox", name="Its address").fill("Pine Staking!", timeout=SLOW_MS)
        expect(page.get_by_text("Use 3 to 40 lower-case letters")).to_be_visible()
        expect(page.get_by_role("button", name="Save")).to_be_disabled()
        page.get_by_role("textbox", name="Its address").fill("pines")
        page.get_by_label("About you").fill(HOSTILE)
        page.get_by_role("button", name="Save").click()
        expect(page.locator("h1")).to_contain_text("/status/pines", timeout=SLOW_MS)
        page.get_by_role("link", name="Look at it").click()
        expect(page.get_by_text(HOSTILE)).to_be_visible(timeout=SLOW_MS)
        assert page.locator("main img").count() == 0


def test_the_log_tells_who_did_what(opened: Open, stage: Play) -> None:
    with opened(f"{stage.url}/audit") as page:
        row = page.locator("tbody tr", has_text="claimed a validator")
        expect(row).to_contain_text("mei", timeout=SLOW_MS)
        page.get_by_role("searchbox").fill("profile")
        expect(page.locator("tbody tr")).to_have_count(1)


def test_a_badge_and_a_card_are_chosen_seen_and_copied(opened: Open, stage: Play) -> None:
    node0 = address("node0")
    with opened(f"{stage.url}/embed?kind=validator&id={node0}") as page:
        picture = page.get_by_role("img", name=re.compile("Preview: .*state"))
        expect(picture).to_have_attribute("src", f"/badge/validators/{node0}/status.svg", timeout=SLOW_MS)
        assert picture.evaluate("one => one.complete && one.naturalWidth") > 60
        page.get_by_role("button", name="yield, 30 days").click()
        code = page.get_by_role("group", name="Markdown")
        expect(code).to_contain_text(
            f"({stage.url}/badge/validators/{node0}/apy.svg)]({stage.url}/validators/"
        )
        page.get_by_role("button", name="Card").click()
        page.get_by_role("button", name="dark").click()
        frame = page.frame_locator("iframe")
        expect(frame.get_by_role("heading")).to_have_text("0xa05d58…a3f8", timeout=SLOW_MS)
        expect(page.get_by_role("group", name="HTML")).to_contain_text("lang=en&amp;theme=dark")
        expect(page).to_have_url(re.compile("form=card&theme=dark"))


# --- programs, and watching


def test_a_route_is_tried_on_the_api_page(opened: Open, stage: Play) -> None:
    with opened(f"{stage.url}/api") as page:
        page.get_by_role("searchbox", name="Find a route").fill("/votes")
        page.get_by_role("button", name=re.compile("Try it: .*votes")).click(timeout=SLOW_MS)
        form = page.get_by_role("form", name=re.compile("votes"))
        expect(form.get_by_label("address")).to_have_value(address("node0"), timeout=SLOW_MS)
        form.get_by_label("last", exact=True).fill("3")
        expect(page.get_by_role("group", name="The same in a shell")).to_contain_text("votes?last=3'")
        form.get_by_role("button", name="Send").click()
        answer = page.get_by_role("group", name="Answer").inner_text(timeout=SLOW_MS)
        assert len(json.loads(answer.split("\n\n", 1)[1])["strip"]) == 3
        page.get_by_role("searchbox", name="Find a route").fill("/live")
        page.get_by_role("button", name=re.compile("Try it: .*live")).click()
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("group", name="Answer")).to_contain_text("event: hello", timeout=SLOW_MS)
        page.get_by_role("button", name="Stop").click()


def test_watching_asks_only_when_pressed_and_leaves_nothing_behind(opened: Open) -> None:
    """Chromium's push service is elsewhere: permission and subscription are the test's, the worker real."""
    with play("public", 60_000) as it, opened(it.url) as page:
        page.add_init_script(f"({PUSH})()")
        page.goto(f"{it.url}/validators/{address('node0')}")
        page.get_by_role("button", name="Watch this validator").wait_for(timeout=SLOW_MS)
        assert page.evaluate("navigator.serviceWorker.getRegistrations().then((all) => all.length)") == 0
        assert not page.evaluate("Boolean(window.asked)")
        page.get_by_role("button", name="Watch this validator").click()
        page.get_by_role("button", name="Stop watching").wait_for(timeout=SLOW_MS)
        held = next(iter(it.stage.kept.subscriptions.values()))
        assert held["addresses"] == [address("node0")]
        assert held["language"] == "en"
        scopes = "navigator.serviceWorker.getRegistrations().then((all) => all.map((one) => one.scope))"
        assert page.evaluate(scopes) == [f"{it.url}/push/"]
        page.get_by_role("button", name="Stop watching").click()
        page.get_by_role("button", name="Watch this validator").wait_for(timeout=SLOW_MS)
        assert not it.stage.kept.subscriptions


# --- over the real server


def test_what_the_page_makes_opens_the_real_server(browser: Browser, tmp_path: Path) -> None:
    """An owner makes a key and a browser's key, shows the team, and finds all of it in the log."""
    with real(tmp_path) as server, browser.new_context(base_url=server.url) as context:
        session = server.run(signed_in(server.house.database, "mei"))
        context.add_cookies([{"name": COOKIE, "value": session, "url": server.url}])
        page = context.new_page()
        page.set_default_timeout(SLOW_MS)
        page.goto("/keys")
        form = page.get_by_role("form", name="Make a key")
        form.get_by_label("Name").fill("report")
        form.get_by_role("button", name="Make a key").click()
        token = page.get_by_role("group", name="Your new key: report").locator("code").inner_text()
        told = context.request.get("/api/v1/team/profile", headers={"Authorization": f"Bearer {token}"})
        assert told.ok
        page.goto("/operator-keys")
        form = page.get_by_role("form", name="Make a key in this browser")
        form.get_by_label("Name").fill("Mei, laptop")
        form.get_by_role("button").click()
        expect(page.locator("li", has_text="Mei, laptop")).to_contain_text("in this browser")
        page.goto("/profile")
        page.get_by_label("Show a status page to everybody").check()
        page.get_by_role("textbox", name="Its address").fill("reeds")
        page.get_by_role("button", name="Add a link").click()
        page.get_by_label("Link 1: Address").fill("https://reeds.example")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("h1")).to_contain_text("/status/reeds")
        page.goto("/audit")
        for act in ("made an API key", "listed an operator's key", "changed the public profile"):
            expect(page.locator("tbody tr", has_text=act)).to_contain_text("mei")
        context.clear_cookies()
        page.goto("/status/reeds")
        expect(page.locator("h1")).to_contain_text("shows nothing here yet")
        expect(page.get_by_role("link", name="reeds.example")).to_be_visible()
        page.goto("/embed?kind=network")
        picture = page.get_by_role("img", name="Preview: Conflux PoS: votes cast")
        page.wait_for_function("one => one.complete && one.naturalWidth > 60", arg=picture.element_handle())
        assert page.evaluate(WORKER) == f"{server.url}/push/"


# --- for everybody


def settled(page: Page) -> None:
    page.locator("header .badge.live").wait_for(timeout=SLOW_MS)
    page.locator("main section").first.wait_for(timeout=SLOW_MS)
    page.wait_for_timeout(300)


@pytest.mark.slow
@both_ways
def test_nobody_is_shut_out_of_keys(opened: Open, stage: Play, dark: bool, phone: bool) -> None:
    """axe-core finds nothing against WCAG 2.2 AA; nothing scrolls sideways; a finger finds every button."""
    found = []
    for path in share(PAGES, phone):
        lang = "zh-CN" if phone else "en-US"
        with opened(stage.url + path, dark=dark, phone=phone, lang=lang, bypass_policy=True) as page:
            settled(page)
            if path in {"/claims", "/operator-keys"}:
                page.locator("main [aria-expanded=false]").first.click(timeout=SLOW_MS)
            assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), path
            found += violations(page)
            if phone:
                low = page.evaluate(TOO_LOW)
                found += [f"{path}: too low for a finger: {one}" for one in low]
    assert not found, "\n".join(found)
