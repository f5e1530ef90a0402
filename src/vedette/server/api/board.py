"""The list of validators, made once for all readers of a moment."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from vedette.model.ballot import known_count, signed_count
from vedette.model.pos import Account, PosAddress, account_states
from vedette.server.api.claim_shapes import ClaimedInFull, LinkShape, ValidatorInFull
from vedette.server.api.figures import summary
from vedette.server.api.sent import Body
from vedette.server.api.shapes import Claimed, PerformanceSummary, QueuedVotes, Stake, Validator, Votes
from vedette.server.standings import Standing
from vedette.server.tip import WINDOW_BLOCKS, Tip
from vedette.store import votes
from vedette.store.claims import Shown

if TYPE_CHECKING:
    from vedette.server.house import House

LISTINGS_KEPT: Final = 8
BODIES_KEPT: Final = 16
"""A few hundred kilobytes each: nobody fills the memory by asking in many ways."""


class Carrier(NamedTuple):
    """The node that carries a validator's key."""

    address: str
    name: str
    node_id: str


class Trouble(NamedTuple):
    """An open incident about a validator or its node."""

    address: str
    incident: int


@dataclass(frozen=True)
class Yours:
    """What only the reader's team may know about validators."""

    carriers: tuple[Carrier, ...] = ()
    troubles: tuple[Trouble, ...] = ()

    @cached_property
    def nodes(self) -> Mapping[str, Carrier]:
        return {one.address: one for one in self.carriers}

    def incidents(self, address: str) -> list[int]:
        return [one.incident for one in self.troubles if one.address == address]


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
    shown: Mapping[PosAddress, Shown] = field(default_factory=dict)
    bodies: dict[tuple[Wanted, Yours], Body] = field(default_factory=dict)

    def is_of(self, tip: Tip, standing: Standing, shown: Mapping[PosAddress, Shown]) -> bool:
        """Whether nothing in it would be told differently now."""
        same = self.standing is standing and self.shown is shown
        return same and (self.tip is tip or _told(self.tip) == _told(tip))

    def body(self, wanted: Wanted, yours: Yours, made: Callable[[], Body]) -> Body:
        """The encoded list, made when it is first asked for by somebody who may see as much."""
        found = self.bodies.get((wanted, yours))
        if found is not None:
            return found
        found = made()
        if not wanted.q:  # what one person searches for nobody else does
            if len(self.bodies) >= BODIES_KEPT:
                self.bodies.clear()
            self.bodies[wanted, yours] = found
        return found


def _told(tip: Tip) -> tuple[Any, ...]:
    return tip.recent.first, tip.strips, tip.accounts, tip.last_signed, tip.committee_votes


class Board:
    """Keeps listings as long as nothing in them changes, and what was reckoned for all of them."""

    def __init__(self, house: "House") -> None:
        self._house = house
        self._kept: dict[tuple[str, int], Listing] = {}
        self._summaries: dict[str, tuple[Standing, Summaries]] = {}
        self._making = asyncio.Lock()

    async def listing(self, span: str, last: int = WINDOW_BLOCKS) -> Listing:
        """Everybody over that window, with the strip of so many blocks."""
        async with self._making:
            tip, standing = await self._house.tips.now(), await self._house.standings.of(span)
            shown = await self._house.claims.shown()
            kept = self._kept.get((span, last))
            if kept is not None and kept.is_of(tip, standing, shown):
                return kept
            rows = await self._rows(tip, self.summaries(standing), last)
            made = Listing(tip, standing, [with_claim(one, shown) for one in rows], shown)
            if len(self._kept) >= LISTINGS_KEPT:
                self._kept.clear()
            self._kept[span, last] = made
            return made

    def summaries(self, standing: Standing) -> "Summaries":
        """How everybody did, made once for each state of the sums."""
        kept = self._summaries.get(standing.name)
        if kept is None or kept[0] is not standing:
            kept = self._summaries[standing.name] = (standing, Summaries(standing))
        return kept[1]

    async def _rows(self, tip: Tip, did: "Summaries", last: int) -> list[Validator]:
        strips, first = tip.strips, tip.recent.first
        if last != WINDOW_BLOCKS:
            async with self._house.database.read() as conn:
                recent = await votes.recent(conn, last)
            members = votes.strips(recent)
            strips = {one: members.get(one) or votes.strip(recent, one) for one in tip.strips}
            first = recent.first
        sitting = tip.committee_votes
        return [
            validator_shape(one, strip, first, tip, sitting, did.of(one)) for one, strip in strips.items()
        ]


class Summaries:
    """Everybody's line of the leaderboard over one window, each made when it is first asked for."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._made: dict[PosAddress, PerformanceSummary] = {}

    def of(self, address: PosAddress) -> PerformanceSummary:
        found = self._made.get(address)
        if found is None:
            found = self._made[address] = summary(self._standing.of(address))
        return found


def validator_shape(
    address: PosAddress,
    strip: str,
    first: int,
    tip: Tip,
    members: Mapping[PosAddress, int] | None,
    did: PerformanceSummary,
) -> Validator:
    """One validator as the public sees it; `members` are the tip's, looked up once for all."""
    known, signed = known_count(strip), signed_count(strip)
    return Validator(
        address=address,
        claimed=None,
        name=None,
        node_id=None,
        committee_votes=members.get(address, 0) if members is not None else None,
        stake=_stake(tip.accounts.get(address)),
        votes=Votes(
            first=first, strip=strip, signed=signed, known=known, rate=signed / known if known else None
        ),
        last_signed_height=tip.last_signed.get(address),
        incidents=[],
        performance=did,
    )


def with_yours(one: Validator, yours: Yours) -> Validator:
    """The same, with the node that carries its key and what is wrong with it."""
    node, incidents = yours.nodes.get(one.address), yours.incidents(one.address)
    if node is None and not incidents:
        return one
    named = {} if node is None else {"name": node.name, "node_id": node.node_id}
    return one.model_copy(update={**named, "incidents": incidents})


def with_claim(one: Validator, shown: Mapping[PosAddress, Shown]) -> Validator:
    """The same, with whose it is, as far as that is published."""
    told = shown.get(PosAddress(one.address))
    if told is None:
        return one
    return one.model_copy(update={"claimed": Claimed(name=told.name, team=told.team, slug=told.slug)})


def in_full(one: Validator, shown: Mapping[PosAddress, Shown]) -> ValidatorInFull:
    """The same, with all that its team tells of it."""
    told = shown.get(PosAddress(one.address))
    claimed = None if told is None else _claimed_in_full(told)
    return ValidatorInFull.model_validate({**one.__dict__, "claimed": claimed})


def _claimed_in_full(told: Shown) -> ClaimedInFull:
    links = [LinkShape(label=one.label, url=one.url) for one in told.links]
    return ClaimedInFull(name=told.name, team=told.team, slug=told.slug, about=told.about, links=links)


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
