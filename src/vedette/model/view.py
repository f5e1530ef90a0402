"""The frozen picture that rules judge: no clock, no database, no channel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from vedette.model.account_events import AccountEventKind
from vedette.model.forecast import Retirement
from vedette.model.layers import Layer, Verdict
from vedette.model.people import FIRST_TEAM
from vedette.model.pos import Account, PosAddress
from vedette.model.process import ProcessState as ProcessState  # noqa: PLC0414  for who sees all


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
    labels: tuple[str, ...] = ()
    group: str | None = None
    # Its newest words, by the names of docs/reference/series.md. What is missing was not told lately.
    numbers: Mapping[str, float] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)
    # By how much a counter rose in the last half hour, by its name; one that began anew counts from nothing,
    # and one of which that is not known yet is missing.
    rises: Mapping[str, float] = field(default_factory=dict)
    layers: Mapping[Layer, Verdict] = field(default_factory=dict)  # empty: nobody judged them


@dataclass(frozen=True, slots=True)
class SettledBlock:
    """What a rule needs of one settled block: how much of the committee signed it."""

    height: int
    epoch: int
    total_votes: int | None  # None: the committee of its epoch is not known yet
    signed_votes: int | None  # None: no witness saw a certificate


@dataclass(frozen=True, slots=True)
class EpochView:
    """One finished epoch of a validator. None: not known (yet)."""

    epoch: int
    votes: int  # its seats; 0: it was no member
    signed_blocks: int
    known_blocks: int  # of its blocks, those whose certificate was seen
    ended_at_ms: int
    reward_gdrip: int | None = None
    due_gdrip: int | None = None  # so much at least had it been awake, with average luck in leading
    explained: bool = False  # another trouble of it, or of its nodes, was known within the epoch


@dataclass(frozen=True, slots=True)
class StakeChange:
    """Something that happened to an account's stake. Source: model/account_events.py."""

    kind: AccountEventKind
    at_ms: int
    height: int
    votes: int
    until_height: int | None = None
    explained_by: str | None = None  # "pool", "forced_retirement", "announced"; None: nobody that we know of


@dataclass(frozen=True, slots=True)
class ElectionView:
    """How a validator fares in elections. None: not known."""

    free_votes: int | None = None  # available, and not serving in a term that overlaps the open one
    terms_without_standing: int | None = None  # closed terms in a row without its Election transaction
    terms_without_seat: int | None = None  # finalized terms in a row in which it won nothing
    expected_terms_between_seats: float | None = None  # by its share of the stake


@dataclass(frozen=True, slots=True)
class ValidatorView:
    """One watched validator. `strip` has a letter for each block of `View.blocks`, oldest first."""

    address: PosAddress
    team_id: int
    strip: str
    votes: int  # its committee votes in the epoch of the newest block; 0 when it is not a member
    account: Account | None = None
    account_at_ms: int | None = None
    retirement: Retirement | None = None
    service_ends_height: int | None = None  # the last height at which it serves; None: not known
    newly_elected: bool | None = None  # no member in the epoch before this one: one silent epoch retires it
    force_retired_at_ms: int | None = None  # its newest forced retirement, if no votes were added since then
    epochs: tuple[EpochView, ...] = ()  # finished ones, oldest first; at most a day
    changes: tuple[StakeChange, ...] = ()  # of the last day, oldest first
    election: ElectionView = ElectionView()
    pool: str | None = None  # the name of the pool whose contract stakes here
    gas_drip: int | None = None  # what the owner's PoW account has to pay for transactions
    pow_address: str | None = None


@dataclass(frozen=True, slots=True)
class ForkView:
    """A hard fork that is coming."""

    name: str
    first_version: str  # the first release that follows it
    pow_epoch: int | None
    pos_height: int | None
    activates_at_ms: int | None  # an estimate


@dataclass(frozen=True, slots=True)
class NetworkView:
    """The chain itself. None: not known."""

    epoch: int | None = None
    height: int | None = None  # the newest settled block
    block_at_ms: int | None = None  # of that block, by its proposer's clock
    block_interval_ms: int | None = None
    epoch_last_height: int | None = None  # at which the current epoch ends
    term_blocks: int | None = None
    pow_epoch: int | None = None
    finality_gap_epochs: int | None = None  # by our endpoints: newest PoW epoch less the finalized one
    median_vote_rate_ppm: int | None = None  # of all who served in the last day
    usual_participation_ppm: int | None = None  # the median of the last day's epochs
    forks: tuple[ForkView, ...] = ()  # ahead, the nearest first
    followed_since_ms: int | None = None  # since when this installation sees the chain live


@dataclass(frozen=True, slots=True)
class SourceView:
    """An endpoint by which we follow the chain, and what is wrong with it, if anything."""

    name: str
    error: str | None = None  # why it does not tell
    lag_blocks: int | None = None  # of the PoS chain, behind the others
    differs: bool = False  # it tells of another chain
    heard_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ContactView:
    """A contact point of the team, and whether it delivers."""

    id: str
    name: str
    wakes: bool
    is_enabled: bool
    failing_since_ms: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class MonitorView:
    """How well we see and speak ourselves."""

    sources: tuple[SourceView, ...] = ()
    contacts: tuple[ContactView, ...] = ()
    failing_loops: tuple[str, ...] = ()  # whose rounds fail, each time, since a minute at least


@dataclass(frozen=True, slots=True)
class BridgeView:
    """The service that carries an eSpace pool's books over. Read from its contract."""

    id: str
    name: str
    synced_at_ms: int | None


@dataclass(frozen=True, slots=True)
class View:
    """Everything judged at one moment, for one team."""

    now_ms: int
    blocks: tuple[SettledBlock, ...] = ()
    validators: Mapping[PosAddress, ValidatorView] = field(default_factory=dict)
    nodes: Mapping[str, NodeView] = field(default_factory=dict)
    network: NetworkView = NetworkView()
    monitor: MonitorView = MonitorView()
    bridges: Mapping[str, BridgeView] = field(default_factory=dict)
    team_id: int = FIRST_TEAM
    _holders: dict[PosAddress | None, list[NodeView]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def holders(self, address: PosAddress) -> Sequence[NodeView]:
        """The nodes that hold this key, in a steady order; of thousands, they are found once a view."""
        if not self._holders:
            for node in sorted(self.nodes.values(), key=lambda node: node.id):
                self._holders.setdefault(node.pos_address, []).append(node)
        return self._holders.get(address, ())


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
