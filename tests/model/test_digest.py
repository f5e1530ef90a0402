"""When a digest is due: by the clocks of the team's zone, across their jumps too."""

from datetime import UTC, datetime

import pytest

from vedette.model.digest import DigestPlan

HOUR_MS = 3_600_000


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def plan(every: str = "daily", zone: str = "UTC", told: str = "2025-01-01T00:00", **other: int) -> DigestPlan:
    return DigestPlan(
        every="weekly" if every == "weekly" else "daily",
        zone=zone,
        contacts=("contact:c1",),
        told_until_ms=ms(told),
        **other,
    )


@pytest.mark.parametrize(
    "one, now, due",
    [
        (plan(hour=8), "2025-11-22T07:59", "2025-11-21T08:00"),
        (plan(hour=8), "2025-11-22T08:00", "2025-11-22T08:00"),
        (plan(hour=8, told="2025-11-21T08:00"), "2025-11-22T07:59", None),
        (plan(hour=8, told="2025-11-22T08:00"), "2025-11-22T23:00", None),
        (plan(hour=8, zone="Asia/Shanghai"), "2025-11-22T00:00", "2025-11-22T00:00"),
        (plan("weekly", hour=8, weekday=0), "2025-11-22T12:00", "2025-11-17T08:00"),  # a Saturday
        (plan("weekly", hour=8, weekday=5), "2025-11-22T12:00", "2025-11-22T08:00"),
        (plan("weekly", hour=8, weekday=5), "2025-11-22T07:00", "2025-11-15T08:00"),
        # Berlin: clocks go back on 26 October 2025, forward on 30 March 2025 (2:00 is 3:00)
        (plan(hour=8, zone="Europe/Berlin"), "2025-10-26T07:00", "2025-10-26T07:00"),
        (plan(hour=8, zone="Europe/Berlin"), "2025-10-25T06:00", "2025-10-25T06:00"),
        (plan(hour=2, zone="Europe/Berlin"), "2025-03-30T01:30", "2025-03-30T01:00"),
        (plan(hour=2, zone="Europe/Berlin"), "2025-10-26T00:30", "2025-10-26T00:00"),
    ],
)
def test_it_is_due_by_the_zones_clocks(one: DigestPlan, now: str, due: str | None) -> None:
    assert one.due_ms(ms(now)) == (None if due is None else ms(due))


def test_each_day_is_told_once_also_when_clocks_jump() -> None:
    one, told, now = plan(hour=2, zone="Europe/Berlin"), [], ms("2025-10-20T00:00")
    for step in range(24 * 14 * 4):
        due = one.due_ms(now + step * HOUR_MS // 4)
        if due is not None and due >= now:
            told.append(due)
        if due is not None:
            one = DigestPlan(
                every=one.every, hour=one.hour, zone=one.zone, contacts=one.contacts, told_until_ms=due
            )
    assert len(told) == len(set(told)) == 14
    assert [one.begins_ms(end) for end in told[1:]] == told[:-1]


def test_whoever_wants_none_or_names_nobody_gets_none() -> None:
    assert DigestPlan(contacts=("members",)).due_ms(ms("2025-11-22T12:00")) is None
    assert DigestPlan(every="daily").due_ms(ms("2025-11-22T12:00")) is None
