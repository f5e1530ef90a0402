"""Every route, asked by everybody: who may what.

The table is keyed by the OpenAPI document's operations, so a route without a line fails, and so does a line
without a route. A line has a status for each of `PERSONS`, in their order: anonymous, an owner of another
team, viewer, operator, owner, an administrator of no team, the agents' token, an API key without a scope.
"""

import secrets
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.notify.browser import Browser
from tests.server.history import Past
from tests.server.world import ADDRESS, CANARIES, PASSWORD, PERSONS, WALLET, World, world
from vedette.server.app import openapi_document

Fresh = Callable[[World, str], Awaitable[Any]]
"""What the path's last name is for this person: made anew, since the one before may have taken it away."""


@dataclass(frozen=True)
class Line:
    """What each person is answered."""

    statuses: str
    body: Any = None  # or what makes it of the world
    query: str = ""
    fresh: Fresh | None = None
    leaves: bool = False  # whoever asks for it is signed out, or gone: somebody alike asks in his place

    def status_of(self, person: str) -> int:
        told = self.statuses.split()
        return int(told[0] if len(told) == 1 else told[PERSONS.index(person)])


KEY = b64encode(bytes(range(32))).decode()
ALL = Line("200")
MINE = "404 404 200 200 200 404 404 404"
"""Seen by the team's members; for all others it does not exist."""
OPERATORS = "401 404 403 200 200 403 401 403"
GONE_BY_OPERATORS = "401 404 403 204 204 403 401 403"


def node(world: World, _: str) -> Awaitable[str]:
    return world.new_node()


def member(world: World, _: str) -> Awaitable[int]:
    return world.new_user()


async def participation(_: World, __: str) -> str:
    return "participation"


async def wallet(_: World, __: str) -> str:
    return WALLET


def claim(world: World, _: str) -> Awaitable[str]:
    return world.new_claim()


def challenge(world: World, _: str) -> Awaitable[str]:
    return world.new_challenge()


def contact(world: World, _: str) -> Awaitable[str]:
    return world.new_contact()


def contact_wish(_: World) -> dict[str, Any]:
    config = {"url": "https://hooks.example.org/a"}
    return {"name": f"hook {secrets.token_hex(8)}", "kind": "webhook", "config": config}


async def nobody(_: World, __: str) -> str:
    return "nobody"


def trouble(world: World, _: str) -> Awaitable[int]:
    return world.new_trouble()


async def link(world: World, _: str) -> str:
    return world.house.ack.token(await world.new_trouble(), "email", world.house.ears.now_ms())


STRANGERS_TO_IT = "401 401 401 401 401 401 404 404"
"""A subscription's token is a bearer of its own: a cookie says nothing, and another's token is not it."""


def watching(world: World) -> dict[str, Any]:
    return {"addresses": [world.past.people[0]], "language": "en"}


def subscribing(world: World) -> dict[str, Any]:
    return watching(world) | {"subscription": Browser().json("https://push.example/a")}


NOT_ROUTED = {"routes": [], "escalations": [], "schedules": [], "quiet": [], "version": 0}


def silencing(world: World) -> dict[str, Any]:
    return {"matcher": {}, "comment": "works", "ends_at_ms": world.house.ears.now_ms() + 60_000}


MATRIX: dict[str, Line] = {
    # the chain: for everybody
    "GET /api/v1/network": ALL,
    "GET /api/v1/network/history": ALL,
    "GET /api/v1/history": ALL,
    "GET /api/v1/validators": ALL,
    "GET /api/v1/validators/{address}": ALL,
    "GET /api/v1/validators/{address}/votes": ALL,
    "GET /api/v1/validators/{address}/performance": ALL,
    "GET /api/v1/validators/{address}/epochs": ALL,
    "GET /api/v1/validators/{address}/rewards": ALL,
    "GET /api/v1/validators/{address}/balance": ALL,
    "GET /api/v1/validators/{address}/outlook": ALL,
    "GET /api/v1/validators/{address}/elections": ALL,
    "GET /api/v1/validators/{address}/events": ALL,
    "GET /api/v1/committee": ALL,
    "GET /api/v1/committee/{epoch}": ALL,
    "GET /api/v1/epochs": ALL,
    "GET /api/v1/epochs/{epoch}": ALL,
    "GET /api/v1/blocks": ALL,
    "GET /api/v1/blocks/{height}": ALL,
    "GET /api/v1/pools": ALL,
    "GET /api/v1/pools/{pool}": ALL,
    "GET /api/v1/pools/{pool}/fees": ALL,
    "GET /api/v1/pools/{pool}/holdings": ALL,
    "GET /api/v1/wallets/{address}": Line("503", fresh=wallet),  # no endpoint answers in this house
    # nodes: everybody has a list of his own
    "GET /api/v1/nodes": ALL,
    "GET /api/v1/nodes/{node_id}": Line(MINE),
    "PATCH /api/v1/nodes/{node_id}": Line(OPERATORS, body={"group": "Asia"}, fresh=node),
    "DELETE /api/v1/nodes/{node_id}": Line(GONE_BY_OPERATORS, fresh=node),
    "GET /api/v1/nodes/{node_id}/series": Line(MINE, query="?names=pos.epoch"),
    "GET /api/v1/nodes/{node_id}/states": Line(MINE),
    "GET /api/v1/nodes/{node_id}/availability": Line(MINE),
    "POST /api/v1/enrolments": Line("401 200 403 200 200 403 401 403", body={"name": "n2"}),
    "GET /api/v1/enrolments/{enrolment_id}": Line(OPERATORS),
    "POST /api/v1/nodes/{node_id}/revoke": Line("401 404 403 200 200 403 401 403", body={}, fresh=node),
    "GET /api/v1/enrolments": Line("401 200 403 200 200 403 401 403"),
    "DELETE /api/v1/enrolments/{enrolment_id}": Line(
        "401 404 403 204 204 403 401 403", fresh=lambda world, _: world.new_enrolment()
    ),
    "GET /api/v1/map": ALL,
    "GET /api/v1/versions": ALL,
    "GET /api/v1/incidents": ALL,
    "GET /api/v1/incidents/{incident_id}": Line(MINE),
    "GET /api/v1/incidents/{incident_id}/evidence": Line(MINE),
    "GET /api/v1/incidents/{incident_id}/evidence.txt": Line(MINE),
    "POST /api/v1/incidents/{incident_id}/acknowledge": Line(OPERATORS, body={}, fresh=trouble),
    "DELETE /api/v1/incidents/{incident_id}/acknowledge": Line(OPERATORS, fresh=trouble),
    "POST /api/v1/incidents/{incident_id}/close": Line(OPERATORS, body={}, fresh=trouble),
    "POST /api/v1/incidents/{incident_id}/comments": Line(OPERATORS, body={"text": "seen"}, fresh=trouble),
    # a message's signed link is a bearer of its own
    "GET /api/v1/acknowledgements/{token}": Line("200", fresh=link),
    "POST /api/v1/acknowledgements/{token}": Line("200", body={}, fresh=link),
    "GET /api/v1/live": ALL,
    # agents: their token lets them in, their signature from then on
    "POST /api/v1/agents": Line("401 401 401 401 401 401 400 401", body={"public_key": "no", "name": "n"}),
    "POST /api/v1/reports": Line("401", body={}),
    # accounts
    "GET /api/v1/session": ALL,
    "POST /api/v1/session": Line("200", leaves=True, body={"name": "ours", "password": PASSWORD}),
    "DELETE /api/v1/session": Line("200", leaves=True),
    "POST /api/v1/setup": Line(
        "409", leaves=True, body={"name": "x", "password": PASSWORD, "team_name": "x"}
    ),
    "GET /api/v1/audit": Line("401 200 403 403 200 403 401 403"),
    "GET /api/v1/audit/head": Line("401 403 403 403 403 200 401 403"),
    # claims and what is public of a team
    "GET /api/v1/claims": Line("401 200 200 200 200 403 401 403"),
    "POST /api/v1/claims": Line("401 503 403 403 503 403 401 403", body={"address": "0x" + "12" * 32}),
    "PUT /api/v1/claims/{challenge_id}": Line(
        "401 404 403 403 503 403 401 403", body={"signature": "0x"}, fresh=challenge
    ),
    "PATCH /api/v1/claims/{address}": Line(
        "401 404 403 403 200 403 401 403", body={"about": ""}, fresh=claim
    ),
    "DELETE /api/v1/claims/{address}": Line("401 404 403 403 204 403 401 403", fresh=claim),
    "GET /api/v1/team/profile": Line("401 200 200 200 200 403 401 403"),
    "PATCH /api/v1/team/profile": Line("401 200 403 403 200 403 401 403", body={"about": ""}),
    "GET /api/v1/teams/{slug}": ALL,
    # web push: for anybody, and whoever holds a subscription's token
    "GET /api/v1/push/key": ALL,
    "POST /api/v1/push/subscriptions": Line("201", body=subscribing),
    "PUT /api/v1/push/subscriptions/{subscription_id}": Line(STRANGERS_TO_IT, body=watching, fresh=nobody),
    "DELETE /api/v1/push/subscriptions/{subscription_id}": Line(STRANGERS_TO_IT, fresh=nobody),
    "POST /api/v1/session/passkey/options": Line("200", body={}),
    "POST /api/v1/session/passkey": Line("401", body={"ticket": "t" * 43, "credential": {}}),
    "POST /api/v1/session/confirm": Line("401 409 409 409 409 409 401 403", body={"password": PASSWORD}),
    "POST /api/v1/session/team": Line("401 404 200 200 200 404 401 403", body={"team_id": 1}),
    "GET /api/v1/sessions": Line("401 200 200 200 200 200 401 403"),
    "DELETE /api/v1/sessions": Line("401 204 204 204 204 204 401 403", leaves=True),
    "DELETE /api/v1/sessions/{session_id}": Line(
        "401 204 204 204 204 204 401 403", fresh=lambda world, person: world.new_session(person)
    ),
    "DELETE /api/v1/account": Line("401 200 200 200 200 200 401 403", leaves=True),
    "PATCH /api/v1/account": Line(
        "401 200 409 409 409 409 401 403", leaves=True, body={"name": "a-new-name"}
    ),
    "PUT /api/v1/account/password": Line(
        "401 200 200 200 200 200 401 403", leaves=True, body={"old": None, "new": PASSWORD}
    ),
    "POST /api/v1/account/totp": Line("401 200 200 200 200 200 401 403", leaves=True, body={}),
    "PUT /api/v1/account/totp": Line("401 409 409 409 409 409 401 403", leaves=True, body={"code": "000000"}),
    "DELETE /api/v1/account/totp": Line("401 204 204 204 204 204 401 403", leaves=True),
    "POST /api/v1/account/recovery-codes": Line("401 409 409 409 409 409 401 403", leaves=True, body={}),
    "GET /api/v1/account/passkeys": Line("401 200 200 200 200 200 401 403"),
    "POST /api/v1/account/passkeys/options": Line("401 200 200 200 200 200 401 403", body={}),
    "POST /api/v1/account/passkeys": Line(
        "401 409 409 409 409 409 401 403", body={"ticket": "t" * 43, "name": "ring", "credential": {}}
    ),
    "DELETE /api/v1/account/passkeys/{passkey_id}": Line(
        "401 204 204 204 204 204 401 403", fresh=lambda world, person: world.new_passkey(person)
    ),
    "PUT /api/v1/account/email": Line(
        "401 409 409 409 409 409 401 403", leaves=True, body={"email": "new@example.org"}
    ),
    "POST /api/v1/account/email/verification": Line("401 409 409 409 409 409 401 403", body={}),
    "POST /api/v1/verifications": Line("403", body={"token": "t" * 43}),
    "POST /api/v1/password-resets": Line("202", body={"name_or_email": "nobody"}),
    "PUT /api/v1/password-resets": Line("403", body={"token": "t" * 43, "password": PASSWORD}),
    "GET /api/v1/oidc/start": Line("404"),
    "GET /api/v1/oidc/callback": Line("404"),
    "GET /api/v1/users": Line("401 403 403 403 403 200 401 403"),
    "POST /api/v1/users": Line("403", leaves=True, body={"name": "stranger", "password": PASSWORD}),
    "PATCH /api/v1/users/{user_id}": Line(
        "401 403 403 403 403 200 401 403", body={"is_disabled": True}, fresh=member
    ),
    # teams
    "GET /api/v1/team": Line("401 200 200 200 200 403 401 403"),
    "PATCH /api/v1/team": Line("401 200 403 403 200 403 401 403", body={"name": "A team of another name"}),
    "POST /api/v1/teams": Line("401 200 200 200 200 200 401 403", leaves=True, body={"name": "A new team"}),
    "PATCH /api/v1/team/members/{user_id}": Line(
        "401 404 403 403 200 403 401 403", body={"role": "operator"}, fresh=member
    ),
    "DELETE /api/v1/team/members/{user_id}": Line("401 404 403 403 204 403 401 403", fresh=member),
    "POST /api/v1/team/invitations": Line("401 200 403 403 200 403 401 403", body={"role": "viewer"}),
    "DELETE /api/v1/team/invitations/{invitation_id}": Line(
        "401 404 403 403 204 403 401 403", fresh=lambda world, _: world.new_invitation()
    ),
    "POST /api/v1/invitations/look": Line("200", body={"token": CANARIES["an invitation's token"]}),
    "POST /api/v1/team/join": Line("401 404 404 404 404 404 401 403", body={"invitation": "t" * 43}),
    "GET /api/v1/team/watches": Line("401 200 200 200 200 403 401 403"),
    "PUT /api/v1/team/watches": Line("401 200 403 200 200 403 401 403", body={"addresses": []}),
    "GET /api/v1/alerts/rules": Line("401 200 200 200 200 403 401 403"),
    # A version that nobody has read: who may change it is told so.
    "POST /api/v1/alerts/rehearsals": Line(
        "401 200 200 200 200 403 401 403", body={"rule": "absent_votes", "days": 1}
    ),
    "PUT /api/v1/alerts/limits": Line("401 409 403 409 409 403 401 403", body={"version": 12_345}),
    "GET /api/v1/keys": Line("401 200 403 403 200 403 401 403"),
    "POST /api/v1/keys": Line(
        "401 200 403 403 200 403 401 403", body={"name": "scraper", "scopes": ["metrics"]}
    ),
    "DELETE /api/v1/keys/{key_id}": Line(
        "401 404 403 403 204 403 401 403", fresh=lambda world, _: world.new_key()
    ),
    "GET /api/v1/operator-keys": Line("401 200 200 200 200 403 401 403"),
    "POST /api/v1/operator-keys": Line(
        "401 200 403 403 200 403 401 403", body={"name": "laptop", "public_key": KEY, "made_by": "cli"}
    ),
    "DELETE /api/v1/operator-keys/{key_id}": Line(
        "401 404 403 403 204 403 401 403", fresh=lambda world, _: world.new_operator_key()
    ),
    # how a team is told
    "GET /api/v1/alerts/routing": Line("401 200 200 200 200 403 401 403"),
    # the owner comes after the operator, who has changed it
    "PUT /api/v1/alerts/routing": Line("401 200 403 200 409 403 401 403", body=NOT_ROUTED),
    "POST /api/v1/alerts/routing/tries": Line(
        "401 200 403 200 200 403 401 403", body={"rule": "node_down", "severity": "warning"}
    ),
    "GET /api/v1/alerts/on-call": Line("401 200 200 200 200 403 401 403"),
    "GET /api/v1/alerts/silences": Line("401 200 200 200 200 403 401 403"),
    "POST /api/v1/alerts/silences": Line("401 201 403 201 201 403 401 403", body=silencing),
    "DELETE /api/v1/alerts/silences/{silence_id}": Line(
        GONE_BY_OPERATORS, fresh=lambda world, _: world.new_silence()
    ),
    "GET /api/v1/alerts/maintenances": Line("401 200 200 200 200 403 401 403"),
    "POST /api/v1/alerts/maintenances": Line(
        "401 201 403 201 201 403 401 403", body={"name": "work", "matcher": {}, "starts_at_ms": 0}
    ),
    "GET /api/v1/alerts/maintenances/calendar": Line(
        "401 200 200 200 200 403 401 403", query="?from_ms=0&until_ms=1000"
    ),
    "PATCH /api/v1/alerts/maintenances/{maintenance_id}": Line(
        OPERATORS, body={"name": "more work"}, fresh=lambda world, _: world.new_maintenance()
    ),
    "DELETE /api/v1/alerts/maintenances/{maintenance_id}": Line(
        GONE_BY_OPERATORS, fresh=lambda world, _: world.new_maintenance()
    ),
    # who is told, and how
    "GET /api/v1/alerts/contact-kinds": Line("401 200 200 200 200 403 401 403"),
    "GET /api/v1/alerts/contacts": Line("401 200 200 200 200 403 401 403"),
    "POST /api/v1/alerts/contacts": Line("401 201 403 201 201 403 401 403", body=contact_wish),
    "PATCH /api/v1/alerts/contacts/{contact_id}": Line(OPERATORS, body={"wakes": True}, fresh=contact),
    "DELETE /api/v1/alerts/contacts/{contact_id}": Line(GONE_BY_OPERATORS, fresh=contact),
    "POST /api/v1/alerts/contacts/{contact_id}/enable": Line(OPERATORS, body={}, fresh=contact),
    "POST /api/v1/alerts/contacts/{contact_id}/test": Line(OPERATORS, body={}, fresh=contact),
    "GET /api/v1/alerts/deliveries": Line("401 200 200 200 200 403 401 403"),
    # digests and calendars
    "GET /api/v1/alerts/digest": Line("401 200 200 200 200 403 401 403"),
    "PUT /api/v1/alerts/digest": Line(
        OPERATORS.replace("404", "200"),
        body={"every": "never", "hour": 8, "zone": "UTC", "contacts": []},
    ),
    "POST /api/v1/alerts/feed-token": Line(OPERATORS.replace("404", "200"), body={}),
    "GET /feeds/deadlines.ics": Line("404", query="?token=nobodys"),
    "GET /feeds/incidents.atom": ALL,
    "GET /feeds/incidents.rss": ALL,
    # what others put on their pages
    "GET /api/v1/oembed": Line("200", query=f"?url={ADDRESS}/validators/{{address}}"),
    "GET /badge/validators/{address}/{what}.svg": Line("200"),
    "GET /badge/nodes/{node_id}.svg": Line("200"),
    "GET /badge/network/{what}.svg": Line("200", fresh=participation),
    "GET /embed/validators/{address}": Line("200"),
    "GET /embed/pools/{pool}": Line("200"),
    # the server itself
    "GET /api/v1/metrics": ALL,
    "GET /metrics": Line("401 403 403 403 403 200 401 403"),
    "GET /healthz": ALL,
    "GET /readyz": ALL,
}

OPERATIONS = [
    f"{method.upper()} {path}" for path, methods in openapi_document()["paths"].items() for method in methods
]


def test_every_route_has_a_line_and_every_line_a_route() -> None:
    missing = sorted(set(OPERATIONS) - MATRIX.keys())
    assert not missing, f"add to MATRIX, with a status for each of {', '.join(PERSONS)}: {missing}"
    unknown = sorted(MATRIX.keys() - set(OPERATIONS))
    assert not unknown, f"take out of MATRIX, for there is no such route: {unknown}"
    for name, line in MATRIX.items():
        assert len(line.statuses.split()) in {1, len(PERSONS)}, name


async def knock(world: World, operation: str, line: Line, person: str) -> int:
    method, template = operation.split(" ")
    ids = dict(world.ids)
    if line.fresh is not None:
        ids[template.rpartition("{")[2].partition("}")[0]] = await line.fresh(world, person)
    path = (template + line.query).format(**ids)
    if path.endswith("/live"):  # it has no end: its beginning tells
        async with world.http.get(world.url + path, headers=world.headers[person]) as reply:
            return reply.status
    await world.forgive()
    asks = await world.double(person) if line.leaves else world.headers[person]
    body = line.body(world) if callable(line.body) else line.body
    return (await world.ask(method, path, asks, body))[0]


async def test_everybody_is_answered_as_the_table_says(
    past: Past, database_file: Path, tmp_path: Path
) -> None:
    wrong = []
    async with world(past, database_file, tmp_path) as street:
        for operation in OPERATIONS:
            line = MATRIX[operation]
            told = [await knock(street, operation, line, person) for person in PERSONS]
            wanted = [line.status_of(person) for person in PERSONS]
            wrong += [] if told == wanted else [f"{operation}: {told}, not {wanted}"]
    assert not wrong, f"(in the order of {', '.join(PERSONS)})\n" + "\n".join(wrong)
