"""One validator's past over a real port, beside what the chain itself did."""

from math import isqrt
from typing import Any

from tests.server.conftest import Api
from tests.server.history import (
    COUNTED,
    EPOCHS,
    FIRST_STAKED,
    HEAD,
    NETWORK_VOTES,
    PAID,
    TERM,
    UNPAID,
    Past,
)
from vedette.model import sums
from vedette.model.history import Of
from vedette.model.performance import Figure, performance
from vedette.model.pos import PosAddress
from vedette.model.transaction import TransactionKind, TransactionStatus

GDRIP = 10**9
NOBODY = "0x" + "9" * 64


def some(past: Past) -> list[PosAddress]:
    """The largest, one that comes in between, one that is disputed, and the smallest."""
    by_stake = sorted(past.people, key=lambda who: past.stakes[EPOCHS - 1].get(who, 0))
    return list(dict.fromkeys([by_stake[-1], by_stake[0], past.people[-1], disputed(past)]))


def disputed(past: Past) -> PosAddress:
    (who,) = {one.account for one in past.transactions if one.kind is TransactionKind.DISPUTE}
    assert who is not None
    return who


# --- how well it did


async def test_performance_is_what_the_chain_adds_up_to(api: Api, past: Past) -> None:
    window = past.window(1, EPOCHS - 1)
    for who in past.people:
        told = await api.get(f"/validators/{who}/performance?window=7d")
        true = performance(window, who, first_live_epoch=FIRST_STAKED)
        for figure in Figure:
            value = true.figures[figure]
            text = str(value) if figure.endswith("_gdrip") and value is not None else value
            assert told["figures"][figure.value] == text, (who, figure)
        assert told["unknown"] == {figure.value: why.value for figure, why in true.unknown.items()}
        assert told["coverage"] == {
            "asked_epochs": EPOCHS - 1,
            "known_epochs": len(COUNTED),
            "rewarded_epochs": len(COUNTED) - 1,
            "staked_epochs": sum(1 for epoch in past.stakes if is_staked(past, who, epoch)),
            "served_epochs": sum(1 for epoch in COUNTED if who in past.committees[epoch].votes),
            "known_blocks": true.sums[Of.KNOWN_BLOCKS],
        }


def is_staked(past: Past, who: PosAddress, epoch: int) -> bool:
    """Whether its stake was seen, and it had any, or a part in the epoch all the same."""
    took_part = who in past.committees[epoch].votes or who in past.drips[epoch]
    return past.stakes[epoch].get(who, 0) > 0 or (who in past.stakes[epoch] and took_part)


async def test_every_figure_explains_itself(api: Api, past: Past) -> None:
    told = await api.get(f"/validators/{past.people[0]}/performance?window=all")
    for fact in told["explain"]:
        value = told["figures"][fact["key"]]
        assert fact["value"] == (None if value is None else str(value))
        assert (fact["why"] is None) == (value is not None)
        if value is not None:
            inputs = {name: int(text) for name, text in fact["inputs"].items()}
            assert eval(fact["formula"], {"isqrt": isqrt, "max": max}, inputs) == int(fact["value"])


# --- epoch by epoch


def expected(past: Past, who: PosAddress, epoch: int) -> dict[str, Any]:
    """One epoch of one validator, from the letters of its strip and the chain's payments."""
    counts, seats = past.counts[epoch], past.committees[epoch].votes.get(who, 0)
    heights = range(counts.first_height, counts.last_height + 1)
    strip = "".join(past.letter(who, height) for height in heights)
    following = past.counts.get(epoch + 1)
    _, lines = sums.contribution(
        counts,
        past.drips.get(epoch),
        past.stakes.get(epoch),
        NETWORK_VOTES if epoch in past.stakes else None,
        next_first_at_us=following.first_at_us if following else None,
    )
    line = lines.get(who, (0,) * len(Of))
    known = sum(1 for height in heights if past.blocks[height].signers)
    paid = [e for e in PAID if e in past.counts and e <= epoch]
    is_paid = epoch in PAID
    return {
        "epoch": epoch,
        "first_height": heights[0],
        "last_height": heights[-1],
        "first_at_ms": counts.first_at_us // 1000,
        "last_at_ms": counts.last_at_us // 1000,
        "votes": seats,
        "signed_blocks": strip.count("s") + strip.count("l"),
        "known_blocks": known,
        "blocks": TERM if epoch > 1 else TERM - 1,
        "led_blocks": sum(1 for height in heights if past.blocks[height].proposer == who and seats),
        "silent": None if not seats or known < TERM // 2 else not {"s", "l"} & set(strip[:-1]),
        "reward_gdrip": str(past.drips[epoch].get(who, 0) // GDRIP) if is_paid else None,
        "expected_gdrip": str(past.drips[epoch] and line[Of.FAIR_GDRIP]) if line[Of.STAKED_EPOCHS] else None,
        "due_gdrip": str(line[Of.COMMITTEE_DUE_GDRIP]) if is_paid else None,
        "lost_gdrip": str(line[Of.SILENT_LOSS_GDRIP]) if is_paid else None,
        "cumulative_gdrip": str(sum(past.drips[e].get(who, 0) // GDRIP for e in paid)),
    }


async def test_epochs_are_what_the_letters_and_payments_say(api: Api, past: Past) -> None:
    for who in some(past):
        told = await api.pages(f"/validators/{who}/epochs", "epochs", 200)
        assert told == [expected(past, who, epoch) for epoch in reversed(COUNTED)]


async def test_pages_are_the_whole_in_pieces(api: Api, past: Past) -> None:
    who = past.people[0]
    for kind, rows in (("epochs", "epochs"), ("rewards", "rewards"), ("elections", "terms")):
        whole = await api.pages(f"/validators/{who}/{kind}", rows, 1_000)
        assert whole
        for limit in (1, 4, 7, 28):
            assert await api.pages(f"/validators/{who}/{kind}", rows, limit) == whole


async def test_a_fair_share_is_the_part_of_the_stake(api: Api, past: Past) -> None:
    """By hand, not by the sums: what all were paid, times its votes of everybody's."""
    who = some(past)[0]
    told = {one["epoch"]: one for one in (await api.get(f"/validators/{who}/epochs"))["epochs"]}
    for epoch in range(FIRST_STAKED, EPOCHS):
        share = sum(past.drips[epoch].values()) * past.stakes[epoch][who] // NETWORK_VOTES // GDRIP
        assert int(told[epoch]["expected_gdrip"]) == share
    assert told[FIRST_STAKED - 1]["expected_gdrip"] is None


# --- rewards and balances


async def test_rewards_are_exact_to_the_last_drip(api: Api, past: Past) -> None:
    for who in (*some(past), past.people[3]):
        told = await api.get(f"/validators/{who}/rewards?limit=100")
        assert told["pow_address"] == past.network.owner_of(who)
        assert told["next_before"] is None
        assert told["rewards"] == [
            {
                "epoch": epoch,
                "reward_drip": str(past.drips[epoch].get(who, 0)),
                "pow_epoch": epoch * 1_000,
                "paid_at_ms": (past.end_ms(epoch) // 1000 + 60) * 1000,
            }
            for epoch in reversed(PAID)
        ]
        assert UNPAID not in {one["epoch"] for one in told["rewards"]}


async def test_a_balance_has_a_point_where_it_changed(api: Api, past: Past) -> None:
    who, rich = disputed(past), past.people[0]
    first, last = past.end_ms(17), past.end_ms(EPOCHS - 1)
    told = await api.get(f"/validators/{who}/balance?from_ms={first}&to_ms={last}")
    points = [(past.end_ms(epoch), past.accounts(epoch)[who]) for epoch in range(FIRST_STAKED, EPOCHS)]
    changes = [points[0]]
    for at_ms, account in points:
        held = changes[-1][1]
        if (account.available_votes, account.locked_votes, account.in_queue, account.out_queue) != (
            held.available_votes, held.locked_votes, held.in_queue, held.out_queue
        ):  # fmt: skip
            changes.append((at_ms, account))
    shown = [pair for pair in changes if pair[0] > first]
    before = [pair for pair in changes if pair[0] <= first][-1:]
    assert len(changes) > 1, "a dispute changes what it holds"
    assert [(one["at_ms"], one["available_votes"], one["out_queue_votes"]) for one in told["stake"]] == [
        (at_ms, account.available_votes, sum(queued.votes for queued in account.out_queue))
        for at_ms, account in [*before, *shown]
    ]
    assert told["pow"] == []
    told = await api.get(f"/validators/{rich}/balance?from_ms={first}&to_ms={last}")
    assert [(one["at_ms"], int(one["balance_drip"]), int(one["staking_drip"])) for one in told["pow"]] == [
        (past.end_ms(epoch), *past.held(epoch)) for epoch in range(17, EPOCHS)
    ]
    assert (told["from_ms"], told["to_ms"]) == (first, last)
    now = await api.get(f"/validators/{rich}/balance")
    assert now["to_ms"] - now["from_ms"] == 30 * 86_400_000


# --- elections


async def test_terms_tell_who_stood_and_who_was_elected(api: Api, past: Past) -> None:
    stood: dict[int, set[PosAddress]] = {}
    for one in past.transactions:
        executed = one.status is TransactionStatus.EXECUTED
        if one.kind is TransactionKind.ELECTION and executed and one.account and one.target_term:
            stood.setdefault(one.target_term, set()).add(one.account)
    for who in past.people:
        told = {one["term"]: one for one in (await api.get(f"/validators/{who}/elections"))["terms"]}
        assert list(told) == list(range(max(stood), 5, -1))
        for term, one in told.items():
            assert (one["first_epoch"], one["last_epoch"]) == (term + 1, term + 6)
            if term < max(stood):
                assert one["candidate"] == (who in stood[term])
            else:
                assert one["candidate"] is (True if who in stood[term] else None), "its time is not over"
            if FIRST_STAKED <= term <= EPOCHS:
                true = past.network.term(term + 1).get(who, 0)
                assert (one["elected_votes"], one["finalized"], one["seats"]) == (true, True, true)
            elif term < FIRST_STAKED:
                assert (one["elected_votes"], one["finalized"]) == (None, None)
                assert one["seats"] in {None, past.network.term(term + 1).get(who, 0)}


async def test_some_seats_are_told_by_committees_alone(api: Api, past: Past) -> None:
    """Nobody saw those elections; neighbouring committees tell what each term brought."""
    told = 0
    for who in past.people:
        terms = (await api.get(f"/validators/{who}/elections"))["terms"]
        told += sum(1 for one in terms if one["term"] < FIRST_STAKED and one["seats"] is not None)
    assert told > len(past.people)


async def test_the_radar_shows_the_seats_of_now_and_of_soon(api: Api, past: Past) -> None:
    for who in some(past):
        radar = (await api.get(f"/validators/{who}/elections?limit=1"))["radar"]
        committee = past.committees[EPOCHS].votes
        assert (radar["epoch"], radar["seats"]) == (EPOCHS, committee.get(who, 0))
        true = {term: past.network.term(term + 1).get(who, 0) for term in range(EPOCHS - 6, EPOCHS)}
        assert radar["seats_by_term"] == {str(term): seats for term, seats in true.items()}
        change = radar["changes"][0]
        assert (change["epoch"], change["after_height"]) == (EPOCHS + 1, EPOCHS * TERM)
        assert change["leaving"] == true[EPOCHS - 6]
        assert change["coming"] == past.network.term(EPOCHS + 1).get(who, 0)
        nearer, later = radar["elections"]
        assert (nearer["term"], nearer["state"], nearer["own_seats"]) == (
            EPOCHS,
            "finalized",
            change["coming"],
        )
        assert nearer["elected_votes"] == sum(past.network.term(EPOCHS + 1).values())
        assert (later["term"], later["first_epoch"], later["state"]) == (EPOCHS + 1, EPOCHS + 2, "open")
        assert later["closes_at_height"] == (EPOCHS + 1) * TERM - TERM // 2
    second = await api.get(f"/validators/{past.people[0]}/elections?limit=1&before={EPOCHS}")
    assert second["radar"] is None, "it is on the first page only"


# --- events


async def test_events_are_the_chains_and_what_snapshots_add(api: Api, past: Past) -> None:
    own = [one for one in past.transactions if one.account == disputed(past)]
    told = (await api.get(f"/validators/{disputed(past)}/events"))["events"]
    chain = [one for one in told if one["source"] == "chain"]
    assert [(one["transaction"], one["kind"], one["height"]) for one in chain] == [
        (one.number, one.kind.value, one.height)
        for one in reversed(own)
        if one.kind is not TransactionKind.ELECTION
    ]
    assert [one["at_ms"] for one in told] == sorted((one["at_ms"] for one in told), reverse=True)
    locks = [one for one in chain if one["kind"] == "Dispute" and one["until_height"]]
    assert len(locks) == 1, "the snapshot's finding is the first dispute's, and is told once"
    assert locks[0]["transaction"] == min(one["transaction"] for one in chain if one["kind"] == "Dispute")
    assert "dispute_locked" not in {one["kind"] for one in told}


async def test_a_forced_retirement_has_no_transaction_and_is_told_by_snapshots(api: Api, past: Past) -> None:
    retired = {
        who
        for epoch in range(FIRST_STAKED, EPOCHS - 1)
        for who, now in past.accounts(epoch + 1).items()
        if now.force_retired_height is not None and past.accounts(epoch)[who].force_retired_height is None
    }
    for who in past.people:
        kinds = [one["kind"] for one in (await api.get(f"/validators/{who}/events"))["events"]]
        assert ("force_retired" in kinds) == (who in retired)


async def test_pages_of_events_walk_over_each_once(api: Api, past: Past) -> None:
    for who in some(past):
        whole = (await api.get(f"/validators/{who}/events?limit=1000"))["events"]
        for limit in (1, 2, 3):
            assert await api.pages(f"/validators/{who}/events", "events", limit) == whole


# --- what is ahead


async def test_the_outlook_counts_down_to_retirement(api: Api, past: Past) -> None:
    for who in past.people:
        told = await api.get(f"/validators/{who}/outlook")
        assert (told["epoch"], told["height"], told["epoch_last_height"]) == (EPOCHS, HEAD, EPOCHS * TERM)
        assert told["at_ms"] == past.blocks[HEAD].at_us // 1000
        letters = {epoch: "".join(past.letter(who, h) for h in range(TERM * (epoch - 1) + 1, TERM * epoch))
                   for epoch in range(EPOCHS - 4, EPOCHS + 1)}  # fmt: skip  # the last block does not count
        signed = [epoch for epoch, strip in letters.items() if {"s", "l"} & set(strip)]
        retirement = told["retirement"]
        assert retirement["last_signed_epoch"] == (max(signed) if signed else None)
        member = who in past.committees[EPOCHS].votes
        if not member:
            assert retirement["state"] == "idle"
        elif EPOCHS in signed:
            assert (retirement["state"], retirement["epoch"]) == ("safe", EPOCHS + 3)
        else:
            assert retirement["state"] in {"due", "silent_epoch_so_far"}
        assert retirement["sign_by_height"] == retirement["height"] - 1 == retirement["epoch"] * TERM - 1
        assert retirement["left_blocks"] == retirement["sign_by_height"] - HEAD
        assert retirement["safe_until_ms"] == told["at_ms"] + retirement["left_ms"]


async def test_the_outlook_tells_when_queues_end(api: Api, past: Past) -> None:
    queued = 0
    for who, account in past.accounts(EPOCHS - 1).items():
        told = await api.get(f"/validators/{who}/outlook")
        for name, queue in (("locking", account.in_queue), ("unlocking", account.out_queue)):
            assert [(one["votes"], one["height"], one["left_blocks"]) for one in told[name]] == [
                (each.votes, each.end_height, each.end_height - HEAD) for each in queue
            ]
            queued += len(queue)
        assert told["force_retired_height"] == account.force_retired_height
    assert queued


# --- strips


async def test_votes_of_epochs_are_letters_from_the_first_to_the_last(api: Api, past: Past) -> None:
    for who in some(past):
        told = await api.get(f"/validators/{who}/votes?first_epoch=3&last_epoch=7")
        assert told["first"] == 2 * TERM + 1
        assert told["strip"] == "".join(past.letter(who, h) for h in range(2 * TERM + 1, 7 * TERM + 1))
        newest = await api.get(f"/validators/{who}/votes?last=600")
        assert newest["strip"][-(HEAD - 1) :] == "".join(past.letter(who, h) for h in range(2, HEAD + 1))


BAD = {
    "votes?first_epoch=3": "give both",
    "votes?last_epoch=3": "give both",
    "votes?first_epoch=3&last_epoch=2": "first_epoch or more",
    "votes?first_epoch=1&last_epoch=101": "at most 100",
    "performance?window=1h": "window: Input should be '24h'",
    "epochs?limit=0": "limit",
    "epochs?limit=1001": "limit",
    "rewards?before=-1": "before",
    "balance?from_ms=7&to_ms=7": "before to_ms",
    "balance?from_ms=0&to_ms=99999999999": "400 days",
    "elections?format=xml": "format: Input should be 'json', 'csv' or 'parquet'",
}


async def test_a_bad_question_gets_one_line(api: Api, past: Past) -> None:
    for query, says in BAD.items():
        status, detail = await api.problem(f"/validators/{past.people[0]}/{query}")
        assert status == 422
        assert says in detail


async def test_nobody_knows_of_a_stranger(api: Api) -> None:
    for kind in ("performance", "epochs", "rewards", "balance", "elections", "events", "outlook", "votes"):
        for form in ("json", "csv"):
            status, detail = await api.problem(f"/validators/{NOBODY}/{kind}?format={form}")
            assert (status, "No validator" in detail) == (404, True)
