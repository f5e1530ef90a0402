"""What is known of the watched validators and of the chain beyond the newest blocks, for those who judge.

Retirement, seats, finished epochs, stakes: it moves with blocks and epochs, and reading it takes longer than
a round of the judge may. What is not known is None.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Final

import numpy as np

from vedette.conflux import networks
from vedette.conflux.address import AddressKind, decode, kind
from vedette.model.account_events import AccountEvent, AccountEventKind, account_events
from vedette.model.forecast import RETIRING_EPOCHS, Pace, Retirement
from vedette.model.history import EpochCounts, Of, OfNetwork
from vedette.model.pool import KnownPool
from vedette.model.pos import Account, PosAddress
from vedette.model.radar import ElectionState, Radar
from vedette.model.view import ElectionView, EpochView, ForkView, NetworkView, StakeChange
from vedette.server import readiness
from vedette.server.ahead import Ahead, LastSigned, ahead, candidate, retirement_of
from vedette.server.readiness import Heights
from vedette.server.tip import Tip
from vedette.store import accounts, economics, epochs, events, pages, pools, votes
from vedette.store.database import Conn
from vedette.store.pages import EpochSums, SumsState
from vedette.store.pools import HeldSince
from vedette.store.votes import BlockVotes

DAY_MS: Final = 86_400_000
DAY_EPOCHS: Final = 24
SIGNED_EPOCHS: Final = RETIRING_EPOCHS + 1
BREATHE: Final = 10
"""After so many validators others have their turn."""
PPM: Final = 1_000_000
SERVED_MIN: Final = 3
"""Who served in fewer epochs of the day does not count for what is usual."""
BOOKS_BEFORE_MS: Final = 2_400_000
BOOKS_AFTER_MS: Final = 1_500_000
"""A pool's books change some minutes before the PoS chain hears of it, and are looked at each ten minutes."""
UNDECIDED: Final = frozenset({ElectionState.OPEN, ElectionState.NOT_OPEN})
NO_ELECTION: Final = ElectionView()
NO_NETWORK: Final = NetworkView()
LEAVES: Final = frozenset({AccountEventKind.UNLOCKING, AccountEventKind.RETIRED})


@dataclass(frozen=True, slots=True)
class Prospect:
    """One validator's. The fields are those of ValidatorView."""

    account: Account | None = None
    account_at_ms: int | None = None
    retirement: Retirement | None = None
    service_ends_height: int | None = None
    newly_elected: bool | None = None
    epochs: tuple[EpochView, ...] = ()
    changes: tuple[StakeChange, ...] = ()
    election: ElectionView = NO_ELECTION
    pool: str | None = None
    gas_drip: int | None = None
    pow_address: str | None = None


@dataclass(frozen=True, slots=True)
class Prospects:
    """Everybody's, and the chain's. `payers`: who pays for a pool's transactions, by its validator."""

    network: NetworkView = NO_NETWORK
    of: Mapping[PosAddress, Prospect] = field(default_factory=dict)
    payers: Mapping[PosAddress, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Day:
    """The counted epochs of the last day, oldest first; kept until the sums change."""

    state: SumsState | None = None
    epochs: tuple[EpochSums, ...] = ()
    ended_at_us: Mapping[int, int] = field(default_factory=dict)
    signed: Mapping[int, EpochCounts] = field(default_factory=dict)  # the newest few, by member


async def read_day(conn: Conn, held: Day) -> Day:
    """The day as it is now; the very same if nothing changed."""
    state = await pages.state(conn)
    newest = state.newest_epoch
    if state == held.state or newest is None:
        return replace(held, state=state)
    found = tuple(await pages.epoch_sums(conn, DAY_EPOCHS))
    ended = await epochs.ends(conn, [one.epoch for one in found])
    return Day(state, found, ended)


async def read(conn: Conn, tip: Tip, day: Day, wanted: Collection[PosAddress], now_ms: int) -> Prospects:
    """What is known of these validators now."""
    found = await ahead(conn, tip)
    newest = tip.newest
    network = await _network(conn, day, found)
    if not wanted or newest is None:
        return Prospects(network)
    who = sorted(wanted)
    signing = await _signing(conn, found) if found is not None else None
    homes = await accounts.pow_addresses(conn)
    owned = by_validator(await pools.listed_pools(conn))
    changes = await _changes(conn, who, owned, now_ms)
    lines = epoch_views(day, await accounts.numbers(conn, who))
    gas = await economics.balances_now(conn, who)
    told: dict[PosAddress, Prospect] = {}
    for at, one in enumerate(who, 1):
        account, at_ms = tip.accounts.get(one, (None, None))
        pool = owned.get(one)
        one_ahead = _ahead_of(found, one, account, signing)
        told[one] = replace(
            one_ahead,
            account=account,
            account_at_ms=at_ms,
            epochs=lines.get(one, ()),
            changes=changes.get(one, ()),
            pool=None if pool is None else pool.listed_name,
            gas_drip=gas.get(one) if pool is None and pays(homes.get(one)) else None,
            pow_address=homes.get(one),
        )
        if at % BREATHE == 0:
            await asyncio.sleep(0)
    return Prospects(network, told, _payers(owned, told))


def pays(address: str | None) -> bool:
    """Whether it can send transactions: a contract pays for none."""
    return address is not None and kind(decode(address).raw) is AddressKind.USER


def _payers(owned: Mapping[PosAddress, KnownPool], wanted: Collection[PosAddress]) -> dict[PosAddress, str]:
    """A pool's owner sends the transactions that stake anew after a retirement."""
    owners = {one: pool.terms.owner for one, pool in owned.items() if one in wanted}
    return {one: owner for one, owner in owners.items() if owner is not None and pays(owner)}


# --- the chain ---------------------------------------------------------------------------------------------


async def _network(conn: Conn, day: Day, found: Ahead | None) -> NetworkView:
    """What the newest blocks do not tell by themselves; the rest is left at None."""
    pace = None if found is None else found.pace
    return NetworkView(
        epoch_last_height=None if pace is None else pace.epoch_last_height,
        term_blocks=None if pace is None else pace.term_blocks,
        median_vote_rate_ppm=median_vote_rate_ppm(day),
        usual_participation_ppm=usual_participation_ppm(day),
        followed_since_ms=await economics.first_economics_ms(conn),
    )


def forks_ahead(chain_id: int | None, now: Heights) -> tuple[ForkView, ...]:
    """The nearest first. A network that networks.toml does not know has none."""
    network = None if chain_id is None else networks.network(chain_id)
    known = () if network is None else network.forks
    return tuple(
        ForkView(
            name=fork.name,
            first_version=fork.version,
            pow_epoch=fork.pow_epoch,
            pos_height=fork.pos_height,
            activates_at_ms=readiness.activates_at_ms(fork, now),
        )
        for fork, state in zip(known, readiness.states(known, now), strict=True)
        if state != "past"
    )


def usual_participation_ppm(day: Day) -> int | None:
    """The median of the day's epochs: an outage of some hours does not move it."""
    told = [one.sums.network for one in day.epochs if one.sums.network[OfNetwork.EXPECTED_VOTES]]
    rates = [PPM * int(one[OfNetwork.CAST_VOTES]) // int(one[OfNetwork.EXPECTED_VOTES]) for one in told]
    return round(median(rates)) if len(rates) >= SERVED_MIN else None


def median_vote_rate_ppm(day: Day) -> int | None:
    """Of all who served in some epochs of the day: what share of the known blocks they signed."""
    if not day.epochs:
        return None
    columns = (Of.SERVED_EPOCHS, Of.KNOWN_BLOCKS, Of.SIGNED_BLOCKS)
    lines = np.concatenate([one.sums.lines[:, columns] for one in day.epochs])
    everyone, places = np.unique(
        np.concatenate([one.sums.accounts for one in day.epochs]), return_inverse=True
    )
    served, known, own = (
        np.bincount(places, lines[:, n], len(everyone)).astype(np.int64) for n in range(len(columns))
    )
    counts = (served >= SERVED_MIN) & (known > 0)
    rates = PPM * own[counts] // known[counts]
    return round(median(rates.tolist())) if len(rates) else None


# --- finished epochs --------------------------------------------------------------------------------------


def epoch_views(day: Day, numbers: Mapping[PosAddress, int]) -> dict[PosAddress, tuple[EpochView, ...]]:
    """The day of each validator."""
    found: dict[PosAddress, list[EpochView]] = {one: [] for one in numbers}
    for held in day.epochs:
        ended_us = day.ended_at_us.get(held.epoch)
        if ended_us is None:
            continue
        rewarded = bool(held.sums.network[OfNetwork.REWARDED_EPOCHS])
        rows = dict(zip(held.sums.accounts.tolist(), held.sums.lines.tolist(), strict=True))
        for one, number in numbers.items():
            line = rows.get(number, NO_PART)
            found[one].append(_epoch_view(held.epoch, line, ended_us // 1000, rewarded=rewarded))
    return {one: tuple(views) for one, views in found.items()}


NO_PART: Final = [0] * len(Of)


def _epoch_view(epoch: int, line: Sequence[int], ended_at_ms: int, *, rewarded: bool) -> EpochView:
    known = rewarded and bool(line[Of.COMMITTEE_DUE_GDRIP] or not line[Of.SERVED_EPOCHS])
    due = line[Of.COMMITTEE_DUE_GDRIP] + line[Of.LEADER_DUE_GDRIP]  # candidates earn some more
    return EpochView(
        epoch=epoch,
        votes=line[Of.SEAT_EPOCHS],
        signed_blocks=line[Of.SIGNED_BLOCKS],
        known_blocks=line[Of.KNOWN_BLOCKS],
        ended_at_ms=ended_at_ms,
        reward_gdrip=line[Of.REWARD_GDRIP] if rewarded else None,
        due_gdrip=due if known else None,
    )


# --- retirement and elections -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Signing:
    """Who signed in the newest epochs, as far as it counts, newest first; None: nobody saw some of it."""

    epochs: Mapping[int, frozenset[PosAddress] | None]
    partly: Mapping[int, frozenset[PosAddress]]  # who is known to have signed there all the same

    def last(self, one: PosAddress, pace: Pace) -> LastSigned:
        signed = [epoch for epoch, who in self.partly.items() if one in who]
        unseen = [epoch for epoch, who in self.epochs.items() if who is None]
        first = max(1, pace.epoch - SIGNED_EPOCHS)
        return LastSigned(max(signed, default=None), max(unseen) + 1 if unseen else first)


async def _signing(conn: Conn, found: Ahead) -> Signing:
    """For all validators at once: finished epochs by their counts, the one under way by its blocks."""
    pace = found.pace
    first = max(1, pace.epoch - SIGNED_EPOCHS)
    counted = {one.epoch: one for one in await epochs.counts(conn, first, pace.epoch - 1)}
    recent = (await votes.recent(conn, pace.term_blocks + 1)).blocks
    partly: dict[int, frozenset[PosAddress]] = {}
    whole: dict[int, frozenset[PosAddress] | None] = {}
    for epoch in range(pace.epoch - 1, first - 1, -1):
        counts = counted.get(epoch)
        partly[epoch] = frozenset() if counts is None else _counted(counts)
        seen = counts is not None and counts.known_blocks == counts.blocks
        whole[epoch] = partly[epoch] if seen else None
    partly[pace.epoch], seen_now = _under_way(recent, pace)
    whole[pace.epoch] = partly[pace.epoch] if seen_now else None
    return Signing(whole, partly)


def _counted(counts: EpochCounts) -> frozenset[PosAddress]:
    return frozenset(who for who, one in counts.members.items() if one.counted_blocks)


def _under_way(recent: Iterable[BlockVotes], pace: Pace) -> tuple[frozenset[PosAddress], bool]:
    """Who signed in this epoch, and whether all of it was seen so far. Its last block does not count."""
    first = pace.epoch_last_height - pace.term_blocks + 1
    blocks = [one for one in recent if one.height >= first]
    heights = {one.height for one in blocks if one.signers}
    signed = {who for one in blocks if one.height < pace.epoch_last_height for who in one.signers}
    wanted = range(max(epochs.FIRST_BLOCK, first), min(pace.height, pace.epoch_last_height - 1) + 1)
    return frozenset(signed), heights.issuperset(wanted)


def _ahead_of(
    found: Ahead | None, one: PosAddress, account: Account | None, signing: Signing | None
) -> Prospect:
    if found is None or signing is None:
        return Prospect()
    members = found.is_member(one, account)
    epoch = found.pace.epoch
    before = found.committees.get(epoch - 1)
    newly = None if before is None else bool(members.get(epoch)) and not before.votes.get(one)
    leaves = members.get(epoch) is True and members.get(epoch + 1) is False
    return Prospect(
        retirement=retirement_of(found, one, account, signing.last(one, found.pace)),
        service_ends_height=found.pace.epoch_last_height if leaves else None,
        newly_elected=newly,
        election=_election(found, one, found.radar(one, account)),
    )


def _election(found: Ahead, one: PosAddress, radar: Radar) -> ElectionView:
    over = [each.term for each in radar.elections if each.state not in UNDECIDED]
    coming = next((each for each in radar.elections if each.state in UNDECIDED), None)
    chance = None if coming is None else coming.chance_ppm
    last_closed = max([*over, found.pace.epoch - 1])
    return ElectionView(
        free_votes=None if coming is None else coming.free_votes,
        terms_without_standing=terms_without_standing(found.candidates, one, last_closed),
        terms_without_seat=_without_seat(found, one),
        expected_terms_between_seats=PPM / chance if chance else None,
    )


def terms_without_standing(
    candidates: Mapping[int, Collection[PosAddress]], one: PosAddress, last_closed: int
) -> int | None:
    """Closed terms in a row for which it did not stand, from the newest whose transactions were all read.

    `candidates` by term, of those terms of which any transaction was read.
    """
    first = min(candidates, default=last_closed + 1)
    stood = {
        term: None if term not in candidates else one in candidates[term]
        for term in range(first - 1, last_closed + 2)
    }
    answers = [candidate(term, stood) for term in range(last_closed, first - 1, -1)]
    while answers and answers[0] is None:
        answers.pop(0)
    return _run(answer is False for answer in answers) if answers else None


def _without_seat(found: Ahead, one: PosAddress) -> int | None:
    terms = sorted(found.elected, reverse=True)
    unbroken = [term for place, term in enumerate(terms) if terms[0] - term == place]
    return _run(not found.elected[term].get(one) for term in unbroken) if unbroken else None


def _run(answers: Iterable[bool]) -> int:
    """How many at the start are true."""
    count = 0
    for answer in answers:
        if not answer:
            break
        count += 1
    return count


# --- forced retirement that is not made good --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Retired:
    """An account's newest forced retirement. `at_ms` None: there is none, or votes were added since."""

    told_height: int | None  # what its snapshot says of it now; null again once it is over
    seen_at_ms: int | None = None
    at_ms: int | None = None


async def retired(
    conn: Conn, tip: Tip, held: Mapping[PosAddress, Retired], wanted: Collection[PosAddress]
) -> dict[PosAddress, Retired]:
    """Of the past only what is not known yet is read; whether votes were added is asked while it matters."""
    told = {one: tip.accounts[one][0].force_retired_height for one in wanted if one in tip.accounts}
    anew = [one for one, height in told.items() if one not in held or held[one].told_height != height]
    seen = await accounts.retired_at(conn, anew) if anew else {}
    found = {one: held[one] for one in told if one not in anew}
    found |= {one: Retired(told[one], seen.get(one), seen.get(one)) for one in anew}
    for one, each in found.items():
        if each.at_ms is not None and await events.added_since(conn, one, each.at_ms):
            found[one] = replace(each, at_ms=None)
    return found


# --- stakes -----------------------------------------------------------------------------------------------


def by_validator(listed: Iterable[KnownPool]) -> dict[PosAddress, KnownPool]:
    """The pool of each validator: the one that the chain's register binds to it before others."""
    registered_last = sorted(listed, key=lambda one: bool(one.is_registered))
    return {one.pos_address: one for one in registered_last if one.pos_address is not None}


async def _changes(
    conn: Conn, who: Sequence[PosAddress], owned: Mapping[PosAddress, KnownPool], now_ms: int
) -> dict[PosAddress, tuple[StakeChange, ...]]:
    """What happened to the stakes of those to whom anything happened in the last day."""
    since_ms = now_ms - DAY_MS
    found: dict[PosAddress, tuple[StakeChange, ...]] = {}
    for one, history in (await accounts.stake_histories(conn, who, since_ms)).items():
        pool = owned.get(one)
        books = (
            []
            if pool is None
            else await pools.holdings_between(conn, pool.contract, since_ms - BOOKS_BEFORE_MS, now_ms)
        )
        told = [(at_ms, event) for at_ms, event in account_events(history) if at_ms > since_ms]
        retired = any(account.force_retired_height is not None for _, account in history)
        found[one] = tuple(stake_change(at_ms, event, books, retired=retired) for at_ms, event in told)
    return found


def stake_change(
    at_ms: int, event: AccountEvent, books: Sequence[HeldSince], *, retired: bool
) -> StakeChange:
    return StakeChange(
        kind=event.kind,
        at_ms=at_ms,
        height=event.height,
        votes=event.votes,
        until_height=event.until_height,
        explained_by=explained_by(event, at_ms, books, retired=retired),
    )


def explained_by(event: AccountEvent, at_ms: int, books: Sequence[HeldSince], *, retired: bool) -> str | None:
    """Who brought a change about, if that is known: the chain itself, or people through the pool's contract.

    Votes that leave, or come, while a forced retirement lasts go straight to the out queue.
    """
    if event.kind is AccountEventKind.FORCE_RETIRED or (retired and event.kind in LEAVES):
        return "forced_retirement"
    if event.kind is AccountEventKind.ADDED:
        return "pool" if _moved(books, at_ms, 1) >= event.votes else None
    if event.kind in LEAVES:
        return "pool" if _moved(books, at_ms, -1) >= event.votes else None
    return None


def _moved(books: Sequence[HeldSince], at_ms: int, sign: int) -> int:
    """Votes by which the stakers' own changed around that time, up (1) or down (-1)."""
    return sum(
        max(0, sign * step)
        for since, step in _steps(books)
        if at_ms - BOOKS_BEFORE_MS <= since <= at_ms + BOOKS_AFTER_MS
    )


def _steps(books: Sequence[HeldSince]) -> Iterator[tuple[int, int]]:
    before: int | None = None
    for since, held in books:
        if held.available_votes is not None:
            if before is not None:
                yield since, held.available_votes - before
            before = held.available_votes
