"""People on the page, over the real server: first run, signing in and out, what a viewer is not shown."""

import base64
import hmac
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import select, update

from tests.browser.conftest import DESK, PHONE
from tests.browser.real import Real, real
from tests.server.people import COOKIE, signed_in
from tests.server.stage import Agent, enrol, hear
from vedette.model.people import Role
from vedette.server.account import RESET
from vedette.store import tables as t
from vedette.store import tickets
from vedette.store.database import Conn

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "ui" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SLOW_MS = 20_000
PASSWORD = "a heron stands in the reeds"


class Visitor:
    """One person's browser. What the page must never do is noted; a refusal is no fault of the page."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.wrong: list[str] = []
        self.page = self.another()

    def another(self) -> Page:
        """One more tab."""
        page = self.context.new_page()
        page.set_default_timeout(SLOW_MS)
        page.on("pageerror", lambda error: self.wrong.append(f"threw: {error}"))
        page.on(
            "console",
            lambda said: (
                self.wrong.append(said.text)
                if "Content Security Policy" in said.text or "svelte" in said.text
                else None
            ),
        )
        page.on("request", lambda asked: self.wrong.append(asked.url) if PASSWORD[:9] in asked.url else None)
        return page

    def __enter__(self) -> Page:
        return self.page

    def __exit__(self, *_: object) -> None:
        self.context.close()
        assert not self.wrong, "\n".join(self.wrong)


class Visit:
    """How people come to the server: each with a browser of his own."""

    def __init__(self, browser: Browser, server: Real) -> None:
        self.browser, self.server = browser, server

    def __call__(
        self,
        name: str | None = None,
        role: Role | None = Role.OWNER,
        *,
        dark: bool = False,
        phone: bool = False,
        lang: str = "en-US",
        bypass_csp: bool = False,
    ) -> Visitor:
        """Somebody, signed in as `name` if one is given."""
        context = self.browser.new_context(
            base_url=self.server.url,
            viewport=PHONE if phone else DESK,  # type: ignore[arg-type]  # a dict of the same shape
            color_scheme="dark" if dark else "light",
            locale=lang,
            bypass_csp=bypass_csp,
        )
        if name is not None:
            token = self.server.run(
                signed_in(self.server.house.database, name, role, is_admin=role is Role.OWNER)
            )
            context.add_cookies([{"name": COOKIE, "value": token, "url": self.server.url}])
        return Visitor(context)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Real]:
    with real(tmp_path) as running:
        yield running


@pytest.fixture
def visit(browser: Browser, server: Real) -> Visit:
    return Visit(browser, server)


def fill(page: Page, **fields: str) -> None:
    """Type into fields by their labels, whose spaces are underscores here."""
    for label, text in fields.items():
        page.get_by_label(label.replace("_", " "), exact=True).fill(text)


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.goto("/sign-in")
    fill(page, Name=name, Password=password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Account and team")).click()
    page.get_by_role("banner").get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


def set_up(page: Page, server: Real, name: str = "heron") -> None:
    """The first account, made on the page with the code from the log."""
    code = server.run(server.house.signing.setup_code())
    assert code is not None
    page.goto("/setup")
    fill(page, Name=name, Password=PASSWORD, Team="Reed Pool", Setup_code=code)
    page.get_by_role("button", name="Make the account").click()
    expect(page.locator("h1")).to_contain_text(f"{name}: opened by a password alone")


def test_the_first_person_sets_the_server_up_and_comes_back(visit: Visit, server: Real) -> None:
    with visit() as page:
        page.goto("/")
        page.get_by_role("link", name="First run").click()
        fill(page, Name="heron", Password=PASSWORD, Team="Reed Pool", Setup_code="AAAA-AAAA-AAAA-AAAA")
        page.get_by_role("button", name="Make the account").click()
        expect(page.get_by_role("alert")).to_contain_text("the server's log has it")
        set_up(page, server)
        sign_out(page)
        page.goto("/account")
        page.get_by_role("main").get_by_role("link", name="Sign in").click()
        fill(page, Name="heron", Password="a heron stands in the rain")
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("The name or the password is not right.")
        fill(page, Password=PASSWORD)
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{server.url}/account")
        expect(page.locator("h1")).to_contain_text("heron")


def test_who_signs_out_in_one_tab_is_gone_from_the_others(visit: Visit, server: Real) -> None:
    visitor = visit("heron")
    with visitor as page:
        page.goto("/team")
        other = visitor.another()
        other.goto("/account")
        expect(other.locator("h1")).to_contain_text("heron")
        sign_out(page)
        expect(other.locator("h1")).not_to_contain_text("heron")
        expect(other.get_by_role("main").get_by_role("link", name="Sign in")).to_be_visible()


def test_a_viewer_is_shown_no_buttons_that_change_nodes(visit: Visit, server: Real) -> None:
    agent = Agent("reed-1")

    async def report() -> None:
        await enrol(server.house, agent)
        await hear(server.house, *agent.post(agent.envelope(server.house.ears.now_ms())))

    server.run(report())
    with visit("kestrel", Role.OPERATOR) as page:
        page.goto(f"/nodes/{agent.node_id}")
        expect(page.get_by_role("button", name="Edit")).to_be_visible()
        page.goto("/nodes")
        expect(page.get_by_role("link", name="Add a node")).to_be_visible()
    with visit("wren", Role.VIEWER) as page:
        page.goto(f"/nodes/{agent.node_id}")
        expect(page.get_by_text("private", exact=True)).to_be_visible()
        expect(page.get_by_role("button", name="Edit")).to_have_count(0)
        page.goto("/nodes")
        expect(page.get_by_role("link", name="reed-1")).to_be_visible()
        expect(page.get_by_role("link", name="Add a node")).to_have_count(0)
        page.goto("/enrol")
        expect(page.get_by_text("Ask an owner of the team for the operator's role.")).to_be_visible()
        expect(page.get_by_role("button", name="Make the line")).to_have_count(0)


# --- passkeys, codes, invitations


def authenticator(page: Page) -> None:
    """A device that holds passkeys and knows its owner, in this tab."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def totp(secret: str, at_s: float) -> str:
    """The six digits that an authenticator app shows (RFC 6238)."""
    key = base64.b32decode(secret.replace(" ", ""))
    digest = hmac.digest(key, int(at_s // 30).to_bytes(8, "big"), "sha1")
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


def prove(page: Page, password: str = PASSWORD) -> None:
    """Answer the dialog that asks whether it is really him."""
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Password", exact=True).fill(password)
    dialog.get_by_role("button", name="Go on").click()
    expect(dialog).to_have_count(0)


NOT_OFFERED = "PublicKeyCredential.isConditionalMediationAvailable = async () => false"


@pytest.mark.parametrize("offered", [False, True], ids=["by its button", "offered in the name's field"])
def test_a_passkey_is_made_and_opens_the_account(visit: Visit, server: Real, offered: bool) -> None:
    with visit() as page:
        authenticator(page)
        if not offered:
            page.add_init_script(NOT_OFFERED)
        set_up(page, server)
        fill(page, **{"What is it called?": "reed phone"})
        page.get_by_role("button", name="Add a passkey").click()
        expect(page.get_by_role("main").get_by_text("reed phone opens this account")).to_be_visible()
        expect(page.locator("h1")).to_contain_text("heron: opened by a passkey or a password alone")
        sign_out(page)
        page.goto("/sign-in?next=/account")
        if not offered:  # the authenticator of the test takes what is offered by itself
            page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page).to_have_url(f"{server.url}/account")
        expect(page.get_by_role("listitem").filter(has_text="reed phone")).to_contain_text("used now")


def test_a_code_guards_the_password_and_a_recovery_code_stands_in(visit: Visit, server: Real) -> None:
    with visit() as page:
        set_up(page, server)
        page.get_by_role("button", name="Set it up").click()
        picture = page.get_by_alt_text("QR code")
        expect(picture).to_be_visible()
        assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
        secret = page.get_by_role("group", name="Or type this secret").locator("code").inner_text()
        fill(page, **{"One-time code": totp(secret, time.time())})
        page.get_by_role("button", name="Switch it on").click()
        shown = page.get_by_role("group", name="Recovery codes").get_by_role("listitem")
        expect(shown).to_have_count(10)
        code = shown.first.inner_text()
        page.get_by_role("button", name="I have kept them").click()
        expect(page.locator("h1")).to_contain_text("a password with a second factor")
        sign_out(page)
        sign_in(page, "heron")
        expect(page.get_by_label("One-time code")).to_be_focused()
        fill(page, **{"One-time code": code})
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Account and team: heron")).to_be_visible()


def test_a_letters_link_sets_a_new_password(visit: Visit, server: Real) -> None:
    with visit("heron") as signed, visit() as page:
        token = server.run(reset_token(server))
        page.goto(f"/reset#{token}")
        fill(page, New_password=PASSWORD)
        page.get_by_role("button", name="Set the password").click()
        expect(page.locator("h1")).to_have_text("The new password is set.")
        assert token not in page.url
        sign_in(page, "heron")
        expect(page.get_by_role("button", name="Account and team: heron")).to_be_visible()
        signed.goto("/account")
        expect(signed.get_by_text("Sign in to see your account.")).to_be_visible()
        page.goto(f"/reset#{token}")
        fill(page, New_password=PASSWORD)
        page.get_by_role("button", name="Set the password").click()
        expect(page.get_by_role("alert")).to_contain_text(re.compile(r"\w+"))


def test_an_administrator_shuts_somebody_out_and_lets_him_in_again(visit: Visit) -> None:
    admin, member = visit("heron"), visit("wren", Role.VIEWER)
    with admin as page, member as other:
        other.goto("/team")
        page.goto("/people")
        expect(page.locator("h1")).to_have_text("2 accounts on this server")
        page.get_by_role("button", name="Shut out: wren").click()
        page.get_by_role("button", name="Sign wren out everywhere").click()
        expect(page.locator("h1")).to_contain_text("1 of them shut out")
        expect(other.get_by_text("Sign in to see your team.")).to_be_visible(timeout=SLOW_MS)
        page.get_by_role("button", name="Let in again: wren").click()
        expect(page.locator("h1")).to_have_text("2 accounts on this server")


async def reset_token(server: Real) -> str:
    """What a letter to the only person would have behind its link's #."""

    async def make(conn: Conn) -> str:
        user_id = (await conn.execute(select(t.users.c.id))).scalar_one()
        return await tickets.make(conn, RESET, server.house.ears.now_ms(), 60_000, user_id=user_id)

    return await server.house.database.write(make)


def test_what_changes_an_account_is_asked_for_a_fresh_proof(visit: Visit, server: Real) -> None:
    with visit() as page:
        set_up(page, server)
        server.run(grown_old(server))
        page.get_by_role("textbox", name="Name", exact=True).fill("egret")
        page.get_by_role("button", name="Rename").click()
        expect(page.get_by_role("dialog").get_by_label("Password", exact=True)).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page.get_by_role("alert")).to_contain_text("Prove once more")
        page.get_by_role("button", name="Rename").click()
        prove(page)
        expect(page.locator("h1")).to_contain_text("egret:")


async def grown_old(server: Real) -> None:
    """Every proof was given more than ten minutes ago."""
    old = update(t.sessions).values(fresh_until_ms=0)
    await server.house.database.write(lambda conn: conn.execute(old))


def test_who_has_an_account_joins_another_team_and_switches_back(visit: Visit, server: Real) -> None:
    owner, guest = visit("heron"), visit("wren", None)
    with owner as page, guest as other:
        link = invited(page)
        other.goto("/team")
        expect(other.get_by_text("You are in no team.")).to_be_visible()
        other.get_by_role("textbox", name="Name").fill("Marsh")
        other.get_by_role("button", name="Make the team").click()
        expect(other.locator("h1")).to_have_text("Marsh: one member")
        other.goto(link)
        other.get_by_role("button", name="Join").click()
        expect(other.locator("h1")).to_contain_text("2 members")
        other.get_by_role("button", name="Account and team: wren").click()
        with other.expect_navigation():  # whoever looks at another team begins with an empty page
            other.get_by_role("button", name="Marsh owner").click()
        other.goto("/team")
        expect(other.locator("h1")).to_have_text("Marsh: one member")


def invited(page: Page, role: str = "operator") -> str:
    """An invitation's link, made on the team's page."""
    page.goto("/team")
    page.get_by_label("Role", exact=True).select_option(role)
    page.get_by_role("button", name="Make the link").click()
    return page.get_by_role("group", name="The invitation's link").locator("code").inner_text()


def test_an_invitation_is_taken_up_in_another_browser(visit: Visit, server: Real) -> None:
    owner, guest = visit("heron"), visit()
    with owner as page, guest as other:
        link = invited(page)
        other.goto(link)
        expect(other.locator("h1")).to_contain_text("as operator")
        fill(other, Name="wren", Password=PASSWORD)
        other.get_by_role("button", name="Make the account").click()
        expect(other.get_by_role("button", name="Account and team: wren")).to_be_visible()
        page.goto("/team")
        page.get_by_label("Role of wren").select_option("viewer")
        expect(page.get_by_text("wren is viewer now.")).to_be_attached()
        other.goto("/team")
        expect(other.get_by_role("row", name="wren")).to_contain_text("viewer")
        expect(other.get_by_role("combobox")).to_have_count(0)
        other.goto(link)
        expect(other.locator("h1")).to_have_text("This invitation does not work")
        page.get_by_role("button", name="Remove: wren").click()
        page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        expect(page.get_by_role("row", name="wren")).to_have_count(0)


# --- everybody


@pytest.mark.slow  # every page of people is searched
@pytest.mark.parametrize(
    ("dark", "phone", "lang"),
    [(False, False, "en-US"), (True, True, "zh-CN")],
    ids=["light-desk-en", "dark-phone-zh"],
)
def test_nobody_is_shut_out(visit: Visit, dark: bool, phone: bool, lang: str) -> None:
    """axe-core finds nothing against WCAG 2.2 AA, no page is wider than the screen, no target too small."""
    found = []
    for name, paths in ((None, ["/setup"]), ("heron", ["/account", "/team", "/people"]), (None, STRANGERS)):
        with visit(name, dark=dark, phone=phone, lang=lang, bypass_csp=True) as page:
            for path in paths:
                page.goto(path)
                page.locator("main :is(form, .empty, table)").first.wait_for()
                if name:
                    page.locator("main :is(.held, table)").last.wait_for()
                found += [f"{path}: {one}" for one in complaints(page, small=phone)]
    assert not found, "\n".join(found)


STRANGERS = ["/sign-in", "/sign-up", "/reset", "/verify"]


def complaints(page: Page, *, small: bool) -> list[str]:
    page.add_script_tag(content=AXE.read_text())
    result = page.evaluate("tags => axe.run({ runOnly: tags })", TAGS)
    found = [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in result["violations"]]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("it is wider than the screen")
    if small:
        found += [f"too small: {one}" for one in page.evaluate(TOO_SMALL)]
    return found


TOO_SMALL = """[...document.querySelectorAll("main :is(.button, input, select), header button")]
    .filter((one) => one.checkVisibility() && !one.ariaHidden && one.offsetHeight < 44)
    .map((one) => one.outerHTML)"""
