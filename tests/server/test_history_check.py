"""A file is compared with a node before it is kept: what was planted is found, what is late is borne."""

import asyncio
import random
import re
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.server.replayed import At, counted, following, paid, until
from tests.store.test_carry import forged, opened
from vedette.model.pos import PosAddress
from vedette.replay.faults import Faults
from vedette.replay.network import Network
from vedette.replay.options import ReplayOptions
from vedette.replay.serve import served
from vedette.server.history_check import SpotCheck
from vedette.store.carry import records
from vedette.store.carry.arrive import arrive
from vedette.store.carry.file import CarryError, HistoryReader
from vedette.store.carry.leave import leave

EPOCHS = 30
OPTIONS = ReplayOptions(epochs=EPOCHS, term_blocks=20, accounts=30, stake_votes=20_000)


@pytest.fixture(scope="module")
def network() -> Network:
    return Network.grown(OPTIONS)


@pytest.fixture(scope="module")
def history(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an honest installation exports."""
    place = tmp_path_factory.mktemp("history")
    asyncio.run(_export(network, place))
    return place / "history"


async def _export(network: Network, place: Path) -> None:
    async with opened(place / "one.db") as one, following(network, one, {"node": Faults()}) as watch:

        async def complete() -> bool:
            return watch.has_read() and len(await counted(one)) == EPOCHS - 1 and len(await paid(one)) > 25

        await until(complete)
        await leave(one, place / "history")


async def imported(file: Path, network: Network, faults: Faults) -> str:
    """What is said after an import that was compared with such a node; nothing is kept if it is refused."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(opened(file.parent / "two.db"))
        node = await stack.enter_async_context(served(network, faults))
        check = SpotCheck(At("node", node.url), chance=random.Random(1))
        try:
            await arrive(database, file, inspector=check)
        except CarryError as error:
            assert await counted(database) == {}
            return str(error)
        assert await counted(database) == {epoch: network.truth(epoch) for epoch in range(1, EPOCHS)}
        return check.line


@pytest.fixture
def copy(history: Path, tmp_path: Path) -> Path:
    (tmp_path / "copy").write_bytes(history.read_bytes())
    return tmp_path / "copy"


async def test_a_file_of_the_nodes_own_chain_is_taken(copy: Path, network: Network) -> None:
    assert re.fullmatch(
        r"24 of its epochs were compared with node, 4 blocks of each:"
        r" 0 of \d,\d{3} votes differ, as late ones may, and nothing else",
        await imported(copy, network, Faults()),
    )


async def test_late_votes_are_no_contradiction_but_told(copy: Path, network: Network) -> None:
    line = await imported(copy, network, Faults(missing_percent=8))
    assert re.search(r" [1-9]\d* of \d,\d{3} votes differ", line)


@pytest.mark.parametrize(
    "faults, words",
    [
        (Faults(lying_hashes_from=2), "the file is not what node tells: in epoch"),
        (Faults(rewards_percent=99), "its rewards differ"),
        (Faults(lost_below_height=10**6), "the file cannot be compared with node: it has forgotten"),
    ],
)
async def test_what_the_node_tells_otherwise_is_refused(
    copy: Path, network: Network, faults: Faults, words: str
) -> None:
    line = await imported(copy, network, faults)
    assert words in line
    assert "\n" not in line


async def test_a_node_of_another_chain_is_named(copy: Path) -> None:
    other = Network.grown(msgspec.structs.replace(OPTIONS, chain_id=4243))
    assert await imported(copy, other, Faults()) == (
        "the file is of another chain than node: its chain id is 4242, and not 4243"
    )


async def test_a_node_that_does_not_answer_is_one_line(copy: Path) -> None:
    async with opened(copy.parent / "two.db") as database:
        with pytest.raises(CarryError, match="cannot be compared with node: No answer to cfx_getStatus"):
            await arrive(database, copy, inspector=SpotCheck(At("node", "http://127.0.0.1:9")))
        assert await counted(database) == {}


async def test_planted_votes_are_found_though_the_file_is_whole(copy: Path, network: Network) -> None:
    member = often_a_member(copy)
    forged(copy, slander(member))
    line = await imported(copy, network, Faults())
    assert f"{member} could sign, they differ about it in" in line


def often_a_member(file: Path) -> PosAddress:
    """Who sits in every committee, with the fewest votes."""
    with HistoryReader(file) as reader:
        told = [one for one in reader.records() if isinstance(one, records.Committee)]
    votes = [dict(zip(records.parted(one.members), one.votes, strict=True)) for one in told]
    always = set.intersection(*(set(one) for one in votes))
    return min(always, key=lambda address: (max(one[address] for one in votes), address))


def slander(account: PosAddress) -> Callable[[records.Record], records.Record]:
    """The account's votes are taken away wherever a quorum is left: no rule of the file is broken."""
    committees: dict[int, records.Committee] = {}

    def change(record: records.Record) -> records.Record:
        if isinstance(record, records.Committee):
            committees[record.epoch] = record
        return _slandered(record, committees[record.epoch]) if isinstance(record, records.Epoch) else record

    def _slandered(record: records.Epoch, committee: records.Committee) -> records.Epoch:
        members, votes = records.parted(committee.members), np.array(committee.votes)
        people, blocks = len(members) + len(record.others) // 32, len(record.hashes) // 32
        signed, place = records.flags(record.signers, people, blocks).copy(), members.index(account)
        spared = votes @ signed[: len(members)] - votes[place] < committee.quorum_votes
        signed[place] &= spared
        return msgspec.structs.replace(record, signers=records.mask(signed))

    return change
