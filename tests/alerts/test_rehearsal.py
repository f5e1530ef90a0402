"""A past lived through once more says what the judge would have said, and looks at no more than it must."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from vedette.alerts import rehearsal, tale
from vedette.alerts.engine import step
from vedette.alerts.life import Patience
from vedette.alerts.limits import BY_NAME, Limits
from vedette.alerts.rehearsal import GoneError, Lived, Stretch, relived
from vedette.alerts.rules.rule import AnyRule
from vedette.alerts.tale import START_MS, Tale
from vedette.model.incident import Incident, Reason, Severity
from vedette.model.view import NodeView, ProcessState, View

TALES = sorted(Path(__file__).parents[1].joinpath("tales").glob("*_fires.yaml"))
MINUTE_MS = 60_000
FEW = BY_NAME["few_peers"]
PATIENCE = Patience()


@dataclass
class Pictures:
    """A past whose pictures are all there. `each`: so many moments make a stretch; 0: look at all."""

    views: Sequence[View]
    each: int = 0
    looks_max: int = 10_000
    looked: list[int] = field(default_factory=list)

    @property
    def at_ms(self) -> Sequence[int]:
        return [view.now_ms for view in self.views]

    def stretches(self) -> Iterator[Stretch]:
        size = self.each or len(self.views)
        for first in range(0, len(self.views), size):
            last = min(first + size, len(self.views)) - 1
            yield Stretch(first, last, self.views[first : last + 1] if self.each else ())

    def view(self, place: int) -> View:
        self.looked.append(place)
        return self.views[place]


def lived(rule: AnyRule, past: Pictures, limits: Limits | None = None) -> Lived:
    return relived(rule, past, limits or Limits(), PATIENCE)


def judged_live(one: Tale, rule: AnyRule) -> list[tuple[int, str]]:
    """When, and of what, the engine tells if only this rule is on."""
    others = {name: {"is_on": False} for name in BY_NAME if name != rule.name}
    own = Limits(one.limits.preset, {**one.limits.rules, **others}, one.limits.subjects)
    return [
        (now_ms, incident.subject.id)
        for now_ms, incident, reason in tale.lived(one, own)
        if reason is Reason.OPENED
    ]


def read(path: Path) -> Tale:
    return tale.parse(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize("path", TALES, ids=lambda path: path.stem)
def test_what_is_told_of_a_tale_is_what_the_judge_tells(path: Path) -> None:
    one = read(path)
    views = list(tale.views(one))
    for name in sorted({saying.key.partition("/")[0] for saying in one.expect}):
        rule = BY_NAME[name]
        found = relived(rule, Pictures(views), one.limits, one.patience)
        assert [(told.at_ms, told.subject.id) for told in found.told] == judged_live(one, rule), name


# --- looking no more than it must -------------------------------------------------------------------------


def node(at_ms: int, peers: float | None) -> NodeView:
    return NodeView(
        id="n1",
        team_id=1,
        name="node one",
        pos_address=None,
        process=ProcessState.RUNNING,
        died_at_ms=None,
        planned_stop_until_ms=None,
        heard_at_ms=at_ms,
        due_at_ms=at_ms + MINUTE_MS + 1,
        numbers={} if peers is None else {"peers.all_count": peers},
    )


def minutes(peers: Sequence[float | None]) -> list[View]:
    times = [START_MS + MINUTE_MS * place for place in range(len(peers))]
    return [View(at, nodes={"n1": node(at, n)}) for at, n in zip(times, peers, strict=True)]


TWICE = [8.0] * 50 + [1.0] * 5 + [8.0] * 300 + [0.0] * 5 + [8.0] * 50


def places(found: Lived) -> list[int]:
    return [(one.at_ms - START_MS) // MINUTE_MS for one in found.told]


@pytest.mark.parametrize("each", [0, 1, 7, 60, 1_000])
def test_what_is_told_does_not_depend_on_the_stretches(each: int) -> None:
    past = Pictures(minutes(TWICE), each)
    found = lived(FEW, past)
    assert places(found) == [51, 356]
    assert [(one.until_ms or 0) - one.at_ms for one in found.told] == [5 * MINUTE_MS] * 2
    assert past.looked == sorted(set(past.looked))
    if each == 7:
        assert len(past.looked) < 40, "calm stretches are not looked at"


def test_other_limits_tell_another_past() -> None:
    none = Limits(rules={"few_peers": {"few_count": 0}})
    assert places(lived(FEW, Pictures(minutes(TWICE), 7), none)) == [356]
    off = Limits(subjects={"n1": {"few_peers": {"is_on": False}}})
    assert places(lived(FEW, Pictures(minutes(TWICE), 7), off)) == []


def test_what_stands_is_looked_at_until_it_is_over() -> None:
    """A hole neither fires nor ends, however long it is."""
    past = Pictures(minutes([*[1.0] * 5, *[None] * 100, *[1.0] * 5, *[8.0] * 100]), 10)
    found = lived(FEW, past)
    assert places(found) == [1]
    assert found.told[0].until_ms == START_MS + 111 * MINUTE_MS
    still = lived(FEW, Pictures(minutes([1.0] * 10)))
    assert [one.until_ms for one in still.told] == [None]


def test_too_many_looks_are_made_fewer() -> None:
    past = Pictures(minutes([8.0] * 30 + [1.0] * 120 + [8.0] * 30), 5, looks_max=60)
    found = lived(FEW, past)
    assert found.step == 4, "there are 120 stirred moments"
    assert len(past.looked) <= 60 + found.step
    assert len(found.told) == 1
    hole = Pictures(minutes([1.0] * 4 + [None] * 400), 2, looks_max=60)
    assert lived(FEW, hole).step == 4 * rehearsal.COARSER, "what stands was not foreseen"


def test_nobody_is_kept_waiting_for_nobody() -> None:
    with pytest.raises(GoneError):
        relived(FEW, Pictures(minutes(TWICE)), Limits(), PATIENCE, lambda: True)


def test_what_is_only_noted_is_counted_apart() -> None:
    quiet = Limits(rules={"few_peers": {"loudest": Severity.INFO}})
    found = lived(FEW, Pictures(minutes(TWICE), 7), quiet)
    assert (found.told, found.noted) == ((), 2)


def test_two_pasts_are_told_as_one() -> None:
    one, other = (lived(FEW, Pictures(minutes(peers))) for peers in (TWICE, [8.0, 1.0, 1.0, 1.0]))
    assert places(one.and_of(other)) == [2, 51, 356]


def test_the_engine_and_a_rehearsal_step_alike() -> None:
    """The same views, one by one, through the judge itself."""
    off = {name: {"is_on": False} for name in BY_NAME if name != FEW.name}
    standing: dict[str, Incident] = {}
    told = []
    for view in minutes(TWICE):
        for incident, reason in step(view, list(standing.values()), Limits(rules=off), PATIENCE):
            standing[incident.key] = incident
            if incident.resolved_at_ms is not None:
                del standing[incident.key]
            told += [view.now_ms] if reason is Reason.OPENED else []
    assert told == [one.at_ms for one in lived(FEW, Pictures(minutes(TWICE))).told]
