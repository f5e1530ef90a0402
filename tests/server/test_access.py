"""Who is asking: one who signed in, a key, a bearer of the token, this machine for itself, or the public."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update

from vedette.model.people import FIRST_TEAM, PUBLIC, KeyHeld, Role, Scope, Who
from vedette.server.access import NEIGHBOUR, TOKEN_BEARER, Access, cookie
from vedette.store import tables as t
from vedette.store.database import Conn, Database
from vedette.store.sessions import hash_of

NOW_MS = 1_800_000_000_000
TOKEN = "let-me-read-let-me-read"
LOCAL = {"host": "127.0.0.1:8642"}
SECRET = "s" * 43
KEY = "vdt_" + "k" * 43


def scope(client: str | None, headers: dict[str, str]) -> dict[str, Any]:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"client": (client, 1) if client else None, "headers": raw}


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(str(tmp_path / "vedette.db"))
    yield opened
    await opened.close()


def access(database: Database, token: str | None = TOKEN, *, loopback: bool = True) -> Access:
    return Access(database, lambda: NOW_MS, token, loopback)


WITH_TOKEN = LOCAL | {"authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("client", "headers", "who"),
    [
        ("127.0.0.1", LOCAL, NEIGHBOUR),
        ("127.0.0.1", {"host": "localhost:1"}, NEIGHBOUR),
        ("::1", {"host": "[::1]:8642"}, NEIGHBOUR),
        ("::ffff:127.0.0.1", LOCAL, NEIGHBOUR),
        ("127.0.0.1", {}, PUBLIC),
        ("127.0.0.1", {"host": "evil.example"}, PUBLIC),  # a name that was rebound to this machine
        ("127.0.0.1", {"host": "127.0.0.1.evil.example"}, PUBLIC),
        ("127.0.0.1", LOCAL | {"x-forwarded-for": "1.2.3.4"}, PUBLIC),
        ("127.0.0.1", LOCAL | {"forwarded": "for=1.2.3.4"}, PUBLIC),
        ("127.0.0.1", LOCAL | {"x-real-ip": "1.2.3.4"}, PUBLIC),
        ("10.0.0.7", LOCAL, PUBLIC),
        (None, LOCAL, PUBLIC),
        ("10.0.0.7", WITH_TOKEN, TOKEN_BEARER),
        ("10.0.0.7", WITH_TOKEN | {"x-forwarded-for": "1.2.3.4"}, TOKEN_BEARER),
        ("10.0.0.7", LOCAL | {"authorization": f"bearer {TOKEN}"}, TOKEN_BEARER),
        ("10.0.0.7", LOCAL | {"authorization": f"Bearer {TOKEN}x"}, PUBLIC),
        ("10.0.0.7", LOCAL | {"authorization": "Bearer "}, PUBLIC),
        ("10.0.0.7", LOCAL | {"authorization": f"Basic {TOKEN}"}, PUBLIC),
        ("10.0.0.7", LOCAL | {"authorization": f"Bearer {KEY}"}, PUBLIC),  # nobody made such a key
        ("10.0.0.7", LOCAL | {"cookie": f"vedette-session={SECRET}"}, PUBLIC),
    ],
)
async def test_who_is_asking(
    database: Database, client: str | None, headers: dict[str, str], who: Who
) -> None:
    assert await access(database).who(scope(client, headers)) == who


@pytest.mark.parametrize("told", ["Bearer ", "Bearer None"])
async def test_without_a_token_no_token_opens(database: Database, told: str) -> None:
    assert await access(database, None).who(scope("10.0.0.7", {"authorization": told})) == PUBLIC


async def test_behind_a_proxy_loopback_alone_is_nobody(database: Database) -> None:
    behind = access(database, loopback=False)
    assert await behind.who(scope("127.0.0.1", LOCAL)) == PUBLIC
    assert await behind.who(scope("127.0.0.1", WITH_TOKEN)) == TOKEN_BEARER


async def seated(conn: Conn) -> None:
    """A viewer of the first team who signed in."""
    user = {"id": 7, "name": "ann", "pseudonym": "u-1", "created_at_ms": 0}
    await conn.execute(insert(t.users).values(user))
    member = {"team_id": FIRST_TEAM, "user_id": 7, "role": "viewer", "since_ms": 0}
    await conn.execute(insert(t.memberships).values(member))
    times = {"created_at_ms": 0, "seen_at_ms": 0, "expires_at_ms": NOW_MS + 1, "fresh_until_ms": 0}
    session = {"id": "one", "user_id": 7, "team_id": FIRST_TEAM, "token_hash": hash_of(SECRET), "browser": ""}
    await conn.execute(insert(t.sessions).values(session | times))


def with_cookie(client: str = "10.0.0.7") -> dict[str, Any]:
    return scope(client, LOCAL | {"cookie": f"theme=dark; vedette-session={SECRET}"})


async def test_a_cookie_is_its_owner_even_on_this_machine_until_it_ends(database: Database) -> None:
    await database.write(seated)
    ann = await access(database).who(with_cookie("127.0.0.1"))
    assert ann == Who(FIRST_TEAM, Role.VIEWER, 7, "one")
    assert not ann.may(Role.OPERATOR)
    later = Access(database, lambda: NOW_MS + 1)
    assert await later.who(with_cookie()) == PUBLIC


@pytest.mark.parametrize("change", [update(t.users).values(disabled_at_ms=1), t.sessions.delete()])
async def test_who_may_no_longer_come_in_is_the_public(database: Database, change: Any) -> None:
    await database.write(seated)
    await database.write(lambda conn: conn.execute(change))
    assert await access(database).who(with_cookie()) == PUBLIC


async def test_whoever_left_his_team_is_still_himself_but_sees_nothing_of_it(database: Database) -> None:
    await database.write(seated)
    await database.write(lambda conn: conn.execute(t.memberships.delete()))
    assert await access(database).who(with_cookie()) == Who(None, None, 7, "one")


@pytest.mark.parametrize(
    "header",
    [f"vedette-session={SECRET}; vedette-session=other", f"__Host-vedette={SECRET}", "vedette-session"],
)
def test_a_cookie_that_is_told_twice_or_is_not_ours_is_none(header: str) -> None:
    assert cookie([(b"cookie", header.encode())], "vedette-session") is None


@pytest.mark.parametrize(
    ("scopes", "role"),
    [([], None), (["metrics"], None), (["read"], Role.VIEWER), (["read", "write"], Role.OPERATOR)],
)
async def test_a_key_opens_what_its_scopes_say(
    database: Database, scopes: list[str], role: Role | None
) -> None:
    row = {"id": "k1", "team_id": FIRST_TEAM, "name": "bot", "token_hash": hash_of(KEY), "hint": "kkkk"}
    await database.write(
        lambda conn: conn.execute(insert(t.api_keys).values(row | {"scopes": scopes, "created_at_ms": 0}))
    )
    brought = scope("10.0.0.7", {"authorization": f"Bearer {KEY}"})
    key = KeyHeld("k1", FIRST_TEAM, frozenset(Scope(one) for one in scopes))
    assert await access(database).who(brought) == Who(FIRST_TEAM if role else None, role, key=key)
    await database.write(lambda conn: conn.execute(update(t.api_keys).values(expires_at_ms=NOW_MS)))
    assert await access(database).who(brought) == PUBLIC
