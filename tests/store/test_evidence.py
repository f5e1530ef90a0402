"""Evidence is kept in its step's own transaction, has a bound, and is its team's alone."""

import random
from dataclasses import replace
from typing import Any

from tests.store.doubles import ALICE, BOB, FOUR, NOON, TROUBLE, block, committee, told
from vedette.model.incident import Reason, Subject, SubjectKind
from vedette.model.people import FIRST_TEAM, PUBLIC, Who
from vedette.model.spans import Span
from vedette.store import evidence
from vedette.store.database import Conn, Database
from vedette.store.evidence import PACKED_MAX, pack, unpack
from vedette.store.incidents import Change, save
from vedette.store.votes import remember_committee, told_by, witness_blocks

OURS = Who(FIRST_TEAM)
SUBJECT = Subject(SubjectKind.VALIDATOR, ALICE, "alice")
OF_ALICE = replace(told(TROUBLE), key="absent_votes/a", subject=SUBJECT)


async def _chain(conn: Conn) -> None:
    """One witness sees Alice sign all but the last two of ten, the other has no certificate of those."""
    await remember_committee(conn, committee(1, FOUR))
    signed = [block(height, [ALICE, BOB]) for height in range(1, 9)]
    absent = [block(height, [BOB]) for height in (9, 10)]
    await witness_blocks(conn, "one", [*signed, *absent], Span(1, 10))
    await witness_blocks(conn, "two", [*signed[4:], block(9, []), block(10, [])], Span(5, 10))


async def test_what_each_witness_told_has_a_letter_a_height(database: Database) -> None:
    await database.write(_chain)
    async with database.read() as conn:
        said = await told_by(conn, 3, 10, ALICE)
        assert said == {"one": "ssssssaa", "two": "??ssss??"}
        assert await told_by(conn, 900, 910, ALICE) == {}


async def test_it_is_kept_with_its_incident_and_seen_by_its_team_alone(database: Database) -> None:
    await database.write(_chain)
    seen = {"blocks": [{"height": 10}], "facts": {"absent_blocks": 2}}
    change = Change(OF_ALICE, Reason.OPENED, ("email",), NOON, evidence=("opened", seen))
    for _ in range(2):
        [kept] = await database.write(lambda conn: save(conn, [change]))
    async with database.read() as conn:
        [one] = await evidence.evidence(conn, OURS, kept.id)
        assert await evidence.marks(conn, OURS, kept.id) == [(NOON, "opened")]
        assert await evidence.evidence(conn, Who(2), kept.id) == []
        assert await evidence.marks(conn, PUBLIC, kept.id) == []
    assert (one.at_ms, one.what) == (NOON, "opened")
    assert one.bundle["facts"] == seen["facts"]
    assert one.bundle["witnesses"]["one"].endswith("ssssssssaa")


def _noise(letters: int) -> str:
    return "".join(random.Random(7).choices("0123456789abcdefghijklmnopqrstuvwxyz", k=letters))


def test_what_is_too_large_loses_its_least_and_says_so() -> None:
    big: dict[str, Any] = {
        "facts": {"absent_blocks": 2}, "witnesses": {"one": "s"}, "nodes": {"n1": 1},
        "blocks": [_noise(200_000)],
    }  # fmt: skip
    packed = pack(big)
    assert len(packed) <= PACKED_MAX
    left = unpack(packed)
    assert left["left_out"] == ["witnesses", "blocks"]
    assert (left["facts"], left["nodes"]) == (big["facts"], big["nodes"])
    hopeless = pack({name: _noise(100_000) for name in ("facts", "nodes", "blocks")})
    assert len(hopeless) <= PACKED_MAX


def test_a_small_one_is_whole() -> None:
    small = {"facts": {"a": 1}, "witnesses": {"one": "s?"}}
    assert unpack(pack(small)) == small
