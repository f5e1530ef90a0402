"""First run, signing in and out, over a real port."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.server.accounts import PASSWORD, Browser, Place, place
from tests.server.people import key_of
from tests.server.stage import READ_TOKEN
from vedette.server.guesses import FREE_BY_ADDRESS, FREE_BY_NAME
from vedette.store import tables as t
from vedette.store.sessions import hash_of

DAY_MS = 86_400_000


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Place]:
    async with place(tmp_path) as found:
        yield found


async def test_everyone_may_ask_who_he_is(here: Place) -> None:
    told = await here.browser().session()
    assert told["signed_in"] is False
    assert told["user"] is told["team"] is None
    assert told["may"] == {"read": False, "operate": False, "own": False, "administer": False}
    assert (told["first_run"], told["sign_up"], told["mail"], told["oidc"]) == (True, "invited", False, None)


async def test_the_first_person_becomes_administrator_and_owner(here: Place) -> None:
    browser = await here.first()
    told = await browser.session()
    assert (told["user"]["name"], told["user"]["is_admin"]) == ("alice", True)
    assert told["team"] == {"id": 1, "name": "North", "role": "owner"}
    assert told["may"] == {"read": True, "operate": True, "own": True, "administer": True}
    assert told["first_run"] is False
    status, _ = await browser.ask("GET", "/nodes")
    assert status == 200


async def test_nobody_sets_up_from_elsewhere_without_the_code_from_the_log(here: Place) -> None:
    wish = {"name": "mallory", "password": PASSWORD, "team_name": "Evil"}
    for code in (None, "", "AAAA-AAAA-AAAA-AAAA"):
        status, told = await here.browser().ask("POST", "/setup", wish | {"code": code})
        assert status == 403, told
    assert (await here.browser().session())["first_run"] is True


async def test_the_code_works_however_it_is_typed_and_once(here: Place) -> None:
    code = await here.house.signing.setup_code()
    assert code is not None
    typed = code.lower().replace("-", " ")
    wish = {"name": "alice", "password": PASSWORD, "team_name": "North", "code": typed}
    many = await asyncio.gather(*(here.browser().ask("POST", "/setup", wish) for _ in range(4)))
    assert sorted(status for status, _ in many) == [200, 409, 409, 409]
    assert await here.house.signing.setup_code() is None


async def test_the_log_has_a_code_only_where_strangers_may_come(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "vedette.server.house"):
        async with place(tmp_path, trust_loopback=True):
            assert "setup code" not in caplog.text
        async with place(tmp_path) as here:
            assert "setup code" in caplog.text
            code = caplog.text.rpartition("setup code ")[2].split()[0]
            wish = {"name": "alice", "password": PASSWORD, "team_name": "North", "code": code}
            status, _ = await here.browser().ask("POST", "/setup", wish)
            assert status == 200


async def test_on_the_servers_machine_no_code_is_asked_for(tmp_path: Path) -> None:
    async with place(tmp_path, trust_loopback=True) as here:
        browser = here.browser()
        assert (await browser.session())["is_local"] is True
        wish = {"name": "alice", "password": PASSWORD, "team_name": "North"}
        status, told = await browser.ask("POST", "/setup", wish)
        assert (status, told["user"]["name"]) == (200, "alice")
        status, told = await browser.ask("DELETE", "/session")
        assert (status, told["signed_in"], told["may"]["own"]) == (200, False, True), (
            "he is a neighbour again"
        )


async def test_a_weak_password_is_refused_with_what_to_do(here: Place) -> None:
    code = await here.house.signing.setup_code()
    for weak in ("short", "password123", "aaaaaaaaaaaa", "alice-alice"[::-1], "x" * 300):
        wish = {"name": "alice-alice", "password": weak, "team_name": "North", "code": code}
        status, told = await here.browser().ask("POST", "/setup", wish)
        assert status == 422, weak
        assert weak not in told["detail"]
        assert "take" in told["detail"]


async def test_signing_in_and_out(here: Place) -> None:
    await here.first()
    browser = here.browser()
    status, told = await browser.sign_in(" Alice ")
    assert (status, told["user"]["name"]) == (200, "alice")
    assert told["fresh_until_ms"] == here.house.ears.now_ms() + 600_000
    old = dict(browser.cookies)
    status, told = await browser.ask("DELETE", "/session")
    assert (status, told["signed_in"], browser.cookies) == (200, False, {})
    browser.cookies = old
    assert (await browser.session())["signed_in"] is False, "the cookie is worth nothing any more"


async def test_the_cookie_is_for_our_page_alone(here: Place, tmp_path: Path) -> None:
    browser = await here.first()
    (line,) = browser.set_cookies
    assert line.startswith("vedette-session=")
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= {part.strip() for part in line.split(";")}
    assert "Domain" not in line
    (tmp_path / "tls").mkdir()
    async with place(tmp_path / "tls", public_url="https://watch.example.org") as behind_tls:
        browser = await behind_tls.first()
        (line,) = browser.set_cookies
        assert line.startswith("__Host-vedette=")
        assert "Secure" in line
        assert (await browser.session())["signed_in"] is True


async def test_only_a_hash_of_the_cookie_is_kept(here: Place) -> None:
    browser = await here.first()
    (token,) = browser.cookies.values()
    async with here.house.database.read() as conn:
        (row,) = (await conn.execute(select(t.sessions))).all()
    assert row.token_hash == hash_of(token)
    assert token not in str(row)
    assert row.browser == "Firefox on Linux"


async def test_a_planted_cookie_is_not_taken_over_at_sign_in(here: Place) -> None:
    """Session fixation: whoever knew the cookie before knows nothing after."""
    victim, thief = await here.first(), here.browser()
    thief.cookies = dict(victim.cookies)
    await victim.sign_in()
    assert victim.cookies != thief.cookies
    assert (await victim.session())["signed_in"] is True
    assert (await thief.session())["signed_in"] is False
    made_up = here.browser()
    made_up.cookies = {"vedette-session": "chosen-by-the-thief"}
    await made_up.sign_in()
    assert made_up.cookies["vedette-session"] != "chosen-by-the-thief"


async def test_another_sites_page_can_neither_sign_in_nor_out(here: Place) -> None:
    browser = await here.first()
    for sent in ({"Sec_Fetch_Site": "cross-site"}, {"Origin": "https://evil.example"}):
        body = {"name": "alice", "password": PASSWORD}
        status, _ = await browser.ask("POST", "/session", body, **sent)
        assert status == 403
        status, _ = await browser.ask("DELETE", "/session", **sent)
        assert status == 403
    status, _ = await browser.ask("POST", "/session", body, Content_Type="text/plain")
    assert status == 415
    assert (await browser.session())["signed_in"] is True


async def test_an_unknown_name_costs_as_much_work_and_is_told_the_same(here: Place) -> None:
    await here.first()
    answers = []
    for name in ("alice", "nobody", "not a name!", "x" * 200):
        before = here.house.passwords.checks
        answers.append(await here.browser().sign_in(name, "not the password"))
        assert here.house.passwords.checks == before + 1, name
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0] == 401


async def test_guessing_one_name_soon_takes_forever(here: Place) -> None:
    await here.first()
    for name in ("alice", "nobody"):
        guesser = here.browser()
        for _ in range(FREE_BY_NAME):
            assert (await guesser.sign_in(name, "guess"))[0] == 401
        status, told = await guesser.sign_in(name, "guess")
        assert (status, guesser.headers["Retry-After"]) == (429, "15")
        assert "15 s" in told["detail"]
        assert (await guesser.sign_in(name, PASSWORD))[0] == 429, "not even with the right one"
    here.clock.pass_ms(15_000)
    assert (await guesser.sign_in("alice", "guess"))[0] == 401
    await guesser.sign_in("alice", "guess")
    assert guesser.headers["Retry-After"] == "30"
    here.clock.pass_ms(30_000)
    assert (await guesser.sign_in("alice"))[0] == 200
    assert (await guesser.sign_in("alice", "guess"))[0] == 401, "his tries are forgotten once he is in"


async def test_many_guesses_at_once_gain_nothing(here: Place) -> None:
    await here.first()
    before = here.house.passwords.checks
    many = await asyncio.gather(*(here.browser().sign_in("alice", "guess") for _ in range(20)))
    statuses = [status for status, _ in many]
    assert statuses.count(401) == FREE_BY_NAME == here.house.passwords.checks - before
    assert statuses.count(429) == 20 - FREE_BY_NAME


async def test_one_place_cannot_guess_at_many_names(here: Place) -> None:
    await here.first()
    statuses = [(await here.browser().sign_in(f"user{at}", "guess"))[0] for at in range(FREE_BY_ADDRESS + 2)]
    assert statuses.index(429) == FREE_BY_ADDRESS
    assert set(statuses[FREE_BY_ADDRESS:]) == {429}


async def test_neither_name_nor_address_stands_in_the_table_of_tries(here: Place) -> None:
    await here.browser().sign_in("alice", "guess")
    async with here.house.database.read() as conn:
        rows = (await conn.execute(select(t.tries))).all()
    assert len(rows) == 2
    assert hash_of("127.0.0.1") not in {row.subject_hash for row in rows}
    assert "alice" not in str(rows)
    assert "127.0.0.1" not in str(rows)


async def test_a_session_ends_unused_after_a_week_and_used_after_a_month(here: Place) -> None:
    browser = await here.first()
    idle = here.browser()
    await idle.sign_in()
    for _ in range(5):
        here.clock.pass_ms(6 * DAY_MS)
        signed_in = (await browser.session())["signed_in"]
    assert signed_in is False, "thirty days are over"
    assert (await idle.session())["signed_in"] is False
    await browser.sign_in()
    here.clock.pass_ms(7 * DAY_MS - 1_000)
    assert (await browser.session())["signed_in"] is True
    here.clock.pass_ms(7 * DAY_MS)
    assert (await browser.session())["signed_in"] is False


async def test_that_somebody_was_here_is_written_once_a_minute(here: Place) -> None:
    browser = await here.first()
    start = here.house.ears.now_ms()
    assert await _seen(here) == start
    here.clock.pass_ms(59_000)
    await browser.session()
    assert await _seen(here) == start
    here.clock.pass_ms(1_000)
    await browser.session()
    assert await _seen(here) == start + 60_000


async def _seen(here: Place) -> int:
    async with here.house.database.read() as conn:
        return int((await conn.execute(select(t.sessions.c.seen_at_ms))).scalar_one())


async def test_a_password_hashed_at_another_cost_is_hashed_anew(here: Place, tmp_path: Path) -> None:
    browser: Browser = await here.first()
    async with here.house.database.read() as conn:
        kept = (await conn.execute(select(t.users.c.password_hash))).scalar_one()
    assert kept.startswith("$argon2id$")
    assert await here.house.passwords.matches(PASSWORD, kept)
    assert (await browser.sign_in())[0] == 200


async def test_a_key_and_the_read_token_say_what_they_may(here: Place) -> None:
    await here.first()
    for token, may in ((await key_of(here.house.database), True), (READ_TOKEN, False)):
        status, told = await here.browser().ask("GET", "/session", Authorization=f"Bearer {token}")
        assert (status, told["signed_in"], told["user"]) == (200, False, None)
        assert told["team"]["name"] == "North"
        assert told["may"] == {"read": True, "operate": may, "own": False, "administer": False}


async def test_a_refused_body_does_not_repeat_a_secret(here: Place) -> None:
    long = "secret " * 200
    status, told = await here.browser().ask("POST", "/session", {"name": "alice", "password": long})
    assert (status, "secret" in told["detail"], "password" in told["detail"]) == (422, False, True)
