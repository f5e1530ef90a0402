"""Two teams in one served house, with a rich past and secrets that nobody outside may ever read.

For the tests of the whole door: who may what (`test_door_matrix`), what the public never sees
(`test_canaries`), and what the OpenAPI document promises (`test_openapi`).
"""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
from argon2 import PasswordHasher
from sqlalchemy import Table, insert, select

from tests.server.history import Past
from tests.server.people import cookie, key_of, signed_in, team_of
from tests.server.stage import TOKEN, Agent, bearer, client, hear, served, settings
from vedette.conflux.address import encode
from vedette.model.incident import Incident, Reason, Severity, Subject, SubjectKind
from vedette.model.people import FIRST_TEAM, Role, Who
from vedette.model.pool import PoolHoldings, PoolReading, PoolTerms
from vedette.server.house import House
from vedette.server.settings import LimitSetting
from vedette.store import enrolments, incidents
from vedette.store import tables as t
from vedette.store.database import Conn
from vedette.store.incidents import Change
from vedette.store.pools import list_pools, remember_pool
from vedette.store.sealed import CONTACT
from vedette.store.sessions import hash_of

PERSONS = ("anonymous", "other", "viewer", "operator", "owner", "admin", "agent", "key")
"""Who asks: nobody known; an owner of another team; members of the first; an administrator of no team;
whoever has the agents' enrolment token; an API key without a scope."""
MEMBERS = {"viewer": Role.VIEWER, "operator": Role.OPERATOR, "owner": Role.OWNER}

CANARIES = {
    "a private node's name": "canary-node-6b1f",
    "an address": "100.99.88.77",
    "an address of IPv6": "fd42:6b1f::77",
    "an e-mail address": "canary.owner@canary.example",
    "a path on a node's disk": "/srv/canary-6b1f",
    "a label": "canary-label-6b1f",
    "a trouble's text": "canary-trouble-6b1f",
    "the enrolment token": TOKEN,
    "a team that is not public": "Canary Team 6b1f",
    "an invitation's token": "canary-invitation-6b1f",
    "a key's name": "canary-key-6b1f",
    "a user's name": "canary-user-6b1f",
    "a coordinate": "51.987654",
}
POOL = encode(bytes.fromhex("8" + "1" * 39), 1234)
WALLET = encode(bytes.fromhex("1" + "2" * 39), 1234)
TERMS = PoolTerms(9_000, None, False, None, 2_250_000, 176_400)
HOLDINGS = PoolHoldings(70, 2**90, 2**91, 512, 66, 90, 20, 2**80, 2**70)
PLACE = {
    "country": "DE",
    "city": "Frankfurt am Main",
    "latitude": 51.987654,
    "longitude": 8.7,
}
ADDRESS = "http://localhost:8642"
"""A name, so that passkeys can be bound to it."""
UNLIMITED = LimitSetting(0, 0, 0, 0, 1_000)
"""Nobody is told to come later: who may ask how often has tests of its own."""
PASSWORD = "correct horse battery"
FOREVER_MS = 4_000_000_000_000


@dataclass
class World:
    """A served house, and how each person knocks."""

    house: House
    url: str
    http: aiohttp.ClientSession
    past: Past
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    user_ids: dict[str, int] = field(default_factory=dict)
    team_ids: dict[str, int] = field(default_factory=dict)
    ids: dict[str, Any] = field(default_factory=dict)
    private: Agent = field(default_factory=lambda: Agent(CANARIES["a private node's name"]))
    public: Agent = field(default_factory=lambda: Agent("public-node"))

    async def ask(
        self,
        method: str,
        path: str,
        person: str | Mapping[str, str] = "anonymous",
        body: Any = None,
        **headers: str,
    ) -> tuple[int, Mapping[str, str], bytes]:
        sent = {**(self.headers[person] if isinstance(person, str) else person), **headers}
        async with self.http.request(
            method, self.url + path, json=body, headers=sent, allow_redirects=False
        ) as reply:
            return reply.status, reply.headers, await reply.read()

    async def add(self, table: Table, **row: Any) -> Any:
        """One more row; its key."""
        key = next(iter(table.primary_key.columns))

        async def put(conn: Conn) -> Any:
            return (await conn.execute(insert(table).values(**row).returning(key))).scalar_one()

        return await self.house.database.write(put)

    # --- what can be changed or taken away, made anew for each who tries

    async def new_node(self) -> str:
        return (await self._enrolled(Agent(f"n-{secrets.token_hex(4)}"))).node_id

    async def new_enrolment(self) -> str:
        now_ms = self.house.ears.now_ms()
        made = await self.house.database.write(
            lambda conn: enrolments.make_ticket(conn, Who(FIRST_TEAM), now_ms)
        )
        return made.id

    async def new_user(self, role: Role = Role.VIEWER, team_id: int = FIRST_TEAM) -> int:
        name = f"u-{secrets.token_hex(6)}"
        await signed_in(self.house.database, name, role, team_id=team_id)
        return await self._user_id(name)

    async def new_session(self, person: str) -> str:
        row = {"id": secrets.token_hex(16), "user_id": self.user_ids.get(person, self.user_ids["owner"])}
        row |= {"team_id": FIRST_TEAM, "browser": "another", "token_hash": secrets.token_bytes(32)}
        row |= {"created_at_ms": 0, "seen_at_ms": 0, "expires_at_ms": FOREVER_MS, "fresh_until_ms": 0}
        return str(await self.add(t.sessions, **row))

    async def new_invitation(self, token: str | None = None) -> str:
        row = {"id": secrets.token_hex(16), "team_id": FIRST_TEAM, "role": "viewer", "created_at_ms": 0}
        row |= {"token_hash": hash_of(token or secrets.token_urlsafe(32)), "expires_at_ms": FOREVER_MS}
        return str(await self.add(t.invitations, **row, email=CANARIES["an e-mail address"]))

    async def new_key(self) -> str:
        row = {"id": secrets.token_hex(16), "team_id": FIRST_TEAM, "name": CANARIES["a key's name"]}
        row |= {"hint": "abcd", "token_hash": secrets.token_bytes(32), "scopes": ["read"], "created_at_ms": 0}
        return str(await self.add(t.api_keys, **row))

    async def new_contact(self) -> str:
        """It leads to a place where nothing may be sent: a test of it is refused at once."""
        config = b'{"url": "http://127.0.0.1:9/canary-hook-6b1f"}'
        row = {"id": secrets.token_hex(8), "team_id": FIRST_TEAM, "name": secrets.token_hex(8)}
        row |= {"kind": "webhook", "hint": "127.0.0.1", "language": "en", "created_at_ms": 0}
        row |= {"sealed": self.house.vault.seal(config, CONTACT.purpose)}
        return str(await self.add(t.contact_points, **row))

    async def new_operator_key(self) -> str:
        row = {"id": secrets.token_hex(16), "team_id": FIRST_TEAM, "name": CANARIES["a key's name"]}
        row |= {"public_key": secrets.token_bytes(32), "made_by": "cli", "created_at_ms": 0}
        return str(await self.add(t.operator_keys, **row))

    async def new_claim(self) -> str:
        address = "0x" + secrets.token_hex(32)
        row = {"team_id": FIRST_TEAM, "signer": WALLET, "space": "core", "message": "", "signature": b""}
        return str(await self.add(t.claims, address=address, **row, claimed_at_ms=0))

    async def new_challenge(self) -> str:
        row = {"id": secrets.token_hex(16), "team_id": FIRST_TEAM, "address": "0x" + secrets.token_hex(32)}
        row |= {"message": "", "signers": [], "expires_at_ms": FOREVER_MS}
        return str(await self.add(t.claim_challenges, **row))

    async def new_trouble(self) -> int:
        """Of a node that has told nothing yet: no judge can say that it is over."""
        now, agent = self.house.ears.now_ms(), await self._enrolled(Agent(f"n-{secrets.token_hex(4)}"))
        node = Subject(SubjectKind.NODE, agent.node_id, agent.name)
        key, loud = f"node_down/{agent.node_id}", Severity.WARNING
        one = Incident(0, key, "node_down", FIRST_TEAM, loud, node, {}, now, now, loud, 1)
        change = Change(one, Reason.OPENED, (), now)
        [kept] = await self.house.database.write(lambda conn: incidents.save(conn, [change]))
        return kept.id

    async def new_silence(self) -> str:
        row = {"id": secrets.token_hex(8), "team_id": FIRST_TEAM, "matcher": {}, "comment": "works"}
        row |= {"made_by": "machine", "created_at_ms": 0, "starts_at_ms": 0, "ends_at_ms": FOREVER_MS}
        return str(await self.add(t.silences, **row))

    async def new_maintenance(self) -> str:
        row = {"id": secrets.token_hex(8), "team_id": FIRST_TEAM, "name": "work", "matcher": {}}
        row |= {"made_by": "machine", "created_at_ms": 0, "starts_at_ms": 0}
        return str(await self.add(t.maintenances, **row))

    async def forgive(self) -> None:
        """Forget who guessed how often: that has tests of its own."""
        await self.house.database.write(lambda conn: conn.execute(t.tries.delete()))

    async def double(self, person: str) -> dict[str, str]:
        """The headers of somebody new who may the same: what he asks for ends his own session, or himself."""
        teams = {"other": self.team_ids["theirs"]}
        if person not in self.user_ids:
            return self.headers[person]
        role = None if person == "admin" else MEMBERS.get(person, Role.OWNER)
        name = f"{person}-{secrets.token_hex(4)}"
        team_id = teams.get(person, FIRST_TEAM)
        token = await signed_in(self.house.database, name, role, team_id=team_id, is_admin=person == "admin")
        return cookie(token)

    async def new_passkey(self, person: str) -> int:
        row = {"user_id": self.user_ids.get(person, self.user_ids["owner"]), "name": "a key of metal"}
        row |= {
            "credential_id": secrets.token_bytes(32),
            "public_key": b"k",
            "sign_count": 0,
            "created_at_ms": 0,
        }
        return int(await self.add(t.passkeys, **row))

    # --- how it is filled

    async def fill(self) -> None:
        self.team_ids = {"ours": FIRST_TEAM, "theirs": await team_of(self.house.database, "Theirs")}
        await self._people()
        await self._nodes()
        await self._troubles()
        await self._pools()
        self.ids |= {
            "address": self.past.people[0],
            "epoch": 12,
            "height": 250,
            "pool": POOL,
            "node_id": self.private.node_id,
            "what": "votes",
            "enrolment_id": await self.new_enrolment(),
            "slug": "shown-team",
        }
        await self.add(t.teams, name="Shown team", slug=self.ids["slug"], is_public=True)
        await self.new_invitation(CANARIES["an invitation's token"])
        await self.new_key()
        await self.new_operator_key()

    async def _people(self) -> None:
        database, theirs = self.house.database, self.team_ids["theirs"]
        await database.write(
            lambda conn: conn.execute(
                t.teams.update()
                .where(t.teams.c.id == FIRST_TEAM)
                .values(name=CANARIES["a team that is not public"])
            )
        )
        tokens = {name: await signed_in(database, name, role) for name, role in MEMBERS.items()}
        tokens["other"] = await signed_in(database, "other", team_id=theirs)
        tokens["admin"] = await signed_in(database, "admin", None, is_admin=True)
        tokens["canary"] = await signed_in(database, CANARIES["a user's name"])
        self.headers = {name: cookie(token) for name, token in tokens.items()}
        self.headers |= {
            "anonymous": {},
            "agent": bearer(TOKEN),
            "key": bearer(await key_of(database, scopes=())),
        }
        self.user_ids = {name: await self._user_id(name) for name in (*MEMBERS, "other", "admin")}
        await signed_in(database, "ours")
        kept = PasswordHasher(time_cost=1, memory_cost=1_024).hash(PASSWORD)
        known = t.users.update().where(t.users.c.name == "ours").values(password_hash=kept)
        await database.write(lambda conn: conn.execute(known))
        private = t.users.update().where(t.users.c.name == CANARIES["a user's name"])
        await database.write(lambda conn: conn.execute(private.values(email=CANARIES["an e-mail address"])))

    async def _user_id(self, name: str) -> int:
        async with self.house.database.read() as conn:
            found: int = (await conn.execute(select(t.users.c.id).where(t.users.c.name == name))).scalar_one()
        return found

    async def _nodes(self) -> None:
        for agent in (self.private, self.public):
            await self._enrolled(agent)
        public = {"is_public": True, "publish": "country", "set_place": PLACE}
        private = {"labels": [CANARIES["a label"]], "group_name": CANARIES["a label"], "set_place": PLACE}
        for agent, said in ((self.public, public), (self.private, private)):
            one = t.nodes.update().where(t.nodes.c.id == agent.node_id).values(**said)
            await self.house.database.write(lambda conn, one=one: conn.execute(one))  # type: ignore[misc]
            await self.report(agent)

    async def report(self, agent: Agent) -> None:
        """All that an agent tells and the public must not hear."""
        states = {
            "node.version": "conflux-rust/v3.0.2-fd68efe-20260110/x86_64-linux-gnu/rustc1.77.2",
            "node.release": "3.0.2",
            "node.path": CANARIES["a path on a node's disk"],
            "probe.pow.error": f"no answer from {CANARIES['an address']}:12537",
            "net.addresses": CANARIES["an address of IPv6"],
            "log.last": CANARIES["a trouble's text"],
        }
        await hear(self.house, *agent.post(agent.envelope(self.house.ears.now_ms(), states=states)))

    async def _enrolled(self, agent: Agent) -> Agent:
        async with self.http.post(
            f"{self.url}/api/v1/agents", data=agent.enrolment(), headers=bearer(TOKEN)
        ) as reply:
            assert reply.status == 200, await reply.text()
        return agent

    async def _troubles(self) -> None:
        now = self.house.ears.now_ms()
        node = Subject(SubjectKind.NODE, self.private.node_id, self.private.name)
        facts = {"reason": CANARIES["a trouble's text"], "address": CANARIES["an address"]}
        trouble = Incident(
            0, f"node_down/{node.id}", "node_down", FIRST_TEAM, Severity.WARNING, node, facts, now, now
        )
        changes = [Change(trouble, Reason.OPENED, (), now)]
        changes.append(Change(replace(trouble, key="over", resolved_at_ms=now), Reason.RESOLVED, (), now))
        self.ids["incident_id"] = (
            await self.house.database.write(lambda conn: incidents.save(conn, changes))
        )[1].id

    async def _pools(self) -> None:
        at_ms = self.past.end_ms(10)
        reading = PoolReading(POOL, "Steady", self.past.people[0], True, TERMS, HOLDINGS)
        await self.house.database.write(lambda conn: list_pools(conn, {POOL: "Steady"}, at_ms))
        await self.house.database.write(lambda conn: remember_pool(conn, reading, at_ms + 1))


@asynccontextmanager
async def world(past: Past, database: Path | str, folder: Path, **other: Any) -> AsyncIterator[World]:
    """A world over a database that holds this past."""
    given = settings(
        folder,
        database=str(database),
        trust_loopback=False,
        public_references=False,
        read_token=None,
        public_url=ADDRESS,
        limits=UNLIMITED,
        **other,
    )
    async with served(given) as (house, url), client() as http:
        house.changes._most = 10**9
        made = World(house, url, http, past)
        await made.fill()
        yield made
