"""What a wallet has, asked live over a real port: exact, kept for a minute, and never too often."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.conflux.test_contracts import words
from tests.server.conftest import Api
from tests.server.pool_node import Contract, PoolNode
from tests.server.stage import HandClock
from tests.server.test_pools import OTHER, OURS, node_with, told, until_pool, watching
from tests.stub_node import person
from vedette.conflux import contracts
from vedette.conflux.address import encode
from vedette.model.clock import MachineClock
from vedette.server import asking
from vedette.server.asking import CALLS_PER_MIN, WAITING_MAX, calls_per_s
from vedette.server.settings import EndpointSetting, PoolSetting

pytestmark = pytest.mark.slow  # starts a server each

CAROL, DAVE = (encode(bytes.fromhex("1" + digit * 39), 1234) for digit in "cd")
FOREIGN = encode(bytes.fromhex("1" + "c" * 39), 1029)
GIVEN = (PoolSetting("Ours", OURS), PoolSetting("Other", OTHER))


def asked(node: PoolNode) -> int:
    """How often a wallet's stake in a pool was asked for."""
    return [selector for _, selector in node.pool_calls()].count(contracts.USER_SUMMARY.selector)


def carols_node() -> PoolNode:
    ours = Contract(stakers={CAROL: words(9, 7, 5, 2, 2**90, 4)})
    return node_with((OURS, ours), (OTHER, Contract()), registered={OURS: person(1)})


async def test_a_wallet_is_told_where_it_has_something(tmp_path: Path) -> None:
    node = carols_node()
    async with watching(tmp_path, node, *GIVEN, seconds=100) as api:
        await until_pool(api, OTHER, told)
        found = await api.get(f"/wallets/{CAROL.upper()}")
        at_ms, block = found.pop("at_ms"), found.pop("block_number")
        assert block == 0x64
        assert found == {
            "address": CAROL,
            "votes": 9,
            "interest_drip": "5",
            "asked_pools": 2,
            "untold": [],
            "pools": [
                {
                    "contract": OURS,
                    "name": "Ours",
                    "pos_address": person(1),
                    "votes": 9,
                    "available_votes": 7,
                    "locked_votes": 5,
                    "unlocked_votes": 2,
                    "interest_drip": "5",
                    "claimed_drip": str(2**90),
                    "locking": [
                        {
                            "votes": 2,
                            "end_block": 300,
                            "at_ms": at_ms + (300 - 100) * 86_400_000 // 170_000,
                        }
                    ],
                    "unlocking": [],
                }
            ],
        }
        nothing = await api.get(f"/wallets/{DAVE}")
        assert (nothing["votes"], nothing["pools"], nothing["interest_drip"]) == (0, [], "0")


async def test_a_wallet_asked_for_twice_is_asked_about_once(tmp_path: Path) -> None:
    node = carols_node()
    async with watching(tmp_path, node, *GIVEN, seconds=100) as api:
        await until_pool(api, OTHER, told)
        first, second, third = await asyncio.gather(*(api.get(f"/wallets/{CAROL}") for _ in range(3)))
        assert first == second == third == await api.get(f"/wallets/{CAROL.upper()}")
        assert asked(node) == 2  # one of each pool
        status, headers, _ = await api.raw(f"/wallets/{CAROL}")
        assert (status, headers["cache-control"]) == (200, "no-store")


async def test_a_pool_of_another_kind_does_not_tell_and_is_not_asked(tmp_path: Path) -> None:
    liquid = Contract(lacks=["poolSummary", "poolUserShareRatio"])
    silent = Contract(lacks=["userSummary"])
    node = node_with((OURS, liquid), (OTHER, silent))
    async with watching(tmp_path, node, *GIVEN, seconds=100) as api:
        await until_pool(api, OTHER, told)
        found = await api.get(f"/wallets/{CAROL}")
        assert (found["asked_pools"], asked(node)) == (1, 1)
        why = {one["name"]: one["why"] for one in found["untold"]}
        assert why["Ours"].startswith("its contract is of another kind")
        assert why["Other"] == "its contract does not tell what its stakers have"


@pytest.mark.parametrize(
    "address, line",
    [
        (FOREIGN, "address: this address is of network 1029, and the chain that is watched is 1234"),
        (CAROL[:-1] + "x", "is no address: its checksum is wrong, so a letter is"),
        ("0x" + "1c" * 20, "is no address: an address begins with cfx:, cfxtest: or net and a number"),
        ("net1234:", "is no address: 42 letters follow the last colon of an address"),
        ("x" * 121, "address: String should have at most 120 characters"),
    ],
)
async def test_a_wrong_address_is_one_clear_line(tmp_path: Path, address: str, line: str) -> None:
    async with watching(tmp_path, node_with()) as api:
        await answering(api)
        status, detail = await api.problem(f"/wallets/{address}")
        assert status == 422
        assert line in detail


async def answering(api: Api) -> None:
    """Until the chain was heard of."""
    async with asyncio.timeout(30):
        while api.house.follower.pow_now is None:  # noqa: ASYNC110  what is waited for tells nobody
            await asyncio.sleep(0.05)


async def test_while_no_endpoint_answers_that_is_said(tmp_path: Path) -> None:
    node = carols_node()
    async with watching(tmp_path, node, *GIVEN, seconds=100) as api:
        await until_pool(api, OTHER, told)
        node.broken = "down"
        status, detail = await api.problem(f"/wallets/{CAROL}")
        assert (status, detail.split(",")[0]) == (503, "No endpoint answers now")


async def test_who_asks_too_often_is_told_when_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "CALLS_PER_MIN", 4.0)
    node = carols_node()
    async with watching(tmp_path, node, *GIVEN, seconds=100) as api:
        await until_pool(api, OTHER, told)
        await api.get(f"/wallets/{DAVE}")
        await api.get(f"/wallets/{CAROL}")  # the budget is spent, and owes the details of one pool
        eve = encode(bytes.fromhex("1" + "e" * 39), 1234)
        status, headers, body = await api.raw(f"/wallets/{eve}")
        assert status == 429
        assert 0 < int(headers["retry-after"]) <= 75
        assert f"try again in {headers['retry-after']} s" in body.decode()
        assert asked(node) == 4
        assert (await api.get(f"/wallets/{CAROL}"))["votes"] == 9  # what is known costs nothing


async def test_a_crowd_is_not_let_in_at_once(tmp_path: Path) -> None:
    node = carols_node()
    async with watching(tmp_path, node, *GIVEN, seconds=100) as api:
        await until_pool(api, OTHER, told)
        node.latency_s = 0.3
        crowd = [encode(bytes([0x1F, *([number] * 19)]), 1234) for number in range(WAITING_MAX + 6)]
        found = await asyncio.gather(*(api.raw(f"/wallets/{one}") for one in crowd))
        statuses = [status for status, _, _ in found]
        assert sorted(set(statuses)) == [200, 429]
        assert statuses.count(200) >= WAITING_MAX


def test_a_gateway_spares_half_of_what_it_allows() -> None:
    gateway = EndpointSetting("g", "https://main.confluxrpc.com")
    own = EndpointSetting("mine", "http://127.0.0.1:12537")
    assert calls_per_s([gateway, own]) == 2.5
    assert calls_per_s([own, gateway]) == calls_per_s([]) == CALLS_PER_MIN / 60
    assert calls_per_s([EndpointSetting("g", "http://x", 1.0)]) == 0.5


async def test_an_answer_is_kept_for_a_minute_and_no_longer(tmp_path: Path) -> None:
    node = carols_node()
    clock = HandClock()
    async with watching(tmp_path, node, *GIVEN, seconds=100) as api:
        await until_pool(api, OTHER, told)
        house = api.house
        steady = MachineClock().steady_ms()
        clock.steady = steady

        class Later:
            """The server's own clock, moved."""

            def steady_ms(self) -> int:
                return clock.steady

            def now_ms(self) -> int:
                return house.ears.now_ms()

        kept: Any = house.wallets
        kept._asking._ears = Later()
        await house.wallets.of(CAROL)
        clock.pass_ms(59_999)
        await house.wallets.of(CAROL)
        assert asked(node) == 2
        clock.pass_ms(2)
        await house.wallets.of(CAROL)
        assert asked(node) == 4
