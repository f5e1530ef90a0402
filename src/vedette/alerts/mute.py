"""Which trouble explains which: an effect whose cause was told tells nobody.

An explanation must be as loud as what it hides: a warning never stands before a page. Only a death that was
seen, and what tells of many at once (a storm, the whole network), hide what is louder than themselves.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vedette.alerts.rules.node_down import unexpected_since_ms
from vedette.alerts.rules.storm import NODES, began_ms, is_out
from vedette.alerts.rules.subjects import all_out, carriers, planned
from vedette.model.incident import Finding, Severity, SubjectKind
from vedette.model.pos import PosAddress
from vedette.model.view import NodeView, View

RESTART: Final = "restart/"
"""Begins the cause of a node that started a moment ago: by itself such an explanation has a time to end."""

STUCK: Final = ("pos_stuck", "pow_stuck", "lagging", "execution_behind")
VOTING: Final = ("voting_off", "voting_without_signing")
OUTER: Final = ("rpc_silent", *STUCK, *VOTING, "few_peers", "backup_not_ready")
"""What anybody would find of a node that does not run, or of which nothing is heard."""

OF_NODE: Final[Mapping[str, tuple[str, ...]]] = {
    "restart_loop": ("node_down", *OUTER),
    "node_down": OUTER,
    "node_silent": OUTER,
    "rpc_silent": (*STUCK, *VOTING, "few_peers", "backup_not_ready"),
    "wrong_fork": (*STUCK, *VOTING),
    "backup_not_ready": ("lagging",),
    "key_changed": VOTING,
    "pow_stuck": ("pos_stuck", "execution_behind", "lagging", *VOTING, "backup_not_ready"),
    "pos_stuck": ("lagging", *VOTING, "backup_not_ready"),
}
"""What a cause at a node hides at the same node. The nearest to the root stands first."""

ABSENCES: Final = ("absent_votes", "vote_quality", "reward_missing", "not_elected")

OF_VALIDATOR: Final[Mapping[str, tuple[str, ...]]] = {
    "dispute_locked": ("force_retired", "stake_changed", *ABSENCES),
    "force_retired": ("stake_changed", *ABSENCES),
    "absent_votes": ("vote_quality", "reward_missing"),
}
"""What a cause about a validator hides about the same one."""

OF_CARRIERS: Final = (
    "node_down",
    "node_silent",
    "rpc_silent",
    "wrong_fork",
    "pow_stuck",
    "pos_stuck",
    "lagging",
    *VOTING,
)
"""Troubles of nodes that explain an absence, when every node of the team that carries the key has one."""

CERTAIN: Final = frozenset({"node_down"})
"""Seen to be so, and a page by itself within a minute where votes are at stake: it may hide one sooner."""

CERTAIN_MS: Final = 120_000
"""For so long: if it is no page by then (its rule may not be so loud), it stands before none."""
STORM_MS: Final = 300_000
"""Who went out so long before or after those of a storm has a trouble of his own."""
LAST_CHANCE_MS: Final = 65 * 60_000
"""A restart and some margin: what must be told while it can be done something about."""

OF_NETWORK: Final[Mapping[str, tuple[str, ...]]] = {
    "network_participation/participation": ("absent_votes", "vote_quality", "pos_stuck", "reward_missing"),
}
"""What the whole network's trouble hides of each, by the trouble's key."""


@dataclass(frozen=True, slots=True)
class _Scene:
    """All that explanations are sought in."""

    standing: Mapping[str, Finding]
    view: View
    settle_ms: int

    def cause(self, rule: str, subject_id: str, effect: Finding) -> str | None:
        """The key of that rule's finding, if it is there and loud enough."""
        found = self.standing.get(f"{rule}/{subject_id}")
        if found is None or found.severity is Severity.INFO:
            return None
        loud = found.severity.rank >= effect.severity.rank or (rule in CERTAIN and self._is_fresh(subject_id))
        return found.key if loud else None

    def _is_fresh(self, node_id: str) -> bool:
        """Its process ended a moment ago."""
        node = self.view.nodes.get(node_id)
        return node is not None and self.view.now_ms - unexpected_since_ms(node) < CERTAIN_MS


def explain(findings: Sequence[Finding], view: View, settle_ms: int = 0) -> dict[str, str]:
    """Each explained finding's key and its cause: another key, `planned_stop/<node>` or `restart/<node>`.

    A validator's absence is explained when every node of its team that carries its key is out, in a planned
    stop, or started less than `settle_ms` ago. One carrier that runs is enough to make the absence a riddle,
    and riddles are told.
    """
    scene = _Scene({finding.key: finding for finding in findings}, view, settle_ms)
    found = {one.key: next(_causes(one, scene), None) for one in findings}
    nearest = {key: cause for key, cause in found.items() if cause is not None}
    return {key: _root(cause, nearest) for key, cause in nearest.items()}


def _root(cause: str, nearest: Mapping[str, str]) -> str:
    """The first cause: the one that is told."""
    seen = {cause}
    while (further := nearest.get(cause)) is not None and further not in seen:
        seen.add(further)
        cause = further
    return cause


def _causes(effect: Finding, scene: _Scene) -> Iterator[str]:
    yield from _of_many(effect, scene)
    if effect.subject.kind is SubjectKind.NODE:
        yield from _of_table(OF_NODE, effect, scene)
    elif effect.subject.kind is SubjectKind.VALIDATOR:
        yield from _of_table(OF_VALIDATOR, effect, scene)
        if effect.rule in ABSENCES and (cause := _of_carriers(effect, scene)) is not None:
            yield cause


def _of_many(effect: Finding, scene: _Scene) -> Iterator[str]:
    storm = scene.standing.get(f"storm/{NODES.id}")
    if storm is not None and _in_storm(effect, storm, scene.view):
        yield storm.key
    for key, effects in OF_NETWORK.items():
        if effect.rule in effects and key in scene.standing and not _is_own(effect, scene.view):
            yield key


def _in_storm(effect: Finding, storm: Finding, view: View) -> bool:
    """It is of a node that went out with the others, or of a validator all of whose nodes did."""
    first_ms, last_ms = (int(storm.facts[name]) for name in ("since_ms", "last_ms"))

    def went(node: NodeView) -> bool:
        return is_out(node, view.now_ms) and first_ms - STORM_MS <= began_ms(node) <= last_ms + STORM_MS

    if effect.subject.kind is SubjectKind.NODE:
        node = view.nodes.get(effect.subject.id)
        return node is not None and went(node)
    if effect.subject.kind is not SubjectKind.VALIDATOR or effect.rule not in ABSENCES:
        return False
    nodes = carriers(view, PosAddress(effect.subject.id), effect.team_id)
    return bool(nodes) and all(map(went, nodes))


def _is_own(effect: Finding, view: View) -> bool:
    """An absence that no network's trouble explains: all nodes that could vote are out."""
    return effect.rule == "absent_votes" and all_out(view, PosAddress(effect.subject.id), effect.team_id)


def _of_table(table: Mapping[str, tuple[str, ...]], effect: Finding, scene: _Scene) -> Iterator[str]:
    for rule, effects in table.items():
        if effect.rule in effects and (cause := scene.cause(rule, effect.subject.id, effect)) is not None:
            yield cause


def _of_carriers(effect: Finding, scene: _Scene) -> str | None:
    nodes = carriers(scene.view, PosAddress(effect.subject.id), effect.team_id)
    # That voting is off at one carrier is only found where no other votes: it explains by itself.
    if (off := next((c for n in nodes if (c := scene.cause("voting_off", n.id, effect))), None)) is not None:
        return off
    causes = [next(_of_carrier(node, effect, scene), None) for node in nodes]
    return causes[0] if causes and None not in causes else None


def _is_last_chance(node: NodeView, effect: Finding, now_ms: int) -> bool:
    """The stop was planned to last beyond the moment at which the validator is retired by force."""
    deadline_ms, until_ms = effect.facts.get("deadline_ms"), node.planned_stop_until_ms
    if effect.rule != "absent_votes" or deadline_ms is None or until_ms is None:
        return False
    return until_ms >= int(deadline_ms) and int(deadline_ms) - now_ms <= LAST_CHANCE_MS


def _of_carrier(node: NodeView, effect: Finding, scene: _Scene) -> Iterator[str]:
    now_ms = scene.view.now_ms
    if planned(node, now_ms) and not _is_last_chance(node, effect, now_ms):
        yield f"planned_stop/{node.id}"
    for rule in OF_CARRIERS:
        cause = scene.cause(rule, node.id, effect)
        # Silence explains an absence only where it says itself that the validator is absent.
        if cause is None:
            continue
        if rule != "node_silent" or scene.standing[cause].facts.get("validator_absent"):
            yield cause
    if node.running_since_ms is not None and now_ms - node.running_since_ms < scene.settle_ms:
        yield f"{RESTART}{node.id}"
