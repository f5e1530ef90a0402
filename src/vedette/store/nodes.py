"""Nodes, the agents that speak for them, and taking over what agents report."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import Row, Select, bindparam, case, func, or_, select, update

from vedette.model.people import Who
from vedette.model.place import Place, Publish
from vedette.model.report import Envelope, Live
from vedette.store import tables as t
from vedette.store.database import Conn, insert_into, visible_to

LATE_MS = 60_000
"""A report that is this old when it comes was kept back: it belongs to the past and opens no incident."""
OVERTAKEN_MS = 120_000
"""No delivery is under way for longer than this."""
FIRST_REPORT_MS = 60_000
"""How long a newly enrolled agent has for its first report."""

AGENT, ENDPOINT = "agent", "endpoint"
"""Who speaks for a node: an agent beside it, or nobody, and we ask its endpoint from here."""

pack = msgspec.msgpack.Encoder().encode
unpack_numbers = msgspec.msgpack.Decoder(dict[str, int | float]).decode
unpack_states = msgspec.msgpack.Decoder(dict[str, str]).decode


@dataclass(frozen=True, slots=True)
class AgentRow:
    """An agent's key and the node it speaks for. `public_key` is 32 bytes of Ed25519."""

    agent: str
    node_id: str
    team_id: int
    public_key: bytes
    name: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One accepted envelope: whose it is, when we heard it, and when we expect the next."""

    node_id: str
    team_id: int
    envelope: Envelope
    heard_at_ms: int
    due_at_ms: int


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node and what its agent said last. A node never heard of has `live_at_ms` None."""

    id: str
    team_id: int
    name: str
    role: str
    heard_at_ms: int
    due_at_ms: int
    live_at_ms: int | None
    numbers: Mapping[str, float | int]
    states: Mapping[str, str]
    planned_stop_until_ms: int | None
    died_at_ms: int | None
    kind: str = AGENT
    labels: tuple[str, ...] = ()
    group: str | None = None
    is_public: bool = False
    publish: Publish = "nothing"
    place: Place | None = None
    revoked_at_ms: int | None = None


def agent_id(public_key: bytes) -> str:
    """The agent's name on the wire: 32 hex digits of its key's SHA-256."""
    return hashlib.sha256(public_key).hexdigest()[:32]


def node_of(agent: str) -> str:
    """The id of the node that this agent speaks for."""
    return agent[:16]


async def enroll(
    conn: Conn,
    team_id: int,
    public_key_hex: str,
    name: str,
    role: str,
    now_ms: int,
    *,
    by_ticket: bool = False,
) -> str:
    """Keep a node for this key and return its id. The same key again is the same node, renamed.

    One that was revoked comes back by a ticket that its team made for it, never by the lasting token.
    """
    public_key = bytes.fromhex(public_key_hex)
    agent = agent_id(public_key)
    row = {"id": node_of(agent), "team_id": team_id, "agent": agent, "public_key": public_key}
    told: dict[str, Any] = {"name": name.replace("\0", ""), "role": role}  # PostgreSQL has no such character
    statement = insert_into(conn, t.nodes).values(**row, **told, enrolled_at_ms=now_ms)
    own = t.nodes.c.team_id == team_id  # another team that learnt the key renames nothing
    if by_ticket:
        again = statement.on_conflict_do_update(
            index_elements=["agent"], set_=told | {"revoked_at_ms": None}, where=own
        )
    else:
        kept = own & t.nodes.c.revoked_at_ms.is_(None)
        again = statement.on_conflict_do_update(index_elements=["agent"], set_=told, where=kept)
    await conn.execute(again)
    heard = insert_into(conn, t.latest).values(
        node_id=row["id"], team_id=team_id, heard_at_ms=now_ms, due_at_ms=now_ms + FIRST_REPORT_MS
    )
    await conn.execute(heard.on_conflict_do_nothing())
    return node_of(agent)


async def agent_keys(conn: Conn, agent: str) -> AgentRow | None:
    """The key that this agent signs with, if it was enrolled and not revoked since."""
    # An endpoint has no key, and nobody may speak for it.
    speaks = t.nodes.c.kind == AGENT, t.nodes.c.revoked_at_ms.is_(None)
    query = select(t.nodes).where(t.nodes.c.agent == agent, *speaks)
    row = (await conn.execute(query)).one_or_none()
    return None if row is None else AgentRow(row.agent, row.id, row.team_id, row.public_key, row.name)


async def revoked_since(conn: Conn, since_ms: int) -> list[str]:
    """The agents that were revoked from then on."""
    query = select(t.nodes.c.agent).where(t.nodes.c.revoked_at_ms >= since_ms)
    return list((await conn.execute(query)).scalars())


async def enrolled_at(conn: Conn, node_ids: Collection[str]) -> dict[str, int]:
    """When these nodes came. For the system alone: of any team."""
    query = select(t.nodes.c.id, t.nodes.c.enrolled_at_ms).where(t.nodes.c.id.in_(node_ids))
    return {row.id: row.enrolled_at_ms for row in await conn.execute(query)}


async def agent_of(conn: Conn, who: Who, node_id: str) -> str | None:
    """The agent that speaks for the reader's node."""
    query = select(t.nodes.c.agent).where(t.nodes.c.id == node_id, visible_to(who, t.nodes))
    return (await conn.execute(query)).scalar()


async def witness_reports(conn: Conn, deliveries: Sequence[Delivery]) -> list[int]:
    """Take deliveries over, all or none; returns the acknowledged seq of each, in order.

    A report at or below the acknowledged seq was taken before and is skipped, so a second delivery is
    harmless, and no sign of life unless its live state is newer than what is known: whoever recorded an
    agent's posts cannot keep it alive with them. A gap in seq is accepted (the spool dropped its oldest) and
    counted.
    """
    spools = await _hold_spools(conn, deliveries)
    fresh: list[dict[str, Any]] = []
    acknowledged = []
    new: list[Delivery] = []
    known: list[Delivery] = []
    for delivery in deliveries:
        spool = spools[delivery.envelope.agent, delivery.envelope.spool]
        rows = _fresh_rows(delivery, spool)
        (new if rows or not delivery.envelope.reports else known).append(delivery)
        fresh += rows
        acknowledged.append(spool.seq)
    await _append(conn, fresh)
    await _advance(conn, [spool for spool in spools.values() if spool.moved])
    await _tell_latest(conn, new)
    await _tell_latest(conn, known, only_later=True)
    return acknowledged


@dataclass(slots=True)
class _Spool:
    """One spool, locked by this transaction, and how far it has been taken over."""

    agent: str
    spool: str
    team_id: int
    seq: int = 0
    gap_count: int = 0
    moved: bool = False

    def row(self) -> dict[str, Any]:
        return {
            "agent": self.agent,
            "spool": self.spool,
            "team_id": self.team_id,
            "acknowledged_seq": self.seq,
        }

    def take(self, seq: int) -> bool:
        """Is this seq new? Then it is taken, and what it leapt over is counted."""
        if seq <= self.seq:
            return False
        self.gap_count += seq - self.seq - 1
        self.seq, self.moved = seq, True
        return True


async def _hold_spools(conn: Conn, deliveries: Sequence[Delivery]) -> dict[tuple[str, str], _Spool]:
    """The spools of these deliveries, locked: a rival with the same spool waits for our commit."""
    wanted = {(d.envelope.agent, d.envelope.spool): d.team_id for d in deliveries}
    held = await _read_spools(conn, wanted)
    missing = [_Spool(*key, team_id) for key, team_id in sorted(wanted.items()) if key not in held]
    if missing:
        rows = [m.row() for m in missing]
        await conn.execute(insert_into(conn, t.spools).on_conflict_do_nothing(), rows)
        held |= await _read_spools(conn, {(m.agent, m.spool) for m in missing})
    return held


async def _read_spools(conn: Conn, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], _Spool]:
    if not wanted:
        return {}
    # Always in the same order, so that two servers with overlapping batches wait instead of deadlocking.
    query = (
        select(t.spools)
        .where(t.spools.c.agent.in_(sorted({agent for agent, _ in wanted})))
        .order_by(t.spools.c.agent, t.spools.c.spool)
        .with_for_update()
    )
    return {
        (row.agent, row.spool): _Spool(row.agent, row.spool, row.team_id, row.acknowledged_seq, row.gap_count)
        for row in await conn.execute(query)
        if (row.agent, row.spool) in wanted
    }


def _fresh_rows(delivery: Delivery, spool: _Spool) -> list[dict[str, Any]]:
    """Rows for the reports that were not taken before."""
    return [
        {
            "node_id": delivery.node_id,
            "at_ms": report.at_ms,
            "team_id": delivery.team_id,
            "late": delivery.heard_at_ms - report.at_ms > LATE_MS,
            "row": pack((report.numbers, report.states)),
        }
        for report in delivery.envelope.reports
        if spool.take(report.seq)
    ]


async def _append(conn: Conn, rows: list[dict[str, Any]]) -> None:
    """Two reports of one millisecond: the one told last stays."""
    if not rows:
        return
    add = insert_into(conn, t.hot)
    new = add.excluded
    on = add.on_conflict_do_update(
        index_elements=["node_id", "at_ms"], set_={"late": new.late, "row": new.row}
    )
    await conn.execute(on, rows)


async def _advance(conn: Conn, spools: list[_Spool]) -> None:
    if not spools:
        return
    columns = t.spools.c
    move = (
        update(t.spools)
        .where(columns.agent == bindparam("a"), columns.spool == bindparam("s"))
        .values(acknowledged_seq=bindparam("seq"), gap_count=bindparam("gaps"))
    )
    rows = [{"a": s.agent, "s": s.spool, "seq": s.seq, "gaps": s.gap_count} for s in spools]
    await conn.execute(move, rows)


async def _tell_latest(conn: Conn, deliveries: Sequence[Delivery], *, only_later: bool = False) -> None:
    """Note that each node was heard of, and its state if that is newer than what we knew."""
    live = [
        _heard(d) | _live(lane, d.heard_at_ms) for d in deliveries if (lane := d.envelope.live) is not None
    ]
    reported = [_heard(d) | _reported(d) for d in deliveries if d.envelope.live is None]
    add = insert_into(conn, t.latest)
    held, new = t.latest.c, add.excluded
    later = new.live_at_ms > func.coalesce(held.live_at_ms, -1)
    # A live state that is much older than the one we hold was not overtaken: its agent's clock was set back.
    set_back = new.live_at_ms < held.live_at_ms - OVERTAKEN_MS
    for rows, newer, names in ((live, or_(later, set_back), LIVE), (reported, later, LIVE[:4])):
        if rows:
            told = {name: case((newer, new[name]), else_=held[name]) for name in names}
            heard = {"heard_at_ms": new.heard_at_ms, "due_at_ms": new.due_at_ms}
            rows.sort(key=itemgetter("node_id"))
            where = later if only_later else None
            statement = add.on_conflict_do_update(index_elements=["node_id"], set_=heard | told, where=where)
            await conn.execute(statement, rows)


LIVE = ("live_at_ms", "numbers", "states", "running_since_ms", "planned_stop_until_ms", "died_at_ms")


def _heard(delivery: Delivery) -> dict[str, Any]:
    return {
        "node_id": delivery.node_id,
        "team_id": delivery.team_id,
        "heard_at_ms": delivery.heard_at_ms,
        "due_at_ms": delivery.due_at_ms,
    }


def _live(live: Live, heard_at_ms: int) -> dict[str, Any]:
    told = (
        live.at_ms,
        pack(live.numbers),
        pack(live.states),
        _running_since_ms(live, heard_at_ms),
        live.planned_stop_until_ms,
        live.died_at_ms,
    )
    return dict(zip(LIVE, told, strict=True))


def _running_since_ms(live: Live, heard_at_ms: int) -> int | None:
    """When the node's process started, by our clock: the agent's may be off by more than a restart takes."""
    up_seconds = live.numbers.get("process.up_seconds")
    if up_seconds is None or not 0 <= up_seconds <= heard_at_ms / 1000:
        return None
    return heard_at_ms - int(up_seconds * 1000)


def _reported(delivery: Delivery) -> dict[str, Any]:
    """Without a live state the newest report stands for it; it knows nothing of plans and deaths."""
    if not delivery.envelope.reports:
        return dict.fromkeys(LIVE)
    newest = max(delivery.envelope.reports, key=lambda report: report.at_ms)
    return _live(Live(newest.at_ms, newest.numbers, newest.states), delivery.heard_at_ms)


async def nodes(conn: Conn, who: Who) -> list[NodeRow]:
    """The nodes that the reader may see, by name."""
    query = _NODES.where(visible_to(who, t.nodes)).order_by(NAME, t.nodes.c.id)
    return [_node(row) for row in await conn.execute(query)]


async def public_nodes(conn: Conn) -> list[NodeRow]:
    """The nodes of every team that anybody may see, by name. Show of them what `published` says, no more."""
    query = _NODES.where(t.nodes.c.is_public.is_(True)).order_by(NAME, t.nodes.c.id)
    return [_node(row) for row in await conn.execute(query)]


async def node(conn: Conn, who: Who, node_id: str) -> NodeRow | None:
    """One node; None when there is none, or when it is not the reader's."""
    query = _NODES.where(visible_to(who, t.nodes), t.nodes.c.id == node_id)
    row = (await conn.execute(query)).one_or_none()
    return None if row is None else _node(row)


NAME = func.coalesce(t.nodes.c.set_name, t.nodes.c.name)
ROLE = func.coalesce(t.nodes.c.set_role, t.nodes.c.role)
"""A node's name and its role: its operator's word outranks its agent's."""

_NODES: Select[Any] = select(
    *t.nodes.c["id", "team_id", "kind", "labels", "group_name", "is_public", "publish", "revoked_at_ms"],
    *t.nodes.c["set_place", "seen_place"],
    NAME.label("name"),
    ROLE.label("role"),
    *t.latest.c["heard_at_ms", "due_at_ms", *LIVE],
).join_from(t.nodes, t.latest, t.latest.c.node_id == t.nodes.c.id)


def _node(row: Row[Any]) -> NodeRow:
    return NodeRow(
        id=row.id,
        team_id=row.team_id,
        name=row.name,
        role=row.role,
        heard_at_ms=row.heard_at_ms,
        due_at_ms=row.due_at_ms,
        live_at_ms=row.live_at_ms,
        numbers={} if row.numbers is None else unpack_numbers(row.numbers),
        states={} if row.states is None else unpack_states(row.states),
        planned_stop_until_ms=row.planned_stop_until_ms,
        died_at_ms=row.died_at_ms,
        kind=row.kind,
        labels=tuple(row.labels),
        group=row.group_name,
        is_public=row.is_public,
        publish=row.publish,
        place=_place(row),
        revoked_at_ms=row.revoked_at_ms,
    )


def _place(row: Row[Any]) -> Place | None:
    if row.set_place is not None:
        return Place(**row.set_place, source="operator")
    return None if row.seen_place is None else Place(**row.seen_place, source="address")


async def shift_due(conn: Conn, by_ms: int) -> None:
    """Move every deadline by the time that we ourselves were deaf (either sign)."""
    await conn.execute(update(t.latest).values(due_at_ms=t.latest.c.due_at_ms + by_ms))


async def alive_at(conn: Conn) -> int | None:
    """The last wall time at which this server is known to have run, unix milliseconds."""
    told = (await conn.execute(select(t.marks.c.text).where(t.marks.c.name == "alive"))).scalar()
    return None if told is None else int(told)


async def note_alive(conn: Conn, now_ms: int) -> None:
    """Remember that we run now."""
    add = insert_into(conn, t.marks).values(name="alive", text=str(now_ms))
    await conn.execute(add.on_conflict_do_update(index_elements=["name"], set_={"text": str(now_ms)}))
