"""Pools are looked at over a real port: little is asked, changes are kept, and nothing is lost meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.server.conftest import Api
from tests.server.pool_node import Contract, PoolNode
from tests.server.stage import HandClock, client, quiet_house, served, settings
from tests.stub_node import person
from tests.stub_node import served as nodes_served
from vedette.conflux import contracts, pools
from vedette.conflux.address import encode, simple
from vedette.conflux.networks import network
from vedette.server.pools import SELDOM_LOOKS, UNSETTLED_LOOKS, Pools, listed
from vedette.server.settings import EndpointSetting, PoolSetting
from vedette.store import pools as kept

pytestmark = pytest.mark.slow  # starts a server each

alice, bob = person(1), person(2)
OURS = encode(bytes.fromhex("8" + "1" * 39), 1234)
OTHER = encode(bytes.fromhex("8" + "2" * 39), 1234)
CODE = encode(bytes.fromhex("8" + "3" * 39), 1234)
OWNER = encode((1 << 156).to_bytes(20, "big"), 1234)
ELSEWHERE = encode(bytes.fromhex("8" + "4" * 39), 1029)
SLOT = "0x" + bytes.fromhex("8" + "3" * 39).rjust(32, b"\0").hex()


def node_with(*all_contracts: tuple[str, Contract], **more: Any) -> PoolNode:
    return PoolNode(committed=33, contracts=dict(all_contracts), **more)


@asynccontextmanager
async def watching(
    tmp_path: Path, node: PoolNode, *given: PoolSetting, seconds: int = 1
) -> AsyncIterator[Api]:
    """A whole server that looks at these pools each second."""
    async with nodes_served(node):
        wanted = settings(
            tmp_path,
            endpoints=(EndpointSetting("stub", node.url),),
            pools=given,
            pool_seconds=seconds,
        )
        async with served(wanted) as (house, url), client() as http:
            yield Api(house, url, http)


async def until_pool(api: Api, contract: str, true: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """The pool, once this is true of it."""
    async with asyncio.timeout(30):
        while True:
            rows = {row["contract"]: row for row in (await api.get("/pools"))["pools"]}
            if contract in rows and true(rows[contract]):
                found: dict[str, Any] = rows[contract]
                return found
            await asyncio.sleep(0.1)


def told(row: dict[str, Any]) -> object:
    return row["told_at_ms"]


# --- what is looked at ------------------------------------------------------------------------------------


def test_the_settings_names_stand_before_ours() -> None:
    mainnet = network(1029)
    assert mainnet is not None
    known = {simple(one.contract): one.name for one in mainnet.pools}
    assert listed(1029, []) == known
    assert listed(1234, []) == {}
    first = next(iter(known))
    renamed = listed(1029, [PoolSetting("mine", first), PoolSetting("more", ELSEWHERE)])
    assert renamed == known | {first: "mine", ELSEWHERE: "more"}


async def test_a_pool_is_told_with_its_validator(tmp_path: Path) -> None:
    pool = Contract(claims=alice, slots={pools.IMPLEMENTATION_SLOT: SLOT})
    node = node_with((OURS, pool), registered={OURS: alice})
    async with watching(tmp_path, node, PoolSetting("Ours", OURS)) as api:
        row = await until_pool(api, OURS, told)
        assert row["name"] == "Ours"
        assert row["own_name"] == "Stub pool"
        assert (row["pos_address"], row["registered"], row["trouble"]) == (alice, True, None)
        assert row["terms"] == {
            "fee_ppm": 100_000,
            "owner": OWNER,
            "upgradable": True,
            "implementation": CODE,
            "lock_blocks": 2_250_000,
            "unlock_blocks": 176_400,
            "unstake_wait_ms": 89_652_705,
        }
        assert row["holdings"] == {
            "available_votes": 70,
            "staked_votes": 70,
            "staker_count": 66,
            "told_apy_ppm": 51_200,
            "own_interest_drip": "8",
            "total_interest_drip": "9",
            "balance_drip": "100",
            "withdrawable_drip": str(2 * 1_000 * 10**18),
        }
        one = await api.get(f"/pools/{alice.upper().replace('0X', '0x')}")
        assert {name: one[name] for name in row if name != "told_at_ms"} == {
            name: row[name] for name in row if name != "told_at_ms"
        }
        verbose = await api.get(f"/pools/{OURS.upper()}")
        assert verbose["contract"] == OURS


async def test_a_pool_of_another_kind_is_known_by_its_registration(tmp_path: Path) -> None:
    lacks = ["poolUserShareRatio", "poolSummary", "poolAPY", "stakerNumber", "poolName", "posAddress"]
    node = node_with((OURS, Contract(lacks=lacks)), registered={OURS: bob})
    async with watching(tmp_path, node, PoolSetting("Liquid", OURS)) as api:
        row = await until_pool(api, OURS, told)
        assert (row["pos_address"], row["registered"]) == (bob, True)
        assert row["trouble"] == (
            "its contract is of another kind: it does not answer "
            "poolName, poolUserShareRatio, poolSummary, poolAPY, stakerNumber"
        )
        assert row["terms"]["fee_ppm"] is None
        assert row["holdings"]["staked_votes"] == 70
        assert row["restake"]["state"] == "unknown"


async def test_an_address_of_another_network_is_not_asked_about(tmp_path: Path) -> None:
    node = node_with()
    async with watching(tmp_path, node, PoolSetting("far", ELSEWHERE)) as api:
        row = await until_pool(api, ELSEWHERE, lambda row: row["trouble"])
        assert row["trouble"] == "its address is of network 1029, and ours is 1234"
        assert row["told_at_ms"] is None
        await asyncio.sleep(1.5)
        assert node.pool_calls() == []


async def test_an_address_without_a_contract_says_so(tmp_path: Path) -> None:
    async with watching(tmp_path, node_with(), PoolSetting("typo", OURS)) as api:
        row = await until_pool(api, OURS, told)
        assert row["trouble"] == "there is no contract at this address on this network"


# --- changes ----------------------------------------------------------------------------------------------


async def test_a_changed_fee_is_a_line_of_history(tmp_path: Path) -> None:
    pool = Contract()
    node = node_with((OURS, pool), registered={OURS: alice})
    async with watching(tmp_path, node, PoolSetting("Ours", OURS)) as api:
        first = await until_pool(api, OURS, told)
        pool.share = 8_000
        await until_pool(api, OURS, lambda row: row["terms"]["fee_ppm"] == 200_000)
        fees = (await api.get(f"/pools/{OURS}/fees"))["fees"]
        assert [(line["fee_ppm"], line["changed"]) for line in fees] == [
            (200_000, ["fee_ppm"]),
            (100_000, []),
        ]
        assert fees[0]["until_ms"] is None
        assert first["first_seen_ms"] <= fees[1]["from_ms"] < fees[1]["until_ms"] == fees[0]["from_ms"]
        held = (await api.get(f"/pools/{alice}/holdings"))["points"]
        assert [(point["available_votes"], point["balance_drip"]) for point in held] == [(70, "100")]
        pool.votes = 71
        await until_pool(api, OURS, lambda row: row["holdings"]["available_votes"] == 71)
        held = (await api.get(f"/pools/{OURS}/holdings"))["points"]
        assert [point["available_votes"] for point in held] == [70, 71]


async def test_what_was_known_stays_known_while_nobody_answers(tmp_path: Path) -> None:
    node = node_with((OURS, Contract()), registered={OURS: alice})
    async with watching(tmp_path, node, PoolSetting("Ours", OURS)) as api:
        before = await until_pool(api, OURS, told)
        node.broken = "down"
        await asyncio.sleep(2.5)
        assert (await until_pool(api, OURS, told))["holdings"] == before["holdings"]
        node.broken = ""
        later = await until_pool(api, OURS, lambda row: row["told_at_ms"] > before["told_at_ms"] + 2_500)
        assert later["trouble"] is None


async def test_a_node_that_refuses_for_now_is_asked_again(tmp_path: Path) -> None:
    node = node_with((OURS, Contract()), registered={OURS: alice}, refuses=True)
    async with watching(tmp_path, node, PoolSetting("Ours", OURS)) as api:
        row = await until_pool(api, OURS, told)
        assert row["trouble"] == "The node refused cfx_call: Epoch not executed (-32016)."
        assert (row["terms"]["fee_ppm"], row["registered"]) == (None, None)
        node.refuses = False
        row = await until_pool(api, OURS, lambda row: row["trouble"] is None)
        assert (row["terms"]["fee_ppm"], row["registered"]) == (100_000, True)


# --- how much is asked ------------------------------------------------------------------------------------


async def test_little_is_asked_and_of_another_kind_less(tmp_path: Path) -> None:
    foreign = Contract(lacks=["poolUserShareRatio", "poolSummary", "poolAPY", "stakerNumber"])
    node = node_with((OURS, Contract()), (OTHER, foreign), registered={OURS: alice, OTHER: bob})
    given = (PoolSetting("a", OURS), PoolSetting("b", OTHER))
    async with watching(tmp_path, node, *given, seconds=100) as api:
        await until_pool(api, OTHER, told)
        asked = len(node.pool_calls())
        assert asked == 2 * (len(pools.SELDOM) + len(pools.OFTEN))
        await api.house.pools.round()
        assert len(node.pool_calls()) - asked == len(pools.OFTEN) + 2


async def test_what_hardly_changes_is_asked_for_each_six_hours(tmp_path: Path) -> None:
    node = node_with((OURS, Contract()), registered={OURS: alice})
    async with watching(tmp_path, node, PoolSetting("a", OURS), seconds=600) as api:
        await until_pool(api, OURS, told)
        for _ in range(2 * SELDOM_LOOKS - 1):
            await api.house.pools.round()
        names = [selector for _, selector in node.pool_calls()].count(contracts.POOL_NAME.selector)
        assert names == 2
    assert SELDOM_LOOKS * 600 == 6 * 3_600


async def test_a_pool_that_registers_later_is_found_within_an_hour(tmp_path: Path) -> None:
    node = node_with((OURS, Contract()))
    async with watching(tmp_path, node, PoolSetting("a", OURS), seconds=600) as api:
        row = await until_pool(api, OURS, told)
        assert (row["pos_address"], row["trouble"]) == (None, "it has no validator yet")
        node.registered[OURS] = alice
        for _ in range(UNSETTLED_LOOKS):
            await api.house.pools.round()
        row = await until_pool(api, OURS, lambda row: row["pos_address"])
        assert (row["pos_address"], row["registered"], row["trouble"]) == (alice, True, None)
    assert UNSETTLED_LOOKS * 600 == 3_600


async def test_the_main_network_s_pools_cost_a_seventh_of_what_a_gateway_gives(tmp_path: Path) -> None:
    mainnet = network(1029)
    assert mainnet is not None
    known = [simple(one.contract) for one in mainnet.pools]
    node = PoolNode(
        committed=33,
        chain_id=1029,
        contracts={each: Contract() for each in known},
        registered={each: person(number) for number, each in enumerate(known, start=1)},
    )
    async with watching(tmp_path, node, seconds=600) as api:
        for each in known:
            await until_pool(api, each, told)
        first = len(node.pool_calls())
        await api.house.pools.round()
        each_look = len(node.pool_calls()) - first
        looks = 24 * 6
        assert first - each_look == len(known) * len(pools.SELDOM)
        a_day = looks * each_look + 4 * (first - each_look)
        assert a_day == 12_600 <= 100_000 // 7


async def test_before_an_endpoint_answers_nothing_is_listed(tmp_path: Path) -> None:
    async with quiet_house(settings(tmp_path, pools=(PoolSetting("a", OURS),)), HandClock()) as house:
        assert isinstance(house.pools, Pools)
        await house.pools.round()
        async with house.database.read() as conn:
            assert await kept.listed_pools(conn) == []


@pytest.mark.parametrize("pool", [OURS, alice])
async def test_a_pool_that_is_not_listed_is_not_found(tmp_path: Path, pool: str) -> None:
    async with watching(tmp_path, node_with()) as api:
        status, _, body = await api.raw(f"/pools/{pool}")
        assert status == 404
        assert b"\\n" not in body
