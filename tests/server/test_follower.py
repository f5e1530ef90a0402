import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.postgres import postgres
from tests.stub_node import TERM, StubNode, person, served
from vedette.model.people import FIRST_TEAM
from vedette.model.pos import SETTLED_DEPTH, PosAddress
from vedette.model.spans import total
from vedette.server.chores import Judged, Pace
from vedette.server.follower import Follower
from vedette.store import accounts, chain, people, votes
from vedette.store.database import Database

pytestmark = pytest.mark.slow  # waits for real deadlines

alice, bob, carol = person(1), person(2), person(3)
nobody = person(99)

HASTE = 20


class HastyClock:
    """Time that passes twenty times as fast, so that patience is tested without having any."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def steady_ms(self) -> int:
        return time.monotonic_ns() * HASTE // 1_000_000

    async def sleep_ms(self, duration_ms: int) -> None:
        await asyncio.sleep(duration_ms / 1000 / HASTE)


@dataclass(frozen=True)
class At:
    """An endpoint's setting."""

    name: str
    url: str
    calls_per_s: float | None = None
    headers: None = None


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(str(tmp_path / "vedette.db"))
    yield opened
    await opened.close()


@dataclass(frozen=True)
class Watch:
    """A follower at work, and the nodes that it reads."""

    follower: Follower
    nodes: dict[str, StubNode]

    def has_read(self, *names: str) -> bool:
        """Whether these nodes (or all) were read to their settled end."""
        health = {each.name: each for each in self.follower.health}
        return all(
            name in health
            and health[name].lag_blocks == 0
            and health[name].height == self.nodes[name].committed - SETTLED_DEPTH
            for name in names or self.nodes
        )

    async def read_all(self, *names: str) -> None:
        await until(lambda: self.has_read(*names))

    def lag(self, name: str) -> int:
        """Blocks still to be read; 0 too when that is not known."""
        return next((each.lag_blocks or 0 for each in self.follower.health if each.name == name), 0)

    def error(self, name: str) -> str:
        """Why it is not read now; nothing if it is."""
        return next((each.error or "" for each in self.follower.health if each.name == name), "")


@asynccontextmanager
async def following(database: Database, nodes: dict[str, StubNode], **how: Any) -> AsyncIterator[Watch]:
    endpoints = [At(name, node.url) for name, node in nodes.items()]
    follower = Follower(endpoints, database, HastyClock(), jitter=lambda: 0.5, **how)
    task = asyncio.create_task(follower.run())
    try:
        yield Watch(follower, nodes)
        if task.done():
            await task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(true: Callable[[], bool | Awaitable[bool]], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while True:
            found = true()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.01)


async def strip_of(database: Database, who: PosAddress, last: int = 1000) -> str:
    async with database.read() as conn:
        return votes.strip(await votes.recent(conn, last), who)


async def hashes(database: Database) -> dict[int, str]:
    async with database.read() as conn:
        return await chain.hashes(conn, 0, 10**9)


def expected_strip(who: PosAddress, last: int, *nodes: StubNode) -> str:
    """What the nodes together know: heights 1 (genesis: unseen) to `last`."""
    letters = ["?"]
    for height in range(2, last + 1):
        signed = any(node.signs(who, height) for node in nodes)
        led = nodes[0].members[height % len(nodes[0].members)] == who
        letters.append("l" if signed and led else "s" if signed else "a")
    return "".join(letters)


# --- reading ----------------------------------------------------------------------------------------------


async def test_the_strip_is_the_union_of_what_the_nodes_tell(database: Database) -> None:
    one = StubNode(committed=53, signs=lambda who, h: not (who == bob and h % 5 == 0))
    two = StubNode(committed=53, signs=lambda who, h: not (who == bob and h % 7 == 0))
    async with served(one, two), following(database, {"one": one, "two": two}) as watch:
        await watch.read_all()
    for who in (alice, bob, carol):
        assert await strip_of(database, who) == expected_strip(who, 50, one, two)
    assert (await strip_of(database, bob))[34] == "a"  # height 35: neither node has it
    assert await strip_of(database, nobody) == "?" + "-" * 49


async def test_each_settled_block_is_asked_once_of_each_node(database: Database) -> None:
    one, two = StubNode(committed=400), StubNode(committed=350)
    async with served(one, two), following(database, {"one": one, "two": two}) as watch:
        await watch.read_all()
        for _ in range(5):
            one.committed += 1
            two.committed += 20
            await watch.read_all()
            await asyncio.sleep(0.05)
    for node in (one, two):
        asked = node.heights_asked()
        asked.remove(2)  # whose chain is it?
        assert sorted(asked) == list(range(2, node.committed - 3 + 1))


async def test_a_node_far_ahead_of_us_is_read_at_its_end_first(database: Database) -> None:
    node = StubNode(committed=1003)
    told: list[int] = []
    async with served(node), following(database, {"one": node}, on_blocks=told.extend) as watch:
        await watch.read_all()
    assert told[:120] == list(range(881, 1001))
    assert sorted(told) == list(range(2, 1001))


async def test_new_blocks_are_told_after_their_commit(database: Database) -> None:
    node = StubNode(committed=13)
    held: list[bool] = []

    async def look(heights: list[int]) -> None:
        held.append(set(heights) <= set(await hashes(database)))

    async with served(node), following(database, {"one": node}, on_blocks=look) as watch:
        await watch.read_all()
        node.committed = 14
        await until(lambda: len(held) >= 2)
    assert all(held)


async def test_a_second_witness_tells_only_of_blocks_that_it_adds_to(database: Database) -> None:
    one, two = (
        StubNode(committed=33, signs=lambda who, h: not (who == bob and h == 20)),
        StubNode(committed=33),
    )
    async with served(one, two):
        async with following(database, {"one": one}) as watch:
            await watch.read_all()
        told: list[int] = []
        async with following(database, {"one": one, "two": two}, on_blocks=told.extend) as watch:
            await watch.read_all()
    assert told == [20]


async def test_a_restart_goes_on_where_each_node_was_left(database: Database) -> None:
    one, two = StubNode(committed=203), StubNode(committed=103)
    async with served(one, two):
        async with following(database, {"one": one, "two": two}) as watch:
            await watch.read_all()
        for node in (one, two):
            node.asked.clear()
            node.committed += 10
        async with following(database, {"one": one, "two": two}) as watch:
            await watch.read_all()
    assert sorted({*one.heights_asked()}) == [2, *range(200, 211)]  # 2 and 200: is it still our chain?
    assert sorted({*two.heights_asked()}) == [2, *range(100, 111)]


async def test_a_cancelled_back_fill_stops_at_once_and_keeps_what_it_wrote(database: Database) -> None:
    node = StubNode(committed=5003, latency_s=0.002)
    async with served(node):
        async with following(database, {"one": node}) as watch:
            await until(
                lambda: bool(watch.follower.health) and (watch.follower.health[0].lag_blocks or 5000) < 4500
            )
            start = time.monotonic()
        assert time.monotonic() - start < 5
        assert not [task for task in asyncio.all_tasks() if "_fetch" in repr(task.get_coro())]
        async with database.read() as conn:
            read = await votes.read_of(conn, "one")
        assert total(read) > 500
        wanted = {height for span in read for height in range(span.first, span.last + 1)}
        assert wanted <= set(await hashes(database))


async def test_a_gateway_that_takes_small_batches_only_is_read_in_small_batches(database: Database) -> None:
    node = StubNode(committed=203, batch_max=7)
    async with served(node), following(database, {"one": node}) as watch:
        await watch.read_all()
    assert set(await hashes(database)) == set(range(2, 201))


async def test_blocks_that_a_node_has_forgotten_are_passed_over(database: Database) -> None:
    node, whole = StubNode(committed=603, forgotten_below=300), StubNode(committed=603)
    async with served(node, whole):
        async with following(database, {"one": node}) as watch:
            await watch.read_all()
        assert set(await hashes(database)) == set(range(300, 601))
        async with following(database, {"one": node, "whole": whole}) as watch:
            await watch.read_all()
    assert set(await hashes(database)) == set(range(2, 601))


async def test_a_settled_block_that_is_not_there_yet_is_waited_for(database: Database) -> None:
    node = StubNode(committed=53)
    node.answers["pos_getStatus"] = node.status()
    node.committed = 40  # another node behind the same gateway is not as far
    async with served(node), following(database, {"one": node}) as watch:
        await until(lambda: watch.lag("one") == 10)
        await asyncio.sleep(0.1)
        assert watch.lag("one") == 10
        node.committed = 53
        await watch.read_all()
    assert set(await hashes(database)) == set(range(2, 51))


# --- trouble ----------------------------------------------------------------------------------------------


async def test_a_failing_node_is_told_of_once_and_once_when_it_is_back(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "vedette")
    one, two = StubNode(committed=23), StubNode(committed=23)
    async with served(one, two), following(database, {"one": one, "two": two}) as watch:
        await watch.read_all()
        one.broken = "down"
        await until(lambda: watch.error("one") != "")
        for _ in range(4):
            two.committed += 5
            await watch.read_all("two")
            await asyncio.sleep(0.1)
        one.committed = two.committed
        one.broken = ""
        await until(lambda: watch.error("one") == "")
        await watch.read_all()
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("vedette.server")]
    assert len(lines) == 2, lines
    assert lines[0].startswith(f"one ({one.url.removeprefix('http://')}) is not read now: HTTP 502")
    assert lines[1] == "one is read again"


BAD = {
    "html": (b"<html><body>It works!</body></html>", "text/html", 0),
    "truncated": (b'{"jsonrpc": "2.0", "id": 1, "resu', "application/json", 0),
    "wrong type": (b'{"jsonrpc": "2.0", "id": 1, "result": [[1]]}', "application/json", 0),
    "huge number": (b'{"jsonrpc": "2.0", "id": 1, "result": 1' + b"0" * 400 + b"}", "application/json", 0),
    "error object": (
        b'{"jsonrpc": "2.0", "id": 1, "error": {"code": -32016, "message": "Pos not initialized!"}}',
        "application/json",
        0,
    ),
    "silence": (b"", "application/json", 30),
}


@pytest.mark.parametrize("kind", BAD)
async def test_a_bad_endpoint_is_one_clear_line_and_the_others_are_read(
    database: Database, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    caplog.set_level(logging.INFO, "vedette")
    body, content_type, hold_s = BAD[kind]

    async def answer(_: web.Request) -> web.Response:
        await asyncio.sleep(hold_s)
        return web.Response(body=body, content_type=content_type)

    bad = web.Application()
    bad.router.add_post("/", answer)
    well, ill = StubNode(committed=23), StubNode(committed=23)
    async with served(well), TestServer(bad) as server:
        ill.port = server.port or 0
        async with following(database, {"well": well, "ill": ill}) as watch:
            await until(lambda: watch.error("ill") != "")
            for _ in range(5):
                well.committed += 5
                await watch.read_all("well")
                await asyncio.sleep(0.2)
            assert watch.error("ill").isprintable()
    assert set(await hashes(database)) == set(range(2, well.committed - SETTLED_DEPTH + 1))
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("vedette.server")]
    assert len(lines) == 1, lines
    assert lines[0].startswith("ill (127.0.0.1:")


async def test_a_node_that_never_answers_does_not_hold_up_the_others(database: Database) -> None:
    deaf, well = StubNode(committed=23, broken="slow"), StubNode(committed=23)
    async with served(deaf, well), following(database, {"deaf": deaf, "well": well}) as watch:
        await watch.read_all("well")
    assert set(await hashes(database)) == set(range(2, 21))


async def test_nothing_listens_at_first(database: Database) -> None:
    node = StubNode(committed=23)
    async with served(node):
        pass  # it has a port now, and is gone
    async with following(database, {"one": node}) as watch:
        await until(lambda: "connection refused" in (watch.error("one")))
        async with served(node):
            await watch.read_all()


@pytest.mark.parametrize(
    "answer, words",
    [
        ({"height": "0x5"}, "hash"),
        ([], "should be an object"),
        (None, None),
    ],
)
async def test_a_garbled_block_names_its_field_and_stops_only_its_node(
    database: Database, answer: object, words: str | None
) -> None:
    well, ill = StubNode(committed=33), StubNode(committed=33)
    async with served(well, ill), following(database, {"well": well, "ill": ill}) as watch:
        await watch.read_all()
        ill.answers["pos_getBlockByNumber"] = answer
        well.committed = ill.committed = 43
        await watch.read_all("well")
        if words is not None:
            await until(lambda: words in (watch.error("ill")))
            assert "pos_getBlockByNumber" in (watch.error("ill"))
        del ill.answers["pos_getBlockByNumber"]
        await watch.read_all()


async def test_a_node_that_answers_another_block_is_not_believed(database: Database) -> None:
    node = StubNode(committed=33)
    async with served(node), following(database, {"one": node}) as watch:
        await watch.read_all()
        node.answers["pos_getBlockByNumber"] = node.block(5)
        node.committed = 43
        await until(lambda: "height is 5, and we asked for " in (watch.error("one")))
    assert max(await hashes(database)) == 30


# --- other chains -----------------------------------------------------------------------------------------


async def test_a_node_of_another_chain_is_refused_and_nothing_of_it_is_kept(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    other, one, two = StubNode(committed=53, seed="b"), StubNode(committed=33), StubNode(committed=33)
    nodes = {"other": other, "one": one, "two": two}
    async with served(*nodes.values()), following(database, nodes) as watch:
        await watch.read_all("one", "two")
        await until(lambda: watch.error("other") != "")
    why = watch.error("other") or ""
    assert why.startswith("it is on another chain: its block 2 is 0x")
    assert "Correct its URL" in why
    assert await hashes(database) == {height: one.hash(height) for height in range(2, 31)}
    assert len([record for record in caplog.records if "another chain" in record.getMessage()]) == 1


async def test_another_chain_id_is_refused(database: Database) -> None:
    other, one, two = StubNode(committed=53, chain_id=1030), StubNode(committed=33), StubNode(committed=33)
    nodes = {"other": other, "one": one, "two": two}
    async with served(*nodes.values()), following(database, nodes) as watch:
        await watch.read_all("one", "two")
        await until(lambda: "its chain id is 1030, and ours is 1234" in (watch.error("other")))


async def test_a_database_knows_its_chain_before_it_knows_its_first_block(database: Database) -> None:
    node, other = StubNode(committed=603, forgotten_below=300), StubNode(committed=603, chain_id=1030)
    async with served(node, other):
        async with following(database, {"one": node}) as watch:
            await watch.read_all()
        async with following(database, {"one": other}) as watch:
            await until(lambda: "its chain id is 1030, and ours is 1234" in (watch.error("one")))
    assert min(await hashes(database)) == 300


async def test_a_node_that_left_our_chain_later_is_refused_at_that_block(database: Database) -> None:
    one, lost = StubNode(committed=53), StubNode(committed=33, seed="b", seed_from=40)
    async with served(one, lost), following(database, {"one": one, "lost": lost}) as watch:
        await watch.read_all()
        lost.committed = 53
        await until(lambda: "its block 40 is" in (watch.error("lost")))
    assert await hashes(database) == {height: one.hash(height) for height in range(2, 51)}


@pytest.fixture
async def postgresql() -> AsyncIterator[Database]:
    with postgres() as url:
        opened = await Database.open(url)
        yield opened
        await opened.close()


async def test_no_stranger_slips_in_between_on_postgresql_where_many_write(postgresql: Database) -> None:
    nodes = {"one": StubNode(committed=303), "lost": StubNode(committed=303, seed="b", seed_from=40)}
    async with served(*nodes.values()), following(postgresql, nodes) as watch:
        await until(lambda: any(map(watch.error, nodes)), 60)
        (kept,) = [name for name in nodes if not watch.error(name)]
        await until(lambda: watch.has_read(kept), 60)
    # Whichever was told first is kept whole: no height of it comes from the other.
    assert await hashes(postgresql) == {height: nodes[kept].hash(height) for height in range(2, 301)}


async def test_a_database_of_another_chain_refuses_all_nodes(database: Database) -> None:
    before, now = StubNode(committed=33), StubNode(committed=33, seed="b")
    async with served(before, now):
        async with following(database, {"one": before}) as watch:
            await watch.read_all()
        async with following(database, {"one": now, "two": now}) as watch:
            await until(lambda: "a database of its own" in (watch.error("two")))
            await until(lambda: "a database of its own" in (watch.error("one")))
    assert await hashes(database) == {height: before.hash(height) for height in range(2, 31)}


async def test_a_chain_made_anew_under_the_same_url_is_noticed(database: Database) -> None:
    node = StubNode(committed=53)
    async with served(node), following(database, {"one": node}) as watch:
        await watch.read_all()
        node.seed, node.committed = "b", 9
        await until(lambda: "another chain" in (watch.error("one")))
        node.committed = 200
        await asyncio.sleep(0.2)
    assert max(await hashes(database)) == 50


# --- committees, accounts, PoW ----------------------------------------------------------------------------


async def test_a_committee_comes_from_whichever_node_has_it(database: Database) -> None:
    nodes = {"forgetful": StubNode(committed=33, no_committees=True), "well": StubNode(committed=33)}
    async with served(*nodes.values()), following(database, nodes) as watch:
        await watch.read_all()
        for node in nodes.values():
            node.committed += TERM
        await watch.read_all()
    assert "?" not in (await strip_of(database, alice))[1:]


async def test_a_committee_that_nobody_had_is_asked_for_again(database: Database) -> None:
    node = StubNode(committed=33, no_committees=True)
    pace = Pace(missing_ms=1_000)

    async def complete() -> bool:
        return "?" not in (await strip_of(database, alice))[1:]

    async with served(node), following(database, {"one": node}, pace=pace) as watch:
        await watch.read_all()
        assert await strip_of(database, alice) == "?" * 30
        node.no_committees = False
        await until(complete)
    assert await strip_of(database, alice) == expected_strip(alice, 30, node)


async def test_stakes_of_members_and_of_the_watched_are_kept(database: Database) -> None:
    node = StubNode(committed=33)
    await database.write(lambda conn: people.watch(conn, FIRST_TEAM, [nobody]))

    async def kept() -> bool:
        return len(await stakes(database)) == 4

    async with served(node), following(database, {"one": node}) as watch:
        await watch.read_all()
        await until(kept)
    assert await stakes(database) == {alice: 10, bob: 10, carol: 10, nobody: 0}


async def stakes(database: Database) -> dict[PosAddress, int]:
    async with database.read() as conn:
        return {who: account.available_votes for who, (account, _) in (await accounts.accounts(conn)).items()}


async def test_a_new_epoch_looks_at_the_accounts_at_once(database: Database) -> None:
    node = StubNode(committed=33)
    pace = Pace(accounts_ms=3_600_000)
    async with served(node), following(database, {"one": node}, pace=pace) as watch:
        await watch.read_all()
        await until(lambda: any(method == "pos_getAccount" for method, _ in node.asked))
        node.asked.clear()
        node.members = [*node.members, nobody]
        node.committed += TERM
        await until(lambda: ("pos_getAccount", (nobody,)) in node.asked)


def disputed(who: PosAddress, number: int, height: int) -> dict[str, Any]:
    """A transaction as a node tells it."""
    return {
        "number": hex(number),
        "hash": "0x" + f"{number:064x}",
        "from": alice,
        "type": "Dispute",
        "status": "Executed",
        "blockNumber": hex(height),
        "timestamp": hex(1_790_000_000_000_000 + height * 1_000_000),
        "payload": {"address": who, "conflictingVotes": {"conflictVoteType": "vote"}},
    }


async def test_each_new_block_asks_about_the_watched_and_tells_who_changed(database: Database) -> None:
    """Settled or not: an account is what it is as of the committed block."""
    node, changes = StubNode(committed=33, term=1_000), list[set[PosAddress]]()
    await database.write(lambda conn: people.watch(conn, FIRST_TEAM, [bob]))
    how = {"pace": Pace(accounts_ms=3_600_000), "judged": lambda: Judged([carol], [nobody])}
    async with (
        served(node),
        following(database, {"one": node}, on_accounts=lambda one: changes.append(set(one)), **how) as watch,
    ):
        await watch.read_all()
        await until(lambda: set().union(*changes) >= {alice, bob, carol, nobody})
        changes.clear()
        node.asked.clear()
        node.committed += 1
        everyone = [("pos_getAccount", (one,)) for one in (bob, carol, nobody)]
        await until(lambda: set(everyone) <= set(node.asked))
        node.lock(bob)
        node.committed += 1
        await until(lambda: {bob} in changes)
        assert (await stakes(database))[bob] == 0, "it is on disk when it is told"
    assert set().union(*changes) == {bob}
    assert ("pos_getAccount", (alice,)) not in node.asked, "who is not judged waits for the epoch's end"


async def test_an_account_that_a_transaction_names_is_asked_about_at_once(database: Database) -> None:
    node = StubNode(committed=33, term=1_000)
    node.answers["pos_getTransactionByNumber"] = None
    async with (
        served(node),
        following(database, {"one": node}, pace=Pace(accounts_ms=3_600_000)) as watch,
    ):
        await watch.read_all()
        await until(lambda: ("pos_getAccount", (alice,)) in node.asked)
        await until(lambda: ("pos_getTransactionByNumber", (hex(30),)) in node.asked)
        node.answers["pos_getTransactionByNumber"] = disputed(nobody, 34, 34)
        node.committed = 37
        await until(lambda: ("pos_getAccount", (nobody,)) in node.asked)


async def test_the_pow_chain_is_told_by_the_first_node_that_is_well(database: Database) -> None:
    ill, well = StubNode(committed=33, broken="garbled"), StubNode(committed=33)
    async with served(ill, well), following(database, {"ill": ill, "well": well}) as watch:
        await until(lambda: watch.follower.pow_now is not None)
    assert watch.follower.pow_now is not None
    assert watch.follower.pow_now.endpoint == "well"
    assert watch.follower.pow_now.status.latest_epoch == 100
    assert watch.follower.committed_height == 33
