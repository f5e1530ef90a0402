"""The chain itself over a real port: committees, epochs, blocks, and the network over time."""

import pytest

from tests.server.conftest import Api
from tests.server.history import (
    COUNTED,
    EPOCHS,
    FIRST_STAKED,
    HEAD,
    NETWORK_VOTES,
    NEVER_READ,
    TERM,
    UNPAID,
    UNSEEN,
    Past,
    by_address,
)
from vedette.model.economics import official_apy_ppm
from vedette.model.history import OfNetwork
from vedette.server.tip import WINDOW_BLOCKS

PPM = 1_000_000


# --- committees


async def test_the_acting_committee_and_its_last_blocks(api: Api, past: Past) -> None:
    told = await api.get("/committee")
    committee = past.committees[EPOCHS]
    assert (told["epoch"], told["acting"]) == (EPOCHS, True)
    assert (told["quorum_votes"], told["total_votes"]) == (committee.quorum_votes, committee.total_votes)
    assert (told["first_height"], told["last_height"]) == (HEAD - WINDOW_BLOCKS + 1, HEAD)
    assert [one["address"] for one in told["members"]] == sorted(
        committee.votes, key=lambda who: (-committee.votes[who], who)
    )
    for who, one in by_address(told["members"]).items():
        strip = "".join(past.letter(who, height) for height in range(HEAD - WINDOW_BLOCKS + 1, HEAD + 1))
        led = sum(1 for h in range(HEAD - WINDOW_BLOCKS + 1, HEAD + 1) if past.blocks[h].proposer == who)
        assert (one["votes"], one["led_blocks"], one["silent"]) == (committee.votes[who], led, None)
        assert one["signed_blocks"] == strip.count("s") + strip.count("l")
        assert one["known_blocks"] == one["signed_blocks"] + strip.count("a")


async def test_the_two_elections_that_are_coming(api: Api, past: Past) -> None:
    nearer, later = (await api.get("/committee"))["elections"]
    seats = past.network.term(EPOCHS + 1)
    assert (nearer["term"], nearer["first_epoch"], nearer["last_epoch"]) == (EPOCHS, EPOCHS + 1, EPOCHS + 6)
    assert (nearer["finalized"], nearer["start_height"]) == (True, EPOCHS * TERM)
    assert {one["address"]: one["votes"] for one in nearer["elected"]} == seats
    assert nearer["elected_votes"] == sum(seats.values())
    assert (later["term"], later["finalized"], len(later["elected"])) == (EPOCHS + 1, False, 2)


async def test_a_past_committee_and_what_it_signed(api: Api, past: Past) -> None:
    for epoch in (1, 6, 25):
        told = await api.get(f"/committee/{epoch}")
        counts = past.counts[epoch]
        assert (told["epoch"], told["acting"], told["elections"]) == (epoch, False, [])
        assert (told["first_height"], told["last_height"]) == (counts.first_height, counts.last_height)
        assert {one["address"]: one["votes"] for one in told["members"]} == past.committees[epoch].votes
        for who, one in by_address(told["members"]).items():
            part = counts.members[who]
            assert (one["signed_blocks"], one["led_blocks"]) == (part.signed_blocks, part.led_blocks)
            assert one["known_blocks"] == counts.known_blocks
            silent = None if counts.known_blocks * 2 < counts.blocks else part.counted_blocks == 0
            assert one["silent"] is silent
    unread = await api.get("/committee/4")
    assert unread["first_height"] is None
    assert {(one["signed_blocks"], one["silent"]) for one in unread["members"]} == {(None, None)}
    assert (await api.problem(f"/committee/{EPOCHS + 1}"))[0] == 404


# --- epochs


async def test_epochs_are_counted_as_the_chain_was(api: Api, past: Past) -> None:
    rows = await api.pages("/epochs", "epochs", 6)
    assert [one["epoch"] for one in rows] == COUNTED[::-1]
    for one in rows:
        counts = past.counts[one["epoch"]]
        paid = past.drips.get(one["epoch"])
        for name in ("blocks", "known_blocks", "nil_blocks", "timeout_rounds", "quorum_votes", "total_votes",
                     "cast_votes", "expected_votes", "first_height", "last_height"):  # fmt: skip
            assert one[name] == getattr(counts, name), name
        signed = sum(
            sum(past.blocks[h].signers.values()) for h in range(counts.first_height, counts.last_height + 1)
        )
        assert one["cast_votes"] == signed
        assert one["participation_ppm"] == PPM * signed // (counts.total_votes * counts.known_blocks)
        assert one["members"] == len(past.committees[one["epoch"]].votes)
        assert one["reward_drip"] == (None if paid is None else str(sum(paid.values())))
        assert one["paid_accounts"] == (None if paid is None else len(paid))
        assert one["pow_epoch"] == (None if paid is None else one["epoch"] * 1_000)


async def test_one_epoch_with_everybodys_part(api: Api, past: Past) -> None:
    listed = {one["epoch"]: one for one in (await api.get("/epochs"))["epochs"]}
    for epoch in (1, 6, UNPAID, 25):
        told = await api.get(f"/epochs/{epoch}")
        accounts = told.pop("accounts")
        assert told == listed[epoch]
        counts, paid = past.counts[epoch], past.drips.get(epoch)
        assert {one["address"] for one in accounts} == {*counts.members, *(paid or {})}
        for who, one in by_address(accounts).items():
            part = counts.members.get(who)
            assert one["votes"] == (part.votes if part else 0)
            assert one["counted_blocks"] == (part.counted_blocks if part else 0)
            assert one["bonus_votes"] == counts.bonus_votes.get(who, 0)
            assert one["reward_drip"] == (None if paid is None else str(paid.get(who, 0)))
    for unfinished in (4, EPOCHS, EPOCHS + 9):
        status, detail = await api.problem(f"/epochs/{unfinished}")
        assert (status, "/api/v1/history" in detail) == (404, True)


# --- blocks


async def test_a_block_with_everybody_who_signed_it(api: Api, past: Past) -> None:
    for height in (2, TERM + 1, 333, HEAD):
        told, block = await api.get(f"/blocks/{height}"), past.blocks[height]
        committee, before = past.committees[block.epoch], past.blocks.get(height - 1)
        assert {one["address"]: one["votes"] for one in told["signed"]} == block.signers
        assert set(told["absent"]) == committee.votes.keys() - block.signers.keys()
        assert (told["hash"], told["round"], told["proposer"]) == (block.hash, block.round, block.proposer)
        assert (told["signers"], told["members"]) == (len(block.signers), len(committee.votes))
        assert told["signed_votes"] == sum(block.signers.values())
        assert (told["quorum_votes"], told["witnesses"]) == (committee.quorum_votes, 1)
        if before is None:
            assert (told["since_previous_ms"], told["skipped_rounds"]) == (None, None)
        else:
            assert told["since_previous_ms"] == (block.at_us - before.at_us) // 1000
            begins = before.epoch != block.epoch
            assert told["skipped_rounds"] == block.round - 1 - (0 if begins else before.round)
    unseen = await api.get(f"/blocks/{UNSEEN[0]}")
    assert (unseen["signers"], unseen["signed"], unseen["absent"]) == (None, [], [])
    after_a_hole = await api.get(f"/blocks/{NEVER_READ + 1}")
    assert after_a_hole["since_previous_ms"] is None
    for nothing in (NEVER_READ, HEAD + 1, 1):
        assert (await api.problem(f"/blocks/{nothing}"))[0] == 404


async def test_pages_of_blocks_walk_over_each_once(api: Api, past: Past) -> None:
    rows = await api.pages("/blocks", "blocks", 190)
    assert [one["height"] for one in rows] == sorted(past.blocks, reverse=True)


# --- over time


@pytest.mark.parametrize("points", [1, 5, 28, 1_000])
async def test_the_network_over_time_is_the_sum_of_its_epochs(api: Api, past: Past, points: int) -> None:
    told = await api.get(f"/network/history?window=all&points={points}")
    each = told["epochs_per_point"]
    assert each == max(1, -(-len(COUNTED) // points))
    assert len({len(column) for column in told.values() if isinstance(column, list)}) == 1
    groups = [COUNTED[::-1][at : at + each] for at in range(0, len(COUNTED), each)][::-1]
    assert told["epoch"] == [group[0] for group in groups]
    for at, group in enumerate(groups):
        network = past.window(min(group), max(group)).network
        paid = [sum(drip // 10**9 for drip in past.drips[e].values()) for e in group if e in past.drips]
        staked = [epoch for epoch in group if epoch >= FIRST_STAKED]
        assert told["times"][at] == past.end_ms(group[0]) // 1000
        assert told["participation_ppm"][at] == (
            PPM * network[OfNetwork.CAST_VOTES] // network[OfNetwork.EXPECTED_VOTES]
        )
        assert (told["reward_gdrip"][at] is None) == (not paid)
        if paid:  # each account's is rounded down, the network's as a whole
            assert told["reward_gdrip"][at] == pytest.approx(sum(paid) / len(paid), abs=len(past.people))
        assert told["staked_votes"][at] == (NETWORK_VOTES if staked else None)
        assert told["finality_gap_epochs"][at] == (group[0] * 10 if staked else None)
        official = official_apy_ppm(past.economics(group[0]))
        assert told["official_apy_ppm"][at] == (official if staked else None)
        seconds = network[OfNetwork.NETWORK_VOTE_SECONDS]
        assert (told["realised_apy_ppm"][at] is None) == (seconds == 0)
        if seconds:  # 10^9 Gdrip a CFX, 1,000 CFX a vote, 31,536,000 s a year
            year = network[OfNetwork.NETWORK_REWARD_STAKED_GDRIP] / 10**9 / 1_000 / seconds * 31_536_000
            assert told["realised_apy_ppm"][at] == pytest.approx(year * PPM, abs=1)


async def test_how_far_the_past_is_read(api: Api, past: Past) -> None:
    told = await api.get("/history")
    assert (told["first_epoch"], told["last_epoch"]) == (1, EPOCHS - 1)
    assert told["epochs"] == {"known": len(COUNTED), "of": EPOCHS - 1}
    assert told["rewards"] == {"known": EPOCHS - 2, "of": EPOCHS - 1}
    last = past.transactions[-1].number
    assert told["transactions"] == {"known": last, "of": last}
    assert told["first_staked_epoch"] == FIRST_STAKED
    assert told["unread_blocks"] is None, "nobody is followed here"


async def test_bad_questions_get_one_line(api: Api) -> None:
    for query in (
        "/network/history?points=0",
        "/network/history?points=1001",
        "/network/history?window=2d",
        "/committee/0",
        "/epochs/x",
        f"/epochs/{2**63 - 1}",
        "/epochs?limit=1001",
        "/blocks/0",
        "/blocks/99999999999999999999",
    ):
        assert (await api.problem(query))[0] == 422
