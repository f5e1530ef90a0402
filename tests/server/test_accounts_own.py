"""What a person changes of his own account, and who is signed in where."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import delete, update

from tests.server.accounts import PASSWORD, Place, place
from tests.server.people import signed_in, team_of
from vedette.model.people import PUBLIC, Role
from vedette.server.loops import lapsed
from vedette.store import audit, teams
from vedette.store import tables as t
from vedette.store.database import Database
from vedette.store.sessions import hash_of

NEW = "two otters share a fish"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Place]:
    async with place(tmp_path) as found:
        yield found


async def acts(database: Database) -> list[tuple[str, str]]:
    async with database.read() as conn:
        who = (await audit.entries(conn, PUBLIC, None, 200, every_team=True))[::-1]
    return [(entry.act, entry.subject) for entry in who]


async def test_a_person_sees_where_he_is_signed_in_and_ends_it(here: Place) -> None:
    alice, phone = await here.first(), here.browser()
    here.clock.pass_ms(120_000)
    await phone.sign_in()
    _, told = await alice.ask("GET", "/sessions")
    (newest,) = (one for one in told["sessions"] if not one["is_this"])
    assert (len(told["sessions"]), newest["browser"]) == (2, "Firefox on Linux")
    assert (await alice.ask("DELETE", f"/sessions/{newest['id']}"))[0] == 204
    assert (await phone.session())["signed_in"] is False
    assert (await alice.ask("DELETE", f"/sessions/{newest['id']}"))[0] == 404
    await phone.sign_in()
    assert (await alice.ask("DELETE", "/sessions"))[0] == 204
    assert (await phone.session())["signed_in"] is False
    assert (await alice.session())["signed_in"] is True


async def test_nobody_ends_anybody_elses_session(here: Place) -> None:
    alice, bob = await here.first(), here.browser()
    bob.cookies = {"vedette-session": await signed_in(here.house.database, "bob")}
    (mine,) = (await alice.ask("GET", "/sessions"))[1]["sessions"]
    assert (await bob.ask("DELETE", f"/sessions/{mine['id']}"))[0] == 404
    assert (await bob.ask("DELETE", "/sessions"))[0] == 204
    assert (await alice.session())["signed_in"] is True


async def test_a_stream_ends_with_its_session(here: Place) -> None:
    alice, phone = await here.first(), here.browser()
    await phone.sign_in()
    (token,) = phone.cookies.values()
    headers = {"Cookie": f"vedette-session={token}"}
    async with here.http.get(f"{here.url}/api/v1/live", headers=headers) as stream:
        assert b"hello" in await stream.content.readuntil(b"\n\n")
        assert (await alice.ask("DELETE", "/sessions"))[0] == 204
        await asyncio.wait_for(_ended(stream), 20)


@pytest.mark.parametrize("what", ["session", "role", "user"])
async def test_a_stream_ends_when_its_session_did_elsewhere(here: Place, what: str) -> None:
    """By hand in the database, or by another server: noticed within a minute."""
    alice, root = await here.first(), here.browser()
    other = await signed_in(here.house.database, "root", Role.VIEWER)
    root.cookies = {"vedette-session": other}
    lines = {
        "session": delete(t.sessions).where(t.sessions.c.token_hash == hash_of(other)),
        "role": update(t.memberships).where(t.memberships.c.role == "viewer").values(role="operator"),
        "user": update(t.users).where(t.users.c.name == "root").values(disabled_at_ms=1),
    }
    (token,) = alice.cookies.values()
    async with (
        here.http.get(f"{here.url}/api/v1/live", headers={"Cookie": f"vedette-session={token}"}) as kept,
        here.http.get(f"{here.url}/api/v1/live", headers={"Cookie": f"vedette-session={other}"}) as stream,
    ):
        await stream.content.readuntil(b"\n\n")
        await kept.content.readuntil(b"\n\n")
        await lapsed(here.house.database, here.house.ears, here.house.live)
        assert len(here.house.live) == 2
        await here.house.database.write(lambda conn: conn.execute(lines[what]))
        await lapsed(here.house.database, here.house.ears, here.house.live)
        await asyncio.wait_for(_ended(stream), 20)
        assert {who.role for who in here.house.live.readers} == {Role.OWNER}


async def _ended(stream: aiohttp.ClientResponse) -> None:
    while await stream.content.readany():
        pass


async def test_a_new_password_ends_every_other_sign_in(here: Place) -> None:
    alice, thief = await here.first(), here.browser()
    thief.cookies = dict(alice.cookies)
    assert (await alice.ask("PUT", "/account/password", {"old": "wrong", "new": NEW}))[0] == 401
    assert (await alice.ask("PUT", "/account/password", {"old": None, "new": NEW}))[0] == 422
    assert (await alice.ask("PUT", "/account/password", {"old": PASSWORD, "new": "alice"}))[0] == 422
    status, told = await alice.ask("PUT", "/account/password", {"old": PASSWORD, "new": NEW})
    assert (status, told["signed_in"]) == (200, True)
    assert (await thief.session())["signed_in"] is False, "even with the very cookie that he had"
    assert (await alice.session())["signed_in"] is True
    assert (await here.browser().sign_in())[0] == 401
    assert (await here.browser().sign_in(password=NEW))[0] == 200


async def test_whoever_has_no_password_sets_one_after_a_fresh_proof(here: Place) -> None:
    bob = here.browser()
    bob.cookies = {"vedette-session": await signed_in(here.house.database, "bob")}
    assert (await bob.ask("PUT", "/account/password", {"old": None, "new": NEW}))[0] == 200
    assert (await here.browser().sign_in("bob", NEW))[0] == 200


async def test_a_name_is_changed_unless_somebody_has_it(here: Place) -> None:
    alice = await here.first()
    await signed_in(here.house.database, "bob")
    assert (await alice.ask("PATCH", "/account", {"name": "BOB"}))[0] == 409
    assert (await alice.ask("PATCH", "/account", {"name": "a b"}))[0] == 422
    status, told = await alice.ask("PATCH", "/account", {"name": "Alicia"})
    assert (status, told["user"]["name"]) == (200, "alicia")
    assert (await here.browser().sign_in("alicia"))[0] == 200


async def test_the_last_owner_and_the_last_administrator_stay(here: Place) -> None:
    alice, bob = await here.first(), here.browser()
    status, told = await alice.ask("DELETE", "/account")
    assert (status, "North" in told["detail"]) == (409, True)
    bob.cookies = {"vedette-session": await signed_in(here.house.database, "bob", Role.OWNER)}
    status, told = await alice.ask("DELETE", "/account")
    assert (status, "administrator" in told["detail"]) == (409, True)
    status, told = await bob.ask("DELETE", "/account")
    assert (status, told["signed_in"]) == (200, False)
    assert (await bob.session())["signed_in"] is False


async def test_a_person_looks_at_his_own_teams_only(here: Place) -> None:
    alice = await here.first()
    south, west = [await team_of(here.house.database, name) for name in ("South", "West")]
    user_id = (await alice.session())["user"]["id"]
    await here.house.database.write(
        lambda conn: teams.join(conn, south, user_id, Role.VIEWER, here.house.ears.now_ms())
    )
    status, told = await alice.ask("POST", "/session/team", {"team_id": south})
    assert (status, told["team"]) == (200, {"id": south, "name": "South", "role": "viewer"})
    assert told["may"] == {"read": True, "operate": False, "own": False, "administer": True}
    assert [one["name"] for one in told["teams"]] == ["North", "South"]
    assert (await alice.session())["team"]["name"] == "South", "it is kept for this browser"
    assert (await alice.ask("POST", "/session/team", {"team_id": west}))[0] == 404


async def test_an_administrator_lets_people_in_and_out(here: Place) -> None:
    alice, bob = await here.first(), here.browser()
    bob.cookies = {"vedette-session": await signed_in(here.house.database, "bob")}
    number = (await bob.session())["user"]["id"]
    assert (await bob.ask("GET", "/users"))[0] == 403
    _, told = await alice.ask("GET", "/users")
    assert ([one["name"] for one in told["users"]], told["next_cursor"]) == (["alice", "bob"], None)
    _, told = await alice.ask("GET", "/users?limit=1")
    assert ([one["name"] for one in told["users"]], told["next_cursor"]) == (["alice"], "alice")
    _, told = await alice.ask("GET", "/users?limit=1&cursor=alice")
    assert ([one["name"] for one in told["users"]], told["next_cursor"]) == (["bob"], None)
    status, told = await alice.ask("PATCH", f"/users/{number}", {"is_disabled": True})
    assert (status, told["disabled_at_ms"]) == (200, here.house.ears.now_ms())
    assert (await bob.session())["signed_in"] is False
    status, told = await alice.ask("PATCH", f"/users/{number}", {"is_disabled": False, "is_admin": True})
    assert (status, told["disabled_at_ms"], told["is_admin"]) == (200, None, True)
    assert (await alice.ask("PATCH", "/users/999", {}))[0] == 404


async def test_the_last_administrator_cannot_be_let_go_of(here: Place) -> None:
    alice = await here.first()
    number = (await alice.session())["user"]["id"]
    for change in ({"is_admin": False}, {"is_disabled": True}):
        assert (await alice.ask("PATCH", f"/users/{number}", change))[0] == 409


async def test_whoever_may_not_come_in_cannot_sign_in(here: Place) -> None:
    alice = await here.first()
    await signed_in(here.house.database, "root", is_admin=True)
    number = (await alice.session())["user"]["id"]
    root = here.browser()
    root.cookies = {"vedette-session": await signed_in(here.house.database, "root2", is_admin=True)}
    assert (await root.ask("PATCH", f"/users/{number}", {"is_disabled": True}))[0] == 200
    assert await here.browser().sign_in() == await here.browser().sign_in("nobody")


async def test_each_change_is_in_the_log_by_pseudonym(here: Place) -> None:
    alice = await here.first()
    await alice.ask("PUT", "/account/password", {"old": PASSWORD, "new": NEW})
    await alice.ask("PATCH", "/account", {"name": "alicia"})
    await alice.ask("POST", "/account/totp", {})
    await alice.ask("DELETE", "/account/totp")
    await alice.ask("DELETE", "/session")
    noted = await acts(here.house.database)
    assert [act for act, _ in noted] == [
        "session.begin",
        "account.first",
        "session.begin",
        "account.password",
        "account.name",
        "account.totp-off",
        "session.end",
    ]
    (subject,) = {subject for _, subject in noted}
    assert subject.startswith("user:u-")
