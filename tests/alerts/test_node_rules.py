"""What no view may make the rules about nodes, elections and unlocks say."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.alerts.engine import step
from vedette.alerts.life import Patience
from vedette.alerts.limits import Limits
from vedette.alerts.rules import (
    backup_not_ready,
    certificate_ending,
    clock_off,
    disk_filling,
    few_peers,
    fork_deadline,
    key_changed,
    memory_short,
    not_elected,
    restart_loop,
    rpc_exposed,
    unlock_near,
    wrong_fork,
)
from vedette.alerts.rules.disk_filling import DiskFillingLimit, eased, shortage, volumes
from vedette.alerts.rules.fork_deadline import ForkDeadlineLimit, follows
from vedette.alerts.rules.not_elected import NotElectedLimit
from vedette.alerts.rules.rule import AnyRule, always
from vedette.alerts.rules.unlock_near import UnlockNearLimit
from vedette.model.incident import Incident, Reason, Severity
from vedette.model.layers import Condition, Layer, Verdict
from vedette.model.pos import Account, PosAddress, Queued
from vedette.model.view import (
    ElectionView,
    ForkView,
    NetworkView,
    NodeView,
    ProcessState,
    ValidatorView,
    View,
)

NOW = 1_800_000_000_000
HOUR, DAY = 3_600_000, 86_400_000
TB, GB = 10**12, 10**9
alice = PosAddress("0x" + "a1" * 32)
OF_NODES: tuple[AnyRule, ...] = tuple(
    one.rule
    for one in (
        *(wrong_fork, key_changed, fork_deadline, disk_filling, memory_short, few_peers, rpc_exposed),
        *(clock_off, restart_loop, backup_not_ready, certificate_ending),
    )
)
NUMBERS = (
    *("log.invalid_state.hour_count", "log.read_bytes", "endpoint.pivot_agrees", "node.pos_address_differs"),
    *("disk.data.used_bytes", "disk.data.total_bytes", "disk.data.used_ratio", "disk.data.seconds_to_full"),
    *("host.disk.used_bytes", "host.disk.total_bytes", "process.rss_bytes", "host.memory.total_bytes"),
    *("process.cgroup.memory_max_bytes", "process.restarts_count", "log.database_locked.hour_count"),
    *("peers.all_count", "pos.still_seconds", "node.exposed_count", "host.clock.offset_ms"),
    *("host.clock.synchronised", "host.clock.server_ms", "guard.epoch", "pos.epoch", "endpoint.tls_days"),
)
STATES = ("node.release", "node.voting", "node.exposed", "node.pos_address", "node.config.started_as_voter")
RISES = ("process.restarts_count", "host.oom_kills_count", "process.cgroup.oom_kills_count")
AMOUNT = st.one_of(st.sampled_from((0.0, 1.0, 3.0)), st.floats(-1e6, 1e15))


def node(**changes: object) -> NodeView:
    up = NodeView("n1", 1, "node-n1", alice, ProcessState.RUNNING, None, None, NOW - 1_000, NOW + 14_000)
    return replace(up, **changes)  # type: ignore[arg-type]  # the tests name fields of a node


def seen(*nodes: NodeView, now_ms: int = NOW, network: NetworkView | None = None) -> View:
    spoken = {one.id: replace(one, heard_at_ms=now_ms, due_at_ms=now_ms + 15_000) for one in nodes}
    return View(now_ms, nodes=spoken, network=network or NetworkView())


def nodes_of_any_kind() -> st.SearchStrategy[NodeView]:
    verdict = st.builds(Verdict, st.sampled_from(Condition), st.sampled_from(("pivot_differs", "other")))
    return st.builds(
        node,
        numbers=st.dictionaries(st.sampled_from(NUMBERS), AMOUNT),
        states=st.dictionaries(st.sampled_from(STATES), st.sampled_from(("true", "false", "3.0.3-fix", "?"))),
        rises=st.dictionaries(st.sampled_from(RISES), st.floats(0, 9)),
        layers=st.dictionaries(st.sampled_from(Layer), verdict),
        role=st.sampled_from(("voter", "backup", "rpc")),
        agentless=st.booleans(),
        process=st.sampled_from(ProcessState),
    )


@settings(deadline=None)
@given(nodes_of_any_kind(), st.sampled_from(OF_NODES))
def test_a_silent_node_is_accused_of_nothing_and_called_well_in_nothing(one: NodeView, rule: AnyRule) -> None:
    coming = ForkView("v9", "9.0.0", None, 900, NOW + HOUR)
    view = seen(one, network=NetworkView(height=100, forks=(coming,)))
    found = list(rule.judge(view, always(rule.limit())))
    silent = replace(view, nodes={one.id: replace(one, due_at_ms=NOW - 1)})
    assert list(rule.judge(silent, always(rule.limit()))) == []
    for finding in found:
        assert finding.key == f"{rule.name}/n1"
        incident = Incident(
            1, finding.key, rule.name, 1, finding.severity, finding.subject, finding.facts, NOW
        )
        assert rule.ending(incident, silent, rule.limit()) is None
        assert rule.ending(incident, View(NOW), rule.limit()) == "not_watched"


def disk(free: int, total: int, to_full: float | None = None) -> NodeView:
    numbers: dict[str, float] = {
        "disk.data.used_bytes": total - free,
        "disk.data.total_bytes": total,
        "disk.data.used_ratio": (total - free) / total,
    }
    return node(numbers=numbers if to_full is None else numbers | {"disk.data.seconds_to_full": to_full})


def loudness(one: NodeView, limit: DiskFillingLimit) -> int:
    worst = shortage(volumes(one), limit)
    return -1 if worst is None else worst.severity.rank


@pytest.mark.parametrize(
    ("free", "total", "to_full_days", "severity", "by"),
    [
        (400 * GB, 2 * TB, None, None, None),
        (100 * GB, 2 * TB, None, None, None),  # five per cent of a large disk are much
        (19 * GB, 2 * TB, None, Severity.CRITICAL, "free"),
        (400 * GB, 2 * TB, 13.9, Severity.WARNING, "trend"),
        (400 * GB, 2 * TB, 14.1, None, None),
        (400 * GB, 2 * TB, 1.9, Severity.CRITICAL, "trend"),
        (70 * GB, 500 * GB, None, Severity.WARNING, "share"),
        (30 * GB, 500 * GB, None, Severity.CRITICAL, "share"),
        (19 * GB, 200 * GB, None, Severity.CRITICAL, "free"),
        (5 * GB, 10 * GB, None, None, None),
        (1 * GB, 10 * GB, 20, Severity.WARNING, "share"),
    ],
)
def test_a_disk_is_judged_by_what_tells_of_its_size(
    free: int, total: int, to_full_days: float | None, severity: Severity | None, by: str | None
) -> None:
    known = volumes(disk(free, total, None if to_full_days is None else to_full_days * 86_400))
    worst = shortage(known, DiskFillingLimit())
    assert (severity, by) == ((None, None) if worst is None else (worst.severity, worst.by))


@settings(deadline=None)
@given(st.integers(1, 20_000), st.integers(0, 100), st.integers(0, 100), st.floats(0, 1e8), st.floats(0, 1e8))
def test_a_fuller_disk_is_never_told_more_quietly(
    total_gb: int, free_percent: int, more_percent: int, to_full: float, longer: float
) -> None:
    total, limit = total_gb * GB, DiskFillingLimit()
    less, more = (min(percent, 100) * total // 100 for percent in (free_percent, free_percent + more_percent))
    fuller, emptier = disk(less, total, to_full), disk(more, total, to_full + longer)
    assert loudness(fuller, limit) >= loudness(emptier, limit)
    assert loudness(fuller, eased(limit)) >= loudness(fuller, limit)  # it is not over while it is found


def test_a_disk_that_several_folders_share_is_one_and_the_whole_machines_is_not_told_twice() -> None:
    one = disk(400 * GB, 2 * TB)
    numbers = {
        **one.numbers,
        "host.disk.used_bytes": 99 * GB,
        "host.disk.total_bytes": 100 * GB,
        "host.disk.used_ratio": 0.99,
    }
    assert [volume.name for volume in volumes(node(numbers=numbers))] == ["disk.data"]


NUMBER = st.integers(0, 40)
RELEASE = st.tuples(NUMBER, NUMBER, NUMBER)
SUFFIX = st.sampled_from(("", "-fix", "-testnet", "-rc1"))


def release(numbers: tuple[int, int, int]) -> str:
    return ".".join(map(str, numbers))


@settings(deadline=None)
@given(RELEASE, RELEASE, SUFFIX)
def test_numbers_order_releases_and_a_suffix_orders_nothing(
    own: tuple[int, int, int], first: tuple[int, int, int], suffix: str
) -> None:
    assert follows(node(states={"node.release": release(own) + suffix}), release(first)) == (own >= first)


@settings(deadline=None)
@given(st.integers(-DAY, 30 * DAY), st.integers(0, 30 * DAY))
def test_a_nearer_fork_is_never_told_more_quietly(left_ms: int, longer_ms: int) -> None:
    def rank(left: int) -> int:
        coming = ForkView("v9", "9.0.0", None, 900, NOW + left)
        view = seen(node(states={"node.release": "3.0.3"}), network=NetworkView(height=1, forks=(coming,)))
        found = list(fork_deadline.judge(view, always(ForkDeadlineLimit())))
        return found[0].severity.rank if found else -1

    assert rank(left_ms) >= rank(left_ms + longer_ms)


def test_a_fork_is_told_two_weeks_ahead_then_each_day_and_pages_half_a_day_before() -> None:
    at_ms = NOW + 15 * DAY
    unresolved: dict[str, Incident] = {}
    told: list[tuple[float, Reason, Severity]] = []
    for now_ms in range(NOW, at_ms, HOUR):
        coming = ForkView("v9", "9.0.0", None, 900, at_ms)
        old = node(states={"node.release": "3.0.3"})
        view = seen(old, now_ms=now_ms, network=NetworkView(height=1, forks=(coming,)))
        for incident, reason in step(view, list(unresolved.values()), Limits(), Patience()):
            unresolved[incident.key] = replace(incident, id=incident.id or 1)
            if reason is not None:
                told.append(((at_ms - now_ms) / DAY, reason, incident.severity))
    warnings = [(14.0 - day, Reason.REMINDED, Severity.WARNING) for day in range(1, 14)]
    assert told == [
        (14.0, Reason.OPENED, Severity.WARNING),
        *warnings,
        (0.5, Reason.ESCALATED, Severity.CRITICAL),
    ]


@settings(deadline=None)
@given(
    st.one_of(st.none(), st.integers(0, 10_000)),
    st.sampled_from((None, 0, 1)),
    st.one_of(st.none(), st.integers(0, 5_000)),
    st.one_of(st.none(), st.floats(1, 10_000)),
)
def test_bad_luck_is_never_told(
    free: int | None, without_standing: int | None, without_seat: int | None, expected: float | None
) -> None:
    election = ElectionView(free, without_standing, without_seat, expected)
    validator = ValidatorView(alice, 1, "-" * 120, 0, election=election)
    view = View(NOW, validators={alice: validator})
    assert list(not_elected.judge(view, always(NotElectedLimit()))) == []


def staked(*parts: tuple[int, int], unlocked: int = 0) -> ValidatorView:
    queue = tuple(Queued(height, votes) for height, votes in parts)
    account = Account(alice, 1_000, 5, 5, (), queue, unlocked, 0, None)
    return ValidatorView(alice, 1, "", 0, account=account)


PACE = NetworkView(height=1_000, block_at_ms=NOW, block_interval_ms=30_000)
A_DAY_BLOCKS = DAY // 30_000


@pytest.mark.parametrize(
    ("validator", "network", "unlocking", "unlocked"),
    [
        (staked((1_000 + A_DAY_BLOCKS, 4)), PACE, 4, 0),
        (staked((1_000 + A_DAY_BLOCKS + 1, 4)), PACE, None, None),
        (staked((1_100, 4), (1_200, 3), (90_000, 7)), PACE, 7, 0),
        (staked((1_100, 4), unlocked=2), PACE, 4, 2),
        (staked((1_100, 4)), NetworkView(height=1_000), None, None),
        (staked((1_100, 4), unlocked=2), NetworkView(), 0, 2),
        (staked(), PACE, None, None),
        (replace(staked(), account=None), PACE, None, None),
    ],
)
def test_what_unlocks_within_a_day_is_noted(
    validator: ValidatorView, network: NetworkView, unlocking: int | None, unlocked: int | None
) -> None:
    view = View(NOW, validators={alice: validator}, network=network)
    found = list(unlock_near.judge(view, always(UnlockNearLimit())))
    assert {one.severity for one in found} <= {Severity.INFO}
    facts = [(one.facts["unlocking_votes"], one.facts["unlocked_votes"]) for one in found]
    assert facts == ([] if unlocking is None else [(unlocking, unlocked)])


def test_an_unlock_is_over_only_when_the_account_says_so() -> None:
    view = View(NOW, validators={alice: staked((1_100, 4))}, network=PACE)
    (finding,) = unlock_near.judge(view, always(UnlockNearLimit()))
    incident = Incident(
        1, finding.key, finding.rule, 1, finding.severity, finding.subject, finding.facts, NOW
    )

    def ended(validator: ValidatorView, network: NetworkView = PACE) -> str | None:
        later = View(NOW, validators={alice: validator}, network=network)
        return unlock_near.ending(incident, later, UnlockNearLimit())

    assert ended(staked()) == "none_left"
    assert ended(replace(staked(), account=None)) is None
    assert ended(staked((90_000, 4)), NetworkView()) is None
    assert unlock_near.ending(incident, View(NOW), UnlockNearLimit()) == "not_watched"
