"""A healthy month pages nobody, and each warning in it is of something that truly happened."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.proof.month import DAY_MS, HOUR_MS, MINUTE_MS, START_MS, Disturbance, Month
from vedette.alerts.engine import step
from vedette.alerts.life import Patience
from vedette.alerts.limits import Limits
from vedette.model.incident import Incident, Reason, Severity, SubjectKind

pytestmark = pytest.mark.proof

SEED = int(os.environ.get("MONTH_SEED", "7"))
DAYS = int(os.environ.get("MONTH_DAYS", "30"))
SETTLING_MS = 20 * 60_000
"""What a disturbance left behind may still be told so long after it."""

JUSTIFIED = {"restart": "a node restarts for 45 minutes", "line": "a site's line drops for 8 minutes",
             "source": "a reference is stuck, or at 429, for hours"}  # fmt: skip
RULES = {
    "restart": {"absent_votes"},
    "line": {"node_silent", "storm"},
    "source": {"source_bad"},
}
"""What each disturbance may say, and nothing else."""


def test_a_healthy_month_pages_nobody() -> None:
    month = Month(SEED, DAYS)
    told = list(_lived(month))
    pages = [_line(one, reason, at) for at, one, reason in told if one.severity is Severity.CRITICAL]
    assert pages == []
    reasons = Counter((one.rule, _why(month.disturbances, one, at)) for at, one, _ in told)
    for (rule, why), count in sorted(reasons.items(), key=str):
        print(f"{count:4} messages of {rule}: {JUSTIFIED.get(why or '', 'unjustified')}")
    assert [_line(one, reason, at) for at, one, reason in told if not _why(month.disturbances, one, at)] == []


def test_a_trouble_of_the_whole_network_says_three_things_at_most() -> None:
    """Forty minutes without a block, and an hour in which half of all votes are missing."""
    for trouble, minutes in (("stall", 40), ("drop", 60)):
        began_ms = START_MS + 3 * HOUR_MS
        span = began_ms, began_ms + minutes * MINUTE_MS
        month = Month(SEED, 1, **{trouble: span})
        month.disturbances = []
        told = list(_lived(month, until_ms=span[1] + HOUR_MS))
        said = [_line(one, reason, at) for at, one, reason in told]
        print(f"{trouble}: {len(said)} messages")
        assert said, "nobody was told of it"
        assert len(said) <= 3, said
        assert [one.key for _, one, _ in told if one.severity is Severity.CRITICAL] == []


def _lived(month: Month, until_ms: int | None = None) -> Iterator[tuple[int, Incident, Reason]]:
    """Every message of the month."""
    unresolved: dict[str, Incident] = {}
    over: list[Incident] = []
    patience, limits = Patience(), Limits()
    numbers = iter(range(1, 10**9))
    for view in month.views():
        if until_ms is not None and view.now_ms > until_ms:
            return
        over = [one for one in over if (one.resolved_at_ms or 0) >= view.now_ms - patience.again_ms]
        for incident, reason in step(view, list(unresolved.values()), limits, patience, over):
            kept = replace(incident, id=incident.id or next(numbers))
            if kept.resolved_at_ms is None:
                unresolved[kept.key] = kept
            else:
                unresolved.pop(kept.key, None)
                over.append(kept)
            if reason is not None:
                yield view.now_ms, kept, reason


def _why(disturbances: list[Disturbance], one: Incident, at_ms: int) -> str | None:
    """The disturbance that this is of; None: it came out of nothing."""
    for each in disturbances:
        near = each.from_ms <= at_ms < each.until_ms + SETTLING_MS
        if near and one.rule in RULES.get(each.what, ()) and _touches(each, one):
            return each.what
    return None


def _touches(each: Disturbance, one: Incident) -> bool:
    if one.subject.kind is SubjectKind.NODE:
        return one.subject.id in each.nodes
    if one.subject.kind is SubjectKind.VALIDATOR:
        return any(int(name[1:]) == int(one.subject.id, 16) for name in each.nodes)
    return True


def _line(one: Incident, reason: Reason, at_ms: int) -> str:
    days = (at_ms - START_MS) / DAY_MS
    return f"day {days:.3f}: {reason} {one.key} ({one.severity}) {dict(one.facts)}"
