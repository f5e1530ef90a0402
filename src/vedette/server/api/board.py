"""The list of validators, made once for all readers of a moment."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from vedette.model.ballot import known_count, signed_count
from vedette.model.pos import Account, PosAddress, account_states
from vedette.server.api.figures import summary
from vedette.server.api.sent import Body
from vedette.server.api.shapes import QueuedVotes, Stake, Validator, Votes
from vedette.server.standings import Standing
from vedette.server.tip import WINDOW_BLOCKS, Tip
from vedette.store import votes
from vedette.store.nodes import NodeRow

if TYPE_CHECKING:
    from vedette.server.house import House

LISTINGS_KEPT: Final = 16
BODIES_KEPT: Final = 64


@dataclass(frozen=True, slots=True)
class Yours:
    """What only the reader's team may know about validators."""

    nodes: Mapping[str, NodeRow] = field(default_factory=dict)  # by PoS address
    incidents: Mapping[str, list[int]] = field(default_factory=dict)  # by PoS address


class Wanted(NamedTuple):
    """Which list a reader asked for."""

    span: str
    last: int
    q: str
    sort: str
    limit: int
    cursor: str | None
    form: str


@dataclass(frozen=True)
class Listing:
    """Everybody, as the public sees them at one moment, and what was encoded of that."""

    tip: Tip
    standing: Standing
    rows: Sequence[Validator]
    bodies: dict[Wanted, Body] = field(default_factory=dict)

    def body(self, wanted: Wanted, made: Callable[[], Body]) -> Body:
        """The encoded list, made when it is first asked for."""
        found = self.bodies.get(wanted)
        if found is None:
            found = made()
            if len(self.bodies) < BODIES_KEPT:
                self.bodies[wanted] = found
        return found


class Board:
    """Keeps listings until a block comes, the sums change, or a second has passed (see Tips, Standings)."""

    def __init__(self, house: "House") -> None:
        self._house = house
        self._kept: dict[tuple[str, int], Listing] = {}
        self._making = asyncio.Lock()

    async def listing(self, span: str, last: int = WINDOW_BLOCKS) -> Listing:
        """Everybody over that window, with the strip of so many blocks."""
        async with self._making:
            tip, standing = await self._house.tips.now(), await self._house.standings.of(span)
            kept = self._kept.get((span, last))
            if kept is not None and kept.tip is tip and kept.standing is standing:
                return kept
            made = Listing(tip, standing, await self._rows(tip, standing, last))
            if len(self._kept) >= LISTINGS_KEPT:
                self._kept.clear()
            self._kept[span, last] = made
            return made

    async def _rows(self, tip: Tip, standing: Standing, last: int) -> list[Validator]:
        if last == WINDOW_BLOCKS:
            return [validator_shape(one, strip, tip.recent.first, tip, standing)
                    for one, strip in tip.strips.items()]  # fmt: skip
        async with self._house.database.read() as conn:
            recent = await votes.recent(conn, last)
        members = votes.strips(recent)
        strips = {one: members.get(one) or votes.strip(recent, one) for one in tip.strips}
        return [validator_shape(one, strip, recent.first, tip, standing) for one, strip in strips.items()]


def validator_shape(address: PosAddress, strip: str, first: int, tip: Tip, standing: Standing) -> Validator:
    """One validator as the public sees it."""
    members = tip.committee_votes
    known, signed = known_count(strip), signed_count(strip)
    return Validator(
        address=address,
        name=None,
        node_id=None,
        committee_votes=members.get(address, 0) if members is not None else None,
        stake=_stake(tip.accounts.get(address)),
        votes=Votes(
            first=first, strip=strip, signed=signed, known=known, rate=signed / known if known else None
        ),
        last_signed_height=tip.last_signed.get(address),
        incidents=[],
        performance=summary(standing.of(address)),
    )


def with_yours(one: Validator, yours: Yours) -> Validator:
    """The same, with the node that carries its key and what is wrong with it."""
    node, incidents = yours.nodes.get(one.address), yours.incidents.get(one.address, [])
    if node is None and not incidents:
        return one
    named = {} if node is None else {"name": node.name, "node_id": node.id}
    return one.model_copy(update={**named, "incidents": incidents})


def _stake(snapshot: tuple[Account, int] | None) -> Stake | None:
    if snapshot is None:
        return None
    account, at_ms = snapshot
    return Stake(
        height=account.height,
        at_ms=at_ms,
        available_votes=account.available_votes,
        locked_votes=account.locked_votes,
        in_queue=[QueuedVotes(end_height=q.end_height, votes=q.votes) for q in account.in_queue],
        out_queue=[QueuedVotes(end_height=q.end_height, votes=q.votes) for q in account.out_queue],
        unlocked_votes=account.unlocked_votes,
        forfeited_votes=account.forfeited_votes,
        force_retired_height=account.force_retired_height,
        states=[state.value for state in account_states(account)],
    )
