"""Nodes, the agents that speak for them, and taking over what agents report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vedette.model.people import Who
from vedette.model.report import Envelope
from vedette.store.database import Conn


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


def agent_id(public_key: bytes) -> str:
    """The agent's name on the wire: 32 hex digits of its key's SHA-256."""
    raise NotImplementedError


async def enroll(conn: Conn, team_id: int, public_key_hex: str, name: str, role: str, now_ms: int) -> str:
    """Keep a node for this key and return its id. The same key again is the same node, renamed."""
    raise NotImplementedError


async def agent_keys(conn: Conn, agent: str) -> AgentRow | None:
    """Who signs as this agent?"""
    raise NotImplementedError


async def witness_reports(conn: Conn, deliveries: Sequence[Delivery]) -> list[int]:
    """Take deliveries over, all or none; returns the acknowledged seq of each, in order.

    A report at or below the acknowledged seq was taken before and is skipped, so a second delivery is harmless.
    """
    raise NotImplementedError


async def nodes(conn: Conn, who: Who) -> list[NodeRow]:
    """The nodes that the reader may see, by name."""
    raise NotImplementedError


async def node(conn: Conn, who: Who, node_id: str) -> NodeRow | None:
    """One node; None when there is none, or when it is not the reader's."""
    raise NotImplementedError


async def shift_due(conn: Conn, by_ms: int) -> None:
    """Move every deadline by the time that we ourselves were deaf (either sign)."""
    raise NotImplementedError


async def alive_at(conn: Conn) -> int | None:
    """The last wall time at which this server is known to have run, unix milliseconds."""
    raise NotImplementedError


async def note_alive(conn: Conn, now_ms: int) -> None:
    """Remember that we run now."""
    raise NotImplementedError
