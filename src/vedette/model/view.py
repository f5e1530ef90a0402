"""The frozen picture that rules judge: no clock, no database, no channel."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from vedette.model.pos import PosAddress


class ProcessState(StrEnum):
    """What the agent last knew of the node's process."""

    RUNNING = "running"
    GONE = "gone"
    UNKNOWN = "unknown"


class NodeState(StrEnum):
    """One word for a node. The order is from worst to best."""

    DOWN = "down"  # its agent saw the process end, and nobody planned it
    SILENT = "silent"  # its agent has not been heard of since `due_at`
    STOPPED = "stopped"  # the process ended within a stop that its operator announced
    SYNCING = "syncing"
    UNKNOWN = "unknown"
    UP = "up"


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node, as its agent last described it. Times are the server's own, unix milliseconds."""

    id: str
    team_id: int
    name: str
    pos_address: PosAddress | None
    process: ProcessState
    died_at_ms: int | None
    planned_stop_until_ms: int | None
    heard_at_ms: int
    due_at_ms: int  # when it counts as silent unless heard of before
    sync_phase: str | None = None
    running_since_ms: int | None = None  # when its process started, if the agent told
    agentless: bool = False  # an endpoint that we ask ourselves
    role: str = "full"  # what its operator keeps it for; else what its agent says


@dataclass(frozen=True, slots=True)
class SettledBlock:
    """What a rule needs of one settled block: how much of the committee signed it."""

    height: int
    epoch: int
    total_votes: int | None  # None: the committee of its epoch is not known yet
    signed_votes: int | None  # None: no witness saw a certificate


@dataclass(frozen=True, slots=True)
class ValidatorView:
    """One watched validator. `strip` has a letter for each block of `View.blocks`, oldest first."""

    address: PosAddress
    team_id: int
    strip: str
    votes: int  # its committee votes in the epoch of the newest block; 0 when it is not a member


@dataclass(frozen=True, slots=True)
class View:
    """Everything judged at one moment."""

    now_ms: int
    blocks: tuple[SettledBlock, ...] = ()
    validators: Mapping[PosAddress, ValidatorView] = field(default_factory=dict)
    nodes: Mapping[str, NodeView] = field(default_factory=dict)


def node_state(node: NodeView, now_ms: int) -> NodeState:
    """The node's one word. Silence outranks the process: an old 'running' proves nothing."""
    planned = node.planned_stop_until_ms is not None and now_ms < node.planned_stop_until_ms
    if node.process is ProcessState.GONE:
        return NodeState.STOPPED if planned else NodeState.DOWN
    if now_ms >= node.due_at_ms:
        return NodeState.STOPPED if planned else NodeState.SILENT
    if node.sync_phase is not None and node.sync_phase != "NormalSyncPhase":
        return NodeState.SYNCING
    return NodeState.UP if node.process is ProcessState.RUNNING else NodeState.UNKNOWN
