"""Claims over a real port: a stub node's register says whose a validator is, and a key made here signs."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from eth_keys.backends.native.main import NativeECCBackend
from eth_keys.main import KeyAPI
from pydantic import ValidationError
from sqlalchemy import select

from tests.conflux.test_contracts import words
from tests.server.people import cookie, key_of, signed_in, team_of
from tests.server.stage import bearer, client, served, settings
from tests.stub_node import StubNode, person
from tests.stub_node import served as nodes_served
from vedette.conflux import contracts
from vedette.conflux.address import decode, encode, simple
from vedette.conflux.contracts import pos_register
from vedette.conflux.signatures import (
    conflux_digest,
    core_address,
    espace_address,
    ethereum_digest,
    typed_digest,
)
from vedette.model.people import FIRST_TEAM, Role
from vedette.server import claims as claims_module
from vedette.server.api.claim_shapes import ClaimChange
from vedette.server.house import House
from vedette.server.settings import EndpointSetting
from vedette.store import tables as t

CHAIN = 1234
MINE, OTHERS, UNBOUND = person(1), person(2), person(9)
CONTRACT = bytes.fromhex("8" + "7" * 39)
curve = KeyAPI(NativeECCBackend)


@dataclass(frozen=True)
class Wallet:
    """A key, as a wallet holds one."""

    secret: int

    @property
    def _key(self) -> Any:
        return curve.PrivateKey(self.secret.to_bytes(32, "big"))

    @property
    def public(self) -> bytes:
        key: bytes = self._key.public_key.to_bytes()
        return key

    @property
    def core(self) -> str:
        return core_address(self.public, CHAIN)

    @property
    def espace(self) -> str:
        return espace_address(self.public)

    def sign(self, digest: bytes) -> str:
        signature: bytes = self._key.sign_msg_hash(digest).to_bytes()
        return "0x" + signature.hex()


ALICE, BOB, MALLORY = Wallet(0xA11CE), Wallet(0xB0B), Wallet(0xBAD)


def of_espace() -> Wallet:
    """One whose eSpace address begins like no Core Space address, as fourteen of sixteen do."""
    return next(one for one in map(Wallet, range(1, 100)) if one.espace[2] not in "0118")


def raw(address: str) -> bytes:
    return bytes.fromhex(address[2:]) if address.startswith("0x") else decode(address).raw


@dataclass
class RegisterNode(StubNode):
    """Also answers what the register binds, and what one contract says of its owner."""

    bound: dict[str, bytes] = field(default_factory=dict)  # by PoS address
    owner: bytes | None = None
    manager: bytes | None = None
    mute: bool = False
    staked: Sequence[str] = ()  # beside the committee

    def account(self, address: str) -> dict[str, Any]:
        told = super().account(address)
        if address in self.staked:
            told["status"] |= {"availableVotes": "0x7", "locked": "0x7"}
        return told

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        if question["method"] != "cfx_call":
            return super().answer(question)
        told = None if self.mute else self._called(question["params"])
        if told is None:
            error = {"code": -32016 if self.mute else -32015, "message": "reverted"}
            return {"jsonrpc": "2.0", "id": question["id"], "error": error}
        return {"jsonrpc": "2.0", "id": question["id"], "result": told}

    def _called(self, params: Sequence[Any]) -> str | None:
        data = params[0]["data"]
        if simple(params[0]["to"]) == pos_register(CHAIN):
            if data[2:10] != contracts.IDENTIFIER_TO_ADDRESS.selector:
                return words(0)
            return words(int.from_bytes(self.bound.get("0x" + data[10:74], b""), "big"))
        says = {contracts.POOL_OWNER.selector: self.owner, contracts.POOL_MANAGER.selector: self.manager}
        named = says.get(data[2:10])
        return None if named is None else words(int.from_bytes(named, "big"))


@dataclass
class Desk:
    """A served house over such a node, and a browser signed in as one or another."""

    house: House
    url: str
    http: aiohttp.ClientSession
    node: RegisterNode
    token: str

    async def ask(
        self, method: str, path: str, body: Any = None, token: str | None = "owner"
    ) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json"}
        if token is not None:
            held = self.token if token == "owner" else token
            headers |= bearer(held) if held.startswith("vdt_") else cookie(held)
        data = None if body is None else json.dumps(body)
        async with self.http.request(method, f"{self.url}/api/v1{path}", data=data, headers=headers) as reply:
            text = await reply.text()
            return reply.status, json.loads(text) if text else None

    async def challenge(self, address: str = MINE, token: str = "owner") -> dict[str, Any]:
        status, made = await self.ask("POST", "/claims", {"address": address}, token)
        assert status == 201, made
        told: dict[str, Any] = made
        return told

    async def claim(self, wallet: Wallet = ALICE, address: str = MINE, token: str = "owner") -> Any:
        made = await self.challenge(address, token)
        proof = {"signature": wallet.sign(conflux_digest(made["message"]))}
        return await self.ask("PUT", f"/claims/{made['id']}", proof, token)

    async def log(self) -> list[Any]:
        columns = t.audit.c["act", "subject", "team_id", "actor", "detail"]
        query = select(*columns).order_by(t.audit.c.seq)
        async with self.house.database.read() as conn:
            return list(await conn.execute(query))


@asynccontextmanager
async def opened(tmp_path: Path, node: RegisterNode, **other: Any) -> AsyncIterator[Desk]:
    async with nodes_served(node):
        given = settings(
            tmp_path, endpoints=(EndpointSetting("stub", node.url),), trust_loopback=False, **other
        )
        async with served(given) as (house, url), client() as http:
            desk = Desk(house, url, http, node, await signed_in(house.database, "olga"))
            while house.follower.pow_now is None:
                await house.ears.sleep_ms(20)
            yield desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    node = RegisterNode(committed=20, chain_id=CHAIN, bound={MINE: raw(ALICE.core), OTHERS: raw(BOB.core)})
    async with opened(tmp_path, node) as found:
        yield found


# --- proving ----------------------------------------------------------------------------------------------


async def test_the_text_to_sign_says_what_is_claimed_for_whom_and_where(desk: Desk) -> None:
    made = await desk.challenge()
    lines = made["message"].splitlines()
    assert f"Validator: {MINE}" in lines
    assert f"Network: a private network ({CHAIN})" in lines
    assert "Team: first" in lines
    assert f"Site: {desk.house.settings.page_url}" in lines
    assert made["signers"] == [
        {"address": ALICE.core, "space": "core", "why": "the validator's stake is bound to this address"}
    ]
    assert made["typed_data"]["message"] == {"text": made["message"]}
    assert made["typed_data"]["domain"]["chainId"] == CHAIN
    again = await desk.challenge()
    assert again["message"] != made["message"], "a nonce makes every text another"


@pytest.mark.parametrize("way", [conflux_digest, lambda text: typed_digest(text, CHAIN)])
async def test_the_owner_s_signature_makes_the_validator_the_team_s(desk: Desk, way: Any) -> None:
    made = await desk.challenge()
    signature = ALICE.sign(way(made["message"]))
    status, claim = await desk.ask("PUT", f"/claims/{made['id']}", {"signature": signature})
    assert status == 200, claim
    assert (claim["address"], claim["signer"], claim["space"]) == (MINE, ALICE.core, "core")
    assert (claim["is_public"], claim["lapsed_at_ms"], claim["name"]) == (False, None, None)
    assert await desk.ask("GET", "/claims") == (200, {"claims": [claim]})
    made_entry = (await desk.log())[-1]
    assert (made_entry.act, made_entry.subject, made_entry.team_id) == ("claim.make", MINE, FIRST_TEAM)
    assert json.loads(made_entry.detail) == {"signer": ALICE.core}


async def test_a_challenge_works_once(desk: Desk) -> None:
    made = await desk.challenge()
    proof = {"signature": ALICE.sign(conflux_digest(made["message"]))}
    assert (await desk.ask("PUT", f"/claims/{made['id']}", proof))[0] == 200
    status, problem = await desk.ask("PUT", f"/claims/{made['id']}", proof)
    assert status == 404
    assert "ask for a new one" in problem["detail"]


async def test_a_challenge_ends_after_half_an_hour(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims_module, "CHALLENGE_MS", -1)
    made = await desk.challenge()
    proof = {"signature": ALICE.sign(conflux_digest(made["message"]))}
    assert (await desk.ask("PUT", f"/claims/{made['id']}", proof))[0] == 404


async def test_another_s_signature_is_refused_and_the_challenge_still_waits(desk: Desk) -> None:
    made = await desk.challenge()
    path = f"/claims/{made['id']}"
    wrong = [
        MALLORY.sign(conflux_digest(made["message"])),
        ALICE.sign(conflux_digest(made["message"] + " ")),
        ALICE.sign(ethereum_digest(made["message"])),
        ALICE.sign(typed_digest(made["message"], CHAIN + 1)),
    ]
    for signature in wrong:
        status, problem = await desk.ask("PUT", path, {"signature": signature})
        assert (status, ALICE.core in problem["detail"]) == (422, True)
    status, problem = await desk.ask("PUT", path, {"signature": "0x12"})
    assert (status, "65 bytes" in problem["detail"]) == (422, True)
    right = {"signature": ALICE.sign(conflux_digest(made["message"]))}
    assert (await desk.ask("PUT", path, right))[0] == 200


async def test_a_signature_of_another_server_s_text_is_worth_nothing_here(desk: Desk) -> None:
    made = await desk.challenge()
    elsewhere = made["message"].replace(desk.house.settings.page_url, "https://phishing.example")
    proof = {"signature": ALICE.sign(conflux_digest(elsewhere))}
    assert (await desk.ask("PUT", f"/claims/{made['id']}", proof))[0] == 422


async def test_another_team_s_challenge_is_not_there(desk: Desk) -> None:
    rivals = await team_of(desk.house.database, "rivals")
    rival = await signed_in(desk.house.database, "rita", team_id=rivals)
    made = await desk.challenge()
    proof = {"signature": ALICE.sign(conflux_digest(made["message"]))}
    assert (await desk.ask("PUT", f"/claims/{made['id']}", proof, rival))[0] == 404


async def test_whoever_signs_later_takes_over_and_the_former_team_reads_so(desk: Desk) -> None:
    rivals = await team_of(desk.house.database, "rivals")
    rival = await signed_in(desk.house.database, "rita", team_id=rivals)
    await desk.claim()
    said = {"is_public": True, "name": "Ours"}
    assert (await desk.ask("PATCH", f"/claims/{MINE}", said))[0] == 200
    status, claim = await desk.claim(token=rival)
    assert (status, claim["is_public"], claim["name"]) == (200, False, None)
    assert (await desk.ask("GET", "/claims"))[1] == {"claims": []}
    taken = [one for one in await desk.log() if one.act == "claim.taken"]
    assert [(one.subject, one.team_id, one.actor) for one in taken] == [(MINE, FIRST_TEAM, "server")]


# --- who may sign -----------------------------------------------------------------------------------------


async def test_for_a_contract_s_validator_its_owner_signs(desk: Desk) -> None:
    desk.node.bound[MINE] = CONTRACT
    desk.node.owner = raw(BOB.core)
    made = await desk.challenge()
    (signer,) = made["signers"]
    assert (signer["address"], signer["space"]) == (BOB.core, "core")
    assert "owner()" in signer["why"]
    assert encode(CONTRACT, CHAIN) in signer["why"]
    proof = {"signature": BOB.sign(conflux_digest(made["message"]))}
    assert (await desk.ask("PUT", f"/claims/{made['id']}", proof))[0] == 200


async def test_a_manager_with_an_espace_address_signs_as_espace_wallets_do(desk: Desk) -> None:
    manager = of_espace()
    desk.node.bound[MINE] = CONTRACT
    desk.node.owner, desk.node.manager = CONTRACT, raw(manager.espace)
    made = await desk.challenge()
    (signer,) = made["signers"]
    assert (signer["address"], signer["space"]) == (manager.espace, "espace")
    path = f"/claims/{made['id']}"
    conflux = {"signature": manager.sign(conflux_digest(made["message"]))}
    assert (await desk.ask("PUT", path, conflux))[0] == 422
    ethereum = {"signature": manager.sign(ethereum_digest(made["message"]))}
    status, claim = await desk.ask("PUT", path, ethereum)
    assert (status, claim["space"], claim["signer"]) == (200, "espace", manager.espace)


async def test_a_contract_that_names_nobody_is_told_in_one_line(desk: Desk) -> None:
    desk.node.bound[MINE] = CONTRACT
    for owner in (None, CONTRACT):
        desk.node.owner = owner
        status, problem = await desk.ask("POST", "/claims", {"address": MINE})
        assert status == 409
        assert encode(CONTRACT, CHAIN) in problem["detail"]
        assert "\n" not in problem["detail"]


async def test_a_validator_that_never_registered_is_nobody_s(desk: Desk) -> None:
    status, problem = await desk.ask("POST", "/claims", {"address": UNBOUND})
    assert (status, "register" in problem["detail"]) == (404, True)


async def test_while_no_endpoint_tells_nothing_can_be_claimed(desk: Desk) -> None:
    desk.node.mute = True
    status, problem = await desk.ask("POST", "/claims", {"address": MINE})
    assert (status, "try again" in problem["detail"]) == (503, True)


async def test_a_validator_that_never_voted_is_shown_once_it_is_claimed(desk: Desk) -> None:
    desk.node.bound[UNBOUND] = raw(ALICE.core)
    desk.node.staked = (UNBOUND,)
    assert (await desk.ask("GET", f"/validators/{UNBOUND}", token=None))[0] == 404
    assert (await desk.claim(address=UNBOUND))[0] == 200
    assert (await desk.ask("GET", f"/validators/{UNBOUND}", token=None))[0] == 200


async def test_only_an_owner_claims(desk: Desk) -> None:
    operator = await signed_in(desk.house.database, "otto", Role.OPERATOR)
    key = await key_of(desk.house.database)
    for token in (operator, key):
        assert (await desk.ask("POST", "/claims", {"address": MINE}, token))[0] == 403
        assert (await desk.ask("GET", "/claims", token=token))[0] == 200
    for method, path, body in [
        ("GET", "/claims", None),
        ("POST", "/claims", {"address": MINE}),
        ("PUT", "/claims/x", {"signature": "0x"}),
        ("PATCH", f"/claims/{MINE}", {}),
        ("DELETE", f"/claims/{MINE}", None),
        ("GET", "/team/profile", None),
        ("PATCH", "/team/profile", {}),
    ]:
        assert (await desk.ask(method, path, body, None))[0] == 401, (method, path)


# --- looked at again --------------------------------------------------------------------------------------


async def test_a_claim_lapses_while_the_chain_names_another_and_comes_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims_module, "PAUSE_MS", 0)
    await desk.claim()
    assert (await desk.ask("PATCH", f"/claims/{MINE}", {"is_public": True, "name": "Ours"}))[0] == 200

    async def held() -> tuple[bool, Any]:
        await desk.house.claims.round()
        claim = (await desk.ask("GET", "/claims"))[1]["claims"][0]
        shown = (await desk.ask("GET", f"/validators/{MINE}", token=None))[1]["claimed"]
        return claim["lapsed_at_ms"] is not None, shown and shown["name"]

    assert await held() == (False, "Ours")
    desk.node.mute = True
    assert await held() == (False, "Ours"), "nobody told, so nothing is known"
    desk.node.mute, desk.node.bound[MINE] = False, raw(BOB.core)
    assert await held() == (True, None)
    assert await held() == (True, None)
    del desk.node.bound[MINE]
    assert await held() == (True, None)
    desk.node.bound[MINE] = raw(ALICE.core)
    assert await held() == (False, "Ours")
    acts = [(one.act, one.team_id) for one in await desk.log() if one.act in {"claim.lapse", "claim.restore"}]
    assert acts == [("claim.lapse", FIRST_TEAM), ("claim.restore", FIRST_TEAM)]


# --- what the public is told ------------------------------------------------------------------------------

LINK = {"label": "Our site", "url": "https://pool.example/staking?from=vedette"}


async def test_the_public_is_told_what_the_team_publishes_and_nothing_before(desk: Desk) -> None:
    await desk.claim()
    said = {"name": "Alice's pool", "about": "Since 2022.\nTwo data centres.", "links": [LINK]}
    status, claim = await desk.ask("PATCH", f"/claims/{MINE}", said)
    assert (status, claim["name"], claim["links"]) == (200, "Alice's pool", [LINK])
    path = f"/validators/{MINE}"
    assert (await desk.ask("GET", path, token=None))[1]["claimed"] is None
    await desk.ask("PATCH", f"/claims/{MINE}", {"is_public": True})
    claimed = (await desk.ask("GET", path, token=None))[1]["claimed"]
    assert claimed == said | {"team": "first", "slug": None}
    rows = (await desk.ask("GET", "/validators", token=None))[1]["validators"]
    (row,) = [one for one in rows if one["claimed"]]
    assert (row["address"], row["claimed"]) == (MINE, {"name": "Alice's pool", "team": "first", "slug": None})
    found = (await desk.ask("GET", "/validators?q=alice", token=None))[1]
    assert [one["address"] for one in found["validators"]] == [MINE]
    assert (await desk.ask("DELETE", f"/claims/{MINE}"))[0] == 204
    assert (await desk.ask("GET", path, token=None))[1]["claimed"] is None
    rows = (await desk.ask("GET", "/validators", token=None))[1]["validators"]
    assert not any(one["claimed"] for one in rows)


@pytest.mark.parametrize(
    "said",
    [
        {"name": "a\u202eb"},
        {"name": "zero\u200bwidth"},
        {"name": "line\nfeed"},
        {"name": "   "},
        {"name": "x" * 81},
        {"about": "bell\a"},
        {"about": "turned\u2067round"},
        {"about": "x" * 1_001},
        {"links": [{"label": "x", "url": "javascript:alert(1)"}]},
        {"links": [{"label": "x", "url": "http://plain.example"}]},
        {"links": [{"label": "x", "url": "https://"}]},
        {"links": [{"label": "x", "url": "https://a:b@pool.example"}]},
        {"links": [{"label": "x", "url": 'https://pool.example/"onmouseover='}]},
        {"links": [{"label": "x", "url": "https://pool.example/<script>"}]},
        {"links": [{"label": "x", "url": "https://pool.example/a b"}]},
        {"links": [{"label": "x", "url": "https://pооl.example"}]},
        {"links": [{"label": "x", "url": "https://[::1"}]},
        {"links": [{"label": "x", "url": "https://pool.example/" + "x" * 300}]},
        {"links": [{"label": "x\u202e", "url": "https://pool.example"}]},
        {"links": [{"label": "x", "url": f"https://pool.example/{n}"} for n in range(6)]},
        {"signer": "me"},
    ],
)
def test_what_is_not_plain_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ClaimChange.model_validate(said)


async def test_what_is_not_plain_is_refused_in_one_line(desk: Desk) -> None:
    await desk.claim()
    wrong = {"links": [{"label": "x", "url": "https://a:b@pool.example"}]}
    status, problem = await desk.ask("PATCH", f"/claims/{MINE}", wrong)
    assert (status, "user name" in problem["detail"]) == (422, True)
    status, _ = await desk.ask("PATCH", f"/claims/{OTHERS}", {"is_public": True})
    assert status == 404
