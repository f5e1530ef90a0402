"""The frozen picture that rules judge, made of what the store holds."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Row, Select, select

from vedette.model.people import EVERYBODY
from vedette.model.pos import PosAddress
from vedette.model.view import NodeView, ProcessState, SettledBlock, ValidatorView, View
from vedette.store import tables as t
from vedette.store.database import Conn
from vedette.store.nodes import ENDPOINT, NAME, ROLE, unpack_states
from vedette.store.people import watched
from vedette.store.votes import BlockVotes, recent, strip, strips


async def view(conn: Conn, now_ms: int, last_blocks: int = 120) -> View:
    """Every node, the newest blocks, and the validators that are watched or carried by a node of ours."""
    votes = (await recent(conn, last_blocks)).blocks
    nodes = {row.id: _node(row) for row in await conn.execute(_NODES)}
    carried = {node.pos_address: node.team_id for node in nodes.values() if node.pos_address is not None}
    return View(
        now_ms=now_ms,
        blocks=tuple(_settled(block) for block in votes),
        validators=_validators(votes, carried | await watched(conn)),
        nodes=nodes,
    )


async def public_view(
    conn: Conn, now_ms: int, addresses: Collection[PosAddress], last_blocks: int = 120
) -> View:
    """The same blocks, and these validators as anybody may see them: nothing is known of any node."""
    votes = (await recent(conn, last_blocks)).blocks
    return View(
        now_ms=now_ms,
        blocks=tuple(_settled(block) for block in votes),
        validators=_validators(votes, dict.fromkeys(addresses, EVERYBODY)),
        nodes={},
    )


def _validators(votes: list[BlockVotes], teams: Mapping[PosAddress, int]) -> dict[PosAddress, ValidatorView]:
    written = strips(votes)
    committee = votes[-1].committee if votes else None
    return {
        address: ValidatorView(
            address=address,
            team_id=team_id,
            strip=written[address] if address in written else strip(votes, address),
            votes=0 if committee is None else committee.votes.get(address, 0),
        )
        for address, team_id in teams.items()
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
    *t.nodes.c["id", "team_id", "kind"],
    NAME.label("name"),
    ROLE.label("role"),
    *t.latest.c["heard_at_ms", "due_at_ms", "states"],
    *t.latest.c["running_since_ms", "planned_stop_until_ms", "died_at_ms"],
).join_from(t.nodes, t.latest, t.latest.c.node_id == t.nodes.c.id)


def _node(row: Row[Any]) -> NodeView:
    states = {} if row.states is None else unpack_states(row.states)
    address = states.get("node.pos_address")
    return NodeView(
        id=row.id,
        team_id=row.team_id,
        name=row.name,
        pos_address=None if address is None else PosAddress(address),
        process=_process(states.get("process.state")),
        died_at_ms=row.died_at_ms,
        planned_stop_until_ms=row.planned_stop_until_ms,
        heard_at_ms=row.heard_at_ms,
        due_at_ms=row.due_at_ms,
        sync_phase=states.get("node.sync_phase"),
        running_since_ms=row.running_since_ms,
        agentless=row.kind == ENDPOINT,
        role=row.role,
    )


def _process(word: str | None) -> ProcessState:
    """An agent of another version may use a word that we do not know."""
    return _STATES.get(word or "", ProcessState.UNKNOWN)


_STATES = {state.value: state for state in ProcessState}
