"""What the API tells of pools over a real past, against what that past adds up to epoch by epoch."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from tests.server.conftest import Api
from tests.server.history import COUNTED, EPOCHS, Past
from vedette.conflux.address import encode
from vedette.model.history import Of
from vedette.model.pool import PoolHoldings, PoolReading, PoolTerms
from vedette.model.pos import Account, PosAddress, Queued
from vedette.server.api.pool_shapes import PoolShape
from vedette.server.api.pools import ordered
from vedette.store import accounts
from vedette.store.pools import list_pools, remember_pool

CONTRACTS = [encode(bytes.fromhex("8" + f"{n}" * 39), 1234) for n in range(1, 6)]
STEADY, CHANGING, LATE, LIQUID, UNTOLD = CONTRACTS
NAMES = dict(zip(CONTRACTS, ("Steady", "changing", "Late", "=Liquid", "Untold"), strict=True))
TERMS = PoolTerms(9_000, None, False, None, 2_250_000, 176_400)
HOLDINGS = PoolHoldings(70, 2**90, 2**91, 512, 66, 90, 20, 2**80, 2**70)


@pytest.fixture
async def served_pools(api: Api, past: Past) -> Api:
    """Five pools: fees that were known before, changed twice, were seen late, are not told, and nothing."""
    at = past.end_ms
    steady, changing, late = members(past)[:3]
    readings = [
        (PoolReading(STEADY, "Steady", steady, True, TERMS, HOLDINGS), at(10) + 1),
        (
            PoolReading(CHANGING, None, changing, True, replace(TERMS, user_share_hundredths=9_500)),
            at(10) + 1,
        ),
        (PoolReading(CHANGING, terms=replace(TERMS, user_share_hundredths=8_000)), at(20) + 1),
        (PoolReading(CHANGING, terms=replace(TERMS, user_share_hundredths=8_000, unlock_blocks=1)), at(22)),
        (PoolReading(CHANGING, terms=replace(TERMS, user_share_hundredths=7_000)), at(25) - 1),
        (PoolReading(LATE, None, late, False, TERMS), at(24) + 1),
        (PoolReading(LIQUID, None, None, None, trouble="=it is of another kind"), at(10)),
    ]
    await api.house.database.write(lambda conn: list_pools(conn, NAMES, at(10)))
    for reading, at_ms in readings:
        await api.house.database.write(lambda conn, r=reading, t=at_ms: remember_pool(conn, r, t))  # type: ignore[misc]
    return api


def members(past: Past) -> list[PosAddress]:
    """Those who were paid most, so that rounding is small beside it."""
    paid = {who: sum(drips.get(who, 0) for drips in past.drips.values()) for who in past.people}
    return sorted(past.people, key=lambda who: paid[who], reverse=True)


def parts(past: Past, who: PosAddress) -> dict[int, tuple[int, int]]:
    """Reward, and reward in epochs with known stake, epoch by epoch."""
    lines = {epoch: past.window(epoch, epoch).accounts.get(who) for epoch in COUNTED}
    return {
        epoch: (line[Of.REWARD_GDRIP], line[Of.REWARD_STAKED_GDRIP])
        for epoch, line in lines.items()
        if line is not None
    }


async def pool_rows(api: Api, query: str = "window=all") -> dict[str, Any]:
    return {row["contract"]: row for row in (await api.get(f"/pools?{query}"))["pools"]}


# --- yield and fee ----------------------------------------------------------------------------------------


async def test_stakers_yield_is_the_validator_s_without_the_fee(served_pools: Api, past: Past) -> None:
    who = members(past)[0]
    row = (await pool_rows(served_pools))[STEADY]["performance"]
    own = (await served_pools.get(f"/validators/{who}/performance?window=all"))["figures"]
    assert row["apy_ppm"] == own["apy_ppm"] > 0
    assert row["apy_after_fee_ppm"] == own["apy_ppm"] * 9 // 10
    seen = sum(reward for epoch, (reward, _) in parts(past, who).items() if epoch > 10)
    whole = sum(reward for reward, _ in parts(past, who).values())
    assert row["reward_gdrip"] == str(whole) == own["reward_gdrip"]
    assert row["fee_income_gdrip"] == str(seen // 10)
    assert row["fee_seen_ppm"] == 1_000_000 * seen // whole
    assert row["unknown"] == {}


async def test_each_epoch_has_the_fee_that_held_when_it_ended(served_pools: Api, past: Past) -> None:
    who = members(past)[1]
    row = (await pool_rows(served_pools))[CHANGING]["performance"]
    own = parts(past, who)

    def share(epoch: int) -> int | None:
        return None if epoch <= 10 else 9_500 if epoch <= 20 else 8_000 if epoch <= 24 else 7_000

    known = {epoch: (own[epoch], held) for epoch in own if (held := share(epoch)) is not None}
    staked = sum(paid for (_, paid), _ in known.values())
    left = sum(Fraction(held, 10_000) * paid for (_, paid), held in known.values())
    assert row["apy_after_fee_ppm"] == pytest.approx(float(row["apy_ppm"] * left / staked), abs=1)
    kept = sum(Fraction(10_000 - held, 10_000) * paid for (paid, _), held in known.values())
    assert row["fee_income_gdrip"] == str(int(kept))


async def test_a_fee_that_was_seen_late_says_of_how_much_it_was_seen(served_pools: Api, past: Past) -> None:
    who = members(past)[2]
    row = (await pool_rows(served_pools))[LATE]["performance"]
    own = parts(past, who)
    seen = sum(reward for epoch, (reward, _) in own.items() if epoch > 24)
    assert row["fee_seen_ppm"] == 1_000_000 * seen // sum(reward for reward, _ in own.values()) < 500_000
    assert row["apy_after_fee_ppm"] == row["apy_ppm"] * 9 // 10


async def test_what_is_not_known_of_a_pool_says_why(served_pools: Api) -> None:
    rows = await pool_rows(served_pools)
    for contract in (LIQUID, UNTOLD):
        told = rows[contract]["performance"]
        assert {name: value for name, value in told.items() if name != "unknown" and value is not None} == {}
        assert set(told["unknown"].values()) == {"no_validator"}
        assert rows[contract]["restake"] == {
            "state": "unknown", "missing_votes": None, "ready_votes": None, "until_height": None,
        }  # fmt: skip
    assert rows[UNTOLD]["told_at_ms"] is None
    assert rows[LIQUID]["trouble"] == "=it is of another kind"


# --- the list ---------------------------------------------------------------------------------------------


async def test_the_best_yield_after_the_fee_is_first_and_the_unknown_last(served_pools: Api) -> None:
    found = (await served_pools.get("/pools?window=all"))["pools"]
    yields = [row["performance"]["apy_after_fee_ppm"] for row in found]
    assert yields[:3] == sorted(yields[:3], reverse=True)
    assert yields[3:] == [None, None]
    lowest = (await served_pools.get("/pools?window=all&sort=apy_after_fee"))["pools"]
    assert [row["contract"] for row in lowest[:3]] == [row["contract"] for row in found[2::-1]]
    assert [row["contract"] for row in lowest[3:]] == [row["contract"] for row in found[3:]]
    names = (await served_pools.get("/pools?sort=name"))["pools"]
    assert [row["name"] for row in names] == ["=Liquid", "changing", "Late", "Steady", "Untold"]
    fees = (await served_pools.get("/pools?sort=-fee"))["pools"]
    assert [row["terms"]["fee_ppm"] for row in fees] == [300_000, 100_000, 100_000, None, None]


def seen_for(one: PoolShape, epochs: int) -> PoolShape:
    performance = one.performance.model_copy(update={"staked_epochs": epochs})
    return one.model_copy(update={"performance": performance})


async def test_a_yield_of_less_than_a_day_is_not_the_best(served_pools: Api, past: Past) -> None:
    told = (await served_pools.get("/pools?window=all"))["pools"]
    who = members(past)[0]
    coverage = (await served_pools.get(f"/validators/{who}/performance?window=all"))["coverage"]
    steady = next(row for row in told if row["contract"] == STEADY)
    assert steady["performance"]["staked_epochs"] == coverage["staked_epochs"] > 0
    best, *others = (PoolShape.model_validate(row) for row in told[:3])
    rows = [seen_for(best, 1), *(seen_for(one, 24) for one in others)]
    for sort in ("-apy_after_fee", "-apy", "apy"):
        assert ordered(rows, sort)[-1].contract == best.contract
    by_reward = [one.contract for one in ordered([best, *others], "-reward")]
    assert [one.contract for one in ordered(rows, "-reward")] == by_reward


async def test_a_table_of_pools_is_harmless_in_a_spreadsheet(served_pools: Api) -> None:
    table = {row["contract"]: row for row in await served_pools.table("/pools?window=all&format=csv")}
    rows = await pool_rows(served_pools)
    assert (table[LIQUID]["name"], table[LIQUID]["trouble"]) == ("'=Liquid", "'=it is of another kind")
    assert table[STEADY]["terms_fee_ppm"] == "100000"
    assert table[STEADY]["holdings_total_interest_drip"] == str(2**91)
    apy = rows[STEADY]["performance"]["apy_after_fee_ppm"]
    assert table[STEADY]["performance_apy_after_fee_ppm"] == str(apy)
    assert table[LIQUID]["performance_apy_after_fee_ppm"] == ""


async def test_everybody_may_read_of_pools(served_pools: Api) -> None:
    stranger = {"X-Forwarded-For": "203.0.113.7"}
    assert (await served_pools.get("/pools", **stranger))["pools"]
    status, headers, _ = await served_pools.raw("/pools?window=all")
    assert (status, headers["cache-control"]) == (200, "no-cache")
    again, _, body = await served_pools.raw("/pools?window=all", **{"If-None-Match": headers["etag"]})
    assert (again, body) == (304, b"")


@pytest.mark.parametrize(
    "path, status, line",
    [
        (
            "/pools/cfx:aa",
            422,
            "'cfx:aa' is no address: 42 letters follow the last colon of an address. A PoS",
        ),
        (
            "/pools/0x12",
            422,
            "an address begins with cfx:, cfxtest: or net and a number. A PoS address would be",
        ),
        (f"/pools/0x{'9' * 64}", 404, "No pool that is listed names this validator as its own."),
        (f"/pools/{encode(bytes.fromhex('8' + '9' * 39), 1234)}/fees", 404, "[[pools]] of the settings"),
        ("/pools?sort=luck", 422, "sort: "),
        ("/pools?window=1h", 422, "window: "),
        (f"/pools/{STEADY}/holdings?from_ms=5&to_ms=4", 422, "from_ms must lie before to_ms"),
    ],
)
async def test_a_wrong_question_is_one_clear_line(
    served_pools: Api, path: str, status: int, line: str
) -> None:
    told = await served_pools.problem(path)
    assert told[0] == status
    assert line in told[1]


# --- what changed -----------------------------------------------------------------------------------------


async def test_what_an_operator_decided_is_told_page_by_page(served_pools: Api, past: Past) -> None:
    lines = (await served_pools.get(f"/pools/{CHANGING}/fees"))["fees"]
    times = [past.end_ms(25) - 1, past.end_ms(22), past.end_ms(20) + 1, past.end_ms(10) + 1]
    assert [line["from_ms"] for line in lines] == times
    assert [line["until_ms"] for line in lines] == [None, *times[:-1]]
    assert [line["fee_ppm"] for line in lines] == [300_000, 200_000, 200_000, 50_000]
    assert [line["changed"] for line in lines] == [
        ["fee_ppm", "unlock_blocks"],
        ["unlock_blocks"],
        ["fee_ppm"],
        [],
    ]
    for limit in (1, 2, 3, 4):
        assert await served_pools.pages(f"/pools/{CHANGING}/fees", "fees", limit) == lines
    assert [row["from_ms"] for row in await served_pools.table(f"/pools/{CHANGING}/fees?format=csv")] == [
        str(time) for time in times
    ]
    late = (await served_pools.get(f"/pools/{CHANGING}/fees?before={times[0] + 5_000}"))["fees"]
    assert late == lines


async def test_holdings_are_told_over_time(served_pools: Api, past: Past) -> None:
    await served_pools.house.database.write(
        lambda conn: remember_pool(
            conn, PoolReading(STEADY, holdings=PoolHoldings(available_votes=71)), past.end_ms(12)
        )
    )
    span = f"from_ms={past.end_ms(11)}&to_ms={past.end_ms(13)}"
    told = (await served_pools.get(f"/pools/{STEADY}/holdings?{span}"))["points"]
    assert [(point["at_ms"], point["available_votes"]) for point in told] == [
        (past.end_ms(10) + 1, 70),
        (past.end_ms(12), 71),
    ]
    assert {point["balance_drip"] for point in told} == {str(2**80)}
    table = await served_pools.table(f"/pools/{STEADY}/holdings?{span}&format=csv")
    assert [row["available_votes"] for row in table] == ["70", "71"]


# --- failures ---------------------------------------------------------------------------------------------


def silent_of(past: Past, who: PosAddress) -> list[int]:
    return [epoch for epoch, one in past.counts.items() if one.is_silent(who)]


async def test_the_silent_epochs_of_a_pool_are_told_as_outages(api: Api, past: Past) -> None:
    who = max(past.people, key=lambda one: len(silent_of(past, one)))
    silent = silent_of(past, who)
    assert silent, "somebody is away in every replayed history"
    await api.house.database.write(lambda conn: list_pools(conn, NAMES, 0))
    await api.house.database.write(
        lambda conn: remember_pool(conn, PoolReading(STEADY, None, who, True, TERMS), past.end_ms(1))
    )
    one = await api.get(f"/pools/{STEADY}?window=all")
    told = [
        epoch
        for outage in one["outages"]
        if outage["kind"] == "silent"
        for epoch in range(outage["first_epoch"], outage["last_epoch"] + 1)
    ]
    assert sorted(told) == silent
    assert one["performance"]["silent_epochs"] == len(silent)
    heights = [outage["height"] for outage in one["outages"]]
    assert heights == sorted(heights, reverse=True)


async def test_a_force_retired_pool_is_told_to_restake(served_pools: Api, past: Past) -> None:
    who = members(past)[0]
    before = past.accounts(EPOCHS - 1)[who]
    held = before.available_votes
    retired = Account(
        who, before.height + 40, 0, 0, (), (Queued(before.height + 99, held),), before.unlocked_votes, 0,
        before.height + 40,
    )  # fmt: skip
    freed = replace(
        retired, height=retired.height + 60, out_queue=(), unlocked_votes=before.unlocked_votes + held,
        force_retired_height=None,
    )  # fmt: skip
    registered = held + before.unlocked_votes + sum(queued.votes for queued in before.out_queue)
    books = PoolHoldings(held, registered_votes=registered, withdrawable_drip=held * 1_000 * 10**18)
    now = past.end_ms(EPOCHS - 1)

    async def restake(account: Account, at_ms: int) -> dict[str, Any]:
        await served_pools.house.database.write(
            lambda conn: accounts.remember_accounts(conn, [account], at_ms)
        )
        await served_pools.house.database.write(
            lambda conn: remember_pool(conn, PoolReading(STEADY, holdings=books), at_ms)
        )
        found: dict[str, Any] = await served_pools.get(f"/pools/{who}?window=all")
        return found

    told = await restake(before, now)
    assert told["restake"]["state"] == "none"
    told = await restake(retired, now + 1)
    assert told["restake"] == {
        "state": "waiting",
        "missing_votes": held,
        "ready_votes": held,
        "until_height": before.height + 99,
    }
    assert told["states"][0] == "force-retired"
    newest = told["outages"][0]
    assert (newest["kind"], newest["votes"], newest["height"]) == ("force_retired", held, retired.height)
    told = await restake(freed, now + 2)
    assert (told["restake"]["state"], told["restake"]["ready_votes"]) == ("ready", held)
