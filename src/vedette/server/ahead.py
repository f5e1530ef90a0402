"""Where the chain is, as the store knows it: what forecasts of retirement, queues and seats rest on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from vedette.conflux import networks
from vedette.model.ballot import Ballot
from vedette.model.election import TERMS_SERVING, CommitteeNow, Election
from vedette.model.forecast import RETIRING_EPOCHS, Pace, Retirement, retirement
from vedette.model.pos import Account, Committee, PosAddress
from vedette.model.radar import Radar, membership, radar, seats_by_term
from vedette.model.reward import DRIP_PER_CFX, VOTE_CFX
from vedette.server.tip import Tip
from vedette.store import chain, economics, elections, epochs, stakes, strips, votes
from vedette.store.database import Conn
from vedette.store.elections import TermElection
from vedette.store.epochs import EpochSpan

LOOK_BACK_EPOCHS: Final = 2 * TERMS_SERVING
SIGNED_EPOCHS: Final = RETIRING_EPOCHS + 1
"""Whoever signed in none of these is as near to retirement as can be."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is known of the votes that an account had available as epochs began."""

    stakes: Mapping[int, Mapping[PosAddress, int]]  # available as an epoch ended, or some time after
    begins: Mapping[int, int]  # the heights at which epochs begin
    in_queue_blocks: int | None  # so long at least locked votes had been available already; None: not known

    def votes(self, one: PosAddress, account: Account | None) -> dict[int, int]:
        """By epoch, so many at least; `account` is any of its snapshots.

        A stake that was seen late may have grown again since the epoch began: that it was as large an epoch
        before says that it had not left.
        """
        ends = {epoch + 1: held.get(one, 0) for epoch, held in self.stakes.items()}
        seen = {epoch: min(ends[epoch - 1], votes) for epoch, votes in ends.items() if epoch - 1 in ends}
        locked = {} if account is None else dict.fromkeys(self._locked_in(account), account.locked_votes)
        return {epoch: max(seen.get(epoch, 0), locked.get(epoch, 0)) for epoch in {*seen, *locked}}

    def _locked_in(self, account: Account) -> list[int]:
        """Epochs that began when what is locked in that snapshot was available. No vote locks twice."""
        if self.in_queue_blocks is None:
            return []
        since = account.height - self.in_queue_blocks
        return [epoch for epoch, height in self.begins.items() if since <= height <= account.height]


@dataclass(frozen=True, slots=True)
class Ahead:
    """The acting committee, the coming elections, and the recent past of both."""

    pace: Pace
    now: CommitteeNow
    committees: Mapping[int, Committee]  # by epoch
    elected: Mapping[int, Mapping[PosAddress, int]]  # finalized, by term
    held: Held
    network_votes: int | None
    candidates: Mapping[int, frozenset[PosAddress]] = field(default_factory=dict)  # by term, as far as read

    def radar(self, address: PosAddress, account: Account | None) -> Radar:
        return radar(
            self.now,
            address,
            self.pace,
            committees=self.committees,
            elected=self.elected,
            held=self.held.votes(address, account),
            available_votes=account.available_votes if account else None,
            network_votes=self.network_votes,
        )

    def is_member(self, address: PosAddress, account: Account | None) -> dict[int, bool]:
        """Whether it serves in this epoch and, if that can be told, in the next."""
        seats = seats_by_term(address, self.committees, self.elected, self.held.votes(address, account))
        return membership(self.now, seats, address, account.available_votes if account else None)


async def ahead(conn: Conn, tip: Tip) -> Ahead | None:
    """Everything that forecasts need; None while the acting committee or the epoch's end is not known."""
    newest = tip.newest
    if newest is None or newest.committee is None:
        return None
    first = newest.epoch - LOOK_BACK_EPOCHS
    known = await elections.elections(conn, first, newest.epoch + TERMS_SERVING)
    pace = pace_of(tip, known, await epochs.span_before(conn, newest.epoch))
    if pace is None:
        return None
    now = CommitteeNow(newest.committee, tuple(one for _, one in coming(known, newest.epoch)))
    elected = {
        term: one.election.votes for term, one in known.items() if one.election and one.election.is_finalized
    }
    return Ahead(
        pace,
        now,
        await votes.committees(conn, first, newest.epoch),
        elected,
        await held_in(conn, range(first, newest.epoch + 1), pace),
        await _network_votes(conn),
        {term: one.candidates for term, one in known.items() if one.candidates is not None},
    )


async def held_in(conn: Conn, wanted: range, pace: Pace | None) -> Held:
    """What is known of everybody's votes in these epochs; with the pace, of the last dozen the most."""
    seen = await stakes.stakes(conn, wanted.start - 2, wanted.stop - 2)
    recent = range(pace.epoch - LOOK_BACK_EPOCHS, pace.epoch + 1) if pace else ()
    network = networks.network(await chain.chain_id(conn) or 0)
    return Held(
        {epoch: one for epoch, (one, _) in seen.items()},
        {epoch: pace.last_height(epoch - 1) for epoch in recent if pace},
        network.in_queue_blocks if network else None,
    )


async def _network_votes(conn: Conn) -> int | None:
    told = await economics.newest_economics(conn)
    return None if told is None else told[1].pos_staking_drip // (VOTE_CFX * DRIP_PER_CFX)


def coming(held: Mapping[int, TermElection], epoch: int) -> list[tuple[int, Election]]:
    """The two coming terms as they were seen last, as far as they were seen."""
    nearer = max(epoch, TERMS_SERVING)
    found = ((term, held[term].election) for term in (nearer, nearer + 1) if term in held)
    return [(term, election) for term, election in found if election is not None]


def pace_of(tip: Tip, held: Mapping[int, TermElection], before: EpochSpan | None) -> Pace | None:
    """Where the chain is. The epoch's end is told by the coming elections, else by a finished epoch."""
    newest = tip.newest
    if newest is None:
        return None
    terms = coming(held, newest.epoch)
    blocks = _term_blocks([election.start_height for _, election in terms], before)
    ends = [election.start_height - (term - newest.epoch) * blocks for term, election in terms]
    if before is not None:
        ends.append(before.last_height + (newest.epoch - before.epoch) * blocks)
    # An election that was seen long ago may tell of another length of terms.
    fitting = [end for end in ends if newest.height <= end < newest.height + blocks]
    if not blocks or not fitting:
        return None
    return Pace(newest.epoch, newest.height, fitting[0], blocks, block_interval_ms(tip))


def _term_blocks(starts: list[int], before: EpochSpan | None) -> int:
    """Heights of one epoch; 0: not known. The first epoch lacks its first block."""
    if len(starts) > 1:
        return starts[1] - starts[0]
    if before is None:
        return 0
    return before.last_height - (before.first_height - 1 if before.epoch > 1 else 0)


def block_interval_ms(tip: Tip) -> int | None:
    """The usual time from block to block, over the last hundred."""
    blocks = [block for block in tip.recent.blocks if block.known]
    if len(blocks) < 2 or blocks[-1].height == blocks[0].height:  # noqa: PLR2004  two blocks make an interval
        return None
    lasted_us = blocks[-1].at_us - blocks[0].at_us
    return max(0, lasted_us) // (blocks[-1].height - blocks[0].height) // 1000


def candidate(term: int, stood: Mapping[int, bool | None]) -> bool | None:
    """Whether it stood for that term; None until all of the term's transactions were read.

    They are read from the newest down, and those of a term come after those of the term before: so a term is
    read when something of both its neighbours is. The first term of all (6) has none before it.
    """
    if stood.get(term) or stood.get(term) is None:
        return stood.get(term)
    below = term <= TERMS_SERVING or stood.get(term - 1) is not None
    return False if below and stood.get(term + 1) is not None else None


# --- retirement -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LastSigned:
    """The newest epoch with a signature that counts, as far as signatures are known."""

    epoch: int | None  # None: in none of the epochs that were looked at
    known_from_epoch: int  # from here on every certificate was seen


async def last_signed(conn: Conn, address: PosAddress, pace: Pace) -> LastSigned:
    """Looks back as far as matters. An epoch's last block does not count: its certificate comes too late."""
    first_epoch = max(1, pace.epoch - SIGNED_EPOCHS)
    first = max(epochs.FIRST_BLOCK, pace.last_height(first_epoch - 1) + 1)
    strip = await strips.between(conn, address, first, pace.height)
    newest_first = range(pace.epoch, first_epoch - 1, -1)
    pieces = {epoch: _counted(strip, pace, epoch) for epoch in newest_first}
    signed = [
        epoch for epoch in newest_first if Ballot.SIGNED in pieces[epoch] or Ballot.LED in pieces[epoch]
    ]
    unseen = [epoch for epoch in newest_first if Ballot.UNSEEN in pieces[epoch]]
    return LastSigned(signed[0] if signed else None, unseen[0] + 1 if unseen else first_epoch)


def _counted(strip: strips.Strip, pace: Pace, epoch: int) -> str:
    begin, end = pace.last_height(epoch - 1) + 1, pace.last_height(epoch)
    return strip.letters[max(0, begin - strip.first) : max(0, end - strip.first)]


def retirement_of(
    ahead: Ahead, address: PosAddress, account: Account | None, signed: LastSigned
) -> Retirement:
    return retirement(
        ahead.pace,
        last_signed_epoch=signed.epoch,
        known_from_epoch=signed.known_from_epoch,
        is_member=ahead.is_member(address, account),
    )
