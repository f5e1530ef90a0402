"""The frozen picture that rules judge, made of what the store holds."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Row, Select, select

from vedette.model.health import fresh
from vedette.model.people import EVERYBODY, FIRST_TEAM
from vedette.model.pos import PosAddress
from vedette.model.view import NetworkView, NodeView, ProcessState, SettledBlock, ValidatorView, View
from vedette.store import tables as t
from vedette.store.database import Conn
from vedette.store.nodes import ENDPOINT, NAME, ROLE, unpack_numbers, unpack_states
from vedette.store.people import watched_by
from vedette.store.votes import BlockVotes, recent, strip, strips, usual_gap_s


async def views(
    conn: Conn, now_ms: int, last_blocks: int = 120, everybody: Collection[PosAddress] = ()
) -> dict[int, View]:
    """For each team its nodes, the newest blocks, and the validators that it watches or a node of it carries.

    A team is judged for itself: two may watch one validator, and what a node of one tells moves no other.
    `everybody`: what strangers asked to be told of; of no node is anything known there.
    """
    votes = (await recent(conn, last_blocks)).blocks
    blocks, written = tuple(_settled(block) for block in votes), strips(votes)
    wanted, nodes, chain = await watched_by(conn), await _nodes(conn), _network(votes)
    if everybody:
        wanted[EVERYBODY] = set(everybody)
    return {
        team_id: View(
            now_ms=now_ms,
            blocks=blocks,
            validators=_validators(votes, written, team_id, wanted.get(team_id, set()) | _carried(own)),
            nodes=own,
            network=chain,
            team_id=team_id,
        )
        for team_id in sorted({FIRST_TEAM, *nodes, *wanted})
        for own in [nodes.get(team_id, {})]
    }


async def view(conn: Conn, now_ms: int, last_blocks: int = 120, team_id: int = FIRST_TEAM) -> View:
    """One team's."""
    return (await views(conn, now_ms, last_blocks)).get(team_id, View(now_ms))


def _network(votes: list[BlockVotes]) -> NetworkView:
    """What the newest blocks tell by themselves."""
    newest = next((block for block in reversed(votes) if block.known), None)
    if newest is None:
        return NetworkView()
    gap_s = usual_gap_s(votes)
    return NetworkView(
        epoch=newest.epoch,
        height=newest.height,
        block_at_ms=newest.at_us // 1000,
        block_interval_ms=None if gap_s is None else round(1000 * gap_s),
    )


async def _nodes(conn: Conn) -> dict[int, dict[str, NodeView]]:
    """The nodes by team; one whose agent was revoked is silent by its operator's will, and not judged."""
    found: dict[int, dict[str, NodeView]] = {}
    for row in await conn.execute(_NODES.where(t.nodes.c.revoked_at_ms.is_(None))):
        found.setdefault(row.team_id, {})[row.id] = _node(row)
    return found


def _carried(nodes: Mapping[str, NodeView]) -> set[PosAddress]:
    return {node.pos_address for node in nodes.values() if node.pos_address is not None}


def _validators(
    votes: list[BlockVotes], written: Mapping[PosAddress, str], team_id: int, wanted: Collection[PosAddress]
) -> dict[PosAddress, ValidatorView]:
    # Of an epoch that has just begun nobody may have told the committee yet: most of it is as before.
    committee = next((one.committee for one in reversed(votes) if one.committee is not None), None)
    return {
        address: ValidatorView(
            address=address,
            team_id=team_id,
            strip=written[address] if address in written else strip(votes, address),
            votes=0 if committee is None else committee.votes.get(address, 0),
        )
        for address in sorted(wanted)
    }


def _settled(block: BlockVotes) -> SettledBlock:
    return SettledBlock(
        height=block.height,
        epoch=block.epoch,
        total_votes=None if block.committee is None else block.committee.total_votes,
        signed_votes=block.signed_votes,
    )


# The system judges for every team, so no reader is asked for here; what it finds belongs to the node's team.
_NODES: Select[Any] = select(
    *t.nodes.c["id", "team_id", "kind", "labels", "group_name"],
    NAME.label("name"),
    ROLE.label("role"),
    *t.latest.c["heard_at_ms", "due_at_ms", "numbers", "states"],
    *t.latest.c["running_since_ms", "planned_stop_until_ms", "died_at_ms"],
).join_from(t.nodes, t.latest, t.latest.c.node_id == t.nodes.c.id)


def _node(row: Row[Any]) -> NodeView:
    told = {} if row.states is None else unpack_states(row.states)
    numbers, states = fresh({} if row.numbers is None else unpack_numbers(row.numbers), told)
    address = told.get("node.pos_address")
    return NodeView(
        id=row.id,
        team_id=row.team_id,
        name=row.name,
        pos_address=None if address is None else PosAddress(address),
        process=_process(told.get("process.state")),
        died_at_ms=row.died_at_ms,
        planned_stop_until_ms=row.planned_stop_until_ms,
        heard_at_ms=row.heard_at_ms,
        due_at_ms=row.due_at_ms,
        sync_phase=told.get("node.sync_phase"),
        running_since_ms=row.running_since_ms,
        agentless=row.kind == ENDPOINT,
        role=row.role,
        labels=tuple(row.labels),
        group=row.group_name,
        numbers=numbers,
        states=states,
    )


def _process(word: str | None) -> ProcessState:
    """An agent of another version may use a word that we do not know."""
    return _STATES.get(word or "", ProcessState.UNKNOWN)


_STATES = {state.value: state for state in ProcessState}
