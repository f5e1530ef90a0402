"""What of all that waits for one channel is still news, and what of it is told in one message.

A channel that was dead for hours is not told of every hour: of each incident only what is still news. People
are told together what quiet hours held back, and anything once it is too much to be read one by one. Machines
keep the beginning and the end of each incident, each an event of its own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from vedette.model.incident import Reason

STALE_MS: Final = 60_000
"""Of an incident whose oldest message has waited less, everything is told as it was decided."""
MANY: Final = 20
"""More messages than that are no longer read one by one."""
TOGETHER_MAX: Final = 200
"""So many stand in one message at most; the rest follows in the next."""
GATHER_MS: Final = 15_000
"""After quiet hours it is waited so long for all that they held back: the judge has rounds of its own."""

NEWS: Final = (
    frozenset({Reason.OPENED, Reason.ESCALATED}),
    frozenset({Reason.PASSED_ON}),
    frozenset({Reason.REMINDED}),
)
"""What says more about an incident that stands comes first."""
CHATTER: Final = frozenset({Reason.REMINDED, Reason.PASSED_ON})
"""What changes nothing for a machine."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One message that waits, without its words. `is_in_hand`: it is being sent at this moment."""

    id: int
    incident_id: int | None  # None: it is about no incident
    reason: Reason
    created_at_ms: int
    next_at_ms: int
    attempts: int
    is_held: bool = False  # quiet hours held it back
    is_in_hand: bool = False

    def has_come(self, now_ms: int) -> bool:
        """Its time has come, or had: it was tried before."""
        return self.attempts > 0 or self.next_at_ms <= now_ms

    def is_due(self, now_ms: int) -> bool:
        """It may be tried now."""
        return not self.is_in_hand and self.next_at_ms <= now_ms

    def gathers(self, now_ms: int) -> bool:
        """It waits for others that quiet hours held back."""
        return self.is_held and self.attempts == 0 and now_ms < self.next_at_ms + GATHER_MS


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do next on a channel. `superseded`: what is told no more, each by what is told instead."""

    superseded: Mapping[int, int] = field(default_factory=dict)
    together: tuple[int, ...] = ()  # in the order in which they were decided; one alone is told alone


def plan(rows: Iterable[Waiting], now_ms: int, *, for_people: bool) -> Plan:
    """The next message of one channel's line, from all that waits in it.

    What waits for a time of its own, and has not come to it yet, is passed over. Of one incident nothing
    overtakes what was said before.
    """
    present = sorted((row for row in rows if row.has_come(now_ms)), key=lambda row: row.id)
    superseded = dict(_superseded(present, now_ms, for_people=for_people))
    standing = [row for row in present if row.id not in superseded]
    return Plan(superseded, _next(_free(standing, now_ms), now_ms, for_people=for_people))


# --- what is still news -----------------------------------------------------------------------------------


def _superseded(present: Sequence[Waiting], now_ms: int, *, for_people: bool) -> Iterator[tuple[int, int]]:
    incidents: dict[int, list[Waiting]] = {}
    for row in present:
        if row.incident_id is not None:
            incidents.setdefault(row.incident_id, []).append(row)
    for said in incidents.values():
        if now_ms - said[0].created_at_ms < STALE_MS:
            continue
        kept = _for_people(said) if for_people else _for_machines(said)
        by = max(kept)
        yield from ((row.id, by) for row in said if row.id not in kept and row.is_due(now_ms))


def _for_people(said: Sequence[Waiting]) -> set[int]:
    """One line: that it is over, which says since when it was; else the loudest, in its newest words."""
    ends = [row.id for row in said if row.reason is Reason.RESOLVED]
    return {ends[-1]} if ends else {_loudest(said)}


def _for_machines(said: Sequence[Waiting]) -> set[int]:
    """Every change of its state; a reminder only if nothing else waits."""
    return {row.id for row in said if row.reason not in CHATTER} or {_loudest(said)}


def _loudest(said: Sequence[Waiting]) -> int:
    ways = ([row.id for row in said if row.reason in news] for news in NEWS)
    return next((ids[-1] for ids in ways if ids), said[-1].id)


# --- what is next -----------------------------------------------------------------------------------------


def _free(standing: Sequence[Waiting], now_ms: int) -> list[Waiting]:
    """What may be tried now, and has nothing before it that may not."""
    barred: set[int] = set()
    free: list[Waiting] = []
    for row in standing:
        if row.incident_id in barred:
            continue
        if row.is_due(now_ms):
            free.append(row)
        elif row.incident_id is not None:
            barred.add(row.incident_id)
    return free


def _next(free: Sequence[Waiting], now_ms: int, *, for_people: bool) -> tuple[int, ...]:
    ripe = _ripe(free, now_ms) if for_people else free
    if not ripe:
        return ()
    told = [row.id for row in ripe if row.incident_id is not None]
    if for_people and len(told) > MANY:
        return tuple(told[:TOGETHER_MAX])
    first = min(_heads(ripe), key=lambda row: (row.next_at_ms, row.id))
    if for_people and first.is_held:
        return tuple(_held(free))[:TOGETHER_MAX]
    return (first.id,)


def _ripe(free: Sequence[Waiting], now_ms: int) -> list[Waiting]:
    """All but what waits for others; that too, if what came after it does not."""
    pressing = {row.incident_id for row in free if not row.gathers(now_ms)} - {None}
    return [row for row in free if row.incident_id in pressing or not row.gathers(now_ms)]


def _held(free: Iterable[Waiting]) -> Iterator[int]:
    """What quiet hours held back, but for what something else must be told before."""
    barred: set[int | None] = set()
    for row in free:
        if not row.is_held:
            barred.add(row.incident_id)
        elif row.incident_id not in barred:
            yield row.id


def _heads(ripe: Iterable[Waiting]) -> Iterator[Waiting]:
    """Of each incident what was said first."""
    seen: set[int] = set()
    for row in ripe:
        if row.incident_id is None:
            yield row
        elif row.incident_id not in seen:
            seen.add(row.incident_id)
            yield row
