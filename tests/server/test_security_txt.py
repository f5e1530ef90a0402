"""`/.well-known/security.txt`: there when somebody is named, and no page in its place when nobody is."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.server.stage import client, served, settings
from vedette.server.security_txt import written
from vedette.server.settings import SecuritySetting

NAMED = SecuritySetting(contact=("mailto:security@example.org", "https://example.org/report"))


async def test_it_names_the_contact_and_expires_within_a_year(tmp_path: Path) -> None:
    async with served(settings(tmp_path, security=NAMED)) as (_, url), client() as http:
        async with http.get(f"{url}/.well-known/security.txt") as reply:
            assert (reply.status, reply.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
            fields = [line.split(": ", 1) for line in (await reply.text()).splitlines()]
        async with http.head(f"{url}/.well-known/security.txt") as reply:
            assert reply.status == 200
    assert [told for name, told in fields if name == "Contact"] == list(NAMED.contact)
    (expires,) = [datetime.fromisoformat(told) for name, told in fields if name == "Expires"]
    assert timedelta(days=100) < expires - datetime.now(UTC) < timedelta(days=365)


async def test_nobody_named_is_a_plain_problem(tmp_path: Path) -> None:
    async with served(settings(tmp_path)) as (_, url), client() as http:
        for path in ("security.txt", "anything-else"):
            async with http.get(f"{url}/.well-known/{path}") as reply:
                assert (reply.status, reply.content_type) == (404, "application/problem+json")


def test_its_own_address_is_told_where_it_is_known(tmp_path: Path) -> None:
    public = settings(tmp_path, security=NAMED, public_url="https://watch.example.org")
    told = written(public, datetime(2026, 1, 31, 12, tzinfo=UTC))
    assert "Canonical: https://watch.example.org/.well-known/security.txt\n" in told
    assert "Expires: 2026-07-30T00:00:00Z\n" in told
    assert "Canonical" not in written(settings(tmp_path, security=NAMED), datetime.now(UTC))
