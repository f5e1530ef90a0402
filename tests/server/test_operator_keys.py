"""The list of operators' keys: public halves, and what each may sign."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.server.accounts import Place, place
from tests.server.people import cookie, signed_in, team_of
from vedette.model.operator_key import fingerprint, ssh_line
from vedette.model.people import Role


@pytest.fixture
async def north(tmp_path: Path) -> AsyncIterator[Place]:
    async with place(tmp_path) as found:
        yield found


def new() -> bytes:
    return Ed25519PrivateKey.generate().public_key().public_bytes_raw()


async def test_a_key_made_in_a_browser_may_never_start_a_voter(north: Place) -> None:
    alice, keys = await north.first(), {"browser": new(), "cli": new()}
    for made_by, raw in keys.items():
        spelled = ssh_line(raw, "x") if made_by == "cli" else raw.hex()
        wish = {"name": made_by, "public_key": spelled, "made_by": made_by}
        status, told = await alice.ask("POST", "/operator-keys", wish)
        assert (status, told["may_start_voter"]) == (200, made_by == "cli")
        assert (told["fingerprint"], told["public_key"]) == (fingerprint(raw), raw.hex())
    again = {"name": "again", "public_key": keys["browser"].hex(), "made_by": "cli"}
    status, problem = await alice.ask("POST", "/operator-keys", again)
    assert (status, "told once" in problem["detail"]) == (409, True)
    _, listed = await alice.ask("GET", "/operator-keys")
    assert {one["made_by"] for one in listed["keys"]} == {"browser", "cli"}
    (cli,) = [one["id"] for one in listed["keys"] if one["made_by"] == "cli"]
    assert (await alice.ask("DELETE", f"/operator-keys/{cli}"))[0] == 204
    _, listed = await alice.ask("GET", "/operator-keys")
    assert [one["may_start_voter"] for one in listed["keys"]] == [False, False]
    _, log = await alice.ask("GET", "/audit")
    assert [one["act"] for one in log["entries"]][:2] == ["operator-key.revoke", "operator-key.add"]


async def test_owners_list_keys_and_another_team_sees_none(north: Place) -> None:
    alice, database = await north.first(), north.house.database
    wish = {"name": "a", "public_key": new().hex(), "made_by": "cli"}
    _, made = await alice.ask("POST", "/operator-keys", wish)
    path = f"/operator-keys/{made['id']}"
    viewer = cookie(await signed_in(database, "vi", Role.VIEWER))["Cookie"]
    rival = cookie(await signed_in(database, "eve", team_id=await team_of(database, "other")))["Cookie"]
    reader = north.browser()
    assert len((await reader.ask("GET", "/operator-keys", Cookie=viewer))[1]["keys"]) == 1
    assert (await reader.ask("GET", "/operator-keys", Cookie=rival))[1] == {"keys": []}
    assert (await reader.ask("POST", "/operator-keys", wish, Cookie=viewer))[0] == 403
    assert (await reader.ask("DELETE", path, Cookie=viewer))[0] == 403
    assert (await reader.ask("DELETE", path, Cookie=rival))[0] == 404
    assert (await reader.ask("GET", "/operator-keys"))[0] == 401


@pytest.mark.parametrize(
    "given", ["", "hello", "00", "ssh-ed25519 AAAA", "ssh-rsa AAAA x", "-----BEGIN PRIVATE KEY-----"]
)
async def test_what_is_no_key_is_one_line(north: Place, given: str) -> None:
    alice = await north.first()
    wish = {"name": "a", "public_key": given, "made_by": "cli"}
    status, problem = await alice.ask("POST", "/operator-keys", wish)
    assert (status, "Ed25519 public key" in problem["detail"]) == (422, True)
