"""Elections: who stood for a term, as its transactions say, and who was elected, as it was seen live."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select

from vedette.model.election import CommitteeNow, Election
from vedette.model.pos import PosAddress
from vedette.store import tables as t
from vedette.store.accounts import intern
from vedette.store.codec import pack_ints, unpack_ints
from vedette.store.database import Conn, insert_into
from vedette.store.rosters import addresses


@dataclass(frozen=True, slots=True)
class TermElection:
    """What is known of one term's election; None where nobody told."""

    term: int
    candidates: frozenset[PosAddress] | None  # of those transactions that were read
    election: Election | None
    seen_at_ms: int | None


async def remember_candidates(conn: Conn, term: int, candidates: Collection[PosAddress]) -> None:
    """Add accounts whose candidacy for that term was executed. Saying it twice is harmless.

    To say it with nobody is to say that the term's transactions were read.
    """
    numbers = await intern(conn, candidates)
    held = await _bitmap(conn, term)
    bitmap = held or 0
    for number in numbers.values():
        bitmap |= 1 << number
    if bitmap != held:
        size = (bitmap.bit_length() + 7) // 8
        await _keep(conn, term, {"candidates": bitmap.to_bytes(size, "little")})


async def _bitmap(conn: Conn, term: int) -> int | None:
    """The candidates held, and nobody else may change them until this deed is done."""
    claim = insert_into(conn, t.pos_elections).values(term=term).on_conflict_do_nothing()
    await conn.execute(claim)
    query = select(t.pos_elections.c.candidates).where(t.pos_elections.c.term == term).with_for_update()
    found = (await conn.execute(query)).scalar_one()
    return None if found is None else int.from_bytes(found, "little")


async def remember_elections(conn: Conn, now: CommitteeNow, now_ms: int) -> None:
    """Keep what a node says of the next terms. What is final stays, whatever a node that lags may say."""
    terms = range(now.first_term, now.first_term + len(now.elections))
    columns = t.pos_elections.c
    query = select(columns.term).where(columns.term.in_(list(terms)), columns.is_finalized)
    final = set((await conn.execute(query)).scalars())
    for term, election in zip(terms, now.elections, strict=True):
        if election.is_finalized or term not in final:
            await _keep(conn, term, await _columns(conn, election, now_ms))


async def remember_election(conn: Conn, term: int, election: Election, seen_at_ms: int) -> None:
    """Keep what was seen of one term at some time, unless more is known: what is final, or seen later."""
    columns = t.pos_elections.c
    query = select(columns.is_finalized, columns.seen_at_ms).where(columns.term == term)
    held = (await conn.execute(query)).first()
    known = (False, -1) if held is None or held.seen_at_ms is None else (held.is_finalized, held.seen_at_ms)
    if (election.is_finalized, seen_at_ms) > known and not known[0]:
        await _keep(conn, term, await _columns(conn, election, seen_at_ms))


async def _columns(conn: Conn, election: Election, now_ms: int) -> dict[str, Any]:
    numbers = await intern(conn, election.votes.keys())
    elected = sorted((numbers[address], votes) for address, votes in election.votes.items())
    return {
        "start_height": election.start_height,
        "is_finalized": election.is_finalized,
        "elected_accounts": pack_ints([number for number, _ in elected]),
        "elected_votes": pack_ints([votes for _, votes in elected]),
        "seen_at_ms": now_ms,
    }


async def _keep(conn: Conn, term: int, columns: dict[str, Any]) -> None:
    add = insert_into(conn, t.pos_elections).values(term=term, **columns)
    await conn.execute(add.on_conflict_do_update(index_elements=["term"], set_=columns))


# --- reading ----------------------------------------------------------------------------------------------


async def elections(conn: Conn, first_term: int, last_term: int) -> dict[int, TermElection]:
    """What is known of the terms from first to last, by term, ascending."""
    columns = t.pos_elections.c
    query = select(t.pos_elections).where(columns.term.between(first_term, last_term)).order_by(columns.term)
    rows = (await conn.execute(query)).all()
    candidates = {row.term: _numbers(row.candidates) for row in rows if row.candidates is not None}
    elected = {row.term: _elected(row) for row in rows if row.elected_accounts is not None}
    everyone = {number for numbers in (*candidates.values(), *elected.values()) for number in numbers}
    named = await addresses(conn, everyone)
    return {
        row.term: TermElection(
            term=row.term,
            candidates=_named(candidates.get(row.term), named),
            election=_election(row, elected.get(row.term), named),
            seen_at_ms=row.seen_at_ms,
        )
        for row in rows
    }


def _numbers(bitmap: bytes) -> list[int]:
    whole = int.from_bytes(bitmap, "little")
    return [number for number in range(whole.bit_length()) if whole >> number & 1]


def _elected(row: Row[Any]) -> dict[int, int]:
    return dict(zip(unpack_ints(row.elected_accounts), unpack_ints(row.elected_votes), strict=True))


def _named(numbers: list[int] | None, named: Mapping[int, PosAddress]) -> frozenset[PosAddress] | None:
    return None if numbers is None else frozenset(named[number] for number in numbers)


def _election(
    row: Row[Any], elected: dict[int, int] | None, named: Mapping[int, PosAddress]
) -> Election | None:
    if elected is None:
        return None
    votes = {named[number]: votes for number, votes in elected.items()}
    return Election(row.start_height, row.is_finalized, votes)


async def bounds(conn: Conn) -> tuple[int, int] | None:
    """The first and the last term of which anything is known."""
    term = t.pos_elections.c.term
    row = (await conn.execute(select(func.min(term), func.max(term)))).one()
    return None if row[0] is None else (row[0], row[1])


async def candidacies(
    conn: Conn, address: PosAddress, first_term: int, last_term: int
) -> dict[int, bool | None]:
    """Whether the account stood for each of these terms; None: that term's transactions were not read.

    While they are being read, False says no more than: not in those that were read so far.
    """
    number = select(t.pos_accounts.c.id).where(t.pos_accounts.c.address == address)
    account = (await conn.execute(number)).scalar()
    columns = t.pos_elections.c
    query = select(columns.term, columns.candidates).where(columns.term.between(first_term, last_term))
    held = {row.term: row.candidates for row in await conn.execute(query)}
    return {term: _stood(held.get(term), account) for term in range(first_term, last_term + 1)}


def _stood(bitmap: bytes | None, account: int | None) -> bool | None:
    if bitmap is None:
        return None
    if account is None or account >= 8 * len(bitmap):
        return False
    return bool(bitmap[account // 8] >> account % 8 & 1)
