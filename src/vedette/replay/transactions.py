"""One epoch's PoS transactions: which, in what order, and as JSON.

Shapes: conflux-rust, crates/rpc/rpc-cfx-types/src/pos/transaction.rs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np

from vedette.conflux.pos import NOBODY
from vedette.model.pos import PosAddress
from vedette.model.transaction import TransactionKind
from vedette.replay import leaves
from vedette.replay.dice import BLOCK_HASH, POW_HASH, Stream
from vedette.replay.growth import Growth, flags, pivot_heights
from vedette.replay.leaves import Ints, Leaves
from vedette.replay.plan import DeedKind

HASTE_BLOCKS = 4.0  # a candidate tries each round until it is heard: most are within the first few
PROOF_BYTES = 81
EVIDENCE_BYTES = 200
VRF_PROOF_PREFIX = "03"


class Place(IntEnum):
    """In the order in which they stand in a block; a deed's kind is its place too."""

    METADATA = 0
    PIVOT = 1
    ELECTION = 5


class Entry(NamedTuple):
    """One transaction before it is written down. `about` is a pivot's height, a term, or votes."""

    height: int
    place: int
    account: int
    about: int = 0


@dataclass(frozen=True, slots=True)
class Ledger:
    """The transactions of one epoch in their order."""

    entries: Sequence[Entry]
    first_number: int

    def last_numbers(self, first_height: int, blocks: int) -> Ints:
        """The number of the last transaction in each block."""
        rows = np.array([entry.height for entry in self.entries], np.int64) - first_height
        ends: Ints = self.first_number - 1 + np.cumsum(np.bincount(rows, minlength=blocks))
        return ends


def ledger(growth: Growth, epoch: int, drawn: Leaves) -> Ledger:
    """All transactions of the epoch."""
    entries = [
        *_metadata(drawn),
        *_decisions(growth, epoch, drawn),
        *(Entry(deed.height, deed.kind, deed.account, deed.votes) for deed in growth.deeds.get(epoch, ())),
        *_candidacies(growth, epoch),
    ]
    return Ledger(sorted(entries), growth.row(epoch).first_transaction)


def _metadata(drawn: Leaves) -> Iterator[Entry]:
    for height in range(drawn.setting.first_height, drawn.setting.last_height + 1):
        yield Entry(height, Place.METADATA, leaves.NOBODY)


def _decisions(growth: Growth, epoch: int, drawn: Leaves) -> Iterator[Entry]:
    """A decision stands in the first block that knows it, and comes from whoever led that block."""
    pivots = pivot_heights(drawn.at_us)
    new = np.flatnonzero(np.diff(pivots, prepend=growth.row(epoch).pivot_before))
    for row in new.tolist():
        sender = int(drawn.setting.members[max(0, drawn.leaders[row])])
        yield Entry(drawn.setting.first_height + row, Place.PIVOT, sender, int(pivots[row]))


def _candidacies(growth: Growth, epoch: int) -> Iterator[Entry]:
    """The first half is the end of one election, the second the beginning of the next."""
    row, middle = growth.row(epoch), growth.middle(epoch)
    rng = growth.dice.rng(Stream.TRANSACTIONS, epoch)
    # A term's epoch is its number plus one.
    yield from _stood(growth, rng, row.late, epoch, growth.first_height(epoch), middle)
    yield from _stood(growth, rng, row.early, epoch + 1, middle + 1, growth.last_height(epoch))


def _stood(
    growth: Growth, rng: np.random.Generator, bits: bytes, term: int, first: int, last: int
) -> Iterator[Entry]:
    accounts = np.flatnonzero(flags(bits))
    delays = rng.exponential(HASTE_BLOCKS, len(accounts)).astype(np.int64)
    away = {outage.account: outage for outage in growth.outages.get(growth.epoch_of(last), ())}
    for account, delay in zip(accounts.tolist(), delays.tolist(), strict=True):
        height = min(first + delay, last)
        outage = away.get(account)
        if outage and outage.first <= height <= outage.last:
            height = outage.last + 1 if outage.last < last else outage.first - 1
        yield Entry(height, Place.ELECTION, account, term)


def told(growth: Growth, drawn: Leaves, number: int, entry: Entry, at_us: int) -> dict[str, Any]:
    """A transaction as a node tells it; `at_us` is its block's time."""
    kind, payload = _kind_and_payload(growth, number, entry)
    return {
        "blockHash": growth.dice.numbered_hash(BLOCK_HASH, entry.height),
        "blockNumber": hex(entry.height),
        "from": _sender(growth, drawn, entry),
        "hash": growth.dice.hash("transaction", number),
        "number": hex(number),
        "payload": payload,
        "status": "Executed",
        "timestamp": hex(at_us),
        "type": kind.value,
    }


def _kind_and_payload(growth: Growth, number: int, entry: Entry) -> tuple[TransactionKind, Any]:
    if entry.place == Place.METADATA:
        return TransactionKind.BLOCK_METADATA, None
    if entry.place == Place.PIVOT:
        block_hash = growth.dice.numbered_hash(POW_HASH, entry.about)
        return TransactionKind.PIVOT_DECISION, {"blockHash": block_hash, "height": hex(entry.about)}
    if entry.place == Place.ELECTION:
        return TransactionKind.ELECTION, _candidacy(growth, entry)
    if entry.place == DeedKind.REGISTER:
        return TransactionKind.REGISTER, _keys(growth, entry.account)
    if entry.place == DeedKind.DISPUTE:
        return TransactionKind.DISPUTE, _evidence(growth, number, entry.account)
    moved = {"address": growth.people[entry.account].address, "votingPower": hex(entry.about)}
    retires = entry.place == DeedKind.RETIRE
    return TransactionKind.RETIRE if retires else TransactionKind.UPDATE_VOTING_POWER, moved


def _sender(growth: Growth, drawn: Leaves, entry: Entry) -> PosAddress:
    """The chain itself, the account, or (of what happened to it) a member that tells of it."""
    if entry.place == Place.METADATA:
        return NOBODY
    if entry.place in {Place.PIVOT, Place.ELECTION}:
        return growth.people[entry.account].address
    others = drawn.setting.members[drawn.setting.members != entry.account]
    teller = others[entry.height % len(others)] if len(others) else entry.account
    return growth.people[int(teller)].address


def _candidacy(growth: Growth, entry: Entry) -> dict[str, str]:
    proof = growth.dice.text(f"proof/{entry.about}", entry.account, PROOF_BYTES - 1)
    return _keys(growth, entry.account) | {
        "targetTerm": hex(entry.about),
        "vrfProof": f"0x{VRF_PROOF_PREFIX}{proof}",
    }


def _keys(growth: Growth, account: int) -> dict[str, str]:
    person = growth.people[account]
    return {"publicKey": person.public_key, "vrfPublicKey": person.vrf_public_key}


def _evidence(growth: Growth, number: int, account: int) -> dict[str, Any]:
    person = growth.people[account]
    first, second = (
        "0x" + growth.dice.text(f"evidence/{which}", number, EVIDENCE_BYTES) for which in ("first", "second")
    )
    return {
        "address": person.address,
        "blsPublicKey": person.public_key,
        "conflictingVotes": {"conflictVoteType": "vote", "first": first, "second": second},
        "vrfPublicKey": person.vrf_public_key,
    }
