"""Signing in at another place, and coming back, over real ports."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc.jwk import OctKey, RSAKey

from tests.server.accounts import Browser, Place, place
from tests.server.oidc_provider import ProviderStandIn, provider
from tests.server.people import signed_in
from tests.server.stage import CHEAP
from vedette.server.settings import AccountSetting

OPEN = AccountSetting("open", password_memory_kib=CHEAP.password_memory_kib, password_rounds=1)


@pytest.fixture
async def other() -> AsyncIterator[ProviderStandIn]:
    async with provider() as found:
        yield found


@pytest.fixture
async def here(tmp_path: Path, other: ProviderStandIn) -> AsyncIterator[Place]:
    async with place(tmp_path, public_url="https://watch.example.org", oidc=other.setting) as found:
        yield found


async def start(browser: Browser) -> str:
    """Where the browser is sent to begin with."""
    status, _ = await browser.ask("GET", "/oidc/start")
    assert status == 302
    return browser.headers["Location"]


async def go(browser: Browser, other: ProviderStandIn) -> str:
    """To the other place and back; where the browser ends."""
    there = urlsplit(await start(browser))
    assert there.path == "/authorize"
    return await come_back(browser, other.begin(dict(parse_qsl(there.query))))


async def come_back(browser: Browser, url: str) -> str:
    """As another site sends a browser: the session's own cookie does not come along."""
    strict = browser.cookies.pop("__Host-vedette", None)
    parts = urlsplit(url)
    assert (parts.netloc, parts.path) == ("watch.example.org", "/api/v1/oidc/callback")
    status, _ = await browser.ask("GET", f"/oidc/callback?{parts.query}", Sec_Fetch_Site="cross-site")
    assert status == 302
    if strict is not None:
        browser.cookies.setdefault("__Host-vedette", strict)
    return browser.headers["Location"]


async def bound(here: Place, other: ProviderStandIn) -> Browser:
    """Alice's browser; the other place vouches for her from now on."""
    alice = await here.first()
    assert await go(alice, other) == "/"
    return alice


async def test_whoever_bound_it_signs_in_with_it(here: Place, other: ProviderStandIn) -> None:
    alice = await here.first()
    before = dict(alice.cookies)
    assert (await alice.session())["oidc"] == {"name": "Example ID"}
    assert await go(alice, other) == "/"
    assert alice.cookies["__Host-vedette"] != before["__Host-vedette"]
    again = here.browser()
    assert await go(again, other) == "/"
    told = await again.session()
    assert (told["user"]["name"], told["team"]["role"]) == ("alice", "owner")
    assert "__Host-vedette-oidc" not in again.cookies
    old = here.browser()
    old.cookies = before
    assert (await old.session())["signed_in"] is False, "the session from which it was bound began anew"


def proved(here: Place) -> dict[str, Any]:
    """What the other place says of whoever proved himself there a moment ago."""
    now_s = here.house.ears.now_ms() // 1000
    return {"auth_time": now_s, "exp": now_s + 300}


async def test_to_bind_it_takes_a_fresh_proof(here: Place, other: ProviderStandIn) -> None:
    alice = await here.first()
    here.clock.pass_ms(600_000)
    other.claims = proved(here)
    assert await go(alice, other) == "/account#oidc=confirm"


async def test_it_is_a_new_proof_if_it_was_asked_for_just_now(here: Place, other: ProviderStandIn) -> None:
    """Being signed in there from before is none: whoever finds an open browser is that as well."""
    alice = await bound(here, other)
    here.clock.pass_ms(600_000)
    asked = dict(parse_qsl(urlsplit(await start(alice)).query))
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    for auth_time in (None, proved(here)["auth_time"] - 600, "now", True):
        other.claims = proved(here) | {"auth_time": auth_time}
        assert await go(alice, other) == "/sign-in#oidc=refused"
    assert (await alice.ask("POST", "/account/totp", {}))[0] == 403
    other.claims = proved(here)
    assert await go(alice, other) == "/"
    assert (await alice.ask("POST", "/account/totp", {}))[0] == 200


async def test_one_there_is_one_here(here: Place, other: ProviderStandIn) -> None:
    await bound(here, other)
    bob = here.browser()
    bob.cookies = {"__Host-vedette": await signed_in(here.house.database, "bob")}
    assert await go(bob, other) == "/sign-in#oidc=taken"


async def test_nobody_knows_a_stranger(here: Place, other: ProviderStandIn) -> None:
    await bound(here, other)
    other.subject = "stranger"
    stranger = here.browser()
    assert await go(stranger, other) == "/sign-in#oidc=unknown"
    assert (await stranger.session())["signed_in"] is False


async def test_where_everybody_may_come_a_stranger_gets_an_account(
    tmp_path: Path, other: ProviderStandIn
) -> None:
    given: dict[str, Any] = {"public_url": "https://watch.example.org", "oidc": other.setting}
    async with place(tmp_path, accounts=OPEN, **given) as here:
        early = here.browser()
        assert await go(early, other) == "/sign-in#oidc=unknown", "the first account is made at the setup"
        await here.first("alice.liddell")
        other.says |= {"email": "Alice@Example.org", "email_verified": True}
        stranger = here.browser()
        assert await go(stranger, other) == "/"
        user = (await stranger.session())["user"]
        assert (
            user["name"],
            user["email"],
            user["email_verified"],
            user["has_password"],
            user["is_admin"],
        ) == (
            "alice.liddell-2",
            "alice@example.org",
            True,
            False,
            False,
        )
        assert (await stranger.session())["team"] is None


async def test_an_address_counts_only_if_it_was_verified_there(
    tmp_path: Path, other: ProviderStandIn
) -> None:
    given: dict[str, Any] = {"public_url": "https://watch.example.org", "oidc": other.setting}
    async with place(tmp_path, accounts=OPEN, **given) as here:
        await here.first()
        other.says |= {"email": "boss@example.org", "email_verified": "true"}
        stranger = here.browser()
        await go(stranger, other)
        assert (await stranger.session())["user"]["email"] is None


async def test_what_was_begun_in_one_browser_ends_in_no_other(here: Place, other: ProviderStandIn) -> None:
    """Nobody is signed in as somebody else by a link that was sent to him."""
    await bound(here, other)
    thief, victim = here.browser(), here.browser()
    link = other.begin(dict(parse_qsl(urlsplit(await start(thief)).query)))
    assert await come_back(victim, link) == "/sign-in#oidc=over"
    await start(victim)
    assert await come_back(victim, link) == "/sign-in#oidc=over"
    assert (await victim.session())["signed_in"] is False
    assert await come_back(thief, link) == "/sign-in#oidc=over", "it was used up"


async def test_a_way_back_works_once_and_soon(here: Place, other: ProviderStandIn) -> None:
    alice = await bound(here, other)
    link = other.begin(dict(parse_qsl(urlsplit(await start(alice)).query)))
    jar = dict(alice.cookies)
    assert await come_back(alice, link) == "/"
    alice.cookies = jar
    assert await come_back(alice, link) == "/sign-in#oidc=over"
    late = here.browser()
    link = other.begin(dict(parse_qsl(urlsplit(await start(late)).query)))
    here.clock.pass_ms(600_000)
    assert await come_back(late, link) == "/sign-in#oidc=over"


LIES: list[tuple[str, dict[str, Any]]] = [
    ("another's nonce", {"claims": {"nonce": "x"}}),
    ("no nonce", {"claims": {"nonce": None}}),
    ("for another", {"claims": {"aud": "other"}}),
    ("for others as well", {"claims": {"aud": ["vedette", "other"]}}),
    ("authorized for another", {"claims": {"aud": ["vedette", "other"], "azp": "other"}}),
    ("by another", {"claims": {"iss": "https://evil.example"}}),
    ("over", {"claims": {"exp": 1_700_000_000}}),
    ("never over", {"claims": {"exp": None}}),
    ("of tomorrow", {"claims": {"iat": 1_900_000_000}}),
    ("nobody", {"claims": {"sub": None}}),
    ("no text", {"claims": {"sub": 4711}}),
    ("too long", {"claims": {"sub": "x" * 300}}),
    ("unsigned", {"algorithm": "none"}),
    ("another key", {"signs_with": RSAKey.generate_key(2048, {"use": "sig", "kid": "one"})}),
    ("a shared secret", {"algorithm": "HS256", "signs_with": OctKey.generate_key(256)}),
]


@pytest.mark.parametrize("lie", [lie for _, lie in LIES], ids=[name for name, _ in LIES])
async def test_a_word_that_is_not_to_be_believed_lets_nobody_in(
    here: Place, other: ProviderStandIn, lie: dict[str, Any]
) -> None:
    await bound(here, other)
    for name, value in lie.items():
        setattr(other, name, value)
    browser = here.browser()
    assert await go(browser, other) == "/sign-in#oidc=refused"
    assert (await browser.session())["signed_in"] is False


async def test_a_client_among_others_is_taken_if_it_is_the_one_that_asked(
    here: Place, other: ProviderStandIn
) -> None:
    await bound(here, other)
    other.claims = {"aud": ["other", "vedette"], "azp": "vedette"}
    assert await go(here.browser(), other) == "/"


async def test_a_new_key_is_asked_for_but_not_all_the_time(here: Place, other: ProviderStandIn) -> None:
    await bound(here, other)
    other.key = RSAKey.generate_key(2048, {"use": "sig", "kid": "two"})
    assert await go(here.browser(), other) == "/sign-in#oidc=refused", "it asked a moment ago"
    here.clock.pass_ms(61_000)
    assert await go(here.browser(), other) == "/"
    assert other.asked_for_keys == 2


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://192.0.2.1/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": None},
    ],
)
async def test_a_provider_whose_papers_are_wrong_is_not_used(
    here: Place, other: ProviderStandIn, document: dict[str, Any]
) -> None:
    other.document = document
    assert await start(here.browser()) == "/sign-in#oidc=unreachable"


async def test_a_provider_that_does_not_answer_is_told(here: Place, other: ProviderStandIn) -> None:
    other.status = 503
    assert await start(here.browser()) == "/sign-in#oidc=unreachable"


async def test_nonsense_on_the_way_back_is_refused(here: Place, other: ProviderStandIn) -> None:
    for query in ("", "error=access_denied&state=x", "code=x", "state=x&code=x&iss=https://evil.example"):
        link = f"https://watch.example.org/api/v1/oidc/callback?{query}"
        assert await come_back(here.browser(), link) == "/sign-in#oidc=refused"


async def test_without_the_setting_there_is_no_such_way(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        assert (await here.browser().ask("GET", "/oidc/start"))[0] == 404
        assert (await here.browser().ask("GET", "/oidc/callback?code=x&state=x"))[0] == 404
