"""Rehearsals of rules over what is stored, one after the other: each may read weeks of votes or figures."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from vedette.alerts.life import Patience
from vedette.alerts.limits import Limits
from vedette.alerts.rehearsal import (
    BY_FIGURES,
    BY_VOTES,
    WINDOW_BLOCKS,
    Chain,
    Figures,
    Voted,
    block_views,
    firings,
    node_views,
)
from vedette.alerts.rules.rule import AnyRule
from vedette.model.ballot import Ballot
from vedette.model.people import Who
from vedette.model.pos import PosAddress
from vedette.model.view import NodeView, SettledBlock, View
from vedette.notify.words import Lang
from vedette.store import reading, votes
from vedette.store.database import Database
from vedette.store.view import view as view_of
from vedette.store.votes import BlockVotes

DAY_MS: Final = 86_400_000
MINUTE_MS: Final = 60_000
VALIDATORS_MAX: Final = 20
NODES_MAX: Final = 50
POINTS_MAX: Final = 150_000
"""Of all nodes together: many of them are relived by wider buckets."""
PIECE_BLOCKS: Final = 1_000
WAITING_MAX: Final = 8
KEPT_MAX: Final = 64
KEPT_MS: Final = 10 * MINUTE_MS

Why = dict[Lang, str]
NOT_KEPT: Final[Why] = {
    "en": "The past does not keep what this rule judges, so it cannot be lived through again.",
    "zh": "历史数据没有保存该规则所判断的内容，无法重演。",
}
NOTHING: Final[Why] = {
    "en": "Nothing that this rule judges was seen in that time.",
    "zh": "该时段内没有该规则所判断的数据。",
}
TOO_MANY: Final[Why] = {
    "en": "Your team watches too many of them for a rehearsal.",
    "zh": "团队关注的对象过多，无法重演。",
}


class BusyError(Exception):
    """Too many wait already."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """When it would have fired; or why nobody can say."""

    fired_ms: Sequence[int] | None
    why: Why | None = None

    def by_day(self, now_ms: int, days: int) -> dict[str, int]:
        """A count for each UTC day, the oldest first."""
        today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
        counts = Counter(datetime.fromtimestamp(at / 1000, UTC).date() for at in self.fired_ms or ())
        all_days = (today - timedelta(days=back) for back in range(days - 1, -1, -1))
        return {day.isoformat(): counts[day] for day in all_days}


@dataclass(slots=True)
class Rehearsals:
    """What was asked a moment ago is told again without reliving it."""

    database: Database
    patience: Patience
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _waiting: int = 0
    _kept: OrderedDict[str, tuple[int, Rehearsed]] = field(default_factory=OrderedDict)

    async def rehearse(self, who: Who, rule: AnyRule, limits: Limits, days: int, now_ms: int) -> Rehearsed:
        """Raises BusyError."""
        key = f"{who.team_id} {rule.name} {days} {limits}"
        at_ms, kept = self._kept.get(key, (0, None))
        if kept is not None and now_ms - at_ms < KEPT_MS:
            return kept
        if self._waiting >= WAITING_MAX:
            raise BusyError
        self._waiting += 1
        try:
            async with self._turn:
                made = await self._made(who, rule, limits, days, now_ms)
        finally:
            self._waiting -= 1
        self._kept[key] = (now_ms, made)
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return made

    async def _made(self, who: Who, rule: AnyRule, limits: Limits, days: int, now_ms: int) -> Rehearsed:
        if who.team_id is None or not (rule.name in BY_VOTES or rule.name in BY_FIGURES):
            return Rehearsed(None, NOT_KEPT)
        midnight_ms = now_ms // DAY_MS * DAY_MS
        from_ms = midnight_ms - (days - 1) * DAY_MS
        async with self.database.read() as conn:
            now = await view_of(conn, now_ms, 1, who.team_id)
        now = replace(now, team_id=who.team_id)
        if rule.name in BY_VOTES:
            return await self._votes(rule, limits, now, from_ms)
        return await self._figures(who, rule, limits, now, from_ms)

    async def _votes(self, rule: AnyRule, limits: Limits, now: View, from_ms: int) -> Rehearsed:
        if len(now.validators) > VALIDATORS_MAX:
            return Rehearsed(None, TOO_MANY)
        chain = await chain_since(self.database, list(now.validators), from_ms)
        if not any(at_ms >= from_ms for at_ms in chain.at_ms) or not (
            now.validators or rule.name == "network_participation"
        ):
            return Rehearsed(None, NOTHING)
        lived = block_views(chain, now.team_id, from_ms)
        return Rehearsed(await asyncio.to_thread(firings, rule, lived, limits, self.patience))

    async def _figures(self, who: Who, rule: AnyRule, limits: Limits, now: View, from_ms: int) -> Rehearsed:
        if len(now.nodes) > NODES_MAX:
            return Rehearsed(None, TOO_MANY)
        fired: list[int] = []
        seen = False
        minutes = (now.now_ms - from_ms) // MINUTE_MS + 1
        points = min(minutes, POINTS_MAX // max(len(now.nodes), 1))
        for node in now.nodes.values():
            figures = await self._past(who, rule, node, (from_ms, now.now_ms), points)
            if figures is not None:
                seen = True
                lived = node_views(figures, now.team_id)
                fired += await asyncio.to_thread(firings, rule, lived, limits, self.patience)
        return Rehearsed(sorted(fired)) if seen else Rehearsed(None, NOTHING)

    async def _past(
        self, who: Who, rule: AnyRule, node: NodeView, span_ms: tuple[int, int], points: int
    ) -> Figures | None:
        """None: nothing is known of it in that time."""
        names = BY_FIGURES[rule.name]
        async with self.database.read() as conn:
            told = await reading.columns(conn, who, node.id, names, *span_ms, points)
        if told is None or not told.available or not told.times:
            return None
        return Figures(
            node_id=node.id,
            name=node.name,
            role=node.role,
            at_ms=[round(1000 * at) for at in told.times],
            step_ms=max(told.step_ms, MINUTE_MS),
            columns=dict(zip(told.names, told.mean, strict=True)),
        )


async def chain_since(database: Database, addresses: Sequence[PosAddress], from_ms: int) -> Chain:
    """The blocks since then that are held, with as many before as a window needs; a piece at a time."""
    pieces: list[Chain] = []
    before: int | None = None
    while True:
        async with database.read() as conn:
            found = await votes.blocks_before(conn, before, PIECE_BLOCKS)
        piece = await asyncio.to_thread(_piece, found[::-1], addresses)
        pieces.insert(0, piece)
        if len(found) < PIECE_BLOCKS or piece.at_ms[WINDOW_BLOCKS] < from_ms:
            return _joined(pieces, addresses)
        before = piece.blocks[0].height


def _piece(blocks: Sequence[BlockVotes], addresses: Sequence[PosAddress]) -> Chain:
    strips = votes.strips(blocks)
    idle = "".join(Ballot.UNSEEN if one.committee is None else Ballot.IDLE for one in blocks)
    return Chain(
        blocks=[_settled(one) for one in blocks],
        at_ms=[one.at_us // 1000 for one in blocks],
        validators={
            address: Voted(strips.get(address, idle), [_votes_of(one, address) for one in blocks])
            for address in addresses
        },
    )


def _joined(pieces: Sequence[Chain], addresses: Sequence[PosAddress]) -> Chain:
    return Chain(
        blocks=[block for piece in pieces for block in piece.blocks],
        at_ms=[at_ms for piece in pieces for at_ms in piece.at_ms],
        validators={
            address: Voted(
                "".join(piece.validators[address].strip for piece in pieces),
                [n for piece in pieces for n in piece.validators[address].votes],
            )
            for address in addresses
        },
    )


def _votes_of(block: BlockVotes, address: PosAddress) -> int:
    return 0 if block.committee is None else block.committee.votes.get(address, 0)


def _settled(block: BlockVotes) -> SettledBlock:
    total = None if block.committee is None else block.committee.total_votes
    return SettledBlock(block.height, block.epoch, total, block.signed_votes)
