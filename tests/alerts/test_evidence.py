"""What is kept of an incident: all that led to it, nothing that is private, nothing of others."""

import json
from dataclasses import replace

from vedette.alerts.evidence import BLOCKS, bundle, moment
from vedette.model.incident import Decision, Facts, Incident, Severity, Subject, SubjectKind
from vedette.model.layers import Condition, Layer, Verdict
from vedette.model.pos import Account, PosAddress
from vedette.model.view import (
    ContactView,
    MonitorView,
    NodeView,
    ProcessState,
    SettledBlock,
    SourceView,
    ValidatorView,
    View,
)

NOW = 1_800_000_000_000
ALICE, BOB = PosAddress("0xa"), PosAddress("0xb")
CONTACT = (SubjectKind.CONTACT, "c1")
HEIGHTS = range(101, 221)


def node(name: str, carries: PosAddress | None) -> NodeView:
    return NodeView(
        id=name,
        team_id=1,
        name=f"{name}-called",
        pos_address=carries,
        process=ProcessState.RUNNING,
        died_at_ms=None,
        planned_stop_until_ms=None,
        heard_at_ms=NOW,
        due_at_ms=NOW + 15_000,
        numbers={"host.disk.used_ratio": 0.5},
        states={"net.addresses": "203.0.113.9 fd42:6b1f::77", "node.config": "http://u:p@host:1/key"},
        layers={Layer.POS: Verdict(Condition.HEALTHY, "pos_moves")},
    )


VIEW = View(
    now_ms=NOW,
    blocks=tuple(SettledBlock(height, 3, 300, None if height == 120 else 280) for height in HEIGHTS),
    validators={
        ALICE: ValidatorView(
            ALICE, 1, "s" * 110 + "a" * 10, 50, Account(ALICE, 220, 50, 50, (), (), 0, 0, None)
        ),
        BOB: ValidatorView(BOB, 1, "s" * 120, 50),
    },
    nodes={"n1": node("n1", ALICE), "n2": node("n2", BOB)},
    monitor=MonitorView(
        sources=(SourceView("public", "no answer from 198.51.100.4"),),
        contacts=(ContactView("c1", "phone", True, True, error="vdt_secret said no"),),
    ),
)


def incident(kind: SubjectKind, subject: str) -> Incident:
    facts: Facts = {"absent_blocks": 10, "reason": "mail ana@example.org"}
    return Incident(1, "k", "absent_votes", 1, Severity.WARNING, Subject(kind, subject, subject), facts, NOW)


def test_a_validators_has_its_strip_with_heights_its_account_and_its_carriers() -> None:
    seen = bundle(VIEW, incident(SubjectKind.VALIDATOR, ALICE))
    assert seen["validators"].keys() == {ALICE}
    one = seen["validators"][ALICE]
    assert (one["strip"], one["strip_heights"]) == ("s" * 50 + "a" * 10, [161, 220])
    assert one["account"]["available_votes"] == 50
    assert seen["nodes"].keys() == {"n1"}
    assert seen["nodes"]["n1"]["layers"]["pos"]["state"] == "healthy"
    assert seen["nodes"]["n1"]["numbers"] == {"host.disk.used_ratio": 0.5}
    assert len(seen["blocks"]) == BLOCKS
    assert seen["facts"]["absent_blocks"] == 10


def test_a_nodes_has_its_validator() -> None:
    seen = bundle(VIEW, incident(SubjectKind.NODE, "n2"))
    assert (seen["nodes"].keys(), seen["validators"].keys()) == ({"n2"}, {BOB})
    gone = bundle(VIEW, incident(SubjectKind.NODE, "n9"))
    assert (gone["nodes"], gone["validators"]) == ({}, {})


def test_one_of_a_contact_point_tells_of_it_and_counts_nodes_only() -> None:
    seen = bundle(VIEW, incident(SubjectKind.CONTACT, "c1"))
    assert [one["name"] for one in seen["contacts"]] == ["phone"]
    assert (seen["node_states"], seen["nodes"]) == ({"up": 2}, {})


def test_nothing_private_is_kept() -> None:
    for kind, subject in ((SubjectKind.NODE, "n1"), (SubjectKind.VALIDATOR, ALICE), CONTACT):
        words = json.dumps(bundle(VIEW, incident(kind, subject)))
        for secret in ("203.0.113.9", "fd42", "u:p@host", "198.51.100.4", "vdt_", "ana@example.org"):
            assert secret not in words, (kind, secret)


def test_it_is_kept_when_something_is_told_or_would_have_been() -> None:
    found = incident(SubjectKind.NODE, "n1")
    told = replace(found, told_at_ms=NOW, told_severity=Severity.WARNING)
    worse = replace(told, severity=Severity.CRITICAL, told_severity=Severity.CRITICAL)
    over = replace(worse, resolved_at_ms=NOW)
    steps = [(None, found), (found, told), (told, told), (told, worse), (worse, worse), (worse, over)]
    assert [moment(*step) for step in steps] == [None, "opened", None, "escalated", None, "resolved"]
    assert moment(found, replace(found, resolved_at_ms=NOW)) is None, "nobody ever heard of it"


def test_what_people_hold_back_is_kept_and_what_has_a_cause_is_not() -> None:
    found = incident(SubjectKind.NODE, "n1")
    kept = {decision: moment(None, replace(found, decision=decision)) for decision in Decision}
    assert {decision for decision, what in kept.items() if what is not None} == {
        Decision.SILENCED, Decision.MAINTENANCE, Decision.QUIET_HOURS, Decision.NOTED,
    }  # fmt: skip
