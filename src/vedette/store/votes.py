"""Blocks, committees and who signed: what each witness saw, and the union of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vedette.model.pos import Committee, PosAddress, PosBlock
from vedette.store.database import Conn


@dataclass(frozen=True, slots=True)
class BlockVotes:
    """One block and the union of the signers that its witnesses saw (empty: nobody saw a certificate).

    A height of the window that we have not read has an empty `hash` (`known` is False).
    `signers` maps account to votes and is decoded as you ask: `in` and `len` are cheap.
    """

    height: int
    hash: str
    epoch: int
    round: int
    at_us: int
    proposer: PosAddress | None
    signers: Mapping[PosAddress, int]
    committee: Committee | None  # None: not known yet
    witnesses: int  # how many have a certificate

    @property
    def known(self) -> bool:
        return self.hash != ""


@dataclass(frozen=True, slots=True)
class RecentVotes:
    """The newest blocks, oldest first, one entry for each height from `first` on."""

    first: int
    blocks: list[BlockVotes]


async def remember_committee(conn: Conn, committee: Committee) -> None:
    """Keep an epoch's committee. Signers told before it was known take their seats now."""
    raise NotImplementedError


async def committee(conn: Conn, epoch: int) -> Committee | None:
    """The committee of the epoch, if it was told."""
    raise NotImplementedError


async def known_epochs(conn: Conn, first: int, last: int) -> set[int]:
    """Epochs in [first, last] whose committee is known."""
    raise NotImplementedError


async def witness_blocks(
    conn: Conn, witness: str, blocks: Sequence[PosBlock], cursor_height: int
) -> list[int]:
    """Remember what one witness saw; returns the heights that are new or gained signers, ascending.

    Saying it twice is harmless. A block told with another hash replaces the one we held, signers and all.
    The witness's cursor moves to `cursor_height` (never back) in the same transaction.
    """
    raise NotImplementedError


async def cursor(conn: Conn, witness: str) -> int | None:
    """The last height that was read from this witness."""
    raise NotImplementedError


async def newest_height(conn: Conn) -> int | None:
    """The newest block that we hold; below it heights may still be missing while the past is read."""
    raise NotImplementedError


async def recent(conn: Conn, last: int) -> RecentVotes:
    """The newest `last` heights (at most 1,000); empty (first 0) when no block is held."""
    raise NotImplementedError


async def blocks_before(conn: Conn, before: int | None, limit: int) -> list[BlockVotes]:
    """At most `limit` held blocks below height `before` (None: from the newest), newest first."""
    raise NotImplementedError


def strip(votes: RecentVotes | Iterable[BlockVotes], address: PosAddress) -> str:
    """One validator's letters, in the order of the blocks."""
    raise NotImplementedError


def strips(votes: RecentVotes | Sequence[BlockVotes]) -> dict[PosAddress, str]:
    """The letters of everyone who sat in any committee of these blocks. Others: use `strip`."""
    raise NotImplementedError


async def last_signed(conn: Conn, address: PosAddress) -> int | None:
    """The highest block in whose certificate this account was seen."""
    raise NotImplementedError
