"""How often a rule would have fired: the past is lived through once more, by other limits.

Votes are relived block by block, figures of nodes bucket by bucket. Rules that need more than the past has
kept (states, estimates, what others told) cannot be rehearsed, and say so. What a cause would have hidden
counts as well: a rehearsal knows one rule only.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Final

from vedette.alerts import life
from vedette.alerts.engine import endings, judged
from vedette.alerts.life import Patience, Round
from vedette.alerts.limits import Limits
from vedette.alerts.rules.disk_filling import HOST, VOLUMES
from vedette.alerts.rules.rule import AnyRule
from vedette.model.incident import Incident, Reason
from vedette.model.pos import PosAddress
from vedette.model.view import NetworkView, NodeView, ProcessState, SettledBlock, ValidatorView, View

WINDOW_BLOCKS: Final = 120
BY_VOTES: Final = frozenset({"absent_votes", "network_participation"})
_DISK: Final = ("used_bytes", "total_bytes", "used_ratio", "seconds_to_full")
BY_FIGURES: Final[Mapping[str, tuple[str, ...]]] = {
    "clock_off": ("host.clock.offset_ms", "host.clock.synchronised", "host.clock.server_ms"),
    "disk_filling": tuple(f"{volume}.{what}" for volume in (*VOLUMES, HOST) for what in _DISK),
    "few_peers": ("peers.all_count", "pos.still_seconds", "pow.still_seconds"),
    "memory_short": ("process.rss_bytes", "host.memory.total_bytes", "process.cgroup.memory_max_bytes"),
}
"""By rule, the series that it judges."""


@dataclass(frozen=True, slots=True)
class Voted:
    """One validator's past: a letter and its votes for each block."""

    strip: str
    votes: Sequence[int]


@dataclass(frozen=True, slots=True)
class Chain:
    """The blocks of the past, oldest first, with their times."""

    blocks: Sequence[SettledBlock]
    at_ms: Sequence[int]
    validators: Mapping[PosAddress, Voted]


@dataclass(frozen=True, slots=True)
class Figures:
    """One node's past: a column for each series, with a value or None for each time."""

    node_id: str
    name: str
    role: str
    at_ms: Sequence[int]
    step_ms: int
    columns: Mapping[str, Sequence[float | None]]


def firings(rule: AnyRule, views: Iterable[View], limits: Limits, patience: Patience) -> list[int]:
    """When it would have been told of something new, in unix milliseconds."""
    standing: dict[str, Incident] = {}
    over: dict[str, Incident] = {}
    fired, ids = [], count(1)
    for view in views:
        steps = _steps(rule, view, list(standing.values()), over, limits, patience)
        for incident, reason in steps:
            kept = replace(incident, id=incident.id or next(ids))
            if kept.resolved_at_ms is None:
                standing[kept.key] = kept
            else:
                standing.pop(kept.key, None)
                over[kept.key] = kept
            if reason is Reason.OPENED:
                fired.append(view.now_ms)
    return fired


def _steps(
    rule: AnyRule,
    view: View,
    standing: list[Incident],
    over: Mapping[str, Incident],
    limits: Limits,
    patience: Patience,
) -> list[life.Step]:
    findings = list(judged(rule, view, limits))
    if not findings and not standing:
        return []
    since_ms = view.now_ms - patience.again_ms
    at = Round(
        now_ms=view.now_ms,
        patience=patience,
        endings=endings(view, standing, findings, limits),
        clear_ms={rule.name: rule.clear_ms},
        before={key: one for key, one in over.items() if (one.resolved_at_ms or 0) >= since_ms},
    )
    return life.round(standing, findings, at)


def block_views(chain: Chain, team_id: int, since_ms: int) -> Iterator[View]:
    """A picture after each block since then; earlier ones only fill its window."""
    for end in range(1, len(chain.blocks) + 1):
        if chain.at_ms[end - 1] >= since_ms:
            yield _at_block(chain, team_id, end)


def _at_block(chain: Chain, team_id: int, end: int) -> View:
    start, newest = max(end - WINDOW_BLOCKS, 0), chain.blocks[end - 1]
    return View(
        now_ms=chain.at_ms[end - 1],
        blocks=tuple(chain.blocks[start:end]),
        validators={
            address: ValidatorView(address, team_id, one.strip[start:end], one.votes[end - 1])
            for address, one in chain.validators.items()
        },
        network=NetworkView(epoch=newest.epoch, height=newest.height, block_at_ms=chain.at_ms[end - 1]),
        team_id=team_id,
    )


def node_views(figures: Figures, team_id: int) -> Iterator[View]:
    """A picture for each time at which anything is known of the node."""
    for place, at_ms in enumerate(figures.at_ms):
        told = ((name, column[place]) for name, column in figures.columns.items())
        numbers = {name: value for name, value in told if value is not None}
        if numbers:
            node = NodeView(
                id=figures.node_id,
                team_id=team_id,
                name=figures.name,
                pos_address=None,
                process=ProcessState.RUNNING,
                died_at_ms=None,
                planned_stop_until_ms=None,
                heard_at_ms=at_ms,
                due_at_ms=at_ms + figures.step_ms + 1,
                role=figures.role,
                numbers=numbers,
            )
            yield View(now_ms=at_ms, nodes={node.id: node}, team_id=team_id)
