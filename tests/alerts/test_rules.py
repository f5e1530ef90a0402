"""The rules over small views, and what no view may ever make them say."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.alerts import mute
from vedette.alerts.engine import endings, judge
from vedette.alerts.limits import Limits
from vedette.alerts.mute import explain
from vedette.alerts.rules import RULES
from vedette.alerts.rules.absent_votes import AbsentVotesLimit, absence, absent_votes, others_participation
from vedette.alerts.rules.countdown import pace_of
from vedette.alerts.rules.node_down import NodeDownLimit, node_down
from vedette.alerts.rules.node_silent import NodeSilentLimit, node_silent
from vedette.alerts.rules.rule import always
from vedette.model.incident import Finding, Incident, Severity, Subject, SubjectKind
from vedette.model.pos import PosAddress
from vedette.model.view import NetworkView, NodeView, ProcessState, SettledBlock, ValidatorView, View

NOW = 1_800_000_000_000
alice = PosAddress("0x" + "a1" * 32)
bob = PosAddress("0x" + "b0" * 32)


def blocks(count: int, signed: int | None = 250, total: int | None = 300) -> tuple[SettledBlock, ...]:
    return tuple(SettledBlock(1000 + i, 7, total, signed) for i in range(count))


def watched(strip: str, address: PosAddress = alice, votes: int = 50, team: int = 1) -> ValidatorView:
    return ValidatorView(address, team, strip, votes)


def seen(strip: str, nodes: tuple[NodeView, ...] = (), votes: int = 50) -> View:
    return View(NOW, blocks(len(strip)), {alice: watched(strip, votes=votes)}, {n.id: n for n in nodes})


def node(node_id: str = "n1", **changes: object) -> NodeView:
    up = NodeView(
        id=node_id,
        team_id=1,
        name=f"node-{node_id}",
        pos_address=alice,
        process=ProcessState.RUNNING,
        died_at_ms=None,
        planned_stop_until_ms=None,
        heard_at_ms=NOW - 1000,
        due_at_ms=NOW + 14_000,
    )
    return replace(up, **changes)  # type: ignore[arg-type]  # the tests name fields of a node


def down(node_id: str = "n1", since_ms: int = 1000, **changes: object) -> NodeView:
    return node(node_id, process=ProcessState.GONE, died_at_ms=NOW - since_ms, **changes)


@pytest.mark.parametrize(
    "strip, severity, absent_blocks",
    [
        ("s" * 20, None, 0),
        ("s" * 20 + "a" * 9, None, 0),
        ("s" * 20 + "a" * 10, Severity.WARNING, 10),
        ("s" * 20 + "a" * 5 + "?" * 7 + "a" * 5, Severity.WARNING, 10),
        ("s" * 20 + "a" * 10 + "?" * 80, Severity.WARNING, 10),
        ("s" * 20 + "a" * 29, Severity.WARNING, 29),
        ("s" * 20 + "a" * 30, Severity.CRITICAL, 30),
        ("s" + "a" * 10 + "ss" + "a", Severity.WARNING, 11),
        ("s" + "a" * 20 + "ss" + "a" * 15, Severity.WARNING, 35),  # never thirty in a row
        ("s" + "a" * 10 + "sss", None, 0),
        ("s" + "a" * 10 + "sls", None, 0),
        ("s" + "a" * 10 + "s?s?s", None, 0),
        ("s" + "a" * 10 + "-", None, 0),
        ("s" + "a" * 9 + "-" + "a" * 9, None, 0),
        ("a" * 29, None, 0),
        ("a" * 30, Severity.CRITICAL, 30),
        ("sa" * 60, None, 0),
        ("", None, 0),
    ],
)
def test_absence_is_judged_by_its_strip(strip: str, severity: Severity | None, absent_blocks: int) -> None:
    found = list(absent_votes(seen(strip), always(AbsentVotesLimit())))
    assert [finding.severity for finding in found] == ([] if severity is None else [severity])
    assert [finding.facts["absent_blocks"] for finding in found] == (
        [] if severity is None else [absent_blocks]
    )


def test_an_absence_says_where_it_began_and_what_was_signed_last() -> None:
    (finding,) = absent_votes(seen("s" * 3 + "a" * 12), always(AbsentVotesLimit()))
    assert finding.key == f"absent_votes/{alice}"
    assert finding.facts == {
        "absent_blocks": 12,
        "votes": 50,
        "height": 1014,
        "value": 12,
        "limit": 10,
        "measure": "blocks",
        "first_absent_height": 1003,
        "last_signed_height": 1002,
        "recovering": 0,
    }


def test_an_absence_older_than_the_window_does_not_pretend_to_know_its_beginning() -> None:
    (finding,) = absent_votes(seen("?" * 3 + "a" * 117), always(AbsentVotesLimit()))
    assert finding.facts["begun_before_window"] == 1
    assert not {"first_absent_height", "last_signed_height"} & finding.facts.keys()


@pytest.mark.parametrize(
    "signed, total, accused",
    [
        (250, 300, True),  # all others
        (226, 300, True),  # just above nine in ten of the others
        (225, 300, False),  # nine in ten exactly
        (200, 300, False),
        (None, None, False),  # nothing is known of the network
        (0, 50, False),  # it is alone: there is nobody to compare it with
    ],
)
def test_a_network_event_accuses_nobody(signed: int | None, total: int | None, accused: bool) -> None:
    view = View(NOW, blocks(40, signed, total), {alice: watched("s" * 20 + "a" * 20)})
    assert bool(list(absent_votes(view, always(AbsentVotesLimit())))) is accused


def test_participation_counts_only_blocks_that_are_known() -> None:
    known, unseen = SettledBlock(1, 1, 300, 200), SettledBlock(2, 1, 300, None)
    assert others_participation([known, unseen], 50) == 200 / 250
    assert others_participation([unseen], 50) == 0.0


def test_the_limits_are_settings() -> None:
    limit = AbsentVotesLimit(absent_blocks=3, critical_blocks=5, recovered_blocks=1)
    assert [f.severity for f in absent_votes(seen("saaa"), always(limit))] == [Severity.WARNING]
    assert [f.severity for f in absent_votes(seen("saaaaa"), always(limit))] == [Severity.CRITICAL]
    assert not list(absent_votes(seen("saaas"), always(limit)))


@settings(deadline=None)
@given(st.text(alphabet="?-sl", max_size=120))
def test_a_strip_without_an_absence_accuses_nobody(strip: str) -> None:
    view = seen(strip, nodes=(node(),))
    assert judge(view, Limits()) == []


@settings(deadline=None)
@given(st.text(alphabet="?-sla", max_size=120))
def test_unseen_blocks_change_no_judgement(strip: str) -> None:
    known = strip.replace("?", "")
    limit = AbsentVotesLimit()
    with_gaps = absence(watched(strip), blocks(len(strip)), limit)
    without = absence(watched(known), blocks(len(known)), limit)
    assert (with_gaps is None) == (without is None)
    if with_gaps is not None and without is not None:
        assert with_gaps.absent_blocks == without.absent_blocks


@settings(deadline=None)
@given(st.text(alphabet="?-sla", max_size=120))
def test_whoever_is_accused_was_absent_ten_times_in_a_row_and_did_not_recover(strip: str) -> None:
    if absence(watched(strip), blocks(len(strip)), AbsentVotesLimit()) is not None:
        known = strip.replace("?", "").replace("l", "s")
        assert "a" * 10 in known
        assert not known.endswith(("sss", "-"))


def test_a_running_node_is_not_down() -> None:
    unsure = node("n2", process=ProcessState.UNKNOWN)
    assert not list(node_down(seen("s", (node(), unsure)), always(NodeDownLimit())))


@pytest.mark.parametrize(
    "since_ms, strip, votes, severity",
    [
        (0, "s", 50, Severity.WARNING),
        (59_999, "s", 50, Severity.WARNING),
        (60_000, "s", 50, Severity.CRITICAL),
        (3_600_000, "-", 0, Severity.WARNING),
    ],
)
def test_a_node_is_down_at_once_and_critical_after_a_minute_if_it_is_elected(
    since_ms: int, strip: str, votes: int, severity: Severity
) -> None:
    (finding,) = node_down(seen(strip, (down(since_ms=since_ms),), votes), always(NodeDownLimit()))
    assert (finding.severity, finding.key, finding.hold_ms) == (severity, "node_down/n1", 0)


def test_a_death_that_nobody_saw_is_not_taken_for_a_recent_one() -> None:
    unseen = node(process=ProcessState.GONE)
    assert [f.severity for f in node_down(seen("s", (unseen,)), always(NodeDownLimit()))] == [
        Severity.CRITICAL
    ]


def test_a_planned_stop_is_held_until_its_end_and_then_named() -> None:
    stopped = down(since_ms=600_000, planned_stop_until_ms=NOW + 1)
    assert not list(node_down(seen("s", (stopped,)), always(NodeDownLimit())))
    late = replace(stopped, planned_stop_until_ms=NOW)
    (finding,) = node_down(seen("s", (late,)), always(NodeDownLimit()))
    assert finding.severity is Severity.WARNING  # the minute counts from the plan's end
    assert finding.facts["planned_stop_overrun"] == 1


def test_an_old_plan_does_not_excuse_a_new_death() -> None:
    died_later = down(since_ms=1000, planned_stop_until_ms=NOW - 86_400_000)
    (finding,) = node_down(seen("s", (died_later,)), always(NodeDownLimit()))
    assert "planned_stop_overrun" not in finding.facts


@pytest.mark.parametrize(
    "late_ms, strip, votes, severity",
    [
        (-1, "s", 50, None),
        (0, "s", 50, Severity.WARNING),
        (900_000, "a", 50, Severity.WARNING),  # how bad that is, the absence says
        (900_000, "s", 50, Severity.WARNING),
        (900_000, "?", 50, Severity.WARNING),
        (899_999, "a-", 0, Severity.WARNING),
        (900_000, "a-", 0, Severity.CRITICAL),
    ],
)
def test_silence_is_a_warning_and_critical_where_no_vote_shows_more(
    late_ms: int, strip: str, votes: int, severity: Severity | None
) -> None:
    silent = node(due_at_ms=NOW - late_ms, heard_at_ms=NOW - late_ms - 15_000)
    found = [f.severity for f in node_silent(seen(strip, (silent,), votes), always(NodeSilentLimit()))]
    assert found == ([] if severity is None else [severity])


def test_a_node_known_to_be_down_is_not_silent_as_well() -> None:
    gone = down(due_at_ms=NOW - 600_000)
    assert [f.rule for f in judge(seen("s", (gone,)), Limits())] == ["node_down"]


def test_findings_are_in_order_and_each_key_is_there_once() -> None:
    view = seen("s" * 20 + "a" * 20, (down("n3"), down("n1"), node("n2", due_at_ms=NOW)))
    keys = [finding.key for finding in judge(view, Limits())]
    assert keys == sorted(set(keys))
    assert len(keys) == 4


def test_a_validator_is_called_by_its_node_but_never_by_another_teams_node() -> None:
    strip = "s" * 20 + "a" * 10
    (ours,) = absent_votes(seen(strip, (node(),)), always(AbsentVotesLimit()))
    assert ours.subject == Subject(SubjectKind.VALIDATOR, alice, "node-n1")
    (strangers,) = absent_votes(seen(strip, (node(team_id=2),)), always(AbsentVotesLimit()))
    assert strangers.subject.name == "0xa1a1a1a1…a1a1"


ASLEEP = "s" * 20 + "a" * 12


@pytest.mark.parametrize(
    "nodes, cause",
    [
        ((), None),
        ((node(),), None),
        ((down(),), "node_down/n1"),
        ((down(), node("n2")), None),  # one that runs should sign
        ((down(), down("n2")), "node_down/n1"),
        ((node(planned_stop_until_ms=NOW + 1),), "planned_stop/n1"),
        ((node(planned_stop_until_ms=NOW),), None),
        ((down(planned_stop_until_ms=NOW + 1),), "planned_stop/n1"),
        ((down(team_id=2),), None),  # what happens to another team's node explains nothing
        ((node(running_since_ms=NOW - 299_999),), "restart/n1"),
        ((node(running_since_ms=NOW - 300_000),), None),
        ((node(due_at_ms=NOW - 1000),), "node_silent/n1"),  # which says that its validator is absent
    ],
)
def test_an_absence_is_explained_only_when_every_carrier_of_its_key_is_out(
    nodes: tuple[NodeView, ...], cause: str | None
) -> None:
    view = seen(ASLEEP, nodes)
    assert explain(judge(view, Limits()), view, 300_000).get(f"absent_votes/{alice}") == cause


def test_nothing_explains_a_dead_node() -> None:
    view = seen(ASLEEP, (down(), down("n2", pos_address=bob)))
    assert set(explain(judge(view, Limits()), view, 300_000)) == {f"absent_votes/{alice}"}


def opened(rule: str, subject: Subject) -> Incident:
    return Incident(1, f"{rule}/{subject.id}", rule, 1, Severity.WARNING, subject, {}, NOW - 60_000)


SILENT = node(due_at_ms=NOW - 1, planned_stop_until_ms=NOW + 1)


@pytest.mark.parametrize(
    "rule, strip, nodes, ending",
    [
        ("absent_votes", "aaasss", (), "signs_again"),
        ("absent_votes", "aaasls?", (), "signs_again"),
        ("absent_votes", "aaass-?", (), "not_elected"),
        ("absent_votes", "??????", (), None),
        ("absent_votes", "aaaass", (), None),
        ("node_down", "s", (node(),), "running"),
        ("node_down", "s", (node(process=ProcessState.UNKNOWN),), None),
        ("node_down", "s", (node(process=ProcessState.UNKNOWN, sync_phase="NormalSyncPhase"),), "running"),
        ("node_down", "s", (down(planned_stop_until_ms=NOW + 1),), "planned"),
        ("node_down", "s", (), "not_watched"),
        ("node_silent", "s", (node(),), "heard"),
        ("node_silent", "s", (SILENT,), "planned"),
        ("node_silent", "s", (), "not_watched"),
        ("forgotten", "s", (), "rule_removed"),
    ],
)
def test_an_ending_is_named_and_doubt_ends_nothing(
    rule: str, strip: str, nodes: tuple[NodeView, ...], ending: str | None
) -> None:
    kind = SubjectKind.VALIDATOR if rule == "absent_votes" else SubjectKind.NODE
    incident = opened(rule, Subject(kind, alice if rule == "absent_votes" else "n1", "x"))
    view = seen(strip, nodes)
    assert endings(view, [incident], judge(view, Limits()), Limits()) == {incident.key: ending}


def test_a_validator_that_is_no_longer_watched_ends_its_absence() -> None:
    incident = opened("absent_votes", Subject(SubjectKind.VALIDATOR, bob, "x"))
    findings: list[Finding] = []
    assert endings(seen("s"), [incident], findings, Limits()) == {incident.key: "not_watched"}


def test_every_rule_that_hides_or_is_hidden_exists_and_none_hides_itself_in_the_end() -> None:
    tables = [mute.OF_NODE, mute.OF_VALIDATOR, mute.OF_NETWORK]
    edges = {
        (cause.partition("/")[0], effect)
        for table in tables
        for cause, effects in table.items()
        for effect in effects
    }
    edges |= {(cause, effect) for cause in mute.OF_CARRIERS for effect in mute.ABSENCES}
    known = {rule.name for rule in RULES}
    assert {name for edge in edges for name in edge} <= known
    hidden = {cause: {effect for one, effect in edges if one == cause} for cause in known}
    for _ in known:
        hidden = {one: effects.union(*(hidden[each] for each in effects)) for one, effects in hidden.items()}
    assert [one for one, effects in hidden.items() if one in effects] == []


def test_an_epochs_end_that_was_told_before_the_epoch_changed_is_not_taken_for_the_newest() -> None:
    """Blocks are seen each second, and the end of their epoch is looked at beside."""
    network = NetworkView(
        epoch=8, height=801, block_interval_ms=30_000, epoch_last_height=800, term_blocks=120
    )
    pace = pace_of(network)
    assert pace is not None
    assert (pace.last_height(8), pace.left_ms(pace.last_height(8))) == (920, 119 * 30_000)
    of_now = pace_of(replace(network, height=800, epoch=7))
    assert of_now is not None
    assert of_now.last_height(7) == 800
