"""Evidence of incidents: what was seen, packed, so that it outlives the series that it was seen in."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import zstandard
from sqlalchemy import delete, exists, select, update

from vedette.model.incident import Incident, SubjectKind
from vedette.model.people import Who
from vedette.model.pos import PosAddress
from vedette.store import tables as t
from vedette.store.database import Conn, insert_into, visible_to
from vedette.store.votes import told_by

PACKED_MAX: Final = 65_536
PLAIN_MAX: Final = 4_000_000
WITNESS_BLOCKS: Final = 30
SHED: Final = ("witnesses", "blocks", "validators", "nodes", "sources", "facts")
"""What goes first when it is too large; its names then stand in `left_out`."""
FORGOTTEN: Final = "(forgotten)"


@dataclass(frozen=True, slots=True)
class Kept:
    """What was seen at one moment: `opened`, `escalated` or `resolved`."""

    at_ms: int
    what: str
    bundle: Mapping[str, Any]


def pack(bundle: Mapping[str, Any]) -> bytes:
    """The bundle, no larger than may be."""
    left = dict(bundle)
    for name in ("", *SHED):
        if left.pop(name, None) is not None:
            left["left_out"] = [*left.get("left_out", []), name]
        packed = zstandard.compress(json.dumps(left, separators=(",", ":")).encode())
        if len(packed) <= PACKED_MAX:
            break
    return packed


def unpack(packed: bytes) -> dict[str, Any]:
    """As it was packed."""
    plain = zstandard.ZstdDecompressor().decompress(packed, max_output_size=PLAIN_MAX)
    bundle: dict[str, Any] = json.loads(plain)
    return bundle


async def keep(
    conn: Conn, incident: Incident, what: str, bundle: Mapping[str, Any], at_ms: int, *, asks_witnesses: bool
) -> None:
    """Keep what was seen, and what each witness told of the validator's last blocks."""
    whole = dict(bundle)
    blocks = whole.get("blocks") or []
    if asks_witnesses and blocks and incident.subject.kind is SubjectKind.VALIDATOR:
        last = int(blocks[-1]["height"])
        address = PosAddress(incident.subject.id)
        whole["witnesses"] = await told_by(conn, last - WITNESS_BLOCKS + 1, last, address)
    row = {
        "incident_id": incident.id,
        "at_ms": at_ms,
        "team_id": incident.team_id,
        "what": what,
        "packed": pack(whole),
    }
    await conn.execute(insert_into(conn, t.incident_evidence).values(row).on_conflict_do_nothing())


async def evidence(conn: Conn, who: Who, incident_id: int) -> list[Kept]:
    """All that was kept of the incident, the oldest first; nothing for whoever may not see it."""
    rows = (await conn.execute(_of(who, incident_id))).all()
    return [Kept(row.at_ms, row.what, unpack(row.packed)) for row in rows]


async def marks(conn: Conn, who: Who, incident_id: int) -> list[tuple[int, str]]:
    """When something was kept, and at which moment of the incident's life."""
    columns = t.incident_evidence.c
    query = _of(who, incident_id).with_only_columns(columns.at_ms, columns.what)
    return [(row.at_ms, row.what) for row in await conn.execute(query)]


def _of(who: Who, incident_id: int) -> Any:
    columns = t.incident_evidence.c
    mine = visible_to(who, t.incident_evidence), columns.incident_id == incident_id
    return select(t.incident_evidence).where(*mine).order_by(columns.at_ms)


async def forget_node(conn: Conn, team_id: int, node_id: str, names: Collection[str]) -> None:
    """Take a node out of what is kept of other incidents: what it told, and its names wherever they stand."""
    columns = t.incident_evidence.c
    query = select(columns.incident_id, columns.at_ms).where(columns.team_id == team_id)
    for key in (await conn.execute(query)).all():
        mine = columns.incident_id == key.incident_id, columns.at_ms == key.at_ms
        packed = (await conn.execute(select(columns.packed).where(*mine))).scalar_one()
        before = unpack(packed)
        after = cleaned(before, node_id, names)
        if after != before:
            await conn.execute(update(t.incident_evidence).where(*mine).values(packed=pack(after)))


async def old(conn: Conn, until_ms: int, limit: int) -> list[int]:
    """At most so many incidents that were over by then and of which something is still kept."""
    mine = exists().where(t.incident_evidence.c.incident_id == t.incidents.c.id)
    query = select(t.incidents.c.id).where(t.incidents.c.resolved_at_ms < until_ms, mine).limit(limit)
    return list((await conn.execute(query)).scalars())


async def drop_of(conn: Conn, incident_ids: Collection[int]) -> int:
    """Forget all that is kept of these incidents."""
    columns = t.incident_evidence.c
    done = await conn.execute(delete(t.incident_evidence).where(columns.incident_id.in_(incident_ids)))
    return int(done.rowcount)


def cleaned(value: Any, node_id: str, names: Collection[str]) -> Any:
    """Plain data without a node: its own record goes, and a text that is its name or holds its id."""
    if isinstance(value, str):
        return FORGOTTEN if value in names or node_id in value else value
    if isinstance(value, Mapping):
        return {k: cleaned(one, node_id, names) for k, one in value.items() if node_id not in k}
    if isinstance(value, list):
        return [cleaned(one, node_id, names) for one in value]
    return value
