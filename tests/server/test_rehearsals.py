"""Rehearsals over a past: votes as they were seen, figures as tiers keep them, and what nobody can tell."""

import asyncio
from typing import Any

import pytest

from tests.server.conftest import Api
from tests.server.history import HEAD, Past
from tests.server.stage import Agent, enrol, hear
from vedette.alerts.life import Patience
from vedette.alerts.limits import BY_NAME, Limits
from vedette.model.ballot import Ballot
from vedette.model.people import FIRST_TEAM, Who
from vedette.model.pos import PosAddress
from vedette.server import rehearsals
from vedette.server.rehearsals import DAY_MS, BusyError, Rehearsals, chain_since
from vedette.store import people
from vedette.store.strips import between

OURS = Who(FIRST_TEAM)
EAGER = Limits(rules={"absent_votes": {"absent_blocks": 1, "others_participation_ratio": 0.1}})


async def watching(api: Api, *addresses: PosAddress) -> Rehearsals:
    await api.house.database.write(lambda conn: people.watch(conn, FIRST_TEAM, addresses))
    return Rehearsals(api.house.database, Patience())


def end_ms(past: Past) -> int:
    return past.blocks[HEAD].at_us // 1000


async def test_the_votes_are_those_that_were_seen(
    api: Api, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read in small pieces, they are put together as they were."""
    monkeypatch.setattr(rehearsals, "PIECE_BLOCKS", 130)
    one = past.people[0]
    chain = await chain_since(api.house.database, [one], 0)
    assert [block.height for block in chain.blocks] == sorted(past.blocks)
    async with api.house.database.read() as conn:
        strip = await between(conn, one, 2, HEAD)
    unread = 70 - 2
    assert chain.validators[one].strip == strip.letters[:unread] + strip.letters[unread + 1 :]
    assert set(chain.validators[one].votes) - {0}, "it sat in some committee"
    late = await chain_since(api.house.database, [one], end_ms(past) - 1)
    assert late.blocks[-1].height == HEAD
    assert len(late.blocks) < len(chain.blocks)


async def test_a_rule_is_told_as_often_as_there_were_absences(api: Api, past: Past) -> None:
    chain = await chain_since(api.house.database, past.people, 0)
    absent = next(a for a, one in chain.validators.items() if Ballot.ABSENT in one.strip)
    asked, rule = await watching(api, absent), BY_NAME["absent_votes"]
    eager = await asked.rehearse(OURS, rule, EAGER, 30, end_ms(past))
    assert eager.fired_ms
    assert sum(eager.by_day(end_ms(past), 30).values()) == len(eager.fired_ms)
    assert len(eager.by_day(end_ms(past), 30)) == 30
    never = Limits(rules={"absent_votes": {"is_on": False}})
    assert (await asked.rehearse(OURS, rule, never, 30, end_ms(past))).fired_ms == []


async def test_what_nobody_can_tell_is_null_with_a_reason(api: Api, past: Past) -> None:
    asked, now_ms = await watching(api, past.people[0]), end_ms(past)
    for rule in ("node_down", "wrong_fork"):
        made = await asked.rehearse(OURS, BY_NAME[rule], Limits(), 7, now_ms)
        assert (made.fired_ms, made.why) == (None, rehearsals.NOT_KEPT)
    empty = await asked.rehearse(OURS, BY_NAME["few_peers"], Limits(), 7, now_ms)
    assert (empty.fired_ms, empty.why) == (None, rehearsals.NOTHING)
    later = await asked.rehearse(OURS, BY_NAME["absent_votes"], Limits(), 7, now_ms + 30 * DAY_MS)
    assert (later.fired_ms, later.why) == (None, rehearsals.NOTHING)


async def test_figures_of_nodes_are_relived(api: Api) -> None:
    agent, now_ms = Agent(), api.house.ears.now_ms()
    await enrol(api.house, agent)
    for back in range(60, 0, -1):
        peers = 1 if 20 < back < 40 else 9
        told = agent.envelope(now_ms - 10_000 * back, numbers={"peers.all_count": peers})
        await hear(api.house, *agent.post(told))
    wish: dict[str, Any] = {"rule": "few_peers", "days": 2}
    told = await post(api, wish)
    assert (told["fired"], told["why"], len(told["days"])) == (1, None, 2)
    assert sum(day["fired"] for day in told["days"]) == 1
    assert (await post(api, wish | {"values": {"few_count": 0}}))["fired"] == 0
    assert (await post(api, {"rule": "node_down"}))["whys"]["zh"] == rehearsals.NOT_KEPT["zh"]


async def post(api: Api, wish: dict[str, Any], status: int = 200) -> Any:
    async with api.http.post(f"{api.url}/api/v1/alerts/rehearsals", json=wish) as reply:
        assert reply.status == status, await reply.text()
        return await reply.json()


@pytest.mark.parametrize(
    ("wish", "status", "word"),
    [
        ({"rule": "no_such_rule"}, 404, "no_such_rule"),
        ({"rule": "few_peers", "values": {"nonsense": 1}}, 422, "unknown limit nonsense"),
        ({"rule": "few_peers", "values": {"few_count": -1}}, 422, "not negative"),
        ({"rule": "few_peers", "days": 31}, 422, "days"),
    ],
)
async def test_a_wish_that_is_none_says_why(api: Api, wish: dict[str, Any], status: int, word: str) -> None:
    assert word in (await post(api, wish, status))["detail"]


async def test_no_more_wait_than_may_and_the_same_is_not_relived(
    api: Api, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsals, "WAITING_MAX", 2)
    asked, rule, now_ms = await watching(api, past.people[0]), BY_NAME["absent_votes"], end_ms(past)
    results = await asyncio.gather(
        *(asked.rehearse(OURS, rule, EAGER, days, now_ms) for days in (1, 2, 3)), return_exceptions=True
    )
    assert [isinstance(one, BusyError) for one in results] == [False, False, True]
    assert await asked.rehearse(OURS, rule, EAGER, 1, now_ms) is results[0]
