"""Who is asking: this machine for itself, a bearer of the token, or the public."""

from typing import Any

import pytest

from vedette.model.people import FIRST_TEAM, PUBLIC, Who
from vedette.server.access import Access

TEAM = Who(FIRST_TEAM)
TOKEN = "let-me-read-let-me-read"
LOCAL = {"host": "127.0.0.1:8642"}


def scope(client: str | None, headers: dict[str, str]) -> dict[str, Any]:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"client": (client, 1) if client else None, "headers": raw}


@pytest.mark.parametrize(
    ("client", "headers", "who"),
    [
        ("127.0.0.1", LOCAL, TEAM),
        ("127.0.0.1", {"host": "localhost:1"}, TEAM),
        ("::1", {"host": "[::1]:8642"}, TEAM),
        ("::ffff:127.0.0.1", LOCAL, TEAM),
        ("127.0.0.1", {}, PUBLIC),
        ("127.0.0.1", {"host": "evil.example"}, PUBLIC),  # a name that was rebound to this machine
        ("127.0.0.1", {"host": "127.0.0.1.evil.example"}, PUBLIC),
        ("127.0.0.1", LOCAL | {"x-forwarded-for": "1.2.3.4"}, PUBLIC),
        ("127.0.0.1", LOCAL | {"forwarded": "for=1.2.3.4"}, PUBLIC),
        ("127.0.0.1", LOCAL | {"x-real-ip": "1.2.3.4"}, PUBLIC),
        ("10.0.0.7", LOCAL, PUBLIC),
        (None, LOCAL, PUBLIC),
        ("10.0.0.7", LOCAL | {"authorization": f"Bearer {TOKEN}"}, TEAM),
        ("10.0.0.7", LOCAL | {"authorization": f"bearer {TOKEN}", "x-forwarded-for": "1.2.3.4"}, TEAM),
        ("10.0.0.7", LOCAL | {"authorization": f"Bearer {TOKEN}x"}, PUBLIC),
        ("10.0.0.7", LOCAL | {"authorization": "Bearer "}, PUBLIC),
        ("10.0.0.7", LOCAL | {"authorization": f"Basic {TOKEN}"}, PUBLIC),
    ],
)
def test_who_is_asking(client: str | None, headers: dict[str, str], who: Who) -> None:
    assert Access(TOKEN, trust_loopback=True).who(scope(client, headers)) == who


def test_without_a_token_no_token_opens() -> None:
    empty = {"authorization": "Bearer "}
    assert Access(None, trust_loopback=True).who(scope("10.0.0.7", empty)) == PUBLIC
    assert (
        Access(None, trust_loopback=True).who(scope("10.0.0.7", {"authorization": "Bearer None"})) == PUBLIC
    )


def test_behind_a_proxy_loopback_alone_is_nobody() -> None:
    behind = Access(TOKEN, trust_loopback=False)
    assert behind.who(scope("127.0.0.1", LOCAL)) == PUBLIC
    assert behind.who(scope("127.0.0.1", LOCAL | {"authorization": f"Bearer {TOKEN}"})) == TEAM
