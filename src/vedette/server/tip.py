"""The newest blocks as every reader needs them, read once for all readers of a moment."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from vedette.model.ballot import Ballot
from vedette.model.pos import Account, PosAddress
from vedette.server.ears import Ears
from vedette.store import accounts, people, votes
from vedette.store.database import Conn, Database
from vedette.store.votes import BlockVotes, RecentVotes

WINDOW_BLOCKS = 100
KEEP_MS = 1_000
LAST_SIGNED_KEEP_MS = 60_000
SIGNED = (Ballot.SIGNED.value, Ballot.LED.value)


@dataclass(frozen=True, slots=True)
class Tip:
    """The last 100 heights, and everyone who was ever known or is watched."""

    recent: RecentVotes
    strips: Mapping[PosAddress, str]
    accounts: Mapping[PosAddress, tuple[Account, int]]
    last_signed: Mapping[PosAddress, int]

    @property
    def newest(self) -> BlockVotes | None:
        blocks = self.recent.blocks
        return blocks[-1] if blocks else None

    @property
    def committee_votes(self) -> Mapping[PosAddress, int] | None:
        """The votes of the newest block's committee; None when it is not known."""
        return self.newest.committee.votes if self.newest and self.newest.committee else None


class Tips:
    """Keeps the newest tip for a second, or until a block comes."""

    def __init__(self, database: Database, ears: Ears) -> None:
        self._database = database
        self._ears = ears
        self._tip: Tip | None = None
        self._read_at_ms = 0
        self._forgotten = 0  # so often
        self._reading = asyncio.Lock()
        self._long_ago: dict[PosAddress, tuple[int | None, int]] = {}

    def forget(self) -> None:
        """Something has changed; whoever reads just now may not have seen it."""
        self._tip = None
        self._forgotten += 1

    async def now(self) -> Tip:
        async with self._reading:
            fresh = self._ears.steady_ms() - self._read_at_ms < KEEP_MS
            if self._tip is not None and fresh:
                return self._tip
            before = self._forgotten
            async with self._database.read() as conn:
                tip = await self._read(conn)
            if self._forgotten == before:
                self._tip, self._read_at_ms = tip, self._ears.steady_ms()
            return tip

    async def _read(self, conn: Conn) -> Tip:
        recent = await votes.recent(conn, WINDOW_BLOCKS)
        known = dict.fromkeys([*await accounts.known_addresses(conn), *await people.watched(conn)])
        members = votes.strips(recent)
        strips = {one: members.get(one) or votes.strip(recent, one) for one in known}
        last = {one: await self._last_signed(conn, one, strip, recent.first) for one, strip in strips.items()}
        return Tip(
            recent,
            strips,
            await accounts.accounts(conn),
            {one: height for one, height in last.items() if height is not None},
        )

    async def _last_signed(self, conn: Conn, address: PosAddress, strip: str, first: int) -> int | None:
        """From the strip where it tells; the database is asked about the rest once a minute."""
        newest = max(strip.rfind(letter) for letter in SIGNED)
        if newest >= 0:
            return first + newest
        found, asked_at = self._long_ago.get(address, (None, -LAST_SIGNED_KEEP_MS))
        if self._ears.steady_ms() - asked_at >= LAST_SIGNED_KEEP_MS:
            found = await votes.last_signed(conn, address)
            self._long_ago[address] = found, self._ears.steady_ms()
        return found


def participation(blocks: list[BlockVotes]) -> float | None:
    """Votes cast of votes there were, over the blocks whose certificate and committee are known."""
    judged = [(sum(block.signers.values()), block.committee) for block in blocks if block.signers]
    total = sum(committee.total_votes for _, committee in judged if committee)
    return sum(cast for cast, committee in judged if committee) / total if total else None
