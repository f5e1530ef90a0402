"""What the stage keeps of a team's keys, claims and public side, and how its page changes that."""

import hashlib
import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from vedette.conflux import address, signatures
from vedette.conflux.signatures import SignatureError
from vedette.model.claims import Space
from vedette.model.operator_key import fingerprint, parsed
from vedette.server.api import audit_log, claim_shapes, key_shapes, shapes

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.Response]]
DAY_MS = 86_400_000

MESSAGE = "I own this Conflux PoS validator, and this Vedette team may speak for it.\n\nValidator: {address}"
STRANGER = "cfx:aajg4wt2mbmbb44sp6szd783ry0jtad5bea80xdy7p"
OWN_SIGNER = "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A"


def reply(shape: type[BaseModel], told: Json, status: int = 200) -> web.Response:
    """What the server could say, and nothing else."""
    text = shape.model_validate(told).model_dump_json(by_alias=True)
    return web.Response(text=text, status=status, content_type="application/json")


@dataclass
class Kept:
    """A team's keys, claims, profile and log; every change is made and logged here."""

    now_ms: Callable[[], int]
    addresses: dict[str, str]
    keys: list[Json] = field(default_factory=list)
    operator_keys: list[Json] = field(default_factory=list)
    tokens: list[Json] = field(default_factory=list)
    claims: list[Json] = field(default_factory=list)
    challenge: Json | None = None
    owner: str = STRANGER  # whose signature proves a validator
    profile: Json = field(default_factory=dict)
    log: list[Json] = field(default_factory=list)
    subscriptions: dict[str, Json] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        now = self.now_ms()
        self.keys = [
            self.key("Prometheus on mon-1", ["metrics"], now - 40 * DAY_MS, None, now - 4_000),
            self.key("Nightly report", ["read"], now - 80 * DAY_MS, now + 5 * DAY_MS, now - 9 * 3_600_000),
            self.key("Terraform", ["read", "write"], now - 200 * DAY_MS, now - 20 * DAY_MS, None),
        ]
        self.operator_keys = [self.operator_key("Mei, workstation", "cli", bytes(range(32)))]
        self.tokens = [{"id": "5f0c7c1e9a", "expires_at_ms": now + 41 * 60_000}]
        self.profile = {
            "name": "Pine Staking",
            "slug": "pine-staking",
            "is_public": True,
            "about": "Three people in two time zones.\nWe answer within the hour.",
            "links": [{"label": "Our site", "url": "https://pine.example"}],
            "shows_incidents": True,
        }
        first = next(iter(self.addresses.values()), None)
        self.claims = [] if first is None else [self.claim(first, "Pine One", now - 30 * DAY_MS)]
        self.note("team.rename", "team:1", {"name": "Pine Staking"}, now - 41 * DAY_MS)
        self.note("key.make", "key:4f2a", {"name": "Prometheus on mon-1"}, now - 40 * DAY_MS)
        self.note("claim.make", f"validator:{first}", {"space": "core"}, now - 30 * DAY_MS)
        self.note("profile.change", "team:1", {"changed": "about is_public slug"}, now - 3_600_000)

    # --- rows

    def key(self, name: str, scopes: list[str], made: int, ends: int | None, used: int | None) -> Json:
        return {
            "id": secrets.token_hex(8),
            "name": name,
            "hint": hashlib.sha256(name.encode()).hexdigest()[:4],
            "scopes": scopes,
            "made_by": "mei",
            "created_at_ms": made,
            "expires_at_ms": ends,
            "used_at_ms": used,
            "revoked_at_ms": None,
        }

    def operator_key(self, name: str, made_by: str, public_key: bytes) -> Json:
        return {
            "id": secrets.token_hex(8),
            "name": name,
            "fingerprint": fingerprint(public_key),
            "public_key": public_key.hex(),
            "made_by": made_by,
            "may_start_voter": made_by == "cli",
            "created_at_ms": self.now_ms() - 1_000,
            "revoked_at_ms": None,
        }

    def claim(self, address: str, name: str | None, at_ms: int, signer: str = STRANGER) -> Json:
        return {
            "address": address,
            "signer": signer,
            "space": "core",
            "claimed_at_ms": at_ms,
            "lapsed_at_ms": None,
            "is_public": name is not None,
            "name": name,
            "about": "Run by Pine Staking since 2024." if name else "",
            "links": [{"label": "Our site", "url": "https://pine.example"}] if name else [],
        }

    def note(self, act: str, subject: str, detail: Json, at_ms: int | None = None) -> None:
        line = {
            "seq": len(self.log) + 1,
            "at_ms": at_ms or self.now_ms(),
            "actor": "u-7d1f",
            "actor_name": "mei",
        }
        self.log.insert(0, line | {"act": act, "subject": subject, "detail": detail})

    def claimed(self, address: str) -> Json | None:
        """What everybody is told of whose validator this is."""
        found = next((one for one in self.claims if one["address"] == address and one["is_public"]), None)
        if found is None:
            return None
        told = {name: found[name] for name in ("name", "about", "links")}
        return told | {"team": self.profile["name"], "slug": self.profile["slug"]}

    # --- questions and changes

    def routes(self, app: web.Application) -> None:
        base = "/api/v1"
        app.router.add_get(f"{base}/keys", self._read(lambda: {"keys": self.keys}, key_shapes.ApiKeys))
        app.router.add_post(f"{base}/keys", self._make_key)
        app.router.add_delete(f"{base}/keys/{{id}}", self._revoke("keys", "key.revoke"))
        app.router.add_get(
            f"{base}/operator-keys", self._read(lambda: {"keys": self.operator_keys}, key_shapes.OperatorKeys)
        )
        app.router.add_post(f"{base}/operator-keys", self._add_operator_key)
        app.router.add_delete(
            f"{base}/operator-keys/{{id}}", self._revoke("operator_keys", "operator-key.revoke")
        )
        app.router.add_get(
            f"{base}/enrolments", self._read(lambda: {"enrolments": self.tokens}, shapes.Enrolments)
        )
        app.router.add_delete(f"{base}/enrolments/{{id}}", self._withdraw)
        app.router.add_post(f"{base}/nodes/{{id}}/revoke", self._refuse)
        app.router.add_get(
            f"{base}/audit", self._read(lambda: {"entries": self.log, "next_before": None}, audit_log.Audit)
        )
        app.router.add_get(f"{base}/claims", self._read(lambda: {"claims": self.claims}, claim_shapes.Claims))
        app.router.add_post(f"{base}/claims", self._begin_claim)
        app.router.add_put(f"{base}/claims/{{id}}", self._prove)
        app.router.add_patch(f"{base}/claims/{{address}}", self._change_claim)
        app.router.add_delete(f"{base}/claims/{{address}}", self._give_up)
        app.router.add_get(f"{base}/team/profile", self._read(lambda: self.profile, claim_shapes.Profile))
        app.router.add_patch(f"{base}/team/profile", self._change_profile)
        app.router.add_get(
            f"{base}/push/key", self._read(lambda: {"public_key": "BAAA"}, claim_shapes.PushKey)
        )
        app.router.add_post(f"{base}/push/subscriptions", self._subscribe)
        app.router.add_put(f"{base}/push/subscriptions/{{id}}", self._resubscribe)
        app.router.add_delete(f"{base}/push/subscriptions/{{id}}", self._unsubscribe)

    @staticmethod
    def _read(told: Callable[[], Json], shape: type[BaseModel]) -> Handler:
        async def answer(_: web.Request) -> web.Response:
            return reply(shape, told())

        return answer

    async def _make_key(self, request: web.Request) -> web.Response:
        given = await request.json()
        days = given["expires_in_days"]
        ends = None if days is None else self.now_ms() + days * DAY_MS
        token = "vdt_" + secrets.token_urlsafe(32)
        made = self.key(given["name"], given["scopes"], self.now_ms(), ends, None) | {"hint": token[-4:]}
        self.keys.insert(0, made)
        self.note("key.make", f"key:{made['id']}", {"name": made["name"]})
        return reply(key_shapes.MadeKey, {"key": made, "token": token})

    def _revoke(self, what: str, act: str) -> Handler:
        async def revoke(request: web.Request) -> web.Response:
            found = next(one for one in getattr(self, what) if one["id"] == request.match_info["id"])
            found["revoked_at_ms"] = self.now_ms()
            self.note(act, f"key:{found['id']}", {"name": found["name"]})
            return web.Response(status=204)

        return revoke

    async def _add_operator_key(self, request: web.Request) -> web.Response:
        given = await request.json()
        key, _ = parsed(given["public_key"])
        made = self.operator_key(given["name"], given["made_by"], key)
        self.operator_keys.append(made)
        return reply(key_shapes.OperatorKey, made)

    async def _withdraw(self, request: web.Request) -> web.Response:
        self.tokens = [one for one in self.tokens if one["id"] != request.match_info["id"]]
        return web.Response(status=204)

    async def _refuse(self, request: web.Request) -> web.Response:
        self.refused.append(request.match_info["id"])
        return web.Response(status=204)

    async def _begin_claim(self, request: web.Request) -> web.Response:
        address = (await request.json())["address"]
        self.challenge = {
            "id": "c1",
            "message": MESSAGE.format(address=address),
            "typed_data": {},
            "signers": [
                {"address": self.owner, "space": "core", "why": "the PoW address that registered it"},
                {"address": OWN_SIGNER, "space": "espace", "why": "the manager of its pool"},
            ],
            "expires_at_ms": self.now_ms() + 1_800_000,
            "address": address,
        }
        told = {name: value for name, value in self.challenge.items() if name != "address"}
        return reply(claim_shapes.ClaimChallenge, told, 201)

    async def _prove(self, request: web.Request) -> web.Response:
        assert self.challenge is not None
        signature = (await request.json())["signature"]
        try:
            by = signatures.signers(self.challenge["message"], signature, Space.CORE, address.MAINNET)
        except SignatureError as error:
            by, why = set(), str(error)
        else:
            why = "it is by another address than those that may sign"
        if self.owner not in by:
            text = json.dumps({"title": "Problem", "status": 422, "detail": f"signature: {why}"})
            return web.Response(text=text, status=422, content_type="application/problem+json")
        made = self.claim(self.challenge["address"], None, self.now_ms(), self.owner)
        self.claims.append(made)
        return reply(claim_shapes.ClaimShape, made)

    async def _change_claim(self, request: web.Request) -> web.Response:
        found = next(one for one in self.claims if one["address"] == request.match_info["address"])
        given = await request.json()
        claim_shapes.ClaimChange.model_validate(given)
        found |= given
        return reply(claim_shapes.ClaimShape, found)

    async def _give_up(self, request: web.Request) -> web.Response:
        self.claims = [one for one in self.claims if one["address"] != request.match_info["address"]]
        return web.Response(status=204)

    async def _change_profile(self, request: web.Request) -> web.Response:
        given = await request.json()
        claim_shapes.ProfileChange.model_validate(given)
        self.profile |= given
        return reply(claim_shapes.Profile, self.profile)

    async def _subscribe(self, request: web.Request) -> web.Response:
        number, token = secrets.token_hex(8), secrets.token_urlsafe(16)
        self.subscriptions[number] = await request.json() | {"token": token}
        return reply(claim_shapes.PushMade, {"id": number, "token": token}, 201)

    async def _resubscribe(self, request: web.Request) -> web.Response:
        found = self.subscriptions[request.match_info["id"]]
        if request.headers.get("Authorization") != f"Bearer {found['token']}":
            return web.Response(status=404)
        found |= await request.json()
        return web.Response(status=204)

    async def _unsubscribe(self, request: web.Request) -> web.Response:
        found = self.subscriptions[request.match_info["id"]]
        if request.headers.get("Authorization") != f"Bearer {found['token']}":
            return web.Response(status=404)
        del self.subscriptions[request.match_info["id"]]
        return web.Response(status=204)
