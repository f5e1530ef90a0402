"""A team's fleet as Prometheus metrics, made from what its page shows. Pure.

What is not known is left out, never zero. A node that is not heard has no figures, because they would be of
the past, and after a week it has no lines at all; so whatever is shown is of now.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from vedette.model.health import ORDER
from vedette.model.incident import Severity
from vedette.model.layers import Layer
from vedette.model.view import NodeState
from vedette.server.api.shapes import Node, PosNow, PowNow

NODES_MAX: Final = 5_000
VALIDATORS_MAX: Final = 100
GONE_MS: Final = 7 * 86_400_000
"""Nobody waits any longer for a node that was not heard for so long."""

VOLUMES: Final = ("data", "pos", "log")
LIVING: Final = {NodeState.UP: 1, NodeState.SYNCING: 1, NodeState.UNKNOWN: None}
"""`up` by state; unknown is neither, and every other state is not up."""
GRADES: Final = {condition.value: grade for grade, condition in enumerate(reversed(ORDER))}
"""A layer's health as a number, worse is higher: 0 healthy, 7 down."""


class Figure(NamedTuple):
    """A gauge of a node, and which of its series it shows."""

    name: str
    help: str
    series: str


FIGURES: Final = (
    Figure("vedette_node_pow_epoch", "Newest epoch of the node's PoW graph.", "pow.latest_epoch"),
    Figure("vedette_node_executed_epoch", "Newest epoch that the node executed.", "pow.state_epoch"),
    Figure("vedette_node_execution_lag_epochs", "Epochs that wait for execution.",
           "pow.execution_lag_epochs"),
    Figure("vedette_node_head_age_seconds", "Age of the node's newest PoW block.", "pow.head_age_seconds"),
    Figure("vedette_node_pow_still_seconds", "Since when its newest epoch has not risen.",
           "pow.still_seconds"),
    Figure("vedette_node_pos_epoch", "The node's PoS epoch.", "pos.epoch"),
    Figure("vedette_node_pos_height", "Newest PoS block that the node committed.",
           "pos.committed_height"),
    Figure("vedette_node_pos_still_seconds", "Since when its committed height has not risen.",
           "pos.still_seconds"),
    Figure("vedette_node_peers", "Sessions with peers that talk.", "peers.all_count"),
    Figure("vedette_node_resident_memory_bytes", "Memory of the node's process.", "process.rss_bytes"),
    Figure("vedette_node_cpu_cores", "Processor cores that the node's process uses.",
           "process.cpu.used_cores"),
    Figure("vedette_node_uptime_seconds", "Age of the node's process.", "process.up_seconds"),
    Figure("vedette_node_open_files", "Files and sockets that the node's process holds open.",
           "process.open_files_count"),
    Figure("vedette_node_host_cpu_ratio", "Share of the machine's processors in use, 0 to 1.",
           "host.cpu.used_ratio"),
    Figure("vedette_node_host_memory_used_bytes", "Memory of the machine in use.",
           "host.memory.used_bytes"),
    Figure("vedette_node_host_memory_size_bytes", "Memory of the machine.", "host.memory.total_bytes"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ValidatorNow:
    """A watched validator. None: not known."""

    address: str
    name: str
    votes: Mapping[str, int] = field(default_factory=dict)  # by kind, as in VOTES
    retired: bool | None = None
    seats: int | None = None
    vote_ratio: float | None = None
    absent_blocks: int | None = None
    signed_blocks: int | None = None  # of the current epoch
    expected_blocks: int | None = None
    reward_cfx: float | None = None
    apy_ratio: float | None = None
    retirement_seconds: float | None = None
    retirement_blocks: int | None = None
    silent_epochs: int | None = None


VOTES: Final = ("available", "locked", "in_queue", "out_queue", "unlocked", "forfeited")


@dataclass(frozen=True, slots=True)
class Fleet:
    """All that one reader may be shown, at one moment."""

    now_ms: int
    is_team: bool
    nodes: Sequence[Node]
    validators: Sequence[ValidatorNow]
    incidents: Mapping[tuple[str, Severity], int]  # those that are open
    pos: PosNow | None
    pow: PowNow | None
    validators_known: int


class FleetCollector(Collector):
    """The families of a fleet, in a fixed order."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def collect(self) -> Iterator[Metric]:
        fleet = self._fleet
        heard = [one for one in fleet.nodes if fleet.now_ms - one.heard_at_ms < GONE_MS]
        nodes = heard[:NODES_MAX]
        yield from network_metrics(fleet)
        yield from node_metrics(nodes, fleet.now_ms)
        if fleet.is_team:
            speaking = [one for one in nodes if one.state not in {NodeState.DOWN, NodeState.SILENT}]
            yield from figure_metrics(speaking)
            yield from validator_metrics(fleet.validators[:VALIDATORS_MAX])
            yield incident_metric(fleet.incidents)
            yield _by_label(
                "vedette_fleet_left_out", "What is not shown here, because there is too much of it.", "kind",
                {"nodes": len(heard) - len(nodes),
                 "validators": max(0, len(fleet.validators) - VALIDATORS_MAX)},
            )  # fmt: skip


def registry(fleet: Fleet) -> CollectorRegistry:
    made = CollectorRegistry(auto_describe=False)
    made.register(FleetCollector(fleet))
    return made


# --- the network ------------------------------------------------------------------------------------------


def network_metrics(fleet: Fleet) -> Iterator[Metric]:
    pos, power = fleet.pos, fleet.pow
    if pos is not None:
        age_s = max(0, fleet.now_ms - pos.block_at_ms) / 1000
        yield _one("vedette_network_pos_epoch", "PoS epoch of the newest settled block.", pos.epoch)
        yield _one("vedette_network_pos_height", "Height of the newest settled PoS block.", pos.height)
        yield _one("vedette_network_block_age_seconds", "Age of the newest settled PoS block.", age_s)
        yield _one("vedette_network_committee_members", "Members of the acting committee.", pos.members)
        yield _one("vedette_network_committee_votes", "Votes of the acting committee.", pos.total_votes)
        yield _one("vedette_network_quorum_votes", "Votes that a PoS block needs.", pos.quorum_votes)
        yield _one(
            "vedette_network_participation_ratio",
            "Votes cast of all votes, over the last 100 settled blocks.",
            pos.participation,
        )
    if power is not None:
        yield _one("vedette_network_pow_epoch", "Newest PoW epoch that an endpoint told.", power.latest_epoch)
        yield _one("vedette_network_finalized_epoch", "Newest PoW epoch that PoS made final.",
                   power.finalized_epoch)  # fmt: skip
    yield _one("vedette_network_validators", "Validators that were ever seen or are watched.",
               fleet.validators_known)  # fmt: skip


# --- nodes ------------------------------------------------------------------------------------------------


def node_metrics(nodes: Sequence[Node], now_ms: int) -> Iterator[Metric]:
    """What is told of every node, public ones too."""
    info = _nodes("vedette_node_info", "What a node is, and which release it runs.",
                  "kind", "role", "version")  # fmt: skip
    state = _nodes("vedette_node_state", "1 for the state that the node is in, 0 for the others.", "state")
    for one in nodes:
        info.add_metric([*_labels(one), one.kind, one.role, one.version or ""], 1)
        for each in NodeState:
            state.add_metric([*_labels(one), each.value], one.state == each)
    yield info
    yield state
    yield _each(
        "vedette_node_up",
        "1 while the node's process runs (or its endpoint answers), 0 if not or if its agent is silent.",
        nodes,
        lambda one: LIVING.get(NodeState(one.state), 0),
    )
    yield _each("vedette_node_report_age_seconds", "Since when the node was not heard of.", nodes,
                lambda one: max(0, now_ms - one.heard_at_ms) / 1000)  # fmt: skip


def figure_metrics(nodes: Sequence[Node]) -> Iterator[Metric]:
    """What a team is told of its nodes that speak."""
    yield health_metric(nodes)
    for name, help_text, series in FIGURES:
        yield _each(name, help_text, nodes, _number(series))
    yield _each("vedette_node_pow_lag_epochs", "Epochs behind the others' median; below 0: ahead.", nodes,
                lambda one: _lag(one, "pow", "endpoint.lag_epochs"))  # fmt: skip
    yield _each("vedette_node_pos_lag_blocks", "PoS blocks behind the others' median; below 0: ahead.", nodes,
                lambda one: _lag(one, "pos", "endpoint.lag_blocks"))  # fmt: skip
    yield _each("vedette_node_voting", "1 if the node means to vote: no proof that it signs.", nodes,
                lambda one: one.voting)  # fmt: skip
    yield _each("vedette_node_tls_left_seconds", "Until the endpoint's certificate ends.", nodes,
                lambda one: _days(one.numbers.get("endpoint.tls_days")))  # fmt: skip
    yield from disk_metrics(nodes)


def health_metric(nodes: Iterable[Node]) -> Metric:
    words = ", ".join(f"{grade} {word}" for word, grade in GRADES.items())
    health = _nodes("vedette_node_layer_health", f"How a layer of the node is: {words}.", "layer")
    for one in nodes:
        if one.health is not None:
            for layer in Layer:
                grade = GRADES[getattr(one.health, layer.value).state]
                health.add_metric([*_labels(one), layer.value], grade)
    return health


def disk_metrics(nodes: Sequence[Node]) -> Iterator[Metric]:
    free = _nodes("vedette_node_disk_free_bytes", "Room on the file system of the node's folder.", "volume")
    size = _nodes("vedette_node_disk_size_bytes", "Size of the file system of the node's folder.", "volume")
    full = _nodes("vedette_node_disk_full_seconds", "Until it is full at the pace of six hours.", "volume")
    for one in nodes:
        for volume, path in {**{name: f"disk.{name}" for name in VOLUMES}, "host": "host.disk"}.items():
            used, total = one.numbers.get(f"{path}.used_bytes"), one.numbers.get(f"{path}.total_bytes")
            left_s = one.numbers.get(f"{path}.seconds_to_full")
            labels = [*_labels(one), volume]
            if used is not None and total is not None:
                free.add_metric(labels, total - used)
                size.add_metric(labels, total)
            if left_s is not None:
                full.add_metric(labels, left_s)
    yield from (free, size, full)


def _lag(one: Node, layer: str, series: str) -> float | None:
    """As it was judged; of an endpoint as it was measured."""
    told = one.numbers.get(series)
    if told is not None or one.health is None:
        return told
    figures: Mapping[str, float] = getattr(one.health, layer).figures
    return figures.get("lag")


def _days(days: float | None) -> float | None:
    return None if days is None else days * 86_400


def _number(series: str) -> Callable[[Node], float | None]:
    return lambda one: one.numbers.get(series)


# --- validators and incidents -----------------------------------------------------------------------------


class OfValidator(NamedTuple):
    name: str
    help: str
    value: Callable[[ValidatorNow], float | None]


VALIDATOR_GAUGES: Final = (
    OfValidator("vedette_validator_retired", "1 if it was retired by force, and its votes are locked away.",
                lambda one: one.retired),
    OfValidator("vedette_validator_seats", "Its votes in the acting committee.", lambda one: one.seats),
    OfValidator("vedette_validator_vote_ratio", "Signed, of the last 100 blocks that it could sign.",
                lambda one: one.vote_ratio),
    OfValidator("vedette_validator_absent_blocks", "Blocks since its last signature that lack it.",
                lambda one: one.absent_blocks),
    OfValidator("vedette_validator_apy_ratio", "Yield of the last seven days, a year.",
                lambda one: one.apy_ratio),
    OfValidator("vedette_validator_retirement_seconds",
                "Until it is retired by force if it signs no more; the earliest that it can be.",
                lambda one: one.retirement_seconds),
    OfValidator("vedette_validator_retirement_blocks", "The same in PoS blocks.",
                lambda one: one.retirement_blocks),
    OfValidator("vedette_validator_silent_epochs",
                "Epochs since the one of its last signature; at 3 a member is retired.",
                lambda one: one.silent_epochs),
)  # fmt: skip
VALIDATOR_COUNTERS: Final = (
    OfValidator("vedette_validator_signed_blocks", "Blocks of this PoS epoch that it signed.",
                lambda one: one.signed_blocks),
    OfValidator("vedette_validator_expected_blocks", "Blocks of this PoS epoch that it could sign.",
                lambda one: one.expected_blocks),
    OfValidator("vedette_validator_reward_cfx", "What it was paid in all epochs that were read.",
                lambda one: one.reward_cfx),
)  # fmt: skip
ADDRESS: Final = ("address", "name")


def validator_metrics(validators: Sequence[ValidatorNow]) -> Iterator[Metric]:
    for kind in VOTES:
        gauge = GaugeMetricFamily(
            f"vedette_validator_{kind}_votes", f"Its votes, 1,000 CFX each: {kind}.", labels=ADDRESS
        )
        _fill(gauge, validators, _votes(kind))
        yield gauge
    for name, help_text, value in VALIDATOR_GAUGES:
        gauge = GaugeMetricFamily(name, help_text, labels=ADDRESS)
        _fill(gauge, validators, value)
        yield gauge
    for name, help_text, value in VALIDATOR_COUNTERS:
        counter = CounterMetricFamily(name, help_text, labels=ADDRESS)
        _fill(counter, validators, value)
        yield counter


def _votes(kind: str) -> Callable[[ValidatorNow], float | None]:
    return lambda one: one.votes.get(kind)


def _fill(
    family: GaugeMetricFamily | CounterMetricFamily,
    validators: Iterable[ValidatorNow],
    value: Callable[[ValidatorNow], float | None],
) -> None:
    for one in validators:
        told = value(one)
        if told is not None:
            family.add_metric([one.address, one.name], told)


def incident_metric(found: Mapping[tuple[str, Severity], int]) -> Metric:
    incidents = GaugeMetricFamily(
        "vedette_incidents_open", "Incidents that are open.", labels=["rule", "severity"]
    )
    for (rule, severity), count in found.items():
        incidents.add_metric([rule, severity.value], count)
    return incidents


# --- families ---------------------------------------------------------------------------------------------


def _labels(one: Node) -> list[str]:
    return [one.id, one.name]


def _nodes(name: str, help_text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_text, labels=["node", "name", *labels])


def _each(
    name: str, help_text: str, nodes: Iterable[Node], value: Callable[[Node], float | None]
) -> GaugeMetricFamily:
    gauge = _nodes(name, help_text)
    for one in nodes:
        told = value(one)
        if told is not None:
            gauge.add_metric(_labels(one), told)
    return gauge


def _one(name: str, help_text: str, value: float | None) -> Metric:
    gauge = GaugeMetricFamily(name, help_text)
    if value is not None:
        gauge.add_metric([], value)
    return gauge


def _by_label(name: str, help_text: str, label: str, values: Mapping[str, float]) -> Metric:
    gauge = GaugeMetricFamily(name, help_text, labels=[label])
    for each, value in values.items():
        gauge.add_metric([each], value)
    return gauge
