"""What a rule would have told of a past: the past is looked at once more, and the rule itself judges it.

There is no second idea of any rule here. A past makes the very picture that the judge would have had of a
moment (`Past.view`), and `engine.judged`, `engine.endings` and `life.round` say what becomes of it. A month
has too many moments to look at each. So a past tells of whole stretches the worst that was in them (of each
figure its least and its most, of a strip all absent blocks in a row): where the rule finds nothing in the
worst, it finds nothing in any moment of the stretch. All others are looked at moment by moment, and so is
what follows while something stands.

What a cause would have hidden, and what was planned, counts as well: a rehearsal knows one rule only.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final, NamedTuple, Protocol

from vedette.alerts import life
from vedette.alerts.engine import endings, judged
from vedette.alerts.life import Patience, Round
from vedette.alerts.limits import Limits
from vedette.alerts.rules.rule import AnyRule
from vedette.model.incident import Incident, Reason, Severity, Subject
from vedette.model.view import View

LOOKS_MAX: Final = 40_000
"""In so many moments of one past a rule is asked; where that is not enough, only each few moments."""
COARSER: Final = 4
EACH: Final = 256
"""Moments between two looks at whether anybody still wants to know."""


class Stretch(NamedTuple):
    """Moments from one to another (both included) by their places. `worst` empty: look at each of them."""

    first: int
    last: int
    worst: Sequence[View] = ()


class Past(Protocol):
    """What can be looked at again. Places count its moments, which ascend."""

    @property
    def at_ms(self) -> Sequence[int]: ...

    @property
    def looks_max(self) -> int:
        """So many moments may be looked at."""
        ...

    def stretches(self) -> Iterator[Stretch]:
        """What may matter, in any order; a moment in no stretch does not matter while nothing stands."""
        ...

    def view(self, place: int) -> View:
        """The picture of that moment."""
        ...


class GoneError(Exception):
    """Nobody wants to know any more."""


def never() -> bool:
    """Somebody waits."""
    return False


@dataclass(frozen=True, slots=True)
class Told:
    """One trouble that would have been told. `until_ms` None: it would still stand."""

    at_ms: int
    until_ms: int | None
    subject: Subject


@dataclass(frozen=True, slots=True)
class Lived:
    """What would have been told, by time; and how often something would have been noted, and no more."""

    told: tuple[Told, ...] = ()
    noted: int = 0
    step: int = 1  # only each so many moments were looked at

    def and_of(self, other: "Lived") -> "Lived":
        """Of two pasts that have nothing to do with each other."""
        told = sorted((*self.told, *other.told), key=lambda one: (one.at_ms, one.subject.id))
        return Lived(tuple(told), self.noted + other.noted, max(self.step, other.step))


def relived(
    rule: AnyRule, past: Past, limits: Limits, patience: Patience, is_gone: Callable[[], bool] = never
) -> Lived:
    """What the rule would have told of that past. Raises GoneError."""
    stirred = list(_stirred(rule, past, limits, is_gone))
    step = max(1, -(-2 * sum(map(len, stirred)) // past.looks_max))  # half is for what follows them
    while True:
        found = _lived(rule, past, stirred, _Asked(limits, patience, step, is_gone))
        if found is not None:
            return found
        step *= COARSER


# --- which moments ----------------------------------------------------------------------------------------


def _stirred(rule: AnyRule, past: Past, limits: Limits, is_gone: Callable[[], bool]) -> Iterator[range]:
    """The moments that must be looked at, apart and ascending."""
    open_range: range | None = None
    for number, one in enumerate(sorted(past.stretches(), key=lambda stretch: stretch.first)):
        if number % EACH == 0 and is_gone():
            raise GoneError
        if one.worst and not any(_finds(rule, view, limits) for view in one.worst):
            continue
        if open_range is not None and one.first <= open_range.stop:
            open_range = range(open_range.start, max(open_range.stop, one.last + 1))
            continue
        if open_range is not None:
            yield open_range
        open_range = range(one.first, one.last + 1)
    if open_range is not None:
        yield open_range


def _finds(rule: AnyRule, view: View, limits: Limits) -> bool:
    return next(judged(rule, view, limits), None) is not None


def _places(stirred: Sequence[range], end: int, step: int, standing: Collection[object]) -> Iterator[int]:
    """Those moments, and each one that follows while something stands."""
    place = 0
    for one in stirred:
        while standing and place < one.start:
            yield place
            place += step
        place = max(place, one.start)
        while place < one.stop:
            yield place
            place += step
    while standing and place < end:
        yield place
        place += step


# --- living through them ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Asked:
    limits: Limits
    patience: Patience
    step: int
    is_gone: Callable[[], bool]


@dataclass(slots=True)
class _Life:
    """Everything that stands or stood."""

    standing: dict[str, Incident] = field(default_factory=dict)
    over: dict[str, Incident] = field(default_factory=dict)
    told: dict[int, Told] = field(default_factory=dict)
    noted: set[int] = field(default_factory=set)
    ids: Iterator[int] = field(default_factory=lambda: count(1))

    def keep(self, incident: Incident, reason: Reason | None, now_ms: int) -> None:
        kept = replace(incident, id=incident.id or next(self.ids))
        if kept.resolved_at_ms is None:
            self.standing[kept.key] = kept
        else:
            self.standing.pop(kept.key, None)
            self.over[kept.key] = kept
        if reason is Reason.OPENED:
            self.told[kept.id] = Told(now_ms, None, kept.subject)
        if kept.id in self.told:
            self.told[kept.id] = replace(self.told[kept.id], until_ms=kept.resolved_at_ms)
        elif kept.severity is Severity.INFO:
            self.noted.add(kept.id)

    def lived(self, step: int) -> Lived:
        noted = self.noted - self.told.keys()
        return Lived(tuple(sorted(self.told.values(), key=lambda one: one.at_ms)), len(noted), step)


def _lived(rule: AnyRule, past: Past, stirred: Sequence[range], asked: _Asked) -> Lived | None:
    """None: that were too many looks."""
    lives = _Life()
    for looks, place in enumerate(_places(stirred, len(past.at_ms), asked.step, lives.standing)):
        if looks >= past.looks_max and asked.step < len(past.at_ms):
            return None
        if looks % EACH == 0 and asked.is_gone():
            raise GoneError
        view = past.view(place)
        for incident, reason in _steps(rule, view, lives.standing, lives.over, asked):
            lives.keep(incident, reason, view.now_ms)
    return lives.lived(asked.step)


def _steps(
    rule: AnyRule,
    view: View,
    standing: Mapping[str, Incident],
    over: Mapping[str, Incident],
    asked: _Asked,
) -> list[life.Step]:
    findings = list(judged(rule, view, asked.limits))
    if not findings and not standing:
        return []
    unresolved, since_ms = list(standing.values()), view.now_ms - asked.patience.again_ms
    at = Round(
        now_ms=view.now_ms,
        patience=asked.patience,
        endings=endings(view, unresolved, findings, asked.limits),
        clear_ms={rule.name: rule.clear_ms},
        before={key: one for key, one in over.items() if (one.resolved_at_ms or 0) >= since_ms},
    )
    return life.round(unresolved, findings, at)
