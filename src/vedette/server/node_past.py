"""The past of a team's nodes, to be looked at again: what each rule looks at, and where it may find anything.

A node's layers are judged by `company`, as the judge does it, against the team's other nodes; where the PoS
chain was is told by the blocks, where the PoW chain was by the other nodes alone.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vedette.alerts.rehearsal import LOOKS_MAX, Stretch
from vedette.alerts.rules.disk_filling import HOST, VOLUMES
from vedette.model.health import Duty, Thresholds
from vedette.model.pos import PosAddress
from vedette.model.view import ForkView, NetworkView, NodeView, ValidatorView, View, node_state
from vedette.server.block_past import Blocks
from vedette.server.company import BEYOND, FIGURES, Company, Neighbour, Outside
from vedette.server.node_minutes import ANSWERS, PIVOTS, PROCESS, RUNNING, UP_SECONDS, Bools, Grid, Minutes
from vedette.server.rises import COUNTERS

Line = NDArray[Any]

STRETCH: Final = 120
"""Buckets of which the worst is told at once."""
SETTLING_BLOCKS: Final = 3
"""A block is committed when so many follow it."""
NEAR: Final = 0.7
"""Of the seconds that a layer may stand still: what is nearer to it is looked at."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a rule about nodes looks at."""

    numbers: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    rises: bool = False  # counters of the last half hour
    layers: bool = False  # judged against others
    silence: bool = False  # that nothing is heard is what it finds
    together: bool = False  # several nodes at once
    votes: bool = False  # the strips of the validators that they carry
    forks: bool = False


_STARTS: Final = Needs(
    ("sync.recovered_per_second", "pow.epochs_per_second", "sync.recovered_height"),
    ("sync.source", "sync.log_phase"),
)
_LAYERS: Final = Needs(
    (
        *FIGURES,
        "pow.still_seconds",
        "pow.execution_lag_epochs",
        "pos.still_seconds",
        "log.invalid_state.hour_count",
        *_STARTS.numbers,
    ),
    (PIVOTS, *_STARTS.words),
)
ALWAYS: Final = Needs(
    (RUNNING, UP_SECONDS),
    (
        PROCESS,
        "node.sync_phase",
        *(f"probe.{name}.error" for name in ("pow", "pos", "guard", "sync_phase", "voting")),
    ),
)
_DISK: Final = ("used_bytes", "total_bytes", "used_ratio", "seconds_to_full")
OF_NODES: Final[Mapping[str, Needs]] = {
    "backup_not_ready": Needs(
        (*_LAYERS.numbers, "guard.epoch", "pos.epoch"),
        (*_LAYERS.words, "node.pos_address", "node.voting", "node.release", "node.config.started_as_voter"),
        layers=True,
        together=True,
    ),
    "certificate_ending": Needs(("endpoint.tls_days",)),
    "clock_off": Needs(
        ("host.clock.offset_ms", "host.clock.server_ms", "host.clock.synchronised"), together=True
    ),
    "disk_filling": Needs(tuple(f"{volume}.{what}" for volume in (*VOLUMES, HOST) for what in _DISK)),
    "double_voting": Needs(
        ("log.equivocation.hour_count",),
        ("node.pos_address", "node.voting", "log.equivocation.line"),
        together=True,
        votes=True,
    ),
    "execution_behind": Needs(("pow.execution_lag_epochs", *_STARTS.numbers), _STARTS.words),
    "few_peers": Needs(("peers.all_count", "pos.still_seconds", "pow.still_seconds"), ("probe.peers.error",)),
    "fork_deadline": Needs((), ("node.release",), forks=True),
    "key_changed": Needs(("node.pos_address_differs",), ("node.pos_address", "node.pos_address_expected")),
    "lagging": Needs(_LAYERS.numbers, _LAYERS.words, layers=True),
    "memory_short": Needs(
        (
            "process.rss_bytes",
            "host.memory.total_bytes",
            "process.cgroup.memory_max_bytes",
            *COUNTERS,
        ),
        rises=True,
    ),
    "node_down": Needs(),
    "node_silent": Needs((ANSWERS,), silence=True),
    "pos_stuck": Needs(_LAYERS.numbers, _LAYERS.words, layers=True),
    "pow_stuck": Needs(_LAYERS.numbers, _LAYERS.words, layers=True),
    "restart_loop": Needs(("log.database_locked.hour_count", *COUNTERS), rises=True),
    "rpc_exposed": Needs(("node.exposed_count",), ("node.exposed",)),
    "rpc_silent": Needs(("pow.latest_epoch", *_STARTS.numbers), _STARTS.words),
    "storm": Needs((ANSWERS,), silence=True, together=True),
    "voting_off": Needs(
        _LAYERS.numbers,
        (*_LAYERS.words, "node.pos_address", "node.voting"),
        layers=True,
        together=True,
        votes=True,
    ),
    "voting_without_signing": Needs(
        (*_LAYERS.numbers, "guard.age_seconds", "node.pos_address_differs"),
        (*_LAYERS.words, "node.pos_address", "node.voting", "guard.file"),
        layers=True,
        together=True,
        votes=True,
    ),
    "wrong_fork": Needs(
        (*_LAYERS.numbers, "endpoint.pivot_agrees", "log.read_bytes"), _LAYERS.words, layers=True
    ),
}
"""By rule; what is looked at of every node (ALWAYS) beside it."""
BY_LAYERS_ALONE: Final = frozenset({"lagging", "pow_stuck", "pos_stuck"})
"""These find nothing of a node whose layers are well."""
NEEDS_OTHERS: Final = frozenset({"pow_stuck"})
"""Of the PoW chain nobody but other nodes tells."""


@dataclass(frozen=True, eq=False)
class Crowd:
    """All nodes whose words the others are judged by, and the blocks, where they matter."""

    nodes: Sequence[Minutes]
    grid: Grid
    blocks: Blocks | None = None

    @property
    def block_s(self) -> float | None:
        return None if self.blocks is None else self.blocks.usual_s

    @cached_property
    def references(self) -> tuple[Line, Line]:
        """The farthest that anybody tells, of the PoW and the PoS chain; NaN: nobody."""
        pow_lines = [line for one in self.nodes if (line := one.line("pow.latest_epoch")) is not None]
        pos_lines = [line for one in self.nodes if (line := one.line("pos.committed_height")) is not None]
        if self.blocks is not None:
            pos_lines.append(self.committed)
        return _farthest(pow_lines, self.grid.count), _farthest(pos_lines, self.grid.count)

    @cached_property
    def committed(self) -> Line:
        """The height that the followed endpoints had committed, by the blocks; NaN: none is known."""
        assert self.blocks is not None
        moments = np.array(self.grid.ends_ms) - self.grid.step_ms // 2
        heights = np.append(self.blocks.lines.heights - SETTLING_BLOCKS, np.nan)  # the last is nobody's
        found: Line = heights[self.blocks.newest_at(moments)]
        return found

    @cached_property
    def disputed(self) -> Bools:
        """Two nodes tell of different pivot blocks; at which epochs is seen when that moment is looked at."""
        marked = np.zeros(self.grid.count, np.bool_)
        heads = [_pivot_heads(one) for one in self.nodes if PIVOTS in one.words]
        for number, (epochs, hashes) in enumerate(heads):
            for other_epochs, other_hashes in heads[number + 1 :]:
                marked |= (epochs == other_epochs) & (epochs > 0) & (hashes != other_hashes)
        return marked


@dataclass(frozen=True, eq=False)
class NodePast:
    """Some nodes of a team, and the crowd that they are judged by."""

    rule: str
    nodes: Sequence[Minutes]
    crowd: Crowd
    team_id: int
    looks_max: int = LOOKS_MAX
    forks_at: Sequence[tuple[ForkView, ...]] = ()  # by stretch

    @property
    def needs(self) -> Needs:
        return OF_NODES[self.rule]

    @property
    def grid(self) -> Grid:
        return self.crowd.grid

    @property
    def blocks(self) -> Blocks | None:
        return self.crowd.blocks

    @cached_property
    def at_ms(self) -> Sequence[int]:
        return self.grid.ends_ms

    # --- where anything may be found

    def stretches(self) -> Iterator[Stretch]:
        needs = self.needs
        for one in self.nodes:
            if needs.silence:
                yield from _runs(one.silent | one.gone)
            if needs.rises:
                yield from (Stretch(*span) for span in one.rising())
            if needs.layers:
                yield from _runs(self._strained(one))
        if needs.votes and self.blocks is not None:
            yield from _runs(self._unsigned)
        if self.rule not in BY_LAYERS_ALONE:
            yield from self._worst()

    def _worst(self) -> Iterator[Stretch]:
        for number, first in enumerate(range(0, self.grid.count, STRETCH)):
            last = min(first + STRETCH, self.grid.count) - 1
            views = self._worst_views(number, first, last)
            if views is None:
                yield Stretch(first, last)
            elif views:
                yield Stretch(first, last, views)

    def _worst_views(self, number: int, first: int, last: int) -> list[View] | None:
        ends: tuple[list[NodeView], list[NodeView]] = ([], [])
        for one in self.nodes:
            found = one.worst(first, last)
            if found is None:
                return None
            for end, node in zip(ends, found, strict=False):
                end.append(node)
        moments = (self.grid.end_ms(first), self.grid.end_ms(last))
        pictures = zip(ends, moments, strict=True)
        return [self._picture(at_ms, nodes, self._forks(number)) for nodes, at_ms in pictures if nodes]

    @cached_property
    def _unsigned(self) -> Bools:
        """Moments at which the newest block lacks the signature of a validator whose key a node carries."""
        assert self.blocks is not None
        marked = np.zeros(self.grid.count, np.bool_)
        newest = self.blocks.newest_at(np.array(self.grid.ends_ms))
        for address in self._carried:
            marked |= np.append(self.blocks.unsigned(address), False)[newest]  # -1 is the last: nobody's
        return marked

    @cached_property
    def _carried(self) -> list[PosAddress]:
        return carried(self.nodes, self.blocks.addresses if self.blocks is not None else ())

    # --- layers

    def _strained(self, one: Minutes) -> Bools:
        """Moments at which some layer of it may be other than healthy. `health` judges those."""
        usual = Thresholds.of_pace(self.crowd.block_s)
        pow_now, pos_now = self.crowd.references
        marked = _over(one, "pow.still_seconds", NEAR * usual.pow_still_s)
        marked |= _over(one, "pos.still_seconds", NEAR * usual.pos_still_s)
        marked |= _over(one, "pow.execution_lag_epochs", usual.execution_lag_epochs)
        marked |= _over(one, "log.invalid_state.hour_count", 0)
        marked |= _behind(one, "pow.latest_epoch", pow_now, Thresholds().pow_lag_epochs)
        marked |= _behind(one, "pos.committed_height", pos_now, Thresholds().pos_lag_blocks)
        if self.rule in {"wrong_fork", "backup_not_ready"}:
            marked |= self.crowd.disputed
        return marked & one.known

    # --- a moment

    def view(self, place: int) -> View:
        at_ms = self.grid.end_ms(place)
        nodes = [node for one in self.nodes if (node := one.view(place)) is not None]
        picture = self._picture(at_ms, nodes, self._forks(place // STRETCH))
        if self.needs.votes and self.blocks is not None:
            picture = replace(
                picture, validators=self.blocks.validators_at(at_ms, self.team_id, self._carried)
            )
        return self._layered(picture, place) if self.needs.layers else picture

    def _picture(self, at_ms: int, nodes: Sequence[NodeView], forks: tuple[ForkView, ...]) -> View:
        height = None if self.blocks is None else self.blocks.height_at(at_ms)
        return View(
            now_ms=at_ms,
            nodes={node.id: node for node in nodes},
            network=NetworkView(forks=forks, height=height),
            team_id=self.team_id,
        )

    def _forks(self, stretch: int) -> tuple[ForkView, ...]:
        return self.forks_at[stretch] if self.forks_at else ()

    def _layered(self, view: View, place: int) -> View:
        own = view.nodes
        everybody = [*own.values()]
        others = (one for one in self.crowd.nodes if one.node.id not in own and one.known[place])
        everybody += [node for one in others if (node := one.view(place)) is not None]
        neighbours = [Neighbour(node, node_state(node, view.now_ms)) for node in everybody]
        company = Company(neighbours, self._outside(view, place), view.now_ms)
        judged = {
            one.row.id: replace(node, layers=company.verdicts(one))
            for one, node in zip(neighbours, everybody, strict=True)
            if node.id in own
        }
        return replace(view, nodes=judged)

    def _outside(self, view: View, place: int) -> Outside:
        committed = float("nan") if self.blocks is None else float(self.crowd.committed[place])
        block_s = None if self.blocks is None else self.blocks.gap_s_at(view.now_ms)

        def duty(address: PosAddress) -> Duty:
            seen: ValidatorView | None = view.validators.get(address)
            return Duty() if seen is None else Duty(seen.votes, seen.strip)

        known = None if np.isnan(committed) else int(committed)
        return Outside(known, None, block_s, duty)

    # --- how much was seen

    @cached_property
    def seen(self) -> Bools:
        """Buckets in which anything was heard of any of them."""
        marked = np.zeros(self.grid.count, np.bool_)
        for one in self.nodes:
            marked |= one.known
        return marked


def carried(nodes: Sequence[Minutes], known: Collection[PosAddress]) -> list[PosAddress]:
    """The validators whose keys these nodes ever held, of those that are known."""
    held = {one.node.pos_address for one in nodes}
    held |= {PosAddress(word) for one in nodes for word in one.vocabulary.get("node.pos_address", ()) if word}
    return sorted(address for address in held if address is not None and address in known)


def _runs(marked: Bools) -> Iterator[Stretch]:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], marked.astype(np.int8), [0]))))
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        yield Stretch(first, end - 1)


def _over(one: Minutes, name: str, most: float) -> Bools:
    line = one.line(name)
    if line is None:
        return np.zeros(one.grid.count, np.bool_)
    found: Bools = line > most
    return found


def _behind(one: Minutes, name: str, others: Line, least: float) -> Bools:
    line = one.line(name)
    if line is None:
        return np.zeros(one.grid.count, np.bool_)
    found: Bools = others - line >= least
    return found


def _farthest(lines: Sequence[Line], count: int) -> Line:
    """The largest that is not a mistake, bucket by bucket."""
    if not lines:
        return np.full(count, np.nan)
    told = np.array(lines)
    counts = np.count_nonzero(~np.isnan(told), axis=0)
    middle = np.maximum(counts - 1, 0) // 2
    usual = np.take_along_axis(np.sort(told, axis=0), middle[np.newaxis], axis=0)[0]
    farthest: Line = np.fmax.reduce(np.where(told > usual + BEYOND, np.nan, told), axis=0)
    return farthest


def _pivot_heads(one: Minutes) -> tuple[Line, Line]:
    """The newest epoch whose pivot it told, and that block as a number, bucket by bucket; 0: none."""
    heads = [_head(word) for word in one.vocabulary[PIVOTS]]
    codes = one.words[PIVOTS]
    epochs = np.array([epoch for epoch, _ in heads], np.int64)
    hashes = np.array([hash_ for _, hash_ in heads], np.uint64)
    return epochs[codes], hashes[codes]


def _head(word: str | None) -> tuple[int, int]:
    epoch, _, hash_ = (word or "").partition(" ")[0].partition(":")
    try:
        return int(epoch), int(hash_, 16) % 2**64
    except ValueError:
        return 0, 0
