"""An epoch's blocks as a record of addresses, and as a database keeps them: by its own numbers and seats."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from vedette.model import pos
from vedette.model.pos import PosAddress
from vedette.model.spans import Span, Spans, gaps, spans
from vedette.store.carry import records
from vedette.store.carry.records import NOBODY, Bits, Committee, Epoch, Told
from vedette.store.epochs import OpenEpoch
from vedette.store.rosters import Roster, Signers
from vedette.store.tally import KeptBlock, Tally

HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness by the number that its database gave it, and the heights that were read from it."""

    number: int
    name: str
    read: Spans


# --- out of a database ------------------------------------------------------------------------------------


def committee_record(roster: Roster) -> Committee:
    held = roster.committee
    members = sorted(held.votes)
    votes = [held.votes[member] for member in members]
    return Committee(held.epoch, held.quorum_votes, held.total_votes, records.joined(members), votes)


def epoch_record(opened: OpenEpoch, named: Mapping[int, PosAddress], witnesses: Sequence[Witness]) -> Epoch:
    """The record of a folded epoch; `named` has the addresses of its leaders."""
    blocks = opened.blocks
    leaders = [None if block.proposer is None else named[block.proposer] for block in blocks]
    people = _people(opened, leaders)
    place = {address: at for at, address in enumerate(people)}
    members = opened.roster.seats
    union = _spread(opened, place, [block.tally.union for block in blocks])
    strays = [
        (at, place[address] - members, votes)
        for at, block in enumerate(blocks)
        for address, votes in sorted(block.tally.extra.items())
    ]
    return Epoch(
        epoch=opened.roster.committee.epoch,
        first_height=blocks[0].height,
        hashes=b"".join(block.hash for block in blocks),
        rounds=records.ints([block.round for block in blocks]),
        at_us=records.ints([block.at_us for block in blocks]),
        proposers=records.ints([NOBODY if leader is None else place[leader] for leader in leaders]),
        pivots=records.ints([_or_nobody(block.pivot_height) for block in blocks]),
        last_tx=records.ints([block.last_tx_number for block in blocks]),
        others=records.joined(people[members:]),
        strays=strays,
        signers=records.mask(union.T),
        told=[told for witness in witnesses if (told := _told(opened, place, witness, union)) is not None],
    )


def _or_nobody(value: int | None) -> int:
    return NOBODY if value is None else value


def _people(opened: OpenEpoch, leaders: Sequence[PosAddress | None]) -> list[PosAddress]:
    """Members first, then those who led or signed without a seat."""
    members = opened.roster.committee.votes.keys()
    strays = {address for block in opened.blocks for address in block.tally.extra}
    others = (strays | {leader for leader in leaders if leader is not None}) - members
    return [*sorted(members), *sorted(others)]


def _spread(opened: OpenEpoch, place: Mapping[PosAddress, int], bitmaps: Sequence[int]) -> Bits:
    """A row a block and a column a person, out of bitmaps over the database's own seats."""
    seats = opened.roster.seats
    size, mask = (seats + 7) // 8, (1 << seats) - 1
    seated = b"".join((bitmap & mask).to_bytes(size, "little") for bitmap in bitmaps)
    spread: Bits = np.zeros((len(bitmaps), len(place)), np.bool_)
    columns = [place[address] for address in opened.roster.committee.votes]
    spread[:, columns] = records.flags(seated, len(bitmaps), seats)
    for at, block in enumerate(opened.blocks):
        for behind, address in enumerate(block.tally.extra):
            spread[at, place[address]] = bitmaps[at] >> seats + behind & 1
    return spread


def _told(opened: OpenEpoch, place: Mapping[PosAddress, int], witness: Witness, union: Bits) -> Told | None:
    blocks = opened.blocks
    bitmaps = [block.tally.told.get(witness.number) for block in blocks]
    read = _within(witness.read, Span(blocks[0].height, blocks[-1].height))
    if not read and all(bitmap is None for bitmap in bitmaps):
        return None
    certified = np.array([bool(bitmap) for bitmap in bitmaps])
    differs = _spread(opened, place, [bitmap or 0 for bitmap in bitmaps]) ^ union
    differs[~certified] = False
    return Told(
        witness=witness.name,
        read=[(span.first, span.last) for span in read],
        told=records.mask(np.array([bitmap is not None for bitmap in bitmaps])),
        certified=records.mask(certified),
        differs=records.mask(differs.T) if differs.any() else b"",
    )


def _within(read: Spans, span: Span) -> Spans:
    """Those parts of what was read that lie in the span."""
    return gaps(gaps(read, span), span)


# --- into a database --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class ToldBits:
    """What one witness told: a row a block and a column a person. A row that is not told is empty."""

    witness: str
    read: Spans
    told: Bits
    signed: Bits


class CarriedBlock(NamedTuple):
    """One block without its signers."""

    hash: bytes
    round: int
    at_us: int
    proposer: int  # one of the people, or NOBODY
    pivot_height: int  # or NOBODY
    last_tx_number: int


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """An epoch's record, opened, with the committee that belongs to it: both were found to be sound."""

    committee: Committee
    people: list[PosAddress]  # members first, ascending
    first_height: int
    blocks: list[CarriedBlock]
    strays: Mapping[int, Mapping[PosAddress, int]]  # votes of those who signed without a seat, by block
    told: list[ToldBits]

    @property
    def epoch(self) -> int:
        return self.committee.epoch

    @property
    def members(self) -> list[PosAddress]:
        return self.people[: len(self.committee.votes)]

    @property
    def heights(self) -> Span:
        return Span(self.first_height, self.first_height + len(self.blocks) - 1)

    def signers(self, at: int) -> set[PosAddress]:
        """Who signed a block, as all witnesses together say; empty: nobody saw a certificate."""
        return {
            self.people[place] for told in self.told for place in np.flatnonzero(told.signed[at]).tolist()
        }

    @property
    def hex_hashes(self) -> dict[int, str]:
        """By height, as 0x and 64 hex digits."""
        return {height: "0x" + one.hash.hex() for height, one in enumerate(self.blocks, self.first_height)}


def members_of(committee: Committee) -> list[PosAddress]:
    """The members of a committee whose parts add up. Raises ValueError."""
    members = records.parted(committee.members)
    if members != sorted(set(members)) or len(members) != len(committee.votes) or not members:
        raise ValueError("its committee is out of order")
    if sum(committee.votes) != committee.total_votes:
        raise ValueError("its committee's votes do not add up")
    if not 0 < committee.quorum_votes <= committee.total_votes:
        raise ValueError("its quorum is none")
    return members


def as_committee(record: Committee) -> pos.Committee:
    """The committee that a record means. Raises ValueError."""
    votes = dict(zip(members_of(record), record.votes, strict=True))
    return pos.Committee(record.epoch, record.quorum_votes, record.total_votes, votes)


def opened(committee: Committee, epoch: Epoch) -> Carried:
    """The two together, if what they say fits together. Raises ValueError."""
    if epoch.epoch != committee.epoch:
        raise ValueError("its committee is missing")
    others = records.parted(epoch.others)
    people = [*members_of(committee), *others]
    hashes = [epoch.hashes[at : at + HASH_BYTES] for at in range(0, len(epoch.hashes), HASH_BYTES)]
    if (
        not hashes
        or len(hashes[-1]) != HASH_BYTES
        or epoch.first_height < 1
        or len(set(people)) != len(people)
    ):
        raise ValueError("its blocks are cut short")
    columns = (epoch.rounds, epoch.at_us, epoch.proposers, epoch.pivots, epoch.last_tx)
    recalled = [records.recalled(column, len(hashes)) for column in columns]
    blocks = [CarriedBlock(*row) for row in zip(hashes, *recalled, strict=True)]
    if any(later.round <= sooner.round for sooner, later in pairwise(blocks)):
        raise ValueError("its rounds do not ascend")
    if not all(NOBODY <= block.proposer < len(people) for block in blocks):
        raise ValueError("its leaders are unknown")
    if min(min(column) for column in recalled) < NOBODY:
        raise ValueError("a number is below zero")
    union = records.flags(epoch.signers, len(people), len(hashes)).T
    return Carried(
        committee=committee,
        people=people,
        first_height=epoch.first_height,
        blocks=blocks,
        strays=_strays(epoch.strays, len(hashes), others),
        told=[_opened(told, union) for told in epoch.told],
    )


def check(carried: Carried) -> None:
    """Who tells of an epoch read its heights, and no certificate lacks a quorum. Raises ValueError."""
    if not all(0 <= block.at_us < records.AT_US_MAX for block in carried.blocks):
        raise ValueError("a block is of no time that can be")
    if not carried.told or len({told.witness for told in carried.told}) != len(carried.told):
        raise ValueError("nobody tells of it, or somebody twice")
    if any(gaps((carried.heights,), span) for told in carried.told for span in told.read):
        raise ValueError("a witness read what is not in it")
    votes = np.array(carried.committee.votes, np.int64)
    signed = np.any([told.signed[:, : len(votes)] for told in carried.told], axis=0) @ votes
    for height, each in enumerate(signed.tolist(), carried.first_height):
        if 0 < each < carried.committee.quorum_votes:
            quorum = carried.committee.quorum_votes
            raise ValueError(f"its block {height} is signed with {each} votes, and a quorum is {quorum}")


def _strays(
    told: Sequence[tuple[int, int, int]], blocks: int, others: Sequence[PosAddress]
) -> dict[int, dict[PosAddress, int]]:
    strays: dict[int, dict[PosAddress, int]] = {}
    for at, other, votes in told:
        if at >= blocks or other >= len(others):
            raise ValueError("a signer without a seat is unknown")
        strays.setdefault(at, {})[others[other]] = votes
    return strays


def _opened(told: Told, union: Bits) -> ToldBits:
    blocks, people = union.shape
    heard, certified = records.flags(told.told, blocks), records.flags(told.certified, blocks)
    signed = union ^ records.flags(told.differs, people, blocks).T if told.differs else union.copy()
    signed[~certified] = False
    if (certified & ~heard).any() or any(last < first for first, last in told.read):
        raise ValueError("a witness tells of what it did not read")
    return ToldBits(told.witness, spans(told.read), heard, signed)


def kept_blocks(
    carried: Carried, roster: Roster, numbers: Mapping[PosAddress, int], witnesses: Mapping[str, int]
) -> list[KeptBlock]:
    """The blocks as this database keeps them; `numbers` and `witnesses` are what it calls them."""
    tallies = _tallies(carried, roster, witnesses)
    return [
        KeptBlock(
            height=height,
            hash=block.hash,
            epoch=carried.epoch,
            round=block.round,
            at_us=block.at_us,
            proposer=None if block.proposer == NOBODY else numbers[carried.people[block.proposer]],
            pivot_height=None if block.pivot_height == NOBODY else block.pivot_height,
            last_tx_number=block.last_tx_number,
            tally=tally,
        )
        for height, (block, tally) in enumerate(
            zip(carried.blocks, tallies, strict=True), carried.first_height
        )
    ]


def _tallies(carried: Carried, roster: Roster, witnesses: Mapping[str, int]) -> list[Tally]:
    place = {address: at for at, address in enumerate(carried.people)}
    seats = [place[address] for address in roster.committee.votes]
    tallies = [Tally(roster, dict(carried.strays.get(at, {}))) for at in range(len(carried.blocks))]
    for told in carried.told:
        number = witnesses[told.witness]
        rows = np.packbits(told.signed[:, seats], axis=1, bitorder="little")
        for at in np.flatnonzero(told.told).tolist():
            bitmap = int.from_bytes(rows[at].tobytes(), "little")
            for behind, address in enumerate(tallies[at].extra, roster.seats):
                bitmap |= int(told.signed[at, place[address]]) << behind
            tallies[at].told[number] = bitmap
    return tallies


def last_signed(carried: Carried, kept: Sequence[KeptBlock]) -> dict[PosAddress, int]:
    """The highest block that each account is believed to have signed."""
    signed: dict[PosAddress, int] = {}
    missing = set(carried.people)
    for block in reversed(kept):
        signers = Signers(block.tally.union, block.tally.roster, block.tally.extra)
        found = {address for address in missing if address in signers}
        signed |= dict.fromkeys(found, block.height)
        missing -= found
        if not missing:
            break
    return signed
