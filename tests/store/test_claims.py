"""Challenges, claims and profiles, on both databases."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from tests.server.people import team_of
from tests.store.doubles import ALICE, BOB, NOON
from vedette.model.claims import Challenge, Claim, Link, Signer, Space
from vedette.model.people import FIRST_TEAM, Role, Who
from vedette.store import audit, claims, profiles
from vedette.store import tables as t
from vedette.store.database import Database

MEMBER = Who(FIRST_TEAM, Role.OWNER, is_admin=True)
SIGNER = Signer("cfx:alice", Space.CORE, "the stake is hers")
ASKED = Challenge("c1", FIRST_TEAM, ALICE, "text", (SIGNER, Signer("0xAb", Space.ESPACE, "why")), NOON + 10)
LINK = {"label": "Site", "url": "https://pool.example"}


async def asked(database: Database, one: Challenge = ASKED, who: Who = MEMBER, at_ms: int = NOON) -> None:
    await database.write(lambda conn: claims.ask(conn, one, who, at_ms))


async def claimed(database: Database, one: Challenge = ASKED, who: Who = MEMBER, at_ms: int = NOON) -> bool:
    return await database.write(lambda conn: claims.claim(conn, who, one, SIGNER, b"sig", at_ms))


async def held(database: Database, who: Who = MEMBER) -> list[Claim]:
    async with database.read() as conn:
        return await claims.claims(conn, who)


async def test_a_challenge_is_its_team_s_until_it_is_over(database: Database) -> None:
    other = Who(await team_of(database, "rivals"), Role.OWNER, is_admin=True)
    await asked(database)
    async with database.read() as conn:
        assert await claims.challenge(conn, MEMBER, "c1", NOON) == ASKED
        assert await claims.challenge(conn, other, "c1", NOON) is None
        assert await claims.challenge(conn, MEMBER, "c1", NOON + 10) is None


async def test_of_too_many_challenges_the_newest_wait(database: Database) -> None:
    for number in range(claims.WAITING_MAX + 3):
        await asked(database, replace(ASKED, id=f"c{number}", expires_at_ms=NOON + 10 + number))
    async with database.read() as conn:
        ids = set((await conn.execute(select(t.claim_challenges.c.id))).scalars())
    assert len(ids) == claims.WAITING_MAX
    assert f"c{claims.WAITING_MAX + 2}" in ids
    await asked(database, replace(ASKED, id="later", expires_at_ms=NOON + 10_000), at_ms=NOON + 5_000)
    async with database.read() as conn:
        assert list((await conn.execute(select(t.claim_challenges.c.id))).scalars()) == ["later"]


async def test_of_two_who_hand_in_one_signature_at_once_one_is_taken(database: Database) -> None:
    await asked(database)
    taken = await asyncio.gather(*(claimed(database) for _ in range(4)))
    assert sorted(taken) == [False, False, False, True]
    assert [one.signer for one in await held(database)] == ["cfx:alice"]


async def test_a_claim_of_one_s_own_again_keeps_what_was_said(database: Database) -> None:
    await asked(database)
    await claimed(database)
    said = {"is_public": True, "name": "Ours", "about": "a\nb", "links": [LINK]}
    assert await database.write(lambda conn: claims.change(conn, MEMBER, ALICE, said, NOON))
    await asked(database, replace(ASKED, id="c2"))
    assert await claimed(database, replace(ASKED, id="c2"), at_ms=NOON + 5)
    (one,) = await held(database)
    assert (one.claimed_at_ms, one.name, one.about, one.is_public) == (NOON + 5, "Ours", "a\nb", True)
    assert one.links == (Link("Site", "https://pool.example"),)


async def test_another_team_s_claim_takes_over_with_nothing_of_what_was_said(database: Database) -> None:
    rivals = await team_of(database, "rivals")
    other = Who(rivals, Role.OWNER, is_admin=True)
    await asked(database)
    await claimed(database)
    await database.write(lambda conn: claims.change(conn, MEMBER, ALICE, {"name": "Ours"}, NOON))
    theirs = replace(ASKED, id="c2", team_id=rivals)
    await asked(database, theirs, other)
    assert await claimed(database, theirs, other)
    assert await held(database) == []
    assert [(one.team_id, one.name) for one in await held(database, other)] == [(rivals, None)]
    async with database.read() as conn:
        lines = await audit.entries(conn, MEMBER, None, 10)
    assert (lines[0].act, lines[0].subject) == ("claim.taken", ALICE)


async def test_nobody_changes_or_drops_another_team_s_claim(database: Database) -> None:
    other = Who(await team_of(database, "rivals"), Role.OWNER, is_admin=True)
    await asked(database)
    await claimed(database)
    assert not await database.write(lambda conn: claims.change(conn, other, ALICE, {"name": "x"}, NOON))
    assert not await database.write(lambda conn: claims.change(conn, other, ALICE, {}, NOON))
    assert not await database.write(lambda conn: claims.drop(conn, other, ALICE, NOON))
    assert not await database.write(lambda conn: claims.drop(conn, MEMBER, BOB, NOON))
    assert await database.write(lambda conn: claims.change(conn, MEMBER, ALICE, {}, NOON))
    assert await database.write(lambda conn: claims.drop(conn, MEMBER, ALICE, NOON))
    assert await held(database) == []


async def test_a_claim_lapses_once_and_is_shown_to_nobody_until_it_is_back(database: Database) -> None:
    await asked(database)
    await claimed(database)
    await database.write(lambda conn: claims.change(conn, MEMBER, ALICE, {"is_public": True}, NOON))

    async def judged(holds: bool, at_ms: int) -> tuple[bool, bool]:
        """Whether it was news, and whether the public is told."""
        (one,) = await held(database)
        news = await database.write(lambda conn: claims.judge(conn, one, holds, at_ms))
        async with database.read() as conn:
            return news, ALICE in await claims.shown(conn)

    assert await judged(True, NOON) == (False, True)
    assert await judged(False, NOON + 1) == (True, False)
    assert await judged(False, NOON + 2) == (False, False)
    assert [one.lapsed_at_ms for one in await held(database)] == [NOON + 1]
    assert await judged(True, NOON + 3) == (True, True)


async def test_what_was_found_of_an_older_claim_says_nothing_of_a_newer_one(database: Database) -> None:
    await asked(database)
    await claimed(database)
    (old,) = await held(database)
    await asked(database, replace(ASKED, id="c2"))
    await claimed(database, replace(ASKED, id="c2"), at_ms=NOON + 5)
    assert not await database.write(lambda conn: claims.judge(conn, old, False, NOON + 6))
    assert [one.lapsed_at_ms for one in await held(database)] == [None]


async def test_a_page_needs_a_name_that_nobody_else_has(database: Database) -> None:
    other = Who(await team_of(database, "rivals"), Role.OWNER, is_admin=True)

    async def said(who: Who, **change: object) -> str:
        return await database.write(lambda conn: profiles.change(conn, who, change, NOON))

    assert await said(MEMBER, is_public=True) == "slugless"
    assert await said(MEMBER, slug="ours", is_public=True) == "changed"
    assert await said(MEMBER, slug="ours") == "changed"
    assert await said(other, slug="ours") == "taken"
    assert await said(MEMBER, slug=None) == "slugless"
    assert await said(Who(99, Role.OWNER), about="x") == "unknown"
    async with database.read() as conn:
        found = await profiles.public_profile(conn, "ours")
        assert found is not None
        assert found.team_id == FIRST_TEAM
        assert await profiles.public_profile(conn, "theirs") is None
        lines = (await conn.execute(select(func.count()).select_from(t.audit))).scalar_one()
    assert lines == 2, "what was refused changed nothing"


@pytest.mark.parametrize("who", [Who(None), Who(99)])
async def test_the_public_and_strangers_have_no_claims(database: Database, who: Who) -> None:
    await asked(database)
    await claimed(database)
    assert await held(database, who) == []
