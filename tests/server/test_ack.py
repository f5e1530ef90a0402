"""Signed links: read only as they were made, for a week, by the key file alone; reading one does nothing."""

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.server.history import Past
from tests.server.world import ADDRESS, World, world
from tests.store.doubles import NOON, TROUBLE
from vedette.model.incident import Notice, Reason
from vedette.model.people import EVERYBODY
from vedette.server.ack import LASTS_MS, Ack, Link, LinkError
from vedette.server.vault import Vault
from vedette.store import tables as t


def ack(folder: Path, now_ms: int = NOON) -> Ack:
    return Ack(Vault(folder / "keys"), f"{ADDRESS}/", lambda: now_ms)


def test_a_link_is_read_as_it_was_made(tmp_path: Path) -> None:
    token = ack(tmp_path).token(7, "contact:ab", NOON)
    assert ack(tmp_path).read(token) == Link(7, "contact:ab", NOON + LASTS_MS)
    assert ack(tmp_path, NOON + LASTS_MS - 1).read(token).incident_id == 7


def test_it_ends_after_a_week_and_with_its_key(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "keys")
    made = Ack(vault, ADDRESS, lambda: NOON)
    token = made.token(7, "email", NOON)
    with pytest.raises(LinkError):
        ack(tmp_path, NOON + LASTS_MS).read(token)
    newest = vault.add()
    assert made.read(token).incident_id == 7, "an older key still reads"
    vault.drop_all_but(newest)
    with pytest.raises(LinkError):
        made.read(token)


@pytest.mark.parametrize("place", [0, 5, 40, -1])
def test_no_byte_of_it_may_be_changed(tmp_path: Path, place: int) -> None:
    token = ack(tmp_path).token(7, "email", NOON)
    whole = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    whole[place] ^= 1
    with pytest.raises(LinkError):
        ack(tmp_path).read(base64.urlsafe_b64encode(bytes(whole)).decode())


@given(st.text(max_size=400))
def test_nonsense_is_no_link(tmp_path_factory: Any, token: str) -> None:
    with pytest.raises(LinkError):
        ack(tmp_path_factory.getbasetemp()).read(token)


def test_a_message_has_the_same_link_on_every_attempt_and_none_when_it_is_over(tmp_path: Path) -> None:
    def notice(reason: Reason, team_id: int = 1) -> Notice:
        incident = replace(TROUBLE, id=7, team_id=team_id)
        return Notice(1, incident, "email", reason, "k", NOON, 0)

    first = ack(tmp_path).of(notice(Reason.OPENED))
    assert first is not None
    assert first.startswith(f"{ADDRESS}/ack/")
    assert ack(tmp_path, NOON + 5_000).of(notice(Reason.OPENED)) == first
    assert ack(tmp_path).of(notice(Reason.RESOLVED)) is None
    assert ack(tmp_path).of(notice(Reason.OPENED, EVERYBODY)) is None


async def offered(street: World, method: str, token: str, body: Any = None) -> tuple[int, bytes]:
    status, headers, told = await street.ask(method, f"/api/v1/acknowledgements/{token}", body=body)
    assert status != 200 or headers["Cache-Control"] == "no-store"
    return status, told


async def test_whoever_holds_the_link_takes_that_incident_on(
    past: Past, database_file: Path, tmp_path: Path
) -> None:
    async with world(past, database_file, tmp_path) as street:
        now_ms, mine = street.house.ears.now_ms(), await street.new_trouble()
        other = await street.new_trouble()
        token = street.house.ack.token(mine, "email", now_ms)
        status, told = await offered(street, "GET", token)
        assert (status, b'"acked":null' in told) == (200, True)
        assert (await offered(street, "GET", token))[1] == told, "looking does nothing"
        status, told = await offered(street, "POST", token, {"minutes": 60, "comment": "on it"})
        assert (status, b'"by":"email"' in told) == (200, True)
        whole = (await street.ask("GET", f"/api/v1/incidents/{mine}", "viewer"))[2]
        assert b'"comment":"on it"' in whole
        assert b'"acked":null' in (await street.ask("GET", f"/api/v1/incidents/{other}", "viewer"))[2]
        acts = (await street.ask("GET", "/api/v1/audit", "owner"))[2]
        assert b'"act":"incident.acknowledge"' in acts
        assert b'"link_of":"email"' in acts
        assert token.encode() not in acts


async def test_a_link_dies_with_its_incident_and_with_its_contact_point(
    past: Past, database_file: Path, tmp_path: Path
) -> None:
    async with world(past, database_file, tmp_path) as street:
        now_ms, mine = street.house.ears.now_ms(), await street.new_trouble()
        gone = street.house.ack.token(mine, "contact:gone", now_ms)
        assert (await offered(street, "POST", gone, {}))[0] == 404
        token = street.house.ack.token(mine, "email", now_ms)
        over = t.incidents.update().where(t.incidents.c.id == mine).values(resolved_at_ms=now_ms)
        await street.house.database.write(lambda conn: conn.execute(over))
        for method, body in (("GET", None), ("POST", {})):
            assert (await offered(street, method, token, body))[0] == 410
            assert (await offered(street, method, "x" * 60, body))[0] == 404


async def test_another_sites_page_presses_nothing_and_nobody_presses_endlessly(
    past: Past, database_file: Path, tmp_path: Path
) -> None:
    async with world(past, database_file, tmp_path) as street:
        token = street.house.ack.token(await street.new_trouble(), "email", street.house.ears.now_ms())
        path = f"/api/v1/acknowledgements/{token}"
        assert (await street.ask("POST", path, body={}, Origin="https://evil.example"))[0] == 403
        street.house.changes._most = 3
        told = [(await offered(street, "POST", token, {}))[0] for _ in range(4)]
        assert told == [200, 200, 200, 429]
