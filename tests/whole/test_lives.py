"""The lives that stake can lead, as one story on five real validators.

One of them is well, one votes twice, one retires part of its stake, one is dead until the chain retires it,
and one comes later. What the nodes say all along is recorded; the chain's rules are recomputed from that, and
our API is compared with it. VEDETTE_RECORDING=file.json tells the story again, without validators and API.
"""

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.whole.chain_rules import TERMS_SERVING, Chain
from tests.whole.conftest import running_devnet
from tests.whole.outside import free_port, get, letter, until, vedette
from tests.whole.recorder import FIRST, SETTLED, Recorder, number
from vedette.devnet import demo
from vedette.devnet.net import Devnet
from vedette.devnet.options import DevnetOptions

pytestmark = [pytest.mark.real, pytest.mark.slow]

WELL, TWICE, LESS, DEAD, LATE = range(5)
"""What becomes of each validator."""

TERM = 20
LIVES = DevnetOptions(
    nodes=5,
    genesis_validators=4,
    term_rounds=TERM,
    block_ms=150,
    votes=200,
    elected=50,
    in_queue_rounds=40,
    out_queue_rounds=30,
)
KILL_AT = TERM + 4  # early in the second epoch; on a busy machine it may die later
# How far from the end of the last epoch that it signed in. Three silent ones later it is retired.
OUTLOOK_AFTER = 2 * TERM + 6  # the third silent epoch is under way
START_AFTER = 3 * TERM + 10  # in the last epoch of which it is a member
TWIN_AFTER = 5 * TERM + 6  # late enough for the other three to be a quorum among those elected so far
RETIRED_VOTES, ADDED_VOTES, LATE_VOTES = 120, 30, 400


Told = dict[int, dict[int, dict[str, Any]]]
"""What our API said of stakes: validator -> height -> the stake."""


@dataclass(frozen=True)
class Story:
    """All that was seen, and the API that watched it too, if it did."""

    chain: Chain
    seen: Recorder | None
    api: str | None


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    if recorded := os.environ.get("VEDETTE_RECORDING"):
        yield Story(Chain(json.loads(Path(recorded).read_text())), None, None)
        return
    folder = tmp_path_factory.mktemp("lives")
    for net in running_devnet(folder / "net", LIVES):
        plan = demo.Plan(folder, free_port(), None, None, None)
        demo.write_settings(plan, net)
        serve = ["serve", "--config", str(folder / "server.toml")]
        with demo._child(plan, "server", serve) as server:
            demo._wait_answering(plan, [server])
            api = f"{plan.page_url}/api/v1"
            with Recorder(net, api) as seen:
                live(net, seen)
            seen.save(folder / "recording.json")
            print(f"recorded in {folder}/recording.json; {memory(net, server.process.pid)}")
            yield Story(Chain(seen.raw), seen, api)


def memory(net: Devnet, server: int) -> str:
    """What it takes, in words."""
    pids = [node.pid for node in net.nodes if node.pid is not None]
    nodes, ours = (sum(psutil.Process(pid).memory_info().rss for pid in each) for each in (pids, [server]))
    return f"{len(pids)} nodes take {nodes / 1e6:.0f} MB, the server {ours / 1e6:.0f} MB"


def live(net: Devnet, seen: Recorder) -> None:
    """The story: each turn waits for the chain, not for the clock."""
    began = time.monotonic()
    do(seen, net, "register", LATE, "--votes", LATE_VOTES)
    hears = "PoS hears of it with the next PoW epoch that it finalizes"
    said = do(seen, net, "retire", LESS, RETIRED_VOTES)
    assert said == f"node {LESS} has retired {RETIRED_VOTES} votes; {hears}\n"
    said = do(seen, net, "increase", TWICE, ADDED_VOTES)
    assert said == f"node {TWICE} has staked {ADDED_VOTES} more votes; {hears}\n"
    reach(seen, KILL_AT)
    do(seen, net, "kill", DEAD)
    # Once the blocks are settled that may carry its signature. That of an epoch's last block does not count.
    reach(seen, seen.height + 2 * SETTLED)
    signed_end = last_signed(seen, DEAD) // TERM * TERM + TERM
    reach(seen, signed_end + OUTLOOK_AFTER)
    seen.look(DEAD)
    reach(seen, signed_end + START_AFTER)
    do(seen, net, "start", DEAD)
    reach(seen, signed_end + TWIN_AFTER)
    said = do(seen, net, "twin", TWICE)
    assert re.fullmatch(rf"a twin of node {TWICE} runs as process \d+ in {net.dir}/node{TWICE}-twin\n", said)
    until(lambda: not holds(seen, TWICE), 150, "a dispute")
    seen.did("disputed")
    last = seen.height // TERM + 2  # the epoch after the one that saw the dispute: without the disputed
    reach(seen, last * TERM + 5)
    until(lambda: str(last) in seen.raw["rewards"], 30, f"the rewards of epoch {last}")
    print(f"the story took {time.monotonic() - began:.0f} s and {seen.height} blocks")


def do(seen: Recorder, net: Devnet, deed: str, *words: object) -> str:
    """Call `vedette devnet` as people do. Returns what it printed."""
    said = vedette("devnet", deed, *words, "--dir", net.dir)
    seen.did(deed)
    return said


def holds(seen: Recorder, validator: int) -> int:
    return number(seen.account(validator)["status"]["availableVotes"])


def last_signed(seen: Recorder, validator: int) -> int:
    """The newest block with a signature of it that counts."""
    pos = seen.raw["nodes"][validator]["pos"]
    kept = [each for blocks in seen.raw["blocks"].values() for each in list(blocks.items())]
    signed = (int(at) for at, block in kept if pos in {one["account"] for one in block["signatures"]})
    return max(height for height in signed if height % TERM)


def reach(seen: Recorder, height: int) -> None:
    def reached() -> bool:
        seen.check()
        return seen.height >= height

    until(reached, 240, f"block {height}")


@pytest.fixture(scope="module")
def chain(story: Story) -> Chain:
    return story.chain


@pytest.fixture(scope="module")
def api(story: Story) -> str:
    return story.api or pytest.skip("a recording has no API")


@pytest.fixture(scope="module")
def told(story: Story) -> Told:
    if story.seen is None:
        pytest.skip("a recording has no API")
    assert story.seen.unheard == []
    return story.seen.told


def finished(chain: Chain) -> range:
    """The epochs that ended and were paid for."""
    return range(1, len(chain.raw["rewards"]) + 1)


def the(transactions: list[dict[str, Any]], chain: Chain, validator: int) -> dict[str, Any]:
    """The one transaction about a validator."""
    pos = chain.raw["nodes"][validator]["pos"]
    (one,) = [each for each in transactions if each["payload"]["address"] == pos]
    return one


# The stake.


def test_the_late_one_registers_and_all_its_votes_wait_in_the_in_queue(chain: Chain) -> None:
    added = the(chain.transactions("UpdateVotingPower"), chain, LATE)
    assert number(added["payload"]["votingPower"]) == LATE_VOTES
    height = number(added["blockNumber"])
    assert chain.stake(LATE, height - 1).available == 0
    waiting = chain.stake_since(LATE, height)
    assert (waiting.available, waiting.locked) == (LATE_VOTES, 0)
    assert waiting.in_queue == [(height - 1 + LIVES.in_queue_views, LATE_VOTES)]
    (registered,) = chain.transactions("Register")
    assert number(registered["blockNumber"]) == height
    assert number(registered["number"]) == number(added["number"]) - 1


def test_the_late_one_signs_from_the_first_term_that_it_can_be_elected_for(chain: Chain) -> None:
    first = min(epoch for epoch in chain.heights if LATE in chain.powers(epoch))
    assert first == TERMS_SERVING + 1
    assert chain.has_signed(LATE, first)


def test_votes_leave_the_in_queue_where_it_said(chain: Chain) -> None:
    for validator in (LATE, TWICE):
        added = the(chain.transactions("UpdateVotingPower"), chain, validator)
        end = number(added["blockNumber"]) - 1 + LIVES.in_queue_views
        assert chain.stake(validator, end - 1).in_queue != []
        settled = chain.stake_since(validator, end)
        assert settled.in_queue == []
        assert settled.locked == settled.available


def test_retired_votes_wait_in_the_out_queue_and_are_unlocked_where_it_said(chain: Chain) -> None:
    retired = the(chain.transactions("Retire"), chain, LESS)
    assert number(retired["payload"]["votingPower"]) == RETIRED_VOTES
    height = number(retired["blockNumber"])
    end = height - 1 + LIVES.out_queue_views
    waiting = chain.stake_since(LESS, height)
    assert waiting.out_queue == [(end, RETIRED_VOTES)]
    assert waiting.available == LIVES.votes - RETIRED_VOTES
    assert chain.stake(LESS, end - 1).unlocked == 0
    free = chain.stake_since(LESS, end)
    assert (free.out_queue, free.unlocked) == ([], RETIRED_VOTES)


def test_the_dead_one_is_retired_when_the_third_silent_epoch_ends(chain: Chain) -> None:
    signed = chain.last_signed_epoch(DEAD, before=did_at(chain, "start") // TERM + 1)
    end = (signed + 3) * TERM
    assert chain.stake(DEAD, end - 1).force_retired is None
    retired = chain.stake_since(DEAD, end)
    assert retired.force_retired == end
    assert (retired.available, retired.locked) == (0, 0)
    assert retired.out_queue == [(end + LIVES.out_queue_views, LIVES.votes)]
    assert DEAD in chain.powers(signed + 4), "it is a member of the epoch that begins at this moment"
    assert DEAD not in chain.powers(signed + 5)


def did_at(chain: Chain, what: str) -> int:
    """The height at which the story had done it."""
    height: int = next(deed["height"] for deed in chain.raw["deeds"] if deed["what"] == what)
    return height


def test_a_forced_retirement_ends_with_its_out_queue(chain: Chain) -> None:
    end = retired_at(chain) + LIVES.out_queue_views
    assert chain.stake(DEAD, end - 1).force_retired is not None
    free = chain.stake_since(DEAD, end)
    assert (free.force_retired, free.out_queue, free.unlocked) == (None, [], LIVES.votes)


def retired_at(chain: Chain) -> int:
    """The height at which the dead one was retired, as the nodes told it."""
    (height,) = {stake.force_retired for stake in chain.stakes[DEAD].values()} - {None}
    assert height is not None
    return height


def test_a_dispute_locks_all_that_a_double_voter_has(chain: Chain) -> None:
    disputes = chain.transactions("Dispute")
    assert {each["payload"]["address"] for each in disputes} == {chain.raw["nodes"][TWICE]["pos"]}
    height = min(number(each["blockNumber"]) for each in disputes)
    had = LIVES.votes + ADDED_VOTES
    assert chain.stake(TWICE, height - 1).available == had
    for stake in (chain.stake_since(TWICE, height), chain.stake(TWICE, max(chain.lists))):
        assert stake.out_queue == [(height - 1 + LIVES.dispute_lock_rounds, had)]
        assert (stake.available, stake.locked, stake.in_queue) == (0, 0, [])
        assert (stake.unlocked, stake.forfeited, stake.force_retired) == (0, 0, None)
    epoch = number(chain.block(height)["epoch"])
    assert TWICE in chain.powers(epoch), "it stays a member until the epoch ends"
    assert TWICE not in chain.powers(epoch + 1)


# Committees and elections.


def test_a_committee_is_the_seats_of_six_terms_as_far_as_the_stake_reaches(chain: Chain) -> None:
    elected = [epoch for epoch in chain.heights if epoch > TERMS_SERVING]
    assert len(elected) >= 3
    for epoch in elected:
        terms = range(epoch - TERMS_SERVING, epoch)
        begins = (epoch - 1) * TERM
        for height in (begins - 1, begins):  # stake that changes just there may count or not
            expected = {
                one: min(chain.seats_of(one, terms), chain.stake(one, height).available) for one in range(5)
            }
            if chain.powers(epoch) == {one: power for one, power in expected.items() if power}:
                break
        else:
            pytest.fail(f"epoch {epoch}: {chain.powers(epoch)}, not {expected}")


def test_a_term_has_as_many_seats_as_it_elects(chain: Chain) -> None:
    elected = [sum(seats.values()) for term, seats in chain.seats.items() if term >= TERMS_SERVING]
    assert elected
    assert set(elected) == {LIVES.elected}


# Money.


def test_rewards_are_what_the_points_of_each_bring(chain: Chain) -> None:
    """Every payment in Drip. A late vote may make the leader's bonus uncertain, but seldom does."""
    exact = 0
    for epoch in finished(chain):
        paid = chain.rewards(epoch)
        for validator in range(5):
            expected = chain.expected_reward(validator, epoch)
            assert paid.get(validator, 0) in expected, (epoch, validator, paid.get(validator), expected)
            exact += expected.least == expected.most
    assert len(finished(chain)) >= 8
    assert exact > 4 * len(finished(chain)), "nearly all are known exactly"


def test_both_layers_tell_the_same_payment_in_whatever_order(chain: Chain) -> None:
    for epoch in finished(chain):
        told, paid = chain.raw["rewards"][str(epoch)], chain.raw["payments"][str(epoch)]["paid"]
        assert (
            told["powEpochHash"] == paid["powEpochHash"] == chain.raw["payments"][str(epoch)]["block"]["hash"]
        )
        assert by_account(told) == by_account(paid)


def by_account(rewards: dict[str, Any]) -> list[dict[str, str]]:
    return sorted(rewards["accountRewards"], key=lambda each: str(each["posAddress"]))


def test_no_more_is_paid_than_has_gathered(chain: Chain) -> None:
    for epoch in finished(chain):
        assert 0 < sum(chain.rewards(epoch).values()) <= chain.interest(epoch)


def test_each_reward_arrives_on_the_pow_account(chain: Chain) -> None:
    compared = 0
    for epoch in finished(chain):
        payment = chain.raw["payments"][str(epoch)]
        assert len(payment["blocks"]) == 1, "only node 0 makes PoW blocks"
        busy = {party for sent in payment["block"]["transactions"] for party in (sent["from"], sent["to"])}
        for validator, node in enumerate(chain.raw["nodes"]):
            account = node["pow"]
            if any(party and party.lower().endswith(account.partition(":")[2]) for party in busy):
                continue  # it also sent or received something in this block
            earned = balance(payment["after"], account) - balance(payment["before"], account)
            assert earned == chain.rewards(epoch).get(validator, 0), (epoch, validator)
            compared += 1
    assert compared > 4 * len(finished(chain))


def balance(money: dict[str, Any], account: str) -> int:
    return number(money["cfx_getBalance"][account])


def test_a_silent_member_is_not_paid_and_a_returned_one_is(chain: Chain) -> None:
    retired_in = retired_at(chain) // TERM
    for silent in range(retired_in - 2, retired_in + 1):
        assert DEAD in chain.powers(silent)
        assert DEAD not in chain.rewards(silent)
    # It still has seats. On a busy machine it may come back too late to sign for them.
    assert (DEAD in chain.rewards(retired_in + 1)) is chain.has_signed(DEAD, retired_in + 1)


def test_rewards_are_null_until_the_next_epoch_has_begun(chain: Chain) -> None:
    for epoch in finished(chain):
        asked_in, _ = chain.raw["asked"][str(epoch)]
        assert asked_in == epoch + 1


# Our API.


def test_the_api_tells_stake_as_the_nodes_did(told: Told, chain: Chain) -> None:
    """Every state of every stake that the API told during the story, field by field.

    Where no poll of the nodes met the very height, it is what the polls around it met.
    """
    for validator in range(5):
        raw = {number(each["blockNumber"]): each["status"] for each in chain.raw["accounts"][str(validator)]}
        heights = [height for height in told[validator] if min(raw) <= height <= max(raw)]
        assert len(heights) >= len(finished(chain)), "the API looks at every stake once an epoch"
        for height in heights:
            below = max(each for each in raw if each <= height)
            above = min(each for each in raw if each >= height)
            around = [as_told(raw[each]) for each in (below, above)]
            assert comparable(told[validator][height]) in around, (validator, height)


def comparable(stake: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in stake.items() if name not in {"height", "at_ms", "states"}}


def as_told(status: dict[str, Any]) -> dict[str, Any]:
    """A raw status, in the words of the API."""

    def queued(name: str) -> list[dict[str, int]]:
        return [
            {"end_height": number(each["endBlockNumber"]), "votes": number(each["power"])}
            for each in status[name]
        ]

    return {
        "available_votes": number(status["availableVotes"]),
        "locked_votes": number(status["locked"]),
        "in_queue": queued("inQueue"),
        "out_queue": queued("outQueue"),
        "unlocked_votes": number(status["unlocked"]),
        "forfeited_votes": number(status["forfeited"]),
        "force_retired_height": None if status["forceRetired"] is None else number(status["forceRetired"]),
    }


LIFE: dict[int, list[list[str]]] = {
    WELL: [["active"]],
    TWICE: [["active"], ["locking", "active"], ["active"], ["dispute-locked", "unlocking"]],
    LESS: [["active"], ["unlocking", "active"], ["active", "unlocked"]],
    DEAD: [["active"], ["force-retired", "unlocking"], ["unlocked"]],
    LATE: [["not-found"], ["locking", "active"], ["active"]],
}


def test_the_api_tells_each_life_in_its_states(told: Told) -> None:
    for validator, life in LIFE.items():
        states = [told[validator][height]["states"] for height in sorted(told[validator])]
        turns = [one for one, before in zip(states, [None, *states], strict=False) if one != before]
        assert turns == life, validator


LATE_MAX = 2


def late_votes(api: str, chain: Chain) -> set[tuple[int, int]]:
    """Votes that came into every node's certificate after its block had settled: (validator, height).

    It happens while two copies of a key vote: what a node first saw of them is replaced later.
    """
    told = get(f"{api}/validators/{chain.raw['nodes'][TWICE]['pos']}/votes?last=1000")
    shown = {told["first"] + place: seen for place, seen in enumerate(told["strip"])}
    since = did_at(chain, "start")  # the deed before the twin
    recorded = [height for height in map(int, chain.raw["blocks"]["0"]) if height >= since]
    signed = [height for height in recorded if TWICE in chain.signers(height)]
    return {(TWICE, height) for height in signed if shown.get(height) == "a"}


def test_the_strips_are_what_the_nodes_said(api: str, chain: Chain) -> None:
    wrong, late = [], late_votes(api, chain)
    assert len(late) <= LATE_MAX
    for validator, node in enumerate(chain.raw["nodes"]):
        told = get(f"{api}/validators/{node['pos']}/votes?last=1000")
        for height in range(FIRST, max(map(int, chain.raw["blocks"]["0"])) + 1):
            epoch = number(chain.block(height)["epoch"])
            expected = letter(validator, chain.powers(epoch), chain.signers(height), chain.leader(height))
            shown = told["strip"][height - told["first"]] if height >= told["first"] else "missing"
            if shown != expected and (validator, height) not in late:
                wrong.append((validator, height, shown, expected))
    assert wrong == []


# Our API of the past.


def past(api: str, chain: Chain, validator: int, what: str) -> Any:
    return get(f"{api}/validators/{chain.raw['nodes'][validator]['pos']}/{what}")


@pytest.fixture(scope="module")
def caught_up(api: str, chain: Chain) -> str:
    """The API, once it knows all epochs and payments that the recorder met."""
    newest = finished(chain)[-1]

    def known() -> bool:
        newest_counted = get(f"{api}/epochs?limit=1")["epochs"]
        return (
            bool(newest_counted)
            and newest_counted[0]["epoch"] >= newest
            and all(get(f"{api}/epochs/{epoch}")["reward_drip"] is not None for epoch in finished(chain))
        )

    until(known, 120, f"the payments of epoch {newest} in the API")
    return api


def test_the_api_counts_each_epoch_as_the_nodes_blocks_do(caught_up: str, chain: Chain) -> None:
    late = late_votes(caught_up, chain)
    for epoch in finished(chain):
        told = get(f"{caught_up}/epochs/{epoch}")
        heights, powers = sorted(chain.heights[epoch]), chain.powers(epoch)
        known = [height for height in heights if chain.signers(height)]
        assert (told["first_height"], told["last_height"]) == (heights[0], heights[-1])
        assert (told["blocks"], told["known_blocks"]) == (len(heights), len(known))
        assert (told["quorum_votes"], told["total_votes"]) == (chain.quorum(epoch), sum(powers.values()))
        assert told["nil_blocks"] == sum(chain.leader(height) is None for height in heights)
        assert told["timeout_rounds"] == number(chain.block(heights[-1])["round"]) - len(heights)
        assert told["reward_drip"] == str(sum(chain.rewards(epoch).values()))
        accounts = {chain.index[one["address"]]: one for one in told["accounts"]}
        assert {who: one["votes"] for who, one in accounts.items() if one["votes"]} == powers
        for who in powers:
            came = [height for height in known if who in chain.signers(height)]
            signed = [height for height in came if (who, height) not in late]
            led = [height for height in heights if chain.leader(height) == who]
            one = accounts[who]
            assert (one["signed_blocks"], one["led_blocks"]) == (len(signed), len(led)), (epoch, who)
            assert one["counted_blocks"] == len([height for height in signed if height != heights[-1]])
            assert one["silent"] is (one["counted_blocks"] == 0)


def test_the_api_pays_what_the_nodes_told(caught_up: str, chain: Chain) -> None:
    for validator in range(5):
        told = past(caught_up, chain, validator, "rewards?limit=200")
        lines = {line["epoch"]: int(line["reward_drip"]) for line in told["rewards"]}
        for epoch in finished(chain):
            assert lines[epoch] == chain.rewards(epoch).get(validator, 0), (validator, epoch)
            pow_epoch = number(chain.raw["payments"][str(epoch)]["block"]["epochNumber"])
            assert {line["pow_epoch"] for line in told["rewards"] if line["epoch"] == epoch} == {pow_epoch}


def test_the_api_tells_past_committees_as_the_nodes_do(caught_up: str, chain: Chain) -> None:
    for epoch in finished(chain):
        members = get(f"{caught_up}/committee/{epoch}")["members"]
        assert {chain.index[one["address"]]: one["votes"] for one in members} == chain.powers(epoch)


def test_the_api_tells_who_stood_for_each_term(caught_up: str, chain: Chain) -> None:
    stood = {
        (chain.index[each["from"]], number(each["payload"]["targetTerm"]))
        for each in chain.transactions("Election")
        if each["status"] == "Executed"
    }
    compared = 0
    for validator in range(5):
        for line in past(caught_up, chain, validator, "elections?limit=200")["terms"]:
            if line["candidate"] is not None and TERMS_SERVING <= line["term"] < finished(chain)[-1]:
                assert line["candidate"] is ((validator, line["term"]) in stood), (validator, line)
                compared += 1
    assert compared > len(finished(chain))


def test_the_api_tells_every_deed_of_the_owners_and_every_dispute(caught_up: str, chain: Chain) -> None:
    for kind in ("UpdateVotingPower", "Retire", "Dispute"):
        raw = {
            (chain.index[each["payload"]["address"]], number(each["number"]), number(each["blockNumber"]))
            for each in chain.transactions(kind)
        }
        told = {
            (validator, line["transaction"], line["height"])
            for validator in range(5)
            for line in past(caught_up, chain, validator, "events?limit=200")["events"]
            if line["kind"] == kind
        }
        assert told == raw
    assert raw, "the last kind is the dispute"
    ends = past(caught_up, chain, DEAD, "events?limit=200")["events"]
    assert [line["height"] for line in ends if line["kind"] == "force_retired"] == [retired_at(chain)]


def test_the_api_foretold_the_forced_retirement_to_the_block(story: Story, api: str, chain: Chain) -> None:
    assert story.seen is not None
    retirement = story.seen.outlooks[DEAD]["retirement"]
    assert retirement["height"] == retired_at(chain)
    assert retirement["certain"]
    assert retirement["sign_by_height"] == retired_at(chain) - 1, (
        "the last block's certificate comes too late"
    )
    assert 0 < retirement["left_blocks"] <= 3 * TERM - OUTLOOK_AFTER + TERM
