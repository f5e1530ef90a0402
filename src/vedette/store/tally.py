"""What witnesses told of one block's signers, as bitmaps, and the block's row that keeps it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
from sqlalchemy import Row

from vedette.model.pos import PosAddress
from vedette.store.rosters import Roster

WITNESSES_TO_OUTVOTE = 3


@dataclass(slots=True)
class Tally:
    """A bitmap for each witness, or 0 for one without a certificate.

    Bit i is the committee's seat i; signers without a seat stand behind the seats, in the order of `extra`.
    """

    roster: Roster | None
    extra: dict[PosAddress, int] = field(default_factory=dict)
    told: dict[int, int] = field(default_factory=dict)

    @property
    def seats(self) -> int:
        return 0 if self.roster is None else self.roster.seats

    @property
    def size(self) -> int:
        """Bytes of a bitmap."""
        return (self.seats + len(self.extra) + 7) // 8

    @property
    def union(self) -> int:
        """Who signed, as far as the witnesses can be believed.

        One node's certificate may lack a late vote, so they add up. But where most of three or more tell the
        very same list, a signer of whom only one knows beyond it is that one's invention.
        """
        once = twice = 0
        for bitmap in self.told.values():
            twice |= once & bitmap
            once |= bitmap
        if len(self.told) < WITNESSES_TO_OUTVOTE:
            return once
        certificates = [bitmap for bitmap in self.told.values() if bitmap]
        if len(certificates) < WITNESSES_TO_OUTVOTE:
            return once
        usual, count = Counter(certificates).most_common(1)[0]
        return usual | twice if count * 2 > len(certificates) else once

    def hear(self, witness: int, signers: Mapping[PosAddress, int]) -> bool:
        """Add what a witness saw; tells whether anything was new, if only that it saw no certificate."""
        before = self.told.get(witness)
        self.told[witness] = (before or 0) | self._bitmap(signers)
        return self.told[witness] != before

    def _bitmap(self, signers: Mapping[PosAddress, int]) -> int:
        bits = {} if self.roster is None else self.roster.bits
        bitmap = 0
        for address, votes in signers.items():
            bit = bits.get(address)
            bitmap |= self._extra_bit(address, votes) if bit is None else bit
        return bitmap

    def _extra_bit(self, address: PosAddress, votes: int) -> int:
        self.extra.setdefault(address, votes)
        return 1 << self.seats + list(self.extra).index(address)

    def signers(self, bitmap: int) -> dict[PosAddress, int]:
        """The signers that a bitmap means."""
        everyone = ({} if self.roster is None else dict(self.roster.committee.votes)) | self.extra
        return {a: votes for seat, (a, votes) in enumerate(everyone.items()) if bitmap >> seat & 1}

    def seated(self, roster: Roster) -> "Tally":
        """The same signers over another committee's seats."""
        tally = Tally(roster)
        for witness, bitmap in self.told.items():
            tally.hear(witness, self.signers(bitmap))
        return tally

    def columns(self) -> dict[str, Any]:
        """As the block's row keeps it."""
        union, size = self.union, self.size
        told = {w: True if b and b == union else b.to_bytes(size, "little") for w, b in self.told.items()}
        return {
            "seats": self.seats,
            "extra": msgspec.msgpack.encode(list(self.extra.items())) if self.extra else None,
            "signers": union.to_bytes(size, "little") if union else None,
            "told": msgspec.msgpack.encode(told),
            "witness_count": sum(1 for bitmap in self.told.values() if bitmap),
        }


_extra = msgspec.msgpack.Decoder(list[tuple[str, int]]).decode
_told = msgspec.msgpack.Decoder(dict[int, bool | bytes]).decode


def extra_of(extra: bytes | None) -> dict[PosAddress, int]:
    """A row's signers without a seat."""
    return {} if extra is None else {PosAddress(address): votes for address, votes in _extra(extra)}


def tally_of(row: Row[Any], roster: Roster | None) -> Tally:
    """What a row keeps. `roster` is the one of its epoch; a row written before it was known has no seats."""
    union = 0 if row.signers is None else int.from_bytes(row.signers, "little")
    told = {
        witness: union if bitmap is True else int.from_bytes(cast("bytes", bitmap), "little")
        for witness, bitmap in _told(row.told).items()
    }
    return Tally(roster if row.seats else None, extra_of(row.extra), told)


@dataclass(slots=True)
class KeptBlock:
    """A block as the database holds it, be it in a row or in its epoch's pack. Accounts are numbers."""

    height: int
    hash: bytes
    epoch: int
    round: int
    at_us: int
    proposer: int | None
    pivot_height: int | None
    last_tx_number: int
    tally: Tally

    def columns(self) -> dict[str, Any]:
        """As a row of `pos_blocks`."""
        return {
            "height": self.height,
            "hash": self.hash,
            "epoch": self.epoch,
            "round": self.round,
            "at_us": self.at_us,
            "proposer": self.proposer,
            "pivot_height": self.pivot_height,
            "last_tx_number": self.last_tx_number,
        } | self.tally.columns()


def kept_block(row: Row[Any], roster: Roster | None) -> KeptBlock:
    """A row of `pos_blocks`."""
    return KeptBlock(
        row.height,
        bytes(row.hash),
        row.epoch,
        row.round,
        row.at_us,
        row.proposer,
        row.pivot_height,
        row.last_tx_number,
        tally_of(row, roster),
    )
