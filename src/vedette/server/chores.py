"""What the follower asks beside the blocks: committees, elections, rewards, transactions, stakes, parameters.

What people see first is asked first (`first`): the watched accounts, and the last day's committees and
rewards. Only then do the feeds read the past, newest first; and once they have read the last whole epoch,
these loops go on beside them. Each asks as little as a public gateway's budget of calls allows; all that they
keep may be kept twice.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from vedette.conflux.pow import PowBlock
from vedette.conflux.wire import RpcError
from vedette.model.economics import Economics
from vedette.model.election import CommitteeNow
from vedette.model.pos import Account, Committee, PosAddress
from vedette.model.reward import DRIP_PER_CFX, VOTE_CFX, EpochRewards
from vedette.model.spans import Span, gaps, spans
from vedette.model.transaction import PosTransaction, TransactionKind, TransactionStatus
from vedette.server import chore_plan as plan
from vedette.server.account_turns import Turns
from vedette.server.feed import STORE_TROUBLE, Feed, Shared, Unheard, trouble
from vedette.store import (
    accounts,
    economics,
    elections,
    epochs,
    events,
    people,
    rewards,
    stakes,
    summing,
    votes,
)
from vedette.store.database import Conn

log = logging.getLogger(__name__)

MISSING_EPOCHS_AT_ONCE: Final = 20
REWARDS_AT_ONCE: Final = 24
TRANSACTIONS_AT_ONCE: Final = 100
LIVE_TRANSACTIONS: Final = 200
"""So many of the newest are read even while the blocks of the past are not: that is a few hours' worth."""
ACCOUNTS_MAX: Final = 500
"""So many of everyone are asked about when an epoch has ended."""
MEETING_MS: Final = 6_000
"""At first the endpoints have so long to answer: whoever does not is not heard in what is asked first."""
FIRST_MS_MAX: Final = 90_000
"""Nothing waits longer than this for what comes first."""
POSTPONED_MS: Final = 600_000
"""Rewards about which nobody could be believed, or nobody answered, are asked for again after so long."""
REWARDS: Final = "rewards"
ALONE: Final = "rewards of one"
PAYMENTS: Final = "payments"
"""What is noted as read: epochs whose rewards are known; of these, what one of several endpoints told alone;
and epochs of whose payment no endpoint knows the PoW block."""
WITNESSES: Final = 3
"""So many endpoints are asked for what one alone could lie about."""
FOLDED_AT_ONCE: Final = 4
ELECTION_BLOCKS: Final = 5
"""Elections are looked at again after so many blocks: two to three minutes on the main network."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look at what does not come with the blocks."""

    accounts_ms: int = 60_000
    turns_ms: int = 500
    pow_ms: int = 5_000
    missing_ms: int = 30_000
    rewards_ms: int = 60_000
    economics_ms: int = 600_000
    tidy_ms: int = 1_000
    sums_ms: int = 5_000
    look_ms: int = 1_000


@dataclass(frozen=True, slots=True)
class Judged:
    """Whose accounts are judged: of teams, and of strangers who asked to be told of one."""

    by_teams: Collection[PosAddress] = ()
    by_strangers: Collection[PosAddress] = ()


@dataclass(slots=True)
class Chores:
    """The loops beside the feeds of one follower.

    `on_accounts` is told, after their commit, the accounts that changed. `judged` says who is watched besides
    those whom the store names.
    """

    shared: Shared
    pace: Pace
    on_accounts: Callable[[Collection[PosAddress]], None] = lambda _: None
    judged: Callable[[], Judged] = Judged
    turns: Turns = field(init=False)
    newest_paid: int | None = None
    postponed: dict[int, int] = field(default_factory=dict)  # epochs, and when to ask for their rewards again

    def __post_init__(self) -> None:
        self.turns = Turns(self.pace.accounts_ms)

    def loops(self) -> dict[str, Coroutine[None, None, None]]:
        """By name; each runs until cancelled."""
        return {
            "accounts": self._later(self._watch_accounts),
            "stakes": self._later(self._watch_stakes),
            "committees": self._complete_committees(),
            "elections": self._later(self._watch_elections),
            "rewards": self._later(lambda: self._each(self.pace.rewards_ms, self.rewards_again)),
            "transactions": self._later(self._read_transactions),
            "parameters": self._later(lambda: self._each(self.pace.economics_ms, self._parameters)),
            "folding": self._each(self.pace.tidy_ms, self._fold),
            "sums": self._each(self.pace.sums_ms, self._sum),
        }

    async def _later(self, loop: Callable[[], Coroutine[None, None, None]]) -> None:
        """Begin when what comes first is there: a gateway answers five calls a second to all of us."""
        await self.shared.first_asked.wait()
        ends_ms = self.shared.clock.steady_ms() + FIRST_MS_MAX
        while not self.shared.recent_is_read() and self.shared.clock.steady_ms() < ends_ms:
            await self.shared.clock.sleep_ms(self.pace.look_ms)
        await loop()

    @property
    def epoch(self) -> int:
        """The epoch under way; 0 while nobody told."""
        return max((feed.epoch for feed in self.shared.healthy()), default=0)

    async def _each(self, every_ms: int, work: Callable[[], Coroutine[None, None, bool | None]]) -> None:
        """Again and again; at once while there is more to do."""
        while True:
            more = await self._survive(work()) if self.epoch else None
            await self.shared.clock.sleep_ms(self.pace.look_ms if not self.epoch else 0 if more else every_ms)

    async def _survive(self, work: Coroutine[None, None, bool | None]) -> bool | None:
        try:
            return await work
        except STORE_TROUBLE as error:
            log.warning("what was asked beside the blocks is not kept now: %s", trouble(error))
            return None

    # --- what comes first

    async def first(self) -> None:
        """What people see first; the past may be read once this has ended, well or badly."""
        while not self.epoch:
            await self.shared.clock.sleep_ms(100)
        ends_ms = self.shared.clock.steady_ms() + MEETING_MS
        while not self.shared.all_met() and self.shared.clock.steady_ms() < ends_ms:
            await self.shared.clock.sleep_ms(100)
        try:
            await self._survive(self._first())
        finally:
            self.shared.first_asked.set()

    async def _first(self) -> None:
        async with self.shared.database.read() as conn:
            watched = sorted(await people.watched(conn))
        self.turns.asked(watched, self.shared.clock.steady_ms())
        await self._snapshot(watched)
        epoch = self.epoch
        await self._committees([epoch])
        await self._look_at_elections()
        await self._rewards_of([one for one in range(epoch - 1, epoch - 1 - plan.DAY_EPOCHS, -1) if one > 0])
        await self._committees(range(epoch - 1, max(0, epoch - plan.DAY_EPOCHS), -1))

    # --- committees

    async def _committees(self, wanted: Sequence[int] | range) -> None:
        missing = [epoch for epoch in wanted if epoch not in self.shared.epochs]
        await self._remember(await self.shared.committees(missing))

    async def _complete_committees(self) -> None:
        """Ask again for the committees that nobody had when their blocks came."""
        while True:
            await self.shared.clock.sleep_ms(self.pace.missing_ms)
            wanted = sorted(self.shared.missing_epochs, reverse=True)[:MISSING_EPOCHS_AT_ONCE]
            await self._survive(self._committees(wanted))

    async def _remember(self, found: Mapping[int, Committee]) -> None:
        async def deed(conn: Conn) -> None:
            for committee in found.values():
                await votes.remember_committee(conn, committee)

        if found:
            await self.shared.database.write(deed)
            self.shared.know(found)

    # --- elections

    async def _watch_elections(self) -> None:
        """A snapshot every few blocks and at each change of the epoch: nobody can be asked afterwards."""
        looked_at: tuple[int, int] | None = None
        while True:
            now = (self.epoch, self.shared.committed // ELECTION_BLOCKS)
            if self.epoch and now != looked_at:
                looked_at = now
                await self._survive(self._look_at_elections())
            await self.shared.clock.sleep_ms(self.pace.look_ms)

    async def _look_at_elections(self) -> None:
        for feed in self.shared.current():
            now = await feed.committee_now()
            if now is not None:
                await self._keep_elections(now)
                return

    async def _keep_elections(self, now: CommitteeNow) -> None:
        at_ms = self.shared.clock.now_ms()
        await self.shared.database.write(lambda conn: elections.remember_elections(conn, now, at_ms))

    # --- rewards

    async def rewards_again(self) -> bool:
        """Ask for the newest unknown rewards; True when some were found and more may be."""
        now = self.shared.clock.steady_ms()
        later = [(epoch, epoch) for epoch, at_ms in self.postponed.items() if at_ms > now]
        async with self.shared.database.read() as conn:
            asked = spans([*await events.read_spans(conn, REWARDS), *later])
        fresh = plan.newest_missing(asked, 1, self.epoch - 1, REWARDS_AT_ONCE)
        await self._second_rewards()
        await self._time_payments()
        return bool(fresh) and await self._rewards_of(fresh)

    async def _rewards_of(self, wanted: Sequence[int]) -> bool:
        """Keep what is told of these epochs; True when something was settled."""
        told = await self._told_rewards(wanted)
        verdicts = {epoch: self._verdict(epoch, sayings) for epoch, sayings in told.items()}
        paid = {epoch: found for epoch, found in verdicts.items() if isinstance(found, EpochRewards)}
        self.newest_paid = max([*paid, *([self.newest_paid] if self.newest_paid else [])], default=None)
        never = [e for e, found in verdicts.items() if found is None and plan.never_paid(e, self.newest_paid)]
        self._postpone(set(wanted) - {*paid, *never})
        alone = [e for e in paid if len(self.shared.feeds) > 1 and plan.told_by_one(told[e])]

        async def deed(conn: Conn) -> None:
            for one in paid.values():
                await rewards.remember_rewards(conn, one, None, None)
            await _mark(conn, REWARDS, [*paid, *never])
            await _mark(conn, ALONE, alone)

        if paid or never:
            await self.shared.database.write(deed)
        return bool(paid or never)

    def _postpone(self, unsettled: Collection[int]) -> None:
        """What nobody could answer now must not keep us from what is older. The newest are yet to be paid."""
        until_ms = self.shared.clock.steady_ms() + POSTPONED_MS
        old = {epoch for epoch in unsettled if plan.never_paid(epoch, self.epoch)}
        self.postponed = {e: at for e, at in self.postponed.items() if e not in unsettled} | dict.fromkeys(
            old, until_ms
        )

    async def _told_rewards(self, wanted: Sequence[int]) -> dict[int, list[plan.Saying[EpochRewards]]]:
        """What the asked endpoints say of these epochs; null only from those that are far beyond them."""
        feeds = list(self.shared.healthy())[:WITNESSES]
        answers = await asyncio.gather(*(feed.rewards(wanted) for feed in feeds))
        told: dict[int, list[plan.Saying[EpochRewards]]] = {}
        for feed, sayings in zip(feeds, answers, strict=True):
            for epoch, said in zip(wanted, sayings, strict=True):
                if isinstance(said, EpochRewards) or (said is None and plan.never_paid(epoch, feed.epoch)):
                    told.setdefault(epoch, []).append((feed.name, said))
        return told

    def _verdict(
        self, epoch: int, sayings: Sequence[plan.Saying[EpochRewards]]
    ) -> EpochRewards | plan.Divided | None:
        """Null is no contradiction: a node may not have paid yet, or have forgotten."""
        found = plan.verdict_of_known(sayings)
        if found.liars:
            self.shared.quarrel(f"the rewards of epoch {epoch}", found.liars)
        return plan.DIVIDED if found.value is None and found.liars else found.value

    async def _second_rewards(self) -> None:
        """Ask the others about what one endpoint alone has told, once another one can be asked."""
        if len(list(self.shared.healthy())) < 2:  # noqa: PLR2004  still alone
            return
        async with self.shared.database.read() as conn:
            alone = await events.read_spans(conn, ALONE)
        wanted = [e for span in reversed(alone) for e in range(span.last, span.first - 1, -1)]
        if not wanted:
            return
        told = await self._told_rewards(wanted[:REWARDS_AT_ONCE])
        verdicts = {e: self._verdict(e, said) for e, said in told.items() if len(said) > 1}

        async def deed(conn: Conn) -> None:
            for epoch, found in verdicts.items():
                if isinstance(found, EpochRewards):
                    await rewards.remember_rewards(conn, found, None, None)
                elif found is plan.DIVIDED:
                    await rewards.forget_rewards(conn, epoch)
                    await events.unmark_read(conn, REWARDS, epoch, epoch)
                await events.unmark_read(conn, ALONE, epoch, epoch)

        await self.shared.database.write(deed)

    async def _time_payments(self) -> None:
        """When each epoch was paid: its PoW block says so, as long as some endpoint knows it."""
        async with self.shared.database.read() as conn:
            untimed, asked = await rewards.untimed_payments(conn), await events.read_spans(conn, PAYMENTS)
        wanted = dict([one for one in untimed if gaps(asked, Span(one[0], one[0]))][:REWARDS_AT_ONCE])
        blocks: dict[int, PowBlock] = {}
        forgotten: set[int] = set()
        for feed in self.shared.current():
            left = {epoch: pow_hash for epoch, pow_hash in wanted.items() if epoch not in blocks}
            told = await feed.pow_blocks(list(left.values())) if left else []
            blocks |= {e: one for e, one in zip(left, told, strict=True) if isinstance(one, PowBlock)}
            forgotten |= {e for e, one in zip(left, told, strict=True) if one is None}
        # The newest may have been paid in a block that the node does not tell of yet.
        given_up = [e for e in forgotten - blocks.keys() if plan.never_paid(e, self.newest_paid)]

        async def deed(conn: Conn) -> None:
            for epoch, block in blocks.items():
                if block.epoch is not None:
                    await rewards.time_payment(conn, epoch, wanted[epoch], block.epoch, block.at_s)
            await _mark(conn, PAYMENTS, given_up)

        if blocks or given_up:
            await self.shared.database.write(deed)

    # --- transactions

    async def _read_transactions(self) -> None:
        while True:
            more = await self._survive(self._some_transactions()) if self.shared.newest_transaction else None
            await self.shared.clock.sleep_ms(0 if more else self.pace.look_ms)

    async def _some_transactions(self) -> bool:
        newest = self.shared.newest_transaction
        async with self.shared.database.read() as conn:
            read = await events.read_spans(conn, "transactions")
        # The past of the blocks comes first: it is what everybody asks about.
        past = self.shared.first_asked.is_set() and self.shared.past_is_read()
        first = 1 if past else max(1, newest - LIVE_TRANSACTIONS)
        wanted = plan.newest_missing(read, first, newest, TRANSACTIONS_AT_ONCE)
        return bool(wanted) and await self._read_some(wanted)

    async def _read_some(self, wanted: Sequence[int]) -> bool:
        """Keep what one endpoint tells of these; False when nobody told anything."""
        for feed in self.shared.healthy():
            told = await feed.transactions(wanted)
            heard = [(n, said) for n, said in zip(wanted, told, strict=True) if not isinstance(said, Unheard)]
            done = [number for number, said in heard if said is None or said.height is not None]
            if done:
                await self._keep([said for _, said in heard if said is not None], done)
                return True
        return False

    async def _keep(self, told: Sequence[PosTransaction], done: Sequence[int]) -> None:
        candidates: dict[int, set[PosAddress]] = {}
        for one in told:
            executed = one.status is TransactionStatus.EXECUTED
            if one.kind is TransactionKind.ELECTION and executed and one.account and one.target_term:
                candidates.setdefault(one.target_term, set()).add(one.account)
        others = [one for one in told if one.kind not in QUIET and one.height is not None]

        async def deed(conn: Conn) -> None:
            for term, who in candidates.items():
                await elections.remember_candidates(conn, term, who)
            await events.remember_events(conn, others)
            await _mark(conn, "transactions", done)

        await self.shared.database.write(deed)
        oldest_first = sorted(others, key=lambda one: one.number)
        self.turns.name({one.account: one.height for one in oldest_first if one.account and one.height})

    # --- accounts

    async def _watch_accounts(self) -> None:
        """Those who are judged at each new block, as far as that is a fair share, and each minute."""
        committed = 0
        while True:
            newest = self.shared.committed
            if newest:
                await self._survive(self._ask_in_turn(new_block=newest != committed))
                committed = newest
            await self.shared.clock.sleep_ms(self.pace.turns_ms)

    async def _ask_in_turn(self, *, new_block: bool) -> None:
        first = next(iter(self._up_to_date()), None)
        if first is None:
            return
        async with self.shared.database.read() as conn:
            watched = await people.watched(conn)
        judged, now_ms = self.judged(), self.shared.clock.steady_ms()
        wanted = self.turns.whose(
            watched | set(judged.by_teams),
            judged.by_strangers,
            now_ms,
            new_block=new_block,
            calls_per_s=first.calls_per_s,
        )
        if wanted:
            await self._snapshot(wanted)

    def _up_to_date(self) -> list[Feed]:
        """The endpoints to ask about accounts: those first that have the newest block."""
        return sorted(self.shared.current(), key=lambda feed: feed.committed < self.shared.committed)

    async def _watch_stakes(self) -> None:
        """Stakes of everyone at an epoch's change."""
        taken_epoch = 0
        while True:
            epoch = self.epoch
            if epoch != taken_epoch:
                await self._survive(self._stakes(epoch))
                taken_epoch = epoch
            await self.shared.clock.sleep_ms(self.pace.look_ms)

    async def _stakes(self, epoch: int) -> None:
        await self._committees([epoch])
        async with self.shared.database.read() as conn:
            committee = await votes.committee(conn, epoch)
            wanted = [*sorted(await people.watched(conn)), *(committee.votes if committee else ())]
            wanted += await accounts.known_addresses(conn)
        told = await self._snapshot(list(dict.fromkeys(wanted))[:ACCOUNTS_MAX])
        if told and epoch > 1:
            held = {one.address: one.available_votes for one in told if one.exists}
            everyone = await self._network_votes()
            await self.shared.database.write(
                lambda conn: stakes.remember_stakes(conn, epoch - 1, held, everyone)
            )

    async def _snapshot(self, wanted: Sequence[PosAddress]) -> list[Account]:
        """What the first endpoint tells of these that tells anything; it is kept."""
        told: list[Account] = []
        for feed in self._up_to_date():
            told = await feed.accounts(wanted)
            if told:
                break
        if told:
            now = self.shared.clock.now_ms()
            self.turns.told(told)
            changed = await self.shared.database.write(
                lambda conn: accounts.remember_accounts(conn, told, now)
            )
            self.on_accounts(changed)
        return told

    async def _network_votes(self) -> int | None:
        """The votes of all accounts together, as the PoW side counts their stake."""
        found = await self._economics()
        return None if found is None else found.pos_staking_drip // (VOTE_CFX * DRIP_PER_CFX)

    # --- parameters and balances

    async def _economics(self) -> Economics | None:
        for feed in self.shared.current():
            found = await feed.economics()
            if found is not None:
                return found
        return None

    async def _parameters(self) -> None:
        found, at_ms = await self._economics(), self.shared.clock.now_ms()
        if found is not None:
            told, gap = found, await self._finality_gap_epochs()
            await self.shared.database.write(
                lambda conn: economics.remember_economics(conn, told, at_ms, gap)
            )
        await self._balances(at_ms)

    async def _finality_gap_epochs(self) -> int | None:
        """How many PoW epochs are not final yet; None when nobody answers."""
        for feed in self.shared.healthy():
            try:
                status = await feed.pow_status()
            except RpcError:
                continue  # the feed's own loop tells what is wrong with it
            return max(0, status.latest_epoch - status.finalized_epoch)
        return None

    async def _balances(self, at_ms: int) -> None:
        """What the PoW addresses of the watched hold."""
        async with self.shared.database.read() as conn:
            watched = await people.watched(conn)
            homes = {
                who: home for who, home in (await accounts.pow_addresses(conn)).items() if who in watched
            }
        feed = next(iter(self.shared.current()), None)
        if feed is None or not homes:
            return
        told = await feed.balances(list(homes.values()))

        async def deed(conn: Conn) -> None:
            for address, held in zip(homes, told, strict=True):
                if held is not None:
                    await economics.remember_balance(conn, address, *held, at_ms)

        await self.shared.database.write(deed)

    # --- tidying

    async def _fold(self) -> bool:
        """Move finished epochs out of the way; True when there may be more."""
        return bool(await self.shared.database.write(lambda conn: epochs.fold(conn, FOLDED_AT_ONCE)))

    async def _sum(self) -> None:
        await summing.refresh(self.shared.database)


async def _mark(conn: Conn, what: str, numbers: Collection[int]) -> None:
    for span in spans((number, number) for number in numbers):
        await events.mark_read(conn, what, span.first, span.last)


QUIET: Final = {TransactionKind.BLOCK_METADATA, TransactionKind.ELECTION, TransactionKind.PIVOT_DECISION}
