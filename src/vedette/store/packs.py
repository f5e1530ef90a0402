"""A finished epoch in few bytes: who signed what as a bit a member and block, and all else its blocks say.

Two blobs, so that a vote strip need not read a hash. `votes` is a bit matrix with a row a seat: a member
signs or is away for long runs, so its row compresses to almost nothing. `blocks` has the columns of the
blocks and, for each witness, how what it told differs from the union of all: mostly not at all.

    votes  = zstd(msgpack(first height, blocks, known mask, leaders' seats, matrix))
    blocks = zstd(msgpack(hashes, rounds, times, proposers, pivots, last transactions, witnesses, odd blocks))

An odd block has a signer without a seat: what its witnesses told is written out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from vedette.model.ballot import Ballot
from vedette.model.pos import PosAddress
from vedette.store.codec import ChunkError, Foretold, deflate, foretell, inflate, recall
from vedette.store.rosters import Roster
from vedette.store.tally import KeptBlock, Tally

BYTES_MAX = 32 << 20
NOBODY = -1

Matrix = NDArray[np.bool_]


class _Votes(msgspec.Struct, frozen=True, array_like=True):
    first_height: int
    blocks: int
    known: bytes
    leaders: bytes  # a 16-bit seat for each block, NOBODY without one
    matrix: bytes


class _Told(msgspec.Struct, frozen=True, array_like=True):
    """What one witness told: of which blocks, with which certificates, and how they differ from the union."""

    told: bytes
    certified: bytes
    differs: bytes  # a bitmap a block, or nothing at all


class _Odd(msgspec.Struct, frozen=True, array_like=True):
    extra: list[tuple[str, int]]
    told: dict[int, bytes]


_Ints = tuple[Foretold, bytes]


class _Blocks(msgspec.Struct, frozen=True, array_like=True):
    hashes: bytes
    rounds: _Ints
    at_us: _Ints
    proposers: _Ints
    pivots: _Ints
    last_tx: _Ints
    witnesses: dict[int, _Told]
    odd: dict[int, _Odd]


_encode = msgspec.msgpack.Encoder().encode
_decode_votes = msgspec.msgpack.Decoder(_Votes).decode
_decode_blocks = msgspec.msgpack.Decoder(_Blocks).decode


@dataclass(frozen=True)
class EpochVotes:
    """Who signed what in one epoch. `matrix` has a row a seat and a column a block."""

    first_height: int
    known: Matrix  # blocks with a certificate
    leaders: NDArray[np.int16]
    matrix: Matrix

    @property
    def blocks(self) -> int:
        return len(self.known)

    @cached_property
    def bitmaps(self) -> list[int]:
        """The union of each block over the seats."""
        rows = np.packbits(self.matrix, axis=0, bitorder="little").T
        return [int.from_bytes(row.tobytes(), "little") for row in rows]

    def letters(self, seat: int | None) -> str:
        """The strip of one seat; None: of somebody who has none in this epoch."""
        if seat is None:
            return Ballot.IDLE * self.blocks
        return _spelled(self.matrix[seat], self.known, self.leaders == seat)


def pack(blocks: Sequence[KeptBlock], roster: Roster, seats: dict[int, int]) -> tuple[bytes, bytes]:
    """The two blobs of an epoch's blocks, which have no gap. `seats` maps account numbers to seats."""
    unions = [block.tally.union for block in blocks]
    seated = [union & ((1 << roster.seats) - 1) for union in unions]
    rows = np.frombuffer(b"".join(each.to_bytes(_size(roster), "little") for each in seated), np.uint8)
    matrix = np.unpackbits(rows.reshape(len(blocks), -1), axis=1, count=roster.seats, bitorder="little").T
    leaders = [seats.get(b.proposer, NOBODY) if b.proposer is not None else NOBODY for b in blocks]
    votes = _Votes(
        blocks[0].height,
        len(blocks),
        _mask([union != 0 for union in unions]),
        np.array(leaders, np.int16).tobytes(),
        np.packbits(matrix, axis=1, bitorder="little").tobytes(),
    )
    odd = {at: _odd(block) for at, block in enumerate(blocks) if block.tally.extra}
    rest = _Blocks(
        b"".join(block.hash for block in blocks),
        foretell(_ints([block.round for block in blocks])),
        foretell(_ints([block.at_us for block in blocks])),
        foretell(_ints([NOBODY if block.proposer is None else block.proposer for block in blocks])),
        foretell(_ints([NOBODY if block.pivot_height is None else block.pivot_height for block in blocks])),
        foretell(_ints([block.last_tx_number for block in blocks])),
        _witnesses([Tally(roster) if at in odd else block.tally for at, block in enumerate(blocks)], unions),
        odd,
    )
    return deflate(_encode(votes)), deflate(_encode(rest))


def _size(roster: Roster) -> int:
    return (roster.seats + 7) // 8


def _ints(values: Sequence[int]) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def _mask(flags: Sequence[bool]) -> bytes:
    return np.packbits(np.array(flags, np.bool_), bitorder="little").tobytes()


def _odd(block: KeptBlock) -> _Odd:
    told = {w: bitmap.to_bytes(block.tally.size, "little") for w, bitmap in block.tally.told.items()}
    return _Odd([(str(address), votes) for address, votes in block.tally.extra.items()], told)


def _witnesses(tallies: Sequence[Tally], unions: Sequence[int]) -> dict[int, _Told]:
    everyone = sorted({witness for tally in tallies for witness in tally.told})
    return {witness: _told_by(witness, tallies, unions) for witness in everyone}


def _told_by(witness: int, tallies: Sequence[Tally], unions: Sequence[int]) -> _Told:
    told = [tally.told.get(witness) for tally in tallies]
    differs = [(bitmap or 0) ^ union if bitmap else 0 for bitmap, union in zip(told, unions, strict=True)]
    size = max(tally.size for tally in tallies)
    return _Told(
        _mask([bitmap is not None for bitmap in told]),
        _mask([bool(bitmap) for bitmap in told]),
        b"".join(each.to_bytes(size, "little") for each in differs) if any(differs) else b"",
    )


def unpack_votes(blob: bytes, seats: int) -> EpochVotes:
    """Undo the first half of `pack`. Raises ChunkError."""
    try:
        held = _decode_votes(inflate(blob, BYTES_MAX))
        rows = np.frombuffer(held.matrix, np.uint8).reshape(seats, (held.blocks + 7) // 8)
        matrix = np.unpackbits(rows, axis=1, count=held.blocks, bitorder="little").view(np.bool_)
        leaders = np.frombuffer(held.leaders, np.int16)
        return EpochVotes(held.first_height, _flags(held.known, held.blocks), leaders, matrix)
    except (ValueError, msgspec.MsgspecError, zstandard.ZstdError) as error:
        raise ChunkError(f"the votes of an epoch cannot be read ({error}): restore the database") from error


def letters(blob: bytes, seats: int, seat: int | None) -> str:
    """The strip of one seat, without unpacking everybody's. Raises ChunkError."""
    try:
        held = _decode_votes(inflate(blob, BYTES_MAX))
        if seat is None:
            return Ballot.IDLE * held.blocks
        size = (held.blocks + 7) // 8
        row = np.frombuffer(held.matrix, np.uint8).reshape(seats, size)[seat]
        return _spelled(
            _flags(row.tobytes(), held.blocks),
            _flags(held.known, held.blocks),
            np.frombuffer(held.leaders, np.int16) == seat,
        )
    except (ValueError, msgspec.MsgspecError, zstandard.ZstdError) as error:
        raise ChunkError(f"the votes of an epoch cannot be read ({error}): restore the database") from error


def _spelled(signed: Matrix, known: Matrix, led: Matrix) -> str:
    written = np.where(signed, np.uint8(ord(Ballot.SIGNED)), np.uint8(ord(Ballot.ABSENT)))
    written[signed & led] = ord(Ballot.LED)
    written[~known] = ord(Ballot.UNSEEN)
    return written.tobytes().decode()


def _flags(mask: bytes, count: int) -> Matrix:
    return np.unpackbits(np.frombuffer(mask, np.uint8), count=count, bitorder="little").view(np.bool_)


def unpack_hashes(blob: bytes) -> list[bytes]:
    """Only the hashes of an epoch's blocks. Raises ChunkError."""
    hashes = _open_blocks(blob).hashes
    return [hashes[at : at + 32] for at in range(0, len(hashes), 32)]


def unpack_times(blob: bytes, count: int) -> NDArray[np.int64]:
    """Only when an epoch's blocks were made, in microseconds. Raises ChunkError."""
    how, planes = _open_blocks(blob).at_us
    try:
        return recall(how, planes, count)
    except ValueError as error:
        raise ChunkError(f"the times of an epoch cannot be read ({error}): restore the database") from error


def unpack(votes: EpochVotes, blob: bytes, epoch: int, roster: Roster) -> list[KeptBlock]:
    """Undo `pack`. Raises ChunkError."""
    held = _open_blocks(blob)
    try:
        return _unpacked(votes, held, epoch, roster)
    except (ValueError, IndexError) as error:
        raise ChunkError(
            f"the blocks of epoch {epoch} cannot be read ({error}): restore the database"
        ) from error


def _open_blocks(blob: bytes) -> _Blocks:
    try:
        return _decode_blocks(inflate(blob, BYTES_MAX))
    except (ValueError, msgspec.MsgspecError, zstandard.ZstdError) as error:
        raise ChunkError(f"the blocks of an epoch cannot be read ({error}): restore the database") from error


def _unpacked(votes: EpochVotes, held: _Blocks, epoch: int, roster: Roster) -> list[KeptBlock]:
    count = votes.blocks
    tallies = _tallies(votes, held, roster)
    columns: list[Any] = [
        recall(how, planes, count).tolist()
        for how, planes in (held.rounds, held.at_us, held.proposers, held.pivots, held.last_tx)
    ]
    return [
        KeptBlock(
            height=votes.first_height + at,
            hash=held.hashes[32 * at : 32 * at + 32],
            epoch=epoch,
            round=number,
            at_us=at_us,
            proposer=None if proposer == NOBODY else proposer,
            pivot_height=None if pivot == NOBODY else pivot,
            last_tx_number=last_tx,
            tally=tallies[at],
        )
        for at, (number, at_us, proposer, pivot, last_tx) in enumerate(zip(*columns, strict=True))
    ]


def _tallies(votes: EpochVotes, held: _Blocks, roster: Roster) -> list[Tally]:
    tallies = [Tally(roster) for _ in range(votes.blocks)]
    for witness, told in held.witnesses.items():
        size = len(told.differs) // votes.blocks
        certified = _flags(told.certified, votes.blocks)
        for at in np.flatnonzero(_flags(told.told, votes.blocks)).tolist():
            differs = int.from_bytes(told.differs[size * at : size * at + size], "little")
            tallies[at].told[witness] = votes.bitmaps[at] ^ differs if certified[at] else 0
    for at, odd in held.odd.items():
        extra = {PosAddress(address): votes for address, votes in odd.extra}
        tallies[at] = Tally(roster, extra, {w: int.from_bytes(b, "little") for w, b in odd.told.items()})
    return tallies
