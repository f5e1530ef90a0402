"""Endpoints that lie, lag, limit us, hang up or forget: the past stays right, or says what it lacks."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.server.replayed import Watch, counted, following, paid, truly_paid, until
from vedette.model.history import OfNetwork
from vedette.model.pos import SETTLED_DEPTH
from vedette.replay.faults import Faults
from vedette.replay.network import Network
from vedette.replay.options import ReplayOptions
from vedette.server.chores import Pace
from vedette.store import chain, summing, sums, votes
from vedette.store.database import Database

pytestmark = pytest.mark.slow  # seconds each

EPOCHS, TERM = 24, 20
PACE = Pace(rewards_ms=5_000, tidy_ms=500, missing_ms=5_000)
POSITIONS = pytest.mark.parametrize("place", [0, 1, 2], ids=["asked first", "amid", "asked last"])


@pytest.fixture(scope="module")
def network() -> Network:
    return Network.grown(ReplayOptions(epochs=EPOCHS, term_blocks=TERM, accounts=30, stake_votes=20_000))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(str(tmp_path / "vedette.db"))
    yield opened
    await opened.close()


def among_three(bad: Faults, place: int) -> dict[str, Faults]:
    """Two honest endpoints, and one that is not."""
    honest = [("one", Faults()), ("two", Faults())]
    return dict([*honest[:place], ("bad", bad), *honest[place:]])


async def settled(database: Database, watch: Watch, *names: str) -> None:
    """Wait until all that these endpoints have was read, folded and added up, and their rewards told."""
    newest = max(watch.endpoints[name].node.head for name in names)
    whole = watch.network.growth.epoch_of(newest - SETTLED_DEPTH) - 1
    payable = watch.network.paid_epochs(newest)

    async def complete() -> bool:
        known = set(range(1, payable + 1)) <= (await paid(database)).keys()
        return (
            watch.has_read(*names) and known and set(range(1, whole + 1)) == (await counted(database)).keys()
        )

    await until(complete)


async def assert_true(database: Database, network: Network, *, first: int = 1) -> None:
    """All epochs from the first on are there, and all that is there is as it truly was."""
    found, told = await counted(database), await paid(database)
    assert set(found) == set(range(first, EPOCHS))  # the newest is under way
    for epoch, counts in found.items():
        assert counts == network.truth(epoch), f"epoch {epoch}"
    for epoch, drips in told.items():
        assert drips == truly_paid(network, epoch), f"epoch {epoch}"
    async with database.read() as conn:
        held = await chain.hashes(conn, 0, 10**9)
    lowest = 2 if first == 1 else network.growth.first_height(first)
    assert {h: one for h, one in held.items() if h >= lowest} == {
        height: hash_of(network, height) for height in range(lowest, network.head - SETTLED_DEPTH + 1)
    }


def hash_of(network: Network, height: int) -> str:
    block = network.block(height)
    assert block is not None
    return str(block["hash"])


# --- lies


@POSITIONS
@pytest.mark.parametrize("epoch", [EPOCHS, EPOCHS - 3, 5], ids=["the newest", "of late", "of old"])
async def test_a_liar_about_the_chain_is_outvoted(
    network: Network, database: Database, place: int, epoch: int
) -> None:
    start = network.growth.first_height(epoch) + 7
    three = among_three(Faults(lying_hashes_from=start), place)
    async with following(network, database, three, pace=PACE) as watch:
        await settled(database, watch, "one", "two")
        await until(lambda: "another chain" in watch.error("bad"))
    await assert_true(database, network)


async def test_what_two_witnesses_told_is_not_outvoted_by_those_who_come_later(
    network: Network, database: Database
) -> None:
    honest = {"one": Faults(), "two": Faults()}
    async with following(network, database, honest, pace=PACE) as watch:
        await settled(database, watch, "one", "two")
    lying = {"bad": Faults(lying_hashes_from=400), "worse": Faults(lying_hashes_from=400), "one": Faults()}
    async with following(network, database, lying, pace=PACE) as watch:
        await until(lambda: all("another chain" in watch.error(name) for name in ("bad", "worse")))
        assert watch.error("one") == ""
    await assert_true(database, network)


@POSITIONS
async def test_a_liar_about_signatures_is_outvoted(network: Network, database: Database, place: int) -> None:
    three = among_three(Faults(lying_signers_from=5 * TERM), place)
    async with following(network, database, three, pace=PACE) as watch:
        await settled(database, watch, *three)
    await assert_true(database, network)


@POSITIONS
async def test_a_liar_about_rewards_is_outvoted(
    network: Network, database: Database, place: int, caplog: pytest.LogCaptureFixture
) -> None:
    three = among_three(Faults(rewards_percent=200), place)
    async with following(network, database, three, pace=PACE) as watch:
        await settled(database, watch, "one", "two")
    await assert_true(database, network)
    assert "the rewards of epoch 20: bad told something else" in caplog.text


async def test_a_liar_about_rewards_who_was_alone_at_first_is_put_right(
    network: Network, database: Database
) -> None:
    faults = {
        "bad": Faults(rewards_percent=200),
        "one": Faults(latency_ms=700),
        "two": Faults(latency_ms=700),
    }
    async with following(network, database, faults, pace=PACE) as watch:  # 14 s each: past every deadline
        await until(lambda: watch.has_read("bad"))

        async def believed() -> bool:
            return len(await paid(database)) >= EPOCHS - 2

        await until(believed)
        assert (await paid(database))[10] != truly_paid(network, 10)
        for name in ("one", "two"):
            watch.endpoints[name].faults.latency_ms = 0

        async def righted() -> bool:
            held = await paid(database)
            return all(held.get(e) == truly_paid(network, e) for e in range(1, EPOCHS - 1))

        await until(righted)


async def test_of_two_who_tell_different_rewards_neither_is_believed(
    network: Network, database: Database
) -> None:
    two = {"bad": Faults(rewards_percent=200), "one": Faults()}
    async with following(network, database, two, pace=PACE) as watch:

        async def read() -> bool:
            return watch.has_read() and len(await counted(database)) == EPOCHS - 1

        await until(read)
        await until(lambda: watch.passed_s > 30)
    assert await paid(database) == {}
    await summing.refresh(database)
    async with database.read() as conn:
        window = await sums.window(conn, 1, EPOCHS - 1)
    assert (window.known_epochs, window.network[OfNetwork.REWARDED_EPOCHS]) == (EPOCHS - 1, 0)


# --- weakness


async def test_late_votes_that_some_endpoints_lack_add_up(network: Network, database: Database) -> None:
    three = {name: Faults(missing_percent=5, missing_salt=salt) for salt, name in enumerate("abc", 1)}
    async with following(network, database, three, pace=PACE) as watch:
        await settled(database, watch, *three)
    found = await counted(database)
    for epoch in range(1, EPOCHS):
        truth, held = network.truth(epoch), found[epoch]
        assert held.cast_votes <= truth.cast_votes
        assert held.cast_votes >= truth.cast_votes * 97 // 100, "each of them lacks 5 %, and two may agree"
        assert held.known_blocks == truth.known_blocks


async def test_an_endpoint_that_lags_adds_nothing_wrong(network: Network, database: Database) -> None:
    three = among_three(Faults(lag_blocks=70), 0)
    async with following(network, database, three, pace=PACE) as watch:
        await settled(database, watch, "one", "two")
        await until(lambda: watch.has_read("bad"))
        assert watch.follower.committed_height == network.head
        assert watch.error("bad") == ""
    await assert_true(database, network)


@pytest.mark.parametrize("known", [True, False], ids=["the limit is set", "it is found out"])
async def test_an_endpoint_that_limits_us_is_read_as_fast_as_it_lets_us(
    network: Network, database: Database, known: bool, caplog: pytest.LogCaptureFixture
) -> None:
    rates = {"slow": 20.0} if known else {}
    faults = {"slow": Faults(calls_per_s=20)}
    async with following(network, database, faults, pace=PACE, calls_per_s=rates) as watch:
        await settled(database, watch, "slow")
        assert watch.error("slow") == ""
    await assert_true(database, network)
    assert "is not read now" not in caplog.text


async def test_an_endpoint_that_hangs_up_is_asked_again(network: Network, database: Database) -> None:
    async with following(network, database, {"bad": Faults(cut_every=3)}, pace=PACE) as watch:
        await settled(database, watch, "bad")
    await assert_true(database, network)


async def test_what_an_endpoint_has_forgotten_is_said_to_be_unknown(
    network: Network, database: Database
) -> None:
    lost = Faults(lost_below_height=network.growth.first_height(10) + 3)
    async with following(network, database, {"lost": lost}, pace=PACE) as watch:

        async def read() -> bool:
            return watch.has_read("lost") and {*range(11, EPOCHS)} <= (await counted(database)).keys()

        await until(read)
        await until(lambda: watch.passed_s > 30)
    await assert_true(database, network, first=11)
    assert min(await paid(database)) == 10, "it ended after that height"
    await summing.refresh(database)
    async with database.read() as conn:
        window = await sums.window(conn, 1, EPOCHS - 1)
        found = await votes.recent(conn, 1_000)
    assert (window.known_epochs, window.asked_epochs) == (EPOCHS - 11, EPOCHS - 1)
    assert not any(block.known for block in found.blocks if block.height < lost.lost_below_height)


async def test_what_one_endpoint_has_forgotten_another_may_know(network: Network, database: Database) -> None:
    two = {"lost": Faults(lost_below_height=10 * TERM + 3), "whole": Faults()}
    async with following(network, database, two, pace=PACE) as watch:
        await settled(database, watch, *two)
    await assert_true(database, network)


async def test_everything_at_once(network: Network, database: Database) -> None:
    """A liar, an honest one that hangs up and lags, and an honest one that limits us and forgets."""
    three = {
        "liar": Faults(lying_hashes_from=300, lying_signers_from=100, rewards_percent=50),
        "rude": Faults(cut_every=7, lag_blocks=2),
        "poor": Faults(calls_per_s=50, missing_percent=3),
    }
    async with following(network, database, three, pace=PACE) as watch:

        async def complete() -> bool:
            return watch.has_read("rude", "poor") and len(await counted(database)) == EPOCHS - 1

        await until(complete)
    for epoch, counts in (await counted(database)).items():
        truth = network.truth(epoch)
        assert (counts.first_height, counts.last_height) == (truth.first_height, truth.last_height)
        for height in range(counts.first_height, counts.last_height + 1):
            async with database.read() as conn:
                assert await chain.hashes(conn, height, height) == {height: hash_of(network, height)}
    for epoch, drips in (await paid(database)).items():
        assert drips == truly_paid(network, epoch)
