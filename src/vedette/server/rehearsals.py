"""Rehearsals of rules over what is stored, one after the other: each may read weeks of votes or figures."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vedette.alerts.life import Patience
from vedette.alerts.limits import Limits
from vedette.alerts.rehearsal import Lived, Past, Told, relived
from vedette.alerts.rules.rule import AnyRule
from vedette.model.people import Who
from vedette.model.view import View
from vedette.notify.words import Lang
from vedette.server import past_reading
from vedette.server.block_past import PARTICIPATION, BlockPast, Blocks
from vedette.server.book_past import BY_ACCOUNTS, BY_EPOCHS, BookPast
from vedette.server.node_minutes import Grid, Minutes
from vedette.server.node_past import NEEDS_OTHERS, OF_NODES, Crowd, NodePast, carried
from vedette.store.database import Database
from vedette.store.view import view as view_of
from vedette.store.votelines import VoteLines

DAY_MS: Final = 86_400_000
MINUTE_MS: Final = 60_000
VALIDATORS_MAX: Final = 40
NODES_MAX: Final = 50
MINUTES_MAX: Final = 1_000_000
"""Of all nodes together: many of them are looked at each few minutes."""
CROWD_LOOKS_MAX: Final = 30_000
"""Looks at nodes that are judged by each other: each look needs the words of all."""
GAP_MS: Final = 10 * MINUTE_MS
"""Blocks so far apart were not seen in between."""
WAITING_MAX: Final = 8
KEPT_MAX: Final = 256
KEPT_MS: Final = 10 * MINUTE_MS

Why = dict[Lang, str]
NOT_KEPT: Final[Mapping[str, Why]] = {
    "bridge_idle": {
        "en": "What waits at a bridge is not kept, so it cannot be lived through again.",
        "zh": "桥上等待处理的内容没有保存，无法重演。",
    },
    "channel_failing": {
        "en": "Of contact points only the attempts are kept, not what was known of them at each moment, so it"
        " cannot be lived through again.",
        "zh": "联系方式只保存了发送记录，没有保存每一时刻的状态，无法重演。",
    },
    "source_bad": {
        "en": "How the endpoints fared by which the chain is followed is not kept, so it cannot be lived"
        " through again.",
        "zh": "跟随链所用端点的过往状态没有保存，无法重演。",
    },
}
"""By rule, why its past cannot tell."""
NOTHING: Final[Why] = {
    "en": "Nothing that this rule judges was seen in that time.",
    "zh": "该时段内没有该规则所判断的数据。",
}
ALONE: Final[Why] = {
    "en": "Only one node told how far the PoW chain was, and there is nobody to hold it against.",
    "zh": "只有一个节点报告了 PoW 链的高度，没有可供比较的对象。",
}
TOO_MANY: Final[Why] = {
    "en": "Your team watches too many of them for a rehearsal.",
    "zh": "团队关注的对象过多，无法重演。",
}


Flags = NDArray[np.bool_]
"""One a bucket."""


class BusyError(Exception):
    """Too many wait already."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What would have been told; or why nobody can say. Of `span_ms` so much was seen as `seen_ms`."""

    lived: Lived | None
    why: Why | None = None
    seen_ms: int = 0
    span_ms: int = 0
    step_ms: int | None = None  # how far apart the looks were; None: whenever anything changed

    @property
    def told(self) -> Sequence[Told]:
        return () if self.lived is None else self.lived.told

    def by_day(self, now_ms: int, days: int) -> dict[str, int]:
        """A count for each UTC day, the oldest first."""
        today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
        counts = Counter(datetime.fromtimestamp(one.at_ms / 1000, UTC).date() for one in self.told)
        all_days = (today - timedelta(days=back) for back in range(days - 1, -1, -1))
        return {day.isoformat(): counts[day] for day in all_days}


@dataclass(frozen=True, slots=True)
class _Wish:
    """One rehearsal. `gone` is set when nobody waits for it any more."""

    who: Who
    rule: AnyRule
    limits: Limits
    patience: Patience
    from_ms: int
    now_ms: int
    gone: Event = field(default_factory=Event)

    @property
    def span_ms(self) -> int:
        return self.now_ms - self.from_ms

    async def relived(self, past: Past) -> Lived:
        asked = self.rule, past, self.limits, self.patience, self.gone.is_set
        return await asyncio.to_thread(relived, *asked)

    def told(self, lived: Lived, seen_ms: int, step_ms: int | None) -> Rehearsed:
        step = None if step_ms is None else step_ms * lived.step
        return Rehearsed(lived, None, min(seen_ms, self.span_ms), self.span_ms, step)

    def untold(self, why: Why) -> Rehearsed:
        return Rehearsed(None, why, 0, self.span_ms)


@dataclass(slots=True)
class Rehearsals:
    """What was asked a moment ago is told again without reliving it."""

    database: Database
    patience: Patience
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _waiting: int = 0
    _kept: OrderedDict[str, tuple[int, Rehearsed]] = field(default_factory=OrderedDict)

    async def rehearse(self, who: Who, rule: AnyRule, limits: Limits, days: int, now_ms: int) -> Rehearsed:
        """Raises BusyError. Cancelled, it stops within some milliseconds."""
        key = f"{who.team_id} {rule.name} {days} {limits}"
        at_ms, kept = self._kept.get(key, (0, None))
        if kept is not None and now_ms - at_ms < KEPT_MS:
            return kept
        if self._waiting >= WAITING_MAX:
            raise BusyError
        midnight_ms = now_ms // DAY_MS * DAY_MS
        wish = _Wish(who, rule, limits, self.patience, midnight_ms - (days - 1) * DAY_MS, now_ms)
        self._waiting += 1
        try:
            async with self._turn:
                made = await self._made(wish)
        finally:
            wish.gone.set()
            self._waiting -= 1
        self._kept[key] = (now_ms, made)
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return made

    async def _made(self, wish: _Wish) -> Rehearsed:
        name, who = wish.rule.name, wish.who
        if name in NOT_KEPT or who.team_id is None:
            return wish.untold(NOT_KEPT.get(name, NOTHING))
        async with self.database.read() as conn:
            now = await view_of(conn, wish.now_ms, 1, who.team_id)
        now = replace(now, team_id=who.team_id)
        if name in OF_NODES:
            return await self._nodes(wish, now)
        if len(now.validators) > VALIDATORS_MAX:
            return wish.untold(TOO_MANY)
        if not now.validators:
            return wish.untold(NOTHING)
        blocks = await past_reading.blocks_of(
            self.database, sorted(now.validators), wish.from_ms, wish.now_ms
        )
        return await (self._books if name in BY_ACCOUNTS | BY_EPOCHS else self._blocks)(wish, now, blocks)

    # --- the chain

    async def _blocks(self, wish: _Wish, now: View, blocks: Blocks) -> Rehearsed:
        seen_ms = _seen_ms(blocks.lines, wish.from_ms, wish.now_ms)
        if not seen_ms:
            return wish.untold(NOTHING)
        everybody, rule = sorted(now.validators), wish.rule.name
        if rule != PARTICIPATION:  # each is judged by itself
            found = Lived()
            for one in everybody:
                past = BlockPast(rule, [one], blocks, now.team_id, wish.from_ms)
                found = found.and_of(await wish.relived(past))
            return wish.told(found, seen_ms, None)
        day = await past_reading.day_of(self.database, wish.from_ms)
        usual = await asyncio.to_thread(past_reading.usual, day)
        past = BlockPast(
            rule,
            everybody,
            blocks,
            now.team_id,
            wish.from_ms,
            await past_reading.finality_of(self.database, wish.from_ms, wish.now_ms),
            await past_reading.followed_since_ms(self.database),
            usual.participation_ppm,
        )
        return wish.told(await wish.relived(past), seen_ms, None)

    async def _books(self, wish: _Wish, now: View, blocks: Blocks) -> Rehearsed:
        span = wish.from_ms, wish.now_ms
        past = await past_reading.book_past(self.database, wish.rule.name, now, blocks, span)
        first_ms = _first_ms(past)
        if first_ms is None:
            return wish.untold(NOTHING)
        return wish.told(await wish.relived(past), wish.now_ms - max(first_ms, wish.from_ms), None)

    # --- nodes

    async def _nodes(self, wish: _Wish, now: View) -> Rehearsed:
        if len(now.nodes) > NODES_MAX:
            return wish.untold(TOO_MANY)
        minutes = wish.span_ms // MINUTE_MS + 1
        step_ms = MINUTE_MS * -(-minutes * max(len(now.nodes), 1) // MINUTES_MAX)
        grid = Grid.over(wish.from_ms, wish.now_ms, step_ms)
        needs = OF_NODES[wish.rule.name]
        crowd = needs.layers or needs.together
        lived, seen = await (self._together if crowd else self._one_by_one)(wish, now, grid)
        if lived is None:
            return wish.untold(ALONE if seen.any() else NOTHING)
        return wish.told(lived, int(seen.sum()) * step_ms, step_ms)

    async def _one_by_one(self, wish: _Wish, now: View, grid: Grid) -> tuple[Lived | None, Flags]:
        """Of whatever is judged of a node by itself only one node is held at a time."""
        name, found, seen = wish.rule.name, None, np.zeros(grid.count, np.bool_)
        needs = OF_NODES[name]
        blocks = await past_reading.blocks_of(self.database, [], *self._span(wish)) if needs.forks else None
        forks = [] if blocks is None else await past_reading.forks_by_stretch(self.database, grid, blocks)
        for node in now.nodes.values():
            one = await past_reading.minutes_of(self.database, wish.who, node, grid, name)
            if one is None:
                continue
            past = NodePast(name, [one], Crowd([one], grid, blocks), now.team_id, forks_at=forks)
            lived = await wish.relived(past)
            found, seen = lived if found is None else found.and_of(lived), seen | past.seen
        return found, seen

    async def _together(self, wish: _Wish, now: View, grid: Grid) -> tuple[Lived | None, Flags]:
        """Nodes that are judged by each other; where that is of each by itself, one after the other."""
        name, needs = wish.rule.name, OF_NODES[wish.rule.name]
        asked = (
            past_reading.minutes_of(self.database, wish.who, node, grid, name) for node in now.nodes.values()
        )
        nodes = [one for each in asked if (one := await each) is not None]
        if not nodes:
            return None, np.zeros(grid.count, np.bool_)
        if name in NEEDS_OTHERS and len(_pow_tellers(nodes)) < 2:  # noqa: PLR2004 - one alone proves nothing
            return None, np.ones(1, np.bool_)
        addresses = carried(nodes, now.validators) if needs.votes else []
        blocks = await past_reading.blocks_of(self.database, addresses, *self._span(wish))
        crowd, groups = Crowd(nodes, grid, blocks), [nodes] if needs.together else [[one] for one in nodes]
        looks_max = max(1, CROWD_LOOKS_MAX // (len(nodes) * len(groups)))
        pasts = [NodePast(name, some, crowd, now.team_id, looks_max) for some in groups]
        found = Lived()
        for past in pasts:
            found = found.and_of(await wish.relived(past))
        return found, np.any([past.seen for past in pasts], axis=0)

    def _span(self, wish: _Wish) -> tuple[int, int]:
        return wish.from_ms, wish.now_ms


def _pow_tellers(nodes: Sequence[Minutes]) -> list[Minutes]:
    return [one for one in nodes if one.line("pow.latest_epoch") is not None]


def _seen_ms(lines: VoteLines, from_ms: int, now_ms: int) -> int:
    """For how long blocks were seen to follow each other."""
    times = lines.at_ms[lines.at_ms >= from_ms]
    if not len(times):
        return 0
    gaps = np.diff(np.append(times, now_ms))
    return int(gaps[gaps <= GAP_MS].sum()) or int(len(times) > 0)


def _first_ms(past: BookPast) -> int | None:
    """Since when the books tell anything that the rule judges."""
    kept = past.books.values()
    if past.rule in BY_EPOCHS:
        firsts = [one.epochs[0].ended_at_ms for one in kept if one.epochs]
    elif past.rule == "low_gas":
        firsts = [one.gas_drip[0][0] for one in kept if one.gas_drip]
    else:
        firsts = [one.accounts[0][0] for one in kept if one.accounts]
    return min(firsts, default=None)
