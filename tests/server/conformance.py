"""Asks a served house all that its OpenAPI document allows, and more, and holds the replies to the document.

Schemathesis makes the questions and checks the replies; here is what it must be told of this API.
"""

import asyncio
import copy
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.transport.serialization import Binary

from tests.server.test_door_matrix import MATRIX, OPERATIONS
from tests.server.world import World
from vedette.server.app import openapi_document

ENDLESS = "GET /api/v1/live"
"""A stream has no end; it has tests of its own."""

LOOSE = {
    "GET /api/v1/nodes/{node_id}/availability": "a cell of an hour is for short windows only",
    "GET /api/v1/nodes/{node_id}/series": "from_ms lies before to_ms",
    "GET /api/v1/nodes/{node_id}/states": "from_ms lies before to_ms",
    "GET /api/v1/pools/{pool}": "an address has a checksum",
    "GET /api/v1/pools/{pool}/fees": "an address has a checksum",
    "GET /api/v1/pools/{pool}/holdings": "from_ms lies before to_ms, and an address has a checksum",
    "GET /api/v1/validators/{address}/balance": "from_ms lies before to_ms",
    "GET /api/v1/validators/{address}/votes": "both epochs are given, or neither",
    "GET /api/v1/validators": "a cursor is what the page before gave",
    "GET /api/v1/wallets/{address}": "an address has a checksum",
    "PATCH /api/v1/nodes/{node_id}": "latitude and longitude belong together, and names are printable",
    "POST /api/v1/enrolments": "names are printable",
    "GET /api/v1/nodes": "a cursor is what the page before gave",
    "PATCH /api/v1/account": "a name has rules of its own",
    "PATCH /api/v1/claims/{address}": "a link leads to a host",
    "PATCH /api/v1/team/profile": "a link leads to a host",
    "PATCH /api/v1/team": "names are printable",
    "POST /api/v1/teams": "names are printable",
    "POST /api/v1/keys": "names are printable",
    "POST /api/v1/operator-keys": "a public key has a form of its own",
    "POST /api/v1/team/invitations": "an e-mail address has rules of its own",
    "POST /api/v1/alerts/contacts": "a kind has fields of its own",
    "PATCH /api/v1/alerts/contacts/{contact_id}": "a kind has fields of its own",
    "PUT /api/v1/alerts/digest": "whoever is told is one of the team's, and a zone IANA's",
    "POST /api/v1/alerts/rehearsals": "a limit is one that there is",
    "POST /api/v1/incidents/{incident_id}/comments": "a comment is not blank",
    "PUT /api/v1/alerts/limits": "a rule and a limit are ones that there are",
    "PUT /api/v1/team/watches": "an address is one that was seen",
    "POST /api/v1/push/subscriptions": "an endpoint is a push service's, and an address one that was seen",
    "PUT /api/v1/push/subscriptions/{subscription_id}": "an address is one that was seen",
    "POST /api/v1/session/passkey": "a credential is the browser's own affair",
    "POST /api/v1/account/passkeys": "a credential is the browser's own affair",
    "POST /api/v1/session/confirm": "a password, or a ticket and a credential",
    "PUT /api/v1/password-resets": "a password has rules of its own",
    "PUT /api/v1/account/password": "a password has rules of its own",
    "POST /api/v1/users": "a name and a password have rules of their own",
    "POST /api/v1/setup": "a name and a password have rules of their own",
    "PUT /api/v1/alerts/routing": "routes name contacts, rules and each other, and zones are IANA's",
    "POST /api/v1/alerts/routing/tries": "a rule is one of ours",
    "POST /api/v1/alerts/silences": "a rule is one of ours, and the end lies ahead",
    "POST /api/v1/alerts/maintenances": "a rule is one of ours, a cron has a form, and belongs to a zone",
    "PATCH /api/v1/alerts/maintenances/{maintenance_id}": "a cron has a form, and belongs to a zone",
    "GET /api/v1/alerts/maintenances/calendar": "from_ms lies before until_ms",
}
"""What JSON Schema cannot say, so that a 422 is right though the schema holds."""
LOOSE_BY_HAND = {"POST /api/v1/agents": "names are printable"}
"""The same where no framework reads the body, so that it is a 400."""
ABSENT = frozenset(
    {
        "GET /api/v1/wallets/{address}",
        "GET /api/v1/validators/{address}",
        "POST /api/v1/claims",
        "PUT /api/v1/claims/{challenge_id}",
    }
)
"""They may ask an endpoint, and there is none in this house: then a 503 says so."""
SHARED = frozenset(
    {
        "PATCH /api/v1/alerts/maintenances/{maintenance_id}",
        "DELETE /api/v1/alerts/maintenances/{maintenance_id}",
        "PATCH /api/v1/claims/{address}",
        "DELETE /api/v1/claims/{address}",
        "PUT /api/v1/claims/{challenge_id}",
        "POST /api/v1/account/passkeys/options",
        "DELETE /api/v1/account/passkeys/{passkey_id}",
    }
)
"""Two templates fit one address, so it takes the methods of both, and each template knows its own alone."""
USUAL = ["2xx", "3xx", "401", "403", "404", "409", "429", "5xx"]
REFUSED = ["400", "401", "403", "404", "405", "406", "409", "414", "415", "422", "428", "429", "5xx"]
"""What a breach of the schema may be answered with: the usual, and that a URL is too long."""


@dataclass
class Told:
    """What came of a run: statuses by operation, what was wrong, and how many were asked."""

    statuses: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    failures: dict[tuple[str, str, str], str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    @property
    def asked(self) -> int:
        return sum(sum(counts.values()) for counts in self.statuses.values())

    @property
    def taken(self) -> set[str]:
        """Operations that answered 2xx to somebody."""
        return {name for name, counts in self.statuses.items() if any(200 <= one < 300 for one in counts)}

    def add(self, other: "Told") -> None:
        for name, counts in other.statuses.items():
            self.statuses[name] += counts
        self.failures |= other.failures
        self.errors += other.errors

    def report(self) -> str:
        wrong = [f"{' · '.join(key)}\n    {line}" for key, line in sorted(self.failures.items())]
        return "\n".join([*wrong, *self.errors])


@schemathesis.serializer("application/x-msgpack")
def _packed(_: Any, value: Any) -> bytes:
    """A report's body is bytes already."""
    return (
        value.data
        if isinstance(value, Binary)
        else value
        if isinstance(value, bytes)
        else repr(value).encode()
    )


async def document(world: World, person: str) -> dict[str, Any]:
    """The OpenAPI document, with an example of each id and body that there is in this world."""
    made: dict[str, Any] = copy.deepcopy(openapi_document())
    del made["paths"][ENDLESS.partition(" ")[2]]
    for operation in sorted(set(OPERATIONS) - {ENDLESS}):
        method, path = operation.split(" ")
        line, described = MATRIX[operation], made["paths"][path][method.lower()]
        ids = dict(world.ids)
        if line.fresh is not None:
            ids[path.rpartition("{")[2].partition("}")[0]] = await line.fresh(world, person)
        said = dict(parse_qsl(line.query.format_map(defaultdict(str, ids)).lstrip("?")))
        for parameter in described.get("parameters", []):
            if parameter["in"] == "query" and parameter["name"] in said:
                parameter["example"] = said[parameter["name"]]
            if parameter["in"] == "path" and parameter["name"] in ids:
                parameter["example"] = ids[parameter["name"]]
        content = described.get("requestBody", {}).get("content", {})
        if line.body is not None and "application/json" in content:
            content["application/json"]["example"] = line.body(world) if callable(line.body) else line.body
    return _plain_pairs(made)  # type: ignore[no-any-return]


def _plain_pairs(part: Any) -> Any:
    """Pairs as lists of either: the checker of replies knows no prefixItems."""
    if isinstance(part, list):
        return [_plain_pairs(one) for one in part]
    if not isinstance(part, dict):
        return part
    plain = {name: _plain_pairs(one) for name, one in part.items() if name != "prefixItems"}
    if "prefixItems" in part:
        plain["items"] = {"anyOf": _plain_pairs(part["prefixItems"])}
    return plain


@dataclass(frozen=True)
class Run:
    """How much to ask."""

    examples: int
    phases: frozenset[str]

    def config(self, url: str, headers: Mapping[str, str], operations: set[str]) -> SchemathesisConfig:
        others = [{"include-name": name, "enabled": False} for name in OPERATIONS if name not in operations]
        made = {"max-examples": self.examples, "deterministic": True, "database": "none"}
        phases = ("examples", "coverage", "fuzzing", "stateful")
        return SchemathesisConfig.from_dict(
            {
                "base-url": url,
                "headers": dict(headers),
                "continue-on-failure": True,
                "request-timeout": 30,
                "seed": 1,
                "suppress-health-check": ["all"],
                "cache": {"enabled": False},
                "generation": made,
                "checks": {"negative_data_rejection": {"expected-statuses": REFUSED}},
                "phases": {
                    name: {"enabled": name in self.phases}
                    | ({} if name == "coverage" else {"generation": made})
                    for name in phases
                },
                "operations": [
                    *others,
                    *map(
                        allowances,
                        sorted(operations & (LOOSE.keys() | LOOSE_BY_HAND.keys() | ABSENT | SHARED)),
                    ),
                ],
            }
        )


def allowances(operation: str) -> dict[str, Any]:
    """What this operation alone may answer."""
    checks: dict[str, Any] = {}
    if operation in LOOSE:
        checks["positive_data_acceptance"] = {"expected-statuses": [*USUAL, "422"]}
    if operation in LOOSE_BY_HAND:
        checks["positive_data_acceptance"] = {"expected-statuses": [*USUAL, "400"]}
    if operation in ABSENT:
        checks["not_a_server_error"] = {"expected-statuses": ["2xx", "3xx", "4xx", "503"]}
    if operation in SHARED:
        checks |= {name: {"enabled": False} for name in ("unsupported_method", "allow_header_conformance")}
    return {"include-name": operation, "checks": checks}


def ask(described: dict[str, Any], given: SchemathesisConfig) -> Told:
    """Run it. It blocks: the house is served by another thread's loop."""
    told = Told()
    for event in from_schema(schemathesis.openapi.from_dict(described, config=given)).execute():
        if isinstance(event, events.ScenarioFinished):
            _note(told, event.recorder)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            told.errors.append(f"{getattr(event, 'label', '')}: {_cause(event)}")
    return told


async def everything(street: World, person: str, run: Run) -> Told:
    """As this person, everything; what ends his session last, as somebody alike (an owner: each anew)."""
    described = await document(street, person)
    ending = {name for name, line in MATRIX.items() if line.leaves}
    staying = set(OPERATIONS) - ending - {ENDLESS}
    told = await asyncio.to_thread(ask, described, run.config(street.url, street.headers[person], staying))
    for one in [{name} for name in sorted(ending)] if person == "owner" else [ending]:
        given = run.config(street.url, await street.double(person), one)
        told.add(await asyncio.to_thread(ask, described, given))
    return told


def _cause(event: Any) -> str:
    return repr(getattr(event, "value", None) or getattr(event, "exception", None))[:300]


def _note(told: Told, recorder: Any) -> None:
    for number, one in recorder.interactions.items():
        if one.response is not None:
            told.statuses[recorder.cases[number].value.operation.label][one.response.status_code] += 1
    for number, failure in _failures(recorder):
        case, one = recorder.cases[number].value, recorder.interactions.get(number)
        asked = f"{one.request.method} {one.request.uri} {one.request.body!r}"[:400] if one else ""
        answered = (
            f"{one.response.status_code} {one.response.content[:200]!r}" if one and one.response else ""
        )
        key = (case.operation.label, type(failure).__name__, failure.title)
        told.failures.setdefault(
            key, f"{' '.join(failure.message.split())[:300]}\n    {asked}\n    {answered}"
        )


def _failures(recorder: Any) -> Iterator[tuple[str, Any]]:
    for number, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                yield number, check.failure_info.failure
