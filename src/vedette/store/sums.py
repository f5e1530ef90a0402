"""Sums over any window of epochs, from a few blobs. Derived: `summing` makes them from counts and rewards.

The sum of an epoch runs from the start of its segment (512 epochs) through that epoch; the base of a segment
is the sum of all segments before it. What lies between two epochs is then the difference of two sums, and a
leaderboard of any window costs two reads.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray
from sqlalchemy import bindparam, case, func, select

from vedette.model.history import Of, OfNetwork, Window
from vedette.store import tables as t
from vedette.store.codec import ChunkError, deflate, inflate
from vedette.store.database import Conn, insert_into
from vedette.store.rosters import addresses

SEGMENT_EPOCHS = 512
BYTES_MAX = 16 << 20

Ints = NDArray[np.int64]


def segment_of(epoch: int) -> int:
    return epoch // SEGMENT_EPOCHS


async def dirty(conn: Conn, epoch: int) -> None:
    """What this epoch adds to the sums has changed."""
    columns = t.pos_segments.c
    add = insert_into(conn, t.pos_segments).values(segment=segment_of(epoch), dirty_from=epoch, version=1)
    earlier = case(
        (columns.dirty_from.is_(None), epoch), (columns.dirty_from < epoch, columns.dirty_from), else_=epoch
    )
    await conn.execute(
        add.on_conflict_do_update(
            index_elements=["segment"], set_={"dirty_from": earlier, "version": columns.version + 1}
        )
    )


# --- blobs ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Exact sums, by account number.

    `network` has one integer for each of OfNetwork; `lines` has a row for each of `accounts`, which ascend,
    and a column for each of `Of`.
    """

    network: Ints
    accounts: NDArray[np.int32]
    lines: Ints

    def plus(self, other: "Sums") -> "Sums":
        return _combined(self, other, 1)

    def minus(self, other: "Sums") -> "Sums":
        return _combined(self, other, -1)


NOTHING = Sums(np.zeros(len(OfNetwork), np.int64), np.zeros(0, np.int32), np.zeros((0, len(Of)), np.int64))


def _combined(left: Sums, right: Sums, sign: int) -> Sums:
    network = left.network + sign * right.network
    if np.array_equal(left.accounts, right.accounts):
        return Sums(network, left.accounts, left.lines + sign * right.lines)
    accounts = np.union1d(left.accounts, right.accounts).astype(np.int32)
    lines = np.zeros((len(accounts), len(Of)), np.int64)
    lines[np.searchsorted(accounts, left.accounts)] = left.lines
    lines[np.searchsorted(accounts, right.accounts)] += sign * right.lines
    return Sums(network, accounts, lines)


FORETOLD = (
    (Of.SIGNED_BLOCKS, Of.KNOWN_BLOCKS),
    (Of.CAST_VOTES, Of.EXPECTED_VOTES),
    (Of.REWARD_STAKED_GDRIP, Of.REWARD_GDRIP),
    (Of.COMMITTEE_DUE_STAKED_GDRIP, Of.COMMITTEE_DUE_GDRIP),
    (Of.FAIR_COMMITTEE_GDRIP, Of.FAIR_GDRIP),
    (Of.FAIR_GDRIP, Of.VOTE_SECONDS),
    (Of.COMMITTEE_DUE_GDRIP, Of.SEAT_EPOCHS),
    (Of.LEADER_DUE_GDRIP, Of.LEAD_SHARE_PPM),
    (Of.LEADER_PAID_GDRIP, Of.LED_BLOCKS),
    (Of.LEAD_SHARE_PPM, Of.SEAT_EPOCHS),
    (Of.EXPECTED_VOTES, Of.SEAT_EPOCHS),
    (Of.KNOWN_BLOCKS, Of.SERVED_EPOCHS),
)
"""A column is nearly another one times a number, so only the difference is stored.

In this order when packing: no column is foretold by one that was replaced before it.
"""


class _Blob(msgspec.Struct, frozen=True, array_like=True):
    network: bytes
    account_steps: bytes
    width: int
    ratios: list[float]
    planes: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Blob).decode


def packed(sums: Sums) -> bytes:
    """Columns one after the other, each byte of the integers apart: the high ones are zero."""
    columns = sums.lines.T.copy(order="C")
    ratios = []
    for column, by in FORETOLD:
        ratio = _ratio(columns[column], columns[by])
        columns[column] = _folded(columns[column] - _foretold(columns[by], ratio))
        ratios.append(ratio)
    planes = columns.reshape(-1).view(np.uint8).reshape(-1, 8).T
    steps = np.diff(sums.accounts, prepend=np.int32(0))
    head = (sums.network.tobytes(), steps.tobytes(), sums.lines.shape[1], ratios)
    return deflate(_encode(_Blob(*head, planes.tobytes())))


def _ratio(column: Ints, by: Ints) -> float:
    whole = int(by.sum())
    return int(column.sum()) / whole if whole else 0.0


def _foretold(by: Ints, ratio: float) -> Ints:
    """The same on every machine: a product and a rounding of doubles, as IEEE 754 has them."""
    foretold: Ints = np.rint(by * ratio).astype(np.int64)
    return foretold


def _folded(errors: Ints) -> Ints:
    """Small numbers of either sign as small positive ones."""
    return (errors << 1) ^ (errors >> 63)


def _unfolded(folded: Ints) -> Ints:
    bits = folded.view(np.uint64)
    return (bits >> np.uint64(1)).view(np.int64) ^ -(folded & 1)


def unpacked(blob: bytes) -> Sums:
    """Undo `packed`. Raises ChunkError."""
    return _unpacked(blob, None)


def unpacked_line(blob: bytes, account: int) -> Sums:
    """The same of one account only, or of none if it is not there: half the work. Raises ChunkError."""
    return _unpacked(blob, account)


def _unpacked(blob: bytes, account: int | None) -> Sums:
    try:
        held = _decode(inflate(blob, BYTES_MAX))
        accounts = np.cumsum(np.frombuffer(held.account_steps, np.int32), dtype=np.int32)
        planes = np.frombuffer(held.planes, np.uint8).reshape(8, held.width, -1)
        if account is not None:
            first, last = np.searchsorted(accounts, [account, account + 1])
            accounts, planes = accounts[first:last], planes[:, :, first:last]
        columns = planes.transpose(1, 2, 0).copy(order="C").view(np.int64).reshape(held.width, -1)
        for (column, by), ratio in zip(reversed(FORETOLD), reversed(held.ratios), strict=True):
            columns[column] = _unfolded(columns[column]) + _foretold(columns[by], ratio)
        columns.flags.writeable = False  # it may be kept for other readers
        return Sums(np.frombuffer(held.network, np.int64), accounts, columns.T)
    except (ValueError, IndexError, msgspec.MsgspecError, zstandard.ZstdError) as error:
        raise ChunkError(f"a sum cannot be read ({error}): restore the database") from error


# --- windows ----------------------------------------------------------------------------------------------


async def window(conn: Conn, first_epoch: int, last_epoch: int) -> Window:
    """The sums of these epochs, both included; it tells itself how many of them it knows."""
    between = await numbered_window(conn, first_epoch, last_epoch)
    took_part = between.lines.any(axis=1)
    numbers = between.accounts[took_part].tolist()
    named = await addresses(conn, numbers)
    people = [named[number] for number in numbers]
    lines = between.lines[took_part].tolist()
    return Window(
        first_epoch,
        last_epoch,
        tuple(between.network.tolist()),
        dict(zip(people, map(tuple, lines), strict=True)),
    )


async def numbered_window(conn: Conn, first_epoch: int, last_epoch: int) -> Sums:
    """The same, by account number."""
    if last_epoch < first_epoch:
        return NOTHING
    edges = await conn.execute(_EDGES, {"before": first_epoch - 1, "at": last_epoch})
    rows = {row.epoch: row for row in edges}
    if not rows:
        return NOTHING
    after = rows[max(rows)]
    before = rows[min(rows)]
    if before.epoch >= first_epoch:
        return _total(after)
    if segment_of(before.epoch) == segment_of(after.epoch):
        return _opened(after.body).minus(_opened(before.body))
    return _total(after).minus(_total(before))


def _newest_sum(name: str) -> Any:
    return select(func.max(t.pos_sums.c.epoch)).where(t.pos_sums.c.epoch <= bindparam(name)).scalar_subquery()


_EDGES = (
    select(t.pos_sums.c.epoch, t.pos_sums.c.body, t.pos_segments.c.base)
    .join_from(t.pos_sums, t.pos_segments, t.pos_segments.c.segment == t.pos_sums.c.epoch // SEGMENT_EPOCHS)
    .where(t.pos_sums.c.epoch.in_([_newest_sum("before"), _newest_sum("at")]))
)
"""The newest sums at or before each edge of a window, with their segments' bases."""

# Bases, and the newest sum, are in every window that is asked for.
_opened = lru_cache(maxsize=64)(unpacked)


def _total(row: Any) -> Sums:
    return _opened(row.body) if row.base is None else _opened(row.base).plus(_opened(row.body))
