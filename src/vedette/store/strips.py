"""One validator's vote strip over many blocks, from as few bytes as possible: only who signed is read."""

from dataclasses import dataclass

from sqlalchemy import BigInteger, bindparam, func, select

from vedette.model.ballot import Ballot, ballot
from vedette.model.pos import PosAddress
from vedette.store import packs
from vedette.store import tables as t
from vedette.store.database import Conn
from vedette.store.epochs import overlapping
from vedette.store.rosters import Roster, Signers, addresses, rosters, rosters_in
from vedette.store.tally import extra_of
from vedette.store.votes import newest_height


@dataclass(frozen=True, slots=True)
class Strip:
    """One letter for each height from `first` on; a height that was not read is unseen."""

    first: int
    letters: str


async def newest(conn: Conn, address: PosAddress, last: int) -> Strip:
    """The strip of the newest `last` heights; empty (first 0) when no block is held."""
    top = await newest_height(conn)
    if top is None:
        return Strip(0, "")
    return await between(conn, address, max(top - last + 1, min(top, 1)), top)


async def of_epochs(conn: Conn, address: PosAddress, first_epoch: int, last_epoch: int) -> Strip:
    """The strip of the finished epochs in this range, from the first to the last that is held."""
    columns = t.pos_epochs.c
    bounds = select(func.min(columns.first_height), func.max(columns.last_height))
    low, high = (await conn.execute(bounds.where(columns.epoch.between(first_epoch, last_epoch)))).one()
    return Strip(0, "") if low is None else await between(conn, address, low, high)


async def between(conn: Conn, address: PosAddress, first: int, last: int) -> Strip:
    """The strip of the heights in [first, last]."""
    pieces = await _folded(conn, address, first, last)
    if sum(map(len, pieces.values())) <= last - first:
        pieces |= await _open(conn, address, first, last)
    letters: list[str] = []
    at = first
    for height, piece in sorted(pieces.items()):
        letters += [Ballot.UNSEEN * (height - at), piece]
        at = height + len(piece)
    return Strip(first, "".join([*letters, Ballot.UNSEEN * (last + 1 - at)]))


async def _folded(conn: Conn, address: PosAddress, first: int, last: int) -> dict[int, str]:
    """A piece for each folded epoch, by its first height within the range."""
    rows = (await conn.execute(_FOLDED, {"first": first, "last": last})).all()
    known = await rosters_in(conn, rows)
    return {
        max(first, row.first_height): _piece(row.signed, known[row.epoch], address)[
            max(0, first - row.first_height) : last + 1 - row.first_height
        ]
        for row in rows
    }


_FOLDED = (
    select(
        *t.pos_epochs.c["epoch", "first_height", "last_height"],
        t.pos_epochs.c.votes.label("signed"),
        *t.pos_committees.c["quorum_votes", "total_votes", "members", "votes"],
    )
    .join_from(t.pos_epochs, t.pos_committees, t.pos_epochs.c.epoch == t.pos_committees.c.epoch)
    .where(*overlapping(bindparam("first", type_=BigInteger), bindparam("last", type_=BigInteger)))
)


def _piece(votes: bytes, roster: Roster, address: PosAddress) -> str:
    return packs.letters(votes, roster.seats, roster.seat(address))


async def _open(conn: Conn, address: PosAddress, first: int, last: int) -> dict[int, str]:
    """A letter for each block that stands in a row of its own."""
    columns = t.pos_blocks.c
    query = select(
        columns.height, columns.epoch, columns.proposer, columns.seats, columns.extra, columns.signers
    )
    rows = (await conn.execute(query.where(columns.height.between(first, last)))).all()
    known = await rosters(conn, {row.epoch for row in rows})
    named = await addresses(conn, {row.proposer for row in rows if row.proposer is not None})
    letters = {}
    for height, epoch, proposer, seats, extra, signed in rows:
        roster = known.get(epoch)
        bitmap = 0 if signed is None else int.from_bytes(signed, "little")
        signers = Signers(bitmap, roster if seats else None, extra_of(extra))
        committee = None if roster is None else roster.committee
        letters[height] = ballot(signers, named.get(proposer), committee, address).value
    return letters
