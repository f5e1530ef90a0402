"""Reads what a rehearsal looks at: a team's nodes by the minute, blocks, and the books of its validators."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from vedette.model.account_events import account_events
from vedette.model.election import TERMS_SERVING, CommitteeNow, Election
from vedette.model.forecast import Pace
from vedette.model.people import Who
from vedette.model.pos import Account, Committee, PosAddress
from vedette.model.radar import radar
from vedette.model.view import ElectionView, ForkView, NodeView, StakeChange, View
from vedette.server import prospects
from vedette.server.ahead import LOOK_BACK_EPOCHS, Held
from vedette.server.block_past import Blocks
from vedette.server.book_past import BY_ACCOUNTS, BookPast, Books, Since
from vedette.server.node_minutes import ADDRESS, Grid, Minutes
from vedette.server.node_past import ALWAYS, OF_NODES, STRETCH
from vedette.server.prospects import BOOKS_BEFORE_MS, DAY_EPOCHS, DAY_MS, Day
from vedette.server.readiness import Heights
from vedette.server.sights import EXPLAINS, marked, troubles_of
from vedette.store import (
    accounts,
    chain,
    economics,
    elections,
    epochs,
    events,
    pages,
    pools,
    reading,
    rewards,
)
from vedette.store import stakes as stakes_of
from vedette.store import votes as votes_of
from vedette.store.announced import Announced, announced, troubles
from vedette.store.database import Conn, Database
from vedette.store.pages import EpochSums
from vedette.store.votelines import vote_lines

T = TypeVar("T")

WINDOW_MS: Final = 2 * 3_600_000
"""So long before the first moment a strip begins."""
ELECTIONS_MAX: Final = 3_000
"""For so many epochs of validators it is reckoned what they had to stand with."""


# --- nodes ------------------------------------------------------------------------------------------------


async def minutes_of(database: Database, who: Who, node: NodeView, grid: Grid, rule: str) -> Minutes | None:
    """What that rule looks at of a node; None: nothing was heard of it."""
    needs = OF_NODES[rule]
    numbers = tuple(dict.fromkeys((*ALWAYS.numbers, *needs.numbers)))
    words = tuple(dict.fromkeys((*ALWAYS.words, ADDRESS, *needs.words)))
    async with database.read() as conn:
        held = await reading.buckets(
            conn, who, node.id, (numbers, words), (grid.from_ms, grid.now_ms + 1), grid.step_ms
        )
    if held is None or not len(held.at):
        return None
    return await asyncio.to_thread(Minutes.of, node, grid, held, numbers, words)


async def blocks_of(database: Database, addresses: Sequence[PosAddress], from_ms: int, to_ms: int) -> Blocks:
    async with database.read() as conn:
        return Blocks(await vote_lines(conn, addresses, from_ms - WINDOW_MS, to_ms))


async def forks_by_stretch(database: Database, grid: Grid, blocks: Blocks) -> list[tuple[ForkView, ...]]:
    """The forks that were ahead, and when they were thought to come, for each stretch of the grid."""
    async with database.read() as conn:
        chain_id = await chain.chain_id(conn)
    moments = [grid.end_ms(min(first, grid.count - 1)) for first in range(0, grid.count, STRETCH)]
    return [prospects.forks_ahead(chain_id, _heights(blocks, at_ms)) for at_ms in moments]


def _heights(blocks: Blocks, at_ms: int) -> Heights:
    place, gap_s = int(blocks.newest_at(at_ms)), blocks.gap_s_at(at_ms)
    if place < 0 or gap_s is None:
        return Heights(None, None)
    lines = blocks.lines
    return Heights(None, int(lines.heights[place]), int(lines.at_ms[place]), round(1000 * gap_s))


# --- the chain --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Usual:
    """What was usual as each of the epochs ended, in the day until then."""

    median_ppm: Since[int | None]
    participation_ppm: Mapping[int, int | None]


async def finality_of(database: Database, from_ms: int, to_ms: int) -> list[tuple[int, int]]:
    async with database.read() as conn:
        return await economics.finality_gaps(conn, from_ms, to_ms)


async def followed_since_ms(database: Database) -> int | None:
    async with database.read() as conn:
        return await economics.first_economics_ms(conn)


async def day_of(database: Database, from_ms: int) -> Day:
    """The counted epochs since then, and of the day before."""
    async with database.read() as conn:
        first = await epochs.epoch_after(conn, (from_ms - DAY_MS) * 1000)
        newest = (await pages.state(conn)).newest_epoch
        if first is None or newest is None:
            return Day()
        found = tuple(await pages.epoch_sums(conn, max(newest - first + 1, DAY_EPOCHS)))
        ended = await epochs.ends(conn, [one.epoch for one in found])
    return Day(None, found, ended)


def usual(day: Day) -> Usual:
    """Day by day, as the judge reckons it."""
    median_ppm: list[tuple[int, int | None]] = []
    participation: dict[int, int | None] = {}
    for end, one in enumerate(day.epochs, 1):
        ended_us = day.ended_at_us.get(one.epoch)
        if ended_us is not None:
            until = replace(day, epochs=day.epochs[max(0, end - DAY_EPOCHS) : end])
            median_ppm.append((ended_us // 1000, prospects.median_vote_rate_ppm(until)))
            participation[one.epoch + 1] = prospects.usual_participation_ppm(until)
    return Usual(median_ppm, participation)


# --- the books of validators ------------------------------------------------------------------------------


async def book_past(
    database: Database, rule: str, now: View, blocks: Blocks, span_ms: tuple[int, int]
) -> BookPast:
    """Everything that such a rule looks at, of all validators of the team."""
    wanted = sorted(now.validators)
    if rule in BY_ACCOUNTS:
        async with database.read() as conn:
            books = await _accounts(conn, wanted, now.team_id, span_ms)
        return BookPast(rule, books, blocks, now.team_id, span_ms)
    day = await day_of(database, span_ms[0])
    async with database.read() as conn:
        lines = prospects.epoch_views(day, await accounts.numbers(conn, wanted))
        known = await troubles(conn, EXPLAINS, span_ms[0] - DAY_MS)
        paid_ms = await _paid(conn, day.epochs)
        standing = await _elections(conn, day, wanted) if rule == "not_elected" else {}
        since_ms = await economics.first_economics_ms(conn)
    explains = troubles_of(now, known)
    books = {
        one: Books(epochs=marked(lines.get(one, ()), explains.get(one, ())), elections=standing.get(one, {}))
        for one in wanted
    }
    medians = (await asyncio.to_thread(usual, day)).median_ppm if rule == "vote_quality" else ()
    return BookPast(rule, books, blocks, now.team_id, span_ms, paid_ms, medians, since_ms)


async def _paid(conn: Conn, known: Sequence[EpochSums]) -> dict[int, int]:
    """When those of these epochs were paid of which that is known."""
    if not known:
        return {}
    told = await rewards.paid_at(conn, known[0].epoch, known[-1].epoch)
    return {epoch: 1000 * at_s for epoch, at_s in told.items()}


async def _accounts(
    conn: Conn, wanted: Sequence[PosAddress], team_id: int, span_ms: tuple[int, int]
) -> dict[PosAddress, Books]:
    owned = prospects.by_validator(await pools.listed_pools(conn))
    homes = await accounts.pow_addresses(conn)
    work = [one for one in await announced(conn, span_ms[0] - DAY_MS) if one.team_id == team_id]
    retired = await accounts.retired_at(conn, wanted)
    found = {}
    for one in wanted:
        history = await accounts.stake_history(conn, one, span_ms[0] - DAY_MS, None)
        pool, home = owned.get(one), homes.get(one)
        holdings = (
            []
            if pool is None
            else await pools.holdings_between(
                conn, pool.contract, span_ms[0] - DAY_MS - BOOKS_BEFORE_MS, span_ms[1]
            )
        )
        pays = pool is None and prospects.pays(home)
        balances = await economics.balances(conn, one, *span_ms) if pays else []
        found[one] = Books(
            accounts=history,
            changes=_changes(one, history, holdings, work),
            retired=_retirements(history, retired.get(one)),
            added_ms=await events.added_at(conn, one),
            gas_drip=[(held.at_ms, held.balance_drip) for held in balances],
            pool=None if pool is None else pool.listed_name,
            pow_address=home,
        )
    return found


def _changes(
    one: PosAddress,
    history: Sequence[tuple[int, Account]],
    holdings: Sequence[pools.HeldSince],
    work: Sequence[Announced],
) -> list[StakeChange]:
    """As `prospects` tells them, of the whole time."""
    found = []
    for at_ms, event in account_events(history):
        day = [account for told_ms, account in history if at_ms - DAY_MS <= told_ms <= at_ms]
        is_retired = any(account.force_retired_height is not None for account in day)
        change = prospects.stake_change(at_ms, event, holdings, retired=is_retired)
        if change.explained_by is None and any(each.covers(one, at_ms) for each in work):
            change = replace(change, explained_by="announced")
        found.append(change)
    return found


def _retirements(history: Sequence[tuple[int, Account]], last_ms: int | None) -> list[tuple[int, int]]:
    """Each forced retirement, when it was first seen; of those before the history only the last is known."""
    first: dict[int, int] = {}
    for at_ms, account in history:
        if account.force_retired_height is not None:
            first.setdefault(account.force_retired_height, at_ms)
    found = {(at_ms, height) for height, at_ms in first.items()}
    if last_ms is not None and all(at_ms != last_ms for at_ms, _ in found):
        found.add((last_ms, 0))
    return sorted(found)


# --- elections --------------------------------------------------------------------------------------------


async def _elections(
    conn: Conn, day: Day, wanted: Sequence[PosAddress]
) -> dict[PosAddress, dict[int, ElectionView]]:
    """How each fared, by what was known as each epoch ended: who stood, and with what it could have."""
    if not day.epochs:
        return {}
    first, last = day.epochs[0].epoch, day.epochs[-1].epoch
    known = await elections.elections(conn, first - LOOK_BACK_EPOCHS, last + TERMS_SERVING)
    staked = await stakes_of.stakes(conn, first - LOOK_BACK_EPOCHS, last)
    spans = await epochs.spans_between(conn, first, last)
    told = _Told(
        candidates={term: one.candidates for term, one in known.items() if one.candidates is not None},
        elected={term: one.election.votes for term, one in known.items() if one.election is not None},
        committees=await votes_of.committees(conn, first - LOOK_BACK_EPOCHS, last),
        ends={epoch: one.last_height for epoch, one in spans.items()},
        held=Held({epoch: one for epoch, (one, _) in staked.items()}, {}, None),
    )
    return await asyncio.to_thread(_fared, told, wanted, range(first, last + 1))


@dataclass(frozen=True, slots=True)
class _Told:
    candidates: Mapping[int, frozenset[PosAddress]]
    elected: Mapping[int, Mapping[PosAddress, int]]
    committees: Mapping[int, Committee]
    ends: Mapping[int, int]  # the last height of an epoch
    held: Held

    def until(self, epoch: int) -> dict[int, frozenset[PosAddress]]:
        """The candidates of the terms that could be read as that epoch ended."""
        terms = range(epoch - LOOK_BACK_EPOCHS, epoch + 2)
        return {term: self.candidates[term] for term in terms if term in self.candidates}

    def free_votes(self, one: PosAddress, epoch: int) -> int | None:
        """What it had to stand with in the term that was open then; None: not known."""
        committee, end, before = self.committees.get(epoch), self.ends.get(epoch), self.ends.get(epoch - 1)
        votes = self.held.votes(one, None)
        available = self.held.stakes.get(epoch, {}).get(one)
        if committee is None or end is None or before is None or available is None:
            return None
        if available == 0:
            return 0
        pace = Pace(epoch, end, end, end - before, None)
        coming = (
            Election(end, is_finalized=True, votes=self.elected.get(epoch, {})),
            Election(end + pace.term_blocks, is_finalized=False, votes={}),
        )
        found = radar(
            CommitteeNow(committee, coming),
            one,
            pace,
            committees=_near(self.committees, epoch),
            elected=_near(self.elected, epoch),
            held=_near(votes, epoch),
            available_votes=available,
            network_votes=None,
        )
        return next((each.free_votes for each in found.elections if each.term == epoch + 1), None)


def _near(told: Mapping[int, T], epoch: int) -> dict[int, T]:
    return {each: told[each] for each in range(epoch - LOOK_BACK_EPOCHS, epoch + 1) if each in told}


def _fared(
    told: _Told, wanted: Sequence[PosAddress], span: range
) -> dict[PosAddress, dict[int, ElectionView]]:
    found: dict[PosAddress, dict[int, ElectionView]] = {one: {} for one in wanted}
    reckoned = 0
    for epoch in span:
        candidates = told.until(epoch)
        for one in wanted:
            missed = prospects.terms_without_standing(candidates, one, epoch)
            free = None
            if missed and reckoned < ELECTIONS_MAX:
                reckoned += 1
                free = told.free_votes(one, epoch)
            found[one][epoch] = ElectionView(free_votes=free, terms_without_standing=missed)
    return found
