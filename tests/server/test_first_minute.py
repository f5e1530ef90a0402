"""What there is to see a minute after the first start, with a public gateway of five calls a second alone."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from tests.server.replayed import Watch, counted, following, paid, truly_paid, until
from vedette.model.people import FIRST_TEAM
from vedette.model.pos import SETTLED_DEPTH, PosAddress
from vedette.model.spans import Span
from vedette.replay.faults import Faults
from vedette.replay.network import Network
from vedette.replay.options import ReplayOptions
from vedette.server.chore_plan import DAY_EPOCHS
from vedette.store import accounts, people, votes
from vedette.store.database import Database

pytestmark = pytest.mark.slow  # minutes

EPOCHS = 60
TERM = 120  # as on mainnet
RATE = 5.0
HASTE = 1  # none: what is asserted is a pace, and a busy machine must keep up with it
MINUTE_S = 60
WHOLE_EPOCH_S = 70
"""The last whole epoch ends up to an epoch ago: then 240 blocks are to be read for it."""


@pytest.fixture(scope="module")
def network() -> Network:
    return Network.grown(ReplayOptions(epochs=EPOCHS, end_s=1_800_000_000))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(str(tmp_path / "vedette.db"))
    yield opened
    await opened.close()


def member(network: Network, epoch: int) -> PosAddress:
    return next(iter(network.truth(epoch).members))


@pytest.mark.parametrize("lag_blocks", [0, 60], ids=["an epoch has just ended", "amid an epoch"])
async def test_within_a_minute_there_is_what_people_see_first(
    network: Network, database: Database, lag_blocks: int
) -> None:
    """Account, committee, an epoch's worth of votes, a day's rewards and seats; then newest first."""
    epoch = network.growth.epoch_of(network.head - lag_blocks)
    who = member(network, epoch)
    await database.write(lambda conn: people.watch(conn, FIRST_TEAM, [who]))
    faults = {"gateway": Faults(calls_per_s=RATE, lag_blocks=lag_blocks, latency_ms=50)}
    how = {"haste": HASTE, "round_ms": 30_000, "calls_per_s": {"gateway": RATE}}
    seen_at_s: dict[str, float] = {}

    async with following(network, database, faults, **how) as watch:  # type: ignore[arg-type]

        async def looked() -> bool:
            for name, there in (await what_is_there(database, network, watch, who)).items():
                if there:
                    seen_at_s.setdefault(name, watch.passed_s)
            return len(seen_at_s) == len(SEEN_FIRST)

        await until(looked, 2 * WHOLE_EPOCH_S / HASTE)
        await assert_newest_first_and_honest(database, watch)
        asked, passed_s = watch.endpoints["gateway"].calls, watch.passed_s
        assert watch.error("gateway") == ""
    print({name: round(at_s, 1) for name, at_s in seen_at_s.items()}, f"{asked} calls in {passed_s:.0f} s")
    whole_s = seen_at_s.pop("the last whole epoch")
    assert max(seen_at_s.values()) <= MINUTE_S
    assert whole_s <= WHOLE_EPOCH_S
    assert RATE * 0.9 <= asked / passed_s <= RATE * 1.02, "all that we may ask, and no more"
    assert await paid(database) == {e: truly_paid(network, e) for e in await paid(database)}
    assert await counted(database) == {e: network.truth(e) for e in await counted(database)}


SEEN_FIRST = (
    "the account",
    "the committee",
    "the last 120 blocks",
    "a day's rewards",
    "a day's seats",
    "the last whole epoch",
)


async def what_is_there(
    database: Database, network: Network, watch: Watch, who: PosAddress
) -> Mapping[str, bool]:
    node = watch.endpoints["gateway"].node
    settled = node.head - SETTLED_DEPTH
    epoch = network.growth.epoch_of(node.head)
    day = range(epoch - DAY_EPOCHS + 1, epoch + 1)
    payable = {e for e in day if e <= network.paid_epochs(node.head)}
    async with database.read() as conn:
        found = await votes.recent(conn, TERM)
        known = await votes.known_epochs(conn, day[0], epoch)
        has_account = who in await accounts.accounts(conn)
        committee = await votes.committee(conn, epoch)
    last = network.growth.epoch_of(settled)
    return {
        "the account": has_account,
        "the committee": committee is not None,
        "the last 120 blocks": found.first == settled - TERM + 1
        and all(block.known and block.committee for block in found.blocks),
        "a day's rewards": payable <= (await paid(database)).keys(),
        "a day's seats": known == set(day),
        "the last whole epoch": last - 1 in await counted(database),
    }


async def assert_newest_first_and_honest(database: Database, watch: Watch) -> None:
    """The past is read from its end downwards without a gap, and what is left takes as long as is said."""
    progress = watch.follower.progress
    async with database.read() as conn:
        (read,) = await votes.read_of(conn, "gateway")
    assert isinstance(read, Span)
    assert progress.unread_blocks is not None
    assert progress.eta_s is not None
    quickest_s = progress.unread_blocks / RATE
    assert quickest_s * 0.9 <= progress.eta_s <= quickest_s * 1.5, "other things are asked besides"
